//! Gratuitous ARP and unsolicited neighbour advertisements: when, how often, and for what. Without
//! virtual MACs.

use crate::rig::{BEGINNING, INTERVAL, Lan, V3, advert, instance, ip, send};
use std::net::IpAddr;
use std::time::Duration;
use vipd_lab::Stamp;
use vipd_lab::frame::Content;

const FOUR: &str = "10.88.88.100";
const SIX: [&str; 2] = ["fe80::88:100", "fd88:88::100"];
const ALL: [&str; 3] = [FOUR, SIX[0], SIX[1]];

/// Version 3 in both families.
fn both(lines: &str) -> String {
    let v3 = format!("{V3}; {lines}");
    instance("A", 51, &v3, &[FOUR]) + &instance("B", 51, &v3, &SIX)
}

/// An owner is MASTER from the start: the advert, then the announcements, then the interval.
#[test]
fn v2_sm_01_v3_sm_01_an_owner_advertises_then_announces() {
    let v2 = instance("C", 52, "priority 255", &["10.88.88.101"]);
    let mut lan = Lan::boot(1);
    let started = lan.start(0, &(both("priority 255") + &v2));
    for (vrid, ipv6, addresses) in
        [(51, false, &[FOUR][..]), (51, true, &SIX), (52, false, &["10.88.88.101"])]
    {
        let adverts = || {
            let mut all = lan.adverts(0, vrid, started);
            all.retain(|(_, advert)| advert.source.is_ipv6() == ipv6);
            all
        };
        lan.wait("two adverts", || adverts().len() >= 2);
        let all = adverts();
        assert!(all[0].1.priority == 255);
        for address in addresses {
            lan.wait(address, || !lan.announced(0, address, BEGINNING).is_empty());
            let (at, what) = lan.announced(0, address, BEGINNING).swap_remove(0);
            assert!(at >= all[0].0, "{address} at {at}, the advert at {}", all[0].0);
            assert_eq!(what.at, Some(lan.mac(0)));
            if let Content::Neighbour(one) = &what.frame.content {
                assert_eq!((one.router, one.solicited, one.override_flag), (true, false, true));
            }
        }
    }
}

/// Addresses that come by a reload are announced, and no others; adverts carry the new list.
#[test]
fn v2_ops_05_v3_ops_06_v3_ops_16_an_address_that_is_added_is_announced() {
    let config = |four2: &[&str], four3: &[&str], six: &[&str]| {
        let more = "priority 255; garp_master_delay 0; garp_master_repeat 1";
        let v3 = format!("{V3}; {more}");
        instance("A", 51, more, four2)
            + &instance("B", 52, &v3, four3)
            + &instance("C", 53, &v3, six)
    };
    let mut lan = Lan::running(&[&config(&["10.88.88.100"], &["10.88.88.101"], &SIX)]);
    let old = ["10.88.88.100", "10.88.88.101", SIX[0], SIX[1]];
    for address in old {
        lan.wait(address, || !lan.announced(0, address, BEGINNING).is_empty());
    }
    let six = [SIX[0], SIX[1], "fd88:88::200"];
    let new = config(&["10.88.88.100", "10.88.88.200"], &["10.88.88.101", "10.88.88.201"], &six);
    let reloaded = lan.reload(0, &new);
    for address in ["10.88.88.200", "10.88.88.201", "fd88:88::200"] {
        lan.wait(address, || lan.announced(0, address, reloaded).len() == 1);
    }
    for (vrid, count) in [(51, 2), (52, 2), (53, 3)] {
        lan.wait("the new list", || {
            let all = lan.adverts(0, vrid, reloaded);
            all.iter().any(|(_, advert)| advert.addresses.len() == count)
        });
    }
    for address in old {
        assert!(lan.announced(0, address, reloaded).is_empty(), "{address}");
    }
}

/// A virtual address is used at once, and is never found to be a duplicate: nobody is asked whether
/// he has it, though here somebody does.
#[test]
fn v3_ops_18_no_duplicate_address_detection() {
    let mut lan = Lan::boot(2);
    lan.node(1).shell("ip -6 address add fd88:88::100/64 dev enp0s25 nodad").unwrap();
    let on = "echo 1 > /proc/sys/net/ipv6/conf/enp0s25/accept_dad && \
              echo 1 > /proc/sys/net/ipv6/conf/enp0s25/dad_transmits";
    lan.node(0).shell(on).unwrap();
    lan.start(0, &instance("B", 51, &format!("{V3}; priority 255"), &SIX));
    lan.advertises(0, 51, 10, BEGINNING);
    let events = lan.node(0).watch().events();
    for address in SIX {
        let mine: Vec<_> = events.iter().filter(|e| e.what.address == ip(address)).collect();
        // IFA_F_TENTATIVE and IFA_F_DADFAILED.
        assert!(mine.iter().all(|event| event.added && event.what.flags & 0x48 == 0), "{mine:?}");
        assert!(!mine.is_empty());
    }
    let asked = lan.capture.packets().into_iter().any(|packet| match packet.frame.content {
        Content::Neighbour(one) => {
            !one.advertisement && SIX.iter().any(|six| IpAddr::from(one.target) == ip(six))
        }
        Content::Advert(_) | Content::Arp(_) | Content::Membership(_) | Content::Other => false,
    });
    assert!(!asked);
}

/// How many of `at` belong together: after a longer pause a new block begins.
fn blocks(at: &[Stamp]) -> Vec<usize> {
    let mut sizes = vec![usize::from(!at.is_empty())];
    for (before, after) in at.iter().zip(at.iter().skip(1)) {
        if after.since(*before) > Duration::from_millis(500) {
            sizes.push(0);
        }
        *sizes.last_mut().unwrap() += 1;
    }
    sizes
}

fn times(lan: &Lan, address: &str) -> Vec<Stamp> {
    lan.announced(0, address, BEGINNING).into_iter().map(|(at, _)| at).collect()
}

/// keepalived's settings: a block, a second one after the delay, then refreshes, and a pause after
/// each packet of an interface and family.
#[test]
fn announcements_are_counted_delayed_repeated_and_paced() {
    const PAUSE: Duration = Duration::from_millis(50);
    let global = "global_defs {\n vrrp_garp_interval 0.05\n vrrp_gna_interval 0.05\n}\n";
    let lines = "priority 255; garp_master_delay 1; garp_master_repeat 3; \
                 garp_master_refresh 2; garp_master_refresh_repeat 2";
    let lan = Lan::running(&[&format!("{global}{}", both(lines))]);
    for address in ALL {
        lan.wait(&format!("five blocks for {address}"), || {
            blocks(&times(&lan, address)).len() >= 5
        });
        let sizes = blocks(&times(&lan, address));
        assert_eq!(sizes[..4], [3, 3, 2, 2], "{address}");
    }
    for family in [&ALL[..1], &ALL[1..]] {
        let mut all: Vec<Stamp> = family.iter().flat_map(|one| times(&lan, one)).collect();
        all.sort();
        for (before, after) in all.iter().zip(all.iter().skip(1)) {
            // The kernel stamps a packet later than it is sent.
            let gap = after.since(*before);
            assert!(gap > PAUSE - Duration::from_millis(10), "{gap:?}");
        }
    }
}

/// A worse router was heard: the neighbours are told again where the addresses are.
#[test]
fn a_worse_router_is_answered_with_announcements() {
    let lines = "priority 200; garp_master_delay 0; garp_master_repeat 1; \
                 garp_lower_prio_delay 1; garp_lower_prio_repeat 2";
    let lan = Lan::running(&[&both(lines)]);
    for address in ALL {
        lan.wait(address, || times(&lan, address).len() == 1);
    }
    lan.pass(INTERVAL * 4);
    for (group, addresses) in [("224.0.0.18", &ALL[..1]), ("ff02::12", &ALL[1..])] {
        send(&lan.client, &advert(&lan.client, group, 51, 50, addresses));
    }
    for address in ALL {
        lan.wait(&format!("both blocks for {address}"), || times(&lan, address).len() >= 5);
    }
    lan.pass(Duration::from_secs(2));
    for address in ALL {
        assert_eq!(blocks(&times(&lan, address)), [1, 2, 2], "{address}");
    }
}
