//! Packet fields, authentication and reception: V2-PKT, V2-AUTH, V2-RX, V2-TX and the hardening
//! rules of the receive path.

use crate::common::{Bench, LOCAL, Message, VIP, config, host, meta, unicast, with_options};
use crate::packets::V3;
use std::net::Ipv4Addr;
use std::time::Duration;
use vipd_types::{Instant, State};
use vrrp_core::wire::{self, GROUP_V4};
use vrrp_core::{Auth, Config, Discard, Kind, Notice, RxCounters};

fn verdict(bench: &mut Bench, message: &Message) -> Result<(), Discard> {
    bench.receive(message, meta(host(2), GROUP_V4, 255)).map(|_| ())
}

/// Drops change a counter and nothing else: no timer, no state.
fn dropped(config: Config, message: &Message, from: wire::Meta, why: Discard) {
    let mut bench = Bench::new(config);
    let before: (Option<Instant>, State) = (bench.router.next_deadline(), bench.state());
    bench.sleep(100);
    assert_eq!(bench.receive(message, from).map(|_| ()), Err(why));
    assert_eq!((bench.router.next_deadline(), bench.state()), before);
    assert_eq!(bench.router.counters().advert_rcvd, 0);
}

fn group(from: Ipv4Addr) -> wire::Meta {
    meta(from, GROUP_V4, 255)
}

#[test]
fn v2_pkt_04_unknown_type() {
    let message = Message { version_type: 0x27, ..Message::new(200) };
    dropped(config(100), &message, group(host(2)), Discard::Type);
}

#[test]
fn v2_pkt_09_unknown_or_other_authentication_type() {
    for (auth_type, why) in
        [(1, Discard::AuthMismatch), (2, Discard::AuthMismatch), (3, Discard::AuthType)]
    {
        let message = Message { auth_type, ..Message::new(200) };
        dropped(config(100), &message, group(host(2)), why);
    }
}

#[test]
fn v2_pkt_10_v2_pkt_11_authentication_data_is_zero_and_ignored() {
    let mut bench = Bench::new(config(100));
    assert_eq!(bench.encoded(Kind::Advert)[12..], [0; 8]);
    let message = Message { auth: *b"whatever", ..Message::new(200) };
    assert_eq!(verdict(&mut bench, &message), Ok(()));
}

#[test]
fn v2_pkt_12_interval_in_whole_seconds() {
    let bench = Bench::new(Config { advert_int: Duration::from_secs(2), ..config(100) });
    assert_eq!(bench.encoded(Kind::Advert)[5], 2);
}

#[test]
fn v2_pkt_14_count_is_the_number_of_addresses() {
    let mut two = config(100);
    two.addresses.push(host(254).into());
    let bytes = Bench::new(two).encoded(Kind::Advert);
    assert_eq!((bytes[3], bytes.len()), (2, 24));
    assert_eq!(bytes[8..16], [192, 0, 2, 1, 192, 0, 2, 254]);
}

#[test]
fn v2_auth_01_password_must_match() {
    let ours = Config { auth: Auth::Pass(*b"secret12"), ..config(100) };
    for auth in [*b"secret13", *b"secret1\0", *b"Secret12", [0; 8]] {
        let message = Message { auth_type: 1, auth, ..Message::new(200) };
        dropped(ours.clone(), &message, group(host(2)), Discard::AuthFailure);
    }
    let message = Message { auth_type: 1, auth: *b"secret12", ..Message::new(200) };
    assert_eq!(verdict(&mut Bench::new(ours), &message), Ok(()));
}

#[test]
fn v2_auth_02_short_password_is_zero_filled() {
    let bench = Bench::new(Config { auth: Auth::Pass(*b"abc\0\0\0\0\0"), ..config(100) });
    let bytes = bench.encoded(Kind::Advert);
    assert_eq!(bytes[4], 1);
    assert_eq!(bytes[12..], *b"abc\0\0\0\0\0");
}

#[test]
fn v2_rx_01_ttl() {
    for ttl in [254, 1, 0] {
        let bytes = Message::new(200).bytes();
        assert_eq!(
            wire::decode(&bytes, meta(host(2), GROUP_V4, ttl), wire::TTL).unwrap_err(),
            Discard::Ttl
        );
    }
}

#[test]
fn v2_rx_02_version() {
    for version in [0x11, 0x41, 0xf1] {
        let message = Message { version_type: version, ..Message::new(200) };
        dropped(config(100), &message, group(host(2)), Discard::Version);
    }
    let mut bench = Bench::new(config(100));
    let verdict = bench.receive_v3(&V3::v4(200), group(host(2)));
    assert_eq!(verdict, Err(Discard::Version));
    assert_eq!(bench.router.counters().version_err, 1);
}

#[test]
fn v2_rx_03_complete_packet() {
    let bytes = Message::new(200).bytes();
    for end in 0..bytes.len() {
        let verdict = wire::decode(&bytes[..end], group(host(2)), wire::TTL);
        assert_eq!(verdict.unwrap_err(), Discard::Length, "{end}");
    }
}

#[test]
fn v2_pkt_13_v2_rx_04_checksum() {
    let mut bytes = Message::new(100).bytes();
    bytes[2] = 200;
    assert_eq!(wire::decode(&bytes, group(host(2)), wire::TTL).unwrap_err(), Discard::Checksum);
}

#[test]
fn v2_rx_05_vrid() {
    let other = Message { vrid: 52, ..Message::new(200) };
    dropped(config(100), &other, group(host(2)), Discard::Vrid);
    let zero = Message { vrid: 0, ..Message::new(200) };
    dropped(config(100), &zero, group(host(2)), Discard::Vrid);
}

#[test]
fn v2_rx_06_owner_listens_to_nobody() {
    let mut bench = Bench::new(config(255));
    assert_eq!(verdict(&mut bench, &Message::new(255)), Err(Discard::Owner));
    assert_eq!(verdict(&mut bench, &Message::new(0)), Err(Discard::Owner));
    assert_eq!(bench.state(), State::Master);
    assert_eq!(bench.router.counters().owner_ignored, 2);
}

#[test]
fn v2_rx_07_no_downgrade_of_the_authentication() {
    let ours = Config { auth: Auth::Pass(*b"secret12"), ..config(100) };
    dropped(ours, &Message::new(200), group(host(2)), Discard::AuthMismatch);
}

#[test]
fn v2_rx_08_each_drop_moves_one_counter() {
    let mut counters = RxCounters::default();
    counters.count(Discard::Ttl);
    counters.count(Discard::AuthFailure);
    let moved: Vec<_> = counters.iter().filter(|(_, value)| *value != 0).collect();
    assert_eq!(moved, [("ip_ttl_err", 1)]);
    let mut bench = Bench::new(config(100));
    let message = Message { interval: 3, ..Message::new(200) };
    assert!(verdict(&mut bench, &message).is_err());
    let moved: Vec<_> = bench.router.counters().iter().filter(|(_, value)| *value != 0).collect();
    assert_eq!(moved, [("advert_interval_err", 1)]);
}

#[test]
fn v2_rx_09_another_address_list_is_counted_and_processed() {
    let mut bench = Bench::new(config(100));
    let message = Message { addresses: vec![host(9)], ..Message::new(200) };
    bench.sleep(500);
    assert_eq!(verdict(&mut bench, &message), Ok(()));
    assert_eq!(bench.router.counters().addr_list_err, 1);
    assert_eq!(bench.router.next_deadline().unwrap().as_nanos(), 4_109_375_000);
}

#[test]
fn v2_rx_09_v2_rx_10_another_address_list_is_dropped_if_told_so() {
    let ours = with_options(config(100), |options| options.drop_adv_addr_mismatch = true);
    let other = |priority| Message { addresses: vec![host(9)], ..Message::new(priority) };
    for value in [0, 1, 254] {
        dropped(ours.clone(), &other(value), group(host(2)), Discard::AddressList);
    }
    let mut bench = Bench::new(ours);
    assert_eq!(verdict(&mut bench, &other(255)), Ok(()));
    assert!(bench.notices().contains(&Notice::AddressList { from: host(2).into() }));
    assert_eq!(verdict(&mut bench, &other(200)), Err(Discard::AddressList));
    assert_eq!(bench.router.counters().addr_list_err, 2);
    assert_eq!(verdict(&mut bench, &Message::new(200)), Ok(()));
}

#[test]
fn the_list_of_the_followed_master_may_be_left_unread() {
    let ours = with_options(config(100), |options| {
        options.drop_adv_addr_mismatch = true;
        options.skip_check_adv_addr = true;
    });
    let other = Message { addresses: vec![host(9)], ..Message::new(200) };
    let mut bench = Bench::new(ours);
    assert_eq!(verdict(&mut bench, &other), Err(Discard::AddressList));
    assert_eq!(verdict(&mut bench, &Message::new(200)), Ok(()));
    assert_eq!(verdict(&mut bench, &other), Ok(()));
    assert_eq!(bench.router.counters().addr_list_err, 1);
    assert_eq!(bench.receive(&other, group(host(4))), Err(Discard::AddressList));
}

#[test]
fn v2_rx_11_interval() {
    for interval in [0, 2, 255] {
        let message = Message { interval, ..Message::new(200) };
        dropped(config(100), &message, group(host(2)), Discard::Interval);
    }
}

#[test]
fn v2_tx_01_golden_advert() {
    let bytes = Bench::new(config(100)).encoded(Kind::Advert);
    assert_eq!(bytes, Message::new(100).bytes());
    assert_eq!(bytes[..8], [0x21, 0x33, 0x64, 0x01, 0x00, 0x01, 0xb8, 0xc8]);
    assert_eq!(Bench::new(config(100)).encoded(Kind::GoodBye), Message::new(0).bytes());
}

#[test]
fn v2_tx_02_what_does_not_fit_is_not_sent() {
    let bench = Bench::new(config(100));
    assert_eq!(bench.router.encode(Kind::Advert, GROUP_V4.into(), &mut [0; 19]), None);
    let mut many = config(100);
    many.addresses = vec![VIP.into(); 255];
    assert_eq!(Bench::new(many.clone()).encoded(Kind::Advert).len(), 1036);
    many.addresses.push(VIP.into());
    assert_eq!(Bench::new(many).router.encode(Kind::Advert, GROUP_V4.into(), &mut [0; 2000]), None);
}

#[test]
fn hard_03_destination() {
    dropped(config(100), &Message::new(200), meta(host(2), LOCAL, 255), Discard::Destination);
    let message = Message::new(200);
    dropped(unicast(100, &[2]), &message, group(host(2)), Discard::Destination);
    let broadcast = meta(host(2), Ipv4Addr::BROADCAST, 255);
    dropped(unicast(100, &[2]), &message, broadcast, Discard::Destination);
}

#[test]
fn hard_04_strangers() {
    let stranger = meta(host(7), LOCAL, 255);
    dropped(unicast(100, &[2]), &Message::new(200), stranger, Discard::Source);
    let mut open = unicast(100, &[2]);
    open.transport = vrrp_core::Transport::Unicast { peers: vec![], check_source: false };
    assert!(Bench::new(open).receive(&Message::new(200), stranger).is_ok());
}

#[test]
fn hard_05_impossible_sources() {
    for source in ["0.1.2.3", "127.0.0.1", "224.0.0.18", "255.255.255.255"] {
        let from = group(source.parse().unwrap());
        dropped(config(100), &Message::new(200), from, Discard::Source);
    }
    dropped(config(100), &Message::new(200), group(VIP), Discard::Source);
    for of_an_owner in [255, 0] {
        let mut bench = Bench::new(config(100));
        assert!(bench.receive(&Message::new(of_an_owner), group(VIP)).is_ok());
    }
}

#[test]
fn hard_06_exact_length() {
    let mut bytes = Message::new(200).bytes();
    bytes.extend([0; 4]);
    assert_eq!(wire::decode(&bytes, group(host(2)), wire::TTL).unwrap_err(), Discard::Length);
    let none = Message { addresses: vec![], ..Message::new(200) };
    assert_eq!(
        wire::decode(&none.bytes(), group(host(2)), wire::TTL).unwrap_err(),
        Discard::Length
    );
}

#[test]
fn hard_07_own_address() {
    dropped(config(100), &Message::new(200), group(LOCAL), Discard::OwnAddress);
}

#[test]
fn hard_15_fragments() {
    let message = Message::new(200).bytes();
    let total = u8::try_from(20 + message.len()).unwrap();
    let mut packet = vec![0x45, 0xc0, 0, total, 0, 0, 0, 0, 255, 112, 0, 0];
    packet.extend(host(2).octets());
    packet.extend(GROUP_V4.octets());
    packet.extend(&message);
    assert_eq!(wire::ipv4(&packet), Ok((group(host(2)), &message[..])));
    for (high, low) in [(0x20, 0), (0, 1), (0x1f, 0xff)] {
        packet[6..8].copy_from_slice(&[high, low]);
        assert_eq!(wire::ipv4(&packet).unwrap_err(), Discard::Fragment);
    }
    // Do not fragment is no fragment.
    packet[6..8].copy_from_slice(&[0x40, 0]);
    assert!(wire::ipv4(&packet).is_ok());
    for (at, value) in [(0, 0x65), (0, 0x44), (9, 17), (3, 19), (3, 200)] {
        let mut broken = packet.clone();
        broken[at] = value;
        assert_eq!(wire::ipv4(&broken).unwrap_err(), Discard::Header, "byte {at}");
    }
}

#[test]
fn hard_19_the_password_is_not_printed() {
    let ours = Config { auth: Auth::Pass(*b"secret12"), ..config(100) };
    let bench = Bench::new(ours);
    assert!(!format!("{:?}", bench.router).contains("secret"));
    assert!(!format!("{:?}", bench.router).contains("115, 101, 99"));
}
