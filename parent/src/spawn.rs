//! Starts the other processes: each gets its channels, its account, its namespaces and nothing
//! else between fork and exec, so that no instruction of a child's program runs with a privilege
//! it should not have. What happens after exec is the child's own business.
#![expect(unsafe_code, reason = "fork, and the calls between fork and exec that no crate offers")]

use caps::{CapSet, CapsHashSet};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, FcntlArg, OFlag, fcntl, open, openat};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_no_new_privs;
use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::sys::stat::Mode;
use nix::unistd::{
    ForkResult, Gid, Pid, Uid, execveat, fork, pipe2, read, setgroups, setresgid, setresuid, write,
};
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;
use vipd_ipc::fd;

/// What a child is and may do.
#[derive(Debug)]
pub(crate) struct Role<'a> {
    pub(crate) name: &'static str,
    pub(crate) program: &'a OwnedFd,
    pub(crate) arguments: Vec<CString>,
    /// Beside PATH.
    pub(crate) environment: Vec<CString>,
    /// Standard error is /dev/null, not the caller's.
    pub(crate) quiet: bool,
    /// `None`: the caller's, when it may not change it.
    pub(crate) account: Option<(Uid, Gid)>,
    pub(crate) namespaces: CloneFlags,
    /// Capabilities that remain possible; empty for all but the starter.
    pub(crate) keeps: CapsHashSet,
    /// The bounding set can be shrunk (SETPCAP).
    pub(crate) may_bound: bool,
    /// SCHED_RR, so that adverts leave on time on a busy host.
    pub(crate) realtime: bool,
    pub(crate) peer: Option<OwnedFd>,
}

#[derive(Debug)]
pub(crate) struct Spawned {
    pub(crate) name: &'static str,
    pub(crate) pid: Pid,
    channel: Option<OwnedFd>,
    leash: OwnedFd,
}

impl Spawned {
    pub(crate) fn take_channel(&mut self) -> Option<OwnedFd> {
        self.channel.take()
    }

    /// Ends the child, also one that is stopped and of another account.
    pub(crate) fn pull_leash(&self) {
        // Full or closed: it has been pulled or has nothing to pull.
        let _ = write(&self.leash, b"x");
    }
}

/// Opens a program while the right to do so is there.
pub(crate) fn program(path: &Path) -> Result<OwnedFd, Errno> {
    openat(AT_FDCWD, path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
}

pub(crate) fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)
}

/// The steps of a child's start, so that a failure names the one that failed.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
enum Step {
    Descriptors = 1,
    Namespaces,
    Bounding,
    Account,
    Capabilities,
    Privileges,
    Leash,
    Exec,
}

const STEPS: [&str; 9] = [
    "?",
    "descriptors",
    "namespaces",
    "bounding set",
    "account",
    "capabilities",
    "no_new_privs",
    "leash",
    "exec",
];

pub(crate) fn spawn(role: Role<'_>) -> Result<Spawned, String> {
    let failed = |what: &str, errno: Errno| format!("cannot start {}: {what}: {errno}", role.name);
    let (channel, theirs) = pair().map_err(|e| failed("socketpair", e))?;
    let datagram = (AddressFamily::Unix, SockType::Datagram);
    let (leash, collar) = socketpair(datagram.0, datagram.1, None, SockFlag::SOCK_CLOEXEC)
        .map_err(|e| failed("socketpair", e))?;
    let (report, broken) = pipe2(OFlag::O_CLOEXEC).map_err(|e| failed("pipe", e))?;
    // SAFETY: this process has one thread, so the child may do anything that its parent could.
    match unsafe { fork() }.map_err(|e| failed("fork", e))? {
        ForkResult::Child => {
            let Err((step, errno)) = become_child(&role, &theirs, &collar, &broken);
            let errno = (errno as i32).to_ne_bytes();
            let [a, b, c, d] = errno;
            let _ = write(&broken, &[step as u8, a, b, c, d]);
            // SAFETY: ends the process; no handler of the parent may run in its child.
            unsafe { libc::_exit(127) }
        }
        ForkResult::Parent { child } => {
            drop(broken);
            drop(theirs);
            let mut told = [0; 5];
            if let Ok(5) = read(&report, &mut told) {
                let [step, a, b, c, d] = told;
                let errno = Errno::from_raw(i32::from_ne_bytes([a, b, c, d]));
                let step = STEPS.get(usize::from(step)).unwrap_or(&"?");
                let _ = nix::sys::wait::waitpid(child, None);
                return Err(failed(step, errno));
            }
            Ok(Spawned { name: role.name, pid: child, channel: Some(channel), leash })
        }
    }
}

type Failure = (Step, Errno);

fn become_child(
    role: &Role<'_>,
    channel: &OwnedFd,
    collar: &OwnedFd,
    report: &OwnedFd,
) -> Result<std::convert::Infallible, Failure> {
    let at = |step: Step| move |errno: Errno| (step, errno);
    let (program, _report) =
        descriptors(role, channel, collar, report).map_err(at(Step::Descriptors))?;
    unshare(role.namespaces).map_err(at(Step::Namespaces))?;
    if role.realtime {
        // A kernel may refuse it all the same; the parent looks and says so.
        let _ = realtime();
    }
    if role.may_bound {
        for one in caps::all().difference(&role.keeps) {
            caps::drop(None, CapSet::Bounding, *one).map_err(|_| (Step::Bounding, Errno::EPERM))?;
        }
    }
    caps::clear(None, CapSet::Ambient).map_err(|_| (Step::Capabilities, Errno::EPERM))?;
    if let Some((uid, gid)) = role.account {
        setgroups(&[]).map_err(at(Step::Account))?;
        setresgid(gid, gid, gid).map_err(at(Step::Account))?;
        setresuid(uid, uid, uid).map_err(at(Step::Account))?;
    }
    if role.keeps.is_empty() {
        for set in [CapSet::Effective, CapSet::Inheritable, CapSet::Permitted] {
            caps::clear(None, set).map_err(|_| (Step::Capabilities, Errno::EPERM))?;
        }
        set_no_new_privs().map_err(at(Step::Privileges))?;
    }
    arm_leash().map_err(at(Step::Leash))?;
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
        .map_err(at(Step::Descriptors))?;
    let name = CString::new(role.name).map_err(|_| (Step::Exec, Errno::EINVAL))?;
    let given = role.arguments.iter().map(CString::as_c_str);
    let arguments: Vec<&CStr> = std::iter::once(name.as_c_str()).chain(given).collect();
    let more = role.environment.iter().map(CString::as_c_str);
    let environment: Vec<&CStr> =
        std::iter::once(c"PATH=/usr/sbin:/usr/bin:/sbin:/bin").chain(more).collect();
    let flags = AtFlags::AT_EMPTY_PATH;
    match execveat(&program, c"", &arguments, &environment, flags) {
        Err(errno) => Err((Step::Exec, errno)),
        Ok(never) => match never {},
    }
}

/// Puts /dev/null on 0 and 1 and the channels on 3 to 5; everything above closes at exec.
fn descriptors(
    role: &Role<'_>,
    channel: &OwnedFd,
    collar: &OwnedFd,
    report: &OwnedFd,
) -> Result<(OwnedFd, OwnedFd), Errno> {
    // First out of the way: a source may stand where another one goes.
    let up = |fd: BorrowedFd<'_>| fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(32));
    let null = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())?;
    let report = up(report.as_fd())?;
    let mut places = vec![
        (up(null.as_fd())?, 0),
        (up(null.as_fd())?, 1),
        (up(channel.as_fd())?, fd::PARENT),
        (up(collar.as_fd())?, fd::LEASH),
    ];
    if role.quiet {
        places.push((up(null.as_fd())?, 2));
    }
    if let Some(peer) = &role.peer {
        places.push((up(peer.as_fd())?, fd::PEER));
    }
    let program = up(role.program.as_fd())?;
    // SAFETY: marks descriptors to be closed at exec; a flag, and none of them is used by number.
    let marked = unsafe { libc::close_range(3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC.cast_signed()) };
    Errno::result(marked)?;
    for (from, to) in places {
        // SAFETY: from here on this process uses the numbers 0 to 5 for nothing else.
        Errno::result(unsafe { libc::dup2(from, to) })?;
    }
    // SAFETY: `report` and `program` were made above and are owned by nobody else.
    let owned = |raw: i32| unsafe { OwnedFd::from_raw_fd(raw) };
    let report = owned(report);
    Ok((owned(program), report))
}

/// fcntl(2): which signal announces that a descriptor is ready. Not in libc.
const F_SETSIG: libc::c_int = 10;

/// A byte from the parent kills this process, whatever its account and even when it is stopped:
/// the kernel checks the right to send the signal against the one who armed the socket.
fn arm_leash() -> Result<(), Errno> {
    // SAFETY: F_SETOWN, F_SETSIG and F_SETFL change flags of a descriptor that `descriptors` made.
    unsafe {
        let pid = libc::getpid();
        Errno::result(libc::fcntl(fd::LEASH, libc::F_SETOWN, pid))?;
        Errno::result(libc::fcntl(fd::LEASH, F_SETSIG, libc::SIGKILL))?;
        Errno::result(libc::fcntl(fd::LEASH, libc::F_SETFL, libc::O_ASYNC | libc::O_NONBLOCK))?;
    }
    Ok(())
}

/// Without RLIMIT_RTTIME: a neighbour who floods the engine could make it exceed any limit, and the
/// limit would end it. The kernel leaves others their share (sched_rt_runtime_us).
fn realtime() -> Result<(), Errno> {
    let parameter = libc::sched_param { sched_priority: 10 };
    let policy = libc::SCHED_RR | libc::SCHED_RESET_ON_FORK;
    // SAFETY: the call reads a live struct and keeps nothing.
    Errno::result(unsafe { libc::sched_setscheduler(0, policy, &raw const parameter) })?;
    Ok(())
}
