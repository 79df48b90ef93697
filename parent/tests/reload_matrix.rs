//! Each kind of change of a file, and what a reload makes of it: on the wire, in the kernel, in the
//! states. Without leases, so that every event of an address is the work of the reload. A router that
//! no change concerns looks on: it must see nothing at all.
#![cfg(test)]

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;
use vipd_lab::clock::{Stamp, wait_until};
use vipd_lab::frame::Advert;
use vipd_lab::{Capture, Daemon, Net, Node, Running, packages};

const LIMIT: Duration = Duration::from_secs(60);
/// The router that nobody touches.
const WITNESS: u8 = 13;

const FILE: &str = "\
global_defs {
 vrrp_version 3
 vip_lease off
 vrrp_garp_master_delay 0
}
vrrp_script chk {
 script \"killall -0 sleep\"
 interval 1
 weight 5
}
vrrp_instance A {
 interface enp0s25
 virtual_router_id 11
 priority 100
 advert_int 0.3
 track_script {
  chk
 }
 virtual_ipaddress {
  10.88.88.111
 }
}
vrrp_instance B {
 interface enp0s25
 virtual_router_id 12
 priority 100
 advert_int 0.3
 unicast_src_ip 10.88.88.20
 unicast_peer {
  10.88.88.30
 }
 virtual_ipaddress {
  10.88.88.112
 }
}
vrrp_instance W {
 interface enp0s25
 virtual_router_id 13
 priority 100
 advert_int 0.3
 virtual_ipaddress {
  10.88.88.113
 }
}
";

/// What may be seen of one change and must be; everything else must not.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    /// `+10.0.0.1` for an address that came, in the order of the events.
    kernel: Vec<String>,
    announced: BTreeSet<Ipv4Addr>,
    /// Routers whose adverts are not what they were: VRID, and the last one in words.
    wire: Vec<(u8, String)>,
    /// `(A) Entering BACKUP STATE`.
    states: Vec<String>,
}

struct Host {
    // Dropped before the node it runs on.
    daemon: Running,
    capture: Capture,
    node: Node,
    _net: Net,
    now: String,
}

fn words(advert: &Advert) -> String {
    let addresses: Vec<String> = advert.addresses.iter().map(ToString::to_string).collect();
    format!("{} prio {} to {}", addresses.join(","), advert.priority, advert.destination)
}

impl Host {
    fn start() -> Self {
        packages::ensure().unwrap();
        let net = Net::new().unwrap();
        let capture = net.capture().unwrap();
        let node = net.boot("node1", "10.88.88.20/24").unwrap();
        // A peer that answers ARP, and a process for the check.
        node.shell(
            "ip neigh add 10.88.88.30 lladdr 02:00:00:00:00:30 dev enp0s25; ip neigh add \
             10.88.88.40 lladdr 02:00:00:00:00:40 dev enp0s25; ip link add d9 type veth peer name \
             d8 && ip link set d8 up && ip link set d9 up && ip address add 10.9.0.1/24 dev d9; \
             setsid sleep 1000 < /dev/null > /dev/null 2>&1 &",
        )
        .unwrap();
        let daemon = Daemon::vipd().unwrap().start(&node, FILE).unwrap();
        let host = Self { daemon, capture, node, _net: net, now: FILE.to_owned() };
        for vrid in [11, 12, 13] {
            host.wait("the first adverts", || host.adverts(Stamp::from_nanos(0), vrid).len() > 1);
        }
        host.wait("the check", || {
            host.adverts(Stamp::from_nanos(0), 11).iter().any(|(_, advert)| advert.priority == 105)
        });
        host
    }

    fn wait(&self, what: &str, condition: impl FnMut() -> bool) {
        let waited = wait_until(LIMIT, what, condition);
        assert!(waited.is_ok(), "{waited:?}\n{}", self.node.syslog().text());
    }

    fn adverts(&self, since: Stamp, vrid: u8) -> Vec<(Stamp, Advert)> {
        let mut all = self.capture.adverts(since);
        all.retain(|(_, advert)| advert.vrid == vrid);
        all
    }

    /// The file becomes `to`; returns what was seen until the witness has spoken four times more.
    fn change(&mut self, to: &str) -> Seen {
        self.now = to.to_owned();
        let before: Vec<(u8, String)> = self.last_adverts();
        let known = self.node.watch().events().len();
        let at = self.daemon.reload(&self.node, to).unwrap();
        self.wait("the reload", || self.node.syslog().find_since(at, "Reload complete").is_some());
        let done = Stamp::now();
        self.wait("the witness", || self.adverts(done, WITNESS).len() >= 4);
        self.regular(at);
        let kernel = self.node.watch().events();
        let sign = |added| if added { '+' } else { '-' };
        let kernel = kernel.iter().skip(known);
        let kernel = kernel.map(|event| format!("{}{}", sign(event.added), event.what.address));
        let arps = self.capture.arps(at);
        let log = self.node.syslog().lines();
        let entered = log.iter().filter(|line| line.at >= at && line.text.contains(" Entering "));
        let entered = entered.filter_map(|line| line.text.split_once(": ").map(|(_, text)| text));
        Seen {
            kernel: kernel.collect(),
            announced: arps.iter().filter(|(_, a)| a.gratuitous()).map(|(_, a)| a.sender).collect(),
            wire: self.last_adverts().into_iter().filter(|one| !before.contains(one)).collect(),
            states: entered.map(str::to_owned).collect(),
        }
    }

    fn last_adverts(&self) -> Vec<(u8, String)> {
        let all = self.capture.adverts(Stamp::from_nanos(0));
        let vrids: BTreeSet<u8> = all.iter().map(|(_, advert)| advert.vrid).collect();
        let last = |vrid: &u8| all.iter().rev().find(|(_, advert)| advert.vrid == *vrid);
        vrids.iter().filter_map(|vrid| Some((*vrid, words(&last(vrid)?.1)))).collect()
    }

    /// The witness says the same at the same pace: one advert more, and the gaps would be short.
    fn regular(&self, since: Stamp) {
        let before = Stamp::from_nanos(since.nanos().saturating_sub(1_000_000_000));
        let all = self.adverts(before, WITNESS);
        let said: BTreeSet<String> = all.iter().map(|(_, advert)| words(advert)).collect();
        assert_eq!(said.len(), 1, "{said:?}");
        let last = all.last().unwrap().0.since(all[0].0);
        let interval = Duration::from_millis(300);
        let gaps = u32::try_from(all.len()).unwrap().saturating_sub(2);
        assert!(interval.saturating_mul(gaps) <= last, "{} adverts in {last:?}", all.len());
    }

    fn back(&mut self) {
        self.change(FILE);
        let now = self.last_adverts();
        for (vrid, address) in [(11, "111 prio 105"), (12, "112 prio 100"), (13, "113 prio 100")] {
            let is = |(one, text): &(u8, String)| *one == vrid && text.contains(address);
            assert!(now.iter().any(is), "{now:?}\n{}", self.node.syslog().text());
        }
    }
}

fn replaced(from: &str, to: &str) -> String {
    assert!(FILE.contains(from), "{from}");
    FILE.replacen(from, to, 1)
}

fn kernel(events: &[&str]) -> Vec<String> {
    events.iter().map(|event| (*event).to_owned()).collect()
}

fn announced(last: &[u8]) -> BTreeSet<Ipv4Addr> {
    last.iter().map(|last| Ipv4Addr::new(10, 88, 88, *last)).collect()
}

/// Nobody notices: neither the wire nor the kernel nor the states.
#[test]
fn what_changes_nothing() {
    let mut host = Host::start();
    let group = "vrrp_sync_group G {\n group {\n  B\n  W\n }\n}\n";
    for (kind, text) in [
        ("the same bytes", FILE.to_owned()),
        ("a comment", format!("# the same\n{FILE}")),
        ("another order of blocks", replaced("vrrp_script chk {\n", "vrrp_script  chk  {\n\n")),
        ("an instance with another name", replaced("vrrp_instance B {", "vrrp_instance MAIL {")),
        ("another rhythm of a check", replaced("interval 1", "interval 2\n rise 2\n fall 3")),
        (
            "a script that nobody tracks",
            format!("{FILE}vrrp_script other {{\n script \"pidof x\"\n}}\n"),
        ),
        ("a name for the node", replaced(" vrrp_version 3", " router_id n1\n vrrp_version 3")),
        ("a global default for later", replaced("garp_master_delay 0", "garp_master_delay 7")),
        ("a sync group of MASTERs", format!("{FILE}{group}")),
        (
            "a wish for a state",
            replaced(" virtual_router_id 11", " state MASTER\n virtual_router_id 11"),
        ),
        ("no preemption", replaced(" virtual_router_id 12", " nopreempt\n virtual_router_id 12")),
    ] {
        assert_eq!(host.change(&text), Seen::default(), "{kind}\n{}", host.node.syslog().text());
        assert_eq!(host.change(FILE), Seen::default(), "and back: {kind}");
    }
}

#[test]
fn addresses_come_go_and_move() {
    let mut host = Host::start();
    let to_a = replaced("  10.88.88.111\n", "  10.88.88.111\n  10.88.88.121\n");
    let to_b = replaced("  10.88.88.112\n", "  10.88.88.112\n  10.88.88.121\n");
    let group = "224.0.0.18";
    let a = |addresses: &str| (11, format!("{addresses} prio 105 to {group}"));
    let b = |addresses: &str| (12, format!("{addresses} prio 100 to 10.88.88.30"));
    let with = |number: u8| format!("10.88.88.{number},10.88.88.121");
    for (kind, text, seen) in [
        ("comes", &to_a, (vec!["+10.88.88.121"], vec![121], vec![a(&with(111))])),
        (
            "moves on",
            &to_b,
            (
                vec!["-10.88.88.121", "+10.88.88.121"],
                vec![121],
                vec![a("10.88.88.111"), b(&with(112))],
            ),
        ),
        (
            "moves back",
            &to_a,
            (
                vec!["-10.88.88.121", "+10.88.88.121"],
                vec![121],
                vec![a(&with(111)), b("10.88.88.112")],
            ),
        ),
        ("goes", &FILE.to_owned(), (vec!["-10.88.88.121"], vec![], vec![a("10.88.88.111")])),
    ] {
        let (events, neighbours, wire) = seen;
        let wanted = Seen {
            kernel: kernel(&events),
            announced: announced(&neighbours),
            wire,
            states: Vec::new(),
        };
        assert_eq!(host.change(text), wanted, "{kind}\n{}", host.node.syslog().text());
    }
    // Two routers exchange what they have.
    let swapped =
        FILE.replace(".111\n", ".XXX\n").replace(".112\n", ".111\n").replace("XXX", "112");
    let seen = host.change(&swapped);
    let events: BTreeSet<&str> = seen.kernel.iter().map(String::as_str).collect();
    let each = ["+10.88.88.111", "+10.88.88.112", "-10.88.88.111", "-10.88.88.112"];
    assert_eq!((events, seen.kernel.len()), (BTreeSet::from(each), 4), "{seen:?}");
    assert_eq!(seen.announced, announced(&[111, 112]));
    assert_eq!(seen.states, Vec::<String>::new());
    assert_eq!(seen.wire, [a("10.88.88.112"), b("10.88.88.111")]);
    host.back();
}

/// What only the adverts tell: no address moves, nobody changes his state.
#[test]
fn what_only_the_wire_tells() {
    let mut host = Host::start();
    for (kind, text, wire) in [
        (
            "priority",
            replaced("priority 100", "priority 120"),
            (11, "10.88.88.111 prio 125 to 224.0.0.18"),
        ),
        (
            "lower priority",
            replaced("priority 100", "priority 90"),
            (11, "10.88.88.111 prio 95 to 224.0.0.18"),
        ),
        (
            "weight of a script",
            replaced("weight 5", "weight 9"),
            (11, "10.88.88.111 prio 109 to 224.0.0.18"),
        ),
        ("no check any more", replaced("  chk\n", ""), (11, "10.88.88.111 prio 100 to 224.0.0.18")),
        (
            "list of peers",
            replaced("10.88.88.30", "10.88.88.40"),
            (12, "10.88.88.112 prio 100 to 10.88.88.40"),
        ),
    ] {
        let seen = host.change(&text);
        let wanted = Seen { wire: vec![(wire.0, wire.1.to_owned())], ..Seen::default() };
        assert_eq!(seen, wanted, "{kind}\n{}", host.node.syslog().text());
        host.back();
    }
}

/// On an interface that the daemon did not use: the others notice nothing.
#[test]
fn interfaces_and_instances_come_and_go() {
    let mut host = Host::start();
    let more = "vrrp_instance C {\n interface d9\n virtual_router_id 14\n priority 100\n advert_int \
                0.1\n virtual_ipaddress {\n  10.9.0.100\n }\n}\n";
    let seen = host.change(&format!("{FILE}{more}"));
    host.wait("the new instance", || host.node.watch().holds("10.9.0.100".parse().unwrap()));
    assert!(seen.wire.is_empty() && seen.announced.is_empty(), "{seen:?}");
    assert!(seen.states.iter().all(|line| line.starts_with("(C) ")), "{seen:?}");
    assert!(seen.kernel.iter().all(|event| event == "+10.9.0.100"), "{seen:?}");
    let seen = host.change(FILE);
    assert_eq!(seen.kernel, ["-10.9.0.100"]);
    assert_eq!((seen.wire, seen.announced), (Vec::new(), BTreeSet::new()));
    assert!(seen.states.iter().all(|line| line.starts_with("(C) ")), "{:?}", seen.states);
    // One of those that others look on.
    let without = FILE.replace(
        &FILE[FILE.find("vrrp_instance B").unwrap()..FILE.find("vrrp_instance W").unwrap()],
        "",
    );
    let seen = host.change(&without);
    assert_eq!(seen.kernel, ["-10.88.88.112"]);
    assert_eq!(seen.wire, [(12, "10.88.88.112 prio 0 to 10.88.88.30".to_owned())]);
    assert!(seen.announced.is_empty(), "{seen:?}");
    host.change(FILE);
    host.wait("B again", || host.node.watch().holds("10.88.88.112".parse().unwrap()));
    // What it had goes to a router that stays, which need not wait for its end.
    let heir = without.replacen("  10.88.88.111\n", "  10.88.88.111\n  10.88.88.112\n", 1);
    let seen = host.change(&heir);
    assert_eq!(seen.kernel, ["-10.88.88.112", "+10.88.88.112"], "{seen:?}");
    assert_eq!(seen.announced, announced(&[112]));
    assert!(seen.states.iter().all(|line| line.starts_with("(B) ")), "{:?}", seen.states);
}
