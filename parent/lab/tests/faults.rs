//! Faults hit what they name and nothing else: one virtual router, one family, one direction, some
//! of the frames. What was sent is seen all the same.
#![cfg(test)]

use std::net::IpAddr;
use std::time::Duration;
use vipd_lab::router::Router;
use vipd_lab::scenario::{LIMIT, Pair};
use vipd_lab::{Daemon, Direction, Fault, Stamp, Traffic, packages, wait_until};

const DAEMON: Daemon = Daemon::Keepalived;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Two VRIDs over IPv4, and one of them over IPv6, too.
fn routers(priority: u8) -> Vec<Router> {
    let first = Router::new(priority, &[address("10.88.88.100")]);
    let second = Router { vrid: 52, ..Router::new(priority, &[address("10.88.88.101")]) };
    let third = Router::new(priority, &[address("fe80::88:100"), address("fd88:88::100")]);
    vec![first, second, third]
}

fn start() -> Pair {
    packages::ensure().unwrap();
    let pair = Pair::routers((&DAEMON, &routers(200)), (&DAEMON, &routers(100))).unwrap();
    for router in routers(200) {
        let there = || pair.one.node.watch().holds(router.address());
        wait_until(LIMIT, format_args!("{} on node1", router.address()), there).unwrap();
    }
    pair
}

/// Which of the three node 2 has, too, once `count` of them: for three down timers longer.
fn taken_over(pair: &Pair, count: usize) -> Vec<IpAddr> {
    let all = routers(100);
    let mine = || -> Vec<IpAddr> {
        let addresses = all.iter().map(Router::address);
        addresses.filter(|address| pair.two.node.watch().holds(*address)).collect()
    };
    wait_until(LIMIT, format_args!("{count} takeovers"), || mine().len() == count).unwrap();
    let end = Stamp::now().plus(all[0].down_timer().saturating_mul(3));
    let more = || mine().len() > count || Stamp::now() >= end;
    wait_until(LIMIT, "three down timers", more).unwrap();
    mine()
}

#[test]
fn one_family_of_a_vrid() {
    let pair = start();
    pair.two.node.disturb(&[Fault::of(Traffic::AdvertsOverIpv6(Some(51)))]).unwrap();
    assert_eq!(taken_over(&pair, 1), [address("fd88:88::100")]);
    pair.two.node.heal().unwrap();
    let healed = || !pair.two.node.watch().holds(address("fd88:88::100"));
    wait_until(LIMIT, "node 2 to yield", healed).unwrap();
}

#[test]
fn one_vrid_of_a_family() {
    let pair = start();
    let fault = Fault::of(Traffic::AdvertsOverIpv4(Some(52)));
    pair.two.node.disturb(&[Fault { direction: Direction::ToNode, ..fault }]).unwrap();
    assert_eq!(taken_over(&pair, 1), [address("10.88.88.101")]);
}

#[test]
fn all_of_a_family_and_none() {
    let pair = start();
    let fault = Fault::of(Traffic::Ipv4);
    pair.one.node.disturb(&[Fault { direction: Direction::FromNode, ..fault }]).unwrap();
    assert_eq!(taken_over(&pair, 2), [address("10.88.88.100"), address("10.88.88.101")]);
    let since = Stamp::now();
    let goes_on = || pair.capture.adverts_of(&pair.one.node, since).len() >= 3;
    wait_until(LIMIT, "adverts that are sent and lost", goes_on).unwrap();
}

/// Half of the adverts is lost on their way to node 2, which counts what arrives.
#[test]
fn some_of_the_frames() {
    const COUNTER: &str = "nft 'table netdev seen { chain in { type filter hook ingress device \
                           enp0s25 priority 0; ip protocol 112 @th,8,8 52 counter; }; }'";
    let pair = start();
    let traffic = Traffic::AdvertsOverIpv4(Some(52));
    let half = Fault { direction: Direction::ToNode, traffic, percent: 50 };
    pair.two.node.disturb(&[half]).unwrap();
    pair.two.node.shell(COUNTER).unwrap();
    let since = Stamp::now();
    let sent = || -> usize {
        let all = pair.capture.adverts_of(&pair.one.node, since);
        all.iter().filter(|(_, advert)| advert.vrid == 52).count()
    };
    wait_until(Duration::from_secs(30), "60 adverts", || sent() >= 60).unwrap();
    let table = pair.two.node.shell("nft list table netdev seen").unwrap();
    let heard = table.split_once("packets ").unwrap().1.split_once(' ').unwrap().0;
    // The chance of less or more is one in a hundred million.
    assert!((8..=52).contains(&heard.parse::<usize>().unwrap()), "{table}");
}
