//! The filters against every packet vector, on a real socket. Each packet is sent often enough that
//! one in eight cannot be taken for all or for none.

use super::{
    Ear, FAR, FAR_MAC, LIMIT, NEAR, NEAR_MAC, Tap, Wanted, Wire, hex, ip, name, receiver_for,
    vrids, write,
};
use serde_json::Value;
use std::collections::BTreeSet;
use vipd_lab::wait_until;
use vipd_types::Family;

const OFTEN: usize = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Passes {
    All,
    Some,
    None,
}

/// The vectors that the engine's decoder is tested with.
fn vectors(family: &str) -> Vec<Value> {
    let all: Value =
        serde_json::from_str(include_str!("../../../../vrrpe/core/tests/vectors/vrrp.json"))
            .unwrap();
    let all = all["vectors"].as_array().unwrap().clone();
    all.into_iter().filter(|vector| vector["family"] == family).collect()
}

fn text<'v>(vector: &'v Value, key: &str) -> &'v str {
    vector[key].as_str().unwrap_or("")
}

fn frame(packet: &[u8]) -> Vec<u8> {
    let kind = if packet[0] >> 4 == 4 { [0x08, 0x00] } else { [0x86, 0xdd] };
    // Multicast goes to everybody here; the cable has two ends only.
    let to = match packet[0] >> 4 {
        4 if packet[16] >= 224 => [0x01, 0x00, 0x5e, 0x00, 0x00, 0x12],
        6 if packet[24] == 0xff => [0x33, 0x33, 0x00, 0x00, 0x00, 0x12],
        _ => NEAR_MAC,
    };
    [&to[..], &FAR_MAC, &kind, packet].concat()
}

/// A marker that always passes tells that everything before it has been dealt with. Its VRID is 51,
/// like that of nearly all vectors.
struct Gate {
    tap: Tap,
    ear: Ear,
    marker: Vec<u8>,
    family: Family,
}

impl Gate {
    fn new(wire: &Wire, family: Family, wanted: Wanted<'_>) -> Self {
        if family == Family::V4 {
            // A new namespace takes over the host's settings.
            for interface in ["all", "near"] {
                let path = format!("/proc/sys/net/ipv4/conf/{interface}/rp_filter");
                write(&wire.near, &path, "0");
            }
            ip(&wire.near, "address add 192.0.2.3/24 dev near\n");
        }
        let plain = if family == Family::V4 { "v3-ipv4-plain" } else { "v3-ipv6-ll-and-global" };
        let all = vectors(if family == Family::V4 { "ipv4" } else { "ipv6" });
        let marker = all.iter().find(|vector| text(vector, "name") == plain).unwrap();
        let mut marker = hex(text(marker, "packet_hex"));
        *marker.last_mut().unwrap() = 0xee;
        if family == Family::V6 {
            fix_message(&mut marker);
        }
        let near = receiver_for(&wire.near, (&name("near"), NEAR), family, None, wanted);
        let (tap, ear) = (Tap::on(&wire.far, FAR), Ear::of(&near));
        Self { tap, ear, marker, family }
    }

    fn passes(&self, packet: &[u8]) -> Passes {
        for _ in 0..OFTEN {
            self.tap.send(&frame(packet));
        }
        self.tap.send(&frame(&self.marker));
        let headers = if self.family == Family::V4 { 0 } else { 40 };
        let is_marker = |bytes: &[u8]| bytes == &self.marker[headers..];
        let mut heard = Vec::new();
        wait_until(LIMIT, "the marker", || {
            heard.extend(self.ear.heard());
            heard.last().is_some_and(|last| is_marker(&last.bytes))
        })
        .unwrap();
        match heard.len() - 1 {
            0 => Passes::None,
            OFTEN => Passes::All,
            _ => Passes::Some,
        }
    }
}

/// Only what is no advert at all, is for another router, or has come from afar, is thinned out. Over IPv6 the kernel drops
/// what has a wrong checksum.
fn expected(vector: &Value, family: Family) -> Passes {
    if family == Family::V6 && message_sum(&hex(text(vector, "packet_hex"))) != 0 {
        return Passes::None;
    }
    match text(vector, "name") {
        "bad-vrid-not-configured"
        | "bad-vrid0"
        | "bad-version4"
        | "bad-v3-type2"
        | "bad-v2-type7"
        | "bad-version2-over-ipv6"
        | "bad-v2-ttl254"
        | "bad-v3-ipv4-ttl1"
        | "bad-v3-ipv6-hoplimit64" => Passes::Some,
        // The kernel itself drops what claims to come from here.
        "pol-own-advert-looped" => Passes::None,
        _ => Passes::All,
    }
}

fn all_vectors(family: Family, key: &str, count: usize) {
    let wire = Wire::new();
    let vrids = vrids(|vrid| [51, 255].contains(&vrid));
    let gate = Gate::new(&wire, family, Wanted { least_ttl: 255, vrids: &vrids });
    let all = vectors(key);
    assert_eq!(all.len(), count);
    let verdicts: BTreeSet<Passes> = all
        .iter()
        .map(|vector| {
            let mut packet = hex(text(vector, "packet_hex"));
            packet.extend(hex(text(vector, "padding_hex")));
            let passes = gate.passes(&packet);
            assert_eq!(passes, expected(vector, family), "{}", text(vector, "name"));
            passes
        })
        .collect();
    assert!(verdicts.contains(&Passes::All) && verdicts.contains(&Passes::Some));
}

#[test]
fn hard_02_every_ipv4_vector() {
    all_vectors(Family::V4, "ipv4", 60);
}

#[test]
fn hard_02_every_ipv6_vector() {
    all_vectors(Family::V6, "ipv6", 11);
}

/// With peers that may be farther away.
#[test]
fn least_ttl() {
    for (family, key, name, at) in
        [(Family::V4, "ipv4", "v3-ipv4-plain", 8), (Family::V6, "ipv6", "v3-ipv6-ll-and-global", 7)]
    {
        let wire = Wire::new();
        let gate = Gate::new(&wire, family, Wanted { least_ttl: 100, vrids: &vrids(|_| true) });
        let all = vectors(key);
        let vector = all.iter().find(|vector| text(vector, "name") == name).unwrap();
        for (ttl, passes) in [(255, Passes::All), (100, Passes::All), (99, Passes::Some)] {
            let mut packet = hex(text(vector, "packet_hex"));
            packet[at] = ttl;
            if family == Family::V4 {
                fix_header(&mut packet);
            }
            assert_eq!(gate.passes(&packet), passes, "{family:?} {ttl}");
        }
    }
}

fn every_vrid(family: Family, options: bool) {
    // One of a kind, some in every word, and as many as there are.
    let sets: [fn(u8) -> bool; 3] = [|vrid| vrid == 51, |vrid| vrid % 3 == 0, |_| true];
    for wanted in sets {
        let wire = Wire::new();
        let gate = Gate::new(&wire, family, Wanted { least_ttl: 255, vrids: &vrids(wanted) });
        for vrid in 0..=255 {
            let mut packet = gate.marker.clone();
            if options {
                // Six words of header: the last is four times No Operation.
                packet[0] = 0x46;
                packet[3] += 4;
                packet.splice(20..20, [1; 4]);
                fix_header(&mut packet);
            }
            let message = match family {
                Family::V4 => usize::from(packet[0] & 0xf) * 4,
                Family::V6 => 40,
            };
            packet[message + 1] = vrid;
            packet[message + 2] = 7;
            if family == Family::V6 {
                fix_message(&mut packet);
            }
            let passes = if vrid > 0 && wanted(vrid) { Passes::All } else { Passes::Some };
            assert_eq!(gate.passes(&packet), passes, "{vrid}");
        }
    }
}

#[test]
fn every_vrid_ipv4() {
    every_vrid(Family::V4, false);
}

#[test]
fn every_vrid_ipv4_with_options() {
    every_vrid(Family::V4, true);
}

#[test]
fn every_vrid_ipv6() {
    every_vrid(Family::V6, false);
}

/// Of a socket with no router all packets are somebody else's; another one tells when all have come.
#[test]
fn no_vrid() {
    for family in [Family::V4, Family::V6] {
        let wire = Wire::new();
        let none = BTreeSet::new();
        let near = (&name("near"), NEAR);
        let deaf = Wanted { least_ttl: 255, vrids: &none };
        let deaf = Ear::of(&receiver_for(&wire.near, near, family, None, deaf));
        let gate = Gate::new(&wire, family, Wanted { least_ttl: 255, vrids: &vrids(|_| true) });
        let mut packet = gate.marker.clone();
        packet[if family == Family::V4 { 22 } else { 42 }] = 7;
        if family == Family::V6 {
            fix_message(&mut packet);
        }
        assert_eq!(gate.passes(&packet), Passes::All);
        assert!((1..OFTEN / 2).contains(&deaf.heard().len()));
    }
}

/// The checksum of an IPv4 header (RFC 1071).
pub(super) fn fix_header(packet: &mut [u8]) {
    packet[10..12].fill(0);
    let header = usize::from(packet[0] & 0xf) * 4;
    let sum: u32 =
        packet[..header].chunks(2).map(|two| u32::from(u16::from_be_bytes([two[0], two[1]]))).sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
}

/// Of an IPv6 packet without extension headers; 0 where it is right (RFC 8200 8.1, RFC 1071).
fn message_sum(packet: &[u8]) -> u16 {
    let message = packet.get(40..).unwrap_or_default();
    let message =
        &message[..message.len().min(usize::from(packet[4]) << 8 | usize::from(packet[5]))];
    let length = u32::try_from(message.len()).unwrap();
    let pseudo = [&packet[8..40], &length.to_be_bytes(), &[0, 0, 0, 112]].concat();
    let words = |bytes: &[u8]| -> u32 {
        bytes
            .chunks(2)
            .map(|two| u32::from(two[0]) << 8 | u32::from(*two.get(1).unwrap_or(&0)))
            .sum()
    };
    let mut sum = words(&pseudo) + words(message);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap()
}

/// Puts the right checksum into a VRRP message over IPv6.
pub(super) fn fix_message(packet: &mut [u8]) {
    packet[46..48].fill(0);
    let sum = message_sum(packet);
    packet[46..48].copy_from_slice(&sum.to_be_bytes());
}

/// The engine cannot see them, so they must not come that far.
#[test]
fn extension_headers_never_pass() {
    let wire = Wire::new();
    let gate = Gate::new(&wire, Family::V6, Wanted { least_ttl: 255, vrids: &vrids(|_| true) });
    // Hop-by-Hop Options with a PadN, and Destination Options likewise.
    for kind in [0, 60] {
        let mut packet = gate.marker.clone();
        packet[6] = kind;
        packet[5] += 8;
        packet.splice(40..40, [112, 0, 1, 4, 0, 0, 0, 0]);
        assert_eq!(gate.passes(&packet), Passes::None, "{kind}");
    }
}
