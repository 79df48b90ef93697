//! Which scripts are checks, and which of them go on from their last result after a reload.

use super::{Numbers, PlanError};
use std::collections::{BTreeMap, BTreeSet};
use vipd_conf::config::{Config, NativeProcess, ProcessTool, Script};
use vipd_ipc::slice::{CheckSlice, ProbeSlice, ProcessMatch, ProcessSlice, TrackerSlice};
use vipd_types::{ScriptId, TrackerId};

pub(super) struct Checks {
    pub(super) trackers: Vec<TrackerSlice>,
    pub(super) checks: Vec<CheckSlice>,
    pub(super) of_script: BTreeMap<ScriptId, TrackerId>,
}

/// A check that asks something else is a new tracker: the old result says nothing about it. One
/// that only asks in another rhythm goes on from its result.
pub(super) type CheckKey = (String, ProbeKey);

/// Scripts are numbered anew by each file; what they run is what makes them the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ProbeKey {
    Process(ProcessSlice),
    Script(Vec<Vec<u8>>, Option<String>),
}

impl Numbers {
    /// Only scripts that an instance tracks are checks.
    pub(super) fn checks(&mut self, config: &Config) -> Result<Checks, PlanError> {
        let tracked: BTreeSet<ScriptId> =
            config.instances.iter().flat_map(|i| i.tracks.iter().map(|t| t.script)).collect();
        let (mut trackers, mut checks, mut of_script) = (Vec::new(), Vec::new(), BTreeMap::new());
        for script_id in tracked {
            let Some(script) = config.scripts.get(usize::from(script_id.0)) else { continue };
            let tracker = self.tracker(script)?;
            of_script.insert(script_id, tracker);
            trackers.push(TrackerSlice { id: tracker, name: script.name.clone() });
            checks.push(CheckSlice {
                tracker,
                name: script.name.clone(),
                probe: probe(script, script_id),
                interval: script.interval,
                timeout: script.timeout,
                rise: script.rise,
                fall: script.fall,
            });
        }
        Ok(Checks { trackers, checks, of_script })
    }

    fn tracker(&mut self, script: &Script) -> Result<TrackerId, PlanError> {
        let key = check_key(script);
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

fn check_key(script: &Script) -> CheckKey {
    let probe = match probe(script, ScriptId(0)) {
        ProbeSlice::Process(process) => ProbeKey::Process(process),
        ProbeSlice::Script(_) => ProbeKey::Script(
            script.argv.clone(),
            script.user.as_ref().map(|u| format!("{}:{:?}", u.user, u.group)),
        ),
    };
    (script.name.clone(), probe)
}

fn probe(script: &Script, id: ScriptId) -> ProbeSlice {
    match &script.native {
        None => ProbeSlice::Script(id),
        Some(NativeProcess { name, asked_by }) => ProbeSlice::Process(ProcessSlice {
            name: name.clone(),
            how: match asked_by {
                ProcessTool::Killall => ProcessMatch::Killall,
                ProcessTool::Pidof => ProcessMatch::Pidof,
                ProcessTool::Pgrep => ProcessMatch::Pgrep,
                ProcessTool::PgrepExact => ProcessMatch::PgrepExact,
            },
        }),
    }
}
