//! The parent's deny list, tried call by call: a process of its own puts the parent's filter on and
//! makes one call. Every call of the list ends it; what the parent needs does not.

#![expect(unsafe_code, reason = "fork, and system calls by number")]
#![expect(clippy::unwrap_used, reason = "a test")]

#[path = "../src/confine.rs"]
mod confine;

use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

/// Makes one call with arguments that are all 0, under the filter.
fn alone(number: libc::c_long) -> WaitStatus {
    // SAFETY: the child makes a filter and one call, and ends without running anything else.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            let code = if confine::apply().is_ok() { 0 } else { 2 };
            // SAFETY: the arguments are null or invalid; a call that is let through does nothing.
            unsafe {
                libc::syscall(number, 0, 0, 0, 0, 0, 0);
                libc::_exit(code)
            }
        }
        ForkResult::Parent { child } => waitpid(child, None).unwrap(),
    }
}

fn is_killed(status: WaitStatus) -> bool {
    matches!(status, WaitStatus::Signaled(_, Signal::SIGSYS, _))
}

#[test]
fn every_denied_call_kills() {
    for (number, reason) in confine::DENIED {
        let status = alone(*number);
        assert!(is_killed(status), "{number} ({reason}): {status:?}");
    }
}

/// The second door to the same calls.
#[cfg(target_arch = "x86_64")]
#[test]
fn x32_calls_kill() {
    let status = alone(libc::SYS_ptrace | 0x4000_0000);
    assert!(is_killed(status), "{status:?}");
}

#[test]
fn what_the_parent_needs_is_allowed() {
    let needed = [
        libc::SYS_socket,
        libc::SYS_setsockopt,
        libc::SYS_sendmsg,
        libc::SYS_recvmsg,
        libc::SYS_openat,
        libc::SYS_read,
        libc::SYS_accept4,
        libc::SYS_epoll_ctl,
        libc::SYS_timerfd_settime,
        libc::SYS_clock_gettime,
        libc::SYS_wait4,
        libc::SYS_unlinkat,
        libc::SYS_mmap,
        libc::SYS_ftruncate,
    ];
    for number in needed {
        let status = alone(number);
        assert!(matches!(status, WaitStatus::Exited(_, 0)), "{number}: {status:?}");
    }
}
