//! The system calls of the engine: a table with a reason for each, and its translation into a
//! kernel filter that kills the process on anything else. Nothing outside this table may run.

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule,
};
use std::collections::BTreeMap;
use std::os::fd::RawFd;

/// When a call may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Until the first configuration is committed.
    Start,
    /// For the whole life.
    Always,
}

/// Which arguments a call may have.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rule {
    Any,
    /// Argument n has this value.
    Is(u8, u64),
    Both((u8, u64), (u8, u64)),
    /// Argument 0 is the timer.
    Timer,
    /// Private anonymous memory that is not executable.
    PlainMemory,
}

type Line = (libc::c_long, Rule, Phase, &'static str);

const F_GETFD: u64 = 1;
const SOL_SOCKET: u64 = 1;
const SO_MEMINFO: u64 = 55;
const CLOCK_REALTIME: u64 = 0;
const CLOCK_BOOTTIME: u64 = 7;
const PR_SET_NO_NEW_PRIVS: u64 = 38;
const SECCOMP_SET_MODE_FILTER: u64 = 1;
const MAP_PRIVATE_ANONYMOUS: u64 = 0x22;
const PROT_EXEC: u64 = 4;
const STDERR: u64 = 2;

/// Every system call the engine may make.
#[rustfmt::skip]
pub(crate) const TABLE: &[Line] = &[
    (libc::SYS_epoll_pwait,     Rule::Any,                        Phase::Always, "the loop waits (aarch64, musl)"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_epoll_wait,      Rule::Any,                        Phase::Always, "the loop waits"),
    (libc::SYS_epoll_ctl,       Rule::Any,                        Phase::Always, "sockets of a reload, control clients"),
    (libc::SYS_timerfd_settime, Rule::Timer,                      Phase::Always, "the one timer is armed"),
    (libc::SYS_clock_gettime,   Rule::Is(0, CLOCK_BOOTTIME),      Phase::Always, "time where the vDSO cannot tell it"),
    (libc::SYS_clock_gettime,   Rule::Is(0, CLOCK_REALTIME),      Phase::Always, "the same, of an advert's arrival"),
    (libc::SYS_recvmsg,         Rule::Any,                        Phase::Always, "adverts, messages, requests"),
    (libc::SYS_sendmsg,         Rule::Any,                        Phase::Always, "adverts, messages, answers"),
    (libc::SYS_getsockopt,      Rule::Both((1, SOL_SOCKET), (2, SO_MEMINFO)),     Phase::Always, "what the kernel has dropped"),
    (libc::SYS_close,           Rule::Any,                        Phase::Always, "sockets of a reload, control clients"),
    (libc::SYS_fcntl,           Rule::Is(1, F_GETFD),             Phase::Always, "debug builds look before they close"),
    (libc::SYS_brk,             Rule::Any,                        Phase::Always, "allocator"),
    (libc::SYS_mmap,            Rule::PlainMemory,                Phase::Always, "allocator, large blocks"),
    (libc::SYS_munmap,          Rule::Any,                        Phase::Always, "allocator, large blocks; exit"),
    (libc::SYS_mremap,          Rule::Any,                        Phase::Always, "allocator: a large block grows"),
    (libc::SYS_madvise,         Rule::Any,                        Phase::Always, "allocator: memory goes back"),
    (libc::SYS_write,           Rule::Is(0, STDERR),              Phase::Always, "the last words of a panic"),
    (libc::SYS_sigaltstack,     Rule::Any,                        Phase::Always, "the standard library takes its guard down at exit"),
    (libc::SYS_rt_sigreturn,    Rule::Any,                        Phase::Always, "the standard library's handler for a stack overflow"),
    (libc::SYS_exit_group,      Rule::Any,                        Phase::Always, "the end"),
    (libc::SYS_prctl,           Rule::Both((0, PR_SET_NO_NEW_PRIVS), (1, 1)),     Phase::Start, "the second filter"),
    (libc::SYS_seccomp,         Rule::Both((0, SECCOMP_SET_MODE_FILTER), (1, 0)), Phase::Start, "the second filter"),
];

/// The filter for `phase`; `timer` is the descriptor of the timer. Errors: a processor that the
/// compiler does not know.
pub(crate) fn program(phase: Phase, timer: RawFd) -> Result<BpfProgram, BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for (call, rule, when, _) in TABLE {
        if phase == Phase::Always && *when == Phase::Start {
            continue;
        }
        let conditions = conditions(*rule, timer)?;
        let place = rules.entry(*call).or_default();
        if !conditions.is_empty() {
            place.push(SeccompRule::new(conditions)?);
        }
    }
    let arch = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(rules, SeccompAction::KillProcess, SeccompAction::Allow, arch)?.try_into()
}

fn conditions(rule: Rule, timer: RawFd) -> Result<Vec<SeccompCondition>, BackendError> {
    let is = |argument, value| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
    };
    Ok(match rule {
        Rule::Any => Vec::new(),
        Rule::Is(argument, value) => vec![is(argument, value)?],
        Rule::Both((a, x), (b, y)) => vec![is(a, x)?, is(b, y)?],
        Rule::Timer => vec![is(0, u64::from(timer.unsigned_abs()))?],
        Rule::PlainMemory => {
            let masked = SeccompCmpOp::MaskedEq(PROT_EXEC);
            let not_exec = SeccompCondition::new(2, SeccompCmpArgLen::Dword, masked, 0)?;
            vec![not_exec, is(3, MAP_PRIVATE_ANONYMOUS)?]
        }
    })
}
