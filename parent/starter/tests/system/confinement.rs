//! The filter that the starter and its scripts live under: denied calls fail, all else works.

#[path = "../../src/confine.rs"]
mod confine;

use nix::errno::Errno;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

/// How a child ends under the filter: 42 if `good` holds there.
fn under_the_filter(good: fn() -> bool) -> WaitStatus {
    // SAFETY: the child makes system calls and ends without returning.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            let good = confine::apply().is_ok() && good();
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(if good { 42 } else { 1 }) }
        }
        ForkResult::Parent { child } => waitpid(child, None).unwrap(),
    }
}

fn is_denied(number: i64) -> bool {
    // SAFETY: without the filter these fail too, on their zeroes; none reads memory.
    let result = unsafe { libc::syscall(number, 0, 0, 0, 0, 0) };
    Errno::result(result) == Err(Errno::EPERM)
}

#[test]
fn denied_calls_fail_with_eperm() {
    let end = under_the_filter(|| {
        [
            libc::SYS_bpf,
            libc::SYS_mount,
            libc::SYS_unshare,
            libc::SYS_process_vm_readv,
            libc::SYS_finit_module,
            libc::SYS_keyctl,
            libc::SYS_perf_event_open,
            libc::SYS_open_by_handle_at,
            libc::SYS_pidfd_getfd,
        ]
        .into_iter()
        .all(is_denied)
    });
    assert!(matches!(end, WaitStatus::Exited(_, 42)), "{end:?}");
}

#[test]
fn files_sockets_and_programs_go_on_working() {
    let end = under_the_filter(|| {
        std::net::UdpSocket::bind("127.0.0.1:0").is_ok()
            && std::fs::read("/proc/self/status").is_ok()
            && std::process::Command::new("/bin/true").status().is_ok_and(|s| s.success())
    });
    assert!(matches!(end, WaitStatus::Exited(_, 42)), "{end:?}");
}
