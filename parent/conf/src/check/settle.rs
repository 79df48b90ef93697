//! From what the lines of an instance say to the instance: what depends on what, what excludes what,
//! and what is missing.

use super::globals::Defaults;
use super::instance::{Draft, Facts, Found};
use super::transport::{no_address, ttl};
use super::{auth, family, host, interval, route, rule, strict, track};
use crate::config::Instance;
use crate::diagnostic::{Say, Span};
use crate::lex::Word;
use vipd_types::{Family, Peer, Priority, Version};

impl Draft<'_> {
    /// None if the instance cannot exist; an error has then been said.
    pub(super) fn settle(
        mut self,
        name: &Word,
        defaults: &Defaults,
        say: &mut Say,
    ) -> Option<Found> {
        let family = family::settle(&mut self, say);
        let strict = self.strict_at(name, defaults);
        let version = self.version(family, strict, defaults, say);
        let mut facts = Facts {
            family,
            version,
            priority: self.priority(name, say),
            wants_master: false,
            preempt: true,
            unicast: self.peers.as_ref().is_some_and(|peers| !peers.found.is_empty()),
            advert_int: interval::advert_int(self.advert_int, version, say),
        };
        if let Some(at) = strict {
            strict::apply(&mut self, &facts, at, say);
        }
        facts.wants_master = self.wants_master(facts.priority, say);
        facts.preempt = self.preempt(&facts, say);
        self.transport(name, &facts, say);
        self.addresses(&facts, strict, say);
        if let (false, Some(at)) = (self.addresses.is_empty(), self.wants_no_address) {
            say.hint(at, "`no_virtual_ipaddress` has no effect beside addresses", "remove it");
        }
        if self.addresses.is_empty() {
            let meant = self.wants_no_address.is_some() || !self.excluded.is_empty();
            no_address(&name.show(), name.span, version, strict.is_some(), meant, say);
        }
        if self.interface.is_none() && !self.bad_interface {
            let message = format!("instance `{}` has no interface", name.show());
            say.error(name.span, message, "write `interface NAME` in it, for example `eth0`");
        }
        if self.vrid.is_none() && !self.bad_vrid {
            let message = format!("instance `{}` has no virtual_router_id", name.show());
            let remedy = "write `virtual_router_id N` in it, the same number on all its nodes";
            say.error(name.span, message, remedy);
        }
        self.build(name, defaults, &facts, strict, say)
    }

    fn build(
        self,
        name: &Word,
        defaults: &Defaults,
        facts: &Facts,
        strict: Option<Span>,
        say: &mut Say,
    ) -> Option<Found> {
        let options = self.wishes.settle(&defaults.options, facts, say);
        interval::lease(self.lease, facts.advert_int, options.down_timer_adverts, name.span, say);
        let accept = self.accept(name, facts, strict, say);
        let auth = auth::settle(self.auth, facts.version, strict.is_some(), say);
        let (interface, (vrid, vrid_at)) = (self.interface?, self.vrid?);
        track::own_interface(&self.tracks, interface, self.track_primary, say);
        auth::speak_of_sample(&auth, vrid, !facts.unicast, vrid_at, say);
        let vmac = self.vmac.settle(vrid, interface, &defaults.vmac_prefix, facts, say);
        let group = self.group.map_or_else(|| defaults.group(facts.family), |(group, _)| group);
        let (addresses, addresses_at) = self.addresses.into_iter().unzip();
        let (excluded, excluded_at) = self.excluded.into_iter().unzip();
        let (routes, routes_at) = route::of_instance(self.routes, say);
        let (rules, rules_at) = rule::of_instance(self.rules, say);
        let peers = self.peers.unwrap_or_default().found;
        let (peers, peers_at): (Vec<Peer>, Vec<Span>) = peers.into_iter().unzip();
        ttl(options.unicast_ttl, &peers, self.wishes.unicast_ttl.map(|(_, at)| at), say);
        let track_primary = self.track_primary;
        let track_source = self.track_source.is_some() && self.source.is_some();
        if let Some(at) = self.track_source.filter(|_| self.source.is_none()) {
            let message = "`track_src_ip` without a source address has no effect";
            say.warn(at, message, "write `mcast_src_ip` or `unicast_src_ip` too, or remove it");
        }
        let (tracks, tracks_at) = track::in_order(self.tracks);
        let instance = Instance {
            name: super::value::name(name, say),
            wants_master: facts.wants_master,
            interface,
            vrid,
            version: facts.version,
            family: facts.family,
            priority: facts.priority,
            advert_int: facts.advert_int,
            preempt: facts.preempt,
            fast_handover: self.fast_handover.map_or(defaults.fast_handover, |(on, _)| on),
            options,
            accept,
            vmac,
            lease: self.lease,
            auth,
            source: self.source.map(|(address, ..)| address),
            peers,
            check_unicast_src: self.check_unicast_src,
            group: if facts.unicast { host::default_group(facts.family) } else { group },
            addresses,
            excluded,
            routes,
            rules,
            tracks,
            track_primary,
            track_source,
            garp: self.garp.of_instance(defaults.garp),
            notify: self.notify.settle(defaults.priority_changes),
        };
        Some(Found {
            instance,
            name_at: name.span,
            vrid_at,
            source_at: self.source.map_or(name.span, |(_, at, _)| at),
            strict: strict.is_some(),
            addresses_at,
            excluded_at,
            routes_at,
            rules_at,
            peers_at,
            tracks_at,
        })
    }

    /// Where strict mode is asked for; the name if that is in `global_defs`.
    fn strict_at(&self, name: &Word, defaults: &Defaults) -> Option<Span> {
        let (on, at) = self.strict.unwrap_or((defaults.strict, name.span));
        on.then_some(at)
    }

    /// No RFC has version 2 over IPv6 (RFC 9568 1.1, 7.1); two nodes that speak it may be one
    /// keepalived and one router that drops all it sends.
    fn version(
        &self,
        family: Family,
        strict: Option<Span>,
        defaults: &Defaults,
        say: &mut Say,
    ) -> Version {
        match (family, self.version) {
            (Family::V4, Some((version, _))) => version,
            (Family::V4, None) => defaults.version,
            (Family::V6, Some((Version::V2, at))) if strict.is_some() => {
                let message =
                    "strict_mode: no RFC has version 2 over IPv6, 3 is used, as in keepalived";
                say.warn(at, message, "write `version 3`, or remove the line");
                Version::V3
            }
            (Family::V6, Some((Version::V2, at))) => {
                let message = "version 2 over IPv6 is in no RFC, and not served";
                say.error(at, message, "write `version 3` on all nodes, or remove the line on all");
                Version::V3
            }
            (Family::V6, Some((Version::V3, _)) | None) => Version::V3,
        }
    }

    /// As keepalived: 100, or 255 for a MASTER that names none.
    fn priority(&self, name: &Word, say: &mut Say) -> Priority {
        let master = self.state.is_some_and(|(master, _)| master);
        match self.priority {
            Some((priority, at)) => {
                if priority.is_owner() {
                    let message = "priority 255 means the owner of the address: it takes over \
                                   always, and no check lowers it";
                    say.warn(at, message, "write 254 or less if that is not meant");
                }
                priority
            }
            None if master => {
                let message = format!(
                    "instance `{}` is MASTER without a priority: as in keepalived it becomes 255, \
                     the owner of the address, which no check lowers",
                    name.show()
                );
                say.warn(name.span, message, "write a priority from 1 to 254");
                Priority::OWNER
            }
            None => Priority::DEFAULT,
        }
    }

    fn wants_master(&self, priority: Priority, say: &mut Say) -> bool {
        match self.state {
            Some((false, at)) if priority.is_owner() => {
                say.warn(at, "priority 255 starts as MASTER", "write `state MASTER`");
                true
            }
            Some((master, _)) => master,
            None => priority.is_owner(),
        }
    }

    fn preempt(&self, facts: &Facts, say: &mut Say) -> bool {
        let (preempt, at) = self.preempt;
        if preempt || !facts.wants_master {
            return preempt;
        }
        let why = if facts.priority.is_owner() { "priority 255" } else { "`state MASTER`" };
        let message = format!("`nopreempt` has no effect with {why}, as in keepalived");
        say.warn(at, message, "write `state BACKUP` on all nodes to use `nopreempt`");
        true
    }

    /// An owner answers always (RFC 9568 6.1, Accept_Mode).
    fn accept(&self, name: &Word, facts: &Facts, strict: Option<Span>, say: &mut Say) -> bool {
        if facts.priority.is_owner() {
            if let Some((false, at)) = self.accept {
                let message = "`no_accept` has no effect with priority 255, the owner answers";
                say.warn(at, message, "remove it, or write a priority of 254 or less");
            }
            return true;
        }
        match strict {
            Some(at) => strict::accept(self.accept, facts, at, &name.show(), say),
            None => self.accept.is_none_or(|(accept, _)| accept),
        }
    }
}
