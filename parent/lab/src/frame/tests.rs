//! Frames of all kinds, made by hand or recorded from keepalived 2.2.7, FRR 8.4.4 and Linux.

use super::advert::ones_complement;
use super::*;
use std::net::{Ipv4Addr, Ipv6Addr};

/// An advert for 10.88.88.100 in version 2, priority 111, every second.
fn example() -> Vec<u8> {
    let mut bytes = vec![1, 0, 0x5e, 0, 0, 18, 2, 0, 0, 0, 0, 1, 8, 0];
    bytes.extend([0x45, 0xc0, 0, 40, 0, 1, 0, 0, 255, 112, 0, 0]);
    bytes.extend([10, 88, 88, 20, 10, 88, 88, 30]);
    bytes.extend([0x21, 51, 111, 1, 0, 1, 0, 0, 10, 88, 88, 100]);
    bytes.extend([0; 8]);
    let sum = !ones_complement(&bytes[34..54]);
    bytes[40..42].copy_from_slice(&sum.to_be_bytes());
    bytes
}

fn advert(bytes: &[u8]) -> Advert {
    let frame = Frame::decode(bytes).unwrap();
    let Content::Advert(advert) = frame.content else { panic!("{frame:?}") };
    advert
}

/// The worked example of version 3 over IPv4: 192.0.2.2 says priority 200 for 192.0.2.1.
fn version3(sum: u16) -> Vec<u8> {
    let mut bytes = vec![1, 0, 0x5e, 0, 0, 18, 0, 0, 0x5e, 0, 1, 51, 8, 0];
    bytes.extend([0x45, 0xc0, 0, 32, 0, 1, 0, 0, 255, 112, 0, 0]);
    bytes.extend([192, 0, 2, 2, 224, 0, 0, 18]);
    bytes.extend([0x31, 51, 200, 1, 0, 100]);
    bytes.extend(sum.to_be_bytes());
    bytes.extend([192, 0, 2, 1]);
    // The padding of a short Ethernet frame.
    bytes.resize(60, 0xee);
    bytes
}

fn ipv6(next: u8, payload: &[u8], from: &str, to: &str) -> Vec<u8> {
    let mut bytes = vec![0x33, 0x33, 0, 0, 0, 18, 0, 0, 0x5e, 0, 2, 51, 0x86, 0xdd];
    bytes.extend([0x6c, 0, 0, 0, 0, u8::try_from(payload.len()).unwrap(), next, 255]);
    for text in [from, to] {
        bytes.extend(text.parse::<Ipv6Addr>().unwrap().octets());
    }
    bytes.extend(payload);
    bytes
}

#[test]
fn advert_is_decoded() {
    let advert = advert(&example());
    assert_eq!((advert.version, advert.vrid, advert.priority), (2, 51, 111));
    assert_eq!((advert.interval, advert.length, advert.ttl, advert.tos), (1, 20, 255, 0xc0));
    assert_eq!(advert.addresses, [Ipv4Addr::new(10, 88, 88, 100)]);
    assert_eq!((advert.checksum, advert.checksum_ok), (Checksum::Message, true));
    assert_eq!(advert.mac, Mac([2, 0, 0, 0, 0, 1]));
}

#[test]
fn wrong_checksum_is_seen() {
    let mut bytes = example();
    bytes[36] = 112;
    assert!(!advert(&bytes).checksum_ok);
}

#[test]
fn both_readings_of_version_3_over_ipv4_are_told_apart() {
    let plain = advert(&version3(0x4465));
    assert_eq!((plain.checksum, plain.checksum_ok), (Checksum::Message, true));
    assert_eq!((plain.interval, plain.mac), (100, Mac::virtual4(51)));
    assert_eq!(plain.addresses, [Ipv4Addr::new(192, 0, 2, 1)]);
    let pseudo = advert(&version3(0xa1d3));
    assert_eq!((pseudo.checksum, pseudo.checksum_ok), (Checksum::PseudoHeader, true));
    assert_eq!(advert(&version3(0xa1d4)).checksum, Checksum::Wrong);
}

#[test]
fn version_3_over_ipv6_needs_the_pseudo_header() {
    let mut message = vec![0x31, 51, 100, 1, 0, 25, 0, 0];
    message.extend("fe80::1".parse::<Ipv6Addr>().unwrap().octets());
    let plain = !ones_complement(&message);
    message[6..8].copy_from_slice(&plain.to_be_bytes());
    let wrong = advert(&ipv6(112, &message, "fe80::2", "ff02::12"));
    assert_eq!((wrong.checksum, wrong.checksum_ok), (Checksum::Message, false));
    let mut covered = wrong.source.to_string().parse::<Ipv6Addr>().unwrap().octets().to_vec();
    covered.extend("ff02::12".parse::<Ipv6Addr>().unwrap().octets());
    covered.extend([0, 0, 0, 24, 0, 0, 0, 112]);
    message[6..8].fill(0);
    covered.extend(&message);
    message[6..8].copy_from_slice(&(!ones_complement(&covered)).to_be_bytes());
    let right = advert(&ipv6(112, &message, "fe80::2", "ff02::12"));
    assert_eq!((right.checksum, right.checksum_ok), (Checksum::PseudoHeader, true));
    assert_eq!((right.ttl, right.tos, right.interval), (255, 0xc0, 25));
    assert_eq!(right.addresses, ["fe80::1".parse::<IpAddr>().unwrap()]);
}

#[test]
fn announcements_of_both_families_are_one_kind() {
    let mac = Mac::virtual6(51);
    let mut message = vec![136, 0, 0, 0, 0xa0, 0, 0, 0];
    message.extend("fe80::1".parse::<Ipv6Addr>().unwrap().octets());
    message.extend([2, 1]);
    message.extend(mac.0);
    let frame = Frame::decode(&ipv6(58, &message, "fe80::1", "ff02::1")).unwrap();
    let Content::Neighbour(na) = &frame.content else { panic!("{frame:?}") };
    assert_eq!((na.router, na.solicited, na.override_flag), (true, false, true));
    let said = frame.announcement().unwrap();
    assert_eq!((said.from, said.address, said.at), (mac, na.target.into(), Some(mac)));

    let mut arp = vec![0xff; 6];
    arp.extend(Mac::virtual4(51).0);
    arp.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
    arp.extend(Mac::virtual4(51).0);
    arp.extend([10, 0, 0, 1, 255, 255, 255, 255, 255, 255, 10, 0, 0, 1]);
    let said = Frame::decode(&arp).unwrap().announcement().unwrap();
    assert_eq!(said.at, Some(Mac::virtual4(51)));
    assert_eq!(said.address, Ipv4Addr::new(10, 0, 0, 1));
}

#[test]
fn reports_name_their_groups() {
    // MLDv2: one record, "changed to exclude nothing", behind a router alert.
    let mut payload = vec![58, 0, 5, 2, 0, 0, 1, 0, 143, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0];
    payload.extend("ff02::12".parse::<Ipv6Addr>().unwrap().octets());
    let frame = Frame::decode(&ipv6(0, &payload, "fe80::2", "ff02::16")).unwrap();
    let Content::Membership(said) = frame.content else { panic!("{frame:?}") };
    assert_eq!((said.kind, said.groups), (143, vec!["ff02::12".parse().unwrap()]));
    // IGMPv3 with a router alert in the IPv4 header.
    let mut bytes = vec![1, 0, 0x5e, 0, 0, 22, 2, 0, 0, 0, 0, 1, 8, 0];
    bytes.extend([0x46, 0xc0, 0, 40, 0, 0, 0x40, 0, 1, 2, 0, 0]);
    bytes.extend([10, 9, 9, 1, 224, 0, 0, 22, 0x94, 4, 0, 0]);
    bytes.extend([0x22, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, 224, 0, 0, 18]);
    let frame = Frame::decode(&bytes).unwrap();
    let Content::Membership(said) = frame.content else { panic!("{frame:?}") };
    assert_eq!((said.kind, said.groups), (0x22, vec!["224.0.0.18".parse().unwrap()]));
}

#[test]
fn every_cut_is_survived() {
    let mut mld = vec![58, 0, 5, 2, 0, 0, 1, 0, 143, 0, 0, 0, 0, 0, 0, 9, 4, 1, 0, 2];
    mld.extend([0xff; 16]);
    let na: Vec<u8> = [136, 0, 0, 0].into_iter().chain([0; 30]).collect();
    let all = [
        example(),
        version3(1),
        ipv6(112, &[0x31; 24], "fe80::1", "ff02::12"),
        ipv6(58, &na, "fe80::1", "ff02::1"),
        ipv6(0, &mld, "fe80::1", "ff02::16"),
    ];
    for bytes in all {
        for length in 0..bytes.len() {
            let _ = Frame::decode(&bytes[..length]);
        }
    }
}
