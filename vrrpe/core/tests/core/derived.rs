//! Vectors made from the vectors: every prefix, every flipped bit, every value of a field. Exactly
//! the right ones pass; HARD-14 is that nothing else happens.

use crate::common::{Bench, LOCAL, config, config_v3, config_v6, host, host_v6, to_group};
use crate::packets::{Covers, Message, V3};
use crate::vector::all;
use std::net::IpAddr;
use std::time::Duration;
use vipd_types::{Checksum, Peer};
use vrrp_core::wire::{self, GROUP_V4, Meta};
use vrrp_core::{Config, Discard, Form, Transport};

/// Right checksum at the place where it stands, over whatever the bytes say.
pub(crate) fn reseal(bytes: &mut [u8]) {
    bytes[6..8].fill(0);
    let mut sum: u32 =
        bytes.chunks(2).map(|pair| u32::from(pair[0]) * 256 + u32::from(pair[1])).sum();
    while sum > 0xffff {
        sum = sum % 0x1_0000 + sum / 0x1_0000;
    }
    let checksum = !u16::try_from(sum).unwrap();
    bytes[6..8].copy_from_slice(&checksum.to_be_bytes());
}

#[test]
fn hard_14_v2_rx_03_v3_rx_05_every_proper_prefix_is_dropped() {
    for vector in all() {
        let (message, meta) = (vector.message(), Meta { ttl: 255, ..vector.meta() });
        for end in 0..message.len() {
            let verdict = wire::decode(&message[..end], meta, wire::TTL);
            if vector.is_accepted() {
                assert_eq!(verdict.unwrap_err(), Discard::Length, "{} {end}", vector.name());
            }
        }
        let packet = vector.packet();
        for end in 0..packet.len() {
            // Cutting the padding off changes nothing.
            if let Ok((_, rest)) = wire::ipv4(&packet[..end]) {
                assert_eq!(rest, message, "{} cut to {end}", vector.name());
            }
        }
    }
}

#[test]
fn hard_14_v2_rx_04_v3_rx_06_every_flipped_bit_is_dropped() {
    for vector in all().iter().filter(|vector| vector.is_accepted()) {
        let message = vector.message();
        let mut bench = Bench::new(vector.receiver());
        for bit in 0..message.len() * 8 {
            let mut flipped = message.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let verdict = bench.take(&flipped, vector.meta());
            assert!(verdict.is_err(), "{}: bit {bit}", vector.name());
        }
        assert_eq!(bench.router.counters().advert_rcvd, 0);
    }
    for vector in all() {
        let packet = vector.packet();
        for bit in 0..packet.len() * 8 {
            let mut flipped = packet.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok((meta, rest)) = wire::ipv4(&flipped) {
                let _ = wire::decode(rest, meta, 0);
            }
        }
    }
}

#[test]
fn v2_pkt_14_v3_pkt_12_v3_rx_09_only_the_true_count_passes() {
    let from = to_group(host(2));
    let bodies = [Message::new(200).bytes(), V3::v4(200).bytes(&from)];
    for body in bodies {
        for count in 0..=255 {
            let mut bytes = body.clone();
            bytes[3] = count;
            reseal(&mut bytes);
            let verdict = wire::decode(&bytes, from, wire::TTL).map(|advert| advert.body.count());
            let expected = if count == 1 { Ok(1) } else { Err(Discard::Length) };
            assert_eq!(verdict, expected, "{count}");
        }
    }
    // Every count with the addresses to it.
    let group_v6 = to_group(host_v6(2));
    for count in 1..=255_u8 {
        let v4 = V3 { addresses: vec![IpAddr::V4(host(1)); count.into()], ..V3::v4(200) };
        let v6 = V3 { addresses: vec![host_v6(1).into(); count.into()], ..V3::v6(200) };
        for (message, meta, width) in [(v4, from, 4), (v6, group_v6, 16)] {
            let bytes = message.bytes(&meta);
            assert_eq!(bytes.len(), 8 + width * usize::from(count));
            let advert = wire::decode(&bytes, meta, wire::TTL).unwrap();
            assert_eq!(advert.body.addresses().count(), usize::from(count));
        }
    }
}

#[test]
fn v2_pkt_05_v3_pkt_08_every_vrid_and_every_priority() {
    let from = to_group(host(2));
    for value in 0..=255 {
        let v2 = Message { vrid: value, ..Message::new(200) }.bytes();
        let v3 = V3 { vrid: value, ..V3::v4(200) }.bytes(&from);
        for bytes in [v2, v3] {
            let verdict = wire::decode(&bytes, from, wire::TTL).map(|advert| advert.vrid.get());
            assert_eq!(verdict, if value == 0 { Err(Discard::Vrid) } else { Ok(value) });
        }
        let v2 = Message::new(value).bytes();
        let v3 = V3::v4(value).bytes(&from);
        for (bytes, ours) in [(v2, config(100)), (v3, config_v3(100))] {
            let advert = wire::decode(&bytes, from, wire::TTL).unwrap();
            assert_eq!(advert.priority, value);
            assert!(Bench::new(ours).take(&bytes, from).is_ok(), "{value}");
        }
    }
}

#[test]
fn v2_rx_11_every_interval_of_version_2() {
    for seconds in 0..=255 {
        let message = Message { interval: seconds, ..Message::new(200) };
        let mut bench = Bench::new(config(100));
        let verdict = bench.receive(&message, to_group(host(2))).map(|_| ());
        assert_eq!(verdict, if seconds == 1 { Ok(()) } else { Err(Discard::Interval) });
    }
}

#[test]
fn v3_rx_11_v3_pkt_14_every_interval_of_version_3_with_every_reserved_bit() {
    let from = to_group(host(2));
    let mut bench = Bench::new(config_v3(100));
    for centis in 0..=4095_u16 {
        let reserved = (centis % 16) << 12;
        let message = V3::v4(200).every(centis | reserved);
        let verdict = bench.receive_v3(&message, from).map(|_| ());
        assert_eq!(verdict, if centis == 0 { Err(Discard::Interval) } else { Ok(()) });
        let expected = if centis == 0 { 100 } else { centis };
        let learned = Duration::from_millis(u64::from(expected) * 10);
        assert_eq!(bench.router.active_interval(), learned);
    }
    for reserved in 0..16_u16 {
        let message = V3::v4(200).every(reserved << 12);
        assert_eq!(bench.receive_v3(&message, from), Err(Discard::Interval));
    }
}

#[test]
fn v2_rx_01_v3_rx_01_v3_rx_02_v3_pkt_04_v3_pkt_05_every_ttl() {
    for ttl in 0..=255 {
        let v4 = Meta { ttl, ..to_group(host(2)) };
        let v6 = Meta { ttl, ..to_group(host_v6(2)) };
        let cases = [
            (config(100), Message::new(200).bytes(), v4),
            (config_v3(100), V3::v4(200).bytes(&v4), v4),
            (config_v6(100), V3::v6(200).bytes(&v6), v6),
        ];
        for (ours, bytes, meta) in cases {
            let expected = if ttl == 255 { Ok(()) } else { Err(Discard::Ttl) };
            assert_eq!(Bench::new(ours.clone()).take(&bytes, meta).map(|_| ()), expected);
            // Also where the socket lets it through for a peer of somebody else.
            let advert = wire::decode(&bytes, meta, 0).unwrap();
            let mut bench = Bench::new(ours);
            bench.input(vrrp_core::Input::Packet(&advert));
            assert_eq!(bench.router.counters().ip_ttl_err, u64::from(ttl != 255));
        }
    }
}

#[test]
fn uni_04_every_ttl_of_a_peer_with_a_range() {
    let near = Peer { min_ttl: 253, max_ttl: 254, ..Peer::new(host(2).into()) };
    let peers = vec![near, Peer::new(host(4).into())];
    let transport = Transport::Unicast { peers, check_source: false };
    let ours = Config { transport, ..config_v3(100) };
    for ttl in 0..=255 {
        for (from, range) in [(2, 253..=254), (4, 255..=255), (7, 255..=255)] {
            let meta = Meta { source: host(from).into(), destination: LOCAL.into(), ttl };
            let verdict = Bench::new(ours.clone()).take(&V3::v4(200).bytes(&meta), meta);
            let expected = if range.contains(&ttl) { Ok(()) } else { Err(Discard::Ttl) };
            assert_eq!(verdict.map(|_| ()), expected, "{ttl} from {from}");
        }
    }
}

/// All checksums of one body: the two right ones pass, and where one of them is zero, its other
/// name in one's complement.
#[test]
fn v3_pkt_16_v3_pkt_17_every_checksum() {
    for (interval, is_zero) in [(100, false), (100 + 0x4465, true)] {
        let from = to_group(host(2));
        let plain = V3::v4(200).every(interval);
        let pseudo = V3 { covers: Covers::Header, ..plain.clone() };
        let sum_of = |message: &V3| {
            let bytes = message.bytes(&from);
            u16::from_be_bytes([bytes[6], bytes[7]])
        };
        let right = [(sum_of(&plain), Form::Plain), (sum_of(&pseudo), Form::Pseudo)];
        assert_eq!(right[0].0 == 0, is_zero);
        let mut bytes = plain.bytes(&from);
        let mut passed = Vec::new();
        for checksum in 0..=0xffff_u16 {
            bytes[6..8].copy_from_slice(&checksum.to_be_bytes());
            match wire::decode(&bytes, from, wire::TTL) {
                Ok(advert) => passed.push((checksum, advert.form)),
                Err(why) => assert_eq!(why, Discard::Checksum),
            }
        }
        let mut expected = right.to_vec();
        let zero = right.iter().find(|(checksum, _)| *checksum == 0);
        expected.extend(zero.map(|(_, form)| (0xffff, *form)));
        expected.sort_by_key(|(checksum, _)| *checksum);
        assert_eq!(passed, expected);
    }
}

#[test]
fn v3_pkt_17_ipv6_has_one_form() {
    let from = to_group(host_v6(2));
    let wrong = [
        Covers::Nothing,
        Covers::Protocol(58),
        Covers::Destination(host_v6(3).into()),
        Covers::Destination("ff02::13".parse().unwrap()),
    ];
    for covers in wrong {
        let bytes = V3 { covers, ..V3::v6(200) }.bytes(&from);
        assert_eq!(wire::decode(&bytes, from, 255).unwrap_err(), Discard::Checksum, "{covers:?}");
    }
}

/// Between some addresses the pseudo-header sums to nothing, and the two forms are one number.
#[test]
fn v3_pkt_16_a_checksum_that_is_right_in_both_forms_is_right_for_the_strict() {
    // 0xffff less the group, the protocol and the length, split over the two halves.
    let rest: u16 = 0xffff - 0xe000 - 0x0012 - 112 - 12;
    let [a, b] = (0x0a00_u16).to_be_bytes();
    let [c, d] = (rest - 0x0a00).to_be_bytes();
    let source = IpAddr::from([a, b, c, d]);
    let meta = Meta { source, destination: GROUP_V4.into(), ttl: 255 };
    let message = V3::v4(200);
    let pseudo = V3 { covers: Covers::Header, ..message.clone() };
    assert_eq!(message.bytes(&meta), pseudo.bytes(&meta));
    for checksum in [Checksum::Plain, Checksum::Pseudo] {
        let mut ours = config_v3(100);
        ours.options.checksum = checksum;
        ours.options.strict_checksum = true;
        assert!(Bench::new(ours).receive_v3(&message, meta).is_ok(), "{checksum:?}");
    }
}
