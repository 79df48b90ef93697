//! How vipd starts and how it does not: exit codes, messages, the background, what an earlier run
//! left behind, what is not its own. The real programs on a host of their own.
#![cfg(test)]

use std::net::IpAddr;
use std::time::Duration;
use vipd_lab::clock::wait_until;
use vipd_lab::run::Output;
use vipd_lab::{Daemon, net::Net, node::Node, packages, paths};

const LIMIT: Duration = Duration::from_secs(60);
const VIP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 88, 88, 100));
const FILE: &str = "/etc/vipd/vipd.conf";
const GOOD: &str = "vrrp_instance VI_1 {\n interface enp0s25\n virtual_router_id 51\n \
                    priority 100\n virtual_ipaddress {\n  10.88.88.100\n }\n}\n";

fn host() -> (Net, Node) {
    packages::ensure().unwrap();
    let net = Net::new().unwrap();
    let node = net.boot("node1", "10.88.88.20/24").unwrap();
    node.write(FILE, GOOD).unwrap();
    (net, node)
}

fn program() -> String {
    paths::bin_dir().unwrap().join("vipd").to_string_lossy().into_owned()
}

/// Runs vipd behind `before` until it ends.
fn vipd(node: &Node, before: &[&str], words: &[&str]) -> Output {
    let program = program();
    let line: Vec<&str> =
        before.iter().copied().chain([program.as_str()]).chain(words.iter().copied()).collect();
    node.exec(&line, LIMIT).unwrap()
}

fn ends(output: &Output, code: i32, says: &str) {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert!(output.stderr.contains(says) || output.stdout.contains(says), "{says}: {output:?}");
}

#[test]
fn test_of_a_file() {
    let (_net, node) = host();
    ends(&vipd(&node, &[], &["-t"]), 0, "good, instances: 1");
    node.write("/etc/vipd/warn.conf", "global_defs {\n nonsense\n}\n").unwrap();
    ends(&vipd(&node, &[], &["-t", "-f", "/etc/vipd/warn.conf"]), 5, "warnings: 1");
    node.write("/etc/vipd/bad.conf", "vrrp_instance A {\n interface enp0s25\n}\n").unwrap();
    ends(&vipd(&node, &[], &["-t", "-f", "/etc/vipd/bad.conf"]), 5, "bad.conf:");
    ends(&vipd(&node, &[], &["-t", "-f", "/etc/none"]), 6, "/etc/none: there is no such file");
    let printed = vipd(&node, &[], &["-t", "-d"]);
    ends(&printed, 0, "virtual_router_id 51");
    node.write("/etc/vipd/again.conf", &printed.stdout).unwrap();
    let again = vipd(&node, &[], &["-t", "-d", "-f", "/etc/vipd/again.conf"]);
    let origins = ["  # /etc/vipd/vipd.conf:3\n", "    advert_int 1  # default\n"];
    assert!(origins.iter().all(|origin| printed.stdout.contains(origin)), "{printed:?}");
    assert_eq!(values(&again), values(&printed));
    assert!(node.syslog().lines().is_empty(), "-t writes no log");
}

/// What -d prints, without where it came from.
fn values(output: &Output) -> Vec<&str> {
    output.stdout.lines().filter_map(|line| line.split("  # ").next()).collect()
}

/// Anybody may check a file that he may read.
#[test]
fn test_of_a_file_needs_no_right() {
    let (_net, node) = host();
    // The build tree may be under a closed home.
    let copy = std::env::temp_dir().join(format!("vipd-start-{}", std::process::id()));
    std::fs::copy(program(), &copy).unwrap();
    let nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let words = [copy.to_str().unwrap(), "-t"];
    let line: Vec<&str> = nobody.iter().chain(&words).copied().collect();
    let output = node.exec(&line, LIMIT);
    std::fs::remove_file(&copy).unwrap();
    ends(&output.unwrap(), 0, "good, instances: 1");
}

#[test]
fn start_that_cannot_be() {
    let (_net, node) = host();
    ends(&vipd(&node, &[], &["--nonsense"]), 64, "--nonsense");
    ends(&vipd(&node, &[], &["-v"]), 0, "vipd ");
    ends(&vipd(&node, &[], &["--version"]), 0, "vipd ");
    ends(&vipd(&node, &[], &["-n", "-f", "/etc/none"]), 6, "there is no such file");
    node.write("/etc/vipd/bad.conf", "vrrp_instance A {\n interface enp0s25\n}\n").unwrap();
    ends(&vipd(&node, &[], &["-n", "-f", "/etc/vipd/bad.conf"]), 2, "not started");
    let other = GOOD.replace("enp0s25", "eth77");
    node.write("/etc/vipd/other.conf", &other).unwrap();
    for words in [&["-n", "-f", "/etc/vipd/other.conf"][..], &["-f", "/etc/vipd/other.conf"]] {
        ends(&vipd(&node, &[], words), 2, "interface eth77 does not exist");
    }
    let bounded = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"];
    let output = vipd(&node, &bounded, &["-n"]);
    ends(&output, 4, "needs CAP_NET_ADMIN");
    assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
    node.shell("sed -i /^_vipd_vrrpe:/d /etc/passwd").unwrap();
    ends(&vipd(&node, &[], &["-n"]), 1, "useradd --system");
}

/// The caller returns when the daemon serves, with the process id in its file; a second one with
/// the same file, or the same socket, does not start and disturbs nothing.
#[test]
fn background_and_a_second_daemon() {
    let (_net, node) = host();
    let pid_file = "/run/vipd.pid";
    let output = vipd(&node, &[], &["-p", pid_file]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    // The witness is a thread: it may read the line a moment later.
    wait_until(LIMIT, "the log", || node.syslog().find("Startup complete").is_some()).unwrap();
    let pid = std::fs::read_to_string(node.file(pid_file)).unwrap();
    let parent = node.find("vipd");
    assert_eq!(parent.len(), 1, "{parent:?}");
    assert_eq!(parent[0].inner_pid.to_string(), pid.trim());
    wait_until(LIMIT, "the address", || node.watch().holds(VIP)).unwrap();
    ends(&vipd(&node, &[], &["-n", "-p", pid_file]), 1, "another vipd is running");
    ends(&vipd(&node, &[], &["-n"]), 1, "another vipd is running there");
    assert_eq!(std::fs::read_to_string(node.file(pid_file)).unwrap(), pid);
    let events = node.watch().events();
    let removed = events.iter().find(|event| !event.added && event.what.address == VIP);
    assert!(removed.is_none(), "it was taken for left behind: {removed:?}");
    node.shell(&format!("kill -INT {}", pid.trim())).unwrap();
    wait_until(LIMIT, "the end", || node.find("vipd").is_empty()).unwrap();
    assert!(!node.watch().addresses_now().unwrap().iter().any(|a| a.address == VIP));
    assert!(!node.file(pid_file).exists());
}

/// An address with our tag is a leftover and goes; without it, it is somebody's and stays.
#[test]
fn leftovers_go_and_foreign_addresses_stay() {
    let (_net, node) = host();
    let daemon = Daemon::vipd().unwrap();
    let mut killed =
        daemon.start(&node, &format!("global_defs {{\n vip_lease off\n}}\n{GOOD}")).unwrap();
    wait_until(LIMIT, "the address", || node.watch().holds(VIP)).unwrap();
    killed.kill_all(&node).unwrap();
    killed.wait(LIMIT).unwrap();
    assert!(node.watch().holds(VIP), "without a lease it stays");
    let mut running = daemon.start(&node, GOOD).unwrap();
    let audit = node.syslog().audit();
    let is = |part: &str| audit.iter().any(|line| line.text.contains(part));
    assert!(is("event=start") && is("why=leftover result=ok"), "{}", node.syslog().text());
    assert_eq!(running.stop(&node).unwrap().code(), Some(0));
    wait_until(LIMIT, "the audit of the end", || {
        node.syslog().audit().iter().any(|line| line.text.contains("event=stop"))
    })
    .unwrap();

    node.shell("ip addr add 10.88.88.100/32 dev enp0s25").unwrap();
    let events = node.watch().events().len();
    let mut running = daemon.launch(&node, GOOD, &[]).unwrap();
    wait_until(LIMIT, "the message", || node.syslog().find("is not ours").is_some()).unwrap();
    wait_until(LIMIT, "FAULT", || node.syslog().find("Entering FAULT STATE").is_some()).unwrap();
    running.stop(&node).unwrap();
    let there = node.watch().addresses_now().unwrap();
    let foreign = there.iter().find(|a| a.address == VIP).expect("the foreign address is gone");
    assert_eq!((foreign.protocol, foreign.lifetime), (0, None));
    assert_eq!(node.watch().events().len(), events, "nobody touched it");
}

/// A container: two capabilities, and each missing wall named once.
#[test]
fn two_capabilities_are_enough() {
    let (_net, node) = host();
    let all = ["--bounding-set=-all,+net_admin,+net_raw", "--inh-caps=-all"];
    let program = program();
    let words = [all[0], all[1], &program, "-n"];
    let mut spawned = node.spawn("setpriv", &words).unwrap();
    let held = wait_until(LIMIT, "the address", || node.watch().holds(VIP));
    assert!(held.is_ok(), "{held:?}\n{}{}", node.syslog().text(), spawned.stderr());
    for wall in ["run as the user", "no empty network namespace", "bounding sets"] {
        let lines = node.syslog().lines();
        let named = lines.iter().filter(|line| line.text.contains(wall)).count();
        assert_eq!(named, 1, "{wall}\n{}", node.syslog().text());
    }
    spawned.signal(nix::sys::signal::Signal::SIGTERM).unwrap();
    let code = spawned.wait(LIMIT).unwrap().code();
    assert_eq!(code, Some(0), "{}{}", node.syslog().text(), spawned.stderr());
    assert!(!node.watch().addresses_now().unwrap().iter().any(|a| a.address == VIP));
}
