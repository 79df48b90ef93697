//! The answers to `show`: what an operator asks about an instance, as JSON. Reads everything,
//! changes nothing.

use crate::control::{self, VERSION};
use crate::groups::Group;
use crate::instance::{Instance, tracked};
use crate::orders::Until;
use crate::run::Engine;
use crate::{options, words};
use serde_json::{Map, Value, json};
use std::net::IpAddr;
use std::time::Duration;
use vipd_ipc::BUILD;
use vipd_ipc::slice::{TrackSlice, TrackerKind};
use vipd_types::{GroupId, Instant, State, TrackerId, Version};
use vrrp_core::{Cause, Reading, health};

impl Engine {
    pub(crate) fn show(&self, name: Option<&str>, now: Instant) -> Value {
        let wanted = |instance: &&Instance| name.is_none_or(|name| instance.slice.name == name);
        let instances: Vec<Value> = self
            .routers
            .instances
            .values()
            .filter(wanted)
            .map(|instance| self.show_instance(instance, now))
            .collect();
        if let (Some(name), true) = (name, instances.is_empty()) {
            return control::refusal("unknown_instance", &format!("no instance named {name}"));
        }
        json!({
            "version": VERSION,
            "ok": true,
            "build": BUILD,
            "generation": self.generation.map(|generation| generation.0),
            "timer_lateness_max_microseconds": micros(self.lateness_max),
            "maintenance": self.maintenance(now),
            "instances": instances,
        })
    }

    pub(crate) fn show_instance(&self, instance: &Instance, now: Instant) -> Value {
        let slice = &instance.slice;
        let router = &instance.router;
        let unicast = !slice.peers.is_empty();
        let version = match slice.version {
            Version::V2 => 2,
            Version::V3 => 3,
        };
        json!({
            "name": slice.name,
            "state": router.state().to_string(),
            "since_seconds": seconds(now.since(instance.since)),
            "reason": self.reason(instance),
            "interface": slice.interface.to_string(),
            "vmac": slice.vmac.map(|vmac| vmac.to_string()),
            "family": slice.family.to_string(),
            "vrrp_version": version,
            "vrid": slice.vrid.get(),
            "priority": {
                "base": slice.priority.get(),
                "effective": router.effective().get(),
                "trackers": slice.tracks.iter().map(|track| self.show_track(track, now))
                    .collect::<Vec<_>>(),
                "operator": operator(instance, now),
            },
            "advert_int_seconds": seconds(slice.advert_int),
            "transport": if unicast { "unicast" } else { "multicast" },
            "source": instance.source,
            "peers": slice.peers.iter().map(|peer| peer.address).collect::<Vec<_>>(),
            "peer_ttl": options::peer_ttl(&slice.peers),
            "group": slice.group,
            "checksum": options::checksum(slice),
            "options": options::changed(&slice.options),
            "sync_group": instance.group.and_then(|id| self.show_group(id)),
            "preempt": slice.preempt,
            "fast_handover": slice.fast_handover,
            "master": master(instance, now),
            "addresses": addresses(instance),
            "lease": self.lease_of(instance, now),
            "epoch": router.epoch().0,
            "counters": self.counters(instance),
        })
    }

    fn reason(&self, instance: &Instance) -> String {
        let group = instance.group.and_then(|group| self.routers.groups.name(group));
        let tracker = instance.fault_name(&self.trackers);
        match (instance.router.state(), tracker) {
            (State::Fault, Some(name)) => format!("tracker {name} has failed, and has no weight"),
            (State::Init, Some(name)) if instance.router.source().is_some() => {
                format!("waits for the first result of tracker {name}")
            }
            (State::Init, _) if instance.cause.is_none() => {
                "the state of the interface is not known yet".into()
            }
            (State::Fault, None) if instance.cause == Some(Cause::Addresses) => {
                let why = instance.refusal.as_deref().unwrap_or("the kernel refused them");
                format!("{}: {why}", words::reason(instance, group))
            }
            (State::Init | State::Backup | State::Master | State::Fault, _) => {
                words::reason(instance, group)
            }
        }
    }

    fn show_group(&self, id: GroupId) -> Option<Value> {
        let Group { slice, order, .. } = self.routers.groups.get(id)?;
        let name = |id| self.routers.instances.get(id).map(|instance| &instance.slice.name);
        let members: Vec<_> = slice.members.iter().filter_map(name).collect();
        Some(json!({ "name": slice.name, "order": words::order(*order), "members": members }))
    }

    /// A tracker as the instance uses it.
    fn show_track(&self, track: &TrackSlice, now: Instant) -> Value {
        let mut all = match self.show_tracker(track.tracker, now) {
            Some(Value::Object(fields)) => fields,
            Some(_) | None => Map::new(),
        };
        let adds = health([tracked(track, &self.trackers)]).adds;
        all.insert("weight".to_owned(), track.weight.get().into());
        all.insert("reverse".to_owned(), track.reverse.into());
        all.insert("adds".to_owned(), adds.into());
        Value::Object(all)
    }

    pub(crate) fn show_tracker(&self, id: TrackerId, now: Instant) -> Option<Value> {
        let view = self.trackers.view(id)?;
        Some(json!({
            "name": view.name,
            "kind": kind(view.kind),
            "state": state(view.reading),
            "value": number(view.reading),
            "reason": view.reason,
            "since_seconds": seconds(now.since(view.since)),
        }))
    }

    /// The node is out of service: for how long.
    pub(crate) fn maintenance(&self, now: Instant) -> Option<Value> {
        self.routers
            .node_orders
            .maintenance
            .map(|until| json!({ "remaining_seconds": left(until, now) }))
    }

    fn lease_of(&self, instance: &Instance, now: Instant) -> Option<Value> {
        let lease = instance.slice.lease.filter(|_| instance.held)?;
        let remaining = self.leases.remaining(instance.slice.id, now)?;
        Some(json!({ "seconds": seconds(lease), "remaining_seconds": seconds(remaining) }))
    }

    /// The router's own, and what concerns it of its socket.
    fn counters(&self, instance: &Instance) -> Value {
        let mut all: Map<String, Value> = instance
            .router
            .counters()
            .iter()
            .map(|(name, n)| (name.to_owned(), n.into()))
            .collect();
        all.insert("send_errors".into(), instance.send_errors.into());
        if let Some(socket) = self.routers.sockets.get(&instance.slice.socket) {
            for (name, n) in socket.counters.iter() {
                all.insert(format!("interface_{name}"), n.into());
            }
        }
        Value::Object(all)
    }
}

/// Those in adverts first.
fn addresses(instance: &Instance) -> Vec<Value> {
    let one = |advertised: bool| move |address: &IpAddr| json!({ "address": address, "installed": instance.held, "advertised": advertised });
    let slice = &instance.slice;
    let all = slice.addresses.iter().map(one(true));
    all.chain(slice.excluded.iter().map(one(false))).collect()
}

fn master(instance: &Instance, now: Instant) -> Option<Value> {
    if instance.router.state() == State::Master {
        return Some(json!({
            "address": instance.source,
            "priority": instance.router.effective().get(),
            "advert_int_seconds": seconds(instance.slice.advert_int),
            "seen_seconds_ago": instance.last_sent.map(|at| seconds(now.since(at))),
            "self": true,
        }));
    }
    instance.router.master().map(|seen| {
        json!({
            "address": seen.address,
            "priority": seen.priority,
            "advert_int_seconds": seconds(instance.router.active_interval()),
            "seen_seconds_ago": seconds(now.since(seen.at)),
            "self": false,
        })
    })
}

/// What the operator makes of the priority.
fn operator(instance: &Instance, now: Instant) -> Value {
    json!({
        "standby": instance.orders.standby.map(|until| json!({ "remaining_seconds": left(until, now) })),
        "adds": instance.orders.adds.map_or(0, |(adds, _)| adds),
        "adds_remaining_seconds": instance.orders.adds.and_then(|(_, until)| left(until, now)),
    })
}

/// `None`: until it is recalled.
fn left(until: Until, now: Instant) -> Option<Value> {
    until.0.map(|at| seconds(at.since(now)))
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Seconds with milliseconds; whole ones as whole numbers.
pub(crate) fn seconds(time: Duration) -> Value {
    if time.subsec_millis() == 0 {
        return json!(time.as_secs());
    }
    let millis = Duration::new(time.as_secs(), time.subsec_millis().saturating_mul(1_000_000));
    json!(millis.as_secs_f64())
}

fn state(reading: Option<Reading>) -> &'static str {
    match reading {
        Some(Reading::Up) => "up",
        Some(Reading::Down) => "down",
        Some(Reading::Number(_)) => "number",
        None => "unknown",
    }
}

fn number(reading: Option<Reading>) -> Option<i32> {
    if let Some(Reading::Number(value)) = reading { Some(value) } else { None }
}

/// As the block that names it is called.
fn kind(kind: TrackerKind) -> &'static str {
    match kind {
        TrackerKind::Script => "script",
        TrackerKind::Process => "process",
        TrackerKind::Interface => "interface",
        TrackerKind::Address => "address",
        TrackerKind::File => "file",
        TrackerKind::Native => "check",
    }
}
