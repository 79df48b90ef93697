//! What can only be seen of routes and rules when all blocks are read: those in two places, and the
//! priorities of rules that have none.

use super::instance::Found;
use crate::diagnostic::{Say, Span};
use crate::places::HeldLines;
use crate::print::vip_text;
use crate::routing::{Route, Rule};
use std::collections::HashMap;
use std::fmt::Display;
use vipd_types::Family;

/// What the instance holds, as it is printed.
pub(super) fn lines(found: &Found, held: &mut HeldLines) {
    let i = &found.instance;
    let places = found.addresses_at.iter().chain(&found.excluded_at);
    held.extend(i.all_addresses().map(vip_text).zip(places.copied()));
    let text = |one: &dyn Display| one.to_string().into_bytes();
    held.extend(i.routes.iter().map(|one| text(one)).zip(found.routes_at.iter().copied()));
    held.extend(i.rules.iter().map(|one| text(one)).zip(found.rules_at.iter().copied()));
}

/// Rules without a priority are counted down from here, in each family, as in keepalived.
const FIRST: u32 = 16384;

pub(super) struct Paths {
    next: [u32; 2],
    routes: HashMap<String, Span>,
    rules: HashMap<String, Span>,
}

impl Paths {
    pub(super) fn new() -> Self {
        Self { next: [FIRST; 2], routes: HashMap::new(), rules: HashMap::new() }
    }

    /// A second place is left out, as with addresses: the first to leave would take it from both.
    pub(super) fn check(&mut self, instances: &mut [Found], say: &mut Say) {
        for found in instances {
            let i = &mut found.instance;
            self.routes(&mut i.routes, &mut found.routes_at, say);
            self.rules(&mut i.rules, &mut found.rules_at, say);
        }
    }

    pub(super) fn routes(&mut self, all: &mut Vec<Route>, places: &mut Vec<Span>, say: &mut Say) {
        let key = |route: &Route| Route { track: true, ..route.clone() }.to_string();
        once("route", key, &mut self.routes, all, places, say);
    }

    pub(super) fn rules(&mut self, all: &mut Vec<Rule>, places: &mut Vec<Span>, say: &mut Say) {
        for (rule, at) in all.iter_mut().zip(&*places).filter(|(rule, _)| rule.priority == 0) {
            let [v4, v6] = &mut self.next;
            let next = if rule.family == Family::V4 { v4 } else { v6 };
            rule.priority = *next;
            let message = format!("the rule has no priority, {next} is used");
            say.warn(*at, message, format!("write `priority {next}`, or another"));
            *next = next.saturating_sub(1).max(1);
        }
        let key = |rule: &Rule| Rule { track: true, ..rule.clone() }.to_string();
        once("rule", key, &mut self.rules, all, places, say);
    }
}

fn once<T>(
    what: &str,
    key: impl Fn(&T) -> String,
    seen: &mut HashMap<String, Span>,
    all: &mut Vec<T>,
    places: &mut Vec<Span>,
    say: &mut Say,
) {
    for (one, at) in std::mem::take(all).into_iter().zip(std::mem::take(places)) {
        if let Some(first) = seen.get(&key(&one)) {
            let line = say.line_of(*first, at);
            let message = format!("this {what} is already on {line}, here it is left out");
            say.warn(at, message, format!("write each {what} once"));
            continue;
        }
        seen.insert(key(&one), at);
        all.push(one);
        places.push(at);
    }
}
