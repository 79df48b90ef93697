//! What leaves a router in one life, from its first advert to its last: one host, four virtual
//! routers, recorded once and judged by several tests.

use crate::frames::ip_of;
use crate::rig::{BEGINNING, DELAY, Lan, V3, instance, ip};
use std::net::IpAddr;
use std::sync::LazyLock;
use vipd_lab::Stamp;
use vipd_lab::capture::Packet;
use vipd_lab::frame::{Advert, Announcement, Checksum, Content, Mac};
use vipd_lab::netlink::Event;
use vipd_lab::tshark::{Opinion, Reading, examine};

const V2: u8 = 51;
const PSEUDO: u8 = 52;
const PLAIN: u8 = 53;
const V6: u8 = 54;
const VRIDS: [u8; 4] = [V2, PSEUDO, PLAIN, V6];

const V2_ADDRESSES: [&str; 2] = ["10.88.88.100", "10.88.88.101"];
const V6_ADDRESSES: [&str; 2] = ["fe80::88:104", "fd88:88::104"];

struct Life {
    packets: Vec<Packet>,
    events: Vec<Event>,
    opinions: Vec<(u8, Reading, Opinion)>,
    mac: Mac,
    link_local: IpAddr,
    /// When it was told to stop.
    stop: Stamp,
}

static LIFE: LazyLock<Life> = LazyLock::new(record);

/// The interface has more addresses than the one that was there first.
fn record() -> Life {
    let mut lan = Lan::boot(1);
    let more = "ip address add 10.88.88.21/24 dev enp0s25 && \
                ip address add 10.88.88.1/24 dev enp0s25 && \
                ip address add fd88:88::21/64 dev enp0s25 nodad";
    lan.node(0).shell(more).unwrap();
    let config = [
        instance("A", V2, "state BACKUP", &V2_ADDRESSES),
        instance("B", PSEUDO, &format!("{V3}; priority 120"), &["10.88.88.102"]),
        instance("C", PLAIN, &format!("{V3}; v3_checksum_as_v2"), &["10.88.88.103"]),
        instance("D", V6, &format!("{V3}; priority 254"), &V6_ADDRESSES),
    ];
    let link_local = lan.node(0).link_local().unwrap().into();
    lan.start(0, &config.concat());
    for vrid in VRIDS {
        lan.advertises(0, vrid, 3, BEGINNING);
    }
    let mac = lan.mac(0);
    let stop = lan.stop(0);
    let packets = lan.capture.packets();
    let mut opinions = Vec::new();
    for vrid in VRIDS {
        let of = |one: &&Packet| one.frame.advert().is_some_and(|advert| advert.vrid == vrid);
        let mine: Vec<Packet> = packets.iter().filter(of).cloned().collect();
        for reading in [Reading::PseudoHeader, Reading::Message] {
            let opinion = examine(&mine, reading, &lan.net.dir()).unwrap();
            assert_eq!(opinion.packets, mine.len());
            opinions.push((vrid, reading, opinion));
        }
    }
    let events = lan.node(0).watch().events();
    Life { packets, events, opinions, mac, link_local, stop }
}

impl Life {
    fn packets(&self, wanted: impl Fn(&Advert) -> bool) -> Vec<Packet> {
        let is_wanted = |one: &&Packet| one.frame.advert().is_some_and(|advert| wanted(&advert));
        self.packets.iter().filter(is_wanted).cloned().collect()
    }

    fn adverts(&self, vrid: u8) -> Vec<(Stamp, Advert)> {
        let packets = self.packets(|advert| advert.vrid == vrid);
        packets.iter().filter_map(|one| Some((one.at, one.frame.advert()?))).collect()
    }

    fn announced(&self, address: &str) -> Vec<(Stamp, Announcement)> {
        let all = self.packets.iter().filter_map(|one| Some((one.at, one.frame.announcement()?)));
        all.filter(|(_, what)| what.address == ip(address)).collect()
    }
}

/// The first, the steady ones and the last alike. Each in the traffic class for network control.
#[test]
fn v2_pkt_02_v2_pkt_03_v2_tx_05_v3_pkt_02_v3_pkt_03_v3_pkt_06_v3_tx_06_hard_17_the_ip_header() {
    let life = &*LIFE;
    for packet in life.packets(|_| true) {
        let advert = packet.frame.advert().unwrap();
        assert_eq!((advert.ttl, advert.tos), (255, 0xc0), "{advert:?}");
        assert_eq!(ip_of(&packet.bytes).unwrap().protocol, 112);
    }
    for vrid in VRIDS {
        let all = life.adverts(vrid);
        assert!(all.len() >= 4 && all.last().unwrap().1.priority == 0, "{vrid}: {all:?}");
    }
}

#[test]
fn v2_tx_06_v3_tx_07_adverts_go_to_the_group() {
    let life = &*LIFE;
    for packet in life.packets(|_| true) {
        let advert = packet.frame.advert().unwrap();
        let (group, to) = match advert.vrid {
            V6 => ("ff02::12", Mac([0x33, 0x33, 0, 0, 0, 0x12])),
            _ => ("224.0.0.18", Mac([1, 0, 0x5e, 0, 0, 0x12])),
        };
        assert_eq!((advert.destination, packet.frame.to), (ip(group), to));
    }
}

/// Not a second address of the interface, however low, not a virtual one, not a global one.
#[test]
fn v2_tx_04_v3_tx_04_v3_tx_05_v3_pkt_21_v3_pkt_22_adverts_come_from_the_interface() {
    let life = &*LIFE;
    for packet in life.packets(|_| true) {
        let advert = packet.frame.advert().unwrap();
        let own = if advert.vrid == V6 { life.link_local } else { ip("10.88.88.20") };
        assert_eq!(advert.source, own, "{advert:?}");
    }
}

/// Nothing but the VRID and the addresses is configured: priority 100, every second.
#[test]
fn v2_tx_01_v2_pkt_07_v2_pkt_10_v2_pkt_11_v2_pkt_12_v2_pkt_14_the_fields_of_version_2() {
    let packets = LIFE.packets(|advert| advert.vrid == V2);
    for packet in packets {
        let advert = packet.frame.advert().unwrap();
        let message = ip_of(&packet.bytes).unwrap().message;
        let [kind, vrid, _, count, auth, interval, _, _, rest @ ..] = message else { panic!() };
        assert_eq!((*kind, *vrid, *count, *auth, *interval), (0x21, V2, 2, 0, 1));
        assert_eq!(rest, [10, 88, 88, 100, 10, 88, 88, 101, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert!([100, 0].contains(&advert.priority), "{advert:?}");
    }
}

/// In the order of the configuration, the virtual link-local address first.
#[test]
fn v3_tx_01_v3_pkt_13_v3_pkt_18_v3_pkt_19_the_fields_of_version_3() {
    let packets = LIFE.packets(|advert| advert.vrid != V2);
    for packet in packets {
        let advert = packet.frame.advert().unwrap();
        let message = ip_of(&packet.bytes).unwrap().message;
        let (priority, addresses): (u8, &[&str]) = match advert.vrid {
            PSEUDO => (120, &["10.88.88.102"]),
            PLAIN => (100, &["10.88.88.103"]),
            _ => (254, &V6_ADDRESSES),
        };
        let expected: Vec<IpAddr> = addresses.iter().map(|address| ip(address)).collect();
        assert_eq!((advert.version, &advert.addresses), (3, &expected));
        assert_eq!((message[0], usize::from(message[3])), (0x31, expected.len()));
        assert_eq!(message[4..6], [0, 20], "the interval, and zero before it");
        let size = if advert.vrid == V6 { 16 } else { 4 };
        assert_eq!(message.len(), 8 + size * expected.len());
        assert!([priority, 0].contains(&advert.priority), "{advert:?}");
    }
}

/// tshark knows one form of version 3 over IPv4 at a time: with the setting for that form it has
/// nothing to say, and with the other one it objects to the checksum of that form alone.
#[test]
fn v2_tx_02_v3_tx_02_v2_pkt_13_v3_pkt_16_v3_pkt_17_tshark_has_nothing_to_say() {
    let life = &*LIFE;
    for (vrid, form) in [
        (V2, Checksum::Message),
        (PSEUDO, Checksum::PseudoHeader),
        (PLAIN, Checksum::Message),
        (V6, Checksum::PseudoHeader),
    ] {
        assert!(life.adverts(vrid).iter().all(|(_, advert)| advert.checksum == form), "{vrid}");
        for (_, reading, opinion) in life.opinions.iter().filter(|(of, ..)| *of == vrid) {
            let other = match reading {
                Reading::PseudoHeader => vrid == PLAIN,
                Reading::Message => vrid == PSEUDO,
            };
            let good = if other { 0 } else { opinion.packets };
            assert_eq!(opinion.good, good, "{vrid}, {reading:?}: {opinion:?}");
            assert_eq!(opinion.complaints.is_empty(), !other, "{vrid}, {reading:?}: {opinion:?}");
        }
    }
}

/// Exactly one advert with priority 0 each, when its addresses are gone from the kernel, and
/// nothing after it.
#[test]
fn v2_sm_15_v3_sm_22_sc_10_a_master_that_stops_says_good_bye_once() {
    let life = &*LIFE;
    for vrid in VRIDS {
        let all = life.adverts(vrid);
        let (last, before) = all.split_last().unwrap();
        assert!(last.0 >= life.stop && last.1.priority == 0, "{vrid}: {last:?}");
        assert!(before.iter().all(|(_, advert)| advert.priority > 0), "{vrid}: {before:?}");
        for address in &last.1.addresses {
            let gone = life.events.iter().rfind(|event| event.what.address == *address).unwrap();
            assert!(!gone.added, "{address} is still there");
            let early = gone.at.since(last.0);
            assert!(early < DELAY, "{vrid}: {early:?} before the removal");
        }
    }
}

/// The advert comes first, then each address is announced: RFC 3768 section 6.4.2, RFC 9568
/// section 6.4.2. The virtual router has the interface's own MAC here.
#[test]
fn v2_sm_07_v3_sm_09_v3_sm_10_the_new_master_advertises_then_announces() {
    let life = &*LIFE;
    let mac = life.mac;
    for (vrid, addresses) in [
        (V2, &V2_ADDRESSES[..]),
        (PSEUDO, &["10.88.88.102"]),
        (PLAIN, &["10.88.88.103"]),
        (V6, &V6_ADDRESSES),
    ] {
        let first = life.adverts(vrid)[0].0;
        for address in addresses {
            let said = life.announced(address);
            let (at, what) = &said[0];
            assert!(*at >= first, "{address} was announced before the advert");
            assert_eq!((what.at, what.from), (Some(mac), mac), "{what:?}");
            if let Content::Neighbour(one) = &what.frame.content {
                assert_eq!((one.router, one.solicited, one.override_flag), (true, false, true));
                assert_eq!((one.destination, one.hop_limit), ("ff02::1".parse().unwrap(), 255));
                assert_eq!(IpAddr::from(one.source), ip(address));
                assert_eq!(what.frame.to, Mac([0x33, 0x33, 0, 0, 0, 1]));
            } else {
                assert_eq!(what.frame.to, Mac([0xff; 6]));
            }
        }
    }
}
