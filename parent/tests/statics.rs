//! Static addresses, routes and rules: there while the daemon runs, put back when somebody removes
//! one, and what an instance can depend on. Witnesses are iproute2 and the audit trail.
#![cfg(test)]

use serde_json::Value;
use vipd_lab::clock::{Stamp, wait_until};
use vipd_lab::scenario::{CONFIG1, CONFIG2, LIMIT, Pair};
use vipd_lab::{Daemon, Node, packages};

const STATICS: &str = "
static_ipaddress {
    10.77.0.1/24 dev qr-1 track_group TG
    2001:db8:77::1/64 dev qr-1
}
static_routes {
    10.66.0.0/16 via 10.77.0.2 dev qr-1 src 10.77.0.1 track_group TG
    blackhole 10.68.0.0/16
}
static_rules {
    from 10.77.0.1/32 table 1000 priority 100
}
track_group TG {
    group {
        VI_1
    }
}
";
const SECOND: &str = "ip link add qr-1 type veth peer name qr-peer && ip link set qr-1 up && \
                      ip link set qr-peer up";

fn boot(statics: &str) -> Pair {
    packages::ensure().unwrap();
    let pair = Pair::with_configs(&format!("{statics}{CONFIG1}"), CONFIG2).unwrap();
    pair.one.node.shell(SECOND).unwrap();
    pair
}

/// Node 1 has static entries and is MASTER.
fn pair() -> Pair {
    let vipd = Daemon::vipd().unwrap();
    let mut pair = boot(STATICS);
    pair.one.start_daemon(&vipd).unwrap();
    wait_all(&pair, true);
    pair.two.start_daemon(&vipd).unwrap();
    pair.settle().unwrap();
    pair
}

fn list(node: &Node, words: &str) -> Vec<Value> {
    let said = node.shell(&format!("ip -j {words}")).unwrap();
    serde_json::from_str::<Vec<Value>>(&said).unwrap_or_default()
}

/// How many of ours there are.
fn count(node: &Node) -> (usize, usize, usize) {
    let addresses = node.watch().addresses_now().unwrap();
    let ours = |a: &&vipd_lab::netlink::Address| {
        a.protocol == 18 && a.address != std::net::IpAddr::V4(vipd_lab::scenario::VIP)
    };
    // They are this host's alone.
    assert!(addresses.iter().filter(ours).all(|a| a.lifetime.is_none()), "{addresses:?}");
    let routes = list(node, "route show table all proto 18").len();
    let rules = list(node, "rule show");
    let rules = rules.iter().filter(|rule| rule["priority"] == 100).count();
    (addresses.iter().filter(ours).count(), routes, rules)
}

fn wait_all(pair: &Pair, there: bool) {
    let node = &pair.one.node;
    let wanted = if there { (2, 2, 1) } else { (0, 0, 0) };
    let waited = wait_until(LIMIT, "all, or none", || count(node) == wanted);
    assert!(waited.is_ok(), "{:?}\n{}", count(node), node.syslog().text());
}

fn wait_line(node: &Node, since: Stamp, parts: &[&str]) {
    let is = |line: &vipd_lab::syslog::Line| {
        line.at >= since && parts.iter().all(|part| line.text.contains(part))
    };
    let waited =
        wait_until(LIMIT, format_args!("{parts:?}"), || node.syslog().audit().iter().any(is));
    assert!(waited.is_ok(), "{waited:?}\n{}", node.syslog().text());
}

#[test]
fn there_while_the_daemon_runs() {
    let mut pair = pair();
    let one = &pair.one.node;
    let start = Stamp::from_nanos(0);
    wait_line(one, start, &["event=add ", "10.77.0.1/24", "by=parent", "why=start", "result=ok"]);
    assert_eq!(list(one, "route show 10.66.0.0/16")[0]["prefsrc"], "10.77.0.1");
    for (delete, event) in [
        ("ip route delete 10.66.0.0/16", "event=add-route"),
        ("ip rule delete priority 100", "event=add-rule"),
        // The route goes with it.
        ("ip address delete 10.77.0.1/24 dev qr-1", "event=add-route"),
        ("ip link set qr-1 down && ip link set qr-1 up", "event=add-route"),
    ] {
        let at = Stamp::now();
        one.shell(delete).unwrap();
        wait_line(one, at, &[event, "why=restore", "result=ok"]);
        wait_all(&pair, true);
    }
    assert_eq!(pair.owners(), [1]);

    // Not MASTER any more, and they stay.
    pair.one.kill_haproxy().unwrap();
    pair.wait_owner(2).unwrap();
    wait_all(&pair, true);

    let at = Stamp::now();
    let changed = format!("{}{CONFIG1}", STATICS.replace("10.68.0.0/16", "10.69.0.0/16"));
    pair.one.daemon.as_mut().unwrap().reload(&pair.one.node, &changed).unwrap();
    wait_line(
        &pair.one.node,
        at,
        &["event=remove-route", "10.68.0.0/16", "why=reload", "result=ok"],
    );
    wait_line(&pair.one.node, at, &["event=add-route", "10.69.0.0/16", "why=reload", "result=ok"]);
    wait_all(&pair, true);
    let audit = pair.one.node.syslog().audit();
    let late = audit.iter().filter(|line| line.at >= at && line.text.contains("why=reload"));
    assert_eq!(late.count(), 2, "only what differs");

    pair.one.daemon.as_mut().unwrap().stop(&pair.one.node).unwrap();
    wait_all(&pair, false);
}

#[test]
fn an_instance_depends_on_them() {
    let pair = pair();
    let at = Stamp::now();
    for _ in 0..6 {
        let since = Stamp::now();
        pair.one.node.shell("ip route delete 10.66.0.0/16").unwrap();
        wait_line(&pair.one.node, since, &["add-route", "10.66.0.0/16"]);
    }
    pair.wait_owner(2).unwrap();
    let said = || pair.one.node.syslog().find_since(at, "it depends on static route").is_some();
    wait_until(LIMIT, "the reason", said).unwrap();
    // The others stay.
    wait_until(LIMIT, "the others", || count(&pair.one.node) == (2, 1, 1)).unwrap();
}

#[test]
fn left_behind_and_foreign() {
    let mut pair = pair();
    pair.one.daemon.as_mut().unwrap().kill_all(&pair.one.node).unwrap();
    pair.wait_owner(2).unwrap();
    wait_all(&pair, true);
    let one = &pair.one.node;
    one.shell("ip address delete 2001:db8:77::1/64 dev qr-1").unwrap();
    one.shell("ip address add 2001:db8:77::1/64 dev qr-1 nodad").unwrap();
    let at = Stamp::now();
    pair.one.start_daemon(&Daemon::vipd().unwrap()).unwrap();
    let one = &pair.one.node;
    wait_line(one, at, &["event=remove-route", "10.66.0.0/16", "why=leftover", "result=ok"]);
    wait_line(one, at, &["event=remove ", "10.77.0.1/24", "why=leftover", "result=ok"]);
    wait_line(one, at, &["event=add ", "2001:db8:77::1/64", "result=EEXIST"]);
    pair.wait_owner(1).unwrap();
    pair.one.daemon.as_mut().unwrap().stop(&pair.one.node).unwrap();
    wait_all(&pair, false);
    let left = list(&pair.one.node, "address show dev qr-1").first().unwrap().to_string();
    assert!(left.contains("2001:db8:77::1"), "{left}");
}

/// The kernel has each of them once, so that all leave before anything comes.
#[test]
fn a_reload_moves_them_to_an_instance_and_back() {
    let mut pair = pair();
    let apart = STATICS.split_once("static_rules").unwrap().1;
    let apart = format!("static_rules{apart}");
    let held = "    virtual_ipaddress_excluded {\n 10.77.0.1/24 dev qr-1\n \
                2001:db8:77::1/64 dev qr-1\n }\n \
                virtual_routes {\n 10.66.0.0/16 via 10.77.0.2 dev qr-1 src 10.77.0.1\n \
                blackhole 10.68.0.0/16\n }\n";
    let first = CONFIG1.replace("    track_script", &format!("{held}    track_script"));
    for text in [format!("{apart}{first}"), format!("{STATICS}{CONFIG1}")] {
        let at = Stamp::now();
        pair.one.daemon.as_mut().unwrap().reload(&pair.one.node, &text).unwrap();
        for what in ["event=add-route route=\"inet 10.66.0.0/16", "event=add address=10.77.0.1/24"]
        {
            wait_line(&pair.one.node, at, &[what, "why=reload", "result=ok"]);
        }
        let there = || {
            let all = list(&pair.one.node, "route show table all proto 18").len();
            (all, pair.one.node.watch().holds("10.77.0.1".parse().unwrap()))
        };
        wait_until(LIMIT, "all of them", || there() == (2, true)).unwrap();
        assert_eq!(pair.owners(), [1], "{}", pair.one.node.syslog().text());
        let audit = pair.one.node.syslog().audit();
        let refused = audit.iter().any(|line| line.at >= at && line.text.contains("EEXIST"));
        assert!(!refused, "{}", pair.one.node.syslog().text());
    }
    wait_all(&pair, true);
}

/// What an instance had that is no more is another's, without a moment in which both want it.
#[test]
fn a_reload_gives_them_to_another_instance() {
    const ROUTES: &str = "    virtual_routes {\n blackhole 10.68.0.0/16\n }\n";
    let mut pair = boot("");
    let with = |text: &str| text.replace("    track_script", &format!("{ROUTES}    track_script"));
    let node = |pair: &Pair| list(&pair.one.node, "route show 10.68.0.0/16 proto 18").len();
    pair.one.config = with(CONFIG1);
    pair.one.start_daemon(&Daemon::vipd().unwrap()).unwrap();
    pair.wait_owner(1).unwrap();
    wait_until(LIMIT, "the route", || node(&pair) == 1).unwrap();
    let other = with(CONFIG1).replace("virtual_router_id 51", "virtual_router_id 52");
    assert_ne!(other, with(CONFIG1));
    let at = Stamp::now();
    pair.one.daemon.as_mut().unwrap().reload(&pair.one.node, &other).unwrap();
    wait_line(&pair.one.node, at, &["event=remove-route", "why=reload", "result=ok"]);
    wait_line(&pair.one.node, at, &["event=add-route", "why=acquire", "result=ok"]);
    pair.wait_owner(1).unwrap();
    wait_until(LIMIT, "the route again", || node(&pair) == 1).unwrap();
}
