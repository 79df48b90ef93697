//! What an instance watches beside its scripts: other interfaces, and its own link or not. On two
//! nodes, seen on the wire and in the kernel.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

use std::net::IpAddr;
use std::time::Duration;
use vipd_lab::clock::{Stamp, millis, wait_until};
use vipd_lab::net::Cut;
use vipd_lab::scenario::{LIMIT, NODE1, Pair, VIP};
use vipd_lab::{Daemon, Net};

/// Another interface with a link, and its other end.
const MAKE: &str =
    "ip link add eth1 type veth peer name far1 && ip link set far1 up && ip link set eth1 up";

/// Adds `lines` to the instance of both nodes.
fn pair(lines: &str) -> Pair {
    let change =
        |text: &str| text.replace("    advert_int 1\n", &format!("    advert_int 1\n{lines}\n"));
    Pair::changed(&Daemon::vipd().unwrap(), change).unwrap()
}

/// Node `number` has the address, and node 1 advertised `priority` meanwhile if it is given.
fn moved(pair: &Pair, since: Stamp, number: u8, priority: Option<u8>) {
    let at = pair.wait_served(since, number).unwrap();
    println!("node{number} serves {:.1} ms later", millis(at.since(since)));
    let said = |wanted: u8| {
        let all = pair.capture.adverts(since);
        all.iter().any(|(_, advert)| advert.source == NODE1 && advert.priority == wanted)
    };
    if let Some(priority) = priority {
        wait_until(LIMIT, format_args!("priority {priority} of node 1"), || said(priority))
            .unwrap();
    }
    assert!(pair.long_overlaps().is_empty(), "{:?}", pair.overlaps());
}

/// The weight of an interface that loses its link, is deleted, and comes back under its name.
#[test]
fn another_interface_lowers_the_priority_while_it_is_down() {
    let beside = Net::new().unwrap();
    let pair = pair("    track_interface {\n        eth1 weight -20\n    }");
    // It does not exist yet: node 1 has 81 or 91, node 2 as well.
    let first = Stamp::now();
    let plug = beside.add_cable(&pair.one.node, "eth1", "10.99.0.1/24").unwrap();
    moved(&pair, first, 1, Some(111));

    let pulled = Stamp::now();
    let other = beside.add_cable(&pair.two.node, "eth1", "10.99.0.2/24").unwrap();
    let known = || pair.two.node.syslog().find("eth1: the link is up").is_some();
    wait_until(LIMIT, "node 2 to see its eth1", known).unwrap();
    plug.cut(Cut::Carrier).unwrap();
    moved(&pair, pulled, 2, Some(91));
    let mended = Stamp::now();
    plug.heal().unwrap();
    moved(&pair, mended, 1, Some(111));

    let deleted = Stamp::now();
    pair.one.node.shell("ip link delete eth1").unwrap();
    moved(&pair, deleted, 2, Some(91));
    let made = Stamp::now();
    pair.one.node.shell(MAKE).unwrap();
    moved(&pair, made, 1, Some(111));
    let log = pair.one.node.syslog();
    assert!(log.find("tracked interface eth1: there is no such interface").is_some());
    drop(other);
}

/// Without a weight it is a FAULT.
#[test]
fn another_interface_without_weight_is_a_fault() {
    let pair = pair("    track_interface {\n        eth1\n    }");
    pair.two.node.shell(MAKE).unwrap();
    let since = Stamp::now();
    moved(&pair, since, 2, None);
    let fault = || pair.one.node.syslog().find("(VI_1) Entering FAULT STATE").is_some();
    wait_until(LIMIT, "FAULT on node 1", fault).unwrap();
    let added = Stamp::now();
    pair.one.node.shell(MAKE).unwrap();
    moved(&pair, added, 1, Some(111));
}

/// HAProxy itself is tracked; then two of it are wanted.
#[test]
fn a_process_lowers_the_priority_while_there_are_too_few() {
    let process = "vrrp_track_process lb {\n    process haproxy\n    weight 10\n}\n";
    let change = |text: &str| {
        let (_, instance) = text.split_once("vrrp_instance").unwrap();
        let instance = instance.replace("track_script", "track_process");
        format!("{process}vrrp_instance{}", instance.replace("chk_haproxy", "lb"))
    };
    let mut pair = Pair::changed(&Daemon::vipd().unwrap(), change).unwrap();
    pair.settle().unwrap();
    let killed = pair.one.kill_haproxy().unwrap();
    moved(&pair, killed, 2, Some(101));
    let down = "tracked process lb is down: no process named haproxy";
    assert!(pair.one.node.syslog().find(down).is_some(), "{}", pair.one.node.syslog().text());
    let started = pair.one.start_haproxy().unwrap();
    moved(&pair, started, 1, Some(111));

    // Two are wanted now, and there is one.
    let two = pair.one.config.replace("weight 10", "weight 10\n    quorum 2");
    let running = pair.one.daemon.as_mut().unwrap();
    let reloaded = running.reload(&pair.one.node, &two).unwrap();
    moved(&pair, reloaded, 2, Some(101));
    let few = "1 process";
    assert!(pair.one.node.syslog().find_since(reloaded, few).is_some());
}

/// With `dont_track_primary` a MASTER whose own link is gone stays what it is.
#[test]
fn its_own_link_does_not_matter_if_it_shall_not() {
    let pair = pair("    dont_track_primary");
    pair.settle().unwrap();
    let since = Stamp::now();
    pair.one.node.cut(Cut::Carrier).unwrap();
    let answer = pair.probe.wait_answer(since, "node2", LIMIT).unwrap();
    assert!(answer.ended.since(since) > Duration::from_secs(1), "nobody said good-bye");
    let log = pair.one.node.syslog();
    assert!(log.find("Entering FAULT STATE").is_none(), "{}", log.text());
    assert!(pair.one.node.watch().holds(IpAddr::V4(VIP)));
    pair.one.node.heal().unwrap();
    pair.wait_owner(1).unwrap();
}

/// What a failed script has printed is shown: in the log and to whoever asks.
#[test]
fn a_failed_script_says_why() {
    let change = |text: &str| {
        let script = "script \"/bin/sh -c 'echo no server at 10.0.0.1; exit 3'\"";
        let text = text.replace("script \"killall -0 haproxy\"", script);
        format!("global_defs {{\n    script_user daemon\n}}\n{text}")
    };
    let pair = Pair::changed(&Daemon::vipd().unwrap(), change).unwrap();
    let reason = "exited with status 3: no server at 10.0.0.1";
    let logged = || {
        let line = format!("VRRP_Script(chk_haproxy) failed ({reason})");
        pair.one.node.syslog().find(&line).is_some()
    };
    wait_until(LIMIT, "the line of the failed check", logged).unwrap();
    let vipctl = vipd_lab::paths::bin_dir().unwrap().join("vipctl");
    let shown = pair.one.node.exec(&[vipctl.to_str().unwrap(), "show"], LIMIT).unwrap();
    let note = format!("! VI_1: chk_haproxy is down ({reason})");
    assert!(shown.stdout.contains(&note), "{}", shown.stdout);
}

/// A node that has lost the address of its adverts is not heard any more, and must not go on as MASTER.
#[test]
fn the_source_address_is_tracked() {
    let pair = pair("    track_src_ip");
    pair.settle().unwrap();
    let removed = Stamp::now();
    pair.one.node.shell("ip address delete 10.88.88.20/24 dev enp0s25").unwrap();
    pair.wait_owner(2).unwrap();
    let log = pair.one.node.syslog();
    let said = "source address 10.88.88.20 on enp0s25: it is not there";
    assert!(log.find_since(removed, said).is_some(), "{}", log.text());
    assert!(pair.long_overlaps().is_empty(), "{:?}", pair.overlaps());
    let added = Stamp::now();
    pair.one.node.shell("ip address add 10.88.88.20/24 dev enp0s25").unwrap();
    moved(&pair, added, 1, Some(111));
}
