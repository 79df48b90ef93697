//! A router that owns the virtual address comes back while vipd is MASTER: its adverts have a source
//! that is an address of vipd's host by then, and vipd must yield to them all the same.
#![cfg(test)]

use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use vipd_lab::clock::{Stamp, wait_until};
use vipd_lab::net::Net;
use vipd_lab::scenario::{LIMIT, VIP};
use vipd_lab::{Daemon, Node, packages};

const CONFIG: &str = "\
vrrp_instance VI_1 {
    interface enp0s25
    virtual_router_id 51
    priority 100
    virtual_ipaddress {
        10.88.88.100
    }
}
";
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
/// RFC 3768 5.1: version 2, VRID 51, priority 255, one address, every second.
const ADVERT: [u8; 20] =
    [0x21, 51, 255, 1, 0, 1, 0x7d, 0x0d, 10, 88, 88, 100, 0, 0, 0, 0, 0, 0, 0, 0];

/// Sends as 10.88.88.100, which the node has.
fn owner(node: &Node) -> Socket {
    node.shell("ip address add 10.88.88.100/24 dev enp0s25").unwrap();
    let open = || {
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(112))).unwrap();
        socket.set_multicast_ttl_v4(255).unwrap();
        socket.bind(&SocketAddrV4::new(VIP, 0).into()).unwrap();
        // The index decides where multicast leaves.
        socket.join_multicast_v4_n(&GROUP, &InterfaceIndexOrAddress::Index(2)).unwrap();
        Ok(socket)
    };
    node.namespace().enter(open).unwrap()
}

fn accept_local(node: &Node) -> String {
    let text = node.shell("cat /proc/sys/net/ipv4/conf/enp0s25/accept_local").unwrap();
    text.trim().to_owned()
}

#[test]
fn master_yields_to_the_owner_of_its_address() {
    packages::ensure().unwrap();
    let net = Net::new().unwrap();
    let node = net.boot("node1", "10.88.88.20/24").unwrap();
    let other = net.boot("owner", "10.88.88.30/24").unwrap();
    assert_eq!(accept_local(&node), "0");
    let mut running = Daemon::vipd().unwrap().start(&node, CONFIG).unwrap();
    let holds = || node.watch().holds(IpAddr::V4(VIP));
    wait_until(LIMIT, "the address", holds).unwrap();
    wait_until(LIMIT, "open ears", || accept_local(&node) == "1").unwrap();

    let since = Stamp::now();
    let socket = owner(&other);
    let mut last = None;
    wait_until(LIMIT, "vipd as BACKUP", || {
        let now = Stamp::now();
        if last.is_none_or(|last| now.since(last).as_millis() >= 500) {
            socket.send_to(&ADVERT, &SocketAddrV4::new(GROUP, 0).into()).unwrap();
            last = Some(now);
        }
        node.syslog().find_since(since, "Entering BACKUP STATE").is_some() && !holds()
    })
    .unwrap();
    // What nobody needs any more is taken back.
    wait_until(LIMIT, "the old setting", || accept_local(&node) == "0").unwrap();
    running.stop(&node).unwrap();
}
