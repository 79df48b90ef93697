//! Routes and rules in the kernel: what is added is there as asked for and with our protocol, and
//! what others have made is not touched. Witness is iproute2.

use super::{LIMIT, NEAR, Wire, ip, ip_says, linux};
use crate::kernel::{Adding, Change, Events, Kernel, Path, RoutePath, RulePath};
use nix::errno::Errno;
use serde_json::Value;
use vipd_conf::routing::{Action, Table};
use vipd_lab::wait_until;

/// As the configuration has it, and a plan makes it: all interfaces are `near`.
fn paths(keyword: &str, lines: &str) -> Vec<Path> {
    let text = format!(
        "vrrp_instance A {{\ninterface near\nvirtual_router_id 1\nvirtual_ipaddress {{\n10.0.0.1\n}}\n\
         {keyword} {{\n{lines}\n}}\n}}\n"
    );
    let parsed = vipd_conf::parse("x", text.as_bytes());
    assert_eq!(parsed.diagnostics, []);
    let one = &parsed.config.instances[0];
    let number = |table: &Table| match table {
        Table::Number(number) => *number,
        Table::Name(name) => panic!("{name}"),
    };
    let route = |route: &vipd_conf::routing::Route| {
        let indexes = route.hops.iter().map(|hop| hop.dev.map(|_| NEAR)).collect();
        let (wanted, is_part) = (route.clone(), route.hops.len() > 1);
        Path::Route(Box::new(RoutePath { wanted, table: number(&route.table), indexes, is_part }))
    };
    let rule = |rule: &vipd_conf::routing::Rule| {
        let table = match &rule.action {
            Action::Table(table) => Some(number(table)),
            _ => None,
        };
        Path::Rule(Box::new(RulePath { wanted: rule.clone(), table }))
    };
    one.routes.iter().map(route).chain(one.rules.iter().map(rule)).collect()
}

fn routes(lines: &str) -> Vec<Path> {
    paths("virtual_routes", lines)
}

fn rules(lines: &str) -> Vec<Path> {
    paths("virtual_rules", lines)
}

fn list(wire: &Wire, words: &[&str]) -> Vec<Value> {
    ip_says(&wire.near, words).as_array().cloned().unwrap_or_default()
}

/// Of protocol 18.
fn ours(wire: &Wire, family: &str) -> Vec<Value> {
    list(wire, &[family, "route", "show", "table", "all", "proto", "18"])
}

fn wire() -> Wire {
    let wire = Wire::new();
    ip(&wire.near, "address add 10.0.0.1/24 dev near\naddress add 2001:db8::1/64 dev near nodad\n");
    wire
}

fn all<T: Clone>(one: T, count: usize) -> Vec<T> {
    vec![one; count]
}

#[test]
fn routes_are_as_asked_for() {
    let wire = wire();
    let mut kernel = linux(&wire.near);
    let wanted = routes(
        "10.1.0.0/16 via 10.0.0.2 dev near src 10.0.0.1 metric 10 mtu lock 1400 initcwnd 20 congctl cubic\n\
         default via 10.9.9.9 dev near onlink table 1000\n\
         10.2.0.0/16 dev near tos 16\n\
         blackhole 10.3.0.0/16\n\
         10.4.0.0/16 nexthop via 10.0.0.2 weight 3 nexthop via 10.0.0.3 dev near\n\
         10.5.0.0/16 via fe80::2 dev near\n\
         unreachable 2001:db8:1::/48\n\
         2001:db8:2::/48 via fe80::2 dev near pref high expires 1000\n\
         2001:db8:3::/48 via 2001:db8::2 src 2001:db8::1 metric 5\n\
         throw 10.6.0.0/16 table 7",
    );
    let count = wanted.len();
    assert_eq!(kernel.add_paths(&wanted, Adding::New), all(Ok(()), count));
    assert_eq!(kernel.add_paths(&wanted, Adding::Again), all(Err(Errno::EEXIST), count));
    let there = [ours(&wire, "-4"), ours(&wire, "-6")].concat();
    assert_eq!(there.len(), count, "{there:#?}");
    let of = |to: &str| there.iter().find(|route| route["dst"] == to).unwrap().clone();
    let one = of("10.1.0.0/16");
    assert_eq!((&one["gateway"], &one["dev"]), (&"10.0.0.2".into(), &"near".into()));
    assert_eq!((&one["prefsrc"], &one["metric"]), (&"10.0.0.1".into(), &10.into()));
    let text = one["metrics"].to_string();
    assert!(text.contains("1400") && text.contains("20") && text.contains("cubic"), "{text}");
    let default = of("default");
    assert_eq!(default["table"].to_string().trim_matches('"'), "1000");
    assert_eq!(default["flags"][0], "onlink");
    assert_eq!(
        (&of("10.2.0.0/16")["scope"], &of("10.3.0.0/16")["type"]),
        (&"link".into(), &"blackhole".into())
    );
    let hops = of("10.4.0.0/16")["nexthops"].clone();
    assert_eq!((&hops[0]["weight"], &hops[1]["gateway"]), (&3.into(), &"10.0.0.3".into()));
    assert_eq!(of("10.5.0.0/16")["via"]["host"], "fe80::2");
    assert_eq!(of("2001:db8:1::/48")["type"], "unreachable");
    let v6 = of("2001:db8:2::/48");
    assert!(v6["expires"].as_u64().unwrap() > 900 && v6["pref"] == "high", "{v6}");
    assert_eq!(of("2001:db8:3::/48")["metric"], 5);
    assert_eq!(kernel.remove_paths(&wanted), all(Ok(()), count));
    assert!(ours(&wire, "-4").is_empty() && ours(&wire, "-6").is_empty());
    assert_eq!(kernel.remove_paths(&wanted), all(Err(Errno::ESRCH), count));
}

#[test]
fn routes_of_others_are_not_touched() {
    let wire = wire();
    let others = "route add 10.1.0.0/16 via 10.0.0.2 dev near proto static\n\
                  route add blackhole 10.3.0.0/16 proto static\n";
    ip(&wire.near, others);
    ip(&wire.near, "route add 2001:db8:2::/48 via fe80::2 dev near proto static\n");
    let mut kernel = linux(&wire.near);
    let same = routes(
        "10.1.0.0/16 via 10.0.0.2 dev near\n2001:db8:2::/48 via fe80::2 dev near\n\
         blackhole 10.3.0.0/16 add",
    );
    assert_eq!(kernel.remove_paths(&same), all(Err(Errno::ESRCH), 3));
    let added = kernel.add_paths(&same, Adding::New);
    // Over IPv4 ours comes before it, as with keepalived.
    assert_eq!(added, [Ok(()), Err(Errno::EEXIST), Err(Errno::EEXIST)]);
    assert_eq!(kernel.remove_paths(&same), [Ok(()), Err(Errno::ESRCH), Err(Errno::ESRCH)]);
    let left = |family| list(&wire, &[family, "route", "show", "proto", "static"]).len();
    assert_eq!((left("-4"), left("-6")), (2, 1));
}

#[test]
fn rules_are_as_asked_for() {
    let wire = wire();
    let mut kernel = linux(&wire.near);
    let wanted = rules(
        "from 10.0.0.1/32 table 1000 priority 100\n\
         not from 10.0.0.0/8 fwmark 0x10/0xff iif near oif lo tos 4 table main priority 101\n\
         from 2001:db8::/32 uidrange 0-99 ipproto tcp sport 1-2 dport 80 suppress_prefixlength 0 table main priority 102\n\
         to 10.7.0.0/16 blackhole priority 103\n\
         to 10.9.0.0/16 goto 150 priority 104\n\
         fwmark 1 nop priority 150 realms 1/2\n\
         inet6 l3mdev priority 151\n\
         inet6 from all prohibit priority 152",
    );
    let count = wanted.len();
    assert_eq!(kernel.add_paths(&wanted, Adding::New), all(Ok(()), count));
    assert_eq!(kernel.add_paths(&wanted, Adding::Again), all(Err(Errno::EEXIST), count));
    let shown = [list(&wire, &["-4", "rule"]), list(&wire, &["-6", "rule"])].concat();
    let of = |priority: u64| {
        let mut it = shown.iter().filter(|rule| rule["priority"] == priority);
        let one = it.next().unwrap_or_else(|| panic!("{priority}: {shown:#?}")).clone();
        assert!(one["protocol"] == "18" || one["protocol"] == "keepalived", "{one}");
        one
    };
    assert_eq!((&of(100)["src"], &of(100)["table"]), (&"10.0.0.1".into(), &"1000".into()));
    let not = of(101);
    assert!(not["not"].is_null() && not.get("not").is_some(), "{not}");
    assert_eq!((&not["iif"], &not["fwmask"]), (&"near".into(), &"0xff".into()));
    assert_eq!((&of(102)["dport"], &of(102)["suppress_prefixlen"]), (&80.into(), &0.into()));
    assert_eq!(of(103)["action"], "blackhole");
    assert_eq!(of(104)["goto"], 150);
    assert_eq!(of(152)["action"], "prohibit");
    assert_eq!(kernel.remove_paths(&wanted), all(Ok(()), count));
    assert_eq!(kernel.remove_paths(&wanted), all(Err(Errno::ENOENT), count));
    assert_eq!(list(&wire, &["-4", "rule"]).len(), 3);
}

#[test]
fn rules_of_others_are_not_removed() {
    let wire = wire();
    ip(&wire.near, "rule add from 10.0.0.1 table 1000 priority 100 protocol static\n");
    let mut kernel = linux(&wire.near);
    let same = rules("from 10.0.0.1/32 table 1000 priority 100");
    assert_eq!(kernel.remove_paths(&same), [Err(Errno::ENOENT)]);
    let _ = kernel.add_paths(&same, Adding::New);
    let _ = kernel.remove_paths(&same);
    let left = list(&wire, &["-4", "rule"]);
    assert!(left.iter().any(|rule| rule["protocol"] == "static"), "{left:#?}");
}

#[test]
fn what_is_gone_is_told() {
    let wire = wire();
    let mut events: Events = wire.near.enter(|| Ok(Events::open().unwrap())).unwrap();
    events.follow_paths().unwrap();
    events.follow_paths().unwrap();
    let mut kernel = linux(&wire.near);
    let wanted = routes(
        "10.1.0.0/16 via 10.0.0.2 dev near table 1000\ndefault via 10.0.0.2 dev near\n\
         ::/0 via fe80::2 dev near",
    );
    assert_eq!(kernel.add_paths(&wanted, Adding::New), all(Ok(()), 3));
    // None of these concerns us.
    ip(&wire.near, "route add 10.8.0.0/16 dev near\nroute delete 10.8.0.0/16\n");
    assert_eq!(events.read(), []);
    ip(&wire.near, "route delete 10.1.0.0/16 table 1000\nroute replace default via 10.0.0.3\n");
    ip(&wire.near, "route delete ::/0 via fe80::2 dev near\n");
    ip(&wire.near, "rule add from 10.0.0.1 table 7 priority 5\nrule delete priority 5\n");
    let mut seen = Vec::new();
    let mut all_told = || {
        seen.extend(events.read());
        let told = |path: &Path| {
            seen.iter().any(|change| match (change, path) {
                (Change::RouteGone(gone), Path::Route(route)) => gone.may_be(route),
                _ => false,
            })
        };
        wanted.iter().all(told) && seen.contains(&Change::RuleGone)
    };
    wait_until(LIMIT, "all that is gone", &mut all_told).unwrap();
}
