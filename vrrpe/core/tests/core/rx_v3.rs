//! Packet fields and reception of VRRPv3: V3-PKT, V3-RX, UNI and the hardening rules, in both
//! address families; what is dropped, what is only noticed, and in which order that is found.

use crate::common::{
    Bench, LINK_LOCAL_VIP, LOCAL, LOCAL_V6, Message, VIP, VIP_V6, config_v3, config_v6, every,
    host, host_v6, meta, to_group, with_options,
};
use crate::packets::{Covers, V3};
use std::net::IpAddr;
use std::time::Duration;
use vipd_types::{Checksum, Peer, Priority, State};
use vrrp_core::wire::{self, MESSAGE_MAX, Meta};
use vrrp_core::{Config, Discard, Input, Kind, Notice, Router, Transport};

/// Drops change a counter and nothing else: no timer, no state, nothing learned.
fn dropped(ours: Config, message: &V3, from: Meta, why: Discard) {
    let mut bench = Bench::new(ours);
    let before = (bench.router.next_deadline(), bench.state(), bench.router.active_interval());
    bench.sleep(100);
    assert_eq!(bench.receive_v3(message, from), Err(why));
    let after = (bench.router.next_deadline(), bench.state(), bench.router.active_interval());
    assert_eq!(after, before);
    assert_eq!(bench.router.counters().advert_rcvd, 0);
    assert!(bench.router.master().is_none());
}

/// Accepted, and these are the oddities.
fn noticed(ours: Config, message: &V3, from: Meta) -> Vec<Notice> {
    let ours = with_options(ours, |options| options.checksum = Checksum::Plain);
    let mut bench = Bench::new(ours);
    assert!(bench.receive_v3(message, from).is_ok());
    bench.notices()
}

fn v4() -> Meta {
    to_group(host(2))
}

fn v6() -> Meta {
    to_group(host_v6(2))
}

fn unicast_v6(peers: &[u16], check_source: bool) -> Config {
    let peers = peers.iter().map(|last| Peer::new(host_v6(*last).into())).collect();
    Config { transport: Transport::Unicast { peers, check_source }, ..config_v6(100) }
}

#[test]
fn v3_pkt_07_v3_rx_04_unknown_type() {
    for nibble in [0x30, 0x32, 0x3f] {
        let message = V3 { version_type: nibble, ..V3::v4(200) };
        dropped(config_v3(100), &message, v4(), Discard::Type);
    }
}

#[test]
fn v3_pkt_13_v3_pkt_15_interval_on_the_wire() {
    let cases = [
        (0, 1_u16),
        (9, 1),
        (10, 1),
        (19, 1),
        (250, 25),
        (1000, 100),
        (40_950, 4095),
        (41_000, 4095),
    ];
    for (millis, centis) in cases {
        let bytes = Bench::new(every(config_v3(100), millis)).encoded(Kind::Advert);
        assert_eq!(bytes[4..6], centis.to_be_bytes(), "{millis} ms");
    }
}

#[test]
fn v3_pkt_18_v3_pkt_19_v3_pkt_20_addresses_keep_their_order_and_their_family() {
    let bytes = Bench::new(config_v6(100)).encoded(Kind::Advert);
    assert_eq!((bytes[3], bytes.len()), (2, 40));
    assert_eq!(bytes[8..24], LINK_LOCAL_VIP.octets());
    assert_eq!(bytes[24..40], VIP_V6.octets());
    let mut mixed = config_v6(100);
    mixed.addresses.push(VIP.into());
    assert_eq!(Bench::new(mixed).encoded(Kind::Advert), bytes);
}

#[test]
fn v3_tx_02_v3_pkt_17_a_checksum_that_needs_a_source_waits_for_one() {
    let mut buffer = [0; MESSAGE_MAX];
    let group = v6().destination;
    let no_source = Router::new(config_v6(100));
    assert_eq!(no_source.encode(Kind::Advert, group, &mut buffer), None);
    let plain = with_options(config_v3(100), |options| options.checksum = Checksum::Plain);
    let no_source = Router::new(plain);
    assert!(no_source.encode(Kind::Advert, v4().destination, &mut buffer).is_some());
    // Neither can an advert go to the other family.
    let bench = Bench::new(config_v6(100));
    assert_eq!(bench.router.encode(Kind::Advert, v4().destination, &mut buffer), None);
    let v2_over_v6 = Config { version: vipd_types::Version::V2, ..config_v6(100) };
    assert_eq!(Bench::new(v2_over_v6).router.encode(Kind::Advert, group, &mut buffer), None);
}

#[test]
fn v3_tx_02_what_does_not_fit_is_not_sent() {
    let mut many = config_v6(100);
    many.addresses = vec![VIP_V6.into(); 255];
    assert_eq!(Bench::new(many.clone()).encoded(Kind::Advert).len(), MESSAGE_MAX);
    let bench = Bench::new(many.clone());
    let short = &mut [0; MESSAGE_MAX - 1];
    assert_eq!(bench.router.encode(Kind::Advert, v6().destination, short), None);
    many.addresses.push(VIP_V6.into());
    let bench = Bench::new(many);
    assert_eq!(bench.router.encode(Kind::Advert, v6().destination, &mut [0; 5000]), None);
}

#[test]
fn uni_02_uni_08_a_copy_for_each_peer_has_its_own_checksum() {
    let mut buffers = [[0; MESSAGE_MAX]; 2];
    let bench = Bench::new(unicast_v6(&[2, 4], true));
    for (buffer, last) in buffers.iter_mut().zip([2, 4]) {
        let to = Meta { source: LOCAL_V6.into(), destination: host_v6(last).into(), ttl: 255 };
        let bytes = bench.router.encode(Kind::Advert, to.destination, buffer).unwrap();
        assert_eq!(bytes, V3::v6(100).bytes(&to));
    }
    assert_ne!(buffers[0][6..8], buffers[1][6..8]);
    assert_eq!(buffers[0][8..40], buffers[1][8..40]);
}

#[test]
fn v3_rx_03_versions() {
    for version in [0x01, 0x11, 0x41, 0xf1] {
        let message = V3 { version_type: version, ..V3::v4(200) };
        dropped(config_v3(100), &message, v4(), Discard::Version);
    }
    let mut bench = Bench::new(config_v3(100));
    assert_eq!(bench.receive(&Message::new(200), v4()), Err(Discard::Version));
    assert_eq!(bench.router.counters().version_err, 1);
    let mut bench = Bench::new(config_v6(100));
    assert_eq!(bench.take(&Message::new(200).bytes(), v6()), Err(Discard::Version));
}

#[test]
fn v3_rx_07_v3_sm_30_a_vrid_is_one_of_its_family() {
    dropped(config_v3(100), &V3 { vrid: 52, ..V3::v4(200) }, v4(), Discard::Vrid);
    dropped(config_v3(100), &V3::v6(200), v6(), Discard::Vrid);
    dropped(config_v6(100), &V3::v4(200), v4(), Discard::Vrid);
}

#[test]
fn v3_rx_08_v3_ops_24_an_owner_hears_an_owner() {
    for (from, state) in [(host(200), State::Backup), (host(2), State::Master)] {
        let mut bench = Bench::new(config_v3(255));
        bench.receive_v3(&V3::v4(255), to_group(from)).unwrap();
        assert_eq!(bench.state(), state);
        assert!(bench.notices().contains(&Notice::OwnerHeard { from: from.into() }));
    }
    let deaf = with_options(config_v3(255), |options| options.owner_ignore_adverts = true);
    let mut bench = Bench::new(deaf);
    for value in [0, 100, 255] {
        assert_eq!(bench.receive_v3(&V3::v4(value), v4()), Err(Discard::Owner));
    }
    assert_eq!(bench.router.counters().owner_ignored, 3);
}

#[test]
fn v3_rx_10_the_first_ipv6_address_is_link_local_where_ours_is() {
    let turned = V3 { addresses: vec![VIP_V6.into(), LINK_LOCAL_VIP.into()], ..V3::v6(200) };
    dropped(config_v6(100), &turned, v6(), Discard::FirstAddress);
    let mut bench = Bench::new(config_v6(100));
    bench.receive_v3(&turned, v6()).unwrap_err();
    assert_eq!(bench.router.counters().addr_list_err, 1);
    // Many users of keepalived configure none; two MASTERs would be worse.
    let global = Config { addresses: vec![VIP_V6.into()], ..config_v6(100) };
    let theirs = V3 { addresses: vec![VIP_V6.into()], ..V3::v6(200) };
    let from = v6().source;
    assert_eq!(noticed(global.clone(), &theirs, v6()), [Notice::FirstAddress { from }]);
    let notices = noticed(global, &V3::v6(200), v6());
    assert_eq!(notices, [Notice::AddressList { from }]);
}

#[test]
fn v3_rx_11_v3_rx_12_no_interval() {
    dropped(config_v3(100), &V3::v4(200).every(0), v4(), Discard::Interval);
    dropped(config_v6(100), &V3::v6(200).every(0), v6(), Discard::Interval);
}

#[test]
fn v3_rx_13_a_thousand_bad_packets_are_a_thousand_in_the_counter() {
    let mut bench = Bench::new(config_v3(100));
    for _ in 0..1000 {
        bench.receive_v3(&V3::v4(200).every(0), v4()).unwrap_err();
    }
    assert_eq!(bench.router.counters().advert_interval_err, 1000);
    assert_eq!((bench.left(), bench.state()), (3_609_375_000, State::Backup));
}

#[test]
fn v3_rx_15_v3_rx_16_another_interval_is_noticed_and_processed() {
    let from = v4().source;
    let theirs = Duration::from_millis(40_950);
    let notices = noticed(config_v3(100), &V3::v4(200).every(4095), v4());
    assert_eq!(notices, [Notice::Interval { from, theirs }]);
    assert_eq!(noticed(config_v3(100), &V3::v4(200), v4()), []);
}

#[test]
fn v3_rx_17_hard_10_another_list_is_noticed_and_processed() {
    let from = v4().source;
    let list = |last: &[u8]| -> Vec<IpAddr> { last.iter().map(|n| host(*n).into()).collect() };
    let cases: [(&[u8], &[u8], bool); 8] = [
        (&[1, 254], &[1, 254], false),
        // As sets: V3-PKT-18.
        (&[1, 254], &[254, 1], false),
        (&[1, 254], &[1], true),
        (&[1], &[1, 254], true),
        (&[1, 254], &[1, 253], true),
        (&[1, 254], &[1, 1], true),
        (&[1, 254], &[254, 254], true),
        (&[1, 1], &[1, 253], true),
    ];
    for (ours, theirs, differs) in cases {
        let config = Config { addresses: list(ours), ..config_v3(100) };
        let config = with_options(config, |options| options.drop_adv_addr_mismatch = true);
        let message = V3 { addresses: list(theirs), ..V3::v4(200) };
        let expected: &[_] = if differs { &[Notice::AddressList { from }] } else { &[] };
        assert_eq!(noticed(config, &message, v4()), expected, "{ours:?} {theirs:?}");
    }
}

#[test]
fn v3_ops_26_hard_12_same_priority_and_owners_that_are_none() {
    let from = v4().source;
    assert_eq!(noticed(config_v3(100), &V3::v4(100), v4()), [Notice::SamePriority { from }]);
    assert_eq!(noticed(config_v3(100), &V3::v4(255), v4()), [Notice::NotOwner { from }]);
    assert_eq!(noticed(config_v3(100), &V3::v4(255), to_group(VIP)), []);
    // Not again and again for the MASTER that is followed, but again for another one.
    let mut bench = Bench::new(config_v3(100));
    for last in [2, 2, 2, 4, 4] {
        bench.hear(last, 100);
    }
    let same = |notice: &&Notice| matches!(notice, Notice::SamePriority { .. });
    assert_eq!(bench.notices().iter().filter(same).count(), 2);
}

#[test]
fn hard_03_uni_07_each_transport_has_its_destination() {
    let unicast = meta(host(2), LOCAL, 255);
    dropped(config_v3(100), &V3::v4(200), unicast, Discard::Destination);
    dropped(unicast_v6(&[2], true), &V3::v6(200), v6(), Discard::Destination);
    for other in ["ff02::1", "::", "::1"] {
        let to = Meta { destination: other.parse().unwrap(), ..v6() };
        dropped(unicast_v6(&[2], true), &V3::v6(200), to, Discard::Destination);
    }
}

#[test]
fn hard_04_hard_05_uni_06_sources_over_ipv6() {
    for source in ["2001:db8::2", "fec0::2", "ff02::2", "::1", "::"] {
        let from = to_group(source.parse::<std::net::Ipv6Addr>().unwrap());
        dropped(config_v6(100), &V3::v6(200), from, Discard::Source);
    }
    dropped(config_v6(100), &V3::v6(200), to_group(LINK_LOCAL_VIP), Discard::Source);
    for of_an_owner in [0, 255] {
        let mut bench = Bench::new(config_v6(100));
        assert!(bench.receive_v3(&V3::v6(of_an_owner), to_group(LINK_LOCAL_VIP)).is_ok());
    }
    let to_us = |source: &str| Meta {
        source: source.parse().unwrap(),
        destination: LOCAL_V6.into(),
        ttl: 255,
    };
    dropped(unicast_v6(&[2], true), &V3::v6(200), to_us("fe80::7"), Discard::Source);
    for anybody in ["fe80::7", "2001:db8::2"] {
        let mut bench = Bench::new(unicast_v6(&[2], false));
        assert!(bench.receive_v3(&V3::v6(200), to_us(anybody)).is_ok());
    }
    let mut routed = unicast_v6(&[], true);
    let peers = vec![Peer::new("2001:db8::2".parse().unwrap())];
    routed.transport = Transport::Unicast { peers, check_source: true };
    assert!(Bench::new(routed).receive_v3(&V3::v6(200), to_us("2001:db8::2")).is_ok());
}

#[test]
fn hard_07_sc_19_our_own_advert_comes_back() {
    dropped(config_v3(100), &V3::v4(200), to_group(LOCAL), Discard::OwnAddress);
    dropped(config_v6(100), &V3::v6(200), to_group(LOCAL_V6), Discard::OwnAddress);
    // Equal priority and equal address would have two routers answer each other for ever.
    let mut bench = Bench::master(config_v3(100));
    assert_eq!(bench.receive_v3(&V3::v4(100), to_group(LOCAL)), Err(Discard::OwnAddress));
    assert_eq!(bench.router.counters().own_address_err, 1);
}

/// A packet with every fault there is; one after the other is repaired.
#[test]
fn hard_01_the_order_of_the_checks() {
    let ours = with_options(config_v6(255), |options| options.owner_ignore_adverts = true);
    let mut message = V3 {
        version_type: 0x42,
        vrid: 0,
        addresses: vec![VIP_V6.into()],
        covers: Covers::Nothing,
        ..V3::v6(200).every(0)
    };
    let mut from =
        Meta { source: "2001:db8::2".parse().unwrap(), destination: LOCAL_V6.into(), ttl: 254 };
    let mut bench = Bench::new(ours);
    let mut expect = |message: &V3, from: Meta, cut: usize, why: Discard| {
        let mut bytes = message.bytes(&from);
        bytes.truncate(bytes.len() - cut);
        let verdict = wire::decode(&bytes, from, wire::TTL).map(|_| ());
        if verdict.is_err() {
            assert_eq!(verdict, Err(why));
        } else {
            assert_eq!(bench.take(&bytes, from), Err(why));
        }
    };
    expect(&message, from, 1, Discard::Ttl);
    from.ttl = 255;
    expect(&message, from, 17, Discard::Length);
    expect(&message, from, 1, Discard::Version);
    message.version_type = 0x32;
    expect(&message, from, 1, Discard::Type);
    message.version_type = 0x31;
    expect(&message, from, 1, Discard::Length);
    expect(&message, from, 0, Discard::Checksum);
    message.covers = Covers::Header;
    expect(&message, from, 0, Discard::Vrid);
    message.vrid = 52;
    expect(&message, from, 0, Discard::Vrid);
    message.vrid = 51;
    expect(&message, from, 0, Discard::Destination);
    from.destination = v6().destination;
    expect(&message, from, 0, Discard::Source);
    from.source = LOCAL_V6.into();
    expect(&message, from, 0, Discard::OwnAddress);
    from.source = host_v6(2).into();
    expect(&message, from, 0, Discard::Interval);
    message.interval = 100;
    expect(&message, from, 0, Discard::FirstAddress);
    message.addresses = vec![LINK_LOCAL_VIP.into()];
    expect(&message, from, 0, Discard::Owner);
}

#[test]
fn mib_02_mib_05_states_and_the_address_of_the_master() {
    let mut bench = Bench::cold(config_v3(100));
    assert_eq!(bench.state(), State::Init);
    bench.link_up();
    assert_eq!(bench.router.master(), None);
    bench.hear(2, 200);
    assert_eq!(bench.state(), State::Backup);
    assert_eq!(bench.router.master().map(|seen| seen.address), Some(host(2).into()));
    bench.wait(4000);
    assert_eq!(bench.state(), State::Master);
    assert_eq!((bench.router.master(), bench.router.source()), (None, Some(LOCAL.into())));
}

#[test]
fn v3_pkt_10_mib_03_trackers_make_neither_an_owner_nor_a_good_bye() {
    for (adds, said) in [(300, 254), (-300, 1)] {
        let mut bench = Bench::new(config_v3(100));
        bench.track(adds, false, false);
        assert_eq!(bench.encoded(Kind::Advert)[2], said);
    }
    let mut bench = Bench::new(config_v3(255));
    bench.track(-300, false, false);
    assert_eq!(bench.encoded(Kind::Advert)[2], Priority::OWNER.get());
    bench.input(Input::Stop);
    assert_eq!(bench.encoded(Kind::GoodBye)[2], 0);
}
