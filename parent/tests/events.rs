//! What others do to the host: an address removed by hand, an address that is there already and not
//! ours, a link that loses its carrier. Seen by netlink and by the peer.
#![cfg(test)]

use std::net::IpAddr;
use std::time::Duration;
use vipd_lab::clock::{Stamp, millis, wait_until};
use vipd_lab::scenario::{LIMIT, NODE1, Pair, VIP};
use vipd_lab::{Cut, Daemon, packages};

fn pair() -> Pair {
    packages::ensure().unwrap();
    let vipd = Daemon::vipd().unwrap();
    Pair::running(&vipd, &vipd).unwrap()
}

fn remove_by_hand(pair: &Pair) -> Stamp {
    let at = Stamp::now();
    pair.one.node.shell("ip addr del 10.88.88.100/32 dev enp0s25").unwrap();
    at
}

/// True when the address came back after `since`.
fn is_back(pair: &Pair, since: Stamp) -> bool {
    pair.one.node.watch().held_since(since, IpAddr::V4(VIP)).is_some()
}

/// Somebody removes the address: it is back at once, announced, and audited. Somebody who does not
/// stop removing it gets his way: after five times in a minute the instance gives up, and the peer
/// takes over.
#[test]
fn an_address_removed_by_hand_comes_back_a_few_times() {
    let pair = pair();
    let first = remove_by_hand(&pair);
    wait_until(LIMIT, "the address again", || is_back(&pair, first)).unwrap();
    let back = pair.one.node.watch().held_since(first, IpAddr::V4(VIP)).unwrap();
    println!("restored after {:.1} ms", millis(back.since(first)));
    let syslog = pair.one.node.syslog();
    wait_until(LIMIT, "the audit line", || {
        syslog.audit().iter().any(|line| line.text.contains("by=parent why=restore result=ok"))
    })
    .unwrap();
    wait_until(LIMIT, "gratuitous ARP", || {
        pair.capture.arps(first).iter().any(|(_, arp)| arp.gratuitous() && arp.sender == VIP)
    })
    .unwrap();
    for _ in 0..4 {
        let at = remove_by_hand(&pair);
        wait_until(LIMIT, "the address again", || is_back(&pair, at)).unwrap();
    }
    assert_eq!(pair.owners(), [1]);

    let last = remove_by_hand(&pair);
    pair.probe.wait_answer(last, "node2", LIMIT).unwrap();
    pair.wait_owner(2).unwrap();
    assert!(syslog.find_since(last, "giving up").is_some(), "{}", syslog.text());
    assert!(syslog.find_since(last, "Entering FAULT STATE").is_some(), "{}", syslog.text());
}

/// The address is on node 2 already, put there by somebody else: when its turn comes, node 2 leaves
/// it alone, says so, and does not become owner.
#[test]
fn an_address_that_is_not_ours_is_never_touched() {
    let mut pair = pair();
    pair.two.node.shell("ip addr add 10.88.88.100/32 dev enp0s25").unwrap();
    let before = pair.two.node.watch().events().len();
    let at = pair.one.running().unwrap().terminate().unwrap();
    let syslog = pair.two.node.syslog();
    wait_until(LIMIT, "the refusal", || syslog.find_since(at, "is not ours").is_some()).unwrap();
    wait_until(LIMIT, "FAULT", || syslog.find_since(at, "Entering FAULT STATE").is_some()).unwrap();
    let held = pair.two.node.watch().addresses_now().unwrap();
    let there = held.iter().find(|a| a.address == IpAddr::V4(VIP)).unwrap();
    assert_eq!((there.lifetime, there.protocol), (None, 0), "it was converted: {there}");
    assert_eq!(pair.two.node.watch().events().len(), before, "it was touched");
    let refused = syslog.audit().iter().any(|line| line.text.contains("result=EEXIST"));
    assert!(refused, "{}", syslog.text());
}

/// Node 1 loses its carrier: FAULT, the address goes, node 2 serves. The carrier comes back: node 1
/// takes the address again.
#[test]
fn a_link_goes_and_comes() {
    let pair = pair();
    let at = Stamp::now();
    pair.one.node.cut(Cut::Carrier).unwrap();
    pair.probe.wait_answer(at, "node2", LIMIT).unwrap();
    pair.wait_owner(2).unwrap();
    let syslog = pair.one.node.syslog();
    assert!(syslog.find_since(at, "Entering FAULT STATE").is_some(), "{}", syslog.text());
    let healed = Stamp::now();
    pair.one.node.heal().unwrap();
    pair.capture
        .wait_advert(healed, LIMIT, "of node1 with 111", |advert| {
            advert.source == NODE1 && advert.priority == 111
        })
        .unwrap();
    pair.probe.wait_answer(healed, "node1", LIMIT).unwrap();
    pair.wait_owner(1).unwrap();
    let long: Vec<_> =
        pair.overlaps().into_iter().filter(|w| w.length() > Duration::from_millis(2)).collect();
    assert!(long.is_empty(), "{long:?}");
}
