//! How a script is asked: natively by the checker, or as a program by the starter.

use vipd_conf::config::{NativeProcess, ProcessTool, Script};
use vipd_ipc::slice::{CheckSlice, ProbeSlice, ProcessMatch, ProcessSlice};
use vipd_types::{ScriptId, TrackerId};

/// Scripts are numbered anew by each file; what they run is what makes them the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ProbeKey {
    Process(ProcessSlice),
    Script(Vec<Vec<u8>>, Option<String>),
}

pub(super) fn check(script: &Script, id: ScriptId, tracker: TrackerId) -> CheckSlice {
    CheckSlice {
        tracker,
        name: script.name.clone(),
        probe: probe(script, id),
        interval: script.interval,
        timeout: script.timeout,
        rise: script.rise,
        fall: script.fall,
    }
}

pub(super) fn probe_key(script: &Script) -> ProbeKey {
    match probe(script, ScriptId(0)) {
        ProbeSlice::Process(process) => ProbeKey::Process(process),
        ProbeSlice::Script(_) => ProbeKey::Script(
            script.argv.clone(),
            script.user.as_ref().map(|u| format!("{}:{:?}", u.user, u.group)),
        ),
    }
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
