//! The system calls of the checker, each with its reason; any other ends the process. Builds and
//! applies the filter and knows nothing else.

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};
use std::collections::BTreeMap;

/// When a call is allowed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rule {
    Always,
    /// The argument, masked, has this value: (argument, mask, value).
    Masked(u8, u64, u64),
    /// Both of two such conditions.
    Both((u8, u64, u64), (u8, u64, u64)),
}

/// A system call, when it is allowed, and why.
pub(crate) type Allowed = (i64, Rule, &'static str);

use Rule::{Always, Both, Masked};

/// Anything but reading: writing, creating, truncating, appending, unnamed temporary files.
const NOT_READING: u64 = flags(
    libc::O_ACCMODE
        | libc::O_CREAT
        | libc::O_TRUNC
        | libc::O_APPEND
        | (libc::O_TMPFILE & !libc::O_DIRECTORY),
);
const EXECUTABLE: u64 = flags(libc::PROT_EXEC);
const KIND: u64 = flags(libc::MAP_SHARED | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
const ANONYMOUS: u64 = flags(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);

/// All through its life.
pub(crate) const STEADY: &[Allowed] = &[
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_epoll_wait, Always, "the loop waits"),
    (libc::SYS_epoll_pwait, Always, "the same with another libc"),
    (libc::SYS_epoll_ctl, Always, "pidfds come and go"),
    (libc::SYS_recvmsg, Always, "channels"),
    (libc::SYS_sendmsg, Always, "channels"),
    (libc::SYS_openat, Masked(2, NOT_READING, 0), "/proc, files; Landlock says which"),
    (libc::SYS_read, Always, "/proc, files"),
    (libc::SYS_getdents64, Always, "walking /proc"),
    (
        libc::SYS_newfstatat,
        Masked(3, flags(libc::AT_EMPTY_PATH), flags(libc::AT_EMPTY_PATH)),
        "is it a folder, a regular file, and how old",
    ),
    (libc::SYS_fstat, Always, "the same with another libc"),
    (libc::SYS_close, Always, "files, pidfds"),
    (
        libc::SYS_fcntl,
        Masked(1, u64::MAX, flags(libc::F_GETFD)),
        "builds with assertions look before they close",
    ),
    (libc::SYS_pidfd_open, Always, "to see a process die"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_poll, Always, "is this pidfd's process dead?"),
    (libc::SYS_ppoll, Always, "the same with another libc"),
    (libc::SYS_timerfd_settime, Always, "the next deadline"),
    (libc::SYS_clock_gettime, Always, "a real call on hosts whose clock source has no vDSO"),
    (libc::SYS_brk, Always, "memory"),
    (libc::SYS_mmap, Both((2, EXECUTABLE, 0), (3, KIND, ANONYMOUS)), "memory, never code"),
    (libc::SYS_mprotect, Masked(2, EXECUTABLE, 0), "memory, never code"),
    (libc::SYS_munmap, Always, "memory"),
    (libc::SYS_mremap, Always, "memory"),
    (libc::SYS_madvise, Always, "memory"),
    (libc::SYS_getrandom, Always, "the allocator and hash tables draw a seed"),
    (libc::SYS_futex, Always, "locks of the log and of a panic"),
    (libc::SYS_gettid, Always, "a panic says which thread"),
    (libc::SYS_write, Masked(0, u64::MAX, 2), "last words, on descriptor 2"),
    (libc::SYS_sigaltstack, Always, "the end of the process"),
    (libc::SYS_rt_sigreturn, Always, "back from being stopped and continued"),
    (libc::SYS_restart_syscall, Always, "back from being stopped and continued"),
    (libc::SYS_exit_group, Always, "the end of the process"),
    (libc::SYS_prlimit64, Masked(2, u64::MAX, 0), "how many descriptors may there be"),
];

/// If files are tracked.
pub(crate) const WATCH: &[Allowed] = &[
    (libc::SYS_inotify_add_watch, Always, "to be told when a file changes"),
    (libc::SYS_inotify_rm_watch, Always, "a reload tracks other files"),
];

const STREAM: (u8, u64, u64) = (1, KIND_OF_SOCKET, flags(libc::SOCK_STREAM));
/// The kind of a socket without its flags.
const KIND_OF_SOCKET: u64 = 0xf;

/// If there are checks over TCP.
pub(crate) const TCP: &[Allowed] = &[
    (libc::SYS_socket, Both((0, u64::MAX, flags(libc::AF_INET)), STREAM), "to a server"),
    (libc::SYS_socket, Both((0, u64::MAX, flags(libc::AF_INET6)), STREAM), "to a server"),
    (libc::SYS_connect, Always, "to a server"),
    (
        libc::SYS_getsockopt,
        Both((1, u64::MAX, flags(libc::SOL_SOCKET)), (2, u64::MAX, flags(libc::SO_ERROR))),
        "has it answered the call",
    ),
    (
        libc::SYS_setsockopt,
        Both((1, u64::MAX, flags(libc::SOL_SOCKET)), (2, u64::MAX, flags(libc::SO_LINGER))),
        "a connection that was only tried leaves nothing behind",
    ),
    // Where to is said by connect alone.
    (libc::SYS_sendto, Both((4, u64::MAX, 0), (5, u64::MAX, 0)), "the request"),
    (libc::SYS_recvfrom, Always, "the answer"),
];

/// If there are checks of UNIX sockets.
pub(crate) const UNIX: &[Allowed] = &[
    (libc::SYS_socket, Both((0, u64::MAX, flags(libc::AF_UNIX)), STREAM), "to a server"),
    (libc::SYS_connect, Always, "to a server; Landlock says where, from Linux 7.1 on"),
];

/// Only from the start until the configuration is read.
pub(crate) const START: &[Allowed] = &[
    (libc::SYS_fcntl, Always, "taking over the channels"),
    (libc::SYS_epoll_create1, Always, "the loop's poll"),
    (libc::SYS_eventfd2, Always, "mio's waker, if it makes one"),
    (libc::SYS_timerfd_create, Always, "the timer"),
    (libc::SYS_inotify_init1, Always, "watching folders"),
    (libc::SYS_prlimit64, Always, "limits"),
    (libc::SYS_prctl, Always, "no_new_privs, the last filter"),
    (libc::SYS_seccomp, Always, "the last filter"),
    (libc::SYS_landlock_create_ruleset, Always, "Landlock"),
    (libc::SYS_landlock_add_rule, Always, "Landlock"),
    (libc::SYS_landlock_restrict_self, Always, "Landlock"),
    (
        libc::SYS_openat,
        Masked(2, flags(libc::O_PATH), flags(libc::O_PATH)),
        "Landlock names folders",
    ),
    (libc::SYS_uname, Always, "Landlock's crate asks for the kernel's version"),
];

/// Confines this thread (there is only one) to the calls of `tables`, over whatever filter is there.
pub(crate) fn apply(tables: &[&[Allowed]]) -> Result<(), String> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    let calls = || tables.iter().copied().flatten();
    for (call, rule, _) in calls() {
        let allowed = match rule {
            Always => Vec::new(),
            Masked(argument, mask, value) => vec![condition(*argument, *mask, *value)?],
            Both(a, b) => vec![condition(a.0, a.1, a.2)?, condition(b.0, b.1, b.2)?],
        };
        let all = rules.entry(*call).or_default();
        if !allowed.is_empty() {
            all.push(SeccompRule::new(allowed).map_err(|e| e.to_string())?);
        }
    }
    // A call that one table always allows has no conditions at all.
    for (call, rule, _) in calls() {
        if matches!(rule, Always) {
            rules.insert(*call, Vec::new());
        }
    }
    let arch = std::env::consts::ARCH.try_into().map_err(|_| "unknown machine".to_string())?;
    let filter = SeccompFilter::new(rules, SeccompAction::KillProcess, SeccompAction::Allow, arch)
        .map_err(|e| e.to_string())?;
    let program: BpfProgram =
        filter.try_into().map_err(|e: seccompiler::BackendError| e.to_string())?;
    seccompiler::apply_filter(&program).map_err(|e| e.to_string())
}

const fn flags(value: i32) -> u64 {
    value.unsigned_abs() as u64
}

fn condition(argument: u8, mask: u64, value: u64) -> Result<SeccompCondition, String> {
    let (len, op) = if mask == u64::MAX {
        (SeccompCmpArgLen::Dword, SeccompCmpOp::Eq)
    } else {
        (SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(mask))
    };
    SeccompCondition::new(argument, len, op, value).map_err(|e| e.to_string())
}
