//! vipd in keepalived's place: started under its name with the very command lines of the platforms
//! that start keepalived, sent their signals, read as they read. The real programs, on hosts of
//! their own.
#![cfg(test)]

use nix::sys::signal::Signal;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use vipd_lab::clock::wait_until;
use vipd_lab::run::Output;
use vipd_lab::{Net, Node, packages, paths};

const LIMIT: Duration = Duration::from_secs(60);
const KEEPALIVED: &str = "/run/sbin/keepalived";
/// Nobody but an advert may say it.
const PASSWORD: &str = "s3cr3t77";
const DUMPS: &str = "/run/dumps";

/// A host with vipd linked as keepalived, and a folder for dumps with the rights of /tmp.
fn host() -> (Net, Node) {
    packages::ensure().unwrap();
    let net = Net::new().unwrap();
    let node = net.boot("node1", "10.88.88.20/24").unwrap();
    let program = paths::bin_dir().unwrap().join("vipd");
    node.shell(&format!(
        "mkdir /run/sbin && ln -s {} {KEEPALIVED} && mkdir -m 1777 {DUMPS}",
        program.display()
    ))
    .unwrap();
    (net, node)
}

/// Runs it until it ends or is in the background.
fn keepalived(node: &Node, words: &[&str]) -> Output {
    let tmpdir = format!("TMPDIR={DUMPS}");
    let line: Vec<&str> =
        ["env", &tmpdir, KEEPALIVED].into_iter().chain(words.iter().copied()).collect();
    node.exec(&line, LIMIT).unwrap()
}

fn instance(name: &str, vrid: u8, address: &str, more: &str) -> String {
    format!(
        "vrrp_instance {name} {{\n state BACKUP\n interface enp0s25\n virtual_router_id {vrid}\n \
         priority 50\n advert_int 1\n {more}\n authentication {{\n auth_type PASS\n auth_pass \
         {PASSWORD}\n }}\n virtual_ipaddress {{\n {address}\n }}\n}}\n"
    )
}

fn holds(node: &Node, address: &str) -> bool {
    node.watch().holds(address.parse().unwrap())
}

fn wait_for(node: &Node, what: &str, condition: impl FnMut() -> bool) {
    let waited = wait_until(LIMIT, what, condition);
    assert!(waited.is_ok(), "{waited:?}\n{}", node.syslog().text());
}

fn pid_in(node: &Node, path: &str) -> i32 {
    let text = node.read(path).unwrap();
    text.trim().parse().unwrap_or_else(|_| panic!("{path}: {text:?}"))
}

fn signal(node: &Node, name: &str, pid_file: &str) {
    let told = keepalived(node, &["--signum", name]);
    assert!(told.ok(), "{told:?}");
    node.shell(&format!("kill -{} {}", told.stdout.trim(), pid_in(node, pid_file))).unwrap();
}

/// Sends the signal and returns the file that appears.
fn dump(node: &Node, name: &str, pid_file: &str, file: &str) -> String {
    let path = node.file(&format!("{DUMPS}/{file}"));
    if path.exists() {
        // As VyOS does before it asks.
        std::fs::remove_file(&path).unwrap();
    }
    signal(node, name, pid_file);
    wait_for(node, file, || path.exists());
    let mode = std::fs::symlink_metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600, "{file}");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains(PASSWORD), "{text}");
    text
}

fn has_line(text: &str, line: &str) {
    assert!(text.lines().any(|there| there == line), "no line {line:?} in:\n{text}");
}

/// The pid files name living processes of that role.
fn names(node: &Node, pid_file: &str, role: &str) {
    let pid = pid_in(node, pid_file);
    let there = node.find(role);
    assert!(there.iter().any(|process| process.inner_pid == pid), "{pid_file}: {pid}, {there:?}");
}

fn ends(node: &Node, pid_file: &str, others: &[&str]) {
    let pid = pid_in(node, pid_file);
    node.shell(&format!("kill -TERM {pid}")).unwrap();
    wait_for(node, "the end", || {
        !node.processes().iter().any(|process| process.inner_pid == pid && process.alive())
    });
    for file in others.iter().chain([&pid_file]) {
        assert!(!node.file(file).exists(), "{file} is left");
    }
}

/// `keepalived -P -f C -p PID -r PID-vrrp -D`, one for each router, each with files of its own; the
/// version is looked for first, and the state is the presence of the address.
#[test]
fn neutron() {
    let (_net, node) = host();
    let version = keepalived(&node, &["--version"]);
    assert!(version.ok() && version.stdout.is_empty(), "{version:?}");
    let first = version.stderr.lines().next().unwrap();
    let number = first.split_once(" v").unwrap().1.split(' ').next().unwrap();
    let number: Vec<u32> = number.split('.').map(|part| part.parse().unwrap()).collect();
    assert!(number.len() == 3 && number >= vec![2, 0, 3], "{first}");

    let routers = [("r1", 11, "169.254.0.11"), ("r2", 12, "169.254.0.12")];
    for (name, vrid, address) in routers {
        let folder = format!("/run/ha_confs/{name}");
        let config = instance(
            &format!("VR_{vrid}"),
            vrid,
            &format!("{address}/24 dev enp0s25"),
            "garp_master_delay 60\n nopreempt",
        );
        let global = "global_defs {\n notification_email_from neutron@openstack.local\n \
                      router_id neutron\n}\n";
        let file = format!("{folder}/keepalived.conf");
        node.shell(&format!("mkdir -p {folder}")).unwrap();
        node.write(&file, &format!("{global}{config}")).unwrap();
        let (pid, vrrp) = (format!("{folder}.pid"), format!("{folder}.pid-vrrp"));
        let words = ["-P", "-f", &file, "-p", &pid, "-r", &vrrp, "-D"];
        let started = keepalived(&node, &words);
        assert!(started.ok(), "{started:?}\n{}", node.syslog().text());
        names(&node, &pid, "keepalived");
        names(&node, &vrrp, "vipd-vrrpe");
        let again = keepalived(&node, &words);
        assert_eq!(again.status.code(), Some(1), "{again:?}");
        assert!(again.stderr.contains("daemon is already running"), "{again:?}");
        wait_for(&node, "the address", || holds(&node, address));
    }
    // Permanent, as keepalived's: nothing that watches addresses is woken by renewals.
    let there = node.watch().addresses_now().unwrap();
    for (_, _, address) in routers {
        let address: IpAddr = address.parse().unwrap();
        let found = there.iter().find(|there| there.address == address).unwrap();
        assert_eq!((found.protocol, found.lifetime), (18, None));
    }
    let ident = |word: &str| node.syslog().lines().iter().any(|line| line.text.contains(word));
    for word in [" Keepalived[", " Keepalived_vrrp["] {
        assert!(ident(word), "{word}\n{}", node.syslog().text());
    }
    ends(&node, "/run/ha_confs/r1.pid", &["/run/ha_confs/r1.pid-vrrp"]);
    assert!(!holds(&node, "169.254.0.11") && holds(&node, "169.254.0.12"));
    ends(&node, "/run/ha_confs/r2.pid", &["/run/ha_confs/r2.pid-vrrp"]);
    assert!(!holds(&node, "169.254.0.12"));
}

/// `ip netns exec NS keepalived --log-facility=N -f C -p PID`, and the same by `-s`.
#[test]
fn octavia() {
    let (_net, node) = host();
    node.shell(
        "ip netns add amphora-haproxy && ip link add v0 type veth peer name enp0s25 netns \
         amphora-haproxy && ip link set v0 up && ip -n amphora-haproxy address add 10.9.0.2/24 \
         dev enp0s25 && ip -n amphora-haproxy link set enp0s25 up && ip -n amphora-haproxy link \
         set lo up",
    )
    .unwrap();
    let config = instance("VI_1", 1, "10.9.0.100", "nopreempt\n accept\n garp_master_refresh 5");
    node.write("/etc/octavia.conf", &config).unwrap();
    let there = || {
        let said = node.shell("ip -n amphora-haproxy -o address show dev enp0s25").unwrap();
        said.contains("10.9.0.100/32")
    };
    let pid = "/run/octavia-keepalived.pid";
    let by_exec = ["ip", "netns", "exec", "amphora-haproxy", KEEPALIVED, "--log-facility=1"];
    let files = ["-f", "/etc/octavia.conf", "-p", pid];
    let line: Vec<&str> = by_exec.into_iter().chain(files).collect();
    let started = node.exec(&line, LIMIT).unwrap();
    assert!(started.ok(), "{started:?}");
    wait_for(&node, "the address in the namespace", there);
    // 16 and more are local0 and its kin.
    wait_for(&node, "the facility", || {
        let state = node.syslog().find("(VI_1) Entering MASTER STATE");
        state.is_some_and(|line| line.facility == 17)
    });
    assert!(node.syslog().audit().iter().any(|line| line.text.contains("event=add")));
    node.shell(&format!("kill -0 {}", pid_in(&node, pid))).unwrap();
    ends(&node, pid, &["/run/vrrp.pid"]);
    assert!(!there());

    let line: Vec<&str> = ["-s", "amphora-haproxy"].into_iter().chain(files).collect();
    assert!(keepalived(&node, &line).ok());
    wait_for(&node, "the address in the namespace", there);
    assert!(
        !node.watch().events().iter().any(|event| event.what.address.to_string() == "10.9.0.100")
    );
    ends(&node, pid, &[]);

    node.write("/etc/octavia.conf", &format!("net_namespace amphora-haproxy\n{config}")).unwrap();
    assert!(keepalived(&node, &["-f", "/etc/octavia.conf"]).ok());
    wait_for(&node, "the address in the namespace", there);
    let pid = "/run/keepalived/amphora-haproxy/keepalived.pid";
    // Where a daemon runs cannot be changed while it does.
    node.write("/etc/octavia.conf", &config).unwrap();
    signal(&node, "RELOAD", pid);
    wait_for(&node, "the refusal", || node.syslog().find("net_namespace has changed").is_some());
    assert!(there());
    ends(&node, pid, &["/run/keepalived/amphora-haproxy/vrrp.pid"]);
    let none = keepalived(&node, &["-n", "-s", "nowhere", "-f", "/etc/octavia.conf"]);
    assert_eq!(none.status.code(), Some(2), "{none:?}");
    assert!(none.stderr.contains("ip netns add nowhere"), "{none:?}");
}

/// `-f C --dont-fork --vrrp --log-detail --log-console`; the probe of life asks for the state and
/// looks for an instance in it.
#[test]
fn openshift() {
    let (_net, node) = host();
    let config = instance("cluster_API", 31, "10.88.88.100/24 label vip", "");
    node.write("/etc/keepalived/keepalived.conf", &config).unwrap();
    let words = ["-f", "/etc/keepalived/keepalived.conf", "--dont-fork", "--vrrp", "--log-detail"];
    let dumps = format!("TMPDIR={DUMPS}");
    let line: Vec<&str> =
        [&dumps, KEEPALIVED].into_iter().chain(words).chain(["--log-console"]).collect();
    let mut spawned = node.spawn("env", &line).unwrap();
    wait_for(&node, "the address", || holds(&node, "10.88.88.100"));
    let data = dump(&node, "DATA", "/run/keepalived.pid", "keepalived.data");
    has_line(&data, " VRRP Instance = cluster_API");
    has_line(&data, "   State = MASTER");
    has_line(&data, "   Interface = enp0s25");
    has_line(&data, "   Virtual Router ID = 31");
    has_line(&data, "   Gratuitous ARP delay = 5");
    has_line(&data, "   Virtual IP (1):");
    has_line(&data, "     10.88.88.100/24 dev enp0s25 scope global label vip set");
    let console = spawned.stderr();
    assert!(console.contains("(cluster_API) Entering MASTER STATE"), "{console}");
    // A reload that changes nothing, then the end.
    signal(&node, "RELOAD", "/run/keepalived.pid");
    wait_for(&node, "the reload", || node.syslog().find("nothing has changed").is_some());
    spawned.signal(Signal::SIGTERM).unwrap();
    assert_eq!(spawned.wait(LIMIT).unwrap().code(), Some(0));
    for file in ["keepalived.pid", "vrrp.pid", "checkers.pid"] {
        assert!(!node.file(&format!("/run/{file}")).exists(), "{file}");
    }
}

/// `--use-file C --pid P --dont-fork --snmp`; its tools delete a file, send the signal and read, and
/// the exporters of metrics read the same.
#[test]
fn vyos_and_the_exporters() {
    let (_net, node) = host();
    let script = "vrrp_script chk {\n script \"/bin/test -e /run/alive\"\n interval 1\n weight -20\n \
                  user root\n}\n";
    let more = "track_script {\n chk\n }\n virtual_ipaddress_excluded {\n 10.88.88.110/24\n }\n \
                virtual_routes {\n blackhole 10.68.0.0/16\n }\n \
                virtual_rules {\n from 10.88.88.110 table 7 priority 100\n }";
    let first = instance("FIRST", 10, "10.88.88.100/24\n 10.88.88.101", more);
    let second = instance("SECOND", 11, "10.88.88.102", "");
    let config = "/run/keepalived/keepalived.conf";
    let group = "vrrp_sync_group SYNC {\n group {\n FIRST\n SECOND\n }\n \
                 sync_group_tracking_weight\n}\n";
    node.shell("mkdir /run/keepalived; touch /run/alive").unwrap();
    node.write(config, &format!("{script}{first}{second}{group}")).unwrap();
    let pid = "/run/keepalived/keepalived.pid";
    let dumps = format!("TMPDIR={DUMPS}");
    let line = [&dumps, KEEPALIVED, "--use-file", config, "--pid", pid, "--dont-fork", "--snmp"];
    let mut spawned = node.spawn("env", &line).unwrap();
    wait_for(&node, "the addresses", || {
        ["10.88.88.101", "10.88.88.102"].iter().all(|address| holds(&node, address))
    });
    let text = dump(&node, "JSON", pid, "keepalived.json");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 2);
    let data = &json[0]["data"];
    let is = |name: &str, value: serde_json::Value| assert_eq!(data[name], value, "{name}");
    is("iname", "FIRST".into());
    is("state", 2.into());
    is("wantstate", 2.into());
    is("vrid", 10.into());
    is("effective_priority", 50.into());
    is("ifp_ifname", "enp0s25".into());
    is("vipset", true.into());
    is("dont_track_primary", 0.into());
    is("auth_data", "********".into());
    let vips = [
        "10.88.88.100/24 dev enp0s25 scope global set",
        "10.88.88.101 dev enp0s25 scope global set",
    ];
    is("vips", serde_json::json!(vips));
    is("evips", serde_json::json!(["10.88.88.110/24 dev enp0s25 scope global set"]));
    is("vroutes", serde_json::json!(["inet blackhole 10.68.0.0/16 table main scope 0"]));
    is("vrules", serde_json::json!(["inet from 10.88.88.110/32 priority 100 table 7"]));
    is("track_script", serde_json::json!(["'/bin/test' '-e' '/run/alive'"]));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let ago = now.as_secs_f64() - data["last_transition"].as_f64().unwrap();
    assert!((0.0..600.0).contains(&ago), "{ago}");
    let sent = json[0]["stats"]["advert_sent"].as_u64().unwrap();
    assert!(sent > 0 && json[0]["stats"]["become_master"] == 1, "{text}");

    let data = dump(&node, "DATA", pid, "keepalived.data");
    has_line(&data, " VRRP Sync Group = SYNC, MASTER");
    has_line(&data, " VRRP Script = chk");
    has_line(&data, "   Virtual IP Excluded :");
    has_line(&data, "     10.88.88.110/24 dev enp0s25 scope global set");
    has_line(&data, "   Virtual Routes :");
    has_line(&data, "   Virtual Rules :");
    has_line(&data, "   Status = GOOD");
    node.shell("rm /run/alive").unwrap();
    wait_for(&node, "the failure", || node.syslog().find("VRRP_Script(chk) failed").is_some());
    let data = dump(&node, "DATA", pid, "keepalived.data");
    has_line(&data, "   Status = BAD");
    has_line(&data, "   Effective priority = 30");

    let stats = dump(&node, "STATS", pid, "keepalived.stats");
    has_line(&stats, "VRRP Instance: SECOND");
    has_line(&stats, "  Became master: 1");
    dump(&node, "STATS_CLEAR", pid, "keepalived.stats");
    let stats = dump(&node, "STATS", pid, "keepalived.stats");
    has_line(&stats, "  Became master: 0");
    spawned.signal(Signal::SIGTERM).unwrap();
    assert_eq!(spawned.wait(LIMIT).unwrap().code(), Some(0));
}

/// What is in the way of a dump is never followed and never written to.
#[test]
fn a_dump_follows_no_link() {
    let (_net, node) = host();
    node.write("/etc/keepalived/keepalived.conf", &instance("A", 5, "10.88.88.100", "")).unwrap();
    node.write("/run/victim", "as before").unwrap();
    // Of a keepalived that was root; and where our own daemon may do as it likes.
    node.shell(&format!(
        "chmod 666 /run/victim; ln -s /run/victim {DUMPS}/keepalived.stats; mkdir /run/own; chown \
         _vipd /run/own; ln -s /run/victim /run/own/keepalived.data"
    ))
    .unwrap();
    assert!(keepalived(&node, &[]).ok());
    let pid = "/run/keepalived.pid";
    has_line(&dump(&node, "STATS", pid, "keepalived.stats"), "VRRP Instance: A");
    // Somebody else's, made while it runs: it stays, and the log says so.
    node.shell(&format!("ln -s /run/victim {DUMPS}/keepalived.json")).unwrap();
    signal(&node, "JSON", pid);
    wait_for(&node, "the complaint", || {
        node.syslog().find("keepalived.json: Operation not permitted").is_some()
            || node.syslog().find("keepalived.json: Permission denied").is_some()
    });
    ends(&node, pid, &[]);
    assert!(keepalived(&node, &["--dump-dir", "/run/own"]).ok());
    signal(&node, "DATA", pid);
    let own = node.file("/run/own/keepalived.data");
    wait_for(&node, "the file", || std::fs::symlink_metadata(&own).is_ok_and(|m| m.is_file()));
    assert_eq!(node.read("/run/victim").unwrap(), "as before");
    let left = std::fs::read_dir(node.file("/run/own")).unwrap().count();
    assert_eq!(left, 1, "no draft is left");
    ends(&node, pid, &["/run/vrrp.pid"]);
}

/// A start that fails says so to the one who waits, and leaves no pid file; nor does a daemon that is
/// killed at once with its children.
#[test]
fn pid_files_are_left_by_nobody() {
    let (_net, node) = host();
    let all = ["/run/keepalived.pid", "/run/vrrp.pid", "/run/checkers.pid"];
    let none = |node: &Node| all.iter().all(|file| !node.file(file).exists());
    let file = "/etc/keepalived/keepalived.conf";
    node.write(file, &instance("A", 5, "10.88.88.100", "").replace("enp0s25", "eth7")).unwrap();
    let failed = keepalived(&node, &[]);
    assert_eq!(failed.status.code(), Some(2), "{failed:?}");
    assert!(failed.stderr.contains("eth7 does not exist"), "{failed:?}");
    assert!(none(&node));
    node.write(file, &instance("A", 5, "10.88.88.100", "")).unwrap();
    // What a host that lost its power leaves.
    node.write("/run/keepalived.pid", "1\n").unwrap();
    assert!(keepalived(&node, &["-c", "/run/checkers.pid"]).ok());
    names(&node, "/run/checkers.pid", "vipd-checker");
    names(&node, "/run/vrrp.pid", "vipd-vrrpe");
    let pid = pid_in(&node, "/run/keepalived.pid");
    assert_ne!(pid, 1);
    // He who removes them can do nothing else: CAP_DAC_OVERRIDE, a filter, and no way up.
    let sweeper = &node.find("vipd-sweeper")[0];
    let status = std::fs::read_to_string(sweeper.proc_dir().join("status")).unwrap();
    for line in ["CapEff:\t0000000000000002", "CapBnd:\t0000000000000002", "Seccomp:\t2"] {
        assert!(status.contains(line), "{line}\n{status}");
    }
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    node.shell(&format!("kill -KILL {pid}")).unwrap();
    wait_for(&node, "the end of the files", || none(&node));
    wait_for(&node, "the end of the processes", || {
        !node.processes().iter().any(|p| p.name.starts_with("vipd") || p.name == "keepalived")
    });
}

/// The check of a file, with its result in another one.
#[test]
fn test_of_a_file_into_a_log() {
    let (_net, node) = host();
    node.write("/run/bad.conf", "vrrp_instance A {\n interface enp0s25\n}\n").unwrap();
    for form in ["-t=/run/test.log", "-t/run/test.log", "--config-test=/run/test.log"] {
        let tested = keepalived(&node, &[form, "-f", "/run/bad.conf"]);
        assert_eq!(tested.status.code(), Some(5), "{tested:?}");
        assert!(tested.stderr.is_empty(), "{tested:?}");
    }
    let log = node.read("/run/test.log").unwrap();
    assert_eq!(log.matches("would not be loaded").count(), 3, "{log}");
    let tested = keepalived(&node, &["-t", "-f", "/run/bad.conf"]);
    assert!(tested.stderr.contains("/run/bad.conf:"), "{tested:?}");
}
