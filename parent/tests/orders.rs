//! What an operator orders with vipctl, seen on the wire, in the kernel, in the audit trail and by
//! whoever monitors.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs;
use vipd_lab::clock::{Stamp, wait_until};
use vipd_lab::frame::Advert;
use vipd_lab::run::Output;
use vipd_lab::scenario::{Host, LIMIT, NODE1, Pair};
use vipd_lab::{Daemon, paths};

/// Both with `nopreempt`, so that no priority moves the address.
fn stubborn() -> Pair {
    let change = |text: &str| {
        let text = text.replace("state MASTER", "state BACKUP");
        text.replace("    advert_int 1\n", "    advert_int 1\n    nopreempt\n")
    };
    let pair = Pair::changed(&Daemon::vipd().unwrap(), change).unwrap();
    pair.wait_owner(1).unwrap();
    pair
}

fn vipctl(host: &Host, words: &[&str]) -> Output {
    let program = paths::bin_dir().unwrap().join("vipctl");
    let all: Vec<&str> = [program.to_str().unwrap()].iter().chain(words).copied().collect();
    host.node.exec(&all, LIMIT).unwrap()
}

/// The output of what is done as ordered.
fn done(host: &Host, words: &[&str]) -> String {
    let said = vipctl(host, words);
    assert!(said.ok(), "{words:?}: {said:?}");
    said.stdout
}

fn logged(host: &Host, text: &str) {
    wait_until(LIMIT, text, || host.node.syslog().find(text).is_some()).unwrap();
}

/// Node 1 said good-bye after `since`, and only when its address was gone.
fn good_bye(pair: &Pair, since: Stamp) {
    let wanted = |advert: &Advert| advert.source == NODE1 && advert.priority == 0;
    pair.capture.wait_advert(since, LIMIT, "the good-bye of node 1", wanted).unwrap();
    assert!(pair.overlaps().is_empty(), "{:?}", pair.overlaps());
}

/// The address moves although no node preempts, the order is in the audit trail, and a node that
/// stands by is still there when it is needed.
#[test]
fn failover_and_back() {
    let mut pair = stubborn();
    let since = Stamp::now();
    let said = done(&pair.one, &["failover", "VI_1", "for", "1h"]);
    assert_eq!(said, "VI_1: gives up the addresses and stands by for 3600 s\n");
    pair.wait_served(since, 2).unwrap();
    good_bye(&pair, since);
    logged(&pair.one, "by=control uid=0 what=failover instance=VI_1 set=on seconds=3600 result=ok");
    logged(&pair.one, "why=operator result=ok");
    let explained = done(&pair.one, &["explain", "VI_1"]);
    for part in ["VI_1 is BACKUP", "stands by, ", "10.88.88.30, priority", "failover VI_1 off"] {
        assert!(explained.contains(part), "{part}: {explained}");
    }
    // A reload changes nothing about it.
    done(&pair.one, &["reload"]);
    assert!(done(&pair.one, &["show"]).contains("! VI_1: stands by"));
    // The other one dies: better the one that stands by than none.
    let gone = pair.two.power_off().unwrap();
    pair.wait_served(gone, 1).unwrap();
    let wanted = |a: &Advert| a.source == NODE1 && a.priority == 1;
    pair.capture.wait_advert(gone, LIMIT, "priority 1 of node 1", wanted).unwrap();
    let since = Stamp::now();
    assert_eq!(done(&pair.one, &["failover", "VI_1", "off"]), "VI_1: no longer stands by\n");
    let wanted = |a: &Advert| a.source == NODE1 && a.priority == 111;
    pair.capture.wait_advert(since, LIMIT, "its own priority", wanted).unwrap();
}

/// A node out of service takes nothing, and is back by itself when the time is over.
#[test]
fn maintenance_for_a_while() {
    let pair = stubborn();
    let since = Stamp::now();
    done(&pair.one, &["maintenance", "on", "for", "4s"]);
    pair.wait_served(since, 2).unwrap();
    good_bye(&pair, since);
    let shown = done(&pair.one, &["show"]);
    assert!(shown.contains("! VI_1: FAULT, taken out of service by the operator"), "{shown}");
    logged(&pair.one, "what=maintenance set=on seconds=4 result=ok");
    logged(&pair.one, "the maintenance is over");
    let back = || done(&pair.one, &["show"]).contains("BACKUP");
    wait_until(LIMIT, "node 1 as BACKUP", back).unwrap();
    assert_eq!(pair.owners(), [2]);
}

/// Another priority, by hand and for a while, between nodes that preempt.
#[test]
fn priority_by_hand() {
    let vipd = Daemon::vipd().unwrap();
    let pair = Pair::running(&vipd, &vipd).unwrap();
    let since = Stamp::now();
    done(&pair.one, &["priority", "VI_1", "-50", "for", "3s"]);
    pair.wait_served(since, 2).unwrap();
    logged(&pair.one, "what=priority instance=VI_1 adds=-50 seconds=3 result=ok");
    logged(&pair.one, "the time of the operator's priority is over");
    pair.wait_owner(1).unwrap();
    assert!(pair.long_overlaps().is_empty(), "{:?}", pair.overlaps());
    for (words, code) in [
        (&["priority", "VI_1", "50"][..], 2),
        (&["priority", "VI_9", "+5"], 1),
        (&["failover", "VI_9"], 1),
    ] {
        assert_eq!(vipctl(&pair.one, words).status.code(), Some(code), "{words:?}");
    }
}

/// Who monitors node 2 sees it take over, and the end of the daemon ends the stream.
#[test]
fn monitor_tells_every_change() {
    let mut pair = stubborn();
    let program = paths::bin_dir().unwrap().join("vipctl");
    let program = program.display();
    let watch = format!(
        "(timeout 60 {program} monitor > /run/told 2>&1; echo $? > /run/code) > /dev/null 2>&1 &"
    );
    pair.two.node.shell(&watch).unwrap();
    let [output, status] = ["/run/told", "/run/code"].map(|name| pair.two.node.file(name));
    let told = || fs::read_to_string(&output).unwrap_or_default();
    let has = |text: &str| {
        wait_until(LIMIT, text, || told().contains(text)).unwrap_or_else(|e| {
            panic!("{e}: {}", told());
        });
    };
    has("VI_1 is BACKUP, priority 110, no address installed");
    done(&pair.one, &["failover", "VI_1"]);
    has("VI_1 BACKUP -> MASTER: the master said good-bye");
    has("VI_1 addresses installed");
    pair.two.kill_haproxy().unwrap();
    has("is down");
    has("VI_1 priority 110 -> 100");
    pair.two.running().unwrap().terminate().unwrap();
    let code = || fs::read_to_string(&status).unwrap_or_default();
    wait_until(LIMIT, "the end of the monitor", || code().trim() == "3").unwrap();
    assert!(told().contains("vipd closed the connection"), "{}", told());
}
