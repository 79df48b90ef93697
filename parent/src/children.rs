//! The other processes as the parent sees them: a channel, a leash, a sign of life. Starts them in
//! order and shakes hands; what they say is handled elsewhere.

use crate::disk::{Disk, HANDED_ON};
use crate::rights::{Accounts, Rights};
use crate::spawn::{self, Role, Spawned};
use caps::{Capability, CapsHashSet};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::CloneFlags;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Gid, Pid, Uid};
use std::ffi::{CString, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant as Clock};
use vipd_ipc::msg::{
    CheckerToParent, EngineToParent, Message, ParentToChecker, ParentToEngine, ParentToStarter,
    StarterToParent,
};
use vipd_ipc::{BUILD, Chan, ChanError};

/// Where a package puts the other programs; in a build tree they lie beside vipd.
const LIBEXEC: &str = match option_env!("VIPD_LIBEXECDIR") {
    Some(path) => path,
    None => "/usr/libexec/vipd",
};
const HANDSHAKE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Child<Out, In> {
    pub(crate) chan: Chan<Out, In>,
    spawned: Spawned,
    ended: Option<String>,
}

pub(crate) type Engine = Child<ParentToEngine, EngineToParent>;
pub(crate) type Checker = Child<ParentToChecker, CheckerToParent>;
pub(crate) type Starter = Child<ParentToStarter, StarterToParent>;

/// The programs, opened while the rights to reach them are there.
#[derive(Debug)]
pub(crate) struct Programs {
    engine: OwnedFd,
    checker: OwnedFd,
    starter: OwnedFd,
    /// Of a daemon in the background: the caller's standard error is not theirs to keep.
    pub(crate) quiet: bool,
}

impl Programs {
    /// All from the folder of the running program, or all from the libexec folder; never by PATH.
    pub(crate) fn open() -> Result<Self, String> {
        let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.to_owned()));
        let folder = beside
            .filter(|folder| folder.join("vipd-vrrpe").exists())
            .unwrap_or_else(|| PathBuf::from(LIBEXEC));
        let open = |name: &str| {
            let path: &Path = &folder.join(name);
            spawn::program(path).map_err(|e| format!("cannot open {}: {e}", path.display()))
        };
        Ok(Self {
            engine: open("vipd-vrrpe")?,
            checker: open("vipd-checker")?,
            starter: open("vipd-starter")?,
            quiet: false,
        })
    }
}

pub(crate) fn start_engine_and_checker(
    programs: &Programs,
    rights: &Rights,
    accounts: &Accounts,
) -> Result<(Engine, Checker), String> {
    let (engine_end, checker_end) = spawn::pair().map_err(|e| format!("socketpair: {e}"))?;
    let own = CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS;
    let empty = own | CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS;
    let may_namespace = rights.has(Capability::CAP_SYS_ADMIN);
    let namespaces = |wanted| if may_namespace { wanted } else { CloneFlags::empty() };
    let mut engine = start(Role {
        name: "vipd-vrrpe",
        program: &programs.engine,
        arguments: Vec::new(),
        environment: Vec::new(),
        quiet: programs.quiet,
        account: accounts.engine,
        namespaces: namespaces(empty),
        keeps: CapsHashSet::new(),
        may_bound: rights.has(Capability::CAP_SETPCAP),
        realtime: rights.has(Capability::CAP_SYS_NICE),
        peer: Some(engine_end),
    })?;
    let mut checker = start(Role {
        name: "vipd-checker",
        program: &programs.checker,
        arguments: Vec::new(),
        environment: Vec::new(),
        quiet: programs.quiet,
        account: accounts.checker,
        namespaces: namespaces(own),
        keeps: CapsHashSet::new(),
        may_bound: rights.has(Capability::CAP_SETPCAP),
        realtime: false,
        peer: Some(checker_end),
    })?;
    // Only now: the two greet each other before either greets us.
    greet(&mut engine, ParentToEngine::Hello { build: BUILD.into() }, |m| {
        if let EngineToParent::Hello { build } = m { Some(build) } else { None }
    })?;
    greet(&mut checker, ParentToChecker::Hello { build: BUILD.into() }, |m| {
        if let CheckerToParent::Hello { build } = m { Some(build) } else { None }
    })?;
    Ok((engine, checker))
}

/// `more` is what the configuration has scripts of root keep.
pub(crate) fn start_starter(
    programs: &Programs,
    rights: &Rights,
    file: CString,
    around: &Disk,
    more: &[&str],
) -> Result<Starter, String> {
    let own = [Capability::CAP_SETUID, Capability::CAP_SETGID, Capability::CAP_KILL];
    let more = more.iter().filter_map(|name| name.to_uppercase().parse().ok());
    // SETPCAP empties the bounding set of each script before it runs.
    let keeps = own.into_iter().chain([Capability::CAP_SETPCAP]).chain(more).collect();
    // It reads the file itself, and must understand it as we do.
    let config_id = CString::new(around.config_id.as_str()).map_err(|e| e.to_string())?;
    let mut arguments = vec![file, config_id];
    if around.vrrp_only {
        arguments.push(c"-P".into());
    }
    let mut starter = start(Role {
        name: "vipd-starter",
        program: &programs.starter,
        arguments,
        environment: handed_on(),
        quiet: programs.quiet,
        account: None::<(Uid, Gid)>,
        namespaces: CloneFlags::empty(),
        keeps,
        may_bound: rights.has(Capability::CAP_SETPCAP),
        realtime: false,
        peer: None,
    })?;
    greet(&mut starter, ParentToStarter::Hello { build: BUILD.into() }, |m| {
        if let StarterToParent::Hello { build } = m { Some(build) } else { None }
    })?;
    Ok(starter)
}

/// The environment under other names: the starter needs the values for `${_ENV NAME}`, and nothing
/// of it may reach the starter's libraries or its scripts.
fn handed_on() -> Vec<CString> {
    let one = |(name, value): (OsString, OsString)| {
        let whole = [HANDED_ON.as_bytes(), name.as_bytes(), b"=", value.as_bytes()].concat();
        CString::new(whole).ok()
    };
    std::env::vars_os().filter_map(one).collect()
}

fn start<Out: Message, In: Message>(role: Role<'_>) -> Result<Child<Out, In>, String> {
    let name = role.name;
    let mut spawned = spawn::spawn(role)?;
    let channel = spawned.take_channel().ok_or_else(|| format!("{name} has no channel"))?;
    let chan = Chan::new(channel).map_err(|e| format!("channel to {name}: {e}"))?;
    Ok(Child { chan, spawned, ended: None })
}

/// The first message each way. Log lines may come before it.
fn greet<Out: Message, In: Message>(
    child: &mut Child<Out, In>,
    hello: Out,
    build_of: impl Fn(In) -> Option<String>,
) -> Result<(), String> {
    let name = child.spawned.name;
    child.chan.send(&hello).map_err(|e| format!("{name}: {e}"))?;
    let end = Clock::now().checked_add(HANDSHAKE).ok_or("clock")?;
    loop {
        match child.chan.recv() {
            Ok(Some(message)) => {
                if let Some(build) = build_of(message) {
                    return if build == BUILD {
                        Ok(())
                    } else {
                        Err(format!("{name} is of another build ({build}, not {BUILD}): reinstall"))
                    };
                }
            }
            Ok(None) => {
                let left = end.saturating_duration_since(Clock::now());
                if left.is_zero() {
                    return Err(format!("{name} did not answer within {HANDSHAKE:?}"));
                }
                wait_readable(child.chan.as_fd(), left);
            }
            Err(error) => return Err(format!("{name} ended at its start: {error}")),
        }
    }
}

fn wait_readable(fd: BorrowedFd<'_>, limit: Duration) {
    let timeout = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
    // An interrupted wait is one more turn of the caller's loop.
    let _ = poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], timeout);
}

impl<Out: Message, In: Message> Child<Out, In> {
    pub(crate) fn name(&self) -> &'static str {
        self.spawned.name
    }

    pub(crate) fn pid(&self) -> Pid {
        self.spawned.pid
    }

    pub(crate) fn send(&mut self, message: &Out) -> Result<(), ChanError> {
        self.chan.send(message)
    }

    pub(crate) fn pull_leash(&self) {
        self.spawned.pull_leash();
    }

    /// How it ended, in words, if it has.
    pub(crate) fn status(&mut self) -> Option<String> {
        if self.ended.is_none() {
            self.ended = match waitpid(self.spawned.pid, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(_, code)) => Some(format!("exited with status {code}")),
                Ok(WaitStatus::Signaled(_, signal, _)) => Some(format!("killed by {signal}")),
                _ => None,
            };
        }
        self.ended.clone()
    }

    pub(crate) fn is_gone(&mut self) -> bool {
        self.status().is_some()
    }
}
