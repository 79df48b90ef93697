//! `keepalived.stats`: the counters of each instance, one a line.

use vipd_ipc::report::Counts;

pub(super) fn instance(name: &str, n: &Counts) -> String {
    let lines: [(&str, Option<u64>); 18] = [
        ("  Advertisements", None),
        ("    Received", Some(n.advert_rcvd)),
        ("    Sent", Some(n.advert_sent)),
        ("  Became master", Some(n.become_master)),
        ("  Released master", Some(n.release_master)),
        ("  Packet Errors", None),
        ("    Length", Some(n.packet_len_err)),
        ("    TTL", Some(n.ip_ttl_err)),
        ("    Invalid Type", Some(n.invalid_type_rcvd)),
        ("    Advertisement Interval", Some(n.advert_interval_err)),
        ("    Address List", Some(n.addr_list_err)),
        ("  Authentication Errors", None),
        ("    Invalid Type", Some(n.invalid_authtype)),
        ("    Type Mismatch", Some(n.authtype_mismatch)),
        ("    Failure", Some(n.auth_failure)),
        ("  Priority Zero", None),
        ("    Received", Some(n.pri_zero_rcvd)),
        ("    Sent", Some(n.pri_zero_sent)),
    ];
    let mut text = format!("VRRP Instance: {name}\n");
    for (title, number) in lines {
        text.push_str(title);
        text.push(':');
        if let Some(number) = number {
            text.push_str(&format!(" {number}"));
        }
        text.push('\n');
    }
    text
}
