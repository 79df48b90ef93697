//! vipd and keepalived against each other with the same configuration files, each on either host,
//! unicast and multicast, with and without a password: the scenarios of the main job go on as if
//! both were one program. Overlaps are judged only where vipd is the one that leaves.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

use vipd_lab::clock::{Stamp, millis};
use vipd_lab::scenario::{CONFIG1, CONFIG2, LIMIT, NODE1, NODE2, Pair};
use vipd_lab::{Daemon, packages};

#[derive(Debug, Clone, Copy)]
struct Style {
    multicast: bool,
    password: bool,
}

const PLAIN: Style = Style { multicast: false, password: false };

fn config(text: &str, style: Style) -> String {
    let mut text = text.to_owned();
    if style.multicast {
        let (head, rest) = text.split_once("    unicast_src_ip").unwrap();
        let (_, tail) = rest.split_once("    }\n").unwrap();
        text = format!("{head}{tail}");
    }
    if style.password {
        let block = "    authentication {\n        auth_type PASS\n        auth_pass 1111\n    }\n";
        text = text.replace("    virtual_ipaddress", &format!("{block}    virtual_ipaddress"));
    }
    text
}

fn pair(first: &Daemon, second: &Daemon, style: Style) -> Pair {
    packages::ensure().unwrap();
    let mut pair = Pair::with_configs(&config(CONFIG1, style), &config(CONFIG2, style)).unwrap();
    pair.one.start_daemon(first).unwrap();
    pair.two.start_daemon(second).unwrap();
    pair.settle().unwrap();
    pair
}

fn moves_to(pair: &Pair, number: u8, since: Stamp, what: &str) {
    let logs = || format!("{}\n{}", pair.one.node.syslog().text(), pair.two.node.syslog().text());
    let answer = pair.probe.wait_answer(since, &format!("node{number}"), LIMIT);
    assert!(answer.is_ok(), "{what}: {answer:?}\n{}", logs());
    pair.wait_owner(number).unwrap();
    let outage = pair.probe.longest_outage(since).unwrap().length();
    println!("{what}: {:.1} ms", millis(outage));
}

/// All scenarios in one life of the pair; `first` runs on node 1.
fn all_scenarios(first: &Daemon, second: &Daemon, style: Style) {
    let title = format!("{} and {}, {style:?}", first.name(), second.name());
    let mut pair = pair(first, second, style);
    let at = pair.one.kill_haproxy().unwrap();
    moves_to(&pair, 2, at, &format!("{title}: scenario 2"));
    let at = pair.one.start_haproxy().unwrap();
    moves_to(&pair, 1, at, &format!("{title}: scenario 3"));
    let at = pair.one.running().unwrap().terminate().unwrap();
    moves_to(&pair, 2, at, &format!("{title}: SIGTERM of node 1"));
    if matches!(first, Daemon::Vipd { .. }) {
        let late = |window: &vipd_lab::owner::Window| window.to > at;
        assert!(!pair.overlaps().iter().any(late), "{title}: {:?}", pair.overlaps());
    }
    let status = pair.one.running().unwrap().wait(LIMIT).unwrap();
    assert_eq!(status.code(), Some(0), "{title}");
    pair.one.start_daemon(first).unwrap();
    let again = Stamp::now();
    moves_to(&pair, 1, again, &format!("{title}: node 1 starts again"));
    let at = pair.one.power_off().unwrap();
    moves_to(&pair, 2, at, &format!("{title}: scenario 1"));
    for (source, daemon) in [(NODE1, first), (NODE2, second)] {
        let all = pair.capture.adverts(Stamp::from_nanos(0));
        let mine: Vec<_> = all.iter().filter(|(_, advert)| advert.source == source).collect();
        assert!(!mine.is_empty());
        let name = daemon.name();
        assert!(mine.iter().all(|(_, a)| a.checksum_ok && a.ttl == 255), "{title}: {name}");
    }
}

fn vipd() -> Daemon {
    Daemon::vipd().unwrap()
}

#[test]
fn vipd_on_node_1() {
    all_scenarios(&vipd(), &Daemon::Keepalived, PLAIN);
}

#[test]
fn vipd_on_node_2() {
    all_scenarios(&Daemon::Keepalived, &vipd(), PLAIN);
}

#[test]
fn vipd_on_node_1_multicast_with_password() {
    all_scenarios(&vipd(), &Daemon::Keepalived, Style { multicast: true, password: true });
}

#[test]
fn vipd_on_node_2_multicast_with_password() {
    all_scenarios(&Daemon::Keepalived, &vipd(), Style { multicast: true, password: true });
}

#[test]
fn password_over_unicast() {
    all_scenarios(&vipd(), &Daemon::Keepalived, Style { multicast: false, password: true });
}

#[test]
fn multicast_without_password() {
    all_scenarios(&Daemon::Keepalived, &vipd(), Style { multicast: true, password: false });
}
