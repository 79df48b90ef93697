//! The walls this process puts around itself, in order, and the names of those that the host does
//! not offer. The table of system calls is in `confine`.

use super::confine::{self, Allowed};
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::Mode;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use vipd_ipc::slice::Reach;

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
    // Nothing that a later filter allows may be missing in an earlier one.
    let all = [confine::STEADY, confine::START, confine::WATCH, confine::TCP, confine::UNIX];
    note(&mut missing, "system call filter", confine::apply(&all));
    for (name, resource, limit) in [
        ("process limit", Resource::RLIMIT_NPROC, 0),
        ("file size limit", Resource::RLIMIT_FSIZE, 0),
        ("core size limit", Resource::RLIMIT_CORE, 0),
    ] {
        note(&mut missing, name, setrlimit(resource, limit, limit));
    }
    note(&mut missing, "descriptor limit", limit_descriptors());
    missing
}

/// What the checks need is known, and all that cannot be opened later is open. Returns what is
/// missing. After this /proc and the files and servers of `reach` are all there is.
pub(crate) fn before_the_first_check(reach: &[Reach]) -> Vec<String> {
    let mut missing = around_files(reach);
    missing.extend(around_calls(reach));
    missing
}

pub(crate) fn around_files(reach: &[Reach]) -> Vec<String> {
    let mut missing = Vec::new();
    match landlock(reach) {
        Ok(RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced) => {}
        Ok(RulesetStatus::NotEnforced) => missing.push("Landlock (not in this kernel)".to_string()),
        Err(error) => missing.push(format!("Landlock ({error})")),
    }
    missing
}

pub(crate) fn around_calls(reach: &[Reach]) -> Vec<String> {
    let mut missing = Vec::new();
    let mut tables: Vec<&[Allowed]> = vec![confine::STEADY];
    for (table, needs) in [
        (confine::WATCH, is_watch as fn(&Reach) -> bool),
        (confine::TCP, is_tcp),
        (confine::UNIX, is_unix),
    ] {
        if reach.iter().any(needs) {
            tables.push(table);
        }
    }
    note(&mut missing, "last system call filter", confine::apply(&tables));
    missing
}

fn is_watch(reach: &Reach) -> bool {
    matches!(reach, Reach::Watch)
}

fn is_tcp(reach: &Reach) -> bool {
    matches!(reach, Reach::Tcp)
}

fn is_unix(reach: &Reach) -> bool {
    matches!(reach, Reach::Unix(_))
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

/// No TCP port may be bound, and none connected to unless a check does that.
fn landlock(reach: &[Reach]) -> Result<RulesetStatus, RulesetError> {
    let abi = ABI::V10;
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::BindTcp)?
        .scope(Scope::from_all(abi))?;
    let ruleset = if reach.iter().any(is_tcp) {
        ruleset
    } else {
        ruleset.handle_access(AccessNet::ConnectTcp)?
    };
    let (mut files, mut sockets) = (Vec::new(), Vec::new());
    for one in reach {
        match one {
            Reach::Read(folder) => files.extend(nearest(folder)),
            Reach::Unix(folder) => sockets.extend(nearest(folder)),
            Reach::Watch | Reach::Tcp => {}
        }
    }
    let status = ruleset
        .create()?
        .add_rules(path_beneath_rules(["/proc"], AccessFs::ReadFile | AccessFs::ReadDir))?
        .add_rules(path_beneath_rules(files, AccessFs::ReadFile))?
        .add_rules(path_beneath_rules(sockets, AccessFs::ResolveUnix))?
        .restrict_self()?;
    Ok(status.ruleset)
}

/// The folder, or as long as it is not there the one in which it will be made; but never all of the
/// host's files.
fn nearest(folder: &[u8]) -> Option<PathBuf> {
    let folder = Path::new(OsStr::from_bytes(folder));
    let is_there = |path: &&Path| {
        openat(AT_FDCWD, *path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).is_ok()
    };
    let found = folder.ancestors().find(is_there)?;
    if found.parent().is_none() {
        log::warn!(
            "{}: neither this folder nor the one above it is there: the checker will not be able to \
             read in it; make it, and restart vipd",
            folder.display()
        );
        return None;
    }
    Some(found.to_owned())
}

fn note<E: std::fmt::Display>(missing: &mut Vec<String>, name: &str, done: Result<(), E>) {
    if let Err(error) = done {
        missing.push(format!("{name} ({error})"));
    }
}
