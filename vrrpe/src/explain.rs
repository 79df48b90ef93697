//! The answer to `explain`: what holds an instance in its state, and what would change that. Goes
//! through what could happen next, one thing at a time, with the rules of the protocol; changes
//! nothing.

use crate::control::{VERSION, refusal};
use crate::instance::{Instance, tracked};
use crate::run::Engine;
use serde_json::{Value, json};
use vipd_types::{Instant, Priority, State};
use vrrp_core::health::{Tracked, health};
use vrrp_core::{Cause, Health, Reading};

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
            // A number is not turned, but changed.
            let (up, reading) = match all().nth(place)?.reading? {
                Reading::Up => (false, Reading::Down),
                Reading::Down => (true, Reading::Up),
                Reading::Number(_) => return None,
            };
            let turn = |(at, one): (usize, Tracked)| match at == place {
                true => Tracked { reading: Some(reading), ..one },
                false => one,
            };
            let health = instance.orders.apply(health(all().enumerate().map(turn)));
            Some(Turned { name, up, effective: health.priority(instance.slice.priority), health })
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
        let preempts = |priority| instance.slice.preempt && is_above(instance, priority);
        let mut all = without_the_master(instance, now);
        for turned in self.turns(instance) {
            let (what, effective) = (turned.what(), turned.effective);
            if turned.health.fault {
                all.push(format!("{what}: FAULT"));
            } else if preempts(effective) && !preempts(ours) {
                all.push(format!("{what}: priority {effective}, MASTER"));
            } else if effective != ours {
                all.push(format!("{what}: priority {effective}"));
            }
        }
        if instance.orders.standby.is_some() {
            let name = quoted(&instance.slice.name);
            all.push(format!("vipctl failover {name} off: it no longer stands by"));
        }
        if let Some(group) = instance.group.and_then(|id| self.routers.groups.get(id)) {
            let others = group.slice.members.iter().filter(|id| **id != instance.slice.id);
            let others = others.filter_map(|id| self.routers.instances.get(id));
            let waits = others.filter(|one| !one.router.standing().wants);
            let names: Vec<&str> = waits.map(|one| one.slice.name.as_str()).collect();
            all.push(match names.as_slice() {
                [] => format!("sync group {} waits for this instance only", group.slice.name),
                names => format!(
                    "all of this, only together with the others of sync group {}: {}",
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
        for track in &slice.tracks {
            let name = self.trackers.view(track.tracker).map_or("?", |view| view.name);
            let one = tracked(track, &self.trackers);
            let alone = health([one]);
            match one.reading {
                None if alone.unproven => all.push(format!("{name} has its first result")),
                Some(Reading::Number(value)) if alone.fault => {
                    all.push(format!("{name} is another number than {value}"));
                }
                Some(Reading::Up) if alone.fault => all.push(format!("{name} fails")),
                Some(Reading::Down) if alone.fault => all.push(format!("{name} recovers")),
                None | Some(_) => {}
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

/// How a BACKUP comes to serve: by the end of the MASTER, or by preemption.
fn without_the_master(instance: &Instance, now: Instant) -> Vec<String> {
    let ours = instance.router.effective();
    let timer = instance.router.next_deadline().map(|at| at.since(now).as_secs_f64());
    let timer = timer.map_or_else(String::new, |left| format!(", in {left:.1} s as it is"));
    let Some(seen) = instance.router.master() else {
        return vec![format!("no router advertises until the timer runs out{timer}: MASTER")];
    };
    let (address, theirs) = (seen.address, seen.priority);
    let preemption = if !instance.slice.preempt {
        format!("no priority of this router as long as {address} advertises: `nopreempt`")
    } else if is_above(instance, ours) {
        format!(
            "nothing more is needed: {ours} is above the {theirs} of {address}, and this router \
             takes over when its timer runs out"
        )
    } else {
        format!("a priority above the {theirs} of {address}; ours is {ours}: MASTER")
    };
    vec![
        format!("{address} is silent until the timer runs out{timer}: MASTER"),
        format!("{address} says good-bye: MASTER"),
        preemption,
    ]
}

/// With that priority it would be better than the MASTER it follows.
fn is_above(instance: &Instance, priority: Priority) -> bool {
    instance
        .router
        .master()
        .is_some_and(|seen| (priority.get(), instance.source) > (seen.priority, Some(seen.address)))
}

impl Turned<'_> {
    fn what(&self) -> String {
        format!("{} {}", self.name, if self.up { "recovers" } else { "fails" })
    }
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
