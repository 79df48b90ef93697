//! Nodes keep to themselves and leave nothing behind.
#![cfg(test)]

use nix::sys::signal::Signal;
use std::fs;
use std::net::{SocketAddrV4, SocketAddrV6};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use vipd_lab::frame::Mac;
use vipd_lab::service::Kind;
use vipd_lab::{Cut, Net, Node, Probe, Service, Stamp, owner, packages, wait_until};

const LIMIT: Duration = Duration::from_secs(60);

fn pings(from: &Node, to: &str) -> bool {
    // bash has no ping; an ARP exchange by the kernel is enough: a closed port answers at once.
    let target = format!("exec 3<>/dev/tcp/{to}/9");
    let words = ["timeout", "0.5", "bash", "-c", &target];
    let result = from.exec(&words, LIMIT).unwrap();
    result.stderr.contains("refused")
}

fn two() -> (Net, Node, Node) {
    packages::ensure().unwrap();
    let net = Net::new().unwrap();
    let a = net.boot("a", "10.88.88.20/24").unwrap();
    let b = net.boot("b", "10.88.88.30/24").unwrap();
    (net, a, b)
}

#[test]
fn a_node_sees_only_itself() {
    let (_net, a, b) = two();
    assert_eq!(a.shell("hostname").unwrap().trim(), "a");
    let _sleeper = b.spawn("sleep", &["60"]).unwrap();
    let listing = a.shell("cat /proc/[0-9]*/comm").unwrap();
    assert!(!listing.contains("sleep"), "{listing}");
    assert_eq!(b.find("sleep").len(), 1);
    assert_eq!(a.shell("id -u _vipd; getent group vipctl").unwrap(), "64901\nvipctl:x:64905:\n");
    assert!(!fs::read_to_string("/etc/passwd").unwrap().contains("_vipd:x:64901"));
    a.shell("echo x > /run/only-here && echo y > /etc/only-here && : > /dev/null").unwrap();
    assert!(!Path::new("/run/only-here").exists() && !Path::new("/etc/only-here").exists());
    assert_eq!(a.read("/run/only-here").unwrap(), "x\n");
    a.shell("script -qec true /dev/null || test -c /dev/ptmx").unwrap();
}

#[test]
fn log_and_addresses_are_witnessed() {
    let (_net, a, _b) = two();
    a.shell("logger -p authpriv.info -t audit hello").unwrap();
    wait_until(LIMIT, "the line", || a.syslog().find("hello").is_some()).unwrap();
    let line = a.syslog().find("hello").unwrap();
    assert_eq!((line.facility, line.severity), (10, 6));
    assert_eq!(a.syslog().audit(), [line]);

    let vip = "10.88.88.100".parse().unwrap();
    a.shell("ip addr add 10.88.88.100/32 dev enp0s25 valid_lft 7 preferred_lft 7").unwrap();
    wait_until(LIMIT, "the address", || a.watch().holds(vip)).unwrap();
    let there = a.watch().addresses_now().unwrap();
    let there = there.iter().find(|address| address.address == vip).unwrap();
    assert_eq!((there.interface.as_str(), there.prefix), ("enp0s25", 32));
    assert!(there.lifetime.is_some_and(|seconds| seconds <= 7));
    a.shell("ip addr del 10.88.88.100/32 dev enp0s25").unwrap();
    wait_until(LIMIT, "its removal", || !a.watch().holds(vip)).unwrap();
    assert!(!a.watch().lost_events());
}

#[test]
fn cuts_work_and_heal() {
    let (_net, a, b) = two();
    assert!(pings(&a, "10.88.88.30"));
    let carrier = || a.shell("ip link show enp0s25").unwrap().contains("LOWER_UP");
    for how in [Cut::Silent, Cut::ToNode, Cut::FromNode, Cut::Loss(100)] {
        a.cut(how).unwrap();
        assert!(carrier(), "{how:?}");
        assert!(!pings(&a, "10.88.88.30"), "{how:?}");
        a.heal().unwrap();
        wait_until(LIMIT, "the healed link", || pings(&a, "10.88.88.30")).unwrap();
    }
    a.cut(Cut::Carrier).unwrap();
    wait_until(LIMIT, "the loss of carrier", || !carrier()).unwrap();
    a.heal().unwrap();
    wait_until(LIMIT, "the healed link", || carrier() && pings(&b, "10.88.88.20")).unwrap();
}

#[test]
fn one_way_cuts_are_one_way() {
    let (net, a, _b) = two();
    let capture = net.capture().unwrap();
    let from_a = |since| {
        let port = a.plug().port();
        capture.packets().iter().any(|packet| packet.at >= since && packet.port == port)
    };
    a.cut(Cut::ToNode).unwrap();
    let since = Stamp::now();
    assert!(!pings(&a, "10.88.88.30"));
    wait_until(LIMIT, "what a node that hears nothing says", || from_a(since)).unwrap();
    let answer: std::net::Ipv4Addr = "10.88.88.30".parse().unwrap();
    let heard = |at| capture.arps(at).iter().any(|(_, arp)| !arp.request && arp.sender == answer);
    assert!(heard(since), "b did not hear a");
    a.heal().unwrap();
    a.cut(Cut::FromNode).unwrap();
    a.shell("ip neigh flush all").unwrap();
    let since = Stamp::now();
    assert!(!pings(&a, "10.88.88.30"));
    assert!(!heard(since), "b heard a");
}

/// An address on a macvlan is one more address, until its carrier is taken.
#[test]
fn macvlans_are_witnessed() {
    let (_net, a, _b) = two();
    let vip = "fd88:88::100".parse().unwrap();
    let since = Stamp::now();
    a.shell(
        "ip link add vm0 link enp0s25 address 00:00:5e:00:02:33 type macvlan mode private && \
         ip link set vm0 up && ip address add fd88:88::100/128 dev vm0 && \
         ip address add fd88:88::100/128 dev enp0s25",
    )
    .unwrap();
    wait_until(LIMIT, "the address", || a.watch().holds(vip)).unwrap();
    a.shell("ip address del fd88:88::100/128 dev enp0s25 && ip link set vm0 protodown on").unwrap();
    wait_until(LIMIT, "its end", || !a.watch().holds(vip)).unwrap();
    a.shell("ip link set vm0 protodown off").unwrap();
    wait_until(LIMIT, "its return", || a.watch().holds(vip)).unwrap();
    a.shell("ip link del vm0").unwrap();
    wait_until(LIMIT, "its end", || !a.watch().holds(vip)).unwrap();
    assert_eq!(owner::held_by(&a, vip).len(), 2);
    let links = a.watch().link_events();
    let last = links.iter().rfind(|event| event.what.name == "vm0").unwrap();
    assert!(last.at > since && !last.there && last.what.mac == Some(Mac::virtual6(0x33)));
}

/// The kernel's own link-local address and the unique local one are there without a delay.
#[test]
fn nodes_have_ipv6() {
    let (_net, a, b) = two();
    assert_eq!((a.address6(), b.address6()), ("fd88:88::20/64", "fd88:88::30/64"));
    assert_ne!(a.link_local(), b.link_local());
    let there = a.watch().addresses_now().unwrap();
    assert!(there.iter().all(|address| address.flags & 0x40 == 0), "tentative: {there:?}");
    let service = Service::start(Kind::Haproxy, &b).unwrap();
    let local = SocketAddrV6::new(b.link_local().unwrap(), 80, 0, 2);
    for target in [local, SocketAddrV6::new("fd88:88::30".parse().unwrap(), 80, 0, 0)] {
        let probe = Probe::start(&a, target).unwrap();
        probe.wait_answer(Stamp::now(), "b", LIMIT).unwrap();
    }
    service.stop().unwrap();
}

/// One more cable, into another network; what is cut there is not cut here.
#[test]
fn a_node_is_in_two_networks() {
    let (_net, a, b) = two();
    let second = Net::new().unwrap();
    let c = second.boot("c", "10.99.99.30/24").unwrap();
    let plug = second.add_cable(&a, "enp0s26", "10.99.99.20/24").unwrap();
    assert!(pings(&c, "10.99.99.20") && pings(&b, "10.88.88.20"));
    plug.cut(Cut::Carrier).unwrap();
    let carrier = || a.shell("ip link show enp0s26").unwrap().contains("LOWER_UP");
    wait_until(LIMIT, "the loss of carrier", || !carrier()).unwrap();
    assert!(pings(&b, "10.88.88.20"));
    plug.heal().unwrap();
    wait_until(LIMIT, "the healed link", || pings(&c, "10.99.99.20")).unwrap();
}

#[test]
fn services_answer_with_their_node() {
    let (_net, a, b) = two();
    let target = SocketAddrV4::new("10.88.88.20".parse().unwrap(), 80);
    let probe = Probe::start(&b, target).unwrap();
    let probe6 = Probe::start(&b, SocketAddrV6::new("fd88:88::20".parse().unwrap(), 80, 0, 0));
    let probe6 = probe6.unwrap();
    for kind in [Kind::Haproxy, Kind::Nginx, Kind::Apache] {
        let service = Service::start(kind, &a).unwrap();
        let since = Stamp::now();
        probe.wait_answer(since, "a", LIMIT).unwrap();
        probe6.wait_answer(since, "a", LIMIT).unwrap();
        assert!(!a.find(kind.process()).is_empty());
        if kind == Kind::Nginx {
            service.stop().unwrap();
        } else {
            service.kill(&a).unwrap();
        }
        wait_until(LIMIT, kind.process(), || a.find(kind.process()).is_empty()).unwrap();
    }
}

#[test]
fn power_off_kills_everything_at_once() {
    let (_net, mut a, _b) = two();
    let mut sleeper = a.spawn("sleep", &["60"]).unwrap();
    a.shell("setsid sleep 61 >/dev/null 2>&1 & setsid nohup sleep 62 >/dev/null 2>&1 &").unwrap();
    wait_until(LIMIT, "three sleepers", || a.find("sleep").len() == 3).unwrap();
    let pids: Vec<i32> = a.processes().iter().map(|process| process.pid).collect();
    a.power_off().unwrap();
    assert!(pids.iter().all(|pid| !Path::new(&format!("/proc/{pid}")).exists()), "{pids:?}");
    assert_eq!(sleeper.wait(LIMIT).unwrap().signal(), Some(Signal::SIGKILL as i32));
}

/// Orphans must not stay zombies: a real init reaps them.
#[test]
fn orphans_are_reaped() {
    let (_net, a, _b) = two();
    a.shell("(sleep 0.05 &)").unwrap();
    wait_until(LIMIT, "no processes", || a.processes().is_empty()).unwrap();
}

/// What `Net` leaves: nothing, neither after a drop nor after kill -9 of its process.
#[test]
fn nothing_is_left_behind() {
    let (net, a, b) = two();
    let dir = net.dir();
    let namespaces = [namespace(&a), namespace(&b)];
    let _sleeper = a.spawn("sleep", &["60"]).unwrap();
    drop((_sleeper, a, b, net));
    assert!(!dir.exists());
    wait_until(LIMIT, "no process in the namespaces", || unused(&namespaces)).unwrap();
}

#[test]
fn nothing_is_left_behind_by_a_killed_process() {
    if std::env::var_os("LAB_VICTIM").is_some() {
        return victim();
    }
    packages::ensure().unwrap();
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "nothing_is_left_behind_by_a_killed_process", "--nocapture"])
        .env("LAB_VICTIM", "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = std::io::BufReader::new(victim.stdout.take().unwrap());
    let mut namespaces = Vec::new();
    while namespaces.len() < 2 {
        let mut line = String::new();
        assert_ne!(std::io::BufRead::read_line(&mut said, &mut line).unwrap(), 0, "victim ended");
        namespaces.extend(line.trim().split("namespace ").nth(1).map(PathBuf::from));
    }
    assert!(!unused(&namespaces));
    victim.kill().unwrap();
    victim.wait().unwrap();
    wait_until(LIMIT, "no process in the namespaces", || unused(&namespaces)).unwrap();
    // Its files go when the next laboratory is built.
    let _net = Net::new().unwrap();
    let left = std::env::temp_dir().join(format!("vipd-lab.{}.0", victim.id()));
    assert!(!left.exists());
}

fn victim() {
    let (_net, a, b) = two();
    let _sleeper = a.spawn("sleep", &["60"]).unwrap();
    println!("\nnamespace {}", namespace(&a).display());
    println!("\nnamespace {}", namespace(&b).display());
    let _ = wait_until(Duration::from_secs(60), "the end", || false);
}

/// The process namespace of a node, by any of its programs.
fn namespace(node: &Node) -> PathBuf {
    PathBuf::from(node.shell("readlink /proc/self/ns/pid").unwrap().trim())
}

fn unused(namespaces: &[PathBuf]) -> bool {
    fs::read_dir("/proc").unwrap().flatten().all(|entry| {
        let of = fs::read_link(entry.path().join("ns/pid"));
        of.is_err() || !namespaces.contains(&of.unwrap())
    })
}
