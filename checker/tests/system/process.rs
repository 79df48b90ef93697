//! Process checks as an engine sees them: a real checker, real processes.

use crate::rig::{Rig, Sleeper, process};
use std::time::{Duration, Instant};
use vipd_ipc::msg::{CheckerToParent, Level};
use vipd_ipc::slice::CheckSlice;

const AT_ONCE: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(3600);

/// Names differ so that the tests of this file do not see each other's processes.
fn name(what: &str) -> String {
    format!("v{}{what}", std::process::id() % 100_000)
}

#[test]
fn death_is_seen_at_once_and_a_restart_at_the_next_interval() {
    let name = name("once");
    let sleeper = Sleeper::start(&name);
    let mut rig = Rig::start();
    let seldom = CheckSlice { interval: Duration::from_secs(1), ..process(1, &name) };
    rig.configure(1, vec![seldom]);
    let (up, reason) = rig.state(1);
    assert!(up, "{reason}");
    assert_eq!(reason, format!("1 process (pid {})", sleeper.child.id()));
    let killed = Instant::now();
    sleeper.end();
    assert_eq!(rig.state(1), (false, format!("no process named {name}")));
    assert!(killed.elapsed() < AT_ONCE, "{:?}", killed.elapsed());
    let restarted = Instant::now();
    let _sleeper = Sleeper::start(&name);
    assert!(rig.state(1).0);
    assert!(restarted.elapsed() < Duration::from_millis(1300), "{:?}", restarted.elapsed());
}

#[test]
fn a_zombie_is_dead() {
    let name = name("zombie");
    let mut sleeper = Sleeper::start(&name);
    let mut rig = Rig::start();
    rig.configure(1, vec![CheckSlice { interval: LONG, ..process(1, &name) }]);
    assert!(rig.state(1).0);
    // Killed and not waited for.
    sleeper.child.kill().unwrap();
    assert!(!rig.state(1).0);
    // And one that was dead before anybody looked.
    let mut second = Rig::start();
    second.configure(1, vec![process(1, &name)]);
    assert!(!second.state(1).0);
}

#[test]
fn only_the_death_of_the_last_one_counts() {
    let name = name("last");
    let (first, second) = (Sleeper::start(&name), Sleeper::start(&name));
    let mut rig = Rig::start();
    let other = self::name("other");
    rig.configure(
        1,
        vec![
            CheckSlice { interval: LONG, ..process(1, &name) },
            CheckSlice { interval: Duration::from_millis(50), ..process(2, &other) },
        ],
    );
    assert!(rig.state(1).1.starts_with("2 processes"));
    assert!(!rig.state(2).0);
    first.end();
    // The other check's two turns prove that time has passed without a word about the first.
    let begun = Sleeper::start(&other);
    assert!(rig.state(2).0);
    begun.end();
    assert!(!rig.state(2).0);
    second.end();
    assert!(!rig.state(1).0);
}

#[test]
fn fall_holds_for_the_extra_sample_too() {
    let name = name("fall");
    let sleeper = Sleeper::start(&name);
    let mut rig = Rig::start();
    let interval = Duration::from_millis(300);
    rig.configure(1, vec![CheckSlice { interval, fall: 3, rise: 2, ..process(1, &name) }]);
    assert!(rig.state(1).0);
    let killed = Instant::now();
    sleeper.end();
    assert!(!rig.state(1).0);
    // The extra sample, then two intervals, of which the first may begin at once.
    assert!(killed.elapsed() >= interval - AT_ONCE, "{:?}", killed.elapsed());
    assert!(killed.elapsed() < interval * 2 + AT_ONCE * 2, "{:?}", killed.elapsed());
    let back = Instant::now();
    let _sleeper = Sleeper::start(&name);
    assert!(rig.state(1).0);
    assert!(back.elapsed() >= interval - AT_ONCE, "{:?}", back.elapsed());
}

#[test]
fn a_proc_that_hides_others_is_said_aloud_and_fails_the_checks() {
    use nix::mount::{MsFlags, mount};
    use nix::sched::{CloneFlags, unshare};
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let name = name("hidden");
    let _sleeper = Sleeper::start(&name);
    let mut rig = Rig::spawn_under(|| {
        unshare(CloneFlags::CLONE_NEWNS)?;
        let none = None::<&str>;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
        mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), Some("hidepid=2"))
    })
    .greeted();
    rig.parent.wait("a line", |message| {
        if let CheckerToParent::Log { level: Level::Error, text } = message {
            text.contains("hidepid").then_some(())
        } else {
            None
        }
    });
    rig.configure(1, vec![process(1, &name)]);
    let (up, reason) = rig.state(1);
    assert!(!up && reason.contains("hidepid"), "{reason}");
}

/// Its main thread ends, another goes on: the kernel then says Z of the whole process.
fn headless(name: &str) -> nix::unistd::Pid {
    use nix::unistd::{ForkResult, fork};
    let name = std::ffi::CString::new(name).unwrap();
    // SAFETY: the child starts a thread and ends the one it has; it never returns.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            let _ = nix::sys::prctl::set_name(&name);
            let _ = nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL);
            let _ = std::thread::spawn(|| std::thread::sleep(LONG));
            // SAFETY: ends this thread only.
            unsafe { libc::syscall(libc::SYS_exit, 0) };
            std::process::abort()
        }
    }
}

#[test]
fn a_process_without_its_main_thread_is_alive() {
    let name = name("head");
    let pid = headless(&name);
    let stat = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let deadline = Instant::now() + crate::rig::PATIENCE;
    while !stat().contains(") Z ") && Instant::now() < deadline {
        std::thread::yield_now();
    }
    let mut rig = Rig::start();
    rig.configure(1, vec![CheckSlice { interval: LONG, ..process(1, &name) }]);
    let state = (stat(), rig.state(1));
    let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
    assert!(state.0.contains(") Z ") && state.1.0, "{state:?}");
    assert!(!rig.state(1).0);
    let _ = nix::sys::wait::waitpid(pid, None);
}
