//! A captured engine against a real parent: an engine that lies (`vipd-liar`) stands in the place of
//! vipd-vrrpe and breaks one rule after it has taken the address legally. Whatever it says, the
//! parent changes nothing outside the configuration, does not crash, takes everything back, exits
//! with 1, and the audit trail tells each change of an address that netlink saw.

#![expect(clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects, reason = "a test")]

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;
use vipd_lab::clock::wait_until;
use vipd_lab::{Daemon, net::Net, node::Node, packages, paths};

const VIP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 88, 88, 100));
const LIMIT: Duration = Duration::from_secs(60);

/// Each breaks one rule of the permit table or of the codec.
const LIES: [&str; 24] = [
    "unknown_acquire",
    "unknown_release",
    "unknown_alive",
    "acquire_twice",
    "release_twice",
    "old_epoch",
    "announce_other",
    "notify_stranger",
    "notify_no_group",
    "notify_stop",
    "notify_deleted",
    "notify_storm",
    "hello_again",
    "staged_again",
    "future",
    "report",
    "reload",
    "short_will",
    "surplus",
    "cut_short",
    "long_text",
    "storm",
    "forged_log",
    "exit",
];

/// A folder with the real programs, and the liar under the engine's name.
struct Captured {
    folder: PathBuf,
}

impl Captured {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("vipd-lies-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let built = paths::bin_dir().unwrap();
        for (from, to) in [
            ("vipd", "vipd"),
            ("vipd-liar", "vipd-vrrpe"),
            ("vipd-checker", "vipd-checker"),
            ("vipd-starter", "vipd-starter"),
        ] {
            std::fs::copy(built.join(from), folder.join(to)).unwrap();
        }
        Self { folder }
    }
}

impl Drop for Captured {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

fn config(lie: &str) -> String {
    format!(
        "vrrp_instance {lie} {{\n interface enp0s25\n virtual_router_id 51\n priority 100\n \
         virtual_ipaddress {{\n  10.88.88.100\n }}\n notify /run/told\n}}\n"
    )
}

/// Runs vipd with the liar until it ends, and returns how often the address came and went.
fn tell(node: &Node, captured: &Captured, lie: &str) -> (usize, usize) {
    let from = node.watch().events().len();
    let all_before = node.syslog().lines().len();
    let lines_before = node.syslog().audit().len();
    let daemon = Daemon::Vipd { bin_dir: captured.folder.clone() };
    let mut running = daemon.launch(node, &config(lie), &[]).unwrap();
    let status = running.wait(LIMIT).unwrap();
    let log = node.syslog().text();
    assert_eq!(status.code(), Some(1), "{lie}: {status:?}\n{log}");
    assert!(!node.watch().addresses_now().unwrap().iter().any(|a| a.address == VIP), "{lie}");
    assert!(node.find("vipd-vrrpe").is_empty(), "{lie}: the liar lives");

    // The witnesses are threads: what netlink and the log have sent must have been read.
    let told_the_end =
        || node.syslog().lines().iter().skip(all_before).any(|l| l.text.ends_with("Stopped"));
    wait_until(LIMIT, "the last line of the log", told_the_end).unwrap();
    let (mut came, mut went, mut there) = (0, 0, false);
    for event in node.watch().events().into_iter().skip(from) {
        assert_eq!(event.what.address, VIP, "{lie}: touched {}", event.what);
        assert_eq!(event.what.prefix, 32, "{lie}");
        match (event.added, there) {
            (true, false) => came += 1,
            (false, true) => went += 1,
            // A renewed lease.
            (true, true) => {}
            (false, false) => panic!("{lie}: removed twice"),
        }
        there = event.added;
    }
    assert!(!there);
    let audit = node.syslog().audit();
    let told = |what: &str| {
        let is = |text: &str| {
            text.contains(&format!("event={what} address=10.88.88.100/32 interface=enp0s25"))
                && text.ends_with("result=ok")
        };
        audit.iter().skip(lines_before).filter(|line| is(&line.text)).count()
    };
    assert_eq!((told("add"), told("remove")), (came, went), "{lie}: audit and netlink\n{log}");
    (came, went)
}

fn node() -> (Net, Node) {
    packages::ensure().unwrap();
    let net = Net::new().unwrap();
    let node = net.boot("node1", "10.88.88.20/24").unwrap();
    (net, node)
}

#[test]
fn each_broken_rule_ends_the_daemon() {
    let (_net, node) = node();
    let captured = Captured::new("rules");
    for lie in LIES {
        let (came, _) = tell(&node, &captured, lie);
        // One that ends at once may do so before its request is read.
        assert!(came >= 1 || lie == "exit", "{lie}: it had the address before it lied");
    }
    // Its words cannot look like an audit line: they are one escaped line of another facility.
    let forged = node.syslog().lines();
    assert!(forged.iter().all(|l| l.facility != 10 || !l.text.contains("1.2.3.4")), "forged");
}

/// An engine that no longer speaks loses the address after a second.
#[test]
fn silence_ends_the_daemon() {
    let (_net, node) = node();
    tell(&node, &Captured::new("silence"), "silence");
}

/// 100 000 messages that are each legal: the parent obeys, renews, removes and adds the one
/// configured address, and ends by the rule when the first illegal one comes.
#[test]
fn plausible_messages_do_what_the_configuration_allows() {
    let (_net, node) = node();
    let (came, _) = tell(&node, &Captured::new("plausible"), "plausible");
    assert!(came > 3, "it took the address {came} times");
}

/// A liar has the configured command run, with the words of the configuration, one at a time; how
/// often it may ask is bounded. Nothing else is run, and nothing is left.
#[test]
fn a_liar_causes_configured_notifications_only() {
    let (_net, node) = node();
    let script = "#!/bin/sh\n[ -e /run/out/busy ] && echo two >> /run/out/told\n\
                  touch /run/out/busy\necho \"$*\" >> /run/out/told\nrm /run/out/busy\n";
    node.write("/run/told", script).unwrap();
    node.shell("chmod 755 /run/told; mkdir -m 777 /run/out").unwrap();
    for lie in ["plausible", "notify_storm", "notify_stranger"] {
        tell(&node, &Captured::new(lie), lie);
        let told = node.read("/run/out/told").unwrap_or_default();
        node.shell("rm -f /run/out/told").unwrap();
        let known: Vec<String> = ["MASTER", "BACKUP", "FAULT", "STOP"]
            .map(|state| format!("INSTANCE {lie} {state} 100"))
            .to_vec();
        assert!(told.lines().all(|line| known.iter().any(|one| one == line)), "{lie}: {told}");
        assert_eq!(told.lines().last(), known.last().map(String::as_str), "{lie}");
        assert!(node.find("told").is_empty(), "{lie}");
    }
}

/// 50 x 1000 messages of random bytes that begin like messages.
#[test]
fn random_bytes_do_nothing() {
    let (_net, node) = node();
    let captured = Captured::new("random");
    for seed in 1..=50 {
        tell(&node, &captured, &format!("random_{seed}"));
    }
}
