//! How scripts run and how they end.

use crate::rig::{Rig, directory, file, is_gone, until};
use std::time::{Duration, Instant};
use vipd_ipc::msg::ParentToStarter;
use vipd_types::Outcome;

const USER: Option<&str> = Some("daemon");

#[test]
fn the_exit_status_comes_back() {
    let dir = directory();
    let missing = dir.join("missing").display().to_string();
    let plain = file(&dir, "plain", "#!/bin/sh\nexit 0\n", 0o644);
    let no_interpreter = file(&dir, "none", "exit 7\n", 0o755);
    let bad_interpreter = file(&dir, "bad", "#!/no/such/shell\n", 0o755);
    let kills_itself = file(&dir, "kills", "#!/bin/sh\nkill -9 $$\n", 0o755);
    let mut rig = Rig::start(
        dir,
        USER,
        &[
            "true".into(),
            "/bin/false".into(),
            "/bin/sh -c 'exit 126'".into(),
            missing,
            plain,
            no_interpreter,
            bad_interpreter,
            kills_itself,
            "no-such-program-anywhere".into(),
        ],
    );
    assert_eq!(rig.run(0), Outcome::Exited(0));
    assert_eq!(rig.run(1), Outcome::Exited(1));
    assert_eq!(rig.run(2), Outcome::Exited(126));
    assert_eq!(rig.run(3), Outcome::NotStarted(libc::ENOENT));
    assert_eq!(rig.run(4), Outcome::NotStarted(libc::EACCES));
    assert_eq!(rig.run(5), Outcome::Exited(7));
    assert_eq!(rig.run(6), Outcome::NotStarted(libc::ENOENT));
    assert_eq!(rig.run(7), Outcome::Signalled(9));
    assert_eq!(rig.run(8), Outcome::NotStarted(libc::ENOENT));
}

#[test]
fn a_script_that_hangs_has_failed_at_its_deadline() {
    let mut rig = Rig::start(directory(), USER, &["sleep 60".into()]);
    let begun = Instant::now();
    assert_eq!(rig.run(0), Outcome::TimedOut);
    let took = begun.elapsed();
    assert!((900..1500).contains(&took.as_millis()), "{took:?}");
}

#[test]
fn trapping_the_signal_does_not_help_and_exiting_0_then_neither() {
    let dir = directory();
    let polite = "#!/bin/sh\ntrap 'exit 0' TERM\nwhile :; do sleep 0.05; done\n";
    let polite = file(&dir, "polite", polite, 0o755);
    let deaf = "#!/bin/sh\ntrap '' TERM\necho $$ > deaf.pid\nwhile :; do sleep 0.05; done\n";
    let deaf = deaf.replace("deaf.pid", &dir.join("deaf.pid").display().to_string());
    let deaf = file(&dir, "deaf", &deaf, 0o755);
    let mut rig = Rig::start(dir, USER, &[polite, deaf]);
    let (polite, deaf) = (rig.begin(0), rig.begin(1));
    let begun = Instant::now();
    assert_eq!(rig.done(polite), Outcome::TimedOut);
    assert_eq!(rig.done(deaf), Outcome::TimedOut);
    let pid = rig.written("deaf.pid");
    assert!(!is_gone(&pid));
    assert!(until(|| is_gone(&pid)));
    assert!(begun.elapsed() > Duration::from_millis(2500), "{:?}", begun.elapsed());
}

#[test]
fn asking_again_ends_the_run_that_lingers() {
    let dir = directory();
    let deaf = "#!/bin/sh\ntrap '' TERM\necho $$ >> DIR/pids\nwhile :; do sleep 0.05; done\n";
    let deaf = file(&dir, "deaf", &deaf.replace("DIR", &dir.display().to_string()), 0o755);
    let mut rig = Rig::start(dir, USER, &[deaf]);
    assert_eq!(rig.run(0), Outcome::TimedOut);
    let first = rig.written("pids");
    assert!(!is_gone(&first));
    let begun = Instant::now();
    rig.begin(0);
    assert!(until(|| is_gone(&first)));
    assert!(begun.elapsed() < Duration::from_millis(1000), "{:?}", begun.elapsed());
}

#[test]
fn no_grandchild_survives() {
    let dir = directory();
    let leaves = "#!/bin/sh\nsleep 300 &\necho $! > DIR/pid\nexit 0\n";
    let leaves = file(&dir, "leaves", &leaves.replace("DIR", &dir.display().to_string()), 0o755);
    let hangs = "#!/bin/sh\nsleep 300 &\necho $! > DIR/pid2\nwait\n";
    let hangs = file(&dir, "hangs", &hangs.replace("DIR", &dir.display().to_string()), 0o755);
    let mut rig = Rig::start(dir, USER, &[leaves, hangs]);
    assert_eq!(rig.run(0), Outcome::Exited(0));
    let pid = rig.written("pid");
    assert!(until(|| is_gone(&pid)));
    assert_eq!(rig.run(1), Outcome::TimedOut);
    let pid = rig.written("pid2");
    assert!(until(|| is_gone(&pid)));
}

#[test]
fn output_is_kept_as_far_as_it_tells_and_stops_nobody() {
    let flood = "/bin/sh -c 'head -c 50000000 /dev/zero; head -c 50000000 /dev/zero >&2'";
    let tells = "/bin/sh -c 'echo connection refused; echo by 10.0.0.1 >&2; exit 1'";
    let hangs = "/bin/sh -c 'echo waiting; sleep 60'";
    let mut rig = Rig::start(directory(), USER, &[flood.into(), tells.into(), hangs.into()]);
    assert_eq!(rig.run(0), Outcome::Exited(0));
    assert_eq!(rig.printed(1), "connection refused; by 10.0.0.1");
    assert_eq!(rig.printed(2), "waiting");
}

#[test]
fn the_surroundings_are_clean() {
    let dir = directory();
    let look = "#!/bin/sh\nexec 8>DIR/out; { pwd -P; env | sort; \
                grep -E '^(Uid|Gid|Groups|SigBlk|SigIgn|CapInh|CapPrm|CapEff|CapAmb|NoNewPrivs)' \
                /proc/self/status; for f in /proc/$$/fd/*; do readlink $f; done; \
                echo end; } >&8\n";
    let look = file(&dir, "look", &look.replace("DIR", &dir.display().to_string()), 0o755);
    let where_am_i = format!("/bin/sh -c 'pwd > {}/where'", dir.display());
    let mut rig = Rig::start(dir, USER, &[look, where_am_i]);
    assert_eq!(rig.run(1), Outcome::Exited(0));
    assert_eq!(rig.written("where"), "/\n");
    assert_eq!(rig.run(0), Outcome::Exited(0));
    let out = rig.written("out");
    let has = |line: &str| assert!(out.lines().any(|l| l == line), "{line} is not in\n{out}");
    has("Uid:\t1\t1\t1\t1");
    has("Gid:\t1\t1\t1\t1");
    has("Groups:\t1 ");
    has("NoNewPrivs:\t1");
    has("SigBlk:\t0000000000000000");
    has("SigIgn:\t0000000000000000");
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        has(&format!("{set}:\t0000000000000000"));
    }
    has("USER=daemon");
    has("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    assert!(!out.contains("LEAKED"), "{out}");
    assert!(!out.contains("socket:") && !out.contains("anon"), "{out}");
    // Standard output and error, and nothing else.
    assert_eq!(out.lines().filter(|line| line.starts_with("pipe:")).count(), 2, "{out}");
    assert_eq!(out.lines().filter(|line| *line == "/dev/null").count(), 1, "{out}");
}

#[test]
fn root_only_in_so_many_words() {
    let dir = directory();
    let whoami = format!("/bin/sh -c 'id -u > {}/uid'", dir.display());
    let mut rig = Rig::start(dir, Some("root"), &[whoami]);
    rig.logged("runs as root");
    assert_eq!(rig.run(0), Outcome::Exited(0));
    assert_eq!(rig.written("uid"), "0\n");
}

#[test]
fn what_no_script_may_do_is_denied_and_the_network_is_not() {
    let dir = directory();
    let unshare = "/bin/sh -c 'unshare -U true 2>/dev/null && exit 3; exit 0'".to_string();
    let udp = "bash -c 'echo x > /dev/udp/127.0.0.1/9'".to_string();
    let mut rig = Rig::start(dir, USER, &[unshare, udp]);
    assert_eq!(rig.run(0), Outcome::Exited(0));
    assert_eq!(rig.run(1), Outcome::Exited(0));
}

#[test]
fn kill_ends_a_run_and_all_that_it_started() {
    let dir = directory();
    let tree = "#!/bin/sh\nsleep 300 &\necho $! > DIR/pid\nwait\n";
    let tree = file(&dir, "tree", &tree.replace("DIR", &dir.display().to_string()), 0o755);
    let mut rig = Rig::start(dir, USER, &[tree]);
    let run = rig.begin(0);
    let pid = rig.written("pid");
    rig.say(&ParentToStarter::Kill { run });
    assert_eq!(rig.done(run), Outcome::Signalled(9));
    assert!(until(|| is_gone(&pid)));
}

#[test]
fn the_starter_keeps_three_capabilities_and_no_more() {
    let rig = Rig::start(directory(), USER, &["true".into()]);
    let status = rig.status();
    // KILL, SETGID, SETUID.
    for set in ["CapPrm", "CapEff", "CapBnd"] {
        assert!(status.contains(&format!("{set}:\t00000000000000e0\n")), "{status}");
    }
    for set in ["CapInh", "CapAmb"] {
        assert!(status.contains(&format!("{set}:\t0000000000000000\n")), "{status}");
    }
    assert!(status.contains("NoNewPrivs:\t1\n"), "{status}");
    assert!(status.contains("Seccomp:\t2\n"), "{status}");
}

#[test]
fn without_the_right_to_switch_scripts_run_as_the_starter() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let dir = directory();
    let whoami = format!("/bin/sh -c 'id -u > {}/uid'", dir.display());
    let mut rig = Rig::start_as(Some(2), dir, Some("daemon"), &[whoami]);
    rig.logged("cannot change users");
    assert_eq!(rig.run(0), Outcome::Exited(0));
    assert_eq!(rig.written("uid"), "2\n");
}
