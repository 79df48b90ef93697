//! What the checker is told of each thing that is tracked: how it is asked, and how often. A script
//! that only asks for a process is answered natively, the others as programs by the starter.

use std::time::Duration;
use vipd_conf::config::{
    Get, NativeCheck, NativeProcess, ParamMatch, ProcessTool, Question, Script, TrackedFile,
    TrackedProcess,
};
use vipd_ipc::slice::{
    ArgumentMatch, Arguments, CheckSlice, FileSlice, HttpSlice, Place, ProbeSlice, ProcessMatch,
    ProcessSlice, TalkSlice, TlsSlice, Trust,
};
use vipd_types::{ScriptId, TrackerId};

/// Until it has its number.
const NOBODY: TrackerId = TrackerId(0);

pub(super) fn script(script: &Script, id: ScriptId) -> CheckSlice {
    CheckSlice {
        tracker: NOBODY,
        name: script.name.clone(),
        probe: probe(script, id),
        interval: script.interval,
        timeout: script.timeout,
        jitter: Duration::ZERO,
        rise: script.rise,
        fall: script.fall,
        init_fail: script.init_fail,
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

/// A process or a file is looked for this often; that one has died or changed is seen at once.
const LOOK: Duration = Duration::from_secs(1);

pub(super) fn process(tracked: &TrackedProcess) -> CheckSlice {
    // The first look, and those that the delay is long.
    let looks = |delay: Duration| {
        let more = delay.as_secs().saturating_add(u64::from(delay.subsec_nanos() > 0));
        u32::try_from(more).unwrap_or(u32::MAX).saturating_add(1)
    };
    CheckSlice {
        rise: looks(tracked.fork_delay),
        fall: looks(tracked.terminate_delay),
        ..look(&tracked.name, ProbeSlice::Process(process_slice(tracked)))
    }
}

pub(super) fn file(tracked: &TrackedFile) -> CheckSlice {
    look(&tracked.name, ProbeSlice::Number { path: tracked.path.clone() })
}

fn look(name: &str, probe: ProbeSlice) -> CheckSlice {
    CheckSlice {
        tracker: NOBODY,
        name: name.to_owned(),
        probe,
        interval: LOOK,
        timeout: LOOK,
        jitter: Duration::ZERO,
        rise: 1,
        fall: 1,
        init_fail: false,
    }
}

pub(super) fn native(check: &NativeCheck) -> CheckSlice {
    let talk = |to, http| ProbeSlice::Talk(Box::new(TalkSlice { to, http }));
    CheckSlice {
        tracker: NOBODY,
        name: check.name.clone(),
        probe: match &check.question {
            Question::Tcp(server) => talk(Place::Tcp(*server), None),
            Question::Unix(path) => talk(Place::Unix(path.clone()), None),
            Question::Url(get) => talk(Place::Tcp(get.server), Some(http(get))),
            Question::Process(name) => {
                ProbeSlice::Process(ProcessSlice::named(name.clone(), ProcessMatch::Killall))
            }
            Question::File { path, max_age, content } => ProbeSlice::File(FileSlice {
                path: path.clone(),
                max_age: *max_age,
                content: content.clone(),
            }),
        },
        interval: check.interval,
        timeout: check.timeout,
        jitter: check.jitter,
        rise: check.rise,
        fall: check.fall,
        init_fail: check.init_fail,
    }
}

fn http(get: &Get) -> HttpSlice {
    HttpSlice {
        target: get.target.clone(),
        host: get.host(),
        status: get.status.clone(),
        body: get.body.clone(),
        tls: get.tls.as_ref().map(|tls| TlsSlice {
            name: get.server_name(),
            trust: match (tls.verify, &tls.ca_file) {
                (false, _) => Trust::Anybody,
                (true, None) => Trust::System,
                (true, Some(file)) => Trust::File(file.clone()),
            },
        }),
    }
}

fn process_slice(tracked: &TrackedProcess) -> ProcessSlice {
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
