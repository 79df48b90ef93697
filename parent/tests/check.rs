//! The check of a configuration from outside: `vipd -t`, `vipctl check`, their JSON and exit codes,
//! and a daemon that runs the VRRP half of a file with `-P`.
#![cfg(test)]

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use vipd_lab::clock::wait_until;
use vipd_lab::{Daemon, net::Net, packages, paths};

const LIMIT: Duration = Duration::from_secs(60);
const VIP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 88, 88, 100));

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/tests")
}

fn run(program: &str, words: &[&str]) -> Output {
    let path = paths::bin_dir().unwrap().join(program);
    Command::new(path).args(words).current_dir(cases()).output().unwrap()
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn two_files_that_agree() {
    let pair = ["cases/pair-node1.conf", "cases/pair-node2.conf"];
    let output = run("vipctl", &["check", pair[0], pair[1]]);
    assert_eq!(code(&output), Some(0), "{output:?}");
    let told = stdout(&output);
    assert!(told.contains("both nodes agree"), "{told}");
    assert!(told.contains("fails: 101, 101 < 110, the address moves"), "{told}");
    let same = run("vipd", &["-t", "--peer", pair[1], pair[0]]);
    assert_eq!(
        (same.status, same.stdout, same.stderr),
        (output.status, output.stdout, output.stderr)
    );
}

#[test]
fn a_check_that_moves_nothing() {
    let pair = ["pairs/weight-never.conf", "pairs/weight-never.peer"];
    let output = run("vipctl", &["check", pair[0], pair[1]]);
    assert_eq!(code(&output), Some(5), "{output:?}");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("103 - 2 = 101 here and 100"), "{told}");
    assert!(told.contains("--> pairs/weight-never.conf:15:9"), "{told}");
    // Without the other file there is nothing to say.
    assert_eq!(code(&run("vipctl", &["check", pair[0]])), Some(0));
}

#[test]
fn findings_for_programs() {
    let output =
        run("vipctl", &["check", "pairs/weight-never.conf", "pairs/weight-never.peer", "--json"]);
    assert_eq!(code(&output), Some(5), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(stdout(&output).lines().count(), 1);
    assert_eq!(told["version"], 1);
    assert_eq!(told["peer"], "pairs/weight-never.peer");
    let numbers = ["instances", "errors", "warnings", "hints"].map(|name| told[name].as_u64());
    assert_eq!(numbers, [Some(1), Some(0), Some(1), Some(0)], "{told}");
    let one = &told["diagnostics"][0];
    assert_eq!(one["severity"], "warning");
    assert_eq!(one["file"], "pairs/weight-never.conf");
    assert_eq!([&one["line"], &one["column"], &one["length"]], [15, 9, 3]);
    assert_eq!(one["remedy"], "write `weight -4` or lower");
    assert!(one["message"].as_str().unwrap().contains("can never cause a failover"), "{one}");
    // Every case is JSON, whatever bytes are in it.
    for entry in std::fs::read_dir(cases().join("cases")).unwrap().step_by(7) {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "conf") {
            let output = run("vipd", &["-t", "--json", path.to_str().unwrap()]);
            let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            let wrong = told["errors"].as_u64().unwrap() + told["warnings"].as_u64().unwrap();
            assert_eq!(code(&output), Some(if wrong == 0 { 0 } else { 5 }), "{path:?}");
        }
    }
}

#[test]
fn files_that_cannot_be_compared() {
    let good = "cases/pair-node1.conf";
    let output = run("vipctl", &["check", good, "cases/instance-vrid.conf"]);
    assert_eq!(code(&output), Some(5));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("the file of the peer has errors"), "{told}");
    assert_eq!(code(&run("vipctl", &["check", good, "/etc/none"])), Some(6));
    assert_eq!(code(&run("vipctl", &["check", "/etc/none"])), Some(6));
    assert_eq!(code(&run("vipctl", &["check"])), Some(2));
    assert_eq!(code(&run("vipd", &["--json", "-f", good])), Some(64));
    assert_eq!(code(&run("vipd", &[good])), Some(64));
    // vipctl alone knows nothing of the language.
    let alone = std::env::temp_dir().join(format!("vipctl-alone-{}", std::process::id()));
    std::fs::copy(paths::bin_dir().unwrap().join("vipctl"), &alone).unwrap();
    let installed = Path::new("/usr/sbin/vipd").exists();
    let output = Command::new(&alone).args(["check", good]).output();
    std::fs::remove_file(&alone).unwrap();
    assert!(installed || code(&output.unwrap()) == Some(3));
}

/// The half that balances is refused, and skipped if it is not wanted; the starter, which reads the
/// file itself, must understand it in the same way.
#[test]
fn half_of_a_file() {
    packages::ensure().unwrap();
    let net = Net::new().unwrap();
    let node = net.boot("node1", "10.88.88.20/24").unwrap();
    let config = "vrrp_script chk {\n script \"/bin/true\"\n}\n\
                  vrrp_instance VI_1 {\n interface enp0s25\n virtual_router_id 51\n \
                  virtual_ipaddress {\n  10.88.88.100/24\n }\n track_script {\n  chk\n }\n}\n\
                  virtual_server 10.88.88.100 80 {\n lb_algo rr\n real_server 10.88.88.30 80 {\n  \
                  weight 1\n }\n}\n";
    let daemon = Daemon::vipd().unwrap();
    let refused = daemon.start(&node, config).unwrap_err().to_string();
    assert!(refused.contains("belongs to the load balancer half"), "{refused}");
    assert!(refused.contains("-P"), "{refused}");
    let mut running = daemon.launch(&node, config, &["-P"]).unwrap();
    wait_until(LIMIT, "the address", || node.watch().holds(VIP)).unwrap();
    assert!(node.syslog().find("(skipped because of -P)").is_some());
    // A reload reads it like the start.
    let changed = config.replace("virtual_router_id 51", "virtual_router_id 51\n priority 120");
    let at = running.reload(&node, &changed).unwrap();
    let done = || node.syslog().find_since(at, "event=reload by=signal result=ok").is_some();
    wait_until(LIMIT, "the reload", done).unwrap();
    assert!(node.watch().holds(VIP));
    running.stop(&node).unwrap();
}
