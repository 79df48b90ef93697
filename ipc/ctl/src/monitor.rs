//! `vipctl monitor`: what vipd tells of itself, a line for each thing that is another than before.
//! Keeps what was said last, to say only what is new; ends when vipd does.

use crate::answer::{self, View};
use crate::client;
use crate::failure::Failure;
use crate::text::{Paint, state_colour};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Prints until vipd or the reader of the output has gone.
pub(crate) fn run(socket: &Path, json: bool, paint: Paint) -> Result<(), Failure> {
    let mut said = Said { paint, ..Said::default() };
    client::listen(socket, "monitor", |line| {
        if json {
            return crate::print_some(line);
        }
        let event = answer::event(line)?;
        let mut text = String::new();
        for told in said.hear(View::of(&event)) {
            text.push_str(&format!("{} {told}\n", clock()));
        }
        crate::print_some(text.as_bytes())
    })
}

/// What was said last, by name.
#[derive(Default)]
struct Said {
    paint: Paint,
    begun: bool,
    instances: BTreeMap<String, Instance>,
    trackers: BTreeMap<String, String>,
    maintenance: bool,
}

#[derive(Clone, PartialEq, Eq)]
struct Instance {
    state: String,
    reason: String,
    priority: String,
    installed: bool,
}

impl Said {
    fn hear(&mut self, event: View<'_>) -> Vec<String> {
        let mut told = Vec::new();
        match event.raw("event") {
            Some("snapshot") => {
                if std::mem::replace(&mut self.begun, true) {
                    told.push("how all instances are now:".to_owned());
                }
                let all = event.list("instances");
                let names: Vec<String> = all.iter().filter_map(|one| one.text("name")).collect();
                for gone in self.instances.keys().filter(|name| !names.contains(name)) {
                    told.push(format!("{gone} is gone"));
                }
                self.instances.clear();
                told.extend(all.into_iter().filter_map(|one| self.instance(one)));
                told.extend(self.node(event));
            }
            Some("instance") => {
                told.extend(event.object("instance").and_then(|one| self.instance(one)));
            }
            Some("tracker") => {
                told.extend(event.object("tracker").and_then(|one| self.tracker(one)));
            }
            Some("node") => told.extend(self.node(event)),
            Some(_) | None => {}
        }
        told
    }

    fn instance(&mut self, one: View<'_>) -> Option<String> {
        let name = one.text("name")?;
        let text = |key| one.text(key).unwrap_or_else(|| "-".to_owned());
        let priority = one.object("priority").and_then(|priority| priority.text("effective"));
        let addresses = one.list("addresses");
        let now = Instance {
            state: text("state"),
            reason: text("reason"),
            priority: priority.unwrap_or_else(|| "-".to_owned()),
            installed: addresses.iter().any(|one| one.flag("installed") == Some(true)),
        };
        let before = self.instances.insert(name.clone(), now.clone());
        let held = if now.installed { "addresses installed" } else { "no address installed" };
        let state = self.paint.apply(state_colour(&now.state), &now.state);
        let Some(before) = before else {
            let Instance { priority, reason, .. } = now;
            return Some(format!("{name} is {state}, priority {priority}, {held}: {reason}"));
        };
        let mut parts = Vec::new();
        if before.state != now.state {
            parts.push(format!("{} -> {state}: {}", before.state, now.reason));
        }
        if before.priority != now.priority {
            parts.push(format!("priority {} -> {}", before.priority, now.priority));
        }
        if before.installed != now.installed {
            parts.push(held.to_owned());
        }
        (!parts.is_empty()).then(|| format!("{name} {}", parts.join(", ")))
    }

    fn tracker(&mut self, one: View<'_>) -> Option<String> {
        let name = one.text("name")?;
        let state = one.text("state")?;
        let why = one.text("reason").map(|why| format!(": {why}")).unwrap_or_default();
        let now = format!("{} {name} is {state}{why}", one.text("kind").unwrap_or_default());
        let before = self.trackers.insert(name, now.clone());
        (before.as_ref() != Some(&now)).then_some(now)
    }

    fn node(&mut self, event: View<'_>) -> Option<String> {
        let on = event.object("maintenance").is_some();
        let before = std::mem::replace(&mut self.maintenance, on);
        (before != on).then(|| format!("maintenance {}", if on { "on" } else { "off" }))
    }
}

/// The time of day, UTC.
fn clock() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (seconds, millis) = (now.as_secs() % 86_400, now.subsec_millis());
    format!("{:02}:{:02}:{:02}.{millis:03}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// What is told of such events, for tests.
#[cfg(test)]
pub(crate) fn told(events: &[serde_json::Value]) -> Vec<String> {
    let mut said = Said::default();
    events.iter().flat_map(|event| said.hear(View::of(event))).collect()
}

#[cfg(test)]
mod tests {
    use super::told;
    use serde_json::json;

    #[test]
    fn only_what_is_new_is_said() {
        let one = |state: &str, priority: u8, installed: bool| {
            json!({ "name": "VI_1", "state": state, "reason": "because",
                    "priority": { "effective": priority },
                    "addresses": [{ "address": "10.0.0.1", "installed": installed }] })
        };
        let change = |what| json!({ "event": "instance", "instance": what });
        let snapshot = json!({ "event": "snapshot", "instances": [one("BACKUP", 100, false)] });
        let down = json!({ "event": "tracker", "tracker": { "name": "chk", "kind": "script",
                           "state": "down", "reason": "exited with status 1" } });
        let events = [
            snapshot.clone(),
            change(one("MASTER", 100, false)),
            change(one("MASTER", 100, true)),
            change(one("MASTER", 100, true)),
            down,
            change(one("MASTER", 90, true)),
            json!({ "event": "node", "maintenance": { "remaining_seconds": null } }),
            json!({ "event": "of a younger vipd" }),
            json!({ "event": "snapshot", "instances": [] }),
        ];
        let expected = [
            "VI_1 is BACKUP, priority 100, no address installed: because",
            "VI_1 BACKUP -> MASTER: because",
            "VI_1 addresses installed",
            "script chk is down: exited with status 1",
            "VI_1 priority 100 -> 90",
            "maintenance on",
            "how all instances are now:",
            "VI_1 is gone",
            "maintenance off",
        ];
        assert_eq!(told(&events), expected);
    }
}
