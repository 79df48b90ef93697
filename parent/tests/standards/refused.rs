//! What the RFCs do not allow a configuration to say, and what the checker says to it.

use crate::rig::{LIMIT, Lan, V3, instance};
use vipd_lab::paths;

/// The exit code and the words of `vipd -t`.
fn checked(lan: &Lan, config: &str) -> (Option<i32>, String) {
    lan.node(0).write("/etc/vipd/test.conf", config).unwrap();
    let vipd = paths::bin_dir().unwrap().join("vipd");
    let words = [&vipd.to_string_lossy(), "-t", "-f", "/etc/vipd/test.conf"];
    let said = lan.node(0).exec(&words, LIMIT).unwrap();
    (said.status.code(), format!("{}{}", said.stdout, said.stderr))
}

#[test]
fn v2_pkt_05_v2_pkt_07_v3_pkt_08_v3_pkt_15_v3_pkt_20_yang_06_what_no_router_may_be() {
    let lan = Lan::boot(1);
    let four = &["10.88.88.100"][..];
    let six = &["fe80::88:100", "fd88:88::100"][..];
    let one = |lines: &str, addresses: &[&str]| instance("A", 51, lines, addresses);
    let without_vrid = one(V3, four).replace("virtual_router_id 51", "");
    let bad = [
        (without_vrid, "virtual_router_id"),
        (one(V3, four).replace("_id 51", "_id 0"), "virtual_router_id"),
        (one(V3, four).replace("_id 51", "_id 256"), "virtual_router_id"),
        (one("priority 0", four), "priority"),
        (one("priority 256", four), "priority"),
        (one("advert_int 0.5", four), "advert_int"),
        (one("version 3; advert_int 0", four), "advert_int"),
        (one("version 3; advert_int 40.96", four), "advert_int"),
        (one("version 2", six), "version"),
        (one(V3, &[four, six].concat()), "fe80::88:100"),
    ];
    for (config, about) in bad {
        let (code, said) = checked(&lan, &config);
        assert_eq!(code, Some(5), "{config}{said}");
        assert!(said.contains(about), "{config}{said}");
    }
    for good in [one("priority 254", four), one("version 3; advert_int 40.95", four)] {
        let (code, said) = checked(&lan, &good);
        assert_eq!(code, Some(0), "{good}{said}");
    }
}
