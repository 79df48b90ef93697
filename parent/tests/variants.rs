//! The main job with what a configuration can vary: a check that runs a program, a check without
//! weight, nopreempt, a password, several addresses.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::net::IpAddr;
use std::time::Duration;
use vipd_lab::clock::{Stamp, wait_until};
use vipd_lab::scenario::{CONFIG1, CONFIG2, LIMIT, NODE1, NODE2, Pair};
use vipd_lab::{Daemon, owner, packages};

fn start(change: impl Fn(&str) -> String) -> Pair {
    Pair::changed(&Daemon::vipd().unwrap(), change).unwrap()
}

fn moves_to(pair: &Pair, number: u8, since: Stamp) {
    let logs = || format!("{}\n{}", pair.one.node.syslog().text(), pair.two.node.syslog().text());
    let answer = pair.probe.wait_answer(since, &format!("node{number}"), LIMIT);
    assert!(answer.is_ok(), "{answer:?}\n{}", logs());
    pair.wait_owner(number).unwrap();
    assert!(pair.long_overlaps().is_empty(), "{:?}\n{}", pair.overlaps(), logs());
}

/// The script is run by the starter, as _vipd_script and without a capability.
#[test]
fn script_runs_as_its_user() {
    const SCRIPT: &str = "/run/check.sh";
    let change = |text: &str| text.replace("killall -0 haproxy", SCRIPT);
    packages::ensure().unwrap();
    let vipd = Daemon::vipd().unwrap();
    let mut pair = Pair::with_configs(&change(CONFIG1), &change(CONFIG2)).unwrap();
    for node in [&pair.one.node, &pair.two.node] {
        let text = "#!/bin/sh\ngrep -E '^(Uid|CapEff|NoNewPrivs)' /proc/self/status \
                    > /run/seen/status\nexec /usr/bin/test -e /run/seen/alive\n";
        node.write(SCRIPT, text).unwrap();
        node.shell(
            "chmod 755 /run/check.sh && mkdir /run/seen && : > /run/seen/alive && \
             chown _vipd_script /run/seen",
        )
        .unwrap();
    }
    pair.one.start_daemon(&vipd).unwrap();
    pair.two.start_daemon(&vipd).unwrap();
    pair.settle().unwrap();
    let seen = pair.one.node.shell("cat /run/seen/status").unwrap();
    assert!(seen.contains("Uid:\t64904\t64904\t64904\t64904"), "{seen}");
    assert!(seen.contains("CapEff:\t0000000000000000"), "{seen}");
    assert!(seen.contains("NoNewPrivs:\t1"), "{seen}");
    let at = Stamp::now();
    pair.one.node.shell("rm /run/seen/alive").unwrap();
    moves_to(&pair, 2, at);
    let at = Stamp::now();
    pair.one.node.shell(": > /run/seen/alive").unwrap();
    moves_to(&pair, 1, at);
}

/// A tracker without weight that falls takes the instance out altogether.
#[test]
fn check_without_weight_means_fault() {
    let mut pair = start(|text| text.replace("    weight 10\n", ""));
    pair.probe.wait_answer(Stamp::now(), "node1", LIMIT).unwrap();
    let at = pair.one.kill_haproxy().unwrap();
    moves_to(&pair, 2, at);
    let log = pair.one.node.syslog();
    let fault = || log.find_since(at, "Entering FAULT STATE").is_some();
    wait_until(LIMIT, "FAULT", fault).unwrap();
    let back = pair.one.start_haproxy().unwrap();
    moves_to(&pair, 1, back);
}

/// The better router that comes back stays BACKUP until the other one is gone.
#[test]
fn nopreempt_leaves_the_address_where_it_is() {
    let change = |text: &str| {
        text.replace("state MASTER", "state BACKUP").replace("advert_int", "nopreempt\n advert_int")
    };
    let mut pair = start(change);
    pair.settle().unwrap();
    let at = pair.one.running().unwrap().terminate().unwrap();
    moves_to(&pair, 2, at);
    pair.one.running().unwrap().wait(LIMIT).unwrap();
    let vipd = Daemon::vipd().unwrap();
    pair.one.start_daemon(&vipd).unwrap();
    let since = Stamp::now();
    let end = since.plus(Duration::from_secs(5));
    wait_until(LIMIT, "longer than the down timer", || Stamp::now() >= end).unwrap();
    assert_eq!(pair.owners(), [2]);
    assert!(!pair.capture.adverts(since).iter().any(|(_, a)| a.source == NODE1));
    let at = pair.two.running().unwrap().terminate().unwrap();
    moves_to(&pair, 1, at);
}

/// The password is in every advert, and a router with another one is not heard.
#[test]
fn v2_auth_02_password() {
    let block = "authentication {\n auth_type PASS\n auth_pass secret\n }\n virtual_ipaddress";
    let mut pair = start(|text| text.replace("virtual_ipaddress", block));
    pair.settle().unwrap();
    let at = pair.one.kill_haproxy().unwrap();
    moves_to(&pair, 2, at);
    let carries = pair.capture.packets().iter().any(|p| p.bytes.ends_with(b"secret\0\0"));
    assert!(carries, "no advert carries the password");
    assert!(pair.capture.adverts(at).iter().any(|(_, a)| a.source == NODE2 && a.priority == 110));
}

/// A /24 of a subnet of its own with a neighbour in it: neither takes the other away.
#[test]
fn several_addresses_move_together() {
    let more = "10.88.88.100\n 10.99.0.1/24\n 10.99.0.2/24\n";
    let mut pair = start(|text| text.replace("        10.88.88.100\n", more));
    pair.settle().unwrap();
    let all: [IpAddr; 3] =
        ["10.88.88.100", "10.99.0.1", "10.99.0.2"].map(|text| text.parse().unwrap());
    let holds = |pair: &Pair, one: bool, address: IpAddr| {
        let node = if one { &pair.one.node } else { &pair.two.node };
        node.watch().holds(address)
    };
    assert!(all.iter().all(|a| holds(&pair, true, *a)));
    pair.one.node.shell("ip address add 10.99.0.77/24 dev enp0s25").unwrap();
    let at = pair.one.kill_haproxy().unwrap();
    moves_to(&pair, 2, at);
    let moved = || all.iter().all(|a| !holds(&pair, true, *a) && holds(&pair, false, *a));
    wait_until(LIMIT, "all three on node 2", moved).unwrap();
    for address in all {
        let both = owner::overlaps(&[&pair.one.node, &pair.two.node], address);
        assert!(both.is_empty(), "{address}: {both:?}");
    }
    assert!(holds(&pair, true, "10.99.0.77".parse().unwrap()), "the neighbour's address is gone");
}
