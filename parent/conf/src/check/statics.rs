//! `static_ipaddress`, `static_routes`, `static_rules` and `track_group`: what is there while the
//! daemon runs, whoever is MASTER, and which instances depend on it.

use super::address::{self, FoundAddress};
use super::cross::Place;
use super::host::is_link_local;
use super::instance::Found;
use super::paths::Paths;
use super::route::{self, FoundRoute};
use super::rule::{self, FoundRule};
use super::value::{name, one};
use crate::config::{Static, Statics, TrackGroup, Vip};
use crate::diagnostic::{Say, Span};
use crate::keywords::Context;
use crate::lex::Word;
use crate::places::HeldLines;
use crate::print::vip_text;
use crate::tree::Item;
use std::collections::{HashMap, HashSet};
use vipd_types::IfName;

/// What the blocks say.
#[derive(Default)]
pub(super) struct Draft<'a> {
    addresses: Vec<FoundAddress>,
    routes: Vec<FoundRoute>,
    rules: Vec<FoundRule>,
    groups: Vec<&'a Item>,
}

impl<'a> Draft<'a> {
    /// True if the keyword is one of these.
    pub(super) fn keyword(&mut self, name: &str, item: &'a Item, say: &mut Say) -> bool {
        match name {
            "static_ipaddress" => address::read(item, &mut self.addresses, say),
            "static_routes" => route::routes(item, &mut self.routes, say),
            "static_rules" => rule::rules(item, &mut self.rules, say),
            "track_group" => self.groups.push(item),
            _ => return false,
        }
        true
    }

    pub(super) fn settle(
        self,
        default: Option<IfName>,
        (instances, broken): (&[Found], &HashSet<String>),
        paths: &mut Paths,
        seen: &mut HashMap<Place, Span>,
        say: &mut Say,
    ) -> (Statics, Vec<TrackGroup>, HeldLines) {
        let (groups, names) = groups(&self.groups, instances, broken, say);
        let group_of = |word: &Option<Word>, say: &mut Say| {
            let word = word.as_ref()?;
            let found = names.get(word.bytes.as_slice()).copied();
            if found.is_none() {
                let shown = word.show();
                let message =
                    format!("there is no track_group `{shown}`: no instance depends on it");
                say.warn(word.span, message, format!("define `track_group {shown} {{ … }}`"));
            }
            found
        };
        let mut statics = Statics::default();
        let mut held = HeldLines::new();
        for FoundAddress { mut vip, at, group } in self.addresses {
            let group = group_of(&group, say);
            if with_interface(&mut vip, default, at, say) && is_new(&vip, at, seen, say) {
                held.push((vip_text(&vip), at));
                statics.addresses.push(Static { entry: vip, group });
            }
        }
        for FoundRoute { route, at, group } in self.routes {
            let group = group_of(&group, say);
            let (mut one, mut places) = (vec![route], vec![at]);
            paths.routes(&mut one, &mut places, say);
            held.extend(one.iter().map(|route| (route.to_string().into_bytes(), at)));
            statics.routes.extend(one.into_iter().map(|entry| Static { entry, group }));
        }
        for FoundRule { rule, at, group } in self.rules {
            let group = group_of(&group, say);
            let (mut one, mut places) = (vec![rule], vec![at]);
            paths.rules(&mut one, &mut places, say);
            held.extend(one.iter().map(|rule| (rule.to_string().into_bytes(), at)));
            statics.rules.extend(one.into_iter().map(|entry| Static { entry, group }));
        }
        (statics, groups, held)
    }
}

fn with_interface(vip: &mut Vip, default: Option<IfName>, at: Span, say: &mut Say) -> bool {
    vip.dev = vip.dev.or(default);
    if vip.dev.is_none() {
        let message = format!("static address {} has no interface and is LEFT OUT", vip.address);
        say.warn(at, message, "write `dev INTERFACE`, or `default_interface` in global_defs");
    }
    vip.dev.is_some()
}

fn is_new(vip: &Vip, at: Span, seen: &mut HashMap<Place, Span>, say: &mut Say) -> bool {
    let place = (vip.address, vip.dev.filter(|_| is_link_local(vip.address)));
    if let Some(first) = seen.get(&place) {
        let line = say.line_of(*first, at);
        let message = format!("address {} is already on {line}", vip.address);
        say.warn(at, format!("{message}, here it is left out"), "write each address once");
        return false;
    }
    seen.insert(place, at);
    true
}

type Names<'a> = HashMap<&'a [u8], usize>;

fn groups<'a>(
    blocks: &[&'a Item],
    instances: &[Found],
    broken: &HashSet<String>,
    say: &mut Say,
) -> (Vec<TrackGroup>, Names<'a>) {
    let mut groups: Vec<TrackGroup> = Vec::new();
    let mut names = HashMap::new();
    for block in blocks {
        let Some(word) = one(block, say) else { continue };
        if names.contains_key(word.bytes.as_slice()) {
            let message = format!("there is a track_group `{}` already", word.show());
            say.warn(word.span, format!("{message}; this one is skipped"), "give it another name");
            continue;
        }
        let mut members = Vec::new();
        let items = block.block.as_deref().unwrap_or_default();
        super::walk(items, Context::TrackGroup, say, |_, item, say| {
            for member in super::sync::member_words(item) {
                let known = instances.iter().position(|i| member.is(&i.instance.name));
                match known {
                    Some(place) if !members.contains(&place) => members.push(place),
                    Some(_) => {}
                    None if broken.contains(&*String::from_utf8_lossy(&member.bytes)) => {}
                    None => {
                        let message = format!("there is no vrrp_instance `{}`", member.show());
                        say.warn(member.span, message, "write the names of instances");
                    }
                }
            }
        });
        names.insert(word.bytes.as_slice(), groups.len());
        groups.push(TrackGroup { name: name(word, say), members });
    }
    (groups, names)
}
