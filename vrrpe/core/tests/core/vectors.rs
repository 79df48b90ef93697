//! The packet vectors: every one gets its verdict and moves its counter. At a VRRPv2 receiver
//! version 3 is a version error, whatever else is right or wrong with it.

use crate::common::{Bench, config};
use serde_json::Value;
use std::net::IpAddr;
use std::time::Duration;
use vrrp_core::wire::{self, Meta};
use vrrp_core::{Auth, Config, Discard, Event, Input, RxCounters};

fn all() -> Value {
    serde_json::from_str(include_str!("../vectors/vrrp.json")).unwrap()
}

fn text<'v>(vector: &'v Value, key: &str) -> &'v str {
    vector[key].as_str().unwrap_or("")
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn receiver(name: &str) -> Config {
    let mut config = config(100);
    match name {
        "v2-two" => config.addresses.push("192.0.2.254".parse().unwrap()),
        "v2-pass" => config.auth = Auth::Pass(*b"secret12"),
        "v2-pass-abc" => config.auth = Auth::Pass(*b"abc\0\0\0\0\0"),
        "v2-255s" => config.advert_int = Duration::from_secs(255),
        _ => {}
    }
    config
}

/// The datagram as a raw socket hands it out, or the message alone where it came over IPv6.
fn receive(vector: &Value, receiver: Config) -> (Result<(), Discard>, Bench) {
    let mut bench = Bench::new(receiver);
    bench.events.clear();
    let message = bytes(text(vector, "hex"));
    let mut packet = bytes(text(vector, "packet_hex"));
    packet.extend(bytes(text(vector, "padding_hex")));
    let meta = Meta {
        source: text(vector, "src").parse().unwrap(),
        destination: text(vector, "dst").parse().unwrap(),
        ttl: u8::try_from(vector["ip_header_ttl"].as_u64().unwrap()).unwrap(),
    };
    if meta.source.is_ipv4() {
        assert_eq!(wire::ipv4(&packet), Ok((meta, &message[..])), "{}", text(vector, "name"));
    }
    let verdict = wire::decode(&message, meta, wire::TTL).and_then(|advert| {
        bench.input(Input::Packet(&advert));
        match bench.events.first() {
            Some(Event::Discarded(why)) => Err(*why),
            Some(_) | None => Ok(()),
        }
    });
    (verdict, bench)
}

fn counter_of(why: Discard) -> &'static str {
    match why {
        Discard::Ttl => "ip-ttl-errors",
        Discard::Version => "version-errors",
        Discard::Type => "invalid-type-pkts-rcvd",
        Discard::Length => "packet-length-errors",
        Discard::Checksum => "checksum-errors",
        Discard::Vrid => "vrid-errors",
        Discard::AuthType => "invalid-auth-type",
        Discard::AuthMismatch => "auth-type-mismatch",
        Discard::AuthFailure => "auth-failures",
        Discard::Interval => "interval-errors",
        Discard::Header
        | Discard::Fragment
        | Discard::Destination
        | Discard::Source
        | Discard::OwnAddress
        | Discard::Owner => "none",
        Discard::FirstAddress | Discard::AddressList => "address-list-errors",
    }
}

#[test]
fn every_v2_vector_has_its_verdict() {
    let all = all();
    let mut seen = 0;
    for vector in all["vectors"].as_array().unwrap() {
        let name = text(vector, "name");
        if !text(vector, "receiver").starts_with("v2") {
            continue;
        }
        seen += 1;
        let (verdict, bench) = receive(vector, receiver(text(vector, "receiver")));
        match (name, text(vector, "verdict")) {
            // RFC 3768 7.1 makes the comparison of the lists a MAY; keepalived only counts.
            ("bad-v2-addr-list-mismatch" | "v2-owner-addr-list-mismatch", _) => {
                assert_eq!(verdict, Ok(()), "{name}");
                assert_eq!(bench.router.counters().addr_list_err, 1, "{name}");
            }
            (_, "accept") => {
                assert_eq!(verdict, Ok(()), "{name}");
                assert_eq!(bench.router.counters().advert_rcvd, 1, "{name}");
                assert_eq!(bench.router.counters().addr_list_err, 0, "{name}");
            }
            _ => {
                let why = verdict.expect_err(name);
                assert_eq!(counter_of(why), text(vector, "counter"), "{name}");
            }
        }
    }
    assert!(seen >= 20, "{seen}");
}

#[test]
fn what_is_decoded_stands_in_the_vector() {
    let all = all();
    for vector in all["vectors"].as_array().unwrap() {
        if text(vector, "verdict") != "accept" || vector["decoded"]["version"] != 2 {
            continue;
        }
        let message = bytes(text(vector, "hex"));
        let source: IpAddr = text(vector, "src").parse().unwrap();
        let meta = Meta { source, destination: text(vector, "dst").parse().unwrap(), ttl: 255 };
        let advert = wire::decode(&message, meta, wire::TTL).unwrap();
        let decoded = &vector["decoded"];
        assert_eq!(decoded["vrid"], advert.vrid.get());
        assert_eq!(decoded["priority"], advert.priority);
        assert_eq!(decoded["auth_type"], advert.body.auth().unwrap().0);
        assert_eq!(decoded["adver_int_s"], advert.body.interval().as_secs());
        assert_eq!(decoded["checksum"], format!("{:#06x}", advert.body.checksum()));
        assert_eq!(bytes(text(decoded, "auth_data")), advert.body.auth().unwrap().1);
        let addresses: Vec<String> = advert.body.addresses().map(|a| a.to_string()).collect();
        assert_eq!(decoded["addresses"], Value::from(addresses));
    }
}

/// HARD-14: no prefix and no flipped bit of any vector does anything but give a verdict.
#[test]
fn hard_14_prefixes_and_flipped_bits() {
    let all = all();
    let mut counters = RxCounters::default();
    for vector in all["vectors"].as_array().unwrap() {
        let packet = bytes(text(vector, "packet_hex"));
        for end in 0..packet.len() {
            if let Err(why) = wire::ipv4(&packet[..end])
                .and_then(|(meta, rest)| wire::decode(rest, meta, wire::TTL))
            {
                counters.count(why);
            }
        }
        for bit in 0..packet.len() * 8 {
            let mut flipped = packet.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Err(why) =
                wire::ipv4(&flipped).and_then(|(meta, rest)| wire::decode(rest, meta, wire::TTL))
            {
                counters.count(why);
            }
        }
    }
    assert!(counters.iter().map(|(_, value)| value).sum::<u64>() > 1000);
}
