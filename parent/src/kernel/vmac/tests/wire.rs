//! Virtual MACs between two hosts: who answers with which MAC, and what a BACKUP hears and lets out.

use super::super::super::two_hosts_tests::{Frame, Hosts, LIMIT, NEAR, PHYSICAL, ip};
use super::*;
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};
use std::net::{SocketAddr, SocketAddrV6, UdpSocket};
use vipd_lab::run::tool;
use vipd_lab::wait_until;

fn macs(frames: &[Frame], is_it: impl Fn(&Frame) -> bool) -> BTreeSet<[u8; 6]> {
    frames.iter().filter(|frame| is_it(frame)).map(Frame::from).collect()
}

/// RFC 3768 8.2, RFC 9568 8.1.2: never the physical MAC.
#[test]
fn arp_tells_the_virtual_mac_only() {
    let hosts = Hosts::new();
    let mut linux = hosts.near(|| Linux::open().unwrap());
    let index = hosts.near(|| made(&mut linux, &vmac()));
    hosts.near(|| add(&mut linux, VIP.into(), vmac().name, index));
    let of = |ip: Ipv4Addr| move |frame: &Frame| frame.arp_reply() == Some(ip);
    for _ in 0..100 {
        assert_eq!(hosts.resolve(VIP.into()).arp_sender(), Some((MAC, VIP)));
    }
    hosts.resolve(NEAR.into());
    hosts.settle();
    let frames = hosts.frames();
    assert_eq!(macs(&frames, of(VIP)), BTreeSet::from([MAC]));
    assert_eq!(macs(&frames, of(NEAR)), BTreeSet::from([PHYSICAL]));
    assert!(frames.iter().filter(|frame| of(VIP)(frame)).count() >= 100);

    // When the MASTER asks for a neighbour, it does not tell the VIP with the physical MAC.
    hosts.far(|| ip("addr add 10.9.8.3/24 dev far"));
    hosts.forget();
    hosts.near(|| {
        let socket = UdpSocket::bind((VIP, 0)).unwrap();
        socket.send_to(b"x", (Ipv4Addr::new(10, 9, 8, 3), 82)).unwrap();
    });
    hosts.wait_frame("a datagram of the VIP", |frame| frame.source() == Some(VIP.into()));
    let told: Vec<_> = hosts.frames().iter().filter_map(Frame::arp_sender).collect();
    assert!(!told.is_empty());
    assert!(told.iter().all(|(mac, ip)| *ip != VIP || *mac == MAC), "{told:?}");

    // What the setting on the base is for: without it, both answer.
    hosts.near(|| set("base", "arp_ignore", "0"));
    hosts.forget();
    hosts.resolve(VIP.into());
    for mac in [MAC, PHYSICAL] {
        hosts.wait_frame("both answers", |frame| frame.arp_sender() == Some((mac, VIP)));
    }
}

#[test]
fn neighbours_learn_the_virtual_mac_only() {
    let hosts = Hosts::new();
    let mut linux = hosts.near(|| Linux::open().unwrap());
    let index = hosts.near(|| made(&mut linux, &vmac6()));
    hosts.near(|| add(&mut linux, VIP6.into(), vmac6().name, index));
    let of_vip = |frame: &Frame| frame.advertisement() == Some(VIP6);
    for _ in 0..100 {
        assert_eq!(hosts.resolve(VIP6.into()).from(), MAC6);
    }
    hosts.settle();
    assert_eq!(macs(&hosts.frames(), of_vip), BTreeSet::from([MAC6]));
    assert_eq!(hosts.near(|| setting("ipv6", "vrrp6.51", "forwarding")), "0");
}

fn join4(index: u32) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
    let group = Ipv4Addr::new(239, 1, 2, 3);
    socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(index)).unwrap();
    socket
}

fn join6(index: u32) -> Socket {
    let socket = Socket::new(Domain::IPV6, Type::DGRAM, None).unwrap();
    socket.join_multicast_v6(&"ff15::123".parse().unwrap(), index).unwrap();
    socket
}

const BASE6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 1);

/// The far host does what makes a virtual MAC speak: it asks all nodes, and for the address that
/// the virtual MAC has borrowed; the near host joins groups there.
fn provoke(hosts: &Hosts, index: u32) {
    let joined = hosts.near(|| (join4(index), join6(index)));
    let ask = |to: Ipv6Addr| {
        hosts.far(|| {
            ip("neigh flush dev far");
            let socket = Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::ICMPV6)).unwrap();
            let to = SocketAddrV6::new(to, 0, 0, 20);
            socket.send_to(&[128, 0, 0, 0, 0, 0, 0, 0], &to.into()).unwrap();
        });
    };
    ask("ff02::1".parse().unwrap());
    hosts.wait_frame("the host's answer", Frame::is_echo_reply);
    // A host that asks us meanwhile tells its address with it, and needs not be asked.
    wait_until(LIMIT, "an advertisement of the base", || {
        ask(BASE6);
        hosts.settle();
        hosts.frames().iter().any(|frame| frame.advertisement() == Some(BASE6))
    })
    .unwrap();
    hosts.settle();
    drop(joined);
}

#[test]
fn a_backup_never_shows_the_virtual_mac() {
    let hosts = Hosts::new();
    let mut linux = hosts.near(|| Linux::open().unwrap());
    let index = hosts.near(|| made(&mut linux, &vmac6()));
    hosts.forget();
    provoke(&hosts, index);
    let spoken = |hosts: &Hosts| {
        let mut frames = hosts.frames();
        frames.retain(|frame| frame.from() == MAC6);
        frames
    };
    // The reports of the groups are sent by a timer, so wait until the kernel has dropped some.
    let dropped = |what: &str| {
        let rules =
            hosts.near(|| tool("nft", &["-n", "list", "chain", "inet", "vipd", "output"], ""));
        let rules = rules.unwrap();
        let line = rules.lines().find(|line| line.contains(what)).unwrap();
        !line.contains("packets 0 ")
    };
    for what in ["l4proto 2 ", "type 143 ", "saddr @borrowed counter"] {
        wait_until(LIMIT, what, || dropped(what)).unwrap();
    }
    assert_eq!(spoken(&hosts), []);
    assert!(hosts.frames().iter().any(|frame| frame.advertisement() == Some(BASE6)));
    // Adverts leave.
    hosts.near(|| {
        let socket = Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::from(112))).unwrap();
        let to = SocketAddrV6::new("ff02::12".parse().unwrap(), 0, 0, index);
        socket.send_to(&[0x31, 51, 100, 1, 0, 100, 0, 0], &to.into()).unwrap();
    });
    hosts.wait_frame("an advert", |f| f.from() == MAC6 && f.protocol() == Some((112, 0x31)));

    // What the rules are for.
    hosts.near(|| linux.firewall(&Rules::default())).unwrap();
    hosts.forget();
    provoke(&hosts, index);
    type IsIt = fn(&Frame) -> bool;
    let shown: [(&str, IsIt); 4] = [
        ("an answer to all", Frame::is_echo_reply),
        ("an advertisement", |frame| frame.advertisement() == Some(BASE6)),
        ("a report of IGMP", |frame| frame.protocol().is_some_and(|(number, _)| number == 2)),
        ("a report of MLD", |frame| frame.protocol() == Some((58, 143))),
    ];
    for (what, is_it) in shown {
        hosts.wait_frame(what, |frame| frame.from() == MAC6 && is_it(frame));
    }
}

/// How many packets the kernel has dropped for the way they came.
fn reverse_path_drops() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/net/netstat").unwrap();
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let mut both = names.split(' ').zip(values.split(' '));
    both.find(|(name, _)| *name == "IPReversePathFilter").unwrap().1.parse().unwrap()
}

/// With `all.rp_filter` an interface without an address hears no neighbour.
#[test]
fn a_backup_hears_adverts_on_it() {
    let hosts = Hosts::new();
    let group = Ipv4Addr::new(224, 0, 0, 18);
    let mut linux = hosts.near(|| {
        set("all", "rp_filter", "1");
        Linux::open().unwrap()
    });
    let index = hosts.near(|| made(&mut linux, &vmac()));
    let socket = hosts.near(|| {
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(112))).unwrap();
        socket.bind_device(Some(b"vrrp.51")).unwrap();
        socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(index)).unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        socket
    });
    let advertise = || {
        hosts.far(|| {
            let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(112))).unwrap();
            socket.set_multicast_if_v4(&Ipv4Addr::new(10, 9, 8, 2)).unwrap();
            let to = SocketAddr::from((group, 0));
            socket.send_to(&[0x21, 51, 100, 1, 0, 1, 0, 0], &to.into()).unwrap();
        });
    };
    advertise();
    let mut buffer = [std::mem::MaybeUninit::new(0); 100];
    assert_eq!(socket.recv(&mut buffer).unwrap(), 28);
    assert_eq!(hosts.near(reverse_path_drops), 0);
    // What the setting is for.
    hosts.near(|| set("all", "rp_filter", "2"));
    advertise();
    let dropped = || hosts.near(reverse_path_drops) > 0;
    wait_until(LIMIT, "the advert's end", dropped).unwrap();
}
