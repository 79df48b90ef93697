//! The main job with the real programs: two hosts, a HAProxy on each, one address. Seen by a client
//! that connects all the time, by a capture of the wire and by netlink on both hosts.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;
use vipd_lab::scenario::{LIMIT, NODE1, NODE2, Pair};
use vipd_lab::{Daemon, packages};

fn pair() -> Pair {
    packages::ensure().unwrap();
    let vipd = Daemon::vipd().unwrap();
    Pair::running(&vipd, &vipd).unwrap()
}

/// Scenario 1. Node 1 loses its power: node 2 becomes MASTER after three intervals and its skew,
/// and serves.
#[test]
fn host_dies() {
    let mut pair = pair();
    let off = pair.one.power_off().unwrap();
    pair.probe.wait_answer(off, "node2", LIMIT).unwrap();
    let since = |advert: &vipd_lab::frame::Advert| advert.source == NODE2;
    pair.capture.wait_advert(off, LIMIT, "of node2", since).unwrap();
    assert_eq!(pair.owners(), [2]);
    assert!(pair.overlaps().is_empty(), "{:?}", pair.overlaps());
}

/// Scenarios 2 and 3. HAProxy on node 1 dies: 101 is less than 110 and node 2 takes over. It starts
/// again: node 1 takes the address back.
#[test]
fn service_dies_and_returns() {
    let mut pair = pair();
    let killed = pair.one.kill_haproxy().unwrap();
    pair.probe.wait_answer(killed, "node2", LIMIT).unwrap();
    pair.capture
        .wait_advert(killed, LIMIT, "of node1 with 101", |advert| {
            advert.source == NODE1 && advert.priority == 101
        })
        .unwrap();
    pair.wait_owner(2).unwrap();
    println!("scenario 2: {:?}", pair.probe.longest_outage(killed));
    let back = pair.one.start_haproxy().unwrap();
    pair.probe.wait_answer(back, "node1", LIMIT).unwrap();
    pair.wait_owner(1).unwrap();
    let outages = pair.probe.outages(back, Duration::from_millis(1));
    println!("scenario 3: {outages:?}");
    assert!(pair.overlaps().is_empty(), "{:?}", pair.overlaps());
}
