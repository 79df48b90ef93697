//! Notify commands and readers: what they are told, how they are ended, and which configuration they
//! come from.

use crate::rig::{Rig, directory, file, is_gone, until};
use std::path::PathBuf;
use vipd_ipc::msg::{ParentToStarter, StarterToParent};
use vipd_types::{FifoId, Generation, News, NotifyId, Outcome, RunId};

fn configuration(lines: &str, globals: &str) -> String {
    format!(
        "global_defs {{\n script_user daemon\n notify_timeout 1\n {globals}\n}}\n\
         vrrp_instance one {{\n interface eth0\n virtual_router_id 51\n virtual_ipaddress {{\n  \
         192.0.2.1\n }}\n {lines}\n}}\n"
    )
}

/// Scripts in a directory; `lines` name them by `DIR/NAME`.
fn start(dir: PathBuf, lines: &str, globals: &str) -> Rig {
    let place = dir.display().to_string();
    let text = configuration(lines, globals).replace("DIR", &place);
    let mut rig = Rig::greeted(dir, &text);
    rig.stage(1, &text);
    rig.say(&ParentToStarter::Commit { generation: Generation(1) });
    rig
}

fn begin(rig: &mut Rig, generation: u32, command: u32, run: u64) {
    rig.say(&ParentToStarter::Notify {
        generation: Generation(generation),
        command: NotifyId(command),
        run: RunId(run),
        news: News::MasterPriority,
        priority: 7,
    });
}

fn ended(rig: &mut Rig, run: u64) -> Outcome {
    rig.wait("Ended", |message| match message {
        StarterToParent::Ended { run: r, outcome } if r == RunId(run) => Some(outcome),
        _ => None,
    })
}

#[test]
fn only_notify_is_told_what_has_happened() {
    let dir = directory();
    let text = "#!/bin/sh\necho \"$*\" > DIR/$1\n".replace("DIR", &dir.display().to_string());
    file(&dir, "write", &text, 0o755);
    let lines = "notify_master \"DIR/write a\"\n notify \"DIR/write b\"";
    let mut rig = start(dir, lines, "");
    for (command, name, told) in [(0, "a", "a\n"), (1, "b", "b INSTANCE one MASTER_PRIORITY 7\n")] {
        begin(&mut rig, 1, command, 1);
        assert_eq!(ended(&mut rig, 1), Outcome::Exited(0));
        assert_eq!(rig.written(name), told);
    }
}

#[test]
fn a_number_that_nobody_knows_is_refused() {
    let mut rig = start(directory(), "notify_master /bin/true", "");
    for (generation, command) in [(1, 1), (1, u32::MAX), (2, 0), (0, 0)] {
        begin(&mut rig, generation, command, 1);
        assert_eq!(ended(&mut rig, 1), Outcome::NotStarted(libc::EINVAL));
    }
    // A check and a command may have one number: they are counted apart.
    rig.say(&ParentToStarter::Read { generation: Generation(1), fifo: FifoId(0), run: RunId(9) });
    assert_eq!(ended(&mut rig, 9), Outcome::NotStarted(libc::EINVAL));
}

/// What is told of an instance that a reload removes is run from the configuration that had it.
#[test]
fn a_former_configuration_is_known_for_a_while() {
    let dir = directory();
    let mut rig = start(dir.clone(), "notify_deleted \"/bin/sh -c 'exit 4'\"", "");
    for generation in 2..=5 {
        let text = configuration("notify_deleted /bin/true", &format!("router_id x{generation}"));
        file(&dir, "keepalived.conf", &text, 0o600);
        rig.stage(generation, &text);
        rig.say(&ParentToStarter::Commit { generation: Generation(generation) });
        begin(&mut rig, 1, 0, 1);
        assert_eq!(ended(&mut rig, 1), Outcome::Exited(4), "{generation}");
        begin(&mut rig, generation, 0, 2);
        assert_eq!(ended(&mut rig, 2), Outcome::Exited(0), "{generation}");
    }
    let text = configuration("", "");
    file(&dir, "keepalived.conf", &text, 0o600);
    rig.stage(6, &text);
    rig.say(&ParentToStarter::Commit { generation: Generation(6) });
    begin(&mut rig, 1, 0, 3);
    assert_eq!(ended(&mut rig, 3), Outcome::NotStarted(libc::EINVAL));
}

/// The end is told when the command is gone, not when its time is up; what one that ends by itself has
/// started lives on.
#[test]
fn the_end_is_the_end() {
    let dir = directory();
    let hangs = "#!/bin/sh\ntrap '' TERM\nsleep 300 &\necho $! > DIR/child\nwait\nwait\n";
    let leaves = "#!/bin/sh\nsleep 30 &\necho $! > DIR/left\n";
    let place = dir.display().to_string();
    file(&dir, "hangs", &hangs.replace("DIR", &place), 0o755);
    file(&dir, "leaves", &leaves.replace("DIR", &place), 0o755);
    let mut rig = start(dir, "notify_master DIR/hangs\n notify_backup DIR/leaves", "");
    begin(&mut rig, 1, 0, 1);
    let child = rig.written("child");
    assert_eq!(ended(&mut rig, 1), Outcome::TimedOut);
    assert!(until(|| is_gone(&child)));
    rig.logged("did not end within 1 s (notify_timeout)");
    begin(&mut rig, 1, 1, 2);
    assert_eq!(ended(&mut rig, 2), Outcome::Exited(0));
    let left = rig.written("left");
    assert!(!is_gone(&left));
    let pid = nix::unistd::Pid::from_raw(left.trim().parse().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
}

#[test]
fn a_reader_has_no_time_limit_and_ends_when_asked() {
    let dir = directory();
    let reads = "#!/bin/sh\necho \"$*\" > DIR/args\nexec sleep 300\n";
    file(&dir, "reads", &reads.replace("DIR", &dir.display().to_string()), 0o755);
    let globals = "notify_fifo /run/x\n notify_fifo_script \"DIR/reads one\"";
    let mut rig = start(dir, "", globals);
    rig.say(&ParentToStarter::Read { generation: Generation(1), fifo: FifoId(0), run: RunId(1) });
    assert_eq!(rig.written("args"), "one /run/x\n");
    let begun = std::time::Instant::now();
    assert!(until(|| begun.elapsed() > std::time::Duration::from_millis(1500)));
    rig.say(&ParentToStarter::Quit { run: RunId(1) });
    assert_eq!(ended(&mut rig, 1), Outcome::Signalled(libc::SIGTERM));
}
