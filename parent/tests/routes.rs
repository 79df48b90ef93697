//! What a MASTER holds beside its addresses: addresses that are not in adverts, routes and rules,
//! which come and go with the term. Two real nodes; witnesses are iproute2 and the audit trail.
#![cfg(test)]

use serde_json::Value;
use std::net::IpAddr;
use vipd_lab::clock::{Stamp, wait_until};
use vipd_lab::scenario::{CONFIG1, CONFIG2, Host, LIMIT, Pair};
use vipd_lab::{Daemon, Node, packages};

/// What both nodes hold while MASTER; `qr-1` is an interface of their own.
const HELD: &str = "
    virtual_ipaddress_excluded {
        10.77.0.1/24 dev qr-1
        2001:db8:77::1/64 dev qr-1
        fe80::77/64 dev qr-1 scope link
    }
    virtual_routes {
        10.66.0.0/16 via 10.77.0.2 dev qr-1 src 10.77.0.1
        default via 10.77.0.9 dev qr-1 table 1000
        10.67.0.0/16 dev enp0s25 metric 7
        2001:db8:66::/48 via fe80::9 dev qr-1
        blackhole 10.68.0.0/16
    }
    virtual_rules {
        from 10.77.0.1/32 table 1000 priority 100
        inet6 from 2001:db8:77::1/128 table 1000 priority 100
    }
";

const SECOND: &str = "ip link add qr-1 type veth peer name qr-peer && ip link set qr-1 up && \
                      ip link set qr-peer up";

fn with(text: &str, held: &str) -> String {
    text.replace("    track_script", &format!("{held}    track_script"))
}

fn boot(held: &str) -> Pair {
    packages::ensure().unwrap();
    let pair = Pair::with_configs(&with(CONFIG1, held), &with(CONFIG2, held)).unwrap();
    for host in [&pair.one, &pair.two] {
        host.node.shell(SECOND).unwrap();
    }
    pair
}

/// Node 1 is MASTER and holds everything; node 2 holds nothing.
fn pair() -> Pair {
    let vipd = Daemon::vipd().unwrap();
    let mut pair = boot(HELD);
    pair.one.start_daemon(&vipd).unwrap();
    pair.two.start_daemon(&vipd).unwrap();
    pair.settle().unwrap();
    wait_held(&pair, &pair.one, true);
    wait_held(&pair, &pair.two, false);
    pair
}

fn list(node: &Node, words: &str) -> Vec<Value> {
    let said = node.shell(&format!("ip -j {words}")).unwrap();
    serde_json::from_str::<Vec<Value>>(&said).unwrap_or_default()
}

/// Destinations of the routes of protocol 18, and priorities of such rules.
fn paths(node: &Node) -> Vec<String> {
    let routes =
        ["-4", "-6"].map(|family| list(node, &format!("{family} route show table all proto 18")));
    let rules = ["-4", "-6"].map(|family| list(node, &format!("{family} rule show")));
    let is_ours = |rule: &Value| rule["protocol"] == "18" || rule["protocol"] == "keepalived";
    let routes = routes.iter().flatten().map(|route| route["dst"].as_str().unwrap().to_owned());
    let rules = rules.iter().flatten().filter(|rule| is_ours(rule));
    let rules = rules.map(|rule| format!("rule {}", rule["priority"]));
    let mut all: Vec<String> = routes.chain(rules).collect();
    all.sort();
    all
}

const ALL: [&str; 7] = [
    "10.66.0.0/16",
    "10.67.0.0/16",
    "10.68.0.0/16",
    "2001:db8:66::/48",
    "default",
    "rule 100",
    "rule 100",
];

fn addresses(node: &Node) -> Vec<String> {
    let all = list(node, "address show dev qr-1");
    let all = all[0]["addr_info"].as_array().cloned().unwrap_or_default();
    let ours = ["10.77.0.1", "2001:db8:77::1", "fe80::77"];
    let named = all.iter().filter_map(|one| one["local"].as_str().map(str::to_owned));
    named.filter(|name| ours.contains(&name.as_str())).collect()
}

fn wait_held(pair: &Pair, host: &Host, held: bool) {
    let is_so = || {
        let (paths, addresses) = (paths(&host.node), addresses(&host.node));
        if held {
            paths == ALL && addresses.len() == 3
        } else {
            paths.is_empty() && addresses.is_empty()
        }
    };
    let waited = wait_until(LIMIT, "all of it, or nothing", is_so);
    let (paths, addresses) = (paths(&host.node), addresses(&host.node));
    let logs = || format!("{}\n{}", pair.one.node.syslog().text(), pair.two.node.syslog().text());
    assert!(waited.is_ok(), "{} {held}: {paths:?} {addresses:?}\n{}", host.name(), logs());
}

fn line(node: &Node, since: Stamp, parts: &[&str]) -> Option<usize> {
    let lines = node.syslog().audit();
    let is = |line: &vipd_lab::syslog::Line| {
        line.at >= since && parts.iter().all(|part| line.text.contains(part))
    };
    lines.iter().position(is)
}

fn wait_line(node: &Node, since: Stamp, parts: &[&str]) -> usize {
    let waited =
        wait_until(LIMIT, format_args!("{parts:?}"), || line(node, since, parts).is_some());
    assert!(waited.is_ok(), "{waited:?}\n{}", node.syslog().text());
    line(node, since, parts).unwrap()
}

#[test]
fn takeover_and_return() {
    let mut pair = pair();
    let start = Stamp::from_nanos(0);
    let one = &pair.one.node;
    let address =
        wait_line(one, start, &["event=add ", "10.77.0.1/24", "why=acquire", "result=ok"]);
    let route =
        wait_line(one, start, &["event=add-route", "10.66.0.0/16", "why=acquire", "result=ok"]);
    let rule =
        wait_line(one, start, &["event=add-rule", "10.77.0.1/32", "why=acquire", "result=ok"]);
    assert!(address < route && route < rule, "{address} {route} {rule}");
    let shown = list(one, "route show 10.66.0.0/16");
    assert_eq!(
        (&shown[0]["gateway"], &shown[0]["prefsrc"]),
        (&"10.77.0.2".into(), &"10.77.0.1".into())
    );

    let at = pair.one.running().unwrap().terminate().unwrap();
    wait_held(&pair, &pair.two, true);
    wait_held(&pair, &pair.one, false);
    let one = &pair.one.node;
    let rule = wait_line(one, at, &["event=remove-rule", "10.77.0.1/32", "why=stop", "result=ok"]);
    let route =
        wait_line(one, at, &["event=remove-route", "10.66.0.0/16", "why=stop", "result=ok"]);
    let address = wait_line(one, at, &["event=remove ", "10.77.0.1/24", "why=stop", "result=ok"]);
    assert!(rule < route && route < address, "{rule} {route} {address}");

    pair.one.running().unwrap().wait(LIMIT).unwrap();
    pair.one.start_daemon(&Daemon::vipd().unwrap()).unwrap();
    pair.wait_owner(1).unwrap();
    wait_held(&pair, &pair.one, true);
    wait_held(&pair, &pair.two, false);
}

#[test]
fn what_somebody_removes_is_put_back() {
    let pair = pair();
    let one = &pair.one.node;
    for (delete, event, what) in [
        ("ip route delete 10.66.0.0/16", "event=add-route", "10.66.0.0/16"),
        ("ip -6 route delete 2001:db8:66::/48", "event=add-route", "2001:db8:66::/48"),
        ("ip route replace blackhole 10.68.0.0/16 proto static", "event=add-route", "10.68.0.0/16"),
        ("ip rule delete priority 100", "event=add-rule", "10.77.0.1/32"),
        // The route goes with the address.
        ("ip address delete 10.77.0.1/24 dev qr-1", "event=add-route", "10.66.0.0/16"),
    ] {
        let at = Stamp::now();
        one.shell(delete).unwrap();
        wait_line(one, at, &[event, what, "why=restore", "result=ok"]);
        wait_held(&pair, &pair.one, true);
    }
    assert_eq!(pair.owners(), [1]);
    // Of the other, which came in its place, nothing was taken.
    let other = list(one, "route show 10.68.0.0/16 proto static");
    assert_eq!(other.len(), 1, "{other:?}");
}

#[test]
fn routes_come_back_with_the_link() {
    let pair = pair();
    let one = &pair.one.node;
    let at = Stamp::now();
    one.shell("ip link set qr-1 down").unwrap();
    wait_until(LIMIT, "no route on it", || !paths(one).contains(&ALL[0].to_owned())).unwrap();
    one.shell("ip link set qr-1 up").unwrap();
    wait_held(&pair, &pair.one, true);
    wait_line(one, at, &["event=add-route", "10.66.0.0/16", "why=restore", "result=ok"]);
    assert_eq!(pair.owners(), [1], "{}", one.syslog().text());
}

#[test]
fn removed_again_and_again_goes_to_the_peer() {
    let pair = pair();
    let at = Stamp::now();
    for _ in 0..6 {
        let since = Stamp::now();
        pair.one.node.shell("ip route delete blackhole 10.68.0.0/16").unwrap();
        let audited = || line(&pair.one.node, since, &["add-route", "10.68.0.0/16"]).is_some();
        wait_until(LIMIT, "an answer", audited).unwrap();
    }
    let gave_up = || pair.one.node.syslog().find_since(at, "do not stay").is_some();
    wait_until(LIMIT, "the end of its patience", gave_up).unwrap();
    pair.wait_owner(2).unwrap();
    wait_held(&pair, &pair.two, true);
    wait_held(&pair, &pair.one, false);
}

#[test]
fn engine_is_killed() {
    let pair = pair();
    let at = Stamp::now();
    let engine = pair.one.node.find("vipd-vrrpe");
    engine[0].signal(nix::sys::signal::Signal::SIGKILL).unwrap();
    wait_held(&pair, &pair.two, true);
    wait_held(&pair, &pair.one, false);
    wait_line(&pair.one.node, at, &["event=remove-route", "10.66.0.0/16", "why=undo", "result=ok"]);
}

/// The lease covers addresses; a route of IPv4 with one as its source goes with it. The others stay
/// until the next start.
#[test]
fn all_are_killed() {
    let mut pair = pair();
    pair.one.daemon.as_mut().unwrap().kill_all(&pair.one.node).unwrap();
    wait_held(&pair, &pair.two, true);
    let one = &pair.one.node;
    wait_until(LIMIT, "no address", || addresses(one).is_empty()).unwrap();
    let left = paths(one);
    assert!(!left.contains(&"10.66.0.0/16".to_owned()), "{left:?}");
    assert!(left.contains(&"10.67.0.0/16".to_owned()) && left.len() > 3, "{left:?}");
    // Peers agree on who has the address, whatever the dead host's routes are.
    assert_eq!(pair.owners(), [2]);
    let at = Stamp::now();
    pair.one.start_daemon(&Daemon::vipd().unwrap()).unwrap();
    for (event, what) in
        [("event=remove-route", "10.67.0.0/16"), ("event=remove-rule", "10.77.0.1")]
    {
        wait_line(&pair.one.node, at, &[event, what, "why=leftover", "result=ok"]);
    }
    pair.wait_owner(1).unwrap();
    wait_held(&pair, &pair.one, true);
    wait_held(&pair, &pair.two, false);
}

#[test]
fn reload_changes_what_differs() {
    let mut pair = pair();
    let text = with(CONFIG1, HELD);
    let mut monitor = pair.one.node.spawn("ip", &["monitor", "route", "rule"]).unwrap();
    let marker = "ip route add blackhole 192.0.2.1 && ip route delete blackhole 192.0.2.1";
    let told = |pair: &Pair, monitor: &vipd_lab::Spawned| {
        pair.one.node.shell(marker).unwrap();
        let done = || monitor.stdout().matches("192.0.2.1").count() >= 2;
        wait_until(LIMIT, "the monitor", done).unwrap();
        let lines = monitor.stdout();
        lines
            .lines()
            .filter(|line| !line.contains("192.0.2.1"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(told(&pair, &monitor), Vec::<String>::new());
    let at = Stamp::now();
    pair.one.daemon.as_mut().unwrap().reload(&pair.one.node, &text).unwrap();
    let same = || pair.one.node.syslog().find_since(at, "nothing has changed").is_some();
    wait_until(LIMIT, "a reload without effect", same).unwrap();
    assert_eq!(told(&pair, &monitor), Vec::<String>::new());

    let at = Stamp::now();
    let changed = text.replace("10.67.0.0/16 dev enp0s25 metric 7", "10.69.0.0/16 dev enp0s25");
    pair.one.daemon.as_mut().unwrap().reload(&pair.one.node, &changed).unwrap();
    let one = &pair.one.node;
    wait_line(one, at, &["event=remove-route", "10.67.0.0/16", "why=reload", "result=ok"]);
    wait_line(one, at, &["event=add-route", "10.69.0.0/16", "why=reload", "result=ok"]);
    let lines = told(&pair, &monitor);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].contains("Deleted 10.67.0.0/16") && lines[1].contains("10.69.0.0/16"),
        "{lines:?}"
    );
    assert_eq!(pair.owners(), [1]);
    let at = Stamp::now();
    pair.one.daemon.as_mut().unwrap().reload(&pair.one.node, CONFIG1).unwrap();
    wait_line(&pair.one.node, at, &["event=remove ", "10.77.0.1/24", "why=reload", "result=ok"]);
    wait_held(&pair, &pair.one, false);
    assert_eq!(pair.owners(), [1]);
    monitor.signal(nix::sys::signal::Signal::SIGKILL).unwrap();
}

/// All or nothing: without its route the node is no MASTER, and the peer is.
#[test]
fn route_that_cannot_be_added() {
    let vipd = Daemon::vipd().unwrap();
    let mut pair = boot("    virtual_routes {\n 10.66.0.0/16 via 10.55.0.1 dev qr-1\n }\n");
    pair.two.node.shell("ip address add 10.55.0.2/24 dev qr-1").unwrap();
    pair.one.start_daemon(&vipd).unwrap();
    let at = Stamp::from_nanos(0);
    let said = || pair.one.node.syslog().find_since(at, "cannot add route").is_some();
    wait_until(LIMIT, "the refusal", said).unwrap();
    wait_line(&pair.one.node, at, &["event=add-route", "10.66.0.0/16", "result=ENETUNREACH"]);
    wait_line(&pair.one.node, at, &["event=remove ", "10.88.88.100", "why=rollback", "result=ok"]);
    let fault = || pair.one.node.syslog().find("Entering FAULT STATE").is_some();
    wait_until(LIMIT, "FAULT", fault).unwrap();
    pair.two.start_daemon(&vipd).unwrap();
    pair.wait_owner(2).unwrap();
    let route = || paths(&pair.two.node) == ["10.66.0.0/16"];
    wait_until(LIMIT, "the route on node2", route).unwrap();
}

/// As Neutron writes it: one address that elects, the rest beside it.
#[test]
fn neutron() {
    const ROUTER: &str = "vrrp_instance VR_1 {
    state BACKUP
    interface enp0s25
    virtual_router_id 1
    priority PRIORITY
    garp_master_delay 60
    nopreempt
    advert_int 2
    virtual_ipaddress {
        169.254.0.1/24 dev enp0s25
    }
    virtual_ipaddress_excluded {
        10.77.0.1/24 dev qr-1 no_track
        10.88.88.100/32 dev enp0s25 no_track
        2001:db8:77::1/64 dev qr-1 no_track
        fe80::77/64 dev qr-1 scope link no_track
    }
    virtual_routes {
        0.0.0.0/0 via 10.77.0.254 dev qr-1 no_track protocol static
        ::/0 via fe80::1 dev qr-1 no_track protocol static
        10.99.0.0/24 dev qr-1 scope link no_track protocol static
    }
}
";
    let vipd = Daemon::vipd().unwrap();
    packages::ensure().unwrap();
    let of = |priority| ROUTER.replace("PRIORITY", priority);
    let mut pair = Pair::with_configs(&of("51"), &of("50")).unwrap();
    for host in [&pair.one, &pair.two] {
        host.node.shell(SECOND).unwrap();
    }
    let state: IpAddr = "169.254.0.1".parse().unwrap();
    let held = |host: &Host| {
        let paths = paths(&host.node);
        let all =
            paths == ["10.99.0.0/24", "default", "default"] && addresses(&host.node).len() == 3;
        (
            host.node.watch().holds(state) && all,
            paths.is_empty() && addresses(&host.node).is_empty(),
        )
    };
    pair.one.start_daemon(&vipd).unwrap();
    wait_until(LIMIT, "node1", || held(&pair.one).0).unwrap();
    pair.two.start_daemon(&vipd).unwrap();
    let shown = list(&pair.one.node, "route show 10.99.0.0/24");
    assert_eq!(shown[0]["scope"], "link", "{shown:?}");
    // Only the one is in adverts.
    let advert =
        pair.capture.wait_advert(Stamp::now(), LIMIT, "of node1", |a| a.vrid == 1).unwrap();
    assert_eq!(advert.1.addresses, [state]);

    // With no_track, what somebody takes is his.
    let at = Stamp::now();
    let left = |what: &str| pair.one.node.syslog().find_since(at, what).is_some();
    pair.one.node.shell("ip route delete 10.99.0.0/24").unwrap();
    wait_until(LIMIT, "word of the route", || left("is let go")).unwrap();
    pair.one.node.shell("ip address delete 10.77.0.1/24 dev qr-1").unwrap();
    wait_until(LIMIT, "word of the address", || left("which has no_track")).unwrap();
    assert!(pair.one.node.watch().holds(state));

    pair.one.running().unwrap().terminate().unwrap();
    wait_until(LIMIT, "node2", || held(&pair.two).0 && held(&pair.one).1).unwrap();
    pair.probe.wait_answer(at, "node2", LIMIT).unwrap();
    assert!(line(&pair.one.node, at, &["10.77.0.1/24", "why=restore"]).is_none());
}
