//! Other virtual routers on the same LAN: their adverts, however many, cost little and change
//! nothing, until the configuration makes one of them ours.

use crate::rig::{BEGINNING, INTERVAL, LIMIT, Lan, V3, advert, instance, ip};
use std::collections::BTreeSet;
use std::time::Duration;
use vipd_lab::flood::{Flood, Kind};
use vipd_lab::{Stamp, paths};

const FOUR: &str = "10.88.88.100";
const SIX: [&str; 2] = ["fe80::88:100", "fd88:88::100"];
const OURS: [&str; 3] = [FOUR, SIX[0], SIX[1]];
const OTHER_FOUR: &str = "10.88.88.198";
const OTHER_SIX: &str = "fe80::88:198";

/// Of one instance, or of the interface with the family of that instance.
fn counter(lan: &Lan, host: usize, name: &str, counter: &str) -> u64 {
    let vipctl = paths::bin_dir().unwrap().join("vipctl");
    let words = [&*vipctl.to_string_lossy(), "show", name, "--json"];
    let mut count = None;
    // Too many who ask in a second are sent away.
    lan.wait("an answer", || {
        let said = lan.node(host).exec(&words, LIMIT).unwrap();
        let answer = serde_json::from_str::<serde_json::Value>(&said.stdout).ok();
        count = answer.and_then(|it| it["instances"][0]["counters"][counter].as_u64());
        count.is_some()
    });
    count.unwrap()
}

fn ours(priority: u8) -> String {
    let lines = format!("{V3}; priority {priority}");
    instance("A", 51, &lines, &[FOUR]) + &instance("B", 51, &lines, &SIX)
}

fn others(priority: u8) -> String {
    let lines = format!("{V3}; priority {priority}");
    instance("C", 98, &lines, &[OTHER_FOUR]) + &instance("D", 98, &lines, &[OTHER_SIX])
}

/// The raw sockets of protocol 112, by the kernel's number.
fn sockets(lan: &Lan, host: usize) -> BTreeSet<String> {
    let all = lan.node(host).shell("cat /proc/net/raw /proc/net/raw6").unwrap();
    let vrrp = all.lines().filter(|line| line.contains(":0070 "));
    vrrp.filter_map(|line| line.split_whitespace().nth(9).map(str::to_owned)).collect()
}

#[test]
fn hard_02_a_flood_for_another_router_is_thinned_out_and_changes_nothing() {
    let lan = Lan::running(&[&ours(100)]);
    lan.owned_by(0, &OURS);
    lan.advertises(0, 51, 6, BEGINNING);
    let (begin, lines) = (Stamp::now(), lan.node(0).syslog().lines().len());
    let program = paths::bin_dir().unwrap().join("flood");
    let lasts = Duration::from_secs(1);
    for (name, group, addresses) in [("A", "224.0.0.18", &OURS[..1]), ("B", "ff02::12", &SIX)] {
        let right = advert(&lan.client, group, 51, 254, addresses);
        let flood = Flood::start(&program, &lan.client, Kind::Vrid, &right, lasts).unwrap();
        let sent = flood.finish().unwrap();
        let counted = counter(&lan, 0, name, "interface_vrid_err");
        assert!(counted > 0 && counted < sent / 4, "{counted} of {sent}");
        assert_eq!(counter(&lan, 0, name, "become_master"), 1);
    }
    lan.pass(INTERVAL * 4);
    let audit = lan.node(0).syslog().audit().iter().filter(|line| line.at >= begin).count();
    let lines = lan.node(0).syslog().lines().len() - lines;
    assert!(lines - audit <= 4, "{}", lan.logs());
    let events = lan.node(0).watch().events();
    let lost = events.iter().find(|event| {
        event.at > begin && !event.added && OURS.iter().any(|one| event.what.address == ip(one))
    });
    assert_eq!(lost, None, "{}", lan.logs());
    let sent = lan.adverts(0, 51, begin);
    assert!(sent.iter().all(|(_, advert)| advert.priority == 100), "{sent:?}");
}

/// Its adverts are heard from the reload on that brings it, and no longer after the one that takes
/// it away; what was there before hears all the time.
#[test]
fn a_router_comes_to_a_socket_and_goes() {
    let mut lan = Lan::running(&[&(ours(200) + &others(200)), &ours(100)]);
    lan.owned_by(0, &[OURS[0], OURS[1], OURS[2], OTHER_FOUR, OTHER_SIX]);
    for name in ["A", "B"] {
        let heard = || counter(&lan, 1, name, "interface_vrid_err") > 0;
        lan.wait("the other routers to be noticed", heard);
    }
    let since = Stamp::now();
    let before = sockets(&lan, 1);
    assert_eq!(before.len(), 2);
    lan.reload(1, &ours(101));
    assert_eq!(sockets(&lan, 1), before);
    lan.reload(1, &(ours(101) + &others(100)));
    assert!(sockets(&lan, 1).is_disjoint(&before) && sockets(&lan, 1).len() == 2);
    for name in ["A", "B", "C", "D"] {
        let one = counter(&lan, 1, name, "advert_rcvd");
        // More than twice the time after which it would take over.
        lan.wait("its adverts", || counter(&lan, 1, name, "advert_rcvd") >= one + 10);
    }
    lan.reload(1, &ours(101));
    for name in ["A", "B"] {
        let one = counter(&lan, 1, name, "interface_vrid_err");
        assert!(one > 0, "a counter has fallen");
        let heard = || counter(&lan, 1, name, "interface_vrid_err") > one;
        lan.wait("the other routers to be noticed again", heard);
        let one = counter(&lan, 1, name, "advert_rcvd");
        lan.wait("its adverts", || counter(&lan, 1, name, "advert_rcvd") >= one + 10);
    }
    let log = lan.node(1).syslog();
    assert!(log.find_since(since, "Entering MASTER STATE").is_none(), "{}", lan.logs());
    let sent = |vrid| lan.adverts(1, vrid, since).len();
    assert_eq!((sent(51), sent(98)), (0, 0), "{}", lan.logs());
}
