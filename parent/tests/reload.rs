//! A reload is a transaction: what did not change sees nothing, a bad file changes nothing. Asked
//! for by signal and by vipctl; witnessed by netlink, the log and the audit trail.
#![cfg(test)]

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use vipd_lab::clock::wait_until;
use vipd_lab::run::Output;
use vipd_lab::{Daemon, Running, Stamp, net::Net, node::Node, packages, paths};

const LIMIT: Duration = Duration::from_secs(15);
const VIP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 88, 88, 100));
const MORE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 88, 88, 101));
const FILE: &str = "/etc/vipd/vipd.conf";
/// Without a lease, so that no renewal is among the events.
const BASE: &str = "global_defs {\n vip_lease off\n}\nvrrp_instance VI_1 {\n interface enp0s25\n \
                    virtual_router_id 51\n priority 100\n virtual_ipaddress {\n  10.88.88.100\n \
                    }\n}\n";

fn serving() -> (Net, Node, Running) {
    packages::ensure().unwrap();
    let net = Net::new().unwrap();
    let node = net.boot("node1", "10.88.88.20/24").unwrap();
    let running = Daemon::vipd().unwrap().start(&node, BASE).unwrap();
    wait_until(LIMIT, "the address", || node.watch().holds(VIP)).unwrap();
    (net, node, running)
}

fn reload(node: &Node, config: &str, before: &[&str]) -> Output {
    node.write(FILE, config).unwrap();
    let vipctl = paths::bin_dir().unwrap().join("vipctl").to_string_lossy().into_owned();
    let line: Vec<&str> = before.iter().copied().chain([vipctl.as_str(), "reload"]).collect();
    node.exec(&line, LIMIT).unwrap()
}

#[test]
fn what_did_not_change_sees_nothing() {
    let (_net, node, mut running) = serving();
    let before = node.watch().events().len();
    let same = reload(&node, BASE, &[]);
    assert!(same.ok() && same.stdout.contains("nothing has changed"), "{same:?}");
    let renamed = reload(&node, &BASE.replace("VI_1", "WEB"), &[]);
    assert!(renamed.ok(), "{renamed:?}");
    let at = Stamp::now();
    running.reload(&node, BASE).unwrap();
    let done = || node.syslog().find_since(at, "Reload complete").is_some();
    wait_until(LIMIT, "the reload by signal", done).unwrap();
    assert_eq!(node.watch().events().len(), before, "{:?}", node.watch().events());
    let told = || node.syslog().find_since(at, "event=reload by=signal result=ok").is_some();
    wait_until(LIMIT, "the audit of the reload", told).unwrap();
}

#[test]
fn a_bad_file_changes_nothing() {
    let (_net, node, _running) = serving();
    let before = node.watch().events().len();
    let bad = reload(&node, &BASE.replace(" virtual_router_id 51\n", ""), &[]);
    assert_eq!(bad.status.code(), Some(1), "{bad:?}");
    assert!(bad.stderr.contains("vipd.conf:4"), "{bad:?}");
    assert!(node.syslog().find("Reload refused, nothing has changed").is_some());
    node.write(FILE, BASE).unwrap();
    node.shell(&format!("chmod 0600 {FILE}")).unwrap();
    let closed = reload(&node, BASE, &[]);
    assert_eq!(closed.status.code(), Some(1), "{closed:?}");
    assert!(closed.stderr.contains("make it readable"), "{closed:?}");
    assert_eq!(node.watch().events().len(), before, "{:?}", node.watch().events());
}

#[test]
fn addresses_come_and_go_while_master() {
    let (_net, node, _running) = serving();
    let two = BASE.replace("10.88.88.100\n", "10.88.88.100\n  10.88.88.101\n");
    assert!(reload(&node, &two, &[]).ok());
    wait_until(LIMIT, "the second address", || node.watch().holds(MORE)).unwrap();
    assert!(reload(&node, BASE, &[]).ok());
    wait_until(LIMIT, "its removal", || !node.watch().holds(MORE)).unwrap();
    let touched = node.watch().events().iter().filter(|e| e.what.address == VIP).count();
    assert_eq!(touched, 1, "the first address was added once and left alone");
}
