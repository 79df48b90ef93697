//! What clients that monitor are told: a snapshot first, then each instance and tracker again when
//! it has changed. Told is how things stand, not what happened on the way there, so that a slow
//! reader costs no memory and is never wrong for long.

use crate::control::VERSION;
use crate::run::Engine;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use vipd_types::{InstanceId, Instant, TrackerId};
use vrrpe::request::line;

/// Lines made in one go.
const BATCH: usize = 32;

/// What has changed and was not told.
#[derive(Debug, Default, Clone)]
pub(crate) struct Changed {
    /// Whoever wants to know must be told everything anew.
    pub(crate) all: bool,
    pub(crate) node: bool,
    pub(crate) instances: BTreeSet<InstanceId>,
    pub(crate) trackers: BTreeSet<TrackerId>,
}

impl Changed {
    pub(crate) fn everything() -> Self {
        Self { all: true, ..Self::default() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.all && !self.node && self.instances.is_empty() && self.trackers.is_empty()
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.all |= other.all;
        self.node |= other.node;
        self.instances.extend(&other.instances);
        self.trackers.extend(&other.trackers);
    }
}

impl Engine {
    /// Passes on what has changed since the last call; to one client at most in each turn.
    pub(crate) fn inform(&mut self, now: Instant) {
        if !self.routers.changed.is_empty() {
            let changed = std::mem::take(&mut self.routers.changed);
            self.clients.spread(&changed);
        }
        self.routers.watched = self.clients.watch();
        let Some((client, mut changed)) = self.clients.next_to_inform() else { return };
        let lines = self.tell_of(&mut changed, now);
        self.clients.inform(client, lines, changed);
    }

    /// Takes from `changed` what it has put into lines.
    fn tell_of(&self, changed: &mut Changed, now: Instant) -> Vec<u8> {
        if changed.all {
            *changed = Changed::default();
            return line(&event("snapshot", self.show(None, now)));
        }
        let mut lines = Vec::new();
        if std::mem::take(&mut changed.node) {
            let node = json!({ "maintenance": self.maintenance(now) });
            lines.extend(line(&event("node", node)));
        }
        for _ in 0..BATCH {
            let told = if let Some(id) = changed.trackers.pop_first() {
                let tracker = self.show_tracker(id, now);
                tracker.map(|tracker| event("tracker", json!({ "tracker": tracker })))
            } else if let Some(id) = changed.instances.pop_first() {
                let instance = self.routers.instances.get(&id);
                let instance = instance.map(|instance| self.show_instance(instance, now));
                instance.map(|instance| event("instance", json!({ "instance": instance })))
            } else {
                break;
            };
            lines.extend(told.iter().flat_map(line));
        }
        lines
    }
}

fn event(kind: &str, what: Value) -> Value {
    let mut all =
        Map::from_iter([("version".to_owned(), VERSION.into()), ("event".to_owned(), kind.into())]);
    if let Value::Object(fields) = what {
        all.extend(fields);
    }
    Value::Object(all)
}
