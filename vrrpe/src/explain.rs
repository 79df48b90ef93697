//! The answer to `explain`: what holds an instance in its state, and what would change that. Goes
//! through what could happen next, one thing at a time, with the rules of the protocol; changes
//! nothing.

use crate::control::{VERSION, refusal};
use crate::instance::{Instance, tracked};
use crate::run::Engine;
use serde_json::{Value, json};
use std::net::IpAddr;
use vipd_types::{Instant, Priority, State};
use vrrp_core::health::{Tracked, health};
use vrrp_core::{Cause, Health};

/// One tracker says the opposite of what it says now.
struct Turned<'a> {
    name: &'a str,
    /// What it says then.
    up: bool,
    effective: Priority,
    health: Health,
}

impl Engine {
    pub(crate) fn explain(&self, name: &str, now: Instant) -> Value {
        let found = self.routers.instances.values().find(|one| one.slice.name == name);
        let Some(instance) = found else {
            return refusal("unknown_instance", &format!("no instance named {name}"));
        };
        let would = match instance.router.state() {
            State::Master => self.after_master(instance),
            State::Backup => self.after_backup(instance, now),
            State::Fault | State::Init => self.after_fault(instance),
        };
        json!({
            "version": VERSION,
            "ok": true,
            "instance": self.show_instance(instance, now),
            "would_change": would,
        })
    }

    /// Each tracker turned by itself.
    fn turns<'a>(&'a self, instance: &'a Instance) -> impl Iterator<Item = Turned<'a>> {
        let all = move || instance.slice.tracks.iter().map(|track| tracked(track, &self.trackers));
        instance.slice.tracks.iter().enumerate().filter_map(move |(place, track)| {
            let name = self.trackers.view(track.tracker)?.name;
            let up = !all().nth(place)?.up?;
            let turn = |(at, one): (usize, Tracked)| match at == place {
                true => Tracked { up: Some(up), ..one },
                false => one,
            };
            let health = instance.orders.apply(health(all().enumerate().map(turn)));
            Some(Turned { name, up, effective: effective(instance, health), health })
        })
    }

    fn after_master(&self, instance: &Instance) -> Vec<String> {
        let ours = instance.router.effective();
        let slice = &instance.slice;
        let mut all = vec![match instance.source {
            _ if ours.is_owner() => "no other router: this one owns the addresses".to_owned(),
            Some(own) => format!(
                "a router that advertises more than {ours}, or {ours} from an address above {own}: \
                 BACKUP"
            ),
            None => format!("a router that advertises more than {ours}: BACKUP"),
        }];
        for turned in self.turns(instance) {
            all.extend(if turned.health.fault {
                Some(format!("{}: FAULT", turned.what()))
            } else {
                (turned.effective != ours)
                    .then(|| format!("{}: priority {}", turned.what(), turned.effective))
            });
        }
        if slice.track_primary {
            all.push(format!("{} goes down: FAULT", slice.interface));
        }
        if let Some(group) = instance.group.and_then(|group| self.routers.groups.name(group)) {
            all.push(format!(
                "another instance of sync group {group} leaves MASTER: this one goes with it"
            ));
        }
        all.push(format!("vipctl failover {}, vipctl maintenance on", quoted(&slice.name)));
        all
    }

    fn after_backup(&self, instance: &Instance, now: Instant) -> Vec<String> {
        let ours = instance.router.effective();
        let name = quoted(&instance.slice.name);
        let mut all = Vec::new();
        let timer = instance.router.next_deadline().map(|at| at.since(now).as_secs_f64());
        let timer = timer.map_or_else(String::new, |left| format!(", in {left:.1} s as it is"));
        let master = instance.router.master();
        let above = |priority: Priority| {
            master.is_some_and(|seen| {
                let own = instance.source.unwrap_or(IpAddr::from([0, 0, 0, 0]));
                (priority.get(), own) > (seen.priority, seen.address)
            })
        };
        match master {
            None => {
                all.push(format!("no router advertises until the timer runs out{timer}: MASTER"))
            }
            Some(seen) => {
                all.push(format!(
                    "{} is silent until the timer runs out{timer}: MASTER",
                    seen.address
                ));
                all.push(format!("{} says good-bye: MASTER", seen.address));
            }
        }
        match master {
            Some(seen) if !instance.slice.preempt => all.push(format!(
                "no priority of this router as long as {} advertises: `nopreempt`",
                seen.address
            )),
            Some(seen) if above(ours) => all.push(format!(
                "nothing more is needed: {ours} is above the {} of {}, and it takes over when its \
                 timer runs out",
                seen.priority, seen.address
            )),
            Some(seen) => all.push(format!(
                "a priority above the {} of {}; ours is {ours}: MASTER",
                seen.priority, seen.address
            )),
            None => {}
        }
        for turned in self.turns(instance) {
            all.extend(if turned.health.fault {
                Some(format!("{}: FAULT", turned.what()))
            } else if instance.slice.preempt && above(turned.effective) && !above(ours) {
                Some(format!("{}: priority {}, MASTER", turned.what(), turned.effective))
            } else {
                (turned.effective != ours)
                    .then(|| format!("{}: priority {}", turned.what(), turned.effective))
            });
        }
        if instance.orders.standby.is_some() {
            all.push(format!("vipctl failover {name} off: it no longer stands by"));
        }
        if let Some(group) = instance.group.and_then(|id| self.routers.groups.get(id)) {
            let waits = |id: &&vipd_types::InstanceId| {
                let other = self.routers.instances.get(id);
                other.is_some_and(|one| !one.router.standing().wants)
            };
            let names = group
                .slice
                .members
                .iter()
                .filter(waits)
                .filter_map(|id| Some(self.routers.instances.get(id)?.slice.name.as_str()));
            let names: Vec<&str> = names.filter(|other| *other != instance.slice.name).collect();
            all.push(match names.as_slice() {
                [] => format!("sync group {} waits for this instance only", group.slice.name),
                names => format!(
                    "all of this, only together with sync group {}: {}",
                    group.slice.name,
                    names.join(", ")
                ),
            });
        }
        all
    }

    /// What must come about before it is BACKUP again; all of it.
    fn after_fault(&self, instance: &Instance) -> Vec<String> {
        let slice = &instance.slice;
        let mut all = Vec::new();
        if instance.orders.offline {
            all.push("vipctl maintenance off".to_owned());
        }
        let link = self.routers.links.get(&slice.socket);
        match link {
            Some(link) if !link.up && slice.track_primary => {
                all.push(format!("{} comes up", slice.interface));
            }
            Some(_) if instance.source.is_none() => {
                all.push(format!("{} gets an address to advertise from", slice.interface));
            }
            Some(_) => {}
            None => all.push(format!("the kernel says how {} is", slice.interface)),
        }
        for track in slice.tracks.iter().filter(|track| track.weight.get() == 0) {
            let name = self.trackers.view(track.tracker).map_or("?", |view| view.name);
            let one = tracked(track, &self.trackers);
            match one.up.map(|up| up != track.reverse) {
                Some(true) => {}
                Some(false) if track.reverse => all.push(format!("{name} fails")),
                Some(false) => all.push(format!("{name} recovers")),
                None => all.push(format!("{name} has its first result")),
            }
        }
        if instance.cause == Some(Cause::Addresses) {
            let why = instance.refusal.as_deref().unwrap_or("the kernel refused them");
            all.push(format!("the addresses can be had, which is tried again: {why}"));
        }
        if let Some(group) = instance.group.and_then(|id| self.routers.groups.get(id)) {
            for id in &group.slice.members {
                let Some(one) = self.routers.instances.get(id) else { continue };
                if *id != slice.id && one.router.standing().obstructed {
                    all.push(format!("{} can serve", one.slice.name));
                }
            }
        }
        all
    }
}

impl Turned<'_> {
    fn what(&self) -> String {
        format!("{} {}", self.name, if self.up { "recovers" } else { "fails" })
    }
}

fn effective(instance: &Instance, health: Health) -> Priority {
    let base = instance.slice.priority;
    if health.standby && !base.is_owner() { Priority::LOWEST } else { base.adjusted(health.adds) }
}

/// As a shell takes it for one word.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.:/@+".contains(c);
    if name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', "'\\''"))
    }
}
