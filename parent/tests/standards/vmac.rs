//! Virtual MACs on the wire: what has them, and that nothing that speaks of a virtual address has
//! another one.

use crate::ear::Ear;
use crate::frames::Ends;
use crate::neighbours::{answer, answers};
use crate::rig::{BEGINNING, DELAY, Lan, V3, advert, instance, ip, send};
use std::net::IpAddr;
use vipd_lab::capture::Packet;
use vipd_lab::frame::{Content, Mac};
use vipd_lab::netlink::Change;
use vipd_lab::scenario::Pair;
use vipd_lab::{Daemon, Router, Stamp, packages};

const FOUR2: &str = "10.88.88.100";
const FOUR3: &str = "10.88.88.101";
const SIX: [&str; 2] = ["fe80::88:102", "fd88:88::102"];
const ALL: [&str; 4] = [FOUR2, FOUR3, SIX[0], SIX[1]];

fn config(lines: &str) -> String {
    let v2 = format!("use_vmac; {lines}");
    let v3 = format!("{V3}; use_vmac; {lines}");
    instance("A", 51, &v2, &[FOUR2])
        + &instance("B", 52, &v3, &[FOUR3])
        + &instance("C", 53, &v3, &SIX)
}

fn virtual_mac(address: &str) -> Mac {
    match address {
        FOUR2 => Mac::virtual4(51),
        FOUR3 => Mac::virtual4(52),
        _ => Mac::virtual6(53),
    }
}

/// The frames of hosts that put a virtual address together with another hardware address than its
/// own: as who asks, as who answers, as who is announced, or as the source of the frame.
pub(crate) fn betrayals(lan: &Lan, address: &str, mac: Mac) -> Vec<Packet> {
    let is_it = |other: IpAddr| other == ip(address);
    let client = lan.client.plug().port();
    let mut all = lan.capture.packets();
    all.retain(|packet| packet.port != client);
    all.retain(|packet| match &packet.frame.content {
        Content::Arp(arp) => {
            is_it(arp.sender.into()) && (arp.sender_mac != mac || packet.frame.from != mac)
        }
        Content::Neighbour(one) if one.advertisement => {
            is_it(one.target.into()) && (one.link_layer != Some(mac) || packet.frame.from != mac)
        }
        Content::Neighbour(one) => {
            is_it(one.source.into()) && one.link_layer.is_some_and(|other| other != mac)
        }
        Content::Advert(_) | Content::Membership(_) | Content::Other => false,
    });
    all
}

fn nothing_betrays(lan: &Lan) {
    for address in ALL {
        assert_eq!(betrayals(lan, address, virtual_mac(address)), [], "{address}");
    }
}

/// Each VRID and family has its own, in both versions.
#[test]
fn v2_tx_03_v2_tx_07_v3_tx_03_v3_tx_08_v3_tx_09_adverts_come_from_the_virtual_mac() {
    let mut lan = Lan::boot(1);
    let v3 = format!("{V3}; use_vmac; priority 255");
    let six = |vrid: u8| [format!("fe80::{vrid}:1"), format!("fd88:88::{vrid}:1")];
    let mut config = String::new();
    for vrid in [1, 51, 255] {
        let lines = if vrid == 51 { &v3 } else { "use_vmac; priority 255" };
        config += &instance(&format!("A{vrid}"), vrid, lines, &[&format!("10.88.88.{vrid}")]);
        let six = six(vrid);
        config += &instance(&format!("B{vrid}"), vrid, &v3, &[&six[0], &six[1]]);
    }
    lan.start(0, &config.replace("10.88.88.255", "10.88.88.254"));
    let own: IpAddr = lan.node(0).link_local().unwrap().into();
    for vrid in [1, 51, 255] {
        let of = |ipv6: bool| {
            let mut all = lan.adverts(0, vrid, BEGINNING);
            all.retain(|(_, advert)| advert.source.is_ipv6() == ipv6);
            all
        };
        lan.wait(&format!("adverts for {vrid}"), || of(false).len() >= 2 && of(true).len() >= 2);
        assert!(of(false).iter().all(|(_, advert)| advert.mac == Mac::virtual4(vrid)));
        assert!(of(false).iter().all(|(_, advert)| advert.source == ip("10.88.88.20")));
        // RFC 9568 section 7.4: another one on each router.
        assert!(of(true).iter().all(|(_, advert)| advert.source == own));
        assert!(of(true).iter().all(|(_, advert)| advert.mac == Mac::virtual6(vrid)));
    }
    // Nobody makes an interface identifier of a virtual MAC.
    let there = lan.node(0).watch().addresses_now().unwrap();
    assert!(!there.iter().any(|one| one.address.to_string().starts_with("fe80::200:5eff:")));
    lan.stop(0);
}

/// A hundred questions for each address, and a hundred strangers that a MASTER has to look for
/// before it can answer them.
#[test]
fn v2_sm_11_v2_ops_02_v2_ops_03_v3_ops_02_v3_ops_03_v3_ops_04_v3_ops_11_v3_ops_12_only_the_virtual_mac()
 {
    let lan = Lan::running(&[&config("priority 200"), &config("priority 100")]);
    lan.owned_by(0, &ALL);
    let ear = Ear::open(&lan.client);
    let begin = Stamp::now();
    for count in 1..=100 {
        for address in ALL {
            ear.ask(address);
            lan.wait(&format!("answer {count} for {address}"), || {
                answers(&lan, 0, address, begin).len() >= count
            });
        }
    }
    for address in SIX {
        ear.probe(address.parse().unwrap());
    }
    for (number, own) in [(0, "10.88.88.20"), (1, "10.88.88.30")] {
        ear.settle(lan.mac(number), own);
    }
    for address in ALL {
        let mac = virtual_mac(address);
        let all = answers(&lan, 0, address, begin);
        assert!(all.iter().all(|one| answer(one).unwrap().1 == Some(mac)), "{address}");
        assert_eq!(answers(&lan, 1, address, BEGINNING), [], "{address}");
    }
    nothing_betrays(&lan);
}

/// What the MASTER asks in the name of a virtual address, it asks with the virtual MAC: it is pinged
/// by strangers, and must look for them before it can answer.
#[test]
fn v3_ops_13_v3_ops_14_v2_ops_03_v3_ops_04_questions_of_the_master() {
    let lan = Lan::running(&[&config("priority 200")]);
    lan.owned_by(0, &ALL);
    let ear = Ear::open(&lan.client);
    let begin = Stamp::now();
    for (number, address) in (201..).zip(ALL) {
        let stranger = if ip(address).is_ipv4() { "10.88.88." } else { "fd88:88::" };
        let source = ip(&format!("{stranger}{number}"));
        let to = virtual_mac(address);
        ear.send(&Ends { from: ear.mac, to, source, target: ip(address) }.echo());
        lan.wait(&format!("a question for {source}"), || {
            lan.capture.packets().iter().filter(|one| one.at >= begin).any(|packet| {
                match &packet.frame.content {
                    Content::Arp(arp) => arp.request && IpAddr::from(arp.target) == source,
                    Content::Neighbour(one) => {
                        !one.advertisement && IpAddr::from(one.target) == source
                    }
                    Content::Advert(_) | Content::Membership(_) | Content::Other => false,
                }
            })
        });
    }
    nothing_betrays(&lan);
}

/// An owner speaks at once; still nothing is said of its addresses before they and the virtual MAC
/// are there, and nothing with the MAC of the interface.
#[test]
fn v2_ops_04_v2_ops_06_v3_ops_05_v3_ops_07_v3_ops_15_v3_ops_17_the_start_of_an_owner() {
    let mut lan = Lan::running(&[&config("priority 255")]);
    lan.owned_by(0, &ALL);
    let changes = |lan: &Lan| lan.node(0).watch().changes();
    for address in ALL {
        lan.wait(address, || lan.announced(0, address, BEGINNING).len() >= 5);
        let mac = virtual_mac(address);
        let (first, what) = lan.announced(0, address, BEGINNING).swap_remove(0);
        assert_eq!((what.at, what.from), (Some(mac), mac));
        let up = changes(&lan).into_iter().find_map(|change| match change {
            Change::Link(link) => (link.what.mac == Some(mac) && link.what.up).then_some(link.at),
            Change::Address(_) => None,
        });
        let there = changes(&lan).into_iter().find_map(|change| match change {
            Change::Address(one) => (one.what.address == ip(address)).then_some(one.at),
            Change::Link(_) => None,
        });
        let first = first.plus(DELAY);
        assert!(up.unwrap() < first && there.unwrap() < first, "{address}: {first}");
    }
    nothing_betrays(&lan);
    lan.stop(0);
    nothing_betrays(&lan);
}

/// Switches learn from membership reports, too: at the port of a BACKUP they would learn the
/// virtual MAC where it is not. The interface itself joins.
#[test]
fn memberships_come_from_the_interface_and_a_backup_never_shows_the_virtual_mac() {
    let mut lan = Lan::running(&[&config("priority 200"), &config("priority 100")]);
    lan.owned_by(0, &ALL);
    for group in ["224.0.0.18", "ff02::12"] {
        for number in [0, 1] {
            let port = lan.node(number).plug().port();
            lan.wait(&format!("host {number} to join {group}"), || {
                lan.capture.packets().iter().any(|packet| {
                    packet.port == port
                        && packet.frame.from == lan.mac(number)
                        && matches!(&packet.frame.content, Content::Membership(report)
                            if report.groups.contains(&ip(group)))
                })
            });
        }
    }
    send(&lan.client, &advert(&lan.client, "ff02::12", 53, 254, &SIX));
    lan.wait("the end of a term", || !lan.node(0).watch().holds(ip(SIX[1])));
    lan.owned_by(0, &SIX);
    let all = [51, 52].map(Mac::virtual4).into_iter().chain([Mac::virtual6(53)]);
    let all: Vec<Mac> = all.collect();
    let two = lan.node(1).plug().port().to_owned();
    lan.stop(1);
    for packet in lan.capture.packets() {
        let is_virtual = all.contains(&packet.frame.from);
        let is_report = matches!(packet.frame.content, Content::Membership(_));
        assert!(!(is_virtual && is_report), "{packet:?}");
        assert!(!(is_virtual && packet.port == two), "{packet:?}");
    }
}

/// A client that talks all the time keeps its entry: only the switch learns that the MAC has moved.
#[test]
fn a_client_keeps_its_entry_in_a_failover() {
    packages::ensure().unwrap();
    let vipd = Daemon::vipd().unwrap();
    for (addresses, mac) in [
        (&["10.88.88.100"][..], Mac::virtual4(51)),
        (&["fe80::88:100", "fd88:88::100"], Mac::virtual6(51)),
    ] {
        let addresses: Vec<IpAddr> = addresses.iter().map(|address| ip(address)).collect();
        let router = |priority| Router { virtual_mac: true, ..Router::new(priority, &addresses) };
        let mut pair = Pair::routers((&vipd, &[router(200)]), (&vipd, &[router(100)])).unwrap();
        let entry =
            |pair: &Pair| pair.client.shell(&format!("ip neigh show {}", pair.vip)).unwrap();
        let wanted = format!("lladdr {mac}");
        assert!(entry(&pair).contains(&wanted), "{}", entry(&pair));
        let off = pair.one.power_off().unwrap();
        pair.wait_served(off, 2).unwrap();
        assert!(entry(&pair).contains(&wanted), "{}", entry(&pair));
    }
}
