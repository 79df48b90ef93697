//! Unicast, of which there is an individual draft and no RFC (draft-abinabraham-vrrp-unicast).

use crate::frames::ip_of;
use crate::rig::{BEGINNING, INTERVAL, Lan, V3, advert, instance, ip, mac, send};
use std::collections::BTreeMap;
use std::net::IpAddr;
use vipd_lab::frame::Checksum;

/// The bytes of a message without its checksum.
fn rest(message: &[u8]) -> Vec<u8> {
    [&message[..6], &message[8..]].concat()
}

/// Two peers: two packets each time and none for the group, equal but for the destination and for
/// a checksum that covers it.
#[test]
fn uni_01_uni_02_uni_08_v3_pkt_03_one_copy_for_each_peer() {
    let mut lan = Lan::boot(3);
    let [two, three] = [1, 2].map(|number| lan.node(number).link_local().unwrap());
    let four = "unicast_peer {;10.88.88.30;10.88.88.40;}";
    let six = format!("unicast_peer {{;{two};{three};}}");
    let config = [
        instance("A", 51, four, &["10.88.88.100"]),
        instance("B", 52, &format!("{V3}; {four}"), &["10.88.88.101"]),
        instance("C", 53, &format!("{V3}; v3_checksum_as_v2; {four}"), &["10.88.88.102"]),
        instance("D", 54, &format!("{V3}; {six}"), &["fe80::88:100", "fd88:88::100"]),
    ];
    lan.start(0, &config.concat());
    for vrid in 51..=54 {
        lan.advertises(0, vrid, 4, BEGINNING);
    }
    lan.stop(0);
    let macs = [mac(lan.node(1)), mac(lan.node(2))];
    for (vrid, form) in [
        (51, Checksum::Message),
        (52, Checksum::PseudoHeader),
        (53, Checksum::Message),
        (54, Checksum::PseudoHeader),
    ] {
        let peers: [IpAddr; 2] = if vrid == 54 {
            [two.into(), three.into()]
        } else {
            [ip("10.88.88.30"), ip("10.88.88.40")]
        };
        let mut copies: BTreeMap<IpAddr, Vec<Vec<u8>>> = BTreeMap::new();
        for packet in lan.capture.packets() {
            let Some(advert) = packet.frame.advert().filter(|advert| advert.vrid == vrid) else {
                continue;
            };
            assert_eq!((advert.ttl, advert.checksum), (255, form), "{advert:?}");
            let peer = peers.iter().position(|peer| *peer == advert.destination).unwrap();
            assert_eq!(packet.frame.to, macs[peer], "{advert:?}");
            let message = ip_of(&packet.bytes).unwrap().message.to_vec();
            copies.entry(advert.destination).or_default().push(message);
        }
        let [first, second] = peers.map(|peer| copies.remove(&peer).unwrap());
        assert_eq!(first.len(), second.len());
        for (first, second) in first.iter().zip(&second) {
            assert_eq!(rest(first), rest(second));
            assert_eq!(first == second, form == Checksum::Message, "{vrid}");
        }
    }
}

/// A better advert that comes to the group does not move an instance with peers, nor does one that
/// comes to the host move an instance of the group. Each does where it belongs.
#[test]
fn uni_07_hard_03_unicast_and_multicast_do_not_mix() {
    let mut lan = Lan::boot(2);
    let node = |number: usize| lan.node(number).link_local().unwrap().to_string();
    let (own, peer) = (node(0), node(1));
    let vips: [&[&str]; 4] = [
        &["10.88.88.100"],
        &["10.88.88.101"],
        &["fe80::88:102", "fd88:88::102"],
        &["fe80::88:103", "fd88:88::103"],
    ];
    let config = [
        instance("A", 51, &format!("{V3}; unicast_peer {{;10.88.88.30;}}"), vips[0]),
        instance("B", 52, V3, vips[1]),
        instance("C", 53, &format!("{V3}; unicast_peer {{;{peer};}}"), vips[2]),
        instance("D", 54, V3, vips[3]),
    ];
    lan.start(0, &config.concat());
    lan.owned_by(0, &vips.concat());
    let to_host = ["10.88.88.20", "10.88.88.20", &own, &own];
    let to_group = ["224.0.0.18", "224.0.0.18", "ff02::12", "ff02::12"];
    let right = [to_host[0], to_group[1], to_host[2], to_group[3]];
    let wrong = [to_group[0], to_host[1], to_group[2], to_host[3]];
    let all = |destinations: [&str; 4]| {
        for ((vrid, destination), vips) in (51..).zip(destinations).zip(vips) {
            send(lan.node(1), &advert(lan.node(1), destination, vrid, 200, vips));
        }
    };
    let begin = vipd_lab::Stamp::now();
    for _ in 0..4 {
        all(wrong);
        lan.pass(INTERVAL);
    }
    lan.pass(INTERVAL * 4);
    let events = lan.node(0).watch().events();
    assert!(!events.iter().any(|event| event.at > begin && !event.added), "{}", lan.logs());
    for vrid in 51..=54 {
        let sent = lan.adverts(0, vrid, begin);
        assert!(sent.len() >= 6, "{vrid}: {sent:?}");
        assert!(sent.iter().all(|(_, advert)| advert.priority == 100), "{vrid}: {sent:?}");
    }
    all(right);
    lan.wait("the end of all addresses", || {
        !vips.concat().iter().any(|vip| lan.node(0).watch().holds(ip(vip)))
    });
}
