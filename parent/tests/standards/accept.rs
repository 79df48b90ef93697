//! Accept_Mode (RFC 9568 section 6.1): what a MASTER takes that is sent to the virtual addresses.

use crate::ear::Ear;
use crate::frames::Ip;
use crate::neighbours::answers;
use crate::rig::{Lan, V3, instance, ip};
use vipd_lab::Stamp;
use vipd_lab::frame::Mac;
use vipd_lab::service::{Kind, Service};

/// Addresses and the VRID of their instance.
const SHUT: [(&str, u8); 4] =
    [("10.88.88.100", 51), ("10.88.88.101", 52), ("fe80::88:102", 53), ("fd88:88::102", 53)];
const OPEN: [(&str, u8); 3] = [("10.88.88.103", 54), ("fe80::88:104", 55), ("fd88:88::104", 55)];
const OWNED: [(&str, u8); 4] =
    [("10.88.88.105", 56), ("10.88.88.106", 57), ("fe80::88:107", 58), ("fd88:88::107", 58)];

/// Of both versions and families, each kind of acceptance; `lines` are for all.
fn config(lines: &str) -> String {
    let all = [&SHUT[..], &OPEN, &OWNED].concat();
    let one = |vrid: u8, mode: &str| {
        let of = all.iter().filter(|(_, other)| *other == vrid);
        let of: Vec<&str> = of.map(|(address, _)| *address).collect();
        let version = if [51, 56].contains(&vrid) { "advert_int 1" } else { V3 };
        instance(&format!("I{vrid}"), vrid, &format!("{version}; {lines}; {mode}"), &of)
    };
    let shut = (51..=53).map(|vrid| one(vrid, "no_accept; priority 200"));
    let open = (54..=55).map(|vrid| one(vrid, "accept; priority 200"));
    let owned = (56..=58).map(|vrid| one(vrid, "no_accept; priority 255"));
    shut.chain(open).chain(owned).collect()
}

fn is_error(packet: &Ip<'_>) -> bool {
    matches!((packet.protocol, packet.message.first()), (1, Some(3)) | (58, Some(1)))
}

/// A ping, two connections and a datagram to each address: nothing comes back from those that are
/// shut, and each of the others answers all four.
fn knock_everywhere(lines: &str, mac: impl Fn(&Lan, &str, u8) -> Mac) {
    let lan = Lan::running(&[&config(lines)]);
    let service = Service::start(Kind::Haproxy, lan.node(0)).unwrap();
    let all: Vec<&str> =
        [&SHUT[..], &OPEN, &OWNED].concat().iter().map(|(address, _)| *address).collect();
    lan.owned_by(0, &all);
    let ear = Ear::open(&lan.client);
    for (address, vrid) in SHUT {
        let asked = Stamp::now();
        ear.ask(address);
        // RFC 9568 section 6.4.3: neighbour discovery is not dropped.
        lan.wait(&format!("where {address} is"), || !answers(&lan, 0, address, asked).is_empty());
        ear.knock(mac(&lan, address, vrid), address);
    }
    ear.settle(lan.mac(0), "10.88.88.20");
    let is_shut = |one: &Ip<'_>| SHUT.iter().any(|(address, _)| one.source == ip(address));
    let heard = ear.packets(|one| is_error(one) || one.is_answer() && is_shut(one));
    assert!(heard.is_empty(), "{heard:02x?}");
    for (address, vrid) in [&OPEN[..], &OWNED].concat() {
        ear.knock(mac(&lan, address, vrid), address);
        let heard = || ear.packets(|one| one.source == ip(address) && one.is_answer()).len();
        lan.wait(&format!("four answers of {address}"), || heard() >= 4);
    }
    drop(service);
}

#[test]
fn v2_sm_13_v2_sm_14_v3_sm_18_v3_sm_20_v3_sm_21_what_a_master_accepts() {
    knock_everywhere("garp_master_delay 5", |lan, _, _| lan.mac(0));
}

#[test]
fn v2_sm_13_v2_sm_14_v3_sm_18_v3_sm_20_v3_sm_21_and_with_virtual_macs() {
    let of = |address: &str| if ip(address).is_ipv4() { Mac::virtual4 } else { Mac::virtual6 };
    knock_everywhere("use_vmac", |_, address, vrid| of(address)(vrid));
}

/// While there is something to drop, and no longer: also when nobody is left who could remove it.
#[test]
fn hard_20_the_firewall_table_is_there_while_it_is_needed() {
    let config = |mode: &str| {
        let v3 = format!("{V3}; priority 200; {mode}");
        instance("A", 51, &v3, &["10.88.88.100"])
            + &instance("B", 51, &v3, &["fe80::88:100", "fd88:88::100"])
    };
    let mut lan = Lan::running(&[&config("no_accept")]);
    let tables = |lan: &Lan| lan.node(0).shell("nft list ruleset").unwrap();
    let all = ["10.88.88.100", "fe80::88:100", "fd88:88::100"];
    lan.owned_by(0, &all);
    let table = tables(&lan);
    assert!(all.iter().all(|address| table.contains(address)), "{table}");
    lan.reload(0, &config("accept"));
    lan.wait("the end of the table", || tables(&lan).is_empty());
    lan.reload(0, &config("no_accept"));
    lan.wait("the table again", || tables(&lan).contains("10.88.88.100"));
    let host = &mut lan.hosts[0];
    host.daemon.as_mut().unwrap().kill_all(&host.node).unwrap();
    lan.wait("the end of the table of the dead", || tables(&lan).is_empty());
}
