//! Who is MASTER, as others see it: what a BACKUP keeps to itself, an owner that comes back, a host
//! that was asleep, and virtual routers that do not know of each other.

use crate::rig::{BEGINNING, DELAY, Host, INTERVAL, Lan, V3, advert, instance, ip, send};
use nix::sys::signal::Signal;
use vipd_lab::{Direction, Fault, Stamp, Traffic, forge::Forged, owner};

const FOUR2: &str = "10.88.88.100";
const FOUR3: &str = "10.88.88.101";
const SIX: [&str; 2] = ["fe80::88:102", "fd88:88::102"];
const ALL: [&str; 4] = [FOUR2, FOUR3, SIX[0], SIX[1]];

/// Version 2 with VRID 51, version 3 with 52, IPv6 with 53.
fn three(lines: &str) -> String {
    let v3 = format!("{V3}; {lines}");
    instance("A", 51, lines, &[FOUR2])
        + &instance("B", 52, &v3, &[FOUR3])
        + &instance("C", 53, &v3, &SIX)
}

#[test]
fn v2_sm_06_v3_sm_08_sc_11_a_backup_that_stops_sends_nothing() {
    let mut lan = Lan::running(&[&three("priority 200"), &three("priority 100")]);
    lan.owned_by(0, &ALL);
    let stopped = lan.stop(1);
    lan.advertises(0, 51, 1, stopped);
    assert_eq!(lan.capture.adverts_of(lan.node(1), BEGINNING), [], "{}", lan.logs());
    for address in ALL {
        assert!(lan.announced(1, address, BEGINNING).is_empty(), "{address}");
    }
}

/// Without fast handover: a BACKUP that hears priority 0 waits for its Skew_Time, not for the down
/// timer.
#[test]
fn v2_pkt_08_v2_sm_08_v3_pkt_11_v3_sm_11_priority_0_hands_over() {
    let lines = |priority: u8| three(&format!("fast_handover off; priority {priority}"));
    let mut lan = Lan::running(&[&lines(200), &lines(100)]);
    lan.owned_by(0, &ALL);
    let stopped = lan.stop(0);
    lan.owned_by(1, &ALL);
    for (vrid, interval) in [(51, INTERVAL * 5), (52, INTERVAL), (53, INTERVAL)] {
        let good_bye = lan.adverts(0, vrid, stopped).pop().unwrap();
        assert_eq!(good_bye.1.priority, 0);
        lan.advertises(1, vrid, 1, stopped);
        let waited = lan.adverts(1, vrid, stopped)[0].0.since(good_bye.0);
        // The kernel stamps both adverts a little later than they are sent.
        let skew = interval.mul_f64(156.0 / 256.0).saturating_sub(DELAY);
        assert!(waited >= skew, "{vrid}: {waited:?}");
        assert!(vrid != 51 || waited < interval * 3, "{vrid}: {waited:?}");
    }
}

/// Nobody waits for a timer: the other one is BACKUP when it has heard the owner.
#[test]
fn sc_06_v2_sm_20_v3_sm_28_v2_sm_18_v3_sm_27_an_owner_takes_over_at_once() {
    let mut lan = Lan::boot(2);
    lan.start(1, &three("priority 254; nopreempt"));
    lan.owned_by(1, &ALL);
    let started = lan.start(0, &three("priority 255; nopreempt"));
    lan.owned_by(0, &ALL);
    for vrid in [51, 52, 53] {
        let (first, _) = lan.adverts(0, vrid, started)[0];
        let waited = first.since(started);
        assert!(vrid != 51 || waited < INTERVAL * 15, "{waited:?} is the wait of a BACKUP");
        lan.advertises(0, vrid, 4, first);
        let late = lan.adverts(1, vrid, first);
        assert!(late.len() <= 2 && late.iter().all(|(_, a)| a.priority == 254), "{late:?}");
    }
    for address in ALL {
        let both = owner::overlaps(&[lan.node(0), lan.node(1)], ip(address));
        assert!(both.len() <= 1, "{address}: {both:?}");
    }
}

/// The owner's adverts come from the virtual address, which this host holds while it is MASTER.
#[test]
fn sc_17_the_owner_is_heard_when_it_comes_back() {
    let lan = Lan::running(&[&three("priority 200")]);
    lan.owned_by(0, &ALL);
    for (vrid, version, interval, vip) in [(51, 2, 1, FOUR2), (52, 3, 20, FOUR3)] {
        let right = advert(&lan.client, "224.0.0.18", vrid, 255, &[vip]);
        send(&lan.client, &Forged { source: ip(vip), version, interval, ..right });
        lan.wait(&format!("{vip} to go"), || !lan.node(0).watch().holds(ip(vip)));
    }
    let right = advert(&lan.client, "ff02::12", 53, 255, &SIX);
    send(&lan.client, &Forged { source: ip(SIX[0]), ..right });
    lan.wait("the IPv6 addresses to go", || !lan.node(0).watch().holds(ip(SIX[1])));
}

/// All processes are stopped until the other host has taken over, and go on: what waits in the
/// socket is read before the old role is acted, and the addresses are gone already.
#[test]
fn sc_14_hard_18_a_host_that_was_asleep_is_not_master_any_more() {
    let both = |lines: &str| {
        let v3 = format!("{V3}; {lines}");
        instance("B", 52, &v3, &[FOUR3]) + &instance("C", 53, &v3, &SIX)
    };
    let lan = Lan::running(&[&both("priority 200"), &both("priority 100")]);
    let all = &ALL[1..];
    lan.owned_by(0, all);
    let signal = |signal: Signal| {
        let Host { daemon, node } = &lan.hosts[0];
        let mut all = daemon.as_ref().unwrap().processes(node);
        all.sort_by_key(|process| process.inner_pid);
        for process in all {
            process.signal(signal).unwrap();
        }
        Stamp::now()
    };
    signal(Signal::SIGSTOP);
    lan.owned_by(1, all);
    lan.pass(INTERVAL * 15);
    let awake = signal(Signal::SIGCONT);
    lan.pass(INTERVAL * 5);
    for vrid in [52, 53] {
        let sent = lan.adverts(0, vrid, awake);
        assert!(sent.len() <= 1, "{vrid}: {sent:?}\n{}", lan.logs());
        lan.advertises(1, vrid, 4, awake);
    }
    for address in all {
        let both = owner::overlaps(&[lan.node(0), lan.node(1)], ip(address));
        assert!(both.iter().all(|window| window.to < awake), "{address}: {both:?}");
    }
}

/// One VRID in two families, and two in one: what one of them loses, the others do not feel.
#[test]
fn sc_16_v2_sm_21_v3_sm_30_virtual_routers_are_independent() {
    let config = |lines: &str| {
        let v3 = format!("{V3}; {lines}");
        instance("A", 51, lines, &[FOUR2])
            + &instance("B", 52, lines, &[FOUR3])
            + &instance("C", 51, &v3, &SIX)
    };
    let mut lan = Lan::running(&[&config("priority 200"), &config("priority 100")]);
    lan.owned_by(0, &ALL);
    let begin = Stamp::now();
    for (traffic, ipv6, vrid, moved) in [
        (Traffic::AdvertsOverIpv6(Some(51)), true, 51, SIX[1]),
        (Traffic::AdvertsOverIpv4(Some(52)), false, 52, FOUR3),
    ] {
        let fault = Fault { direction: Direction::ToNode, ..Fault::of(traffic) };
        lan.node(1).disturb(&[fault]).unwrap();
        let at = lan.wait(&format!("{moved} on host 1"), || lan.node(1).watch().holds(ip(moved)));
        lan.wait("three adverts", || {
            let mut sent = lan.adverts(1, vrid, at);
            sent.retain(|(_, advert)| advert.source.is_ipv6() == ipv6);
            sent.len() >= 3
        });
        lan.node(1).heal().unwrap();
        lan.owned_by(0, &[moved]);
    }
    let sent = lan.capture.adverts_of(lan.node(1), begin);
    let strange = sent.iter().find(|(_, advert)| advert.source.is_ipv4() && advert.vrid == 51);
    assert_eq!(strange, None, "{}", lan.logs());
    lan.stop(1);
    lan.stop(0);
}

/// Without an address to send from there is nothing to send. One that the kernel is still testing
/// (tentative) is none.
#[test]
fn v3_tx_05_adverts_wait_for_a_link_local_address() {
    let mut lan = Lan::boot(1);
    lan.node(0).shell("ip -6 address flush dev enp0s25 scope link").unwrap();
    lan.start(0, &instance("A", 51, &format!("{V3}; priority 255"), &SIX));
    lan.pass(INTERVAL * 5);
    assert_eq!(lan.capture.adverts(BEGINNING), []);
    let add = "echo 1 > /proc/sys/net/ipv6/conf/enp0s25/accept_dad && \
               echo 2 > /proc/sys/net/ipv6/conf/enp0s25/dad_transmits && \
               ip -6 address add fe80::3/64 dev enp0s25";
    let added = Stamp::now();
    lan.node(0).shell(add).unwrap();
    lan.advertises(0, 51, 3, BEGINNING);
    let events = lan.node(0).watch().events();
    let own = |event: &&vipd_lab::netlink::Event| event.what.address == ip("fe80::3");
    let tested = |event: &&vipd_lab::netlink::Event| event.what.flags & 0x40 == 0;
    assert!(events.iter().filter(own).any(|event| !tested(&event)), "it was never tentative");
    let usable = events.iter().filter(own).find(tested).unwrap().at;
    let first = lan.adverts(0, 51, added)[0].0;
    assert!(first.plus(DELAY) > usable, "{first} is before {usable}");
}
