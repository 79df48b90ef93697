//! The raw sockets between two hosts: what one sends, the other gets, with the header that the RFC
//! wants and the ancillary data that the engine needs.

use super::{
    Ear, FAR, FAR_MAC, GROUP_V4, GROUP_V6, LIMIT, NEAR, NEAR_MAC, Tap, Wire, ip, name, receiver,
    receiver_on,
};
use crate::kernel::{Kernel, sysctl};
use nix::sys::socket::{getsockopt, setsockopt, sockopt};
use std::net::IpAddr;
use vipd_lab::netns::NetNs;
use vipd_lab::wait_until;
use vipd_types::Family;

/// Begins like an advert of version 3; the kernel looks at no more.
const ADVERT: [u8; 8] = [0x31, 51, 100, 1, 0, 100, 0, 0];

fn to(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Waits for one datagram, and no other.
fn one(ear: &Ear) -> super::Heard {
    let mut heard = Vec::new();
    wait_until(LIMIT, "a datagram", || {
        heard.extend(ear.heard());
        !heard.is_empty()
    })
    .unwrap();
    assert_eq!(heard.len(), 1, "{heard:?}");
    heard.remove(0)
}

/// The next IP packet with protocol 112 from `near`.
fn on_the_cable(tap: &Tap) -> Vec<u8> {
    let is_vrrp = |frame: &Vec<u8>| match frame[12..14] {
        [0x08, 0x00] => frame[23] == 112,
        [0x86, 0xdd] => frame[20] == 112,
        _ => false,
    };
    let mut heard = Vec::new();
    wait_until(LIMIT, "a frame", || {
        heard.extend(tap.heard(NEAR_MAC).into_iter().filter(is_vrrp));
        !heard.is_empty()
    })
    .unwrap();
    heard.remove(0)
}

fn far_receiver(wire: &Wire, family: Family) -> Ear {
    Ear::of(&receiver_on(&wire.far, (&name("far"), FAR), family, None, 1))
}

fn with_ipv4(wire: &Wire) {
    ip(&wire.near, "address add 192.0.2.3/24 dev near\naddress add 192.0.2.33/24 dev near\n");
    ip(&wire.far, "address add 192.0.2.2/24 dev far\n");
}

#[test]
fn ipv4_multicast_and_unicast() {
    let wire = Wire::new();
    with_ipv4(&wire);
    let (near, far) = (receiver(&wire.near, Family::V4, 255), far_receiver(&wire, Family::V4));
    let tap = Tap::on(&wire.far, FAR);
    for (destination, source, ttl) in
        [(GROUP_V4, None, 255), (GROUP_V4, Some("192.0.2.33"), 255), ("192.0.2.2", None, 7)]
    {
        near.send(&ADVERT, source.map(to), to(destination), ttl).unwrap();
        let heard = one(&far);
        assert_eq!(heard.source, to(source.unwrap_or("192.0.2.3")));
        assert_eq!(heard.to, Some((to(destination), FAR)));
        assert_eq!((heard.bytes[8], heard.bytes[1]), (ttl, 0xc0), "{heard:?}");
        assert_eq!((&heard.bytes[20..], heard.fragment), (&ADVERT[..], None));
        assert_eq!(on_the_cable(&tap)[..6] == FAR_MAC, destination == "192.0.2.2");
    }
    let other = near.send(&ADVERT, None, to("ff02::12"), 255);
    assert!(other.is_err(), "{other:?}");
    assert!(Ear::of(&near).heard().is_empty(), "its own multicast came back");
}

#[test]
fn ipv6_multicast_and_unicast() {
    let wire = Wire::new();
    ip(&wire.near, "address add fe80::aa/64 dev near nodad\n");
    ip(&wire.near, "address add 2001:db8::a/64 dev near nodad\n");
    ip(&wire.far, "address add 2001:db8::b/64 dev far nodad\n");
    let (near, far) = (receiver(&wire.near, Family::V6, 255), far_receiver(&wire, Family::V6));
    let tap = Tap::on(&wire.far, FAR);
    for (destination, source, limit) in [
        (GROUP_V6, "fe80::a", 255),
        (GROUP_V6, "fe80::aa", 255),
        ("fe80::b", "fe80::a", 255),
        ("2001:db8::b", "2001:db8::a", 7),
    ] {
        near.send(&ADVERT, Some(to(source)), to(destination), limit).unwrap();
        let heard = one(&far);
        assert_eq!(heard.source, to(source));
        assert_eq!(heard.to, Some((to(destination), FAR)));
        assert_eq!(heard.hop_limit, Some(limit.into()));
        // The kernel has put the checksum right.
        let without = |bytes: &[u8]| [&bytes[..6], &bytes[8..]].concat();
        assert_eq!((without(&heard.bytes), heard.fragment), (without(&ADVERT), None));
        let frame = on_the_cable(&tap);
        assert_eq!(frame[14..22], [0x6c, 0, 0, 0, 0, 8, 112, limit], "{frame:?}");
        let mac = if destination == GROUP_V6 { [0x33, 0x33, 0, 0, 0, 0x12] } else { FAR_MAC };
        assert_eq!(frame[..6], mac);
    }
    near.send(&ADVERT, None, to(GROUP_V6), 255).unwrap();
    assert_eq!(one(&far).source, to("fe80::aa"));
    assert!(near.send(&ADVERT, Some(to("fe80::1")), to(GROUP_V6), 255).is_err());
    assert!(Ear::of(&near).heard().is_empty(), "its own multicast came back");
}

/// What the kernel knows of the groups that are joined, as pairs of interface and group.
fn joined(space: &NetNs, file: &str) -> String {
    let path = format!("/proc/thread-self/net/{file}");
    let read = || std::fs::read_to_string(path).map_err(|e| vipd_lab::Error::new(e.to_string()));
    space.enter(read).unwrap()
}

const VMAC: &str = "\
link add link near name vrrp index 30 address 00:00:5e:00:02:33 type macvlan mode private
link set vrrp addrgenmode none
link set vrrp up
";

/// The adverts of a virtual MAC: from its interface, with the address of the one below.
#[test]
fn interface_with_a_virtual_mac() {
    let wire = Wire::new();
    with_ipv4(&wire);
    ip(&wire.near, VMAC);
    let tap = Tap::on(&wire.far, FAR);
    for (family, group, source) in
        [(Family::V4, GROUP_V4, "192.0.2.3"), (Family::V6, GROUP_V6, "fe80::a")]
    {
        let vmac = (&name("vrrp"), 30);
        let near = receiver_on(&wire.near, vmac, family, Some(NEAR), 255);
        let far = far_receiver(&wire, family);
        near.send(&ADVERT, Some(to(source)), to(group), 255).unwrap();
        assert_eq!(one(&far).source, to(source));
        // Without the checksum, which the kernel puts in over IPv6.
        let is_ours = |frame: &Vec<u8>| {
            let message = frame.last_chunk::<8>();
            message.is_some_and(|message| message[..6] == ADVERT[..6])
        };
        wait_until(LIMIT, "a frame of the virtual MAC", || {
            tap.heard([0, 0, 0x5e, 0, 2, 0x33]).iter().any(is_ours)
        })
        .unwrap();
        let six = joined(&wire.near, "igmp6");
        let lines = six.lines().filter(|line| line.contains("ff020000000000000000000000000012"));
        let names: Vec<_> = lines.filter_map(|line| line.split_whitespace().nth(1)).collect();
        assert_eq!(names, if family == Family::V6 { vec!["near", "vrrp"] } else { vec![] });
        let four = joined(&wire.near, "igmp").matches("120000E0").count();
        assert_eq!(four, if family == Family::V4 { 2 } else { 0 });
    }
}

/// Neither the engine nor anybody else gets another filter onto it.
#[test]
fn socket_is_what_the_engine_relies_on() {
    let wire = Wire::new();
    for family in [Family::V4, Family::V6] {
        let ear = Ear::of(&receiver(&wire.near, family, 255));
        assert!(setsockopt(&ear.0, sockopt::RcvBuf, &4096).is_ok());
        let socket = socket2::Socket::from(ear.0.try_clone().unwrap());
        assert!(socket.detach_filter().is_err());
        assert!(socket.attach_filter(&[socket2::SockFilter::new(6, 0, 0, 0xffff)]).is_err());
        assert_eq!(getsockopt(&ear.0, sockopt::Priority).unwrap(), 7);
        assert_eq!(socket.device().unwrap().as_deref(), Some(&b"near"[..]));
    }
}

/// A local MASTER holds the address with which its owner advertises.
#[test]
fn adverts_of_the_owner_of_an_address_that_is_here() {
    let wire = Wire::new();
    with_ipv4(&wire);
    ip(&wire.far, "address add 192.0.2.1/24 dev far\n");
    let near = Ear::of(&receiver(&wire.near, Family::V4, 255));
    let far = receiver_on(&wire.far, (&name("far"), FAR), Family::V4, None, 255);
    let mut kernel = super::linux(&wire.near);
    assert_eq!(kernel.add(&[super::address("192.0.2.1/32")], None), [Ok(())]);
    let advertise = |source| far.send(&ADVERT, Some(to(source)), to(GROUP_V4), 255).unwrap();
    let accept =
        |on| wire.near.enter(|| Ok(sysctl::accept_local(&name("near"), on).unwrap())).unwrap();
    // The second one tells that the first has been dealt with.
    advertise("192.0.2.1");
    advertise("192.0.2.2");
    assert_eq!(one(&near).source, to("192.0.2.2"));
    assert!(accept(true) && !accept(true));
    advertise("192.0.2.1");
    assert_eq!(one(&near).source, to("192.0.2.1"));
    assert!(accept(false));
    advertise("192.0.2.1");
    advertise("192.0.2.2");
    assert_eq!(one(&near).source, to("192.0.2.2"));
}

/// IPv6 has no such rule: the engine sees to it.
#[test]
fn adverts_with_an_ipv6_source_that_is_here() {
    let wire = Wire::new();
    ip(&wire.far, "address add fe80::1/64 dev far nodad\n");
    let near = Ear::of(&receiver(&wire.near, Family::V6, 255));
    let far = receiver_on(&wire.far, (&name("far"), FAR), Family::V6, None, 255);
    let mut kernel = super::linux(&wire.near);
    assert_eq!(kernel.add(&[super::address("fe80::1/128")], None), [Ok(())]);
    far.send(&ADVERT, Some(to("fe80::1")), to(GROUP_V6), 255).unwrap();
    assert_eq!(one(&near).source, to("fe80::1"));
}
