//! The walls of the engine from inside: this program runs itself as a child, puts up the engine's
//! own walls and tries one thing. What is not in the table kills, what is in it passes.
#![expect(
    unsafe_code,
    clippy::unwrap_used,
    reason = "system calls with no library in between; a test that cannot go on has failed"
)]

#[path = "../src/confine.rs"]
mod confine;
#[path = "../src/filter.rs"]
mod filter;

use filter::{Phase, TABLE};
use libc::c_long;
use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

const ATTEMPT: &str = "VIPD_ATTEMPT";
/// The child got through.
const THROUGH: i32 = 42;

type Call = (&'static str, c_long, [c_long; 6]);

/// What an intruder would want, with arguments that the kernel would take or refuse: the filter
/// must not let it come to that.
fn forbidden(other_fd: c_long) -> Vec<Call> {
    let path = c"/".as_ptr().addr().try_into().unwrap();
    let (rw, anonymous) = (3, 0x22);
    vec![
        ("openat", libc::SYS_openat, [-100, path, 0, 0, 0, 0]),
        ("openat2", libc::SYS_openat2, [-100, path, 0, 0, 0, 0]),
        ("socket", libc::SYS_socket, [2, 1, 0, 0, 0, 0]),
        ("socketpair", libc::SYS_socketpair, [1, 1, 0, 0, 0, 0]),
        ("connect", libc::SYS_connect, [other_fd, 0, 0, 0, 0, 0]),
        ("bind", libc::SYS_bind, [other_fd, 0, 0, 0, 0, 0]),
        ("setsockopt", libc::SYS_setsockopt, [other_fd, 0, 3, 0, 0, 0]),
        ("ioctl", libc::SYS_ioctl, [other_fd, 0, 0, 0, 0, 0]),
        ("execve", libc::SYS_execve, [path, 0, 0, 0, 0, 0]),
        ("execveat", libc::SYS_execveat, [-100, path, 0, 0, 0, 0]),
        ("clone", libc::SYS_clone, [17, 0, 0, 0, 0, 0]),
        ("clone3", libc::SYS_clone3, [0, 0, 0, 0, 0, 0]),
        ("ptrace", libc::SYS_ptrace, [0, 0, 0, 0, 0, 0]),
        ("kill", libc::SYS_kill, [1, 0, 0, 0, 0, 0]),
        ("tgkill", libc::SYS_tgkill, [1, 1, 0, 0, 0, 0]),
        ("process_vm_readv", libc::SYS_process_vm_readv, [1, 0, 0, 0, 0, 0]),
        ("mmap executable", libc::SYS_mmap, [0, 4096, rw | 4, anonymous, -1, 0]),
        ("mmap shared", libc::SYS_mmap, [0, 4096, rw, 0x21, -1, 0]),
        ("mmap of a file", libc::SYS_mmap, [0, 4096, 1, 2, other_fd, 0]),
        ("mprotect executable", libc::SYS_mprotect, [0, 4096, 5, 0, 0, 0]),
        ("unshare", libc::SYS_unshare, [0, 0, 0, 0, 0, 0]),
        ("setns", libc::SYS_setns, [other_fd, 0, 0, 0, 0, 0]),
        ("bpf", libc::SYS_bpf, [0, 0, 0, 0, 0, 0]),
        ("io_uring_setup", libc::SYS_io_uring_setup, [1, 0, 0, 0, 0, 0]),
        ("keyctl", libc::SYS_keyctl, [0, 0, 0, 0, 0, 0]),
        ("prctl dumpable", libc::SYS_prctl, [4, 1, 0, 0, 0, 0]),
        ("setuid", libc::SYS_setuid, [0, 0, 0, 0, 0, 0]),
        ("read", libc::SYS_read, [other_fd, 0, 0, 0, 0, 0]),
        ("write to another", libc::SYS_write, [other_fd, 0, 0, 0, 0, 0]),
        ("fcntl F_SETOWN", libc::SYS_fcntl, [other_fd, 8, 0, 0, 0, 0]),
        ("fcntl F_DUPFD", libc::SYS_fcntl, [other_fd, 0, 0, 0, 0, 0]),
        ("another timer", libc::SYS_timerfd_settime, [other_fd, 1, 0, 0, 0, 0]),
        ("getsockopt of another", libc::SYS_getsockopt, [other_fd, 1, 4, 0, 0, 0]),
        ("another clock", libc::SYS_clock_gettime, [1, 0, 0, 0, 0, 0]),
    ]
}

/// Closed once the first configuration is committed.
const START_ONLY: [Call; 2] = [
    ("prctl no_new_privs", libc::SYS_prctl, [38, 1, 0, 0, 0, 0]),
    ("seccomp", libc::SYS_seccomp, [1, 0, 0, 0, 0, 0]),
];

/// One call for each line of the table, with arguments that do nothing.
fn allowed(timer: c_long) -> Vec<Call> {
    vec![
        ("epoll_pwait", libc::SYS_epoll_pwait, [-1, 0, 0, 0, 0, 0]),
        #[cfg(target_arch = "x86_64")]
        ("epoll_wait", libc::SYS_epoll_wait, [-1, 0, 0, 0, 0, 0]),
        ("epoll_ctl", libc::SYS_epoll_ctl, [-1, 0, 0, 0, 0, 0]),
        ("timerfd_settime", libc::SYS_timerfd_settime, [timer, 1, 0, 0, 0, 0]),
        ("clock_gettime", libc::SYS_clock_gettime, [7, 0, 0, 0, 0, 0]),
        ("clock_gettime of the wall", libc::SYS_clock_gettime, [0, 0, 0, 0, 0, 0]),
        ("recvmsg", libc::SYS_recvmsg, [-1, 0, 0, 0, 0, 0]),
        ("sendmsg", libc::SYS_sendmsg, [-1, 0, 0, 0, 0, 0]),
        ("getsockopt", libc::SYS_getsockopt, [-1, 1, 55, 0, 0, 0]),
        ("close", libc::SYS_close, [-1, 0, 0, 0, 0, 0]),
        ("fcntl", libc::SYS_fcntl, [-1, 1, 0, 0, 0, 0]),
        ("brk", libc::SYS_brk, [0, 0, 0, 0, 0, 0]),
        ("mmap", libc::SYS_mmap, [0, 4096, 3, 0x22, -1, 0]),
        ("munmap", libc::SYS_munmap, [0, 0, 0, 0, 0, 0]),
        ("mremap", libc::SYS_mremap, [0, 0, 0, 0, 0, 0]),
        ("madvise", libc::SYS_madvise, [0, 0, 0, 0, 0, 0]),
        ("write", libc::SYS_write, [2, 0, 0, 0, 0, 0]),
        ("sigaltstack", libc::SYS_sigaltstack, [0, 0, 0, 0, 0, 0]),
    ]
}

/// Put into words by the child itself: they do not return.
const UNTRIED: [c_long; 2] = [libc::SYS_rt_sigreturn, libc::SYS_exit_group];

/// Not a test of its own: what the child runs.
#[test]
fn attempt() {
    let Ok(name) = std::env::var(ATTEMPT) else { return };
    let flags = TimerFlags::TFD_NONBLOCK;
    let timer = TimerFd::new(ClockId::CLOCK_BOOTTIME, flags).unwrap();
    let other = TimerFd::new(ClockId::CLOCK_BOOTTIME, flags).unwrap();
    let raw = timer.as_fd().as_raw_fd();
    let (phase, name) = name.split_once(' ').unwrap();
    let mut calls = forbidden(other.as_fd().as_raw_fd().into());
    calls.extend(START_ONLY);
    calls.extend(allowed(raw.into()));
    if name == "panic" {
        vipd_ipc::relay::say_panics_in_one_line("vipd-vrrpe");
    }
    let walls = confine::first(raw).unwrap();
    assert!(!walls.landlock.is_empty());
    assert!(walls.missing.is_none_or(|missing| missing.contains("Landlock")));
    if phase == "sealed" {
        confine::seal(raw).unwrap();
    }
    match name {
        "panic" => panic!("two\nlines"),
        "memory" => drop(std::hint::black_box(vec![1_u8; 64 << 20])),
        _ => {
            let (_, number, [a, b, c, d, e, f]) =
                calls.into_iter().find(|(other, ..)| *other == name).unwrap();
            // SAFETY: every pointer is null or a C string; the kernel refuses what it dislikes.
            unsafe { libc::syscall(number, a, b, c, d, e, f) };
        }
    }
    // SAFETY: ends the process.
    unsafe { libc::_exit(THROUGH) };
}

fn try_in_child(phase: &str, name: &str) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "attempt", "--nocapture", "--quiet", "--test-threads=1"])
        .env(ATTEMPT, format!("{phase} {name}"))
        .output()
        .unwrap()
}

fn kills(phase: &str, name: &str) {
    let output = try_in_child(phase, name);
    assert_eq!(output.status.signal(), Some(libc::SIGSYS), "{phase}: {name}: {output:?}");
}

fn passes(phase: &str, name: &str) {
    let output = try_in_child(phase, name);
    assert_eq!(output.status.code(), Some(THROUGH), "{phase}: {name}: {output:?}");
}

#[test]
fn what_is_not_in_the_table_kills() {
    for (name, ..) in forbidden(0) {
        kills("start", name);
        kills("sealed", name);
    }
}

#[test]
fn the_second_filter_closes_the_door_behind_itself() {
    for (name, ..) in START_ONLY {
        passes("start", name);
        kills("sealed", name);
    }
}

#[test]
fn what_is_in_the_table_passes() {
    for (name, ..) in allowed(0) {
        passes("start", name);
        passes("sealed", name);
    }
    passes("sealed", "memory");
}

#[test]
fn every_line_of_the_table_is_tried_and_has_a_reason() {
    for (number, _, phase, reason) in TABLE {
        let tried = match phase {
            Phase::Always => allowed(0).iter().any(|(_, other, _)| other == number),
            Phase::Start => START_ONLY.iter().any(|(_, other, _)| other == number),
        };
        assert!(tried || UNTRIED.contains(number), "system call {number} ({reason})");
        assert!(!reason.is_empty());
    }
}

#[test]
fn a_panic_says_one_line_and_ends() {
    let output = try_in_child("sealed", "panic");
    assert_eq!(output.status.code(), Some(101), "{output:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("vipd-vrrpe: panicked"), "{text}");
    assert!(text.contains("two\\nlines") && text.lines().count() == 1, "{text}");
}
