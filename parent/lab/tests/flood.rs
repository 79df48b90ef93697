//! The hostile sender: what it sends is what it says, as much as it says, over both families, to
//! the group and to a host; and what it costs a daemon can be measured.
#![cfg(test)]

use std::net::IpAddr;
use std::path::Path;
use std::slice::from_ref;
use std::time::Duration;
use vipd_lab::flood::{Flood, Kind};
use vipd_lab::forge::{self, Forged};
use vipd_lab::frame::Advert;
use vipd_lab::router::Router;
use vipd_lab::scenario::{LIMIT, Pair};
use vipd_lab::{Daemon, Net, Stamp, packages, wait_until};

const FLOOD: &str = env!("CARGO_BIN_EXE_flood");

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Counters of node b's card say that it arrived; the capture says what it was.
#[test]
fn it_sends_what_it_says() {
    packages::ensure().unwrap();
    let net = Net::new().unwrap();
    let a = net.boot("a", "10.88.88.10/24").unwrap();
    let b = net.boot("b", "10.88.88.20/24").unwrap();
    let capture = net.capture().unwrap();
    let local = |node: &vipd_lab::Node| IpAddr::V6(node.link_local().unwrap());
    let pairs = [
        (ip("10.88.88.77"), ip("224.0.0.18")),
        (ip("10.88.88.77"), ip("10.88.88.20")),
        (local(&a), ip("ff02::12")),
        (ip("fe80::77"), local(&b)),
    ];
    let right: [fn(&Advert) -> bool; 3] =
        [|one| !one.checksum_ok, |one| one.vrid == 52, |one| one.ttl == 254];
    for (source, destination) in pairs {
        let forged = Forged::new(source, destination, 51, 100, ip("10.88.88.100"));
        for (kind, right) in [Kind::Checksum, Kind::Vrid, Kind::Ttl].iter().zip(right) {
            let since = Stamp::now();
            let lasts = Duration::from_millis(100);
            let flood = Flood::start(Path::new(FLOOD), &a, *kind, &forged, lasts).unwrap();
            let sent = usize::try_from(flood.finish().unwrap()).unwrap();
            assert!(sent > 100, "{kind:?} {destination}: {sent}");
            let seen = || capture.adverts_of(&a, since);
            wait_until(LIMIT, "the packets", || seen().len() >= sent).unwrap();
            let all = seen();
            assert_eq!(all.len(), sent, "{kind:?} {destination}");
            let wrong = all.iter().find(|(_, one)| {
                !right(one) || (one.source, one.destination) != (source, destination)
            });
            assert!(wrong.is_none(), "{kind:?} {destination}: {wrong:?}");
        }
    }
    let one = Forged::new(ip("10.88.88.99"), ip("224.0.0.18"), 7, 100, ip("10.88.88.100"));
    let since = Stamp::now();
    forge::send(&a, one.destination, &[one.packet()]).unwrap();
    capture.wait_advert(since, LIMIT, "of VRID 7", |advert| advert.vrid == 7).unwrap();
}

/// keepalived as MASTER reads every packet for its VRID and more, which takes it time; without a
/// flood it takes next to none.
#[test]
fn cost_is_measured() {
    packages::ensure().unwrap();
    let router = Router::new(200, &[ip("10.88.88.100")]);
    let worse = Router { priority: 100, ..router.clone() };
    let daemon = Daemon::Keepalived;
    let pair = Pair::routers((&daemon, from_ref(&router)), (&daemon, from_ref(&worse))).unwrap();
    let node = &pair.one.node;
    let running = pair.one.daemon.as_ref().unwrap();
    let before = running.cpu_time(node).unwrap();
    let mut forged = Forged::new(ip("10.88.88.10"), ip("224.0.0.18"), 51, 100, pair.vip);
    forged.version = 3;
    let lasts = Duration::from_secs(2);
    let flood = Flood::start(Path::new(FLOOD), &pair.client, Kind::All, &forged, lasts).unwrap();
    let sent = flood.finish().unwrap();
    let used = running.cpu_time(node).unwrap() - before;
    println!("{sent} packets in {lasts:?} cost keepalived {used:?}");
    assert!(used > Duration::ZERO && used < Duration::from_secs(20), "{used:?} for {sent}");
}
