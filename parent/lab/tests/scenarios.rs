//! The laboratory against a known daemon: keepalived on both hosts must pass the three scenarios
//! of the main job, seen by all witnesses alike.
#![cfg(test)]

use std::net::IpAddr;
use std::time::Duration;
use vipd_lab::owner;
use vipd_lab::scenario::{LIMIT, NODE1, NODE2, Pair, VIP};
use vipd_lab::{Daemon, Stamp, packages};

/// keepalived's down timer with priority 110: 3 x 1 s + 146/256 s.
const DOWN: Duration = Duration::from_millis(3570);

fn pair() -> Pair {
    packages::ensure().unwrap();
    Pair::running(&Daemon::Keepalived, &Daemon::Keepalived).unwrap()
}

/// Node 1 loses its power: node 2 becomes MASTER after the down timer and serves.
#[test]
fn power_off() {
    let mut pair = pair();
    let off = pair.one.power_off().unwrap();
    let answer = pair.probe.wait_answer(off, "node2", LIMIT).unwrap();
    let (first, _) =
        pair.capture.wait_advert(off, LIMIT, "of node2", |advert| advert.source == NODE2).unwrap();
    assert_eq!(pair.owners(), [2]);
    assert!(pair.overlaps().is_empty(), "{:?}", pair.overlaps());
    let outage = pair.probe.longest_outage(off).unwrap();
    assert_eq!(outage.by, "node2");
    assert!(outage.length() < DOWN + Duration::from_secs(2), "{outage}");
    assert!(outage.length() > DOWN - Duration::from_millis(1100), "{outage}");
    let adverts = pair.capture.adverts(Stamp::from_nanos(0));
    let (last, _) = adverts.iter().rfind(|(_, advert)| advert.source == NODE1).unwrap();
    assert!(first.since(*last) >= DOWN, "taken over before the down timer");
    assert!(answer.ended > off);
    assert!(pair.one.node.exec(&["true"], LIMIT).is_err(), "a node without power ran a program");
}

/// HAProxy of node 1 dies: node 1 falls to 101, node 2 with 110 takes over.
/// It starts again: node 1 rises to 111 and takes the address back.
#[test]
fn haproxy_dies_and_returns() {
    let mut pair = pair();
    let killed = pair.one.kill_haproxy().unwrap();
    pair.probe.wait_answer(killed, "node2", LIMIT).unwrap();
    pair.capture
        .wait_advert(killed, LIMIT, "of node1 with 101", |advert| {
            advert.source == NODE1 && advert.priority == 101
        })
        .unwrap();
    pair.wait_owner(2).unwrap();
    assert!(pair.two.node.syslog().find_since(killed, "Entering MASTER STATE").is_some());
    let arps = pair.capture.arps(killed);
    assert!(arps.iter().any(|(_, arp)| arp.gratuitous() && arp.sender == VIP), "{arps:?}");

    let back = pair.one.start_haproxy().unwrap();
    pair.probe.wait_answer(back, "node1", LIMIT).unwrap();
    pair.wait_owner(1).unwrap();
    assert_eq!(owner::held_by(&pair.one.node, IpAddr::V4(VIP)).len(), 2);
    let adverts = pair.capture.adverts(back);
    assert!(adverts.iter().all(|(_, advert)| advert.checksum_ok && advert.version == 2));
}

/// keepalived is stopped: it says good-bye with priority 0 and node 2 takes over.
#[test]
fn stop() {
    let mut pair = pair();
    let at = pair.one.running().unwrap().terminate().unwrap();
    pair.capture
        .wait_advert(at, LIMIT, "good-bye of node1", |advert| {
            advert.source == NODE1 && advert.priority == 0
        })
        .unwrap();
    pair.probe.wait_answer(at, "node2", LIMIT).unwrap();
    pair.one.running().unwrap().wait(LIMIT).unwrap();
    assert_eq!(pair.owners(), [2]);
}
