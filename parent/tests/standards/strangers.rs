//! Wrong packets of version 3: no state changes, no timer, and the log stays short. (For version 2
//! see hostile.rs.)

use crate::rig::{INTERVAL, LIMIT, Lan, V3, advert, instance, ip};
use vipd_lab::forge::{self, Forged};
use vipd_lab::{Stamp, paths};

const FOUR: &str = "10.88.88.100";
const SIX: [&str; 2] = ["fe80::88:100", "fd88:88::100"];
const ALL: [&str; 3] = [FOUR, SIX[0], SIX[1]];

/// Of the instances with their interfaces.
fn counter(lan: &Lan, name: &str) -> u64 {
    let vipctl = paths::bin_dir().unwrap().join("vipctl");
    let said = lan.node(0).exec(&[&vipctl.to_string_lossy(), "show", "--json"], LIMIT).unwrap();
    let answer: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let all = answer["instances"].as_array().unwrap().iter();
    let of = |one: &serde_json::Value, name: &str| one["counters"][name].as_u64().unwrap_or(0);
    all.map(|one| of(one, name) + of(one, &format!("interface_{name}"))).sum()
}

/// Each would make the MASTER yield if it were right.
fn wrong(right: &Forged) -> Vec<Forged> {
    let with = |change: fn(&mut Forged)| {
        let mut one = right.clone();
        change(&mut one);
        one
    };
    vec![
        with(|one| one.ttl = 254),
        with(|one| one.version = 4),
        with(|one| one.kind = 2),
        with(|one| one.vrid = 77),
        with(|one| one.interval = 0),
        with(|one| one.count = Some(0)),
        with(|one| one.count = Some(9)),
        with(|one| one.cut_at = Some(7)),
        with(|one| one.checksum_error = 1),
    ]
}

/// A thousand with a wrong checksum in each family, then some of each kind.
#[test]
fn v3_rx_12_v3_rx_13_hard_08_wrong_packets_change_nothing_and_fill_no_log() {
    let config = instance("A", 51, V3, &[FOUR]) + &instance("B", 51, V3, &SIX);
    let lan = Lan::running(&[&config]);
    lan.owned_by(0, &ALL);
    let lines = || lan.node(0).syslog().lines().len();
    // What the start has to say comes a moment after the addresses.
    for name in ["(A) Entering MASTER STATE", "(B) Entering MASTER STATE"] {
        lan.wait(name, || lan.node(0).syslog().find(name).is_some());
    }
    let (begin, before) = (Stamp::now(), lines());
    let right = [
        advert(&lan.client, "224.0.0.18", 51, 254, &[FOUR]),
        advert(&lan.client, "ff02::12", 51, 254, &SIX),
    ];
    for right in &right {
        let bad = Forged { checksum_error: 1, ..right.clone() }.packet();
        forge::send(&lan.client, right.destination, &vec![bad; 1000]).unwrap();
    }
    lan.wait("all to be counted", || counter(&lan, "checksum_err") >= 2000);
    for right in &right {
        let all: Vec<Vec<u8>> = wrong(right).iter().map(Forged::packet).collect();
        forge::send(&lan.client, right.destination, &vec![all; 50].concat()).unwrap();
    }
    lan.wait("the last to be counted", || counter(&lan, "checksum_err") >= 2100);
    lan.pass(INTERVAL * 4);
    let lines = lines() - before;
    // One for each kind and family at most; each look at the counters is in the audit trail.
    let audit = lan.node(0).syslog().audit().iter().filter(|line| line.at >= begin).count();
    assert!(lines - audit <= 18, "{}", lan.logs());
    let events = lan.node(0).watch().events();
    let lost = events.iter().find(|event| {
        event.at > begin && !event.added && ALL.iter().any(|one| event.what.address == ip(one))
    });
    assert_eq!(lost, None, "{}", lan.logs());
    let sent = lan.adverts(0, 51, begin);
    assert!(sent.iter().all(|(_, advert)| advert.priority == 100), "{sent:?}");
}

/// An advert with other addresses is obeyed all the same; it is counted, and a line has both lists.
#[test]
fn v3_rx_17_hard_10_another_list_is_counted_and_logged_and_obeyed() {
    let config = instance("A", 51, V3, &[FOUR]) + &instance("B", 51, V3, &SIX);
    let lan = Lan::running(&[&config]);
    lan.owned_by(0, &ALL);
    let others: [(&str, &[&str]); 2] =
        [("224.0.0.18", &["10.88.88.99"]), ("ff02::12", &[SIX[0], "fd88:88::99"])];
    for (group, addresses) in others {
        let before = counter(&lan, "addr_list_err");
        let since = Stamp::now();
        let better = advert(&lan.client, group, 51, 254, addresses);
        forge::send(&lan.client, better.destination, &[better.packet()]).unwrap();
        let log = lan.node(0).syslog();
        lan.wait("the end of a term", || log.find_since(since, "Entering BACKUP STATE").is_some());
        assert!(counter(&lan, "addr_list_err") > before);
        let line = log.find_since(since, "advertises other addresses").unwrap().text;
        let ours = if addresses.len() == 1 { &ALL[..1] } else { &SIX };
        for address in [addresses, ours].concat() {
            assert!(line.contains(address), "{address}: {line}");
        }
    }
}
