//! Hosts that forward between two networks: what they must not forward, and what they must.

use crate::ear::Ear;
use crate::frames::Ends;
use crate::rig::{BEGINNING, INTERVAL, LIMIT, Lan, V3, advert, instance, ip, send};
use std::net::IpAddr;
use vipd_lab::frame::{Content, Mac};
use vipd_lab::net::Plug;
use vipd_lab::{Net, Node, Stamp, wait_until};

const VIPS: [&str; 4] = ["10.88.88.100", "10.88.88.101", "fe80::88:102", "fd88:88::102"];
const FORWARD: &str = "echo 1 > /proc/sys/net/ipv4/ip_forward && \
                       echo 1 > /proc/sys/net/ipv6/conf/all/forwarding";

/// The second network with its only host, and the end of node 1's cable there.
struct Beyond {
    far: Node,
    plug: Plug,
    net: Net,
}

fn beyond(lan: &Lan) -> Beyond {
    let net = Net::new().unwrap();
    let far = net.boot("far", "10.99.99.77/24").unwrap();
    let plug = net.add_cable(lan.node(0), "enp0s26", "10.99.99.20/24").unwrap();
    far.shell("ip route add 10.88.88.0/24 via 10.99.99.20").unwrap();
    lan.node(0).shell(FORWARD).unwrap();
    Beyond { far, plug, net }
}

/// The hardware address of node 1 there.
fn mac_beyond(lan: &Lan) -> Mac {
    let links = lan.node(0).watch().links_now().unwrap();
    links.iter().find(|link| link.name == "enp0s26").unwrap().mac.unwrap()
}

fn config() -> String {
    let v3 = format!("{V3}; no_accept");
    instance("A", 51, "no_accept", &VIPS[..1])
        + &instance("B", 52, &v3, &VIPS[1..2])
        + &instance("C", 53, &v3, &VIPS[2..])
}

/// Adverts of others, and the own ones, whatever their TTL. That the host does forward is shown by
/// a ping.
#[test]
fn v2_pkt_01_v3_pkt_01_adverts_are_not_forwarded() {
    let mut lan = Lan::boot(1);
    let beyond = beyond(&lan);
    let capture = beyond.net.capture().unwrap();
    lan.start(0, &config());
    lan.owned_by(0, &VIPS);
    for ttl in [255, 254, 2, 1] {
        for (group, vips) in [("224.0.0.18", &VIPS[1..2]), ("ff02::12", &VIPS[2..])] {
            let mut forged = advert(&lan.client, group, 77, 100, vips);
            forged.ttl = ttl;
            send(&lan.client, &forged);
        }
    }
    let (ear, there) = (Ear::open(&lan.client), Ear::open(&beyond.far));
    for target in ["10.99.99.77", "fd88:88::77"] {
        if target.contains(':') {
            let route = "ip -6 route add fd88:88::77/128 dev enp0s26";
            lan.node(0).shell(route).unwrap();
        }
        ear.send(&ear.ends(lan.mac(0), target).echo());
        let arrived = || !there.packets(|one| one.target == ip(target) && one.is_echo()).is_empty();
        lan.wait(&format!("a ping for {target}"), arrived);
    }
    lan.advertises(0, 51, 3, BEGINNING);
    assert_eq!(capture.adverts(BEGINNING), []);
    assert!(!lan.capture.adverts(BEGINNING).is_empty() && !beyond.plug.port().is_empty());
}

/// A packet for a virtual address that comes in by another interface: its place is here, so it goes
/// nowhere, and here it is not accepted. Nobody on the LAN is asked for the address either.
#[test]
fn v2_ops_08_v3_ops_22_what_is_for_the_addresses_is_not_forwarded() {
    let mut lan = Lan::boot(1);
    let beyond = beyond(&lan);
    lan.start(0, &config());
    lan.owned_by(0, &VIPS);
    let (ear, there) = (Ear::open(&lan.client), Ear::open(&beyond.far));
    let begin = Stamp::now();
    let to = mac_beyond(&lan);
    for address in VIPS {
        there.knock(to, address);
    }
    there.settle(to, "10.99.99.20");
    // It does forward: the client hears from beyond.
    there.send(&there.ends(to, "10.88.88.10").echo());
    let arrived = || !ear.packets(|one| one.source == there.ipv4 && one.is_echo()).is_empty();
    lan.wait("a ping from beyond", arrived);
    let is_virtual = |address: IpAddr| VIPS.iter().any(|vip| ip(vip) == address);
    assert_eq!(ear.packets(|one| is_virtual(one.target)), Vec::<Vec<u8>>::new());
    let answered = there.packets(|one| is_virtual(one.source));
    assert_eq!(answered, Vec::<Vec<u8>>::new());
    let asked = lan.capture.packets().into_iter().filter(|one| one.at > begin);
    let asked = asked.filter(|packet| match &packet.frame.content {
        Content::Arp(arp) => arp.request && !arp.gratuitous() && is_virtual(arp.target.into()),
        Content::Neighbour(one) => !one.advertisement && is_virtual(one.target.into()),
        Content::Advert(_) | Content::Membership(_) | Content::Other => false,
    });
    assert_eq!(asked.count(), 0);
}

/// Frames to the virtual MAC with a packet for somebody else: the MASTER forwards them, the BACKUP
/// does not, though here they reach both. Nobody is redirected past the virtual router, because
/// the host is (ICMP redirects would name the MASTER's own address, and keep the host there).
#[test]
fn v2_sm_04_v2_sm_12_v3_sm_06_v3_sm_19_v2_ops_01_v3_ops_01_v3_ops_10_frames_to_the_virtual_mac() {
    let mut lan = Lan::boot(2);
    let target = lan.net.boot("target", "10.88.88.60/24").unwrap();
    for number in [0, 1] {
        let redirects =
            "for all in /proc/sys/net/ipv4/conf/*/send_redirects; do echo 1 > $all; done";
        lan.node(number).shell(FORWARD).unwrap();
        lan.node(number).shell(redirects).unwrap();
    }
    let config = |lines: &str| {
        let v3 = format!("{V3}; use_vmac; {lines}");
        instance("A", 51, &v3, &["10.88.88.100"])
            + &instance("B", 51, &v3, &["fe80::88:100", "fd88:88::100"])
    };
    lan.start(0, &config("priority 200"));
    lan.start(1, &config("priority 100"));
    lan.owned_by(0, &["10.88.88.100", "fe80::88:100", "fd88:88::100"]);
    lan.advertises(0, 51, 6, BEGINNING);
    let (ear, there) = (Ear::open(&lan.client), Ear::open(&target));
    let heard = |from: Mac| {
        let mut all = there
            .packets(|one| one.is_echo() && (one.source == ear.ipv4 || one.source == ear.ipv6));
        all.retain(|frame| frame[6..12] == from.0);
        all.len()
    };
    for (number, (virtual_mac, address)) in
        [(Mac::virtual4(51), "10.88.88.60"), (Mac::virtual6(51), "fd88:88::60")]
            .into_iter()
            .enumerate()
    {
        let frame = ear.ends(virtual_mac, address).echo();
        ear.send(&frame);
        lan.wait(&format!("a ping of {address} by the MASTER"), || heard(lan.mac(0)) == number + 1);
        // As a switch does that has forgotten where the virtual MAC is.
        let cable = Ear::at_port(&lan.net, lan.node(1), &lan.client);
        cable.send(&frame);
    }
    let cable = Ear::at_port(&lan.net, lan.node(1), &lan.client);
    let own = Ends { from: ear.mac, to: lan.mac(1), source: ear.ipv4, target: ip("10.88.88.30") };
    let replies = || ear.packets(|one| one.source == ip("10.88.88.30") && one.is_answer()).len();
    let before = replies();
    cable.send(&own.echo());
    wait_until(LIMIT, "the BACKUP's own answer", || replies() > before).unwrap();
    lan.pass(INTERVAL);
    assert_eq!(heard(lan.mac(1)), 0, "the BACKUP forwards");
    assert_eq!(heard(lan.mac(0)), 2);
    assert_eq!(ear.packets(|one| one.is_redirect()), Vec::<Vec<u8>>::new());
}
