//! The engine's walls, in the order in which they are put up. What is missing on this host is
//! reported by name and does not stop the engine, but there is no engine without the filters.

use crate::filter::{self, Phase};
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, LandlockStatus, Ruleset,
    RulesetAttr, RulesetError, RulesetStatus, Scope,
};
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::SigSet;
use nix::sys::signal::Signal::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use std::os::fd::RawFd;

/// Descriptors: two per interface while a reload is staged, the control clients, a few of its own.
const FILES_MAX: u64 = 1024;

/// A signal to the whole group or control group is the parent's to understand; the engine ends
/// when it is told to, or when the parent is gone.
fn leave_signals_to_parent() -> Result<(), Errno> {
    let mut signals = SigSet::empty();
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2] {
        signals.add(signal);
    }
    signals.thread_block()
}

/// What stands around this process, for the log.
#[derive(Debug)]
pub(crate) struct Walls {
    pub(crate) landlock: String,
    /// A wall this kernel does not have.
    pub(crate) missing: Option<String>,
}

/// Everything that does not need the first configuration; `timer` is the descriptor of the timer.
pub(crate) fn first(timer: RawFd) -> Result<Walls, String> {
    prctl::set_dumpable(false).map_err(|e| format!("dumpable: {}", e.desc()))?;
    leave_signals_to_parent().map_err(|e| format!("signals: {}", e.desc()))?;
    prctl::set_no_new_privs().map_err(|e| format!("no_new_privs: {}", e.desc()))?;
    let walls = match landlock() {
        Ok(walls) => walls,
        Err(error) => Walls { landlock: "none".into(), missing: Some(error.to_string()) },
    };
    limits().map_err(|e| format!("resource limits: {}", e.desc()))?;
    enforce(Phase::Start, timer)?;
    Ok(walls)
}

/// The tighter filter, for the rest of the life.
pub(crate) fn seal(timer: RawFd) -> Result<(), String> {
    enforce(Phase::Always, timer)
}

fn enforce(phase: Phase, timer: RawFd) -> Result<(), String> {
    let program = filter::program(phase, timer).map_err(|e| format!("filter: {e}"))?;
    seccompiler::apply_filter(&program).map_err(|e| format!("filter: {e}"))
}

/// No file, no TCP, no signal, no abstract socket: everything is handled and nothing allowed.
fn landlock() -> Result<Walls, RulesetError> {
    let newest = ABI::V6;
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(newest))?
        .handle_access(AccessNet::from_all(newest))?
        .scope(Scope::from_all(newest))?
        .create()?
        .restrict_self()?;
    let landlock = match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => {
            format!("{:?}, {:?}", effective_abi, status.ruleset)
        }
        LandlockStatus::NotEnabled => "not enabled".into(),
        LandlockStatus::NotImplemented => "not implemented".into(),
    };
    let missing = (status.ruleset == RulesetStatus::NotEnforced)
        .then(|| format!("Landlock is {landlock} in this kernel"));
    Ok(Walls { landlock, missing })
}

fn limits() -> Result<(), Errno> {
    setrlimit(Resource::RLIMIT_NOFILE, FILES_MAX, FILES_MAX)?;
    for resource in [Resource::RLIMIT_NPROC, Resource::RLIMIT_FSIZE, Resource::RLIMIT_CORE] {
        setrlimit(resource, 0, 0)?;
    }
    Ok(())
}
