//! What the instances watch, as trackers with numbers: scripts, processes, files and checks, which the
//! checker asks about, and interfaces and source addresses, which the parent sees itself.

use super::{Numbers, PlanError, checks};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use vipd_conf::config::{Config, Target};
use vipd_ipc::slice::{CHECKS_MAX, CheckSlice, ProbeSlice, TrackerKind, TrackerSlice};
use vipd_types::{IfName, TrackerId};

pub(super) struct Trackers {
    pub(super) slices: Vec<TrackerSlice>,
    pub(super) checks: Vec<CheckSlice>,
    pub(super) interfaces: BTreeMap<TrackerId, IfName>,
    pub(super) sources: BTreeMap<TrackerId, (IfName, IpAddr)>,
    pub(super) of_source: BTreeMap<(IfName, IpAddr), TrackerId>,
    pub(super) of_target: BTreeMap<Target, TrackerId>,
}

/// What watches something else is a new tracker: the old result says nothing about it. A check that
/// only asks in another rhythm goes on from its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TrackerKey {
    Check(TrackerKind, String, Asked),
    Interface(IfName),
    /// `track_src_ip`
    Source(IfName, IpAddr),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    Natively(ProbeSlice),
    /// Scripts are numbered anew by each file; what they run is what makes them the same.
    ByProgram(Vec<Vec<u8>>, Option<String>),
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
            sources: BTreeMap::new(),
            of_source: BTreeMap::new(),
            of_target: BTreeMap::new(),
        };
        for target in tracked {
            let (id, name, kind) = if let Target::Interface(name) = target {
                let id = self.number_of(TrackerKey::Interface(name))?;
                found.interfaces.insert(id, name);
                (id, name.to_string(), TrackerKind::Interface)
            } else {
                let Some((kind, check, asked)) = asked(config, target) else { continue };
                let name = check.name.clone();
                let id = self.number_of(TrackerKey::Check(kind, name.clone(), asked))?;
                found.checks.push(CheckSlice { tracker: id, ..check });
                (id, name, kind)
            };
            found.of_target.insert(target, id);
            found.slices.push(TrackerSlice { id, name, kind });
        }
        for one in config.instances.iter().filter(|one| one.track_source) {
            let Some(address) = one.source else { continue };
            let place = (one.interface, address);
            if found.of_source.contains_key(&place) {
                continue;
            }
            let id = self.number_of(TrackerKey::Source(one.interface, address))?;
            let name = format!("{address} on {}", one.interface);
            found.sources.insert(id, place);
            found.of_source.insert(place, id);
            found.slices.push(TrackerSlice { id, name, kind: TrackerKind::Address });
        }
        if found.checks.len() > CHECKS_MAX {
            return Err(PlanError::TooMany("checks"));
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

/// The check for a target, and what makes it the same after a reload; none for an interface.
fn asked(config: &Config, target: Target) -> Option<(TrackerKind, CheckSlice, Asked)> {
    let place = usize::from;
    let (kind, check) = match target {
        Target::Script(id) => {
            let script = config.scripts.get(place(id.0))?;
            let check = checks::script(script, id);
            if script.native.is_none() {
                let user = script.user.as_ref().map(|u| format!("{}:{:?}", u.user, u.group));
                let asked = Asked::ByProgram(script.argv.clone(), user);
                return Some((TrackerKind::Script, check, asked));
            }
            (TrackerKind::Script, check)
        }
        Target::Process(id) => {
            (TrackerKind::Process, checks::process(config.processes.get(place(id.0))?))
        }
        Target::File(id) => (TrackerKind::File, checks::file(config.files.get(place(id.0))?)),
        Target::Check(id) => (TrackerKind::Native, checks::native(config.checks.get(place(id.0))?)),
        Target::Interface(_) => return None,
    };
    let asked = Asked::Natively(check.probe.clone());
    Some((kind, check, asked))
}
