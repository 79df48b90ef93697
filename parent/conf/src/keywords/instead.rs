//! What to write, or do, instead of a keyword that vipd does not serve. Words only.

use super::Context::{
    self, AddressLine, Globals, Instance, RouteLine, SyncGroup, TopLevel, VmacLine,
};
use super::{Keyword, Served};

/// The remedy of the diagnostic that names the keyword.
pub fn instead(keyword: &Keyword) -> &'static str {
    let is_it = |row: &&Row| {
        row.0 == keyword.context && row.1.split_whitespace().any(|name| name == keyword.name)
    };
    match (ROWS.iter().find(is_it), keyword.served) {
        (Some((.., remedy)), _) => remedy,
        (None, Served::Balancer) => BALANCER,
        (None, Served::Accepted | Served::Served) => "",
        (None, Served::NotYet) => "remove it, or keep it for a later vipd",
        (None, Served::Refused) => "remove it if the node may run without it",
    }
}

const BALANCER: &str = "let HAProxy, nginx or ipvsadm balance and remove it, or start vipd with -P \
                        to run the VRRP half without it";

/// Names separated by white space share the remedy.
type Row = (Context, &'static str, &'static str);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    (TopLevel, "track_file vrrp_track_file", "write a `vrrp_script` that looks at the file, and its \
        name into `track_script`"),
    (TopLevel, "bfd_instance", "let FRR or BIRD run the session and a `vrrp_script` ask for it"),
    (TopLevel, "garp_group", "write `vrrp_garp_interval` in global_defs"),
    (TopLevel, "interface_up_down_delays", "write `preempt_delay`, so that a node whose link comes \
        and goes does not take back at once"),
    (TopLevel, "linkbeat_interfaces linkbeat_use_polling", "see with `ip link` that the driver \
        reports NO-CARRIER when the cable is out"),
    (TopLevel, "instance", "give each vipd files of its own: -f, -p and --socket"),
    (Globals, "smtp_alert smtp_alert_vrrp", "let a `notify` command send the mail (vipd(8), NOTIFICATION)"),
    (Globals, "set_supplementary_groups", "write the group that the scripts need behind the user: \
        `script_user USER GROUP`"),
    (Globals, "startup_script startup_script_timeout shutdown_script shutdown_script_timeout",
        "write ExecStartPre= and ExecStopPost= into the unit of the service manager"),
    (Globals, "vrrp_garp_extra_if vrrp_vmac_garp_intvl", "write an instance of its own for the \
        addresses of the other interface"),
    (Globals, "dynamic_interfaces", "order the unit behind what makes the interfaces (After=)"),
    (Globals, "vrrp_startup_delay vrrp_delay_after_boot", "order the unit behind what it has to wait \
        for (After=), or write `preempt_delay`"),
    (Globals, "iproute_usr_dir iproute_etc_dir", "write the number of such a table"),
    (Globals, "reload_time_file reload_repeat reload_file", "run `vipctl reload` from a timer; it \
        waits for the outcome"),
    (Globals, "enable_snmp_vrrp enable_snmp_keepalived enable_snmp_rfc enable_snmp_rfcv2
        enable_snmp_rfcv3 enable_traps", "ask `vipctl show --json`"),
    (Globals, "enable_dbus", "ask `vipctl show --json`"),
    (Instance, "auth_hmac", "let a packet filter admit protocol 112 from the other nodes only; \
        `auth_type PASS` prevents mistakes"),
    (Instance, "use_vmac_addr", "write an instance of its own with `use_vmac` for the addresses of \
        the other interface"),
    (Instance, "use_ipvlan", "write `use_vmac`, or nothing: gratuitous ARP moves the addresses"),
    (Instance, "vrf", "name an `interface` that is in the VRF"),
    (Instance, "garp_extra_if vmac_garp_intvl", "write an instance of its own for the addresses of \
        the other interface"),
    (Instance, "track_file track_bfd", "write a `vrrp_script` and its name into \
        `track_script`"),
    (Instance, "smtp_alert", "let a `notify` command send the mail (vipd(8), NOTIFICATION)"),
    (Instance, "linkbeat_use_polling", "see with `ip link` that the driver reports NO-CARRIER when \
        the cable is out"),
    (SyncGroup, "track_file track_bfd", "write a `vrrp_script` and its \
        name into `track_script`"),
    (SyncGroup, "smtp_alert", "let a `notify` command send the mail (vipd(8), NOTIFICATION)"),
    (AddressLine, "use_vmac", "write `use_vmac` in an instance of its own for the address"),
    (RouteLine, "encap ttl-propagate vrf or as", "write the route without it"),
    (VmacLine, "group", "put the interface into the group with `ip link set`"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keywords::find;

    #[test]
    fn every_remedy_is_for_a_keyword() {
        for (context, names, remedy) in ROWS {
            assert!(!remedy.contains("  "), "{remedy}");
            for name in names.split_whitespace() {
                assert!(find(*context, name.as_bytes()).is_some(), "{name} in {context:?}");
            }
        }
    }
}
