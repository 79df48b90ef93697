//! How a script is asked, natively by the checker or as a program by the starter, and how a process
//! is looked for.

use std::time::Duration;
use vipd_conf::config::{NativeProcess, ParamMatch, ProcessTool, Script, TrackedProcess};
use vipd_ipc::slice::{
    ArgumentMatch, Arguments, CheckSlice, ProbeSlice, ProcessMatch, ProcessSlice,
};
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
        Some(NativeProcess { name, asked_by }) => {
            let how = match asked_by {
                ProcessTool::Killall => ProcessMatch::Killall,
                ProcessTool::Pidof => ProcessMatch::Pidof,
                ProcessTool::Pgrep => ProcessMatch::Pgrep,
                ProcessTool::PgrepExact => ProcessMatch::PgrepExact,
            };
            ProbeSlice::Process(ProcessSlice::named(name.clone(), how))
        }
    }
}

/// A process is looked for this often; that one has died is seen at once.
const LOOK: Duration = Duration::from_secs(1);

pub(super) fn process(tracked: &TrackedProcess, tracker: TrackerId) -> CheckSlice {
    // The first look, and those that the delay is long.
    let looks = |delay: Duration| {
        let more = delay.as_secs().saturating_add(u64::from(delay.subsec_nanos() > 0));
        u32::try_from(more).unwrap_or(u32::MAX).saturating_add(1)
    };
    CheckSlice {
        tracker,
        name: tracked.name.clone(),
        probe: ProbeSlice::Process(process_slice(tracked)),
        interval: LOOK,
        timeout: LOOK,
        rise: looks(tracked.fork_delay),
        fall: looks(tracked.terminate_delay),
    }
}

pub(super) fn process_slice(tracked: &TrackedProcess) -> ProcessSlice {
    let how = match tracked.param_match {
        ParamMatch::Exact => ArgumentMatch::Exact,
        ParamMatch::Initial => ArgumentMatch::Initial,
        ParamMatch::Partial => ArgumentMatch::Partial,
    };
    let arguments = tracked.arguments.clone().map(|words| Arguments { words, how });
    let whole = tracked.full_command || arguments.is_some();
    ProcessSlice {
        name: tracked.process.clone(),
        how: if whole { ProcessMatch::Command } else { ProcessMatch::Comm },
        arguments,
        least: tracked.quorum,
        most: tracked.quorum_max.unwrap_or(u32::MAX),
    }
}
