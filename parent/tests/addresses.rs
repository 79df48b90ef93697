//! The kernel's events as seen by the running daemon: somebody removes the virtual address, has put
//! it there himself, or the link of the interface goes and comes back.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::net::IpAddr;
use std::time::Duration;
use vipd_lab::clock::{Stamp, wait_until};
use vipd_lab::net::Cut;
use vipd_lab::scenario::{LIMIT, Pair, VIP};
use vipd_lab::{Daemon, packages};

const DELETE: &str = "ip address delete 10.88.88.100/32 dev enp0s25";

fn pair() -> Pair {
    packages::ensure().unwrap();
    let vipd = Daemon::vipd().unwrap();
    Pair::running(&vipd, &vipd).unwrap()
}

fn holds(pair: &Pair) -> bool {
    pair.one.node.watch().holds(IpAddr::V4(VIP))
}

/// When the kernel removed the address and when it was put back, since `since`.
fn restored(pair: &Pair, since: Stamp) -> Option<Duration> {
    let events = pair.one.node.watch().events();
    let mut late = events.iter().filter(|e| e.at >= since && e.what.address == IpAddr::V4(VIP));
    let removed = late.by_ref().find(|event| !event.added)?;
    Some(late.find(|event| event.added)?.at.since(removed.at))
}

#[test]
fn address_removed_by_hand_is_put_back_at_once() {
    let pair = pair();
    let at = Stamp::now();
    pair.one.node.shell(DELETE).unwrap();
    wait_until(LIMIT, "the address again", || restored(&pair, at).is_some()).unwrap();
    let took = restored(&pair, at).unwrap();
    assert!(took < Duration::from_millis(100), "{took:?}");
    let line = || pair.one.node.syslog().find_since(at, "why=restore");
    wait_until(LIMIT, "its audit line", || line().is_some()).unwrap();
    let line = line().unwrap();
    assert!(line.facility == 10 && line.text.ends_with("result=ok"), "{line}");
    assert!(line.text.contains("event=add address=10.88.88.100/32"), "{line}");
    assert!(pair.one.node.syslog().find_since(at, "somebody removed").is_some());
    assert_eq!(pair.owners(), [1]);
}

/// Put back five times a minute; then the instance leaves and the peer takes over.
#[test]
fn address_removed_again_and_again_goes_to_the_peer() {
    let pair = pair();
    let at = Stamp::now();
    for _ in 0..6 {
        wait_until(LIMIT, "the address again", || holds(&pair)).unwrap();
        let since = Stamp::now();
        pair.one.node.shell(DELETE).unwrap();
        let answered = || {
            restored(&pair, since).is_some()
                || pair.one.node.syslog().find_since(since, "giving up").is_some()
        };
        wait_until(LIMIT, "an answer to the removal", answered).unwrap();
    }
    assert!(pair.one.node.syslog().find_since(at, "giving up").is_some());
    pair.probe.wait_answer(at, "node2", LIMIT).unwrap();
    pair.wait_owner(2).unwrap();
    assert!(pair.overlaps().is_empty(), "{:?}", pair.overlaps());
}

/// An address that is there and not vipd's is neither taken over nor removed.
#[test]
fn foreign_address_is_left_alone() {
    let mut pair = pair();
    pair.two.node.shell("ip address add 10.88.88.100/32 dev enp0s25").unwrap();
    let at = pair.one.running().unwrap().terminate().unwrap();
    let said = || pair.two.node.syslog().find_since(at, "and is not ours");
    wait_until(LIMIT, "the message", || said().is_some()).unwrap();
    let fault = || pair.two.node.syslog().find_since(at, "Entering FAULT STATE").is_some();
    wait_until(LIMIT, "FAULT", fault).unwrap();
    let there = pair.two.node.watch().addresses_now().unwrap();
    let foreign: Vec<_> = there.iter().filter(|a| a.address == IpAddr::V4(VIP)).collect();
    assert!(foreign.len() == 1 && foreign.iter().all(|a| a.protocol == 0 && a.lifetime.is_none()));
    let events = pair.two.node.watch().events();
    let touched = events.iter().filter(|e| e.what.address == IpAddr::V4(VIP)).count();
    assert_eq!(touched, 1, "{events:?}");
    pair.two.daemon.as_mut().unwrap().stop(&pair.two.node).unwrap();
    assert!(pair.two.node.watch().holds(IpAddr::V4(VIP)), "removed at the end");
}

#[test]
fn link_goes_and_comes_back() {
    let pair = pair();
    let at = Stamp::now();
    pair.one.node.cut(Cut::Carrier).unwrap();
    let fault = || pair.one.node.syslog().find_since(at, "Entering FAULT STATE").is_some();
    wait_until(LIMIT, "FAULT", fault).unwrap();
    pair.probe.wait_answer(at, "node2", LIMIT).unwrap();
    pair.wait_owner(2).unwrap();
    let back = Stamp::now();
    pair.one.node.heal().unwrap();
    pair.probe.wait_answer(back, "node1", LIMIT).unwrap();
    pair.wait_owner(1).unwrap();
    assert!(pair.overlaps().is_empty(), "{:?}", pair.overlaps());
}
