//! The control socket of a running daemon: what it says is what the wire shows, who may speak to
//! it, and that no client makes an advert late.
#![cfg(test)]

use serde_json::Value;
use std::os::unix::net::UnixStream;
use std::time::Duration;
use vipd_lab::clock::wait_until;
use vipd_lab::run::Output;
use vipd_lab::scenario::{LIMIT, NODE1, Pair};
use vipd_lab::{Daemon, Stamp, node::Node, packages, paths};

const SOCKET: &str = "/run/vipd/vipd.sock";

fn pair() -> Pair {
    packages::ensure().unwrap();
    let vipd = Daemon::vipd().unwrap();
    Pair::running(&vipd, &vipd).unwrap()
}

fn vipctl(node: &Node, words: &[&str]) -> Output {
    let vipctl = paths::bin_dir().unwrap().join("vipctl").to_string_lossy().into_owned();
    let line: Vec<&str> = [vipctl.as_str()].into_iter().chain(words.iter().copied()).collect();
    node.exec(&line, LIMIT).unwrap()
}

fn json(node: &Node) -> Value {
    let output = vipctl(node, &["show", "VI_1", "--json"]);
    assert!(output.ok(), "{output:?}");
    let answer: Value = serde_json::from_str(&output.stdout).unwrap();
    answer["instances"][0].clone()
}

#[test]
fn what_it_says_is_true_and_for_whom() {
    let pair = pair();
    let (one, two) = (json(&pair.one.node), json(&pair.two.node));
    assert_eq!((&one["state"], &two["state"]), (&"MASTER".into(), &"BACKUP".into()));
    assert_eq!(one["priority"]["effective"], 111);
    assert_eq!(two["priority"]["effective"], 110);
    assert_eq!(two["master"]["address"], NODE1.to_string());
    assert_eq!(two["master"]["priority"], 111);
    assert_eq!(one["addresses"][0]["installed"], true);
    assert_eq!(two["addresses"][0]["installed"], false);
    let node = &pair.one.node;
    let table = vipctl(node, &["show"]);
    assert!(table.ok() && table.stdout.contains("MASTER"), "{table:?}");
    assert_eq!(vipctl(node, &["show", "NONE"]).status.code(), Some(1));
    assert_eq!(vipctl(node, &["-s", "/run/none.sock", "show"]).status.code(), Some(3));

    let ask = |who: &str, what: &str| {
        node.shell(&format!("echo {what} | setpriv {who} socat -t 5 - UNIX-CONNECT:{SOCKET}"))
    };
    let member = "--reuid 65534 --regid 65534 --groups 64905";
    assert!(ask(member, "show").unwrap().contains("\"ok\":true"));
    assert!(ask(member, "reload").unwrap().contains("\"code\":\"permission\""));
    assert!(ask("--reuid 65534 --regid 65534 --clear-groups", "show").is_err());
    assert_eq!(node.shell(&format!("stat -c '%a %G' {SOCKET}")).unwrap().trim(), "660 vipctl");
    let garbage = node.shell(&format!("head -c 9000 /dev/zero | socat -t 5 - UNIX:{SOCKET}"));
    assert!(garbage.unwrap_or_default().contains("too_long") || json(node)["state"] == "MASTER");
}

/// Clients that connect and say nothing cost nobody an advert.
#[test]
fn silent_clients_delay_nothing() {
    let pair = pair();
    let path = pair.one.node.file(SOCKET);
    let clients: Vec<UnixStream> = (0..40).map(|_| UnixStream::connect(&path).unwrap()).collect();
    let since = Stamp::now();
    let ours = || -> Vec<Stamp> {
        let all = pair.capture.adverts(since).into_iter();
        all.filter(|(_, advert)| advert.source == NODE1).map(|(at, _)| at).collect()
    };
    wait_until(LIMIT, "five adverts", || ours().len() >= 5).unwrap();
    for pair in ours().windows(2) {
        let gap = pair[1].since(pair[0]);
        assert!(gap < Duration::from_millis(1300), "an advert came late: {gap:?}");
    }
    drop(clients);
    wait_until(LIMIT, "room for a client", || vipctl(&pair.one.node, &["show"]).ok()).unwrap();
}
