//! The firewall between two hosts: what packets meet, what nft(8) reads, and what is left of it
//! when its owner dies. Needs root.

use super::super::two_hosts_tests::{Frame, Hosts, LIMIT, echo, ip, nft};
use super::super::{Kernel, Linux};
use super::*;
use std::io::{BufRead, BufReader, Read};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use vipd_lab::run::tool;
use vipd_lab::wait_until;

const VIP: Ipv4Addr = Ipv4Addr::new(10, 9, 8, 100);
const VIP6: Ipv6Addr = Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 0x100);
const BOTH: [IpAddr; 2] = [IpAddr::V4(VIP), IpAddr::V6(VIP6)];

fn hosts_with_vips() -> Hosts {
    let hosts = Hosts::new();
    hosts.near(|| {
        ip("addr add 10.9.8.100/32 dev base");
        ip("addr add fd09::100/128 dev base");
    });
    hosts
}

fn no_accept(addresses: &[IpAddr]) -> Rules {
    Rules { no_accept: addresses.iter().copied().collect(), ..Rules::default() }
}

/// Answers of any kind that the stack gave for `address`.
fn answers(hosts: &Hosts, address: IpAddr) -> Vec<Frame> {
    let mut frames = hosts.frames();
    frames.retain(|frame| {
        let neighbour = frame.advertisement().is_some() || frame.protocol() == Some((58, 135));
        frame.source() == Some(address) && !neighbour || frame.is_unreachable()
    });
    frames
}

#[test]
fn no_accept_is_silent_but_for_neighbours() {
    let hosts = hosts_with_vips();
    let mut linux = hosts.near(|| Linux::open().unwrap());
    hosts.near(|| linux.firewall(&no_accept(&BOTH))).unwrap();
    for vip in BOTH {
        hosts.knock(vip);
        assert_eq!(answers(&hosts, vip), [], "{vip}");
    }
    // A neighbour that knows it asks again by unicast, whose answer is an advertisement, too.
    hosts.forget();
    hosts.far(|| ip("neigh change fd09::100 dev far nud probe"));
    hosts.wait_frame("an advertisement", |frame| frame.advertisement() == Some(VIP6));
    // The host itself reaches it.
    hosts.near(|| {
        for vip in BOTH {
            let refused = std::net::TcpStream::connect((vip, 81)).unwrap_err();
            assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused, "{vip}");
        }
    });

    hosts.near(|| linux.firewall(&Rules::default())).unwrap();
    assert_eq!(hosts.near(|| nft("list ruleset")), "");
    for vip in BOTH {
        hosts.forget();
        hosts.knock(vip);
        let found = answers(&hosts, vip);
        assert!(found.iter().any(Frame::is_echo_reply), "{vip}: {found:?}");
        assert!(found.iter().any(Frame::is_tcp), "{vip}: {found:?}");
        assert!(found.iter().any(Frame::is_unreachable), "{vip}: {found:?}");
    }
}

#[test]
fn nft_reads_what_was_meant() {
    let hosts = Hosts::new();
    let mut rules = no_accept(&BOTH);
    rules.quiet = BTreeSet::from([10]);
    rules.borrowed = BTreeSet::from(["fe80::7".parse().unwrap()]);
    let listed = hosts.near(|| {
        let mut firewall = Firewall::default();
        firewall.apply(&rules).unwrap();
        nft("--stateless --numeric list table inet vipd")
    });
    // As sets print differently from one nft to the next, word by word.
    let listed = listed.split_whitespace().collect::<Vec<_>>().join(" ");
    for expected in [
        "elements = { 10.9.8.100 }",
        "elements = { fd09::100 }",
        "elements = { \"base\" }",
        "elements = { fe80::7 }",
        INPUT,
        OUTPUT,
    ] {
        assert!(listed.contains(expected), "{expected}\nis not in\n{listed}");
    }
}

const INPUT: &str = "chain input { type filter hook input priority 0; policy accept; \
    iif \"lo\" accept \
    ip daddr @no_accept4 counter drop \
    ip6 daddr @no_accept6 icmpv6 type 135-136 accept \
    ip6 daddr @no_accept6 counter drop }";

const OUTPUT: &str = "chain output { type filter hook output priority 0; policy accept; \
    oif != @quiet accept \
    meta l4proto 2 counter drop \
    icmpv6 type 130-133 counter drop \
    icmpv6 type 143 counter drop \
    ip6 saddr @borrowed meta l4proto 112 accept \
    ip6 saddr @borrowed icmpv6 type 135 accept \
    ip6 saddr @borrowed counter drop }";

/// Tables as the kernel has them, by name, with the others' flags and owners left out.
fn tables() -> String {
    nft("list tables")
}

#[test]
fn nothing_wanted_is_no_table() {
    let hosts = Hosts::new();
    hosts.near(|| {
        let mut firewall = Firewall::default();
        firewall.apply(&Rules::default()).unwrap();
        assert!(firewall.socket.is_none());
        firewall.apply(&no_accept(&BOTH)).unwrap();
        assert_eq!(tables(), "table inet vipd\n");
        firewall.apply(&Rules::default()).unwrap();
        assert_eq!(tables(), "");
        firewall.apply(&no_accept(&BOTH)).unwrap();
        drop(firewall);
        wait_until(LIMIT, "the end of the table", || tables().is_empty()).unwrap();
    });
}

/// Equal rules leave what is loaded alone: its counters go on.
#[test]
fn equal_rules_change_nothing() {
    let hosts = Hosts::new();
    hosts.near(|| {
        let generation = || nft("--handle list table inet vipd");
        let mut firewall = Firewall::default();
        firewall.apply(&no_accept(&BOTH)).unwrap();
        let before = generation();
        firewall.apply(&no_accept(&BOTH)).unwrap();
        assert_eq!(generation(), before);
        firewall.apply(&no_accept(&BOTH[..1])).unwrap();
        assert_ne!(generation(), before);
    });
}

#[test]
fn others_cannot_change_it() {
    let hosts = Hosts::new();
    hosts.near(|| {
        let mut firewall = Firewall::default();
        firewall.apply(&no_accept(&BOTH)).unwrap();
        assert!(tool("nft", &["delete", "table", "inet", "vipd"], "").is_err());
        nft("flush ruleset");
        assert_eq!(tables(), "table inet vipd\n");
        firewall.apply(&Rules::default()).unwrap();
        assert_eq!(tables(), "");
    });
}

#[test]
fn two_side_by_side_and_a_stranger() {
    let hosts = Hosts::new();
    hosts.near(|| {
        nft("add table inet vipd");
        let (mut one, mut two) = (Firewall::default(), Firewall::default());
        one.apply(&no_accept(&BOTH[..1])).unwrap();
        two.apply(&no_accept(&BOTH[1..])).unwrap();
        assert_eq!(tables(), "table inet vipd\ntable inet vipd1\ntable inet vipd2\n");
        one.apply(&Rules::default()).unwrap();
        assert_eq!(tables(), "table inet vipd\ntable inet vipd2\n");
        two.apply(&no_accept(&BOTH)).unwrap();
        let content = nft("list table inet vipd2");
        assert!(content.contains("10.9.8.100") && content.contains("fd09::100"), "{content}");
        two.apply(&Rules::default()).unwrap();
        assert_eq!(tables(), "table inet vipd\n");
    });
}

/// No packet meets a moment without rules while they are exchanged.
#[test]
fn exchange_is_atomic() {
    let hosts = hosts_with_vips();
    let mut firewall = Firewall::default();
    hosts.near(|| firewall.apply(&no_accept(&BOTH[..1]))).unwrap();
    hosts.resolve(VIP.into());
    hosts.forget();
    for round in 0..200 {
        let rules = if round % 2 == 0 { &BOTH[..] } else { &BOTH[..1] };
        std::thread::scope(|scope| {
            scope.spawn(|| hosts.near(|| firewall.apply(&no_accept(rules))).unwrap());
            hosts.far(|| (0..100).for_each(|_| echo(VIP.into())));
        });
    }
    hosts.settle();
    assert_eq!(answers(&hosts, VIP.into()), []);
    // Each one arrived and was counted or went with its counter: the last table has some.
    hosts.far(|| echo(VIP.into()));
    hosts.settle();
    let counted = hosts.near(|| nft("list chain inet vipd input"));
    assert!(!counted.contains("@no_accept4 counter packets 0"), "{counted}");
}

#[test]
fn thousands_are_few_rules() {
    let many = |n: u16| {
        let [high, low] = n.to_be_bytes();
        [IpAddr::from([10, 1, high, low]), IpAddr::from([0xfd01, 0, 0, 0, 0, 0, 0, n])]
    };
    let hosts = Hosts::new();
    let rules = no_accept(&(0..2500).flat_map(many).collect::<Vec<_>>());
    let listed = hosts.near(|| {
        let mut firewall = Firewall::default();
        firewall.apply(&rules).unwrap();
        nft("list ruleset")
    });
    assert_eq!(listed.matches(" drop").count(), 2, "{listed}");
    assert_eq!(listed.matches("10.1.").count(), 2500);
    assert_eq!(listed.matches("fd01:").count(), 2500);
}

/// A second process in the role of vipd: this test again, which then loads rules and waits.
struct Second(Child);

impl Second {
    const ROLE: &str = "VIPD_TEST_HOLDS_RULES";

    fn start(hosts: &Hosts, owner: &str) -> Self {
        let mut child = hosts.near(|| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "kernel::firewall::tests::dies_with_its_owner", "--nocapture"])
                .env(Self::ROLE, owner)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        });
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("rules are loaded")));
        Self(child)
    }

    fn play(owner: &str) {
        let mut firewall = Firewall::default();
        if owner == "nobody" {
            let table = Table { owner: Owner::Nobody, ..Table::numbered(0) };
            firewall.first_unowned(table, &no_accept(&BOTH)).unwrap();
        } else {
            firewall.apply(&no_accept(&BOTH)).unwrap();
        }
        println!("rules are loaded");
        let _ = std::io::stdin().read(&mut [0]);
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn dies_with_its_owner() {
    if let Ok(owner) = std::env::var(Second::ROLE) {
        return Second::play(&owner);
    }
    let hosts = Hosts::new();
    let mut second = Second::start(&hosts, "socket");
    assert_eq!(hosts.near(tables), "table inet vipd\n");
    second.kill();
    hosts.near(|| wait_until(LIMIT, "the end of the table", || tables().is_empty())).unwrap();
}

/// As on kernels before 5.12: the table outlives its maker, and the next start replaces it.
#[test]
fn without_owner_the_next_start_replaces_it() {
    let hosts = hosts_with_vips();
    let mut second = Second::start(&hosts, "nobody");
    second.kill();
    assert_eq!(hosts.near(tables), "table inet vipd\n");
    hosts.knock(VIP.into());
    assert_eq!(answers(&hosts, VIP.into()), []);
    let mut firewall = Firewall::default();
    hosts.near(|| {
        let table = Table { owner: Owner::Nobody, ..Table::numbered(0) };
        firewall.first_unowned(table, &no_accept(&BOTH[1..])).unwrap();
        assert!(!nft("list ruleset").contains("10.9.8.100"));
        // Somebody empties the host's firewall: the next change brings it back.
        nft("flush ruleset");
        firewall.apply(&no_accept(&BOTH)).unwrap();
    });
    hosts.knock(VIP.into());
    assert_eq!(answers(&hosts, VIP.into()), []);
    hosts.near(|| firewall.apply(&Rules::default())).unwrap();
    assert_eq!(hosts.near(tables), "");
}

#[test]
fn missing_rights_have_words() {
    let hosts = Hosts::new();
    let error = hosts.near(|| {
        caps::clear(None, caps::CapSet::Effective).unwrap();
        Firewall::default().apply(&no_accept(&BOTH)).unwrap_err()
    });
    assert_eq!(error, FirewallError::Denied);
    assert!(error.to_string().contains("CAP_NET_ADMIN"));
    // What a kernel without the parts says: no socket of the kind, no subsystem, no family.
    for errno in [Errno::EPROTONOSUPPORT, Errno::EOPNOTSUPP, Errno::EAFNOSUPPORT] {
        assert_eq!(FirewallError::from(errno), FirewallError::NoNfTables);
    }
}
