//! Who answers for the virtual addresses, and who is silent: ARP, neighbour discovery, and packets
//! that a BACKUP must not take. The addresses have the interface's own MAC here.

use crate::ear::Ear;
use crate::frames::ip_of;
use crate::rig::{BEGINNING, Lan, V3, advert, instance, ip, send};
use std::net::{IpAddr, Ipv6Addr};
use vipd_lab::capture::Packet;
use vipd_lab::frame::{Content, Mac};
use vipd_lab::{Node, Stamp};

const FOUR2: &str = "10.88.88.100";
const FOUR3: &str = "10.88.88.101";
const SIX: [&str; 2] = ["fe80::88:102", "fd88:88::102"];
const ALL: [&str; 4] = [FOUR2, FOUR3, SIX[0], SIX[1]];

fn config(lines: &str) -> String {
    let v3 = format!("{V3}; {lines}");
    instance("A", 51, lines, &[FOUR2])
        + &instance("B", 52, &v3, &[FOUR3])
        + &instance("C", 53, &v3, &SIX)
}

/// What a frame says unasked or asked: this address is at this MAC.
pub(crate) fn answer(packet: &Packet) -> Option<(IpAddr, Option<Mac>)> {
    match &packet.frame.content {
        Content::Arp(arp) if !arp.request => Some((arp.sender.into(), Some(arp.sender_mac))),
        Content::Neighbour(one) if one.advertisement => Some((one.target.into(), one.link_layer)),
        Content::Arp(_)
        | Content::Neighbour(_)
        | Content::Advert(_)
        | Content::Membership(_)
        | Content::Other => None,
    }
}

/// The answers for `address` that came out of a host's cable.
pub(crate) fn answers(lan: &Lan, number: usize, address: &str, since: Stamp) -> Vec<Packet> {
    let port = lan.node(number).plug().port();
    let mut all = lan.capture.packets();
    all.retain(|one| one.at >= since && one.port == port);
    all.retain(|one| answer(one).is_some_and(|(what, _)| what == ip(address)));
    all
}

/// The multicast groups of all interfaces of a node.
pub(crate) fn groups6(node: &Node) -> String {
    let path = "/proc/net/igmp6";
    node.shell(&format!("cat {path}")).unwrap()
}

fn solicited_node(address: &str) -> String {
    let address: Ipv6Addr = address.parse().unwrap();
    let [.., a, b, c] = address.octets();
    format!("ff0200000000000000000001ff{a:02x}{b:02x}{c:02x}")
}

/// Twenty times each address, and as a host that wants it for itself.
#[test]
fn v2_sm_03_v3_sm_03_v3_sm_04_v3_sm_14_only_the_master_answers() {
    let lan = Lan::running(&[&config("priority 200"), &config("priority 100")]);
    lan.owned_by(0, &ALL);
    let ear = Ear::open(&lan.client);
    let begin = Stamp::now();
    for _ in 0..20 {
        ALL.iter().for_each(|address| ear.ask(address));
    }
    for address in SIX {
        lan.wait("answers", || answers(&lan, 0, address, begin).len() >= 20);
        ear.probe(address.parse().unwrap());
        lan.wait("an answer to a probe", || answers(&lan, 0, address, begin).len() >= 21);
    }
    for (number, own) in [(0, "10.88.88.20"), (1, "10.88.88.30")] {
        ear.settle(lan.mac(number), own);
    }
    for address in ALL {
        let all = answers(&lan, 0, address, begin);
        assert!(all.len() >= 20, "{address}: {}", all.len());
        assert!(all.iter().all(|one| answer(one).unwrap().1 == Some(lan.mac(0))));
        assert_eq!(answers(&lan, 1, address, BEGINNING), [], "{address}");
    }
}

/// Sent to its own MAC, since nobody else would bring them there: no answer, good or bad.
#[test]
fn v2_sm_05_v3_sm_07_a_backup_does_not_take_what_is_for_the_addresses() {
    let lan = Lan::running(&[&config("priority 200"), &config("priority 100")]);
    lan.owned_by(0, &ALL);
    let ear = Ear::open(&lan.client);
    for (number, answered) in [(0, true), (1, false)] {
        for address in ALL {
            ear.knock(lan.mac(number), address);
            let heard = || ear.packets(|one| one.source == ip(address) && one.is_answer()).len();
            let own = if number == 0 { "10.88.88.20" } else { "10.88.88.30" };
            if answered {
                // The ping and the two connections.
                lan.wait(&format!("answers of {address}"), || heard() >= 3);
            }
            let before = heard();
            ear.settle(lan.mac(number), own);
            assert!(answered || heard() == before, "host {number} answers for {address}");
        }
    }
    let mac = lan.mac(1);
    let strange = ear.packets(|one| ALL.iter().any(|address| one.source == ip(address)));
    assert!(strange.iter().all(|frame| frame[6..12] != mac.0), "{strange:02x?}");
}

/// Neither in a term, nor at its end: a last one with lifetime 0 would take the new MASTER from
/// the hosts.
#[test]
fn v3_sm_05_no_router_advertisement() {
    let six = |lines: &str| instance("C", 53, &format!("{V3}; {lines}"), &SIX);
    let mut lan = Lan::running(&[&six("priority 200"), &six("priority 100")]);
    for number in [0, 1] {
        lan.node(number).shell("echo 1 > /proc/sys/net/ipv6/conf/all/forwarding").unwrap();
    }
    lan.owned_by(0, &SIX);
    // What would make a router that sends them speak (RFC 4861 section 6.2.6).
    let ear = Ear::open(&lan.client);
    ear.ask(SIX[0]);
    let better = advert(&lan.client, "ff02::12", 53, 254, &SIX);
    send(&lan.client, &better);
    lan.wait("the end of a term", || !lan.node(0).watch().holds(ip(SIX[1])));
    lan.owned_by(0, &SIX);
    lan.stop(0);
    lan.owned_by(1, &SIX);
    lan.stop(1);
    let is_one = |one: &Packet| ip_of(&one.bytes).is_some_and(|p| p.is_router_advertisement());
    assert!(!lan.capture.packets().iter().any(is_one));
}

/// The groups by which neighbours ask for the addresses, in the kernel and in a report for the
/// switches; also those of an owner, who has never been BACKUP.
#[test]
fn v3_sm_15_v3_sm_10_the_master_is_member_of_the_groups_of_its_addresses() {
    for priority in ["priority 200", "priority 255"] {
        let mut lan = Lan::boot(1);
        let member = |count: usize, lan: &Lan| {
            lan.wait(&format!("{count} groups, {priority}"), || {
                let groups = groups6(lan.node(0));
                let found = SIX.iter().filter(|six| groups.contains(&solicited_node(six)));
                found.count() == count
            });
        };
        lan.start(0, &instance("C", 53, &format!("{V3}; {priority}"), &SIX));
        lan.owned_by(0, &SIX);
        member(2, &lan);
        let group: IpAddr = "ff02::1:ff88:102".parse().unwrap();
        lan.wait("a report", || {
            let all = lan.capture.memberships(BEGINNING);
            all.iter().any(|(_, report)| report.groups.contains(&group))
        });
        lan.stop(0);
        member(0, &lan);
    }
}
