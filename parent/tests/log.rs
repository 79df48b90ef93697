//! Two kinds of log: facilities, numbering, and the password, which stands in neither.
#![cfg(test)]

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use vipd_lab::clock::wait_until;
use vipd_lab::{Daemon, net::Net, packages, paths};

const LIMIT: Duration = Duration::from_secs(15);
const VIP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 88, 88, 100));
const CONFIG: &str = "vrrp_instance VI_1 {\n interface enp0s25\n virtual_router_id 51\n \
                      priority 100\n authentication {\n  auth_type PASS\n  auth_pass s3cr3t\n \
                      }\n virtual_ipaddress {\n  10.88.88.100\n }\n}\n";

#[test]
fn audit_is_numbered_and_the_password_is_nowhere() {
    packages::ensure().unwrap();
    let net = Net::new().unwrap();
    let node = net.boot("node1", "10.88.88.20/24").unwrap();
    let mut running = Daemon::vipd().unwrap().launch(&node, CONFIG, &["-D", "-d", "-l"]).unwrap();
    wait_until(LIMIT, "the address", || node.watch().holds(VIP)).unwrap();
    let vipctl = paths::bin_dir().unwrap().join("vipctl").to_string_lossy().into_owned();
    let shown = node.exec(&[vipctl.as_str(), "show", "VI_1", "--json"], LIMIT).unwrap();
    assert!(shown.ok() && !shown.stdout.contains("s3cr3t"), "{shown:?}");
    running.stop(&node).unwrap();
    let end = || node.syslog().audit().iter().any(|line| line.text.contains("event=stop"));
    wait_until(LIMIT, "the last line of the audit", end).unwrap();
    let audit = node.syslog().audit();
    for (number, line) in audit.iter().enumerate() {
        assert!(line.text.contains(&format!("audit seq={} event=", number + 1)), "{line}");
    }
    let written = format!("{}{}", node.syslog().text(), running.main.stderr());
    assert!(written.contains("auth_pass ********"), "{written}");
    assert!(!written.contains("s3cr3t"), "{written}");
}
