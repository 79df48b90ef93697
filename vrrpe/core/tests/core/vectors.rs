//! The packet vectors: every one gets its verdict for its reason, moves its counter, and is what
//! our own encoder makes of the same fields. The data is in `tests/vectors/vrrp.json`.

use crate::common::{Bench, LOCAL, at_nanos, config_v3, config_v6};
use crate::vector::{Vector, all, bytes, data};
use std::collections::BTreeSet;
use std::net::IpAddr;
use vipd_types::{Checksum, Priority, State};
use vrrp_core::wire::{self, GROUP_V4, MESSAGE_MAX, Meta};
use vrrp_core::{Config, Discard, Form, Input, Kind, Notice, Router, RxCounters};

/// What the counters of the interface and the router say, those that stand at zero left out.
type Moved = Vec<(&'static str, u64)>;

/// As the engine does it: what no router has seen moves a counter of the interface.
fn receive(vector: &Vector, receiver: Config) -> (Result<(), Discard>, Bench, Moved) {
    let mut bench = Bench::cold(receiver.clone());
    if receiver.priority.is_owner() {
        let source = receiver.addresses.first().copied();
        bench.input(Input::Link { up: true, source });
    } else {
        bench.link_up();
    }
    bench.events.clear();
    let (message, meta) = (vector.message(), vector.meta());
    if meta.source.is_ipv4() {
        let packet = vector.packet();
        assert_eq!(wire::ipv4(&packet), Ok((meta, &message[..])), "{}", vector.name());
    }
    let mut interface = RxCounters::default();
    let verdict = match wire::decode(&message, meta, wire::TTL) {
        Err(why) => {
            interface.count(why);
            Err(why)
        }
        // The look-up of the engine.
        Ok(advert) if advert.vrid != receiver.vrid => {
            interface.count(Discard::Vrid);
            Err(Discard::Vrid)
        }
        Ok(_) => bench.take(&message, meta).map(|_| ()),
    };
    let early: Vec<_> = interface.iter().collect();
    let own: Vec<_> = bench.router.counters().iter().collect();
    let quiet = ["advert_sent", "become_master", "release_master"];
    let moved = [early, own].concat().into_iter();
    let moved = moved.filter(|(name, n)| *n != 0 && !quiet.contains(name)).collect();
    (verdict, bench, moved)
}

/// The names of the data, which are those of RFC 8347 and RFC 2787, as keepalived has them.
fn counter(name: &str) -> &'static str {
    match name {
        "ip-ttl-errors" => "ip_ttl_err",
        "version-errors" => "version_err",
        "invalid-type-pkts-rcvd" => "invalid_type_rcvd",
        "packet-length-errors" => "packet_len_err",
        "checksum-errors" => "checksum_err",
        "vrid-errors" => "vrid_err",
        "auth-type-mismatch" => "authtype_mismatch",
        "invalid-auth-type" => "invalid_authtype",
        "auth-failures" => "auth_failure",
        "interval-errors" => "advert_interval_err",
        "address-list-errors" => "addr_list_err",
        other => panic!("no counter {other}"),
    }
}

#[test]
fn mib_07_mib_08_yang_10_yang_11_each_bad_vector_is_dropped_and_moves_its_counter_alone() {
    let bad: Vec<Vector> = all().into_iter().filter(|v| v.text("verdict") == "discard").collect();
    assert_eq!(bad.len(), 33);
    for vector in &bad {
        let (verdict, bench, moved) = receive(vector, vector.receiver());
        let name = vector.name();
        assert!(verdict.is_err(), "{name}");
        assert_eq!(moved, [(counter(vector.text("counter")), 1)], "{name}");
        assert_eq!(bench.state(), State::Backup, "{name}");
        assert!(bench.router.master().is_none() && bench.notices().is_empty(), "{name}");
        assert_eq!(bench.left(), bench.router.master_down_interval().as_nanos(), "{name}");
    }
}

#[test]
fn the_reason_is_the_one_of_the_rule() {
    for vector in all() {
        let expected = match vector.name() {
            "bad-v2-auth-type3-unknown" => Discard::AuthType,
            "bad-v2-auth-type1-at-type0" | "bad-v2-auth-type0-at-type1" => Discard::AuthMismatch,
            "bad-v2-wrong-password" | "bad-v2-password-prefix-only" => Discard::AuthFailure,
            "bad-v2-addr-list-mismatch" => Discard::AddressList,
            "bad-v3-ipv6-first-not-linklocal" => Discard::FirstAddress,
            "bad-v3-interval0" | "bad-v3-interval0-reserve-set" => Discard::Interval,
            "bad-v2-adver-int-mismatch" | "bad-v2-adver-int-0" => Discard::Interval,
            "bad-vrid0" | "bad-vrid-not-configured" => Discard::Vrid,
            "pol-v2-count0" | "pol-v3-trailing-bytes" => Discard::Length,
            "pol-v3-multicast-receiver-gets-unicast" => Discard::Destination,
            "pol-v3-unicast-unknown-peer" | "pol-v3-ipv6-global-source" => Discard::Source,
            "pol-own-advert-looped" => Discard::OwnAddress,
            _ => continue,
        };
        let (verdict, _, _) = receive(&vector, vector.receiver());
        assert_eq!(verdict, Err(expected), "{}", vector.name());
    }
}

#[test]
fn each_good_vector_is_accepted_and_what_is_odd_is_counted() {
    let good: Vec<Vector> = all().into_iter().filter(Vector::is_accepted).collect();
    assert_eq!(good.len(), 30);
    for vector in &good {
        let receiver = vector.receiver();
        let (verdict, _, moved) = receive(vector, receiver.clone());
        let name = vector.name();
        assert_eq!(verdict, Ok(()), "{name}");
        let set = |list: &[IpAddr]| list.iter().copied().collect::<BTreeSet<_>>();
        let other_interval = vector.interval() != receiver.advert_int;
        let other_list = set(&vector.addresses()) != set(&receiver.addresses);
        let is_good_bye = vector.field("priority") == Some(0);
        let mut expected = vec![("advert_rcvd", 1)];
        expected.extend(other_interval.then_some(("advert_interval_err", 1)));
        expected.extend(other_list.then_some(("addr_list_err", 1)));
        expected.extend(is_good_bye.then_some(("pri_zero_rcvd", 1)));
        assert_eq!(moved, expected, "{name}");
        if vector.0["counter"].is_string() {
            let counter = counter(vector.text("counter"));
            assert!(moved.contains(&(counter, 1)), "{name}: {moved:?}");
        }
    }
}

#[test]
fn v3_rx_06_a_receiver_that_is_not_strict_takes_either_checksum_and_counts_the_other() {
    let forms = all().into_iter().filter(|v| {
        v.0["decoded"]["version"] == 3 && v.text("family") == "ipv4" && v.is_accepted()
    });
    let mut seen = 0;
    for vector in forms {
        for ours in [Checksum::Plain, Checksum::Pseudo] {
            let mut receiver = vector.receiver();
            receiver.options.checksum = ours;
            receiver.options.strict_checksum = false;
            let (verdict, bench, moved) = receive(&vector, receiver);
            assert_eq!(verdict, Ok(()), "{}", vector.name());
            let other = (vector.text("checksum_mode") == "plain") != (ours == Checksum::Plain);
            assert_eq!(moved.contains(&("other_checksum", 1)), other, "{}", vector.name());
            let from = vector.meta().source;
            let notice = Notice::OtherChecksum { from };
            assert_eq!(bench.notices().contains(&notice), other, "{}", vector.name());
            seen += 1;
        }
    }
    assert_eq!(seen, 34);
}

#[test]
fn policies() {
    let policies: Vec<Vector> =
        all().into_iter().filter(|v| v.text("verdict") == "policy").collect();
    assert_eq!(policies.len(), 8);
    for vector in &policies {
        let (verdict, bench, moved) = receive(vector, vector.receiver());
        match vector.name() {
            // Erratum 8298: it is told, and the greater source wins.
            "pol-v3-owner-receives-255" => {
                assert_eq!((verdict, bench.state()), (Ok(()), State::Backup));
                let from = vector.meta().source;
                assert!(bench.notices().contains(&Notice::OwnerHeard { from }));
                let mut deaf = vector.receiver();
                deaf.options.owner_ignore_adverts = true;
                let (verdict, bench, moved) = receive(vector, deaf);
                assert_eq!((verdict, bench.state()), (Err(Discard::Owner), State::Master));
                assert_eq!(moved, [("owner_ignored", 1)]);
            }
            // Which addresses are on the link is not known here.
            "pol-source-off-link" => assert_eq!(verdict, Ok(())),
            name => {
                assert!(verdict.is_err(), "{name}");
                assert_eq!(moved.iter().map(|(_, n)| n).sum::<u64>(), 1, "{name}: {moved:?}");
                if vector.0["counter"].is_string() {
                    assert_eq!(moved[0].0, counter(vector.text("counter")), "{name}");
                }
            }
        }
    }
}

#[test]
fn v3_pkt_14_what_is_decoded_stands_in_the_vector() {
    for vector in all().iter().filter(|vector| vector.is_accepted()) {
        let (message, meta) = (vector.message(), vector.meta());
        let advert = wire::decode(&message, meta, wire::TTL).unwrap();
        let form = match vector.text("checksum_mode") {
            "v2" | "plain" => Form::Plain,
            "pseudo" | "ipv6" => Form::Pseudo,
            "pseudo-mcast-dst" => Form::PseudoMulticast,
            other => panic!("no form {other}"),
        };
        assert_eq!(advert.form, form, "{}", vector.name());
        assert_eq!(vector.field("vrid"), Some(advert.vrid.get().into()));
        assert_eq!(vector.field("priority"), Some(advert.priority.into()));
        assert_eq!(vector.interval(), advert.body.interval(), "{}", vector.name());
        assert_eq!(vector.field("count").unwrap(), advert.body.count() as u64);
        assert!(advert.body.addresses().eq(vector.addresses()), "{}", vector.name());
        let decoded = &vector.0["decoded"];
        assert_eq!(decoded["checksum"], format!("{:#06x}", advert.body.checksum()));
        let auth = decoded["auth_data"].as_str().map(|data| {
            let auth_type = u8::try_from(vector.field("auth_type").unwrap()).unwrap();
            (auth_type, <[u8; 8]>::try_from(bytes(data)).unwrap())
        });
        assert_eq!(advert.body.auth(), auth, "{}", vector.name());
    }
}

/// The router that would send this vector, if there is one.
fn sender(vector: &Vector) -> (Router, Kind) {
    let receiver = vector.receiver();
    let priority = u8::try_from(vector.field("priority").unwrap()).unwrap();
    let kind = if priority == 0 { Kind::GoodBye } else { Kind::Advert };
    let mut config = Config {
        priority: Priority::try_from(priority.max(1)).unwrap(),
        advert_int: vector.interval(),
        addresses: vector.addresses(),
        ..receiver
    };
    if vector.text("checksum_mode") == "pseudo" {
        config.options.checksum = Checksum::Pseudo;
    }
    let mut router = Router::new(config);
    let source = Some(vector.meta().source);
    router.step(at_nanos(0), Input::Link { up: true, source });
    (router, kind)
}

#[test]
fn v2_tx_01_v3_tx_01_good_vectors_are_encoded_to_the_same_bytes() {
    let cannot = [
        "v2-auth0-nonzero-auth-data",
        "v3-ipv4-reserve-nibble-set",
        "v3-ipv4-unicast-pseudo-mcast-dst",
    ];
    let mut same = 0;
    for vector in all().iter().filter(|vector| vector.is_accepted()) {
        let (router, kind) = sender(vector);
        let mut buffer = [0xff; MESSAGE_MAX];
        let encoded = router.encode(kind, vector.meta().destination, &mut buffer).unwrap();
        let differs = cannot.contains(&vector.name());
        assert_eq!(encoded != vector.message(), differs, "{}", vector.name());
        same += u32::from(!differs);
    }
    assert_eq!(same, 27);
}

#[test]
fn v3_tx_01_and_v3_sm_22_golden_frames() {
    let data = data();
    let mut seen = 0;
    for frame in data["frames"].as_array().unwrap() {
        let (config, kind, ip_header) = match frame["name"].as_str().unwrap() {
            "tx-advert-ipv4-frame" => (config_v3(100), Kind::Advert, 20),
            "tx-shutdown-advert-ipv4-frame" => (config_v3(100), Kind::GoodBye, 20),
            "tx-advert-ipv6-frame" => (config_v6(100), Kind::Advert, 40),
            _ => continue,
        };
        let mut config = config;
        config.options.checksum = Checksum::Plain;
        let frame = bytes(frame["hex"].as_str().unwrap());
        assert_eq!(Bench::new(config).encoded(kind), frame[14 + ip_header..]);
        seen += 1;
    }
    assert_eq!(seen, 3);
}

/// keepalived up to 1.3.6 sends it.
#[test]
fn the_old_unicast_checksum_fits_its_own_addresses_only() {
    let old = all().into_iter().find(|v| v.name() == "v3-ipv4-unicast-pseudo-mcast-dst").unwrap();
    let advert = old.message();
    let group = Meta { destination: GROUP_V4.into(), ..old.meta() };
    // To the group it is simply the right one.
    assert_eq!(wire::decode(&advert, group, 255).map(|a| a.form), Ok(Form::Pseudo));
    let elsewhere = Meta { source: LOCAL.into(), ..old.meta() };
    assert_eq!(wire::decode(&advert, elsewhere, 255).unwrap_err(), Discard::Checksum);
}
