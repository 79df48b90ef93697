//! The walls this process puts around itself, in order, and the names of those that the host does
//! not offer. The table of system calls is in `confine`.

use super::confine;
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, Signal};

/// Descriptors this process may have open at most: pidfds, mostly.
const DESCRIPTORS_MAX: u64 = 16384;

/// Returns what is missing. The first filter is on from here: no message has been read yet.
pub(crate) fn before_the_first_message() -> Vec<String> {
    let mut missing = Vec::new();
    // A terminal's ^C and a service manager's TERM go to every process of the group; only the
    // parent's word ends this one.
    let mut orders = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
        orders.add(signal);
    }
    note(&mut missing, "signal mask", orders.thread_block());
    note(&mut missing, "not dumpable", prctl::set_dumpable(false));
    note(&mut missing, "no_new_privs", prctl::set_no_new_privs());
    note(&mut missing, "system call filter", confine::apply(&[confine::STEADY, confine::START]));
    missing
}

/// Returns what is missing. After this only /proc can be read, and nothing can be started.
pub(crate) fn before_the_configuration() -> Vec<String> {
    let mut missing = Vec::new();
    for (name, resource, limit) in [
        ("process limit", Resource::RLIMIT_NPROC, 0),
        ("file size limit", Resource::RLIMIT_FSIZE, 0),
        ("core size limit", Resource::RLIMIT_CORE, 0),
    ] {
        note(&mut missing, name, setrlimit(resource, limit, limit));
    }
    note(&mut missing, "descriptor limit", limit_descriptors());
    match landlock() {
        Ok(RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced) => {}
        Ok(RulesetStatus::NotEnforced) => missing.push("Landlock (not in this kernel)".to_string()),
        Err(error) => missing.push(format!("Landlock ({error})")),
    }
    missing
}

/// The last filter, when all that is needed is open. Returns what is missing.
pub(crate) fn before_the_loop() -> Vec<String> {
    let mut missing = Vec::new();
    note(&mut missing, "last system call filter", confine::apply(&[confine::STEADY]));
    missing
}

pub(crate) fn descriptors() -> usize {
    let soft = getrlimit(Resource::RLIMIT_NOFILE).map_or(256, |(soft, _)| soft);
    usize::try_from(soft).unwrap_or(usize::MAX)
}

fn limit_descriptors() -> nix::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let limit = hard.min(DESCRIPTORS_MAX);
    setrlimit(Resource::RLIMIT_NOFILE, limit, limit)
}

/// /proc may be read. No TCP port may be bound; connecting is for seccomp to forbid, because
/// checks that connect are this process's trade.
fn landlock() -> Result<RulesetStatus, RulesetError> {
    let abi = ABI::V10;
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::BindTcp)?
        .scope(Scope::from_all(abi))?
        .create()?
        .add_rules(path_beneath_rules(["/proc"], AccessFs::ReadFile | AccessFs::ReadDir))?
        .restrict_self()?;
    Ok(status.ruleset)
}

fn note<E: std::fmt::Display>(missing: &mut Vec<String>, name: &str, done: Result<(), E>) {
    if let Err(error) = done {
        missing.push(format!("{name} ({error})"));
    }
}
