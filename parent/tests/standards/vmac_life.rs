//! Interfaces with virtual MACs come and go: at start and end, after a crash, when somebody deletes
//! one, when its name is taken, and in reloads.

use crate::ear::Ear;
use crate::neighbours::{answer, answers};
use crate::rig::{BEGINNING, LIMIT, Lan, V3, instance, ip};
use std::time::Duration;
use vipd_lab::frame::Mac;
use vipd_lab::netlink::Link;
use vipd_lab::{Daemon, Stamp};

const FOUR: &str = "10.88.88.100";
const SIX: [&str; 2] = ["fe80::88:100", "fd88:88::100"];
const ALL: [&str; 3] = [FOUR, SIX[0], SIX[1]];
const MACS: [Mac; 2] = [Mac::virtual4(51), Mac::virtual6(51)];

fn config(lines: &str) -> String {
    let v3 = format!("{V3}; priority 255; {lines}");
    instance("A", 51, &v3, &[FOUR]) + &instance("B", 51, &v3, &SIX)
}

fn links(lan: &Lan, mac: Mac) -> Vec<Link> {
    let mut all = lan.node(0).watch().links_now().unwrap();
    all.retain(|link| link.mac == Some(mac));
    all
}

/// What virtual MACs may change of the host's.
fn settings(lan: &Lan) -> String {
    let values = "cd /proc/sys/net && grep . ipv4/conf/*/arp_* ipv4/conf/*/rp_filter \
                  ipv4/conf/*/accept_local ipv4/conf/*/send_redirects ipv6/conf/*/addr_gen_mode \
                  ipv6/conf/*/disable_ipv6 ipv4/conf/*/promote_secondaries | grep -v vrrp";
    lan.node(0).shell(values).unwrap()
}

fn serves(lan: &Lan, since: Stamp) {
    lan.owned_by(0, &ALL);
    lan.wait("adverts from both virtual MACs", || {
        let all = lan.adverts(0, 51, since);
        MACS.iter().all(|mac| all.iter().any(|(_, advert)| advert.mac == *mac))
    });
    for mac in MACS {
        assert_eq!(links(lan, mac).len(), 1, "{mac}");
    }
}

fn left_behind(lan: &Lan) -> bool {
    MACS.iter().any(|mac| !links(lan, *mac).is_empty())
}

/// Made at start, gone at the end with all that was set for them; and after a crash the next start
/// takes what is left for its own.
#[test]
fn made_at_start_and_gone_at_the_end_also_after_a_crash() {
    let mut lan = Lan::boot(1);
    let before = settings(&lan);
    lan.start(0, &config("use_vmac"));
    serves(&lan, BEGINNING);
    let names: Vec<String> = MACS.iter().map(|mac| links(&lan, *mac)[0].name.clone()).collect();
    assert_eq!(names, ["vrrp.51", "vrrp6.51"]);
    let host = &mut lan.hosts[0];
    host.daemon.take().unwrap().kill_all(&host.node).unwrap();
    lan.wait("their end", || lan.node(0).find("vipd").is_empty());
    assert!(left_behind(&lan));
    let again = lan.start(0, &config("use_vmac"));
    serves(&lan, again);
    lan.stop(0);
    assert!(!left_behind(&lan));
    assert_eq!(settings(&lan), before);
}

/// Somebody deletes one: it is made again, and the addresses are on it again.
#[test]
fn made_again_when_somebody_deletes_it() {
    let lan = Lan::running(&[&config("use_vmac")]);
    serves(&lan, BEGINNING);
    for mac in MACS {
        let old = links(&lan, mac)[0].clone();
        let deleted = Stamp::now();
        lan.node(0).shell(&format!("ip link del {}", old.name)).unwrap();
        lan.wait("another interface", || {
            let new = links(&lan, mac);
            new.len() == 1 && new[0].index != old.index && new[0].name == old.name
        });
        serves(&lan, deleted);
    }
}

/// An interface of somebody else has the name that the configuration gives: vipd does not start.
/// Where the configuration gives none, another one is chosen. Theirs stay as they are.
#[test]
fn an_interface_of_others_is_not_touched() {
    let mut lan = Lan::boot(1);
    let make = "ip link add mine type veth peer name vrrp.51 && \
                ip link set mine alias theirs && ip link set vrrp.51 alias theirs";
    lan.node(0).shell(make).unwrap();
    let before = theirs(&lan);
    let v3 = format!("{V3}; priority 255");
    let taken = instance("A", 51, &format!("{v3}; use_vmac mine"), &[FOUR]);
    let mut refused = Daemon::vipd().unwrap().launch(lan.node(0), &taken, &[]).unwrap();
    assert_ne!(refused.wait(LIMIT).unwrap().code(), Some(0));
    assert!(lan.node(0).syslog().find("mine is there already").is_some(), "{}", lan.logs());
    lan.start(0, &config("use_vmac"));
    serves(&lan, BEGINNING);
    assert!(MACS.iter().all(|mac| links(&lan, *mac)[0].name != "vrrp.51"));
    lan.stop(0);
    assert!(!left_behind(&lan));
    assert_eq!(theirs(&lan), before);
    assert_eq!(before.lines().count(), 2);
}

fn theirs(lan: &Lan) -> String {
    lan.node(0).shell("ip -o link show | grep 'alias theirs'").unwrap()
}

/// vmac_xmit_base: the adverts leave with the interface's MAC, and the addresses keep theirs.
#[test]
fn adverts_from_the_base() {
    let lan = Lan::running(&[&config("use_vmac; vmac_xmit_base")]);
    lan.owned_by(0, &ALL);
    lan.advertises(0, 51, 4, BEGINNING);
    let all = lan.adverts(0, 51, BEGINNING);
    assert!(all.iter().all(|(_, advert)| advert.mac == lan.mac(0)), "{all:?}");
    let ear = Ear::open(&lan.client);
    for (address, mac) in [(FOUR, MACS[0]), (SIX[1], MACS[1])] {
        ear.ask(address);
        lan.wait("an answer", || !answers(&lan, 0, address, BEGINNING).is_empty());
        let said = answers(&lan, 0, address, BEGINNING);
        assert!(said.iter().all(|one| answer(one).unwrap().1 == Some(mac)));
    }
}

/// One more in a reload, then one less, then none has one: the one that is not meant goes on.
#[test]
fn a_reload_touches_only_what_it_changes() {
    let mut lan = Lan::boot(1);
    let first = config("use_vmac");
    let third = |lines: &str| {
        first.clone()
            + &instance("C", 52, &format!("{V3}; priority 255; {lines}"), &["10.88.88.101"])
    };
    lan.start(0, &first);
    serves(&lan, BEGINNING);
    let begin = Stamp::now();
    let before = MACS.map(|mac| links(&lan, mac)[0].index);
    for (config, count, held) in [
        (third("use_vmac"), 1, true),
        (third(""), 0, true),
        (third("use_vmac"), 1, true),
        (first.clone(), 0, false),
    ] {
        lan.reload(0, &config);
        lan.wait("the reload", || {
            links(&lan, Mac::virtual4(52)).len() == count
                && lan.node(0).watch().holds(ip("10.88.88.101")) == held
        });
    }
    lan.pass(Duration::from_millis(300));
    assert_eq!(MACS.map(|mac| links(&lan, mac)[0].index), before);
    let events = lan.node(0).watch().events();
    let gone = events.iter().find(|e| {
        e.at > begin && !e.added && ALL.iter().any(|address| e.what.address == ip(address))
    });
    assert_eq!(gone, None, "{}", lan.logs());
    let sent = lan.adverts(0, 51, begin);
    assert!(sent.iter().all(|(_, advert)| advert.priority == 255 && MACS.contains(&advert.mac)));
}
