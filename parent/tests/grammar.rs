//! A configuration in several files, with definitions, conditions, sequences and variables, served
//! by the real programs: parent and starter read the same, a changed file takes effect at a reload,
//! and one that cannot be read changes nothing.
#![cfg(test)]

use std::net::IpAddr;
use std::time::Duration;
use vipd_lab::clock::{Stamp, wait_until};
use vipd_lab::run::Output;
use vipd_lab::spawned::Spawned;
use vipd_lab::{net::Net, node::Node, packages, paths};

const LIMIT: Duration = Duration::from_secs(60);

const MAIN: &str = "\
global_defs {
    script_user _vipd_script
    include_check +match
}
$IF=enp0s25
include conf.d/*.conf
";

/// The check succeeds if the starter has the same name of the node and the same variable, and it
/// leaves what it was given.
const CHECK: &str = "\
vrrp_script seen {
    @alpha script \"/bin/sh -c 'test ${_INSTANCE}-${_ENV COLOUR} = alpha-green && echo $PATH-${_RANDOM} > /run/seen/got'\"
    @^alpha script \"/bin/false\"
    interval 1
}
";

const ROUTERS: &str = "\
$ROUTER= \\
vrrp_instance VI_$n { \\
    interface $IF \\
    virtual_router_id 5$n \\
    include ../parts/timing.inc \\
    virtual_ipaddress { \\
        10.88.88.10$n \\
        @alpha 10.88.88.11$n \\
        @^alpha 10.88.88.12$n \\
    } \\
    track_script { \\
        seen \\
    } \\
}
~SEQ(n,1,2) $ROUTER
";

fn address(last: u8) -> IpAddr {
    IpAddr::from([10, 88, 88, last])
}

struct Host {
    _net: Net,
    node: Node,
    vipd: Spawned,
}

fn program(name: &str) -> String {
    paths::bin_dir().unwrap().join(name).to_string_lossy().into_owned()
}

/// Serves the addresses of two routers, as the node `alpha`.
fn host() -> Host {
    packages::ensure().unwrap();
    let net = Net::new().unwrap();
    let node = net.boot("node1", "10.88.88.20/24").unwrap();
    node.write("/etc/vipd/vipd.conf", MAIN).unwrap();
    node.write("/etc/vipd/conf.d/10-check.conf", CHECK).unwrap();
    node.write("/etc/vipd/conf.d/20-routers.conf", ROUTERS).unwrap();
    node.write("/etc/vipd/parts/timing.inc", "advert_int 0.3\nversion 3\n").unwrap();
    node.shell("mkdir /run/seen && chown _vipd_script /run/seen").unwrap();
    let words =
        ["COLOUR=green".to_owned(), program("vipd"), "-n".into(), "-i".into(), "alpha".into()];
    let vipd = node.spawn("env", &words).unwrap();
    let host = Host { _net: net, node, vipd };
    for last in [101, 102, 111, 112] {
        host.wait("an address", || host.holds(last));
    }
    assert!(!host.holds(121) && !host.holds(122), "those are of other nodes");
    host
}

impl Host {
    fn holds(&self, last: u8) -> bool {
        self.node.watch().holds(address(last))
    }

    fn wait(&self, what: &str, condition: impl FnMut() -> bool) {
        let waited = wait_until(LIMIT, what, condition);
        let log = self.node.syslog().text();
        assert!(waited.is_ok(), "{waited:?}\n{log}\n{}", self.vipd.stderr());
    }

    fn reload(&self) -> Output {
        self.node.exec(&[&program("vipctl"), "reload"], LIMIT).unwrap()
    }

    /// The reload is refused with these words, and what was served before still is.
    fn refused(&self, says: &[&str]) {
        let at = Stamp::now();
        let said = self.reload();
        for part in says {
            assert!(said.stderr.contains(part) || said.stdout.contains(part), "{part}: {said:?}");
        }
        let refused = || self.node.syslog().find_since(at, "nothing has changed").is_some();
        self.wait("the refusal in the log", refused);
        let events = self.node.watch().events();
        let removed = events.iter().any(|event| event.at >= at && !event.added);
        assert!(!removed, "something was removed");
        for last in [101, 102, 111, 112] {
            assert!(self.holds(last), "{last} is gone");
        }
    }
}

/// Input: as above. Expected: the script ran with what the definitions say and with nothing of
/// vipd's own environment.
#[test]
fn several_files_are_served_and_the_starter_reads_the_same() {
    let host = host();
    host.wait("the script", || host.node.read("/run/seen/got").is_ok_and(|t| t.ends_with('\n')));
    let got = host.node.read("/run/seen/got").unwrap();
    let (path, random) = got.trim().rsplit_once('-').unwrap();
    assert!(path.starts_with("/usr/local/sbin:"), "{got}");
    assert!(random.parse::<u32>().is_ok_and(|n| n <= 32767), "{got}");
    let starter = host.node.find("vipd-starter");
    let environment = std::fs::read_to_string(starter[0].proc_dir().join("environ")).unwrap();
    assert!(environment.contains("VIPD_ENV_COLOUR=green"), "{environment}");
    assert!(!environment.split('\0').any(|line| line.starts_with("COLOUR")), "{environment}");
    for other in ["vipd-vrrpe", "vipd-checker"] {
        let process = &host.node.find(other)[0];
        let text = std::fs::read_to_string(process.proc_dir().join("environ")).unwrap();
        assert!(!text.contains("COLOUR"), "{other}: {text}");
    }
}

/// Input: an included file gets one more address, a part in another folder another interval.
/// Expected: both are in force after a reload; without a change the reload says so.
#[test]
fn a_changed_file_takes_effect_at_a_reload() {
    let host = host();
    let said = host.reload();
    assert!(said.ok(), "{said:?}");
    let more = ROUTERS.replace("10.88.88.10$n", "10.88.88.10$n \\\n        10.88.88.13$n");
    host.node.write("/etc/vipd/conf.d/20-routers.conf", &more).unwrap();
    host.node.write("/etc/vipd/parts/timing.inc", "advert_int 0.4\nversion 3\n").unwrap();
    let said = host.reload();
    assert!(said.ok(), "{said:?}\n{}", host.node.syslog().text());
    host.wait("the new addresses", || host.holds(131) && host.holds(132));
    assert!(host.holds(101) && host.holds(112));
    let shown = host.node.exec(&[&program("vipctl"), "show", "--json"], LIMIT).unwrap();
    assert!(shown.stdout.contains("0.4") || shown.stdout.contains("400"), "{}", shown.stdout);
    // A new file in the folder is found by the pattern.
    host.node.write("/etc/vipd/conf.d/30-more.conf", "~SEQ(n,3,3) $ROUTER\n").unwrap();
    let said = host.reload();
    assert!(said.ok(), "{said:?}");
    host.wait("the third router", || host.holds(103) && host.holds(113));
}

/// Input: included files that are missing, may not be read, hold a mistake, or include themselves.
/// Expected: each is named, with its place, and nothing changes.
#[test]
fn a_broken_include_refuses_the_reload() {
    let host = host();
    let part = "/etc/vipd/parts/timing.inc";
    host.node.shell(&format!("chown root:root {part} && chmod 0600 {part}")).unwrap();
    host.refused(&["parts/timing.inc cannot be read: no permission", "20-routers.conf:5:"]);
    host.node.shell(&format!("rm {part}")).unwrap();
    host.refused(&["`../parts/timing.inc` is not there", "20-routers.conf:5:"]);
    host.node
        .write(part, "advert_int 0.3\nversion 3\npriority 300\nvirtual_router_id 0\n")
        .unwrap();
    host.refused(&["timing.inc:4:19: error", "`$n` is 1"]);
    host.node.write(part, "include timing.inc\n").unwrap();
    host.refused(&["timing.inc would be read inside itself: ", "timing.inc:1:9: error"]);
    host.node.write(part, "advert_int 0.3\nversion 3\n").unwrap();
    host.node.shell("chmod 0700 /etc/vipd/conf.d").unwrap();
    host.refused(&["the folder", "conf.d cannot be read: no permission"]);
    host.node.shell("chmod 0755 /etc/vipd/conf.d").unwrap();
    let said = host.reload();
    assert!(said.ok(), "{said:?}");
}

/// Input: at the start a file that only root may read. Expected: served, and said what a reload
/// would meet; `-t` sees the same files and the same node.
#[test]
fn what_a_reload_could_not_read_is_said_at_the_start() {
    packages::ensure().unwrap();
    let net = Net::new().unwrap();
    let node = net.boot("node1.example.org", "10.88.88.20/24").unwrap();
    let main = "include secret.conf\n@node1 @^node2 $X=8\nvrrp_instance A {\n interface enp0s25\n \
                virtual_router_id $X\n virtual_ipaddress {\n  $VIP\n }\n}\n";
    node.write("/etc/vipd/vipd.conf", main).unwrap();
    node.write("/etc/vipd/secret.conf", "$VIP=10.88.88.100\n").unwrap();
    node.shell("chmod 0600 /etc/vipd/secret.conf && hostname node1.example.org").unwrap();
    let tested = node.exec(&[&program("vipd"), "-t", "-d"], LIMIT).unwrap();
    assert!(tested.ok() && tested.stdout.contains("virtual_router_id 8"), "{tested:?}");
    let other = node.exec(&[&program("vipd"), "-t", "--config-id", "node3"], LIMIT).unwrap();
    assert!(other.stderr.contains("`$X` is not defined"), "{other:?}");
    let _vipd = node.spawn(program("vipd"), &["-n"]).unwrap();
    let waited = wait_until(LIMIT, "the address", || node.watch().holds(address(100)));
    assert!(waited.is_ok(), "{}", node.syslog().text());
    let said = || node.syslog().find("secret.conf: Permission denied").is_some();
    assert!(wait_until(LIMIT, "the warning", said).is_ok(), "{}", node.syslog().text());
}
