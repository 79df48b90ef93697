//! The walls themselves: what is not in the table of calls ends the process, and Landlock leaves
//! /proc and nothing else. Each attempt is made in a child process of its own.

#[path = "../../src/confine.rs"]
mod confine;
#[path = "../../src/walls.rs"]
mod walls;

use crate::rig::Folder;
use confine::{START, STEADY, TCP, UNIX, WATCH};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use std::io::{ErrorKind, Read};
use vipd_ipc::slice::Reach;

/// How a child ends that confines itself (to nothing, without tables) and then makes these attempts.
fn attempt(tables: impl AsRef<[&'static [confine::Allowed]]>, tries: impl FnOnce()) -> WaitStatus {
    let tables = tables.as_ref();
    // SAFETY: the child makes system calls and ends without returning.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            let applied = tables.is_empty() || confine::apply(tables).is_ok();
            tries();
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(if applied { 42 } else { 1 }) }
        }
        ForkResult::Parent { child } => waitpid(child, None).unwrap(),
    }
}

fn call(number: i64, arguments: [i64; 4]) {
    let [a, b, c, d] = arguments;
    // SAFETY: only called with numbers, null pointers and pointers to constants.
    unsafe { libc::syscall(number, a, b, c, d) };
}

fn path() -> i64 {
    c"/proc/self/status".as_ptr() as i64
}

#[test]
fn what_is_not_in_the_table_ends_the_process() {
    let forbidden: &[(&str, fn())] = &[
        ("socket", || call(libc::SYS_socket, [2, 1, 0, 0])),
        ("socketpair", || call(libc::SYS_socketpair, [1, 1, 0, 0])),
        ("connect", || call(libc::SYS_connect, [3, 0, 0, 0])),
        ("setsockopt", || call(libc::SYS_setsockopt, [3, 1, 1, 0])),
        ("execve", || call(libc::SYS_execve, [path(), 0, 0, 0])),
        ("ptrace", || call(libc::SYS_ptrace, [0, 0, 0, 0])),
        ("kill", || call(libc::SYS_kill, [1, 0, 0, 0])),
        ("pidfd_send_signal", || call(libc::SYS_pidfd_send_signal, [3, 0, 0, 0])),
        ("clone", || call(libc::SYS_clone, [17, 0, 0, 0])),
        ("clone3", || call(libc::SYS_clone3, [0, 0, 0, 0])),
        ("setuid", || call(libc::SYS_setuid, [0, 0, 0, 0])),
        ("unlinkat", || call(libc::SYS_unlinkat, [-100, 0, 0, 0])),
        ("mount", || call(libc::SYS_mount, [0, 0, 0, 0])),
        ("bpf", || call(libc::SYS_bpf, [0, 0, 0, 0])),
        ("io_uring_setup", || call(libc::SYS_io_uring_setup, [1, 0, 0, 0])),
        ("prctl", || call(libc::SYS_prctl, [4, 1, 0, 0])),
        ("open to write", || call(libc::SYS_openat, [-100, path(), 1, 0])),
        ("open both ways", || call(libc::SYS_openat, [-100, path(), 2, 0])),
        ("open to create", || call(libc::SYS_openat, [-100, path(), 0o100, 0])),
        ("open to truncate", || call(libc::SYS_openat, [-100, path(), 0o1000, 0])),
        ("openat2", || call(libc::SYS_openat2, [-100, path(), 0, 0])),
        ("unnamed file", || call(libc::SYS_openat, [-100, path(), 0o20_200_000, 0])),
        ("write to another descriptor", || call(libc::SYS_write, [3, 0, 0, 0])),
        ("executable memory", || call(libc::SYS_mmap, [0, 4096, 7, 0x22])),
        ("memory of a file", || call(libc::SYS_mmap, [0, 4096, 1, 2])),
        ("shared memory", || call(libc::SYS_mmap, [0, 4096, 3, 0x21])),
        ("making memory executable", || call(libc::SYS_mprotect, [0, 4096, 5, 0])),
        ("stat by name", || call(libc::SYS_newfstatat, [-100, path(), 0, 0])),
        ("another limit", || call(libc::SYS_prlimit64, [0, 7, path(), 0])),
    ];
    for (name, tries) in forbidden {
        let end = attempt([STEADY], tries);
        assert!(
            matches!(end, WaitStatus::Signaled(_, nix::sys::signal::Signal::SIGSYS, _)),
            "{name}: {end:?}"
        );
    }
}

#[test]
fn what_the_checker_does_is_allowed() {
    let end = attempt([STEADY], || {
        let walked = std::fs::read_dir("/proc").is_ok_and(|dir| dir.count() > 0);
        let mut text = Vec::new();
        let read = std::fs::File::open("/proc/self/status")
            .and_then(|file| file.take(4096).read_to_end(&mut text))
            .is_ok_and(|n| n > 0);
        unless(walked && read, 1);
    });
    assert!(matches!(end, WaitStatus::Exited(_, 42)), "{end:?}");
}

fn unless(good: bool, code: i32) {
    if !good {
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(code) }
    }
}

#[test]
fn no_wall_is_missing_here() {
    let end = attempt([], || {
        unless(walls::before_the_first_message().is_empty(), 2);
        let reach = [Reach::Watch, Reach::Tcp, Reach::Read(b"/tmp".to_vec())];
        unless(walls::before_the_first_check(&reach).is_empty(), 3);
        unless(walls::descriptors() > 0, 5);
    });
    assert!(matches!(end, WaitStatus::Exited(_, 42)), "{end:?}");
}

#[test]
fn landlock_and_the_limits_leave_proc_only() {
    let end = attempt([], || {
        unless(walls::around_files(&[]).is_empty(), 2);
        let kind = |path| std::fs::File::open(path).map_err(|e| e.kind()).err();
        let denied = Some(ErrorKind::PermissionDenied);
        unless(kind("/proc/1/comm").is_none(), 3);
        unless(kind("/etc/passwd") == denied, 4);
        unless(std::fs::read_dir("/").map_err(|e| e.kind()).err() == denied, 5);
        unless(
            std::fs::write("/proc/self/comm", "x").map_err(|e| e.kind())
                == Err(ErrorKind::PermissionDenied),
            6,
        );
        let bound = std::net::TcpListener::bind("127.0.0.1:0").map_err(|e| e.kind()).err();
        unless(bound == denied, 7);
        let connected = std::net::TcpStream::connect("127.0.0.1:1").map_err(|e| e.kind()).err();
        unless(connected == denied, 8);
    });
    assert!(matches!(end, WaitStatus::Exited(_, 42)), "{end:?}");
}

/// One folder that is there, and one that will be made in a folder that is.
#[test]
fn landlock_leaves_what_the_checks_need() {
    let (one, two) = (Folder::new("walls-one"), Folder::new("walls-two"));
    one.write("file", "x");
    let reach = vec![
        Reach::Read(one.bytes("")),
        Reach::Read(two.bytes("a/b")),
        Reach::Unix(one.bytes("")),
        Reach::Tcp,
    ];
    let (mine, late) = (one.0.join("file"), two.0.join("a"));
    let end = attempt([], move || {
        unless(walls::around_files(&reach).is_empty(), 2);
        let kind = |path: &std::path::Path| std::fs::File::open(path).map_err(|e| e.kind()).err();
        unless(kind(&mine).is_none(), 3);
        unless(kind(&late) == Some(ErrorKind::NotFound), 4);
        unless(kind("/etc/passwd".as_ref()) == Some(ErrorKind::PermissionDenied), 5);
        let write = std::fs::write(&mine, "y").map_err(|e| e.kind());
        unless(write == Err(ErrorKind::PermissionDenied), 6);
        let connected = std::net::TcpStream::connect("127.0.0.1:1").map_err(|e| e.kind()).err();
        unless(connected == Some(ErrorKind::ConnectionRefused), 7);
    });
    assert!(matches!(end, WaitStatus::Exited(_, 42)), "{end:?}");
}

/// A client of the kinds that checks are, and nothing else.
#[test]
fn sockets_are_for_calling_servers_only() {
    let (nonblocking, stream, datagram, raw) = (0o4000, 1, 2, 3);
    let forbidden: &[(&[confine::Allowed], i64, [i64; 4])] = &[
        (TCP, libc::SYS_socket, [1, stream, 0, 0]),
        (TCP, libc::SYS_socket, [2, datagram, 0, 0]),
        (TCP, libc::SYS_socket, [10, raw, 0, 0]),
        (TCP, libc::SYS_socket, [16, raw, 0, 0]),
        (TCP, libc::SYS_socket, [17, stream, 0, 0]),
        (TCP, libc::SYS_bind, [3, 0, 0, 0]),
        (TCP, libc::SYS_listen, [3, 1, 0, 0]),
        (TCP, libc::SYS_accept4, [3, 0, 0, 0]),
        (TCP, libc::SYS_setsockopt, [3, 1, 36, 0]),
        (TCP, libc::SYS_setsockopt, [3, 6, 13, 0]),
        (TCP, libc::SYS_getsockopt, [3, 1, 17, 0]),
        (UNIX, libc::SYS_socket, [2, stream, 0, 0]),
        (UNIX, libc::SYS_socket, [1, datagram, 0, 0]),
        (WATCH, libc::SYS_socket, [2, stream, 0, 0]),
        (WATCH, libc::SYS_inotify_init1, [0, 0, 0, 0]),
    ];
    for (table, number, arguments) in forbidden {
        let end = attempt(vec![STEADY, *table], || call(*number, *arguments));
        assert!(
            matches!(end, WaitStatus::Signaled(_, nix::sys::signal::Signal::SIGSYS, _)),
            "{number} {arguments:?}: {end:?}"
        );
    }
    for (table, domain) in [(TCP, 2), (TCP, 10), (UNIX, 1)] {
        let end = attempt(vec![STEADY, table], || {
            call(libc::SYS_socket, [domain, stream | nonblocking, 0, 0]);
            call(libc::SYS_connect, [-1, 0, 0, 0]);
        });
        assert!(matches!(end, WaitStatus::Exited(_, 42)), "{domain}: {end:?}");
    }
}

#[test]
fn the_first_step_lets_the_second_come_but_starts_nothing() {
    let end = attempt([STEADY, START], || {
        unless(confine::apply(&[STEADY]).is_ok(), 1);
    });
    assert!(matches!(end, WaitStatus::Exited(_, 42)), "{end:?}");
    for number in [libc::SYS_socket, libc::SYS_execve, libc::SYS_clone, libc::SYS_ptrace] {
        for (call, _, why) in STEADY.iter().chain(START) {
            assert_ne!(*call, number, "{why}");
        }
    }
}
