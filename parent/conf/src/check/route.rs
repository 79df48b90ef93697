//! The lines of `virtual_routes` and `static_routes`, in the words of iproute2. A line that cannot be
//! read, or that asks for what is not served, is left out as a whole.

use super::words::Words;
use super::{metrics, outcome};
use crate::diagnostic::{Say, Span};
use crate::keywords::{Context, find};
use crate::lex::Word;
use crate::routing::{Hop, Place, Preference, Prefix, Route, RouteKind, Table};
use crate::tree::Item;
use std::net::IpAddr;
use vipd_types::Family;

/// A route, where it stands, and the `track_group` it names.
#[derive(Debug)]
pub(super) struct FoundRoute {
    pub(super) route: Route,
    pub(super) at: Span,
    pub(super) group: Option<Word>,
}

/// All lines of such a block.
pub(super) fn routes(item: &Item, found: &mut Vec<FoundRoute>, say: &mut Say) {
    super::value::no_more_than(item, 0, say);
    for line in super::address::lines(item, say) {
        let mut draft = Draft::default();
        let mut words = Words::of(line, item);
        if let Some(route) = draft.read(&mut words, say).and_then(|()| draft.settle(&words, say)) {
            found.push(FoundRoute { route, at: line.span(), group: draft.group });
        }
    }
}

/// Only static entries have a `track_group`: an instance depends on its own routes anyway.
pub(super) fn of_instance(found: Vec<FoundRoute>, say: &mut Say) -> (Vec<Route>, Vec<Span>) {
    found.iter().filter_map(|one| one.group.as_ref()).for_each(|group| no_group(group, say));
    found.into_iter().map(|one| (one.route, one.at)).unzip()
}

pub(super) fn no_group(group: &Word, say: &mut Say) {
    let message = "`track_group` is for static entries; it is ignored";
    say.warn(group.span, message, "remove it and its value");
}

#[derive(Default)]
pub(super) struct Draft {
    family: Option<Family>,
    kind: Option<RouteKind>,
    /// Read when the family is known: `default` is of both.
    to: Option<Word>,
    from: Option<Word>,
    source: Option<(IpAddr, Span)>,
    tos: u8,
    table: Option<Table>,
    metric: Option<u32>,
    scope: Option<u8>,
    hop: Option<Hop>,
    hops: Vec<Hop>,
    pub(super) metrics: metrics::Wishes,
    expires: Option<u32>,
    preference: Option<Preference>,
    realms: Option<crate::routing::Realms>,
    place: Option<Place>,
    no_track: bool,
    group: Option<Word>,
}

fn no_hop() -> Hop {
    Hop { via: None, dev: None, onlink: false, weight: 1 }
}

impl Draft {
    fn read(&mut self, words: &mut Words<'_>, say: &mut Say) -> Option<()> {
        while let Some(word) = words.next() {
            let kind = RouteKind::ALL.iter().find(|(_, name)| word.is(name));
            match (find(Context::RouteLine, &word.bytes), kind) {
                (Some(keyword), _) if !outcome::of(keyword, word.span, say) => return None,
                (Some(_), Some((kind, _))) => self.kind = Some(*kind),
                (Some(keyword), None) => self.option(keyword.name, word, words, say)?,
                (None, _) if self.to.is_none() => self.to = Some(word.clone()),
                (None, _) => return words.unknown(word, Context::RouteLine, say),
            }
        }
        Some(())
    }

    fn option(
        &mut self,
        name: &str,
        word: &Word,
        words: &mut Words<'_>,
        say: &mut Say,
    ) -> Option<()> {
        match name {
            "inet" => self.family = Some(Family::V4),
            "inet6" => self.family = Some(Family::V6),
            "to" => self.to = Some(words.value(word, say)?.clone()),
            "from" => self.from = Some(words.value(word, say)?.clone()),
            "src" => self.source = Some((words.address(word, say)?, word.span)),
            "tos" | "dsfield" => self.tos = words.number(word, 0..=255, say)?,
            "table" => self.table = Some(words.table(word, say)?),
            "metric" | "priority" | "preference" => {
                self.metric = Some(words.number(word, 0..=u32::MAX.into(), say)?);
            }
            "scope" => {
                let value = words.value(word, say)?;
                self.scope = super::address::scope(value);
                if self.scope.is_none() {
                    let message = format!("there is no scope `{}`", value.show());
                    let remedy = "write global, site, link, host or 0 to 255";
                    return words.bad(value.span, &message, remedy, say);
                }
            }
            "protocol" => words.protocol(word, "route", say)?,
            "nexthop" => {
                let mut hop = no_hop();
                self.next_hop(&mut hop, words, say)?;
                self.hops.push(hop);
            }
            "expires" => self.expires = Some(words.number(word, 1..=u32::MAX.into(), say)?),
            "pref" => self.preference = Some(words.one_of(word, &Preference::ALL, say)?),
            "realms" => self.realms = Some(words.realms(word, say)?),
            "add" => self.place = Some(Place::Add),
            "prepend" => self.place = Some(Place::Prepend),
            "append" => self.place = Some(Place::Append),
            "no_track" => self.no_track = true,
            "track_group" => self.group = Some(words.value(word, say)?.clone()),
            "via" | "gw" | "gateway" | "dev" | "oif" | "onlink" | "weight" => {
                hop_option(self.hop.get_or_insert_with(no_hop), name, word, words, say)?;
            }
            name => self.metrics.keyword(name, word, words, say)?,
        }
        Some(())
    }

    fn next_hop(&mut self, hop: &mut Hop, words: &mut Words<'_>, say: &mut Say) -> Option<()> {
        while let Some(word) = words.peek() {
            let name = find(Context::RouteLine, &word.bytes).map(|keyword| keyword.name);
            let Some(name @ ("via" | "gw" | "gateway" | "dev" | "oif" | "onlink" | "weight")) =
                name
            else {
                break;
            };
            words.next();
            hop_option(hop, name, word, words, say)?;
        }
        Some(())
    }

    fn family(&self) -> Family {
        let word = |word: &Option<Word>| word.as_ref().and_then(super::address::prefix_of);
        let to = word(&self.to).or(word(&self.from)).map(|(address, _)| address);
        let via = self.hop.iter().chain(&self.hops).find_map(|hop| hop.via);
        let one = to.or(self.source.map(|(address, _)| address)).or(via);
        self.family.or(one.map(|a| Family::from(&a))).unwrap_or(Family::V4)
    }

    fn settle(&mut self, words: &Words<'_>, say: &mut Say) -> Option<Route> {
        let family = self.family();
        let Some(to) = self.to.take() else {
            let remedy = "write its ADDRESS/LENGTH, or `default`";
            return words.bad(words.at, "the route has no destination", remedy, say);
        };
        let to = words.prefix(&to, Some(family), say)?;
        let from = match self.from.take() {
            Some(from) => Some(words.prefix(&from, Some(family), say)?),
            None => None,
        };
        let kind = self.kind.unwrap_or(RouteKind::Unicast);
        let hops = self.take_hops(kind, words, say)?;
        self.strangers(family, to, from, &hops, words, say)?;
        let local = matches!(kind, RouteKind::Local | RouteKind::Broadcast | RouteKind::Anycast);
        let table = self.table.take().unwrap_or(Table::Number(if local { 255 } else { 254 }));
        Some(Route {
            family,
            kind,
            to,
            from,
            source: self.source.map(|(address, _)| address),
            tos: self.tos,
            table,
            metric: self.metric.filter(|metric| *metric > 0),
            scope: self.scope(family, kind, &hops),
            hops,
            metrics: std::mem::take(&mut self.metrics.values),
            locked: self.metrics.locked,
            congestion: self.metrics.congestion.take(),
            expires: self.expires,
            preference: self.preference,
            realms: self.realms,
            place: self.place.unwrap_or(Place::Prepend),
            track: !self.no_track,
        })
    }

    /// As iproute2 sets it.
    fn scope(&self, family: Family, kind: RouteKind, hops: &[Hop]) -> u8 {
        const LINK: u8 = 253;
        const HOST: u8 = 254;
        let on_link = hops.iter().all(|hop| hop.via.is_none()) && hops.len() < 2;
        match (family, self.scope, kind) {
            (Family::V6, ..) => 0,
            (Family::V4, Some(scope), _) => scope,
            (Family::V4, None, RouteKind::Local) => HOST,
            (
                Family::V4,
                None,
                RouteKind::Broadcast | RouteKind::Anycast | RouteKind::Multicast,
            ) => LINK,
            (Family::V4, None, RouteKind::Unicast) if on_link => LINK,
            (
                Family::V4,
                None,
                RouteKind::Unicast
                | RouteKind::Blackhole
                | RouteKind::Unreachable
                | RouteKind::Prohibit
                | RouteKind::Throw,
            ) => 0,
        }
    }

    fn take_hops(&mut self, kind: RouteKind, words: &Words<'_>, say: &mut Say) -> Option<Vec<Hop>> {
        let mut hops = std::mem::take(&mut self.hops);
        let hop = self.hop.take().filter(|hop| hop.via.is_some() || hop.dev.is_some());
        if hop.is_some() && !hops.is_empty() {
            let remedy = "write all of them behind `nexthop`";
            return words.bad(words.at, "`via` or `dev` beside `nexthop`", remedy, say);
        }
        hops.extend(hop);
        if hops.iter().any(|hop| hop.via.is_none() && hop.dev.is_none()) {
            let remedy = "write `nexthop via ADDRESS` or `nexthop dev INTERFACE`";
            return words.bad(words.at, "a `nexthop` leads nowhere", remedy, say);
        }
        if kind.leads_somewhere() && hops.is_empty() {
            let remedy = "write `via ADDRESS`, `dev INTERFACE` or `blackhole`";
            return words.bad(words.at, "the route leads nowhere", remedy, say);
        }
        if !kind.leads_somewhere() && hops.iter().any(|hop| hop.via.is_some()) {
            let remedy = "remove `via`, or the word before the destination";
            return words.bad(words.at, "such a route has no gateway", remedy, say);
        }
        if let [hop] = hops.as_mut_slice() {
            hop.weight = 1;
        }
        Some(hops)
    }

    /// What the kernel has for one family only, or would refuse.
    fn strangers(
        &mut self,
        family: Family,
        to: Prefix,
        from: Option<Prefix>,
        hops: &[Hop],
        words: &Words<'_>,
        say: &mut Say,
    ) -> Option<()> {
        let stranger = |address: IpAddr| Family::from(&address) != family;
        let source = self.source.map(|(address, _)| address);
        let v6_gateway = |hop: &Hop| hop.via.is_some_and(stranger);
        let message = if stranger(to.address) || source.is_some_and(stranger) {
            "the addresses are not all of one family"
        } else if family == Family::V6 && hops.iter().any(v6_gateway) {
            "a route of IPv6 has no gateway of IPv4"
        } else if family == Family::V4 && from.is_some() {
            "`from` is for routes of IPv6; use a rule"
        } else if family == Family::V4 && (self.expires.is_some() || self.preference.is_some()) {
            "`expires` and `pref` are for routes of IPv6"
        } else if family == Family::V6 && (self.realms.is_some() || self.tos != 0) {
            "`realms` and `tos` are for routes of IPv4"
        } else {
            if let Some(at) =
                self.scope.filter(|s| family == Family::V6 && *s != 0).map(|_| words.at)
            {
                say.hint(at, "a route of IPv6 has no scope: it is ignored", "remove `scope`");
            }
            return Some(());
        };
        words.bad(words.at, message, "write one route for each family", say)
    }
}

fn hop_option(
    hop: &mut Hop,
    name: &str,
    word: &Word,
    words: &mut Words<'_>,
    say: &mut Say,
) -> Option<()> {
    match name {
        "dev" | "oif" => hop.dev = Some(words.interface(word, say)?),
        "onlink" => hop.onlink = true,
        "weight" => hop.weight = words.number(word, 1..=256, say)?,
        _ => hop.via = Some(words.address(word, say)?),
    }
    Some(())
}
