//! The control socket from outside: what vipctl shows is true against the wire and the kernel, who
//! may ask what, and what clients that misbehave cost the others (nothing but a refusal) and the
//! adverts (nothing).

#![cfg(test)]

use serde_json::Value;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::IpAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::time::Duration;
use vipd_lab::clock::{Stamp, wait_until};
use vipd_lab::run::Output;
use vipd_lab::scenario::{Host, LIMIT, NODE1, NODE2, Pair, VIP};
use vipd_lab::{Daemon, packages, paths};

const SOCKET: &str = "/run/vipd/vipd.sock";
/// Of group vipctl on a node.
const GROUP: u32 = 64905;
const AT_ONCE: Duration = Duration::from_secs(2);

fn pair() -> Pair {
    packages::ensure().unwrap();
    let vipd = Daemon::vipd().unwrap();
    let pair = Pair::running(&vipd, &vipd).unwrap();
    let said = || pair.one.node.syslog().find("Entering MASTER STATE").is_some();
    wait_until(LIMIT, "the line of the first change of state", said).unwrap();
    pair
}

fn vipctl(host: &Host, words: &[&str]) -> Output {
    vipctl_as(host, &[], words)
}

/// `before` is what changes the user.
fn vipctl_as(host: &Host, before: &[&str], words: &[&str]) -> Output {
    let program = paths::bin_dir().unwrap().join("vipctl");
    let mut all = before.to_vec();
    all.push(program.to_str().unwrap());
    all.extend(words);
    host.node.exec(&all, LIMIT).unwrap()
}

fn show(host: &Host) -> Value {
    let said = vipctl(host, &["show", "--json"]);
    assert!(said.ok(), "{said:?}");
    let answer: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((&answer["version"], &answer["ok"]), (&1.into(), &true.into()), "{answer}");
    answer["instances"][0].clone()
}

fn connect(pair: &Pair) -> UnixStream {
    let stream = UnixStream::connect(pair.one.node.file(SOCKET)).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    stream
}

/// All that comes until the other end closes; a reset is an end, too.
fn rest_of(mut stream: UnixStream) -> String {
    let mut text = Vec::new();
    match stream.read_to_end(&mut text) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
    String::from_utf8(text).unwrap()
}

/// A new client gets a right answer without waiting.
fn served(pair: &Pair, what: &str) {
    let at = Stamp::now();
    let said = vipctl(&pair.one, &["show"]);
    assert!(said.ok() && said.stdout.contains("MASTER"), "{what}: {said:?}");
    let took = Stamp::now().since(at);
    assert!(took < AT_ONCE, "{what}: {took:?}");
}

fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap()
}

/// The metrics pass the parser of Prometheus' own client, and their values match the wire.
#[test]
fn metrics_are_openmetrics_and_true() {
    const PARSE: &str = "import sys, json
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
samples = [s for family in parse(sys.stdin.read()) for s in family.samples]
print(json.dumps([[s.name, s.labels, s.value] for s in samples]))";
    let pair = pair();
    pair.settle().unwrap();
    let sent = || pair.capture.adverts_of(&pair.one.node, Stamp::from_nanos(0)).len();
    let before = sent();
    let said = vipctl(&pair.one, &["metrics"]);
    let after = sent();
    assert!(said.ok(), "{said:?}");
    let parsed = vipd_lab::run::tool("/usr/bin/python3", &["-c", PARSE], &said.stdout).unwrap();
    let samples: Vec<(String, Value, f64)> = serde_json::from_str(&parsed).unwrap();
    let value = |name: &str| {
        let found = samples.iter().find(|(sample, ..)| sample == name);
        found.unwrap_or_else(|| panic!("no {name} in\n{}", said.stdout))
    };
    let (_, labels, state) = value("keepalived_vrrp_state");
    assert_eq!(*state, 2.0);
    let expected = serde_json::json!({
        "iname": "VI_1", "intf": "enp0s25", "vrid": "51", "ip_address": "10.88.88.100",
    });
    assert_eq!(*labels, expected);
    let (_, _, adverts) = value("keepalived_advertisements_sent_total");
    let between = before as f64..=after as f64;
    assert!(between.contains(adverts), "{adverts} of {between:?}");
    assert_eq!(value("vipd_priority_effective").2, 111.0);
    assert_eq!(value("keepalived_script_status").2, 1.0);
    assert_eq!(value("vipd_address_installed").2, 1.0);
}

#[test]
fn what_the_master_shows_is_true() {
    let pair = pair();
    let first = show(&pair.one);
    let since = Stamp::now();
    let wanted = |a: &vipd_lab::frame::Advert| a.source == NODE1;
    let (_, advert) = pair.capture.wait_advert(since, LIMIT, "of node1", wanted).unwrap();
    pair.capture.wait_advert(Stamp::now(), LIMIT, "another", wanted).unwrap();
    let now = show(&pair.one);
    assert_eq!((&now["name"], &now["state"]), (&"VI_1".into(), &"MASTER".into()), "{now}");
    assert_eq!((&now["interface"], &now["family"]), (&"enp0s25".into(), &"ipv4".into()));
    assert_eq!(now["vrid"], advert.vrid);
    assert_eq!(now["vrrp_version"], advert.version);
    assert_eq!(now["priority"]["effective"], advert.priority);
    assert_eq!(now["priority"]["base"], 101);
    let tracker = &now["priority"]["trackers"][0];
    assert_eq!((&tracker["name"], &tracker["state"]), (&"chk_haproxy".into(), &"up".into()));
    assert_eq!((&tracker["weight"], &tracker["adds"]), (&10.into(), &10.into()), "{tracker}");
    assert_eq!(now["transport"], "unicast");
    assert_eq!((&now["source"], &now["peers"][0]), (&"10.88.88.20".into(), &"10.88.88.30".into()));
    assert_eq!((&now["preempt"], &now["fast_handover"]), (&true.into(), &true.into()));
    assert_eq!(number(&now, "advert_int_seconds"), f64::from(advert.interval));
    let master = &now["master"];
    assert_eq!((&master["self"], &master["address"]), (&true.into(), &"10.88.88.20".into()));
    assert!(number(master, "seen_seconds_ago") < 1.2, "{master}");
    // The kernel knows the same address with the same lease.
    let there = pair.one.node.watch().addresses_now().unwrap();
    let vip = there.iter().find(|a| a.address == IpAddr::V4(VIP)).unwrap();
    assert_eq!(now["addresses"].as_array().unwrap().len(), 1);
    assert_eq!(now["addresses"][0]["address"], VIP.to_string());
    assert_eq!(now["addresses"][0]["installed"], true);
    let renewed = pair.one.node.watch().events();
    let renewed = renewed.iter().rev().find(|e| e.what.address == vip.address).unwrap();
    assert_eq!(now["lease"]["seconds"].as_u64(), renewed.what.lifetime.map(u64::from));
    let left = number(&now["lease"], "remaining_seconds");
    assert!((1.5..=3.0).contains(&left), "{left}");
    let epoch = format!("instance=VI_1 epoch={} by=vrrpe why=acquire result=ok", now["epoch"]);
    assert!(pair.one.node.syslog().find(&epoch).is_some(), "{epoch}");
    // What grows has grown by what was sent meanwhile.
    assert!(number(&now, "since_seconds") > number(&first, "since_seconds"));
    let sent = |value: &Value| value["counters"]["advert_sent"].as_u64().unwrap();
    let more = sent(&now) - sent(&first);
    assert!((2..=4).contains(&more), "{more} adverts in about two seconds");
    assert_eq!(sent(&now), pair.capture.adverts(Stamp::from_nanos(0)).len() as u64);
    assert_eq!(now["counters"]["become_master"], 1);
    for (name, count) in now["counters"].as_object().unwrap() {
        assert!(!name.ends_with("_err") && !name.ends_with("errors") || *count == 0, "{name}");
    }
}

#[test]
fn what_the_backup_shows_is_true() {
    let mut pair = pair();
    let first = show(&pair.two);
    let wanted = |a: &vipd_lab::frame::Advert| a.source == NODE1;
    pair.capture.wait_advert(Stamp::now(), LIMIT, "of node1", wanted).unwrap();
    pair.capture.wait_advert(Stamp::now(), LIMIT, "another", wanted).unwrap();
    let now = show(&pair.two);
    assert_eq!((&now["state"], &now["source"]), (&"BACKUP".into(), &"10.88.88.30".into()));
    assert_eq!(
        (&now["priority"]["base"], &now["priority"]["effective"]),
        (&100.into(), &110.into())
    );
    let master = &now["master"];
    assert_eq!((&master["self"], &master["address"]), (&false.into(), &"10.88.88.20".into()));
    assert_eq!(master["priority"], 111);
    assert!(number(master, "seen_seconds_ago") < 1.2, "{master}");
    assert_eq!(now["addresses"][0]["installed"], false);
    assert!(now["lease"].is_null(), "{now}");
    let heard = |value: &Value| value["counters"]["advert_rcvd"].as_u64().unwrap();
    let more = heard(&now) - heard(&first);
    assert!((1..=4).contains(&more), "{more} adverts in about two seconds");
    // The service of node 1 dies, and both show what became of it.
    pair.one.kill_haproxy().unwrap();
    pair.wait_owner(2).unwrap();
    wait_until(LIMIT, "both states", || {
        show(&pair.one)["state"] == "BACKUP" && show(&pair.two)["state"] == "MASTER"
    })
    .unwrap();
    let (one, two) = (show(&pair.one), show(&pair.two));
    assert_eq!(one["priority"]["effective"], 101);
    let tracker = &one["priority"]["trackers"][0];
    assert_eq!((&tracker["state"], &tracker["adds"]), (&"down".into(), &0.into()), "{tracker}");
    assert_eq!(
        (&one["counters"]["release_master"], &one["addresses"][0]["installed"]),
        (&1.into(), &false.into())
    );
    assert_eq!((&two["addresses"][0]["installed"], &two["epoch"]), (&true.into(), &1.into()));
    assert_eq!(two["lease"]["seconds"], 3);
    wait_until(LIMIT, "the new MASTER", || {
        let master = show(&pair.one)["master"].clone();
        master["address"] == NODE2.to_string() && master["priority"] == 110
    })
    .unwrap();
    // The same for people.
    let table = vipctl(&pair.one, &["show"]);
    assert!(table.ok(), "{table:?}");
    let head = table.stdout.lines().next().unwrap();
    assert!(head.starts_with("INSTANCE") && head.ends_with("MASTER"), "{}", table.stdout);
    let row = table.stdout.lines().nth(1).unwrap();
    for part in ["VI_1", "BACKUP", "101 !", "enp0s25", "51", "10.88.88.100", "10.88.88.30"] {
        assert!(row.contains(part), "{part}: {}", table.stdout);
    }
    assert!(table.stdout.contains("! VI_1: chk_haproxy is down"), "{}", table.stdout);
    let sheet = vipctl(&pair.two, &["show", "VI_1"]);
    assert!(sheet.ok() && sheet.stdout.starts_with("VI_1 is MASTER"), "{sheet:?}");
    for part in ["110", "10.88.88.100", "epoch", "advert_sent"] {
        assert!(sheet.stdout.contains(part), "{part}: {}", sheet.stdout);
    }
}

#[test]
fn who_may_ask_what() {
    let mut pair = pair();
    let socket = fs::symlink_metadata(pair.one.node.file(SOCKET)).unwrap();
    assert!(socket.file_type().is_socket());
    assert_eq!((socket.uid(), socket.gid(), socket.mode() & 0o7777), (0, GROUP, 0o660));
    let member = ["setpriv", "--reuid=65534", "--regid=64905", "--clear-groups"];
    let stranger = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    for words in [&["show"][..], &["show", "VI_1"], &["show", "--json"]] {
        let said = vipctl_as(&pair.one, &member, words);
        assert!(said.ok() && said.stdout.contains("MASTER"), "{said:?}");
        let said = vipctl_as(&pair.one, &stranger, words);
        assert_eq!(said.status.code(), Some(4), "{said:?}");
    }
    for who in [member, stranger] {
        let said = vipctl_as(&pair.one, &who, &["reload"]);
        assert_eq!(said.status.code(), Some(4), "{said:?}");
    }
    let log = pair.one.node.syslog();
    assert!(log.find("event=control uid=65534").is_some_and(|l| l.text.contains("may_act=false")));
    assert!(log.find("event=reload").is_none(), "{}", log.text());
    assert_eq!(vipctl(&pair.one, &["reload"]).status.code(), Some(0));
    let said = vipctl(&pair.one, &["show", "VI_2"]);
    assert_eq!(said.status.code(), Some(1), "{said:?}");
    assert!(said.stderr.contains("VI_2"), "{said:?}");
    assert_eq!(vipctl(&pair.one, &["show", "VI_1", "more"]).status.code(), Some(2));
    let elsewhere = vipctl(&pair.one, &["-s", "/run/nobody.sock", "show"]);
    assert_eq!(elsewhere.status.code(), Some(3), "{elsewhere:?}");
    pair.one.daemon.as_mut().unwrap().stop(&pair.one.node).unwrap();
    for words in [["show"], ["reload"]] {
        let said = vipctl(&pair.one, &words);
        assert_eq!(said.status.code(), Some(3), "{said:?}");
        assert!(said.stderr.contains("vipd is not running"), "{said:?}");
    }
}

#[test]
fn lines_are_the_protocol() {
    let pair = pair();
    let ask = |text: &str| {
        let command = format!("printf '{text}' | socat -t 5 - UNIX-CONNECT:{SOCKET}");
        let said = pair.one.node.shell(&command).unwrap();
        let lines = said.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.collect::<Vec<Value>>()
    };
    let all = ask("show\\nshow VI_1\\nshow VI_9\\nSHOW\\n\\n  show  VI_1 \\r\\nshow");
    assert_eq!(all.len(), 6, "{all:?}");
    assert!(all.iter().all(|answer| answer["version"] == 1));
    for good in [0, 1, 5] {
        assert_eq!(all[good]["ok"], true, "{all:?}");
        assert_eq!(all[good]["instances"][0]["name"], "VI_1", "{all:?}");
        assert_eq!(all[good]["generation"], 1, "{all:?}");
        assert!(all[good]["build"].is_string(), "{all:?}");
    }
    for (bad, code) in [(2, "unknown_instance"), (3, "unknown_request"), (4, "unknown_request")] {
        assert_eq!((&all[bad]["ok"], &all[bad]["code"]), (&false.into(), &code.into()), "{all:?}");
        assert!(all[bad]["error"].is_string(), "{all:?}");
    }
    let reload = ask("reload\\n");
    assert_eq!(reload[0]["text"], "nothing has changed", "{reload:?}");
    // A line in pieces is a line.
    let mut stream = connect(&pair);
    stream.write_all(b"sh").unwrap();
    served(&pair, "meanwhile");
    stream.write_all(b"ow\n").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let answer: Value = serde_json::from_str(&rest_of(stream)).unwrap();
    assert_eq!(answer["ok"], true, "{answer}");
}

#[test]
fn idle_clients_are_refused_and_closed() {
    let pair = pair();
    let since = Stamp::now();
    let clients: Vec<UnixStream> = (0..40).map(|_| connect(&pair)).collect();
    // No room for the last ones, and they are told so at once.
    let busy: Vec<String> =
        clients.iter().skip(32).map(|client| rest_of(client.try_clone().unwrap())).collect();
    assert!(Stamp::now().since(since) < AT_ONCE);
    assert!(busy.iter().all(|line| line.contains("\"code\":\"busy\"")), "{busy:?}");
    let said = vipctl(&pair.one, &["show"]);
    assert_eq!(said.status.code(), Some(1), "{said:?}");
    assert!(said.stderr.contains("too many control clients"), "{said:?}");
    // Who never asks is closed after ten seconds, though he never leaves.
    let room = || vipctl(&pair.one, &["show"]).ok();
    let at = wait_until(LIMIT, "room for another client", room).unwrap();
    assert!(at.since(since) < Duration::from_secs(13), "{:?}", at.since(since));
    for client in clients.into_iter().take(32) {
        assert_eq!(rest_of(client), "");
    }
    served(&pair, "after the idle ones");
    pair.undisturbed(since, "40 idle clients").unwrap();
}

#[test]
fn endless_line_and_deaf_clients() {
    let pair = pair();
    let since = Stamp::now();
    let before = descriptors(&pair);
    // 100 KiB without a newline; the other end may close before it has all.
    let mut endless = connect(&pair);
    let _ = endless.write_all(&[b'x'; 100 << 10]);
    served(&pair, "an endless line");
    let mut first = [0; 512];
    let length = endless.read(&mut first).unwrap_or(0);
    let answer = String::from_utf8_lossy(&first[..length]).into_owned();
    assert!(answer.contains("too_long"), "{answer:?}");
    // They ask as long as they can, and read nothing.
    let mut deaf: Vec<UnixStream> = (0..20).map(|_| connect(&pair)).collect();
    for client in &mut deaf {
        client.set_nonblocking(true).unwrap();
        for _ in 0..2000 {
            if client.write_all(b"show\nshow VI_1\n").is_err() {
                break;
            }
        }
        served(&pair, "deaf clients");
    }
    // One that goes on asking and reading is served all the while.
    let mut loud = connect(&pair);
    let mut answers = [0; 65536];
    for _ in 0..200 {
        loud.write_all(b"show\n").unwrap();
        assert!(loud.read(&mut answers).unwrap() > 0);
    }
    // A client that went away in the middle is nobody's trouble.
    drop(deaf.split_off(10));
    served(&pair, "clients that left");
    // Who has not read for ten seconds is closed; who asks and reads stays.
    assert!(descriptors(&pair) >= before + 11, "they were closed before");
    wait_until(LIMIT, "the end of the deaf ones", || {
        loud.write_all(b"show\n").unwrap();
        assert!(loud.read(&mut answers).unwrap() > 0);
        descriptors(&pair) == before + 1
    })
    .unwrap();
    pair.undisturbed(since, "deaf clients").unwrap();
    assert_eq!(pair.owners(), [1]);
}

/// How many the engine holds.
fn descriptors(pair: &Pair) -> usize {
    let engine = pair.one.node.find("vipd-vrrpe");
    assert_eq!(engine.len(), 1, "{engine:?}");
    fs::read_dir(engine[0].proc_dir().join("fd")).unwrap().count()
}

/// More connections in a second than a person makes are closed unread: they cost a bounded number
/// of audit lines, and the adverts nothing.
#[test]
fn storm_of_connections() {
    let pair = pair();
    let since = Stamp::now();
    let mut storm = 0_u64;
    while Stamp::now().since(since) < Duration::from_secs(4) && storm < 20_000 {
        if let Ok(mut client) = UnixStream::connect(pair.one.node.file(SOCKET)) {
            let _ = client.write_all(b"show\n");
            storm += 1;
        }
    }
    assert!(storm > 400, "only {storm} connections");
    pair.undisturbed(since, "a storm").unwrap();
    wait_until(LIMIT, "an answer", || vipctl(&pair.one, &["show"]).ok()).unwrap();
    let seconds = Stamp::now().since(since).as_secs() + 2;
    let audit = pair.one.node.syslog().audit();
    let lines = audit.iter().filter(|line| line.text.contains("event=control")).count() as u64;
    assert!(lines <= seconds * 50, "{lines} lines for {storm} connections in {seconds} s");
}
