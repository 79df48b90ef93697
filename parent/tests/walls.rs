//! What /proc says of the running processes: accounts, capabilities, filters, namespaces and
//! descriptors of each. Asks from outside; the processes do not know that they are looked at.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use nix::sys::signal::Signal;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use vipd_lab::clock::{Stamp, wait_until};
use vipd_lab::process::Process;
use vipd_lab::scenario::{CONFIG1, CONFIG2, LIMIT, NODE1, Pair};
use vipd_lab::{Daemon, packages};

/// CAP_NET_ADMIN is 12, CAP_NET_RAW 13.
const TWO: u64 = 1 << 12 | 1 << 13;
/// CAP_KILL 5, CAP_SETGID 6, CAP_SETUID 7.
const STARTERS: u64 = 0xe0;

fn pair(script: &str) -> Pair {
    packages::ensure().unwrap();
    let vipd = Daemon::vipd().unwrap();
    let config = |text: &str| text.replace("killall -0 haproxy", script);
    let mut pair = Pair::with_configs(&config(CONFIG1), &config(CONFIG2)).unwrap();
    pair.one.start_daemon(&vipd).unwrap();
    pair.two.start_daemon(&vipd).unwrap();
    pair.settle().unwrap();
    pair
}

fn role(pair: &Pair, name: &str) -> Process {
    let found = pair.one.node.find(name);
    assert_eq!(found.len(), 1, "{name}: {found:?}");
    found.into_iter().next().unwrap()
}

fn status(process: &Process) -> BTreeMap<String, String> {
    let text = fs::read_to_string(process.proc_dir().join("status")).unwrap();
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.map(|(key, value)| (key.to_owned(), value.trim().to_owned())).collect()
}

/// Bounding, effective, permitted; nothing is ever inheritable or ambient.
fn sets(process: &Process) -> [u64; 3] {
    let status = status(process);
    let set = |name: &str| u64::from_str_radix(&status[name], 16).unwrap();
    assert_eq!((set("CapInh"), set("CapAmb")), (0, 0), "{}", process.name);
    [set("CapBnd"), set("CapEff"), set("CapPrm")]
}

fn namespace(process: &Process, kind: &str) -> PathBuf {
    fs::read_link(process.proc_dir().join("ns").join(kind)).unwrap()
}

/// What each descriptor is, without numbers of sockets.
fn descriptors(process: &Process) -> BTreeMap<u32, String> {
    let folder = fs::read_dir(process.proc_dir().join("fd")).unwrap();
    let fds = folder.flatten().filter_map(|entry| {
        let number = entry.file_name().to_str()?.parse().ok()?;
        let target = fs::read_link(entry.path()).ok()?.to_string_lossy().into_owned();
        let is_socket = target.starts_with("socket:");
        Some((number, if is_socket { "socket".to_owned() } else { target }))
    });
    fds.collect()
}

#[test]
fn hard_16_accounts_capabilities_and_filters() {
    let pair = pair("killall -0 haproxy");
    for (name, id, caps) in
        [("vipd", 64901, TWO), ("vipd-vrrpe", 64902, 0), ("vipd-checker", 64903, 0)]
    {
        let process = role(&pair, name);
        let all = status(&process);
        let ids = [id; 4].map(|id: u32| id.to_string()).join("\t");
        assert_eq!((&all["Uid"], &all["Gid"]), (&ids, &ids), "{name}");
        assert_eq!(all["Groups"], "", "{name}");
        assert_eq!(sets(&process), [caps; 3], "{name}");
        assert_eq!((all["Seccomp"].as_str(), all["NoNewPrivs"].as_str()), ("2", "1"), "{name}");
        assert_eq!(all["Threads"], "1", "{name}");
        // The files of a process that is not dumpable belong to root.
        assert_eq!(fs::metadata(process.proc_dir().join("environ")).unwrap().uid(), 0, "{name}");
    }
    assert!(pair.one.node.find("vipd-starter").is_empty(), "no script needs it");
}

#[test]
fn namespaces_of_the_children() {
    let pair = pair("killall -0 haproxy");
    let (parent, engine, checker) =
        (role(&pair, "vipd"), role(&pair, "vipd-vrrpe"), role(&pair, "vipd-checker"));
    for kind in ["net", "mnt", "ipc", "uts"] {
        assert_ne!(namespace(&engine, kind), namespace(&parent, kind), "engine: {kind}");
    }
    for kind in ["ipc", "uts"] {
        assert_ne!(namespace(&checker, kind), namespace(&parent, kind), "checker: {kind}");
    }
    assert_eq!(namespace(&checker, "net"), namespace(&parent, "net"));
    let inside = vipd_lab::netns::NetNs::of(engine.pid).unwrap();
    let look = || vipd_lab::run::tool("ip", &["-o", "link", "show"], "");
    let links = inside.enter(look).unwrap();
    assert_eq!(links.lines().count(), 1, "{links}");
    assert!(links.contains("lo: <LOOPBACK> ") && links.contains("state DOWN"), "{links}");
    let look = || vipd_lab::run::tool("ip", &["-o", "address", "show"], "");
    assert_eq!(inside.enter(look).unwrap(), "");
}

#[test]
fn descriptors_of_each_process() {
    let pair = pair("killall -0 haproxy");
    let engine = descriptors(&role(&pair, "vipd-vrrpe"));
    assert_eq!((&engine[&0][..], &engine[&1][..]), ("/dev/null", "/dev/null"), "{engine:?}");
    for number in 3..=5 {
        assert_eq!(engine[&number], "socket", "{engine:?}");
    }
    let mut above: Vec<&str> = engine.range(6..).map(|(_, target)| target.as_str()).collect();
    above.sort_unstable();
    assert_eq!(above, ["anon_inode:[eventpoll]", "anon_inode:[timerfd]", "socket"], "{engine:?}");
    for name in ["vipd", "vipd-vrrpe", "vipd-checker"] {
        let all = descriptors(&role(&pair, name));
        let files = all.range(3..).filter(|(_, target)| target.starts_with('/'));
        let files: Vec<&String> = files.map(|(_, target)| target).collect();
        let allowed = |target: &&&String| name == "vipd" && target.ends_with("/run/vipd/vipd.pid");
        assert!(files.iter().all(|target| allowed(&target)), "{name}: {files:?}");
    }
    // The control socket is the only one that somebody could connect to.
    let listening = pair.one.node.shell("ss -Hlnxtup").unwrap();
    let ours: Vec<&str> = listening.lines().filter(|line| line.contains("\"vipd")).collect();
    assert!(ours.len() == 1 && ours.iter().all(|l| l.contains("/run/vipd/vipd.sock")), "{ours:?}");
}

/// A script that cannot be answered natively needs the starter, and it holds what changing users
/// takes, and no more.
#[test]
fn starter_exists_for_a_script() {
    let pair = pair("/usr/bin/test -e /run/haproxy.is.wanted.not -o -e /etc/passwd");
    let starter = role(&pair, "vipd-starter");
    assert_eq!(sets(&starter), [STARTERS; 3]);
    assert_eq!(status(&starter)["Seccomp"], "2");
    for name in ["vipd-vrrpe", "vipd-checker"] {
        assert_eq!(sets(&role(&pair, name)), [0; 3], "{name}");
    }
}

/// The death of the parent closes its end of the leash and kills nobody: the engine goes on
/// advertising while the lease lasts, says good-bye when the address is gone, and ends.
#[test]
fn engine_outlives_the_parent_for_the_lease() {
    let pair = pair("killall -0 haproxy");
    let since = Stamp::now();
    role(&pair, "vipd").signal(Signal::SIGKILL).unwrap();
    let (at, _) = pair
        .capture
        .wait_advert(since, LIMIT, "of the orphan", |a| a.source == NODE1 && a.priority == 111)
        .unwrap();
    let gone = || pair.one.node.find("vipd-vrrpe").is_empty();
    pair.capture
        .wait_advert(at, LIMIT, "its good-bye", |a| a.source == NODE1 && a.priority == 0)
        .unwrap();
    wait_until(LIMIT, "the end of the engine", gone).unwrap();
    pair.wait_owner(2).unwrap();
    assert!(pair.overlaps().is_empty(), "{:?}", pair.overlaps());
}

/// A stopped engine cannot be told anything; the byte on its leash kills it all the same.
#[test]
fn leash_kills_a_stopped_engine() {
    let mut pair = pair("killall -0 haproxy");
    role(&pair, "vipd-vrrpe").signal(Signal::SIGSTOP).unwrap();
    assert_eq!(pair.one.running().unwrap().wait(LIMIT).unwrap().code(), Some(1));
    wait_until(LIMIT, "the end of the engine", || pair.one.node.find("vipd-vrrpe").is_empty())
        .unwrap();
    pair.wait_owner(2).unwrap();
}
