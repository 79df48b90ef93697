//! A reload as the wire, the kernel, the log and whoever asked see it: what did not change notices
//! nothing, a file that is not good changes nothing, and a change does what it says and no more.
//! A second instance in the same file, which no test changes, watches that it is left alone.

#![cfg(test)]

use nix::sys::signal::Signal;
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::net::UnixStream;
use std::time::Duration;
use vipd_lab::clock::{Stamp, wait_until};
use vipd_lab::frame::Advert;
use vipd_lab::run::Output;
use vipd_lab::scenario::{CONFIG1, CONFIG2, LIMIT, NODE1, Pair, VIP};
use vipd_lab::{Daemon, packages, paths};

/// Of the second instance, and of one that comes and goes.
const OTHER: Ipv4Addr = Ipv4Addr::new(10, 88, 88, 199);
const THIRD: Ipv4Addr = Ipv4Addr::new(10, 88, 88, 198);
/// A second address of the first instance.
const EXTRA: Ipv4Addr = Ipv4Addr::new(10, 88, 88, 101);
const FILE: &str = "/etc/vipd/vipd.conf";

fn another(name: &str, vrid: u8, address: Ipv4Addr) -> String {
    format!(
        "vrrp_instance {name} {{\n interface enp0s25\n virtual_router_id {vrid}\n priority 50\n \
         garp_master_delay 0\n unicast_src_ip {NODE1}\n unicast_peer {{\n 10.88.88.30\n }}\n \
         virtual_ipaddress {{\n {address}\n }}\n}}\n"
    )
}

fn config() -> String {
    let first = CONFIG1.replace("advert_int 1\n", "advert_int 1\n    garp_master_delay 0\n");
    first + &another("OTHER", 99, OTHER)
}

fn changed(from: &str, to: &str) -> String {
    assert!(config().contains(from), "{from}");
    config().replace(from, to)
}

fn holds(pair: &Pair, address: Ipv4Addr) -> bool {
    pair.one.node.watch().holds(IpAddr::V4(address))
}

fn wait_for(pair: &Pair, what: &str, condition: impl FnMut() -> bool) {
    let waited = wait_until(LIMIT, what, condition);
    assert!(waited.is_ok(), "{waited:?}\n{}", pair.one.node.syslog().text());
}

/// Both hosts serve, and both instances of node 1 have been MASTER for an interval.
fn pair() -> Pair {
    packages::ensure().unwrap();
    let vipd = Daemon::vipd().unwrap();
    let mut pair = Pair::with_configs(&config(), CONFIG2).unwrap();
    pair.one.start_daemon(&vipd).unwrap();
    pair.two.start_daemon(&vipd).unwrap();
    pair.settle().unwrap();
    wait_for(&pair, "the second instance", || holds(&pair, OTHER));
    let since = Stamp::now();
    for vrid in [51, 99] {
        wait_for(&pair, "two adverts of each", || adverts(&pair, since, vrid).len() >= 2);
    }
    pair
}

fn vipctl(pair: &Pair, words: &[&str]) -> Output {
    let program = paths::bin_dir().unwrap().join("vipctl");
    let mut all = vec![program.to_str().unwrap()];
    all.extend(words);
    pair.one.node.exec(&all, LIMIT).unwrap()
}

fn state(pair: &Pair, instance: &str) -> serde_json::Value {
    let said = vipctl(pair, &["show", instance, "--json"]);
    let answer: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    answer["instances"][0].clone()
}

/// Writes the file, asks and returns when that was and what vipctl said.
fn reload(pair: &Pair, text: &str) -> (Stamp, Output) {
    pair.one.node.write(FILE, text).unwrap();
    let at = Stamp::now();
    let said = vipctl(pair, &["reload"]);
    (at, said)
}

fn reload_well(pair: &Pair, text: &str) -> Stamp {
    let (at, said) = reload(pair, text);
    assert!(said.ok(), "{said:?}");
    assert!(said.stdout.contains("the new configuration is in force"), "{said:?}");
    at
}

/// Node 1's adverts of a virtual router.
fn adverts(pair: &Pair, since: Stamp, vrid: u8) -> Vec<(Stamp, Advert)> {
    let mut all = pair.capture.adverts(since);
    all.retain(|(_, advert)| advert.source == NODE1 && advert.vrid == vrid);
    all
}

fn gratuitous(pair: &Pair, since: Stamp, address: Ipv4Addr) -> usize {
    let all = pair.capture.arps(since);
    all.iter().filter(|(_, arp)| arp.gratuitous() && arp.sender == address).count()
}

/// Since `since` the address has seen renewals of its lease in their rhythm, and nothing else.
fn only_renewed(pair: &Pair, since: Stamp, address: Ipv4Addr) {
    let events = pair.one.node.watch().events();
    let mut late = events;
    late.retain(|event| event.what.address == IpAddr::V4(address));
    let late: Vec<_> = late.iter().skip_while(|event| event.at < since).collect();
    for event in &late {
        assert!(event.added && event.what.lifetime == Some(3), "{address}: {event:?}");
    }
    // A third of the lease, or the wake-up before.
    for two in late.windows(2) {
        let gap = two[1].at.since(two[0].at);
        assert!(gap > Duration::from_millis(400), "{address}: an extra renewal: {gap:?}");
    }
}

/// Three intervals long the router advertises as before: nothing extra, nothing late, the phase of
/// the second before kept, no announcement, no event but renewals.
fn undisturbed(pair: &Pair, since: Stamp, vrid: u8, address: Ipv4Addr) {
    let before = Stamp::from_nanos(since.nanos().saturating_sub(2_000_000_000));
    let regular = pair.regular(before, since, vrid, "a reload");
    assert!(regular.is_ok(), "{regular:?}\n{}", pair.one.node.syslog().text());
    assert_eq!(gratuitous(pair, since, address), 0, "VRID {vrid} announced");
    only_renewed(pair, since, address);
}

fn witness_undisturbed(pair: &Pair, since: Stamp) {
    undisturbed(pair, since, 99, OTHER);
    let log = pair.one.node.syslog();
    assert!(log.find_since(since, "(OTHER)").is_none(), "{}", log.text());
}

fn no_change_of_state(pair: &Pair, since: Stamp) {
    for node in [&pair.one.node, &pair.two.node] {
        let log = node.syslog();
        for name in ["(VI_1)", "(WEB)", "(OTHER)"] {
            let entered = format!("{name} Entering");
            assert!(log.find_since(since, &entered).is_none(), "{}", log.text());
        }
    }
    assert_eq!(pair.owners(), [1]);
}

fn logged(pair: &Pair, since: Stamp, part: &str) {
    wait_for(pair, part, || pair.one.node.syslog().find_since(since, part).is_some());
}

#[test]
fn unchanged_file_is_not_noticed() {
    let mut pair = pair();
    let generation = vipctl(&pair, &["show", "--json"]).stdout;
    let at = pair.one.running().unwrap().main.signal(Signal::SIGHUP).unwrap();
    logged(&pair, at, "Reload complete: nothing has changed");
    logged(&pair, at, "event=reload by=signal result=ok");
    undisturbed(&pair, at, 51, VIP);
    witness_undisturbed(&pair, at);
    // Another comment is no other configuration.
    let (at, said) = reload(&pair, &format!("# the same\n{}", config()));
    assert!(said.ok() && said.stdout.contains("nothing has changed"), "{said:?}");
    logged(&pair, at, "Reload complete: nothing has changed");
    logged(&pair, at, "event=reload by=control uid=0 result=ok");
    undisturbed(&pair, at, 51, VIP);
    witness_undisturbed(&pair, at);
    no_change_of_state(&pair, at);
    let number = |text: &str| {
        let answer: serde_json::Value = serde_json::from_str(text).unwrap();
        answer["generation"].as_u64().unwrap()
    };
    assert_eq!(number(&generation), number(&vipctl(&pair, &["show", "--json"]).stdout));
}

#[test]
fn bad_file_changes_nothing() {
    let mut pair = pair();
    let bad = changed("virtual_router_id 51", "virtual_router_id 0");
    let (at, said) = reload(&pair, &bad);
    let line = bad.lines().position(|l| l.contains("virtual_router_id 0")).unwrap() + 1;
    let place = format!("{FILE}:{line}:");
    assert_eq!(said.status.code(), Some(1), "{said:?}");
    assert!(said.stderr.contains(&place), "{place} {said:?}");
    logged(&pair, at, &place);
    logged(&pair, at, "Reload refused, nothing has changed");
    logged(&pair, at, "event=reload by=control uid=0 result=refused");
    undisturbed(&pair, at, 51, VIP);
    witness_undisturbed(&pair, at);
    // The same by signal.
    let at = pair.one.running().unwrap().main.signal(Signal::SIGHUP).unwrap();
    logged(&pair, at, &place);
    logged(&pair, at, "event=reload by=signal result=refused");
    // No file, and one that the daemon's user may not read.
    for (command, words) in [
        ("rm /etc/vipd/vipd.conf", "there is no such file"),
        (
            "touch /etc/vipd/vipd.conf; chmod 0600 /etc/vipd/vipd.conf",
            "make it readable: chown root:_vipd, chmod 0640",
        ),
    ] {
        pair.one.node.shell(command).unwrap();
        let at = Stamp::now();
        let said = vipctl(&pair, &["reload"]);
        assert_eq!(said.status.code(), Some(1), "{said:?}");
        assert!(said.stderr.contains(FILE) && said.stderr.contains(words), "{said:?}");
        logged(&pair, at, words);
    }
    undisturbed(&pair, at, 51, VIP);
    witness_undisturbed(&pair, at);
    no_change_of_state(&pair, at);
    // A good one is taken after all that.
    pair.one.node.shell("chmod 0644 /etc/vipd/vipd.conf").unwrap();
    reload_well(&pair, &changed("priority 101", "priority 102"));
}

#[test]
fn address_of_a_master_comes_and_goes() {
    let pair = pair();
    let more = changed("        10.88.88.100\n", "        10.88.88.100\n        10.88.88.101\n");
    let at = reload_well(&pair, &more);
    wait_for(&pair, "the new address", || holds(&pair, EXTRA));
    wait_for(&pair, "its announcement", || gratuitous(&pair, at, EXTRA) > 0);
    let both = |a: &Advert| a.source == NODE1 && a.addresses == [VIP, EXTRA];
    pair.capture.wait_advert(at, LIMIT, "with both addresses", both).unwrap();
    logged(&pair, at, "event=add address=10.88.88.101/32 interface=enp0s25 instance=VI_1");
    only_renewed(&pair, at, VIP);
    assert_eq!(gratuitous(&pair, at, VIP), 0, "the old address is where it was");
    witness_undisturbed(&pair, at);
    let at = reload_well(&pair, &config());
    wait_for(&pair, "the end of the address", || !holds(&pair, EXTRA));
    let one = |a: &Advert| a.source == NODE1 && a.addresses == [VIP];
    pair.capture.wait_advert(at, LIMIT, "with one address", one).unwrap();
    logged(&pair, at, "event=remove address=10.88.88.101/32 interface=enp0s25 instance=VI_1");
    only_renewed(&pair, at, VIP);
    assert_eq!(gratuitous(&pair, at, VIP), 0, "the old address is where it was");
    witness_undisturbed(&pair, at);
    no_change_of_state(&pair, at);
}

/// A MASTER holds all of its addresses or none: it leaves, and what is not vipd's stays.
#[test]
fn new_address_that_is_somebody_elses() {
    let pair = pair();
    pair.one.node.shell("ip address add 10.88.88.101/32 dev enp0s25").unwrap();
    let more = changed("        10.88.88.100\n", "        10.88.88.100\n        10.88.88.101\n");
    let at = reload_well(&pair, &more);
    logged(&pair, at, "(VI_1) giving up: ");
    logged(&pair, at, "(VI_1) Entering FAULT STATE");
    pair.wait_owner(2).unwrap();
    assert!(pair.overlaps().is_empty(), "{:?}", pair.overlaps());
    let shown = state(&pair, "VI_1");
    assert_eq!(shown["state"], "FAULT", "{shown}");
    witness_undisturbed(&pair, at);
    let there = pair.one.node.watch().addresses_now().unwrap();
    let foreign = there.iter().find(|a| a.address == IpAddr::V4(EXTRA)).unwrap();
    assert!(foreign.protocol == 0 && foreign.lifetime.is_none(), "{foreign:?}");
    // The file is put right, and the address is where it should be.
    let at = reload_well(&pair, &config());
    wait_for(&pair, "node 1 as the owner again", || pair.owners() == [1]);
    assert!(pair.overlaps().is_empty(), "{:?}", pair.overlaps());
    witness_undisturbed(&pair, at);
    assert!(holds(&pair, EXTRA));
}

#[test]
fn priority_name_and_check_of_a_master() {
    let pair = pair();
    for (number, sum) in [(121, 131), (103, 113)] {
        let at = reload_well(&pair, &changed("priority 101", &format!("priority {number}")));
        let wanted = |a: &Advert| a.source == NODE1 && a.priority == sum;
        let (said, _) = pair.capture.wait_advert(at, LIMIT, "new priority", wanted).unwrap();
        assert!(said.since(at) < Duration::from_millis(500), "{:?}", said.since(at));
        witness_undisturbed(&pair, at);
        only_renewed(&pair, at, VIP);
        no_change_of_state(&pair, at);
    }
    reload_well(&pair, &config());
    let at = reload_well(&pair, &changed("vrrp_instance VI_1", "vrrp_instance WEB"));
    assert_eq!(state(&pair, "WEB")["state"], "MASTER");
    assert_eq!(vipctl(&pair, &["show", "VI_1"]).status.code(), Some(1));
    only_renewed(&pair, at, VIP);
    witness_undisturbed(&pair, at);
    assert!(adverts(&pair, at, 51).iter().all(|(_, a)| a.priority == 111));
    no_change_of_state(&pair, at);
    // The check has another rhythm, and what it found holds until it finds something else.
    let before = adverts(&pair, at, 51).len();
    let at = reload_well(&pair, &changed("interval 2", "interval 1\n    rise 2\n    fall 3"));
    let tracker = state(&pair, "VI_1")["priority"]["trackers"][0].clone();
    assert_eq!(tracker["state"], "up", "{tracker}");
    assert!(before > 0);
    undisturbed(&pair, at, 51, VIP);
    witness_undisturbed(&pair, at);
    no_change_of_state(&pair, at);
}

#[test]
fn instance_comes_and_goes() {
    let pair = pair();
    let at = reload_well(&pair, &(config() + &another("THIRD", 98, THIRD)));
    wait_for(&pair, "the new instance as MASTER", || holds(&pair, THIRD));
    wait_for(&pair, "its advert", || !adverts(&pair, at, 98).is_empty());
    undisturbed(&pair, at, 51, VIP);
    witness_undisturbed(&pair, at);
    let at = reload_well(&pair, &config());
    let bye = |a: &Advert| a.vrid == 98 && a.priority == 0;
    let (bye, _) = pair.capture.wait_advert(at, LIMIT, "its good-bye", bye).unwrap();
    wait_for(&pair, "the end of its address", || !holds(&pair, THIRD));
    let events = pair.one.node.watch().events();
    let gone = events.iter().rev().find(|e| e.what.address == IpAddr::V4(THIRD)).unwrap();
    assert!(gone.at < bye.plus(Duration::from_millis(2)), "good-bye before the address was gone");
    logged(&pair, at, "event=remove address=10.88.88.198/32");
    undisturbed(&pair, at, 51, VIP);
    witness_undisturbed(&pair, at);
    assert!(adverts(&pair, bye.plus(Duration::from_millis(1)), 98).is_empty());
    no_change_of_state(&pair, at);
    // It may come back.
    let at = reload_well(&pair, &(config() + &another("THIRD", 98, THIRD)));
    wait_for(&pair, "it again", || holds(&pair, THIRD));
    witness_undisturbed(&pair, at);
}

/// The lifetime of what a MASTER holds, to another one and to none; the address stays.
#[test]
fn lease_of_a_master() {
    let pair = pair();
    let since = Stamp::now();
    for (lease, lifetime) in [("2", Some(2)), ("off", None), ("3", Some(3))] {
        let to = format!("advert_int 1\n    vip_lease {lease}\n");
        let at = reload_well(&pair, &changed("advert_int 1\n", &to));
        let set = || {
            let events = pair.one.node.watch().events();
            let mut late =
                events.iter().filter(|e| e.at >= at && e.what.address == IpAddr::V4(VIP));
            late.any(|event| event.added && event.what.lifetime == lifetime)
        };
        wait_for(&pair, lease, set);
        let shown = state(&pair, "VI_1");
        assert_eq!(shown["lease"]["seconds"].as_u64(), lifetime.map(u64::from), "{shown}");
        witness_undisturbed(&pair, at);
    }
    let events = pair.one.node.watch().events();
    let removed = |e: &&_| -> bool {
        let event: &vipd_lab::netlink::Event = e;
        event.at >= since && event.what.address == IpAddr::V4(VIP) && !event.added
    };
    assert_eq!(events.iter().filter(removed).count(), 0, "{events:?}");
    assert_eq!(gratuitous(&pair, since, VIP), 0);
    no_change_of_state(&pair, since);
}

/// From unicast to multicast and back, on both hosts within an interval: nobody takes over.
#[test]
fn transport_of_a_master() {
    let mut pair = pair();
    let since = Stamp::now();
    let plain = |text: &str, peer: &str| {
        text.replace(&format!("    unicast_peer {{\n        {peer}\n    }}\n"), "")
    };
    let group = Ipv4Addr::new(224, 0, 0, 18);
    for (first, second, to) in [
        (plain(&config(), "10.88.88.30"), plain(CONFIG2, "10.88.88.20"), group),
        (config(), CONFIG2.to_owned(), Ipv4Addr::new(10, 88, 88, 30)),
    ] {
        let host = &mut pair.two;
        host.daemon.as_mut().unwrap().reload(&host.node, &second).unwrap();
        let at = reload_well(&pair, &first);
        let wanted = |a: &Advert| a.source == NODE1 && a.vrid == 51 && a.destination == to;
        let (said, _) = pair.capture.wait_advert(at, LIMIT, "the new way", wanted).unwrap();
        pair.capture
            .wait_advert(said.plus(Duration::from_secs(4)), LIMIT, "a later one", wanted)
            .unwrap();
        witness_undisturbed(&pair, at);
        let heard = || pair.two.node.syslog().find_since(at, "(VI_1) Entering").is_some();
        assert!(!heard(), "{}", pair.two.node.syslog().text());
    }
    only_renewed(&pair, since, VIP);
    no_change_of_state(&pair, since);
}

/// As fast as they are answered, with an instance that is there in every other file and is MASTER
/// at times, and with signals in between.
#[test]
fn one_reload_after_the_other() {
    let mut pair = pair();
    let since = Stamp::now();
    let more = config() + &another("THIRD", 98, THIRD).replace("priority 50", "priority 255");
    for round in 0..30 {
        let text = if round % 2 == 0 { &more } else { &config() };
        pair.one.node.write(FILE, text).unwrap();
        if round % 3 == 0 {
            pair.one.running().unwrap().main.signal(Signal::SIGHUP).unwrap();
        }
        let said = vipctl(&pair, &["reload"]);
        let under_way = said.stderr.contains("another reload");
        assert!(said.ok() || under_way, "{said:?}\n{}", pair.one.node.syslog().text());
    }
    let (_, said) = reload(&pair, &more);
    assert!(said.ok(), "{said:?}");
    wait_for(&pair, "the third instance", || holds(&pair, THIRD));
    witness_undisturbed(&pair, since);
    only_renewed(&pair, since, VIP);
    no_change_of_state(&pair, since);
    reload_well(&pair, &config());
    wait_for(&pair, "its end", || !holds(&pair, THIRD));
}

#[test]
fn refused_are_a_first_script_and_a_stranger() {
    let pair = pair();
    let (at, said) = reload(&pair, &changed("killall -0 haproxy", "/usr/bin/test -e /etc/passwd"));
    assert_eq!(said.status.code(), Some(1), "{said:?}");
    assert!(said.stderr.contains("CAP_SETUID"), "{said:?}");
    logged(&pair, at, "CAP_SETUID");
    let program = paths::bin_dir().unwrap().join("vipctl");
    let program = program.to_str().unwrap();
    for group in ["64905", "65534"] {
        let regid = format!("--regid={group}");
        let words = ["setpriv", "--reuid=65534", &regid, "--clear-groups", program, "reload"];
        let said = pair.one.node.exec(&words, LIMIT).unwrap();
        assert_eq!(said.status.code(), Some(4), "{said:?}");
    }
    let log = pair.one.node.syslog();
    assert_eq!(log.lines().iter().filter(|l| l.text.contains("event=reload")).count(), 1);
    undisturbed(&pair, at, 51, VIP);
    witness_undisturbed(&pair, at);
    no_change_of_state(&pair, at);
}

/// A client is remembered as long as it is connected, whoever came and went meanwhile.
#[test]
fn an_old_connection_asks() {
    let pair = pair();
    let mut old = UnixStream::connect(pair.one.node.file("/run/vipd/vipd.sock")).unwrap();
    old.set_read_timeout(Some(LIMIT)).unwrap();
    let mut answers = BufReader::new(old.try_clone().unwrap());
    for _ in 0..80 {
        // Too many in a second are closed unread.
        wait_for(&pair, "an answer", || vipctl(&pair, &["show"]).ok());
        old.write_all(b"show\n").unwrap();
        answers.read_line(&mut String::new()).unwrap();
    }
    let at = Stamp::now();
    old.write_all(b"reload\n").unwrap();
    let mut answer = String::new();
    answers.read_line(&mut answer).unwrap();
    assert!(answer.contains("nothing has changed"), "{answer}");
    logged(&pair, at, "event=reload by=control uid=0 result=ok");
    undisturbed(&pair, at, 51, VIP);
}

/// A connection may be used for several requests, reloads too.
#[test]
fn one_connection_asks_twice() {
    let pair = pair();
    let at = Stamp::now();
    let ask = "printf 'reload\\nreload\\nshow\\n' | socat -t 5 - UNIX-CONNECT:/run/vipd/vipd.sock";
    let said = pair.one.node.shell(ask).unwrap();
    assert_eq!(said.lines().filter(|l| l.contains("nothing has changed")).count(), 2, "{said}");
    assert_eq!(said.lines().count(), 3, "{said}");
    let by = "event=reload by=control uid=0 result=ok";
    let audit = || pair.one.node.syslog().lines().iter().filter(|l| l.text.contains(by)).count();
    wait_for(&pair, "both in the audit trail", || audit() == 2);
    undisturbed(&pair, at, 51, VIP);
    witness_undisturbed(&pair, at);
}
