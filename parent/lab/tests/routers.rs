//! Virtual routers of version 3 and of both families with the daemons of others on both sides: the
//! witnesses see the same whoever does it, and tshark finds nothing wrong with what they send.
#![cfg(test)]

use std::net::IpAddr;
use std::slice::from_ref;
use std::time::Duration;
use vipd_lab::frame::{Checksum, Mac};
use vipd_lab::router::Router;
use vipd_lab::scenario::{Host, LIMIT, Pair};
use vipd_lab::tshark::{Kind, Reading};
use vipd_lab::{Daemon, Stamp, packages, wait_until};

/// FRR counts its skew in whole hundredths of a second.
const ROUNDING: Duration = Duration::from_millis(10);
const BEGINNING: Stamp = Stamp::from_nanos(0);

fn ipv4() -> Vec<IpAddr> {
    vec!["10.88.88.100".parse().unwrap()]
}

fn ipv6() -> Vec<IpAddr> {
    ["fe80::88:100", "fd88:88::100"].map(|text| text.parse().unwrap()).to_vec()
}

fn start(first: &Daemon, second: &Daemon, addresses: &[IpAddr], change: fn(&mut Router)) -> Pair {
    packages::ensure().unwrap();
    let [better, worse] = [200, 100].map(|priority| {
        let mut router = Router::new(priority, addresses);
        change(&mut router);
        router
    });
    let pair = Pair::routers((first, from_ref(&better)), (second, from_ref(&worse))).unwrap();
    advertises(&pair, &pair.one, BEGINNING);
    pair
}

fn advertises(pair: &Pair, host: &Host, since: Stamp) {
    let three = || {
        pair.capture.adverts_of(&host.node, since).iter().filter(|(_, a)| a.priority > 0).count()
            >= 3
    };
    wait_until(LIMIT, format_args!("three adverts of {}", host.name()), three).unwrap();
}

/// Node 1 goes without a word, and node 2 takes over: at the client, on the wire, in the kernel.
fn power_off(
    first: &Daemon,
    second: &Daemon,
    addresses: &[IpAddr],
    change: fn(&mut Router),
) -> Pair {
    let mut pair = start(first, second, addresses, change);
    let at = pair.one.power_off().unwrap();
    pair.wait_served(at, 2).unwrap();
    advertises(&pair, &pair.two, at);
    let last = pair.capture.adverts_of(&pair.one.node, BEGINNING).last().unwrap().0;
    let first = pair.capture.adverts_of(&pair.two.node, at)[0].0;
    let mut worse = Router::new(100, addresses);
    change(&mut worse);
    let silent = first.since(last);
    assert!(silent >= worse.down_timer().saturating_sub(ROUNDING), "{silent:?}");
    // Not before: FRR's vrrpd cannot send its first advert over IPv6, and keepalived takes over.
    let late = |window: &vipd_lab::owner::Window| window.to > at;
    assert!(!pair.overlaps().iter().any(late), "{:?}", pair.overlaps());
    pair.two.power_off().unwrap();
    pair
}

/// Whatever they are, all adverts are version 3 to the letter, but for the checksum over IPv4,
/// which both daemons compute with a pseudo-header.
fn well_formed(pair: &Pair, addresses: &[IpAddr]) {
    let adverts = pair.capture.adverts(BEGINNING);
    for (_, advert) in &adverts {
        assert_eq!(advert.checksum, Checksum::PseudoHeader, "{advert:?}");
        assert_eq!((advert.version, advert.vrid, advert.ttl), (3, 51, 255), "{advert:?}");
        assert_eq!((advert.interval, &advert.addresses[..]), (20, addresses), "{advert:?}");
        assert!(!addresses.contains(&advert.source), "{advert:?}");
        let group = if addresses.len() == 1 { "224.0.0.18" } else { "ff02::12" };
        assert_eq!(advert.destination, group.parse::<IpAddr>().unwrap());
    }
    let opinion = pair.capture.examine(Reading::PseudoHeader).unwrap();
    assert_eq!((opinion.packets, opinion.good), (adverts.len(), adverts.len()), "{opinion:?}");
    assert!(opinion.complaints.is_empty(), "{opinion:?}");
    let other = pair.capture.examine(Reading::Message).unwrap();
    let wrong = other.complaints.iter().filter(|one| one.kind == Kind::BadChecksum).count();
    assert_eq!(wrong, if addresses.len() == 1 { adverts.len() } else { 0 }, "{other:?}");
    assert_eq!(other.complaints.len(), wrong, "{other:?}");
}

fn all(first: &Daemon, second: &Daemon) {
    for addresses in [ipv4(), ipv6()] {
        let pair = power_off(first, second, &addresses, |_| {});
        well_formed(&pair, &addresses);
        let said = pair.capture.announcements(BEGINNING);
        let last = said.iter().rfind(|(_, one)| one.address == pair.vip).unwrap();
        let virtual_mac = if pair.vip.is_ipv4() { Mac::virtual4(51) } else { Mac::virtual6(51) };
        let is_virtual = last.1.at == Some(virtual_mac) && last.1.from == virtual_mac;
        assert_eq!(is_virtual, *second == Daemon::Frr, "{last:?}");
    }
}

#[test]
fn keepalived_and_keepalived() {
    all(&Daemon::Keepalived, &Daemon::Keepalived);
}

#[test]
fn frr_and_frr() {
    all(&Daemon::Frr, &Daemon::Frr);
}

#[test]
fn keepalived_and_frr() {
    all(&Daemon::Keepalived, &Daemon::Frr);
}

#[test]
fn frr_and_keepalived() {
    all(&Daemon::Frr, &Daemon::Keepalived);
}

/// The MASTER is told to stop: priority 0, and node 2 need not wait for the down timer.
fn stopped(first: &Daemon, second: &Daemon, addresses: &[IpAddr]) {
    let mut pair = start(first, second, addresses, |_| {});
    let Host { daemon, node, .. } = &mut pair.one;
    let at = Stamp::now();
    daemon.as_mut().unwrap().stop(node).unwrap();
    pair.wait_served(at, 2).unwrap();
    advertises(&pair, &pair.two, at);
    let farewell = pair.capture.adverts_of(&pair.one.node, at);
    assert!(farewell.iter().any(|(_, advert)| advert.priority == 0), "{farewell:?}");
    assert!(pair.one.daemon.as_ref().unwrap().processes(&pair.one.node).is_empty());
    let better = Router::new(200, addresses);
    pair.one.config = vipd_lab::router::config(first, from_ref(&better));
    pair.one.start_daemon(first).unwrap();
    let again = Stamp::now();
    pair.wait_served(again, 1).unwrap();
}

#[test]
fn a_stop_is_a_farewell() {
    stopped(&Daemon::Keepalived, &Daemon::Frr, &ipv6());
    stopped(&Daemon::Frr, &Daemon::Keepalived, &ipv4());
}

/// Killed at once, zebra and vrrpd leave the addresses in use; keepalived takes over all the same.
#[test]
fn killed_frr() {
    let mut pair = start(&Daemon::Frr, &Daemon::Keepalived, &ipv4(), |_| {});
    let Host { daemon, node, .. } = &mut pair.one;
    let at = daemon.as_mut().unwrap().kill_all(node).unwrap();
    advertises(&pair, &pair.two, at);
    assert_eq!(pair.owners(), [1, 2]);
    assert!(!pair.overlaps().is_empty());
}

/// keepalived's virtual MAC on the wire and among the links. The client's table is no witness: the
/// base device asks for the client in the address's name, and teaches it its own MAC.
#[test]
fn virtual_macs() {
    for (addresses, mac) in [(ipv4(), Mac::virtual4(51)), (ipv6(), Mac::virtual6(51))] {
        let daemon = Daemon::Keepalived;
        let pair = power_off(&daemon, &daemon, &addresses, |router| router.virtual_mac = true);
        well_formed(&pair, &addresses);
        let adverts = pair.capture.adverts(BEGINNING);
        assert!(adverts.iter().all(|(_, advert)| advert.mac == mac), "{adverts:?}");
        let said = pair.capture.announcements(BEGINNING);
        let said: Vec<_> = said.iter().filter(|(_, one)| one.address == pair.vip).collect();
        assert!(!said.is_empty());
        assert!(said.iter().all(|(_, one)| one.at == Some(mac) && one.from == mac), "{said:?}");
        let links = pair.two.node.watch().link_events();
        assert!(links.iter().any(|event| event.there && event.what.mac == Some(mac)));
    }
}

/// vrrpd speaks version 2, too, and says itself what the witnesses see.
#[test]
fn version_2_and_what_frr_says() {
    let seconds = |router: &mut Router| {
        (router.version, router.interval) = (2, Duration::from_secs(1));
    };
    let pair = start(&Daemon::Frr, &Daemon::Keepalived, &ipv4(), seconds);
    let said = vipd_lab::daemon::frr::show(&pair.one.node).unwrap();
    assert!(said.contains(r#""version":2"#) && said.contains(r#""status":"Master""#), "{said}");
    let adverts = pair.capture.adverts(BEGINNING);
    assert!(adverts.iter().all(|(_, a)| a.version == 2 && a.checksum == Checksum::Message));
    let opinion = pair.capture.examine(Reading::PseudoHeader).unwrap();
    assert_eq!(opinion.complaints, []);
    assert!(opinion.good >= adverts.len());
}

/// Who listens tells the switches: the groups of both families are on the wire.
#[test]
fn group_reports_are_seen() {
    for (addresses, group) in [(ipv4(), "224.0.0.18"), (ipv6(), "ff02::12")] {
        let pair = start(&Daemon::Keepalived, &Daemon::Frr, &addresses, |_| {});
        let group: IpAddr = group.parse().unwrap();
        let reported = || {
            let all = pair.capture.memberships(BEGINNING);
            all.iter().filter(|(_, report)| report.groups.contains(&group)).count() >= 2
        };
        wait_until(LIMIT, format_args!("reports for {group}"), reported).unwrap();
    }
}
