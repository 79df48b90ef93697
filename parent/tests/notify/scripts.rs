//! What commands of instances are told, as whom they run, and in which order.

use crate::rig::{Host, VIP, globals, instance};
use std::time::Duration;
use vipd_lab::Stamp;
use vipd_lab::forge::{self, Forged};

#[test]
fn arguments_are_those_of_keepalived() {
    let mut host = Host::boot();
    for name in ["all", "master", "backup", "fault", "stop"] {
        host.writes(name);
    }
    let lines = "notify \"/run/all 'one two' \\\\x33\";notify_master \"/run/master 'x  y' z\";\
                 notify_backup /run/backup;notify_fault \"/run/fault\";notify_stop '/run/stop now'";
    host.start(&(globals("") + &instance("VI_1", 51, VIP, lines)));
    host.last("all", "|one two|3|INSTANCE|VI_1|MASTER|150");
    assert_eq!(host.written("master"), ["|x  y|z"]);
    assert_eq!(host.written("backup"), [""]);
    host.fault(true);
    host.last("all", "|one two|3|INSTANCE|VI_1|FAULT|150");
    assert_eq!(host.written("fault"), [""]);
    host.fault(false);
    host.last("all", "|one two|3|INSTANCE|VI_1|MASTER|150");
    host.stop();
    assert_eq!(host.written("stop"), ["|now"]);
    let told: Vec<String> = host.written("all");
    let states: Vec<&str> = told.iter().map(|line| line.split('|').nth(5).unwrap()).collect();
    assert_eq!(states, ["BACKUP", "MASTER", "FAULT", "BACKUP", "MASTER", "STOP"]);
}

#[test]
fn user_and_group_are_those_of_the_line() {
    let mut host = Host::boot();
    let id = "#!/bin/sh\necho \"$(id -un) $(id -gn) $(id -Gn) $HOME\" >> /run/out/$1\n";
    host.script("id", id);
    let lines = "notify_backup \"/run/id backup\";notify_master \"/run/id master\" games;\
                 notify_stop \"/run/id stop\" games :tty";
    host.start(&(globals("") + &instance("VI_1", 51, VIP, lines)));
    host.wait("the second state", || !host.written("master").is_empty());
    host.stop();
    assert_eq!(host.written("backup"), ["daemon daemon daemon /usr/sbin"]);
    assert_eq!(host.written("master"), ["games games games /usr/games"]);
    assert_eq!(host.written("stop"), ["games tty tty /usr/games"]);
}

/// A command may count on what it is told: MASTER when the address is there, anything else when it is
/// gone.
#[test]
fn what_is_told_is_true_in_the_kernel() {
    let mut host = Host::boot();
    let look = format!(
        "#!/bin/sh\nif ip -o address show | grep -q '{VIP}/'; then there=yes; else there=no; fi\n\
         echo \"$3 $there\" >> /run/out/look\n"
    );
    host.script("look", &look);
    // Longer than a command needs to start, so that it does not look at the next state.
    let slow =
        instance("VI_1", 51, VIP, "notify /run/look").replace("advert_int 0.1", "advert_int 1");
    host.start(&(globals("") + &slow));
    host.last("look", "MASTER yes");
    host.fault(true);
    host.last("look", "FAULT no");
    host.fault(false);
    host.last("look", "MASTER yes");
    host.stop();
    let told = host.written("look");
    assert_eq!(told, ["BACKUP no", "MASTER yes", "FAULT no", "BACKUP no", "MASTER yes", "STOP no"]);
}

/// What a script that writes its begin and end has written: state and whether it ended. Two that run
/// at a time, or one that does not end, are an error.
fn told_one_by_one(host: &Host, name: &str) -> Vec<String> {
    let mut told = Vec::new();
    let mut open: Option<String> = None;
    for line in host.written(name) {
        let words: Vec<&str> = line.split(' ').collect();
        let id = format!("{} {}", words[1], words[2]);
        if words[0] == "begin" {
            assert_eq!(open, None, "two at a time: {:?}", host.written(name));
            told.push(words[2].to_owned());
            open = Some(id);
        } else {
            assert_eq!(open.take(), Some(id), "{:?}", host.written(name));
        }
    }
    told
}

/// Changes come faster than commands end. They run one at a time, and the last state told is the
/// truth; two instances do not wait for each other.
#[test]
fn many_flips_in_order() {
    let mut host = Host::boot();
    let slow = "#!/bin/sh\necho \"begin $$ $3\" >> /run/out/$2\nsleep 0.7\n\
                echo \"end $$ $3\" >> /run/out/$2\n";
    host.script("slow", slow);
    let lines = "notify /run/slow;notify_fault \"/run/slow - ONE FAULT\"";
    let config = globals("")
        + &instance("ONE", 51, VIP, lines)
        + &instance("TWO", 52, "10.88.88.101", "notify /run/slow");
    host.start(&config);
    let states = |since: Stamp, state: &str| {
        let all = host.node.syslog().lines();
        let entered = format!("(ONE) Entering {state} STATE");
        all.iter().filter(|line| line.at >= since && line.text.contains(&entered)).count()
    };
    let begun = Stamp::now();
    for flip in 1..=12 {
        host.wait("MASTER again", || states(begun, "MASTER") >= flip);
        host.fault(true);
        host.wait("FAULT", || states(begun, "FAULT") >= flip);
        host.fault(false);
    }
    host.wait("MASTER at last", || states(begun, "MASTER") >= 13);
    for name in ["ONE", "TWO"] {
        host.wait(&format!("the last news of {name}"), || {
            host.written(name).last().is_some_and(|line| line.starts_with("end"))
                && host.written(name).len() > 2
                && told_one_by_one(&host, name).last().is_some_and(|state| state == "MASTER")
        });
    }
    // 37 changes with two commands for some, of 0.7 s each, in far less time.
    host.logged(begun, "(ONE) ");
    host.logged(begun, "changes were not told to notify commands");
    let one = told_one_by_one(&host, "ONE");
    assert!(one.len() < 49, "{one:?}");
    host.stop();
    assert_eq!(told_one_by_one(&host, "ONE").last().unwrap(), "STOP");
    assert_eq!(told_one_by_one(&host, "TWO").last().unwrap(), "STOP");
}

#[test]
fn one_that_hangs_is_ended_with_its_children_and_the_next_runs() {
    let mut host = Host::boot();
    host.writes("all");
    let hangs = "#!/bin/sh\ntrap '' TERM\nsleep 4711 &\necho $! > /run/out/child\nwait\nwait\n";
    host.script("hangs", hangs);
    let lines = "notify_master /run/hangs;notify /run/all";
    let begun = Stamp::now();
    host.start(&(globals("notify_timeout 1.5") + &instance("VI_1", 51, VIP, lines)));
    host.wait("the child", || !host.written("child").is_empty());
    assert!(host.runs("sleep"));
    // The time limit, then two seconds for one that does not want to end.
    host.last("all", "|INSTANCE|VI_1|MASTER|150");
    host.logged(
        begun,
        "(VI_1) notify_master /run/hangs did not end within 1.5 s (notify_timeout): it was ended, \
         with all that it started",
    );
    assert!(!host.runs("sleep") && !host.runs("hangs"));
    assert!(host.holds(VIP));
    host.stop();
}

/// What does not go well is one line, and nothing else happens.
#[test]
fn each_failure_is_one_line() {
    let mut host = Host::boot();
    host.node.write("/run/plain", "#!/bin/sh\nexit 0\n").unwrap();
    host.script("fails", "#!/bin/sh\nexit 3\n");
    host.script("dies", "#!/bin/sh\nkill -9 $$\n");
    host.writes("last");
    let begun = Stamp::now();
    let lines = "notify_backup /run/missing;notify_master \"/run/plain\";notify_fault /run/fails;\
                 notify_stop /run/dies";
    let other = "notify_backup /run/last nobody-of-that-name;notify_stop /run/last";
    let config = globals("")
        + &instance("VI_1", 51, VIP, lines)
        + &instance("VI_2", 52, "10.88.88.101", other);
    host.start(&config);
    host.wait("the address", || host.holds(VIP));
    host.fault(true);
    host.logged(begun, "(VI_1) notify_fault /run/fails exited with status 3");
    host.stop();
    let once = |part: &str| {
        let all = host.node.syslog().lines();
        let count = all.iter().filter(|line| line.text.contains(part)).count();
        assert_eq!(count, 1, "{part}\n{}", host.node.syslog().text());
    };
    once("(VI_1) notify_backup /run/missing cannot be started: No such file or directory");
    once("(VI_1) notify_master /run/plain cannot be started: Permission denied");
    once("(VI_1) notify_fault /run/fails exited with status 3");
    once("(VI_1) notify_stop /run/dies was ended by signal 9");
    once("(VI_2) notify_backup cannot be started: no user nobody-of-that-name");
    assert_eq!(host.written("last"), [""]);
}

/// A worse router beside a MASTER is told of, but not as often as it likes.
#[test]
fn a_worse_router_is_told_of_once_a_second() {
    let mut host = Host::boot();
    host.writes("lower");
    host.writes("all");
    let lines = "notify_master_rx_lower_pri \"/run/lower x\";notify /run/all";
    host.start(&(globals("") + &instance("VI_1", 51, VIP, lines)));
    host.last("all", "|INSTANCE|VI_1|MASTER|150");
    let stranger = host.net.boot("stranger", "10.88.88.66/24").unwrap();
    let (own, group) = ("10.88.88.66".parse().unwrap(), "224.0.0.18".parse().unwrap());
    let forged = Forged::new(own, group, 51, 50, VIP.parse().unwrap());
    let packets = vec![Forged { version: 3, interval: 10, ..forged }.packet(); 20];
    forge::send(&stranger, group, &packets).unwrap();
    host.last("lower", "|x");
    let end = Stamp::now().plus(Duration::from_millis(500));
    host.wait("time to pass", || Stamp::now() >= end);
    assert!((1..=2).contains(&host.written("lower").len()), "{:?}", host.written("lower"));
    assert_eq!(host.written("all").len(), 2, "{:?}", host.written("all"));
    host.stop();
}
