//! What the instances watch, as trackers with numbers: scripts and processes, which the checker asks
//! about, and interfaces, which the parent sees itself.

use super::checks::probe_key;
use super::{Numbers, PlanError};
use std::collections::{BTreeMap, BTreeSet};
use vipd_conf::config::{Config, Target};
use vipd_ipc::slice::{CheckSlice, ProcessSlice, TrackerKind, TrackerSlice};
use vipd_types::{IfName, TrackerId};

pub(super) struct Trackers {
    pub(super) slices: Vec<TrackerSlice>,
    pub(super) checks: Vec<CheckSlice>,
    pub(super) interfaces: BTreeMap<TrackerId, IfName>,
    pub(super) of_target: BTreeMap<Target, TrackerId>,
}

/// What watches something else is a new tracker: the old result says nothing about it. A check that
/// only asks in another rhythm goes on from its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TrackerKey {
    Check(String, super::checks::ProbeKey),
    Process(String, ProcessSlice),
    Interface(IfName),
}

impl Numbers {
    /// Only what an instance tracks is watched.
    pub(super) fn trackers(&mut self, config: &Config) -> Result<Trackers, PlanError> {
        let tracked: BTreeSet<Target> =
            config.instances.iter().flat_map(|i| i.tracks.iter().map(|t| t.target)).collect();
        let mut found = Trackers {
            slices: Vec::new(),
            checks: Vec::new(),
            interfaces: BTreeMap::new(),
            of_target: BTreeMap::new(),
        };
        for target in tracked {
            let (id, name, kind) = match target {
                Target::Script(script_id) => {
                    let Some(script) = config.scripts.get(usize::from(script_id.0)) else {
                        continue;
                    };
                    let key = TrackerKey::Check(script.name.clone(), probe_key(script));
                    let id = self.number_of(key)?;
                    found.checks.push(super::checks::check(script, script_id, id));
                    (id, script.name.clone(), TrackerKind::Script)
                }
                Target::Process(place) => {
                    let Some(process) = config.processes.get(usize::from(place.0)) else {
                        continue;
                    };
                    let slice = super::checks::process_slice(process);
                    let id = self.number_of(TrackerKey::Process(process.name.clone(), slice))?;
                    found.checks.push(super::checks::process(process, id));
                    (id, process.name.clone(), TrackerKind::Process)
                }
                Target::Interface(name) => {
                    let id = self.number_of(TrackerKey::Interface(name))?;
                    found.interfaces.insert(id, name);
                    (id, name.to_string(), TrackerKind::Interface)
                }
            };
            found.of_target.insert(target, id);
            found.slices.push(TrackerSlice { id, name, kind });
        }
        Ok(found)
    }

    fn number_of(&mut self, key: TrackerKey) -> Result<TrackerId, PlanError> {
        if let Some((id, _)) = self.trackers.iter().find(|(_, known)| *known == key) {
            return Ok(*id);
        }
        let id = TrackerId(self.next_tracker);
        self.next_tracker =
            self.next_tracker.checked_add(1).ok_or(PlanError::TooMany("tracker changes"))?;
        self.trackers.push((id, key));
        Ok(id)
    }
}
