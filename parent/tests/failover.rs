//! The main job with the real programs: two hosts, a service on each, one address. Seen by a client
//! that connects all the time, by a capture of the wire and by netlink on both hosts.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

use std::net::IpAddr;
use std::time::Duration;
use vipd_lab::clock::{Stamp, millis, wait_until};
use vipd_lab::frame::{Advert, Mac};
use vipd_lab::net::INTERFACE;
use vipd_lab::scenario::{LIMIT, NODE1, NODE2, Pair, VIP};
use vipd_lab::service::{Kind, Service};
use vipd_lab::{Daemon, Node};

const INTERVAL: Duration = Duration::from_secs(1);
/// Three intervals and the skew of priority 110.
const DOWN_TIMER: Duration = Duration::from_nanos(3_570_312_500);

fn start(change: impl Fn(&str) -> String) -> Pair {
    Pair::changed(&Daemon::vipd().unwrap(), change).unwrap()
}

fn pair() -> Pair {
    let pair = start(str::to_owned);
    pair.settle().unwrap();
    pair
}

fn multicast(config: &str) -> String {
    let (head, rest) = config.split_once("    unicast_src_ip").unwrap();
    let (_, tail) = rest.split_once("    }\n").unwrap();
    format!("{head}{tail}")
}

/// `number` serves, the other does not have the address, nobody shared it, and the client's ARP
/// entry shows the new owner.
fn moves_to(pair: &Pair, number: u8, since: Stamp, what: &str) {
    let answer = pair.probe.wait_answer(since, &format!("node{number}"), LIMIT);
    let logs = || format!("{}\n{}", pair.one.node.syslog().text(), pair.two.node.syslog().text());
    assert!(answer.is_ok(), "{what}: {answer:?}\n{}", logs());
    pair.wait_owner(number).unwrap();
    assert!(pair.long_overlaps().is_empty(), "{what}: {:?}\n{}", pair.overlaps(), logs());
    let node = if number == 1 { &pair.one.node } else { &pair.two.node };
    let entry = pair.client.shell(&format!("ip neigh show {VIP}")).unwrap();
    assert!(entry.contains(mac(node).trim()), "{what}: {entry}");
    let outage = pair.probe.longest_outage(since).unwrap().length();
    println!("{what}: client outage {:.1} ms", millis(outage));
}

fn mac(node: &Node) -> String {
    node.shell(&format!("cat /sys/class/net/{INTERFACE}/address")).unwrap()
}

fn adverts(pair: &Pair, since: Stamp, wanted: impl Fn(&Advert) -> bool) -> Vec<Stamp> {
    let all = pair.capture.adverts(since);
    all.into_iter().filter(|(_, advert)| wanted(advert)).map(|(at, _)| at).collect()
}

/// Everything on the wire is as the RFC has it, and tshark finds nothing to complain about.
fn wire_is_clean(pair: &Pair) {
    let all = pair.capture.adverts(Stamp::from_nanos(0));
    for (at, advert) in &all {
        assert!(advert.checksum_ok && advert.ttl == 255 && advert.version == 2, "{at}: {advert:?}");
        assert_eq!((advert.vrid, advert.interval, advert.length), (51, 1, 20), "{at}");
        assert_eq!(advert.addresses, [VIP], "{at}");
    }
    let file = pair.net.dir().join("wire.pcap");
    pair.capture.write_pcap(&file).unwrap();
    let file = file.to_string_lossy();
    let tshark = |filter: &str| {
        let words = ["-r", &file, "-Y", filter, "-o", "ip.check_checksum:TRUE"];
        vipd_lab::run::tool("tshark", &words, "").unwrap()
    };
    let good = "vrrp && ip.proto == 112 && ip.dsfield == 0xc0 && ip.ttl == 255";
    assert_eq!(tshark(good).lines().count(), all.len());
    assert_eq!(tshark("vrrp && (_ws.malformed || _ws.expert.severity >= \"Warning\")"), "");
    assert_eq!(tshark("vrrp && ip.checksum.status == \"Bad\""), "");
}

/// Scenario 1. Node 1 loses its power: node 2 becomes MASTER after three intervals and its skew,
/// announces the address five times at once and five times after five seconds.
#[test]
fn host_dies() {
    let mut pair = pair();
    let off = pair.one.power_off().unwrap();
    moves_to(&pair, 2, off, "scenario 1");
    let sent = adverts(&pair, Stamp::from_nanos(0), |a| a.source == NODE1);
    let first = *adverts(&pair, off, |a| a.source == NODE2).first().unwrap();
    // Until its processes are gone it sends into a cable that may be cut already.
    let arrived = *sent.iter().rfind(|at| **at <= off).unwrap();
    let after = first.since(arrived);
    assert!(after >= INTERVAL.saturating_mul(3), "before the timer: {after:?}");
    let after = first.since(*sent.last().unwrap());
    assert!(after <= DOWN_TIMER.saturating_add(INTERVAL), "{after:?}");
    let announced = || {
        let all = pair.capture.arps(first).into_iter();
        all.filter(|(_, arp)| arp.gratuitous() && arp.sender == VIP).collect::<Vec<_>>()
    };
    wait_until(LIMIT, "ten announcements", || announced().len() >= 10).unwrap();
    let (early, late): (Vec<_>, Vec<_>) =
        announced().into_iter().partition(|(at, _)| at.since(first) < Duration::from_secs(4));
    assert_eq!((early.len(), late.len()), (5, 5));
    assert!(late.iter().all(|(at, _)| at.since(first) < Duration::from_millis(6500)));
    assert!(early.iter().chain(&late).all(|(_, arp)| arp.request));
    let broadcast = pair.capture.packets().into_iter().filter(|packet| {
        packet.at >= first
            && matches!(&packet.frame.content, vipd_lab::frame::Content::Arp(arp)
                if arp.gratuitous() && arp.sender == VIP)
    });
    assert!(broadcast.into_iter().all(|packet| packet.frame.to == Mac([0xff; 6])));
    let beats = adverts(&pair, first, |a| a.source == NODE2 && a.priority == 110);
    for (a, b) in beats.iter().zip(beats.iter().skip(1)) {
        let gap = b.since(*a);
        assert!(gap > Duration::from_millis(500) && gap < Duration::from_millis(1500), "{gap:?}");
    }
    wire_is_clean(&pair);
}

fn service_dies_and_returns(change: impl Fn(&str) -> String, what: &str) {
    let mut pair = start(change);
    pair.settle().unwrap();
    let killed = pair.one.kill_haproxy().unwrap();
    moves_to(&pair, 2, killed, &format!("{what}: scenario 2"));
    let own = |a: &Advert| a.source == NODE1 && a.priority == 101;
    assert!(!adverts(&pair, killed, own).is_empty(), "{what}: node 1 said that it is worse");
    let back = pair.one.start_haproxy().unwrap();
    moves_to(&pair, 1, back, &format!("{what}: scenario 3"));
    assert!(!adverts(&pair, back, |a| a.source == NODE1 && a.priority == 111).is_empty());
}

/// Scenarios 2 and 3. HAProxy on node 1 dies: 101 is less than 110 and node 2 takes over. It starts
/// again: node 1 takes the address back.
#[test]
fn service_dies_and_returns_unicast() {
    service_dies_and_returns(str::to_owned, "unicast");
}

#[test]
fn service_dies_and_returns_multicast() {
    service_dies_and_returns(multicast, "multicast");
}

#[test]
fn service_dies_and_returns_with_other_checks() {
    for check in ["pidof haproxy", "pgrep -x haproxy"] {
        let change = |text: &str| text.replace("killall -0 haproxy", check);
        service_dies_and_returns(change, check);
    }
}

/// The address is gone before the good-bye, of which there is one.
#[test]
fn v2_sm_15_stop_removes_before_it_says_good_bye() {
    let mut pair = pair();
    let at = pair.one.running().unwrap().terminate().unwrap();
    moves_to(&pair, 2, at, "SIGTERM");
    assert_eq!(pair.one.running().unwrap().wait(LIMIT).unwrap().code(), Some(0));
    let events = pair.one.node.watch().events();
    let removed = events.iter().rfind(|e| !e.added && e.what.address == IpAddr::V4(VIP)).unwrap();
    let good_byes = adverts(&pair, at, |a| a.source == NODE1 && a.priority == 0);
    assert_eq!(good_byes.len(), 1, "{good_byes:?}");
    // Two witnesses, each with its own delay.
    let early = removed.at.since(*good_byes.first().unwrap());
    assert!(early < vipd_lab::owner::RESOLUTION, "good-bye {early:?} before the removal");
    assert!(adverts(&pair, at, |a| a.source == NODE1).len() <= 2);
}

/// nginx and Apache instead of HAProxy.
#[test]
fn other_services() {
    for kind in [Kind::Nginx, Kind::Apache] {
        let name = kind.process();
        let mut pair = start(|text| text.replace("killall -0 haproxy", &format!("pidof {name}")));
        for host in [&mut pair.one, &mut pair.two] {
            host.kill_haproxy().unwrap();
            let gone = || host.node.find("haproxy").is_empty();
            wait_until(LIMIT, "the end of HAProxy", gone).unwrap();
        }
        let one = Service::start(kind, &pair.one.node).unwrap();
        let _two = Service::start(kind, &pair.two.node).unwrap();
        pair.settle().unwrap();
        let at = one.kill(&pair.one.node).unwrap();
        moves_to(&pair, 2, at, name);
        let back = Service::start(kind, &pair.one.node).unwrap();
        moves_to(&pair, 1, back.started(), name);
    }
}
