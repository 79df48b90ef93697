//! What dies, and what then happens: each process killed, stopped for a while, all at once,
//! and the link between the hosts cut. The address is never on both hosts, and the peer serves it.
//! Each test prints what the client saw; the numbers stand in no assertion but as generous bounds.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

use nix::sys::signal::Signal;
use std::net::IpAddr;
use std::time::Duration;
use vipd_lab::clock::{Stamp, millis, wait_until};
use vipd_lab::frame::Advert;
use vipd_lab::net::Cut;
use vipd_lab::process::Process;
use vipd_lab::scenario::{LIMIT, NODE1, Pair, VIP};
use vipd_lab::{Daemon, Node, packages};

/// Longer than the lease, the peer's timer and the parent's patience with the checker.
const LONG: Duration = Duration::from_secs(30);

fn pair() -> Pair {
    packages::ensure().unwrap();
    let vipd = Daemon::vipd().unwrap();
    Pair::running(&vipd, &vipd).unwrap()
}

fn role(pair: &Pair, name: &str) -> Process {
    let found = pair.one.node.find(name);
    assert_eq!(found.len(), 1, "{name}: {found:?}");
    found.into_iter().next().unwrap()
}

/// Node 2 serves, node 1 does not have the address any more, and nobody shared it.
fn taken_over(pair: &Pair, what: &str, since: Stamp) {
    let answer = pair.probe.wait_answer(since, "node2", LIMIT);
    let logs = || format!("{}\n{}", pair.one.node.syslog().text(), pair.two.node.syslog().text());
    assert!(answer.is_ok(), "{what}: {answer:?}\n{}", logs());
    pair.wait_owner(2).unwrap();
    assert!(pair.overlaps().is_empty(), "{what}: {:?}\n{}", pair.overlaps(), logs());
    let outage = pair.probe.longest_outage(since).map(|outage| outage.length());
    println!("{what}: client outage {:.1} ms", outage.map_or(0.0, millis));
}

fn killed(name: &str) {
    let mut pair = pair();
    let process = role(&pair, name);
    let at = Stamp::now();
    process.signal(Signal::SIGKILL).unwrap();
    taken_over(&pair, &format!("kill -9 {name}"), at);
    let status = pair.one.running().unwrap().wait(LIMIT).unwrap();
    if name != "vipd" {
        assert_eq!(status.code(), Some(1), "the parent ends with 1 when it loses {name}");
    }
    wait_until(LIMIT, "the end of all processes", || {
        ["vipd", "vipd-vrrpe", "vipd-checker"].iter().all(|n| pair.one.node.find(n).is_empty())
    })
    .unwrap();
}

/// The parent removes, then sends the engine's last will.
#[test]
fn engine_is_killed() {
    killed("vipd-vrrpe");
}

#[test]
fn checker_is_killed() {
    killed("vipd-checker");
}

/// The engine advertises while the lease lasts, and says good-bye when the address is gone.
#[test]
fn parent_is_killed() {
    killed("vipd");
}

/// Two virtual routers whose leases end at different times: no good-bye for an address that is still
/// there, and none without its adverts while it is.
#[test]
fn parent_is_killed_beside_a_longer_lease() {
    packages::ensure().unwrap();
    let second = |text: &str| {
        let (_, router) = text.split_once("vrrp_instance VI_1").unwrap();
        let router = router.replace("virtual_router_id 51", "virtual_router_id 52");
        let router = router.replace("advert_int 1", "advert_int 4").replace(".100", ".101");
        format!("{text}\nvrrp_instance VI_2{router}")
    };
    let mut pair = Pair::changed(&Daemon::vipd().unwrap(), second).unwrap();
    pair.settle().unwrap();
    let other = IpAddr::from([10, 88, 88, 101]);
    let holds = |node: &Node| node.watch().holds(other);
    wait_until(LIMIT, "VI_2 on node1", || holds(&pair.one.node) && !holds(&pair.two.node)).unwrap();
    let another = |a: &Advert| a.source == NODE1 && a.vrid == 52;
    pair.capture.wait_advert(Stamp::now(), LIMIT, "of VI_2", another).unwrap();
    let at = Stamp::now();
    role(&pair, "vipd").signal(Signal::SIGKILL).unwrap();
    taken_over(&pair, "kill -9 vipd", at);
    wait_until(LIMIT, "VI_2 on node2", || holds(&pair.two.node)).unwrap();
    let overlaps = vipd_lab::owner::overlaps(&[&pair.one.node, &pair.two.node], other);
    assert!(overlaps.is_empty(), "{overlaps:?}\n{}", pair.one.node.syslog().text());
    let of = |vrid| {
        let all = pair.capture.adverts_of(&pair.one.node, at).into_iter();
        all.filter(move |(_, advert)| advert.vrid == vrid)
    };
    let end = |vrid| of(vrid).find(|(_, advert)| advert.priority == 0).map(|(at, _)| at);
    let (first, last) = (end(51).unwrap(), end(52).unwrap());
    assert!(last.since(first) > Duration::from_secs(2), "{first} and {last}");
    let served = of(52).filter(|(at, advert)| *at > first && advert.priority != 0);
    assert!(served.count() >= 1, "silent while it had the address");
    drop(pair.one.running().unwrap().wait(LIMIT));
}

/// The lease alone: the address is gone before the peer takes over.
#[test]
fn all_are_killed() {
    let mut pair = pair();
    let at = pair.one.daemon.as_mut().unwrap().kill_all(&pair.one.node).unwrap();
    taken_over(&pair, "kill -9 of all", at);
}

fn stopped(name: &str, pause: Duration, comes_back: bool) {
    let mut pair = pair();
    let process = role(&pair, name);
    let at = Stamp::now();
    process.signal(Signal::SIGSTOP).unwrap();
    taken_over(&pair, &format!("SIGSTOP {name}"), at);
    let woken = at.plus(pause);
    wait_until(pause.saturating_mul(2), "the end of the pause", || Stamp::now() >= woken).unwrap();
    drop(process.signal(Signal::SIGCONT));
    if comes_back {
        pair.wait_owner(1).unwrap();
    } else {
        let status = pair.one.running().unwrap().wait(LIMIT).unwrap();
        assert_eq!(status.code(), Some(1), "{name}");
        assert_eq!(pair.owners(), [2]);
    }
    assert!(pair.overlaps().is_empty(), "SIGCONT {name}: {:?}", pair.overlaps());
}

/// No proof of life for a second: the parent removes, sends the last will, pulls the leash.
#[test]
fn engine_is_stopped() {
    stopped("vipd-vrrpe", LONG, false);
}

/// The lease ends, the engine with it; the parent that wakes up finds it gone.
#[test]
fn parent_is_stopped() {
    stopped("vipd", LONG, false);
}

/// Its trackers have failed after a second; the parent starts anew after ten.
#[test]
fn checker_is_stopped() {
    stopped("vipd-checker", LONG, false);
}

/// One that speaks again before that is believed again.
#[test]
fn checker_pauses() {
    stopped("vipd-checker", Duration::from_secs(4), true);
}

/// While the hosts cannot hear each other both are MASTER, by the protocol. Afterwards one is,
/// within an interval, and the client's ARP entry shows that one.
#[test]
fn partition_heals() {
    let pair = pair();
    let at = Stamp::now();
    pair.two.node.cut(Cut::Silent).unwrap();
    wait_until(LIMIT, "both as MASTER", || pair.owners() == [1, 2]).unwrap();
    pair.two.node.heal().unwrap();
    let healed = Stamp::now();
    let one = pair.wait_owner(1).unwrap();
    println!("partition: one owner {:.1} ms after it healed", millis(one.since(healed)));
    assert!(one.since(healed) < Duration::from_millis(1500), "longer than an interval");
    let answer = pair.probe.wait_answer(healed, "node1", LIMIT).unwrap();
    assert!(answer.ended > at);
    let mac = pair.one.node.shell("cat /sys/class/net/enp0s25/address").unwrap();
    let entry = || pair.client.shell("ip neigh show 10.88.88.100").unwrap_or_default();
    wait_until(LIMIT, "the client's ARP entry", || entry().contains(mac.trim())).unwrap();
    assert!(pair.capture.adverts(healed).iter().any(|(_, advert)| advert.source == NODE1));
    assert!(!pair.two.node.watch().holds(IpAddr::V4(VIP)));
}

/// The lease ends while the parent sleeps, and the kernel has removed the addresses. What has no
/// lease goes when it wakes up, and nothing is put back for a term that is over.
#[test]
fn parent_sleeps_past_the_lease() {
    const ROUTE: &str = "    vip_lease 2\n    virtual_routes {\n blackhole 10.68.0.0/16\n }\n";
    let vipd = Daemon::vipd().unwrap();
    let with = |text: &str| text.replace("    track_script", &format!("{ROUTE}    track_script"));
    let pair = Pair::changed(&vipd, with).unwrap();
    pair.settle().unwrap();
    let route = |node: &Node| !node.shell("ip route show proto 18").unwrap().is_empty();
    wait_until(LIMIT, "the route", || route(&pair.one.node)).unwrap();
    let parent = role(&pair, "vipd");
    let at = Stamp::now();
    parent.signal(Signal::SIGSTOP).unwrap();
    let is_left = || pair.owners() == [2] && route(&pair.two.node);
    wait_until(LIMIT, "node2 with its route", is_left).unwrap();
    assert!(route(&pair.one.node), "a parent that is stopped removes nothing");
    let woken = Stamp::now();
    parent.signal(Signal::SIGCONT).unwrap();
    let removed = |line: &vipd_lab::syslog::Line| {
        line.at >= woken
            && line.text.contains("event=remove-route")
            && line.text.contains("result=ok")
    };
    let audit = || pair.one.node.syslog().audit();
    wait_until(LIMIT, "its end", || audit().iter().any(removed)).unwrap();
    let back = |line: &vipd_lab::syslog::Line| line.at >= at && line.text.contains("why=restore");
    assert!(!audit().iter().any(back), "{}", pair.one.node.syslog().text());
    assert!(pair.overlaps().is_empty(), "{:?}", pair.overlaps());
}
