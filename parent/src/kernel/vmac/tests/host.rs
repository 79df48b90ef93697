//! Virtual MACs and their host: its settings and interfaces while they are there and after, also
//! when their maker was killed, and with no more rights than the parent has.

use super::super::super::two_hosts_tests::{Hosts, ip};
use super::*;
use std::process::Command;

/// The settings of the host that virtual MACs take.
fn host_settings() -> Vec<String> {
    let keys = ["arp_ignore", "arp_filter", "arp_announce", "rp_filter"];
    let interfaces = ["all", "default", "lo", "base"];
    let one =
        |interface| keys.map(|key| format!("{interface} {}", setting("ipv4", interface, key)));
    interfaces.into_iter().flat_map(one).collect()
}

#[test]
fn settings_are_made_and_put_back() {
    let hosts = Hosts::new();
    hosts.near(|| {
        set("all", "rp_filter", "2");
        set("lo", "rp_filter", "1");
        set("base", "arp_filter", "0");
        let before = host_settings();
        let mut linux = Linux::open().unwrap();
        let (one, two) = (made(&mut linux, &vmac()), made(&mut linux, &vmac6()));
        let of = |name: &str, keys: &[&str]| {
            keys.iter().map(|key| setting("ipv4", name, key)).collect::<Vec<_>>().join(" ")
        };
        let keys = ["arp_ignore", "accept_local", "rp_filter", "promote_secondaries", "arp_filter"];
        assert_eq!(of("vrrp.51", &keys), "1 1 0 1 0");
        assert_eq!(of("vrrp6.51", &keys), "1 1 0 1 0");
        assert_eq!(
            of("base", &["arp_ignore", "arp_filter", "arp_announce", "rp_filter"]),
            "1 1 2 2"
        );
        assert_eq!(setting("ipv4", "all", "rp_filter"), "0");
        for other in ["lo", "default"] {
            assert_eq!(setting("ipv4", other, "rp_filter"), "2", "{other}");
        }
        let six = |name: &str, key: &str| setting("ipv6", name, key);
        assert_eq!(six("vrrp.51", "disable_ipv6"), "1");
        let keys = ["disable_ipv6", "addr_gen_mode", "accept_ra", "autoconf"];
        assert_eq!(keys.map(|key| six("vrrp6.51", key)), ["0", "1", "0", "0"]);

        linux.remove_vmac(one).unwrap();
        assert_eq!(of("base", &["arp_ignore", "arp_filter"]), "1 1");
        linux.remove_vmac(two).unwrap();
        assert_eq!(host_settings(), before);
        assert!(matches!(linux.remove_vmac(two), Err(VmacError::NotOurs(_))));
    });
}

/// What the administrator set meanwhile, or had set stricter, stays.
#[test]
fn settings_of_others_stay() {
    let hosts = Hosts::new();
    hosts.near(|| {
        set("base", "arp_ignore", "2");
        let mut linux = Linux::open().unwrap();
        let index = made(&mut linux, &vmac());
        assert_eq!(setting("ipv4", "base", "arp_ignore"), "2");
        set("base", "arp_filter", "0");
        set("all", "rp_filter", "1");
        linux.remove_vmac(index).unwrap();
        assert_eq!(setting("ipv4", "base", "arp_ignore"), "2");
        assert_eq!(setting("ipv4", "base", "arp_filter"), "0");
        assert_eq!(setting("ipv4", "all", "rp_filter"), "1");
    });
}

/// As systemd-udevd does a moment after an interface was made, or sysctl(8) at any time.
#[test]
fn settings_that_others_change_are_set_again() {
    let hosts = Hosts::new();
    hosts.near(|| {
        let before = host_settings();
        let mut linux = Linux::open().unwrap();
        let indexes = [made(&mut linux, &vmac()), made(&mut linux, &vmac6())];
        assert!(indexes.iter().all(|index| !linux.uphold_vmac(*index).unwrap()));
        set("vrrp6.51", "rp_filter", "2");
        set("base", "arp_ignore", "0");
        set("all", "rp_filter", "1");
        let upheld = indexes.map(|index| linux.uphold_vmac(index).unwrap());
        assert_eq!(upheld, [true, true]);
        assert!(indexes.iter().all(|index| !linux.uphold_vmac(*index).unwrap()));
        assert_eq!(setting("ipv4", "vrrp6.51", "rp_filter"), "0");
        assert_eq!(setting("ipv4", "base", "arp_ignore"), "1");
        assert_eq!(setting("ipv4", "all", "rp_filter"), "0");
        assert_eq!(setting("ipv4", "lo", "rp_filter"), "1");
        for index in indexes {
            linux.remove_vmac(index).unwrap();
        }
        assert_eq!(setting("ipv4", "all", "rp_filter"), "1");
        set("all", "rp_filter", "0");
        assert_eq!(host_settings(), before);
    });
}

#[test]
fn what_others_made_is_not_touched() {
    let hosts = Hosts::new();
    hosts.near(|| {
        let mut linux = Linux::open().unwrap();
        let before = host_settings();
        ip("link add vrrp.51 type ifb");
        let taken = linux.make_vmac(&vmac(), &mark()).unwrap_err();
        assert_eq!(taken.to_string(), "interface vrrp.51 is there already, and not vipd's");
        assert_eq!(linux.clear_vmacs(&mark()).unwrap(), []);
        assert!(ip("link show vrrp.51").contains("vrrp.51"));

        let base = Vmac { base: interface("lo"), base_index: 1, ..vmac6() };
        let error = linux.make_vmac(&base, &mark()).unwrap_err();
        assert!(matches!(error, VmacError::NotEthernet(_)), "{error}");
        let gone = Vmac { base_index: 4711, ..vmac6() };
        let error = linux.make_vmac(&gone, &mark()).unwrap_err();
        assert!(matches!(error, VmacError::Kernel { errno: Errno::ENODEV, .. }), "{error}");

        ip("link add br0 type bridge");
        ip("link set base master br0");
        let error = linux.make_vmac(&vmac6(), &mark()).unwrap_err();
        assert!(matches!(error, VmacError::IsPort(_)), "{error}");
        ip("link set base nomaster");

        ip("link add link base name other address 00:00:5e:00:02:33 type macvlan mode private");
        ip("link set other up");
        let index = linux.make_vmac(&vmac6(), &mark()).unwrap();
        let error = linux.raise_vmac(index).unwrap_err();
        assert!(matches!(error, VmacError::MacTaken(_)), "{error}");
        linux.remove_vmac(index).unwrap();
        assert_eq!(host_settings(), before);
    });
}

/// Its maker was killed: the interface and the settings are still there.
#[test]
fn a_later_run_clears_up() {
    let hosts = Hosts::new();
    hosts.near(|| {
        set("all", "rp_filter", "1");
        set("lo", "rp_filter", "1");
        set("base", "rp_filter", "1");
        set("default", "rp_filter", "1");
        let before = host_settings();
        let mut linux = Linux::open().unwrap();
        made(&mut linux, &vmac());
        made(&mut linux, &vmac6());
        drop(linux);
        assert_ne!(host_settings(), before);

        let mut linux = Linux::open().unwrap();
        let other = Mark::new(Path::new("/run/vipd/other.sock"));
        assert_eq!(linux.clear_vmacs(&other).unwrap(), []);
        let mut removed = linux.clear_vmacs(&mark()).unwrap();
        removed.sort_by_key(|name| name.to_string());
        assert_eq!(removed, [vmac().name, vmac6().name]);
        assert_eq!(host_settings(), before);
        assert!(!ip("link").contains("vrrp"));
        made(&mut linux, &vmac());
    });
}

/// Somebody removed it: it can be made again, and nothing is left at the end.
#[test]
fn one_that_is_gone_can_be_made_again() {
    let hosts = Hosts::new();
    hosts.near(|| {
        let before = host_settings();
        let mut linux = Linux::open().unwrap();
        made(&mut linux, &vmac());
        ip("link del vrrp.51");
        let index = made(&mut linux, &vmac());
        ip("link del vrrp.51");
        // Another interface with its number is not it.
        ip(&format!("link add stranger index {index} type ifb"));
        linux.remove_vmac(index).unwrap();
        assert!(ip("link show stranger").contains("stranger"));
        assert_eq!(host_settings(), before);
    });
}

#[test]
fn it_follows_its_base() {
    let hosts = Hosts::new();
    hosts.near(|| {
        ip("link set base group 7");
        let mut linux = Linux::open().unwrap();
        let index = made(&mut linux, &vmac6());
        let link = ip("-d link show vrrp6.51");
        assert!(link.contains("group 7") && link.contains("macvlan mode private"), "{link}");
        assert!(link.contains("alias vipd 0 0 0 0 /run/vipd/vipd.sock"), "{link}");
        let shown = || ip("-6 addr show dev vrrp6.51");
        assert!(shown().contains("fe80::ff:fe00:1/64 scope link"), "{}", shown());
        assert!(shown().contains("nodad") && shown().contains("deprecated"), "{}", shown());
        assert!(!shown().contains("tentative"), "{}", shown());

        ip("addr del fe80::ff:fe00:1/64 dev base");
        ip("addr add fe80::77/64 dev base");
        let new = linux.borrow_link_local(index).unwrap();
        assert_eq!(new, Some("fe80::77".parse().unwrap()));
        assert!(shown().contains("fe80::77/64") && !shown().contains("fe80::ff"), "{}", shown());
        assert_eq!(linux.borrow_link_local(index).unwrap(), new);
        ip("addr del fe80::77/64 dev base");
        assert_eq!(linux.borrow_link_local(index).unwrap(), None);
        assert_eq!(shown(), "");
        linux.remove_vmac(index).unwrap();

        ip("link set base down");
        let index = made(&mut linux, &vmac());
        assert!(ip("link show vrrp.51").contains("LOWERLAYERDOWN"));
        linux.remove_vmac(index).unwrap();
    });
}

/// Without VRF in the test kernel, the request is the witness.
#[test]
fn it_joins_the_vrf_of_its_base() {
    let base = Found {
        name: interface("base"),
        index: 10,
        is_ethernet: true,
        is_macvlan: false,
        alias: None,
        base: None,
        controller: Some(7),
        group: 0,
    };
    let request = links::create(&vmac(), &base).unwrap();
    assert!(format!("{request:?}").contains("Controller(7)"), "{request:?}");
}

/// After the start the parent is no longer root, holds two capabilities, and has its deny list on.
/// This test, run again in that role by setpriv(1), does everything that a daemon does.
#[test]
fn two_capabilities_are_enough() {
    const ROLE: &str = "VIPD_TEST_IS_PARENT";
    if std::env::var_os(ROLE).is_some() {
        crate::confine::apply().unwrap();
        assert!(std::fs::File::open("/proc/1/mem").is_err(), "this is not the role");
        let before = host_settings();
        let mut linux = Linux::open().unwrap();
        linux.clear_vmacs(&mark()).unwrap();
        let (one, two) = (made(&mut linux, &vmac()), made(&mut linux, &vmac6()));
        assert_ne!(host_settings(), before);
        linux.remove_vmac(one).unwrap();
        linux.remove_vmac(two).unwrap();
        linux.firewall(&Rules::default()).unwrap();
        assert_eq!(host_settings(), before);
        return;
    }
    let hosts = Hosts::new();
    let rights = "-all,+net_admin,+net_raw";
    let output = hosts.near(|| {
        set("all", "rp_filter", "1");
        // The build tree may be closed to others; an open file is not.
        let this = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", "64901", "--regid", "64901", "--clear-groups"])
            .args(["--inh-caps", rights, "--ambient-caps", rights, "--bounding-set", rights])
            .args(["--no-new-privs", "/proc/self/fd/0", "--exact", "--nocapture"])
            .arg("kernel::vmac::tests::host::two_capabilities_are_enough")
            .env(ROLE, "1")
            .stdin(this);
        command.output().unwrap()
    });
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.contains("1 passed"), "{}: {said}", output.status);
}
