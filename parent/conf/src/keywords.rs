//! Every keyword of keepalived.conf and of our own in one table: where it may stand, whether vipd
//! serves it, and what it does (or what does not happen). Reads and decides nothing.

use std::collections::HashMap;
use std::sync::OnceLock;

/// The block in which a keyword stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    TopLevel,
    Globals,
    Instance,
    Authentication,
    Script,
    /// Behind an address of `virtual_ipaddress`.
    AddressLine,
    /// Behind an address of `unicast_peer`.
    PeerLine,
    /// Behind a name of `track_script`.
    TrackLine,
}

impl Context {
    /// The block's own keyword, as users know it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TopLevel => "the top level",
            Self::Globals => "global_defs",
            Self::Instance => "vrrp_instance",
            Self::Authentication => "authentication",
            Self::Script => "vrrp_script",
            Self::AddressLine => "virtual_ipaddress",
            Self::PeerLine => "unicast_peer",
            Self::TrackLine => "track_script",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// Does what it says.
    Served,
    /// Read without a word; nothing depends on it.
    Accepted,
    /// keepalived knows it, vipd does not yet: a warning, the rest of the file counts.
    NotYet,
    /// What it asks for cannot be left out safely: an error.
    Refused,
}

/// What follows the keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Nothing but words on its line, or nothing at all.
    Line,
    /// A block.
    Block,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keyword {
    pub name: &'static str,
    pub context: Context,
    pub served: Served,
    pub shape: Shape,
    /// What it does; for `NotYet` and `Refused`, what does not happen.
    pub summary: &'static str,
}

/// The whole table.
pub fn keywords() -> &'static [Keyword] {
    static TABLE: OnceLock<Vec<Keyword>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let one = |row: &Row| {
            let (served, context, shape, names, summary) = *row;
            let make = move |name| Keyword { name, context, served, shape, summary };
            names.split_whitespace().map(make)
        };
        SERVED.iter().chain(NOT_YET).flat_map(one).collect()
    })
}

pub(crate) fn find(context: Context, name: &[u8]) -> Option<&'static Keyword> {
    type Index = HashMap<(Context, &'static [u8]), &'static Keyword>;
    static INDEX: OnceLock<Index> = OnceLock::new();
    let make = || keywords().iter().map(|k| ((k.context, k.name.as_bytes()), k)).collect();
    INDEX.get_or_init(make).get(&(context, name)).copied()
}

/// Names separated by white space share everything else.
type Row = (Served, Context, Shape, &'static str, &'static str);

use Context::{
    AddressLine, Authentication, Globals, Instance, PeerLine, Script, TopLevel, TrackLine,
};
use Served::{Accepted, NotYet, Refused};
use Shape::{Block, Line};

const YES: Served = Served::Served;

const SERVED: &[Row] = &[
    (YES, TopLevel, Block, "global_defs", "settings of the whole daemon"),
    (YES, TopLevel, Block, "vrrp_instance", "a virtual router"),
    (YES, TopLevel, Block, "vrrp_script", "a health check"),
    (YES, Globals, Line, "router_id", "name of this node"),
    (YES, Globals, Line, "script_user", "user and group that run scripts"),
    (YES, Globals, Line, "enable_script_security", "warns: programs are not checked yet"),
    (YES, Globals, Line, "vrrp_version", "protocol version"),
    (YES, Globals, Line, "vrrp_mcast_group4", "multicast group of adverts"),
    (YES, Globals, Line, "vrrp_garp_master_delay", "default of garp_master_delay"),
    (YES, Globals, Line, "vrrp_garp_master_repeat", "default of garp_master_repeat"),
    (YES, Globals, Line, "vrrp_garp_master_refresh", "default of garp_master_refresh"),
    (
        YES,
        Globals,
        Line,
        "vrrp_garp_master_refresh_repeat",
        "default of garp_master_refresh_repeat",
    ),
    (YES, Globals, Line, "vrrp_check_unicast_src", "default of check_unicast_src"),
    (YES, Globals, Line, "native_checks", "answer process checks without running a program"),
    (YES, Globals, Line, "vip_lease", "default of vip_lease in instances"),
    (YES, Globals, Line, "fast_handover", "default of fast_handover in instances"),
    (Accepted, Globals, Line, "vrrp_skip_check_adv_addr", "vipd drops no advert for its addresses"),
    (YES, Instance, Line, "state", "initial wish"),
    (YES, Instance, Line, "interface", "interface for adverts"),
    (YES, Instance, Line, "virtual_router_id", "virtual router identifier"),
    (YES, Instance, Line, "priority", "base priority"),
    (YES, Instance, Line, "advert_int", "seconds between adverts"),
    (YES, Instance, Line, "version", "protocol version"),
    (YES, Instance, Block, "virtual_ipaddress", "the addresses this router holds as MASTER"),
    (YES, Instance, Line, "nopreempt", "do not take over from a live MASTER"),
    (YES, Instance, Line, "preempt", "take over from a MASTER of lower priority"),
    (YES, Instance, Block, "authentication", "password in adverts"),
    (YES, Instance, Line, "unicast_src_ip", "source address of unicast adverts"),
    (YES, Instance, Line, "mcast_src_ip", "source address of multicast adverts"),
    (YES, Instance, Block, "unicast_peer", "send adverts to these addresses"),
    (YES, Instance, Line, "check_unicast_src", "accept unicast adverts from peers only"),
    (YES, Instance, Block, "track_script", "checks that change the priority"),
    (YES, Instance, Line, "garp_master_delay", "seconds until the second gratuitous ARP block"),
    (YES, Instance, Line, "garp_master_repeat", "gratuitous ARP packets per address"),
    (YES, Instance, Line, "garp_master_refresh", "seconds between gratuitous ARP blocks as MASTER"),
    (YES, Instance, Line, "garp_master_refresh_repeat", "packets per address of such a block"),
    (YES, Instance, Line, "fast_handover", "take over without the RFC's wait where it is safe"),
    (YES, Instance, Line, "vip_lease", "seconds an address outlives a dead daemon"),
    (Accepted, Instance, Line, "debug", "without effect, as in keepalived"),
    (Accepted, Instance, Line, "skip_check_adv_addr", "vipd drops no advert for its addresses"),
    (YES, Authentication, Line, "auth_type", "kind of authentication"),
    (YES, Authentication, Line, "auth_pass", "the password, at most 8 bytes"),
    (YES, Script, Line, "script", "the command"),
    (YES, Script, Line, "interval", "seconds from start to start"),
    (YES, Script, Line, "timeout", "seconds after which a run has failed"),
    (YES, Script, Line, "weight", "what the check does to the priority"),
    (YES, Script, Line, "rise", "successes until it counts as up"),
    (YES, Script, Line, "fall", "failures until it counts as down"),
    (YES, Script, Line, "user", "user and group that run it"),
    (YES, Script, Line, "init_fail", "counts as failed until the first result"),
    (YES, AddressLine, Line, "dev", "another interface"),
    (YES, AddressLine, Line, "label", "name of the address"),
    (YES, AddressLine, Line, "brd broadcast", "broadcast address"),
    (YES, AddressLine, Line, "scope", "scope of the address"),
    (YES, TrackLine, Line, "weight", "weight for this instance"),
    (YES, TrackLine, Line, "reverse noreverse", "turns the meaning of the result round"),
];

#[rustfmt::skip]
const NOT_YET: &[Row] = &[
    (NotYet, TopLevel, Block, "vrrp_sync_group", "its instances fail over each on its own"),
    (NotYet, TopLevel, Block, "vrrp_track_process", "no process is tracked"),
    (NotYet, TopLevel, Block, "track_file vrrp_track_file", "no file is tracked"),
    (NotYet, TopLevel, Block, "bfd_instance", "there is no BFD session"),
    (NotYet, TopLevel, Block, "static_ipaddress", "these addresses are not added"),
    (NotYet, TopLevel, Block, "static_routes", "these routes are not added"),
    (NotYet, TopLevel, Block, "static_rules", "these rules are not added"),
    (NotYet, TopLevel, Block, "track_group", "instances do not watch static entries"),
    (NotYet, TopLevel, Block, "garp_group", "gratuitous ARP is not slowed down for the group"),
    (NotYet, TopLevel, Block, "interface_up_down_delays", "link changes act at once"),
    (NotYet, TopLevel, Block, "linkbeat_interfaces", "link state comes from the kernel only"),
    (NotYet, TopLevel, Line, "linkbeat_use_polling", "link state comes from the kernel only"),
    (Refused, TopLevel, Block, "virtual_server virtual_server_group", "no connection is balanced"),
    (NotYet, TopLevel, Block, "SSL", "it belongs to the load balancer half, which is not served"),
    (Refused, TopLevel, Line, "net_namespace", "vipd would run in the wrong network namespace"),
    (NotYet, TopLevel, Line, "net_namespace_ipvs", "it belongs to the load balancer half"),
    (NotYet, TopLevel, Line, "namespace_with_ipsets", "vipd makes no ipset"),
    (NotYet, TopLevel, Line, "instance", "names of files and of the log stay as they are"),
    (NotYet, TopLevel, Line, "use_pid_dir child_wait_time", "vipd does this in its own way"),
    (NotYet, Globals, Block, "notification_email", "no mail is sent"),
    (NotYet, Globals, Line, "notification_email_from smtp_server smtp_helo_name
        smtp_connect_timeout smtp_alert smtp_alert_vrrp smtp_alert_checker no_email_faults
        no_checker_emails", "no mail is sent"),
    (NotYet, Globals, Line, "checker_log_all_failures rs_init_notifies lvs_timeouts lvs_flush
        lvs_flush_on_stop lvs_flush_onstop lvs_sync_daemon nftables_ipvs nftables_ipvs_priority
        nftables_ipvs_start_fwmark lvs_notify_fifo lvs_notify_fifo_script lvs_id",
        "it belongs to the load balancer half, which is not served"),
    (NotYet, Globals, Line, "use_symlink_paths", "scripts run by their configured path"),
    (NotYet, Globals, Line, "set_supplementary_groups", "scripts get no supplementary group"),
    (NotYet, Globals, Line, "startup_script shutdown_script startup_script_timeout
        shutdown_script_timeout", "this script is not run"),
    (NotYet, Globals, Line, "notify_fifo vrrp_notify_fifo notify_fifo_script
        vrrp_notify_fifo_script vrrp_notify_priority_changes fifo_write_vrrp_states_on_reload",
        "no state is written to a FIFO"),
    (NotYet, Globals, Line, "vrrp_mcast_group6", "there is no IPv6 yet"),
    (NotYet, Globals, Line, "default_interface", "the interface of the instance is used"),
    (NotYet, Globals, Line, "vrrp_garp_lower_prio_delay vrrp_garp_lower_prio_repeat
        vrrp_garp_interval vrrp_gna_interval vrrp_min_garp vrrp_garp_extra_if
        vrrp_vmac_garp_intvl", "gratuitous ARP is sent in vipd's own rhythm"),
    (NotYet, Globals, Line, "vrrp_down_timer_adverts", "takeover comes after three lost adverts"),
    (NotYet, Globals, Line, "vrrp_lower_prio_no_advert vrrp_higher_prio_send_advert
        vrrp_owner_ignore_adverts", "the RFC's rule is followed"),
    (NotYet, Globals, Line, "vrrp_strict", "RFC compliance is not enforced"),
    (NotYet, Globals, Line, "v3_checksum_as_v2", "there is no VRRPv3 yet"),
    (NotYet, Globals, Line, "dynamic_interfaces", "vipd follows interfaces in its own way"),
    (NotYet, Globals, Line, "vrrp_startup_delay vrrp_delay_after_boot", "there is no delay"),
    (NotYet, Globals, Line, "max_auto_priority min_auto_priority_delay vrrp_priority
        checker_priority bfd_priority vrrp_rt_priority checker_rt_priority bfd_rt_priority
        vrrp_rlimit_rttime checker_rlimit_rttime bfd_rlimit_rttime vrrp_rlimit_rtime
        checker_rlimit_rtime bfd_rlimit_rtime vrrp_no_swap checker_no_swap bfd_no_swap
        vrrp_cpu_affinity checker_cpu_affinity bfd_cpu_affinity",
        "vipd chooses its own scheduling"),
    (NotYet, Globals, Line, "vrrp_rx_bufs_policy vrrp_rx_bufs_multiplier
        vrrp_netlink_cmd_rcv_bufs vrrp_netlink_cmd_rcv_bufs_force vrrp_netlink_monitor_rcv_bufs
        vrrp_netlink_monitor_rcv_bufs_force lvs_netlink_cmd_rcv_bufs
        lvs_netlink_cmd_rcv_bufs_force lvs_netlink_monitor_rcv_bufs
        lvs_netlink_monitor_rcv_bufs_force process_monitor_rcv_bufs
        process_monitor_rcv_bufs_force", "vipd chooses its own buffers"),
    (NotYet, Globals, Line, "log_unknown_vrids", "adverts of unknown routers are counted only"),
    (NotYet, Globals, Line, "disable_local_igmp vmac_prefix vmac_addr_prefix iproute_usr_dir
        iproute_etc_dir", "it is without effect"),
    (NotYet, Globals, Line, "nftables nftables_priority nftables_counters nftables_ifindex
        vrrp_iptables vrrp_ipsets", "vipd adds no firewall rule"),
    (NotYet, Globals, Line, "process_names process_name vrrp_process_name checker_process_name
        lvs_process_name bfd_process_name umask random_seed", "processes keep their own settings"),
    (NotYet, Globals, Line, "reload_check_config", "vipd checks every new file before it loads it"),
    (NotYet, Globals, Line, "reload_time_file reload_repeat reload_file", "no file starts a reload"),
    (NotYet, Globals, Line, "include_check config_save_dir tmp_config_directory data_use_instance
        json_version state_dump_file stats_dump_file json_dump_file", "vipd writes no such file"),
    (NotYet, Globals, Line, "enable_snmp_vrrp enable_snmp_keepalived enable_snmp_checker
        enable_snmp_rfc enable_snmp_rfcv2 enable_snmp_rfcv3 enable_traps snmp_socket
        snmp_vs_stats_update_interval snmp_rs_stats_update_interval", "there is no SNMP agent"),
    (NotYet, Globals, Line, "enable_dbus dbus_service_name dbus_no_interface_name",
        "there is no D-Bus service"),
    (NotYet, Instance, Line, "native_ipv6", "there is no IPv6 yet"),
    (NotYet, Instance, Block, "virtual_ipaddress_excluded", "these addresses are NOT added"),
    (NotYet, Instance, Line, "no_virtual_ipaddress", "the warning about missing addresses stays"),
    (NotYet, Instance, Block, "virtual_routes", "these routes are NOT added"),
    (NotYet, Instance, Block, "virtual_rules", "these rules are NOT added"),
    (NotYet, Instance, Line, "promote_secondaries", "vipd does this where it is needed"),
    (NotYet, Instance, Line, "preempt_delay", "there is no delay before preemption"),
    (Refused, Instance, Block, "auth_hmac", "adverts would not be authenticated"),
    (NotYet, Instance, Line, "unicast_ttl", "unicast adverts have TTL 255"),
    (NotYet, Instance, Line, "unicast_fault_no_peer old_unicast_checksum", "it is without effect"),
    (Refused, Instance, Line, "mcast_dst_ip", "adverts would go to another multicast group"),
    (NotYet, Instance, Line, "track_src_ip", "the loss of the source address is not noticed"),
    (NotYet, Instance, Line, "v3_checksum_as_v2", "there is no VRRPv3 yet"),
    (NotYet, Instance, Line, "use_vmac use_vmac_addr vmac_xmit_base use_ipvlan",
        "addresses stay on the interface itself, with its own hardware address"),
    (NotYet, Instance, Line, "vrf", "the instance is not put into a VRF"),
    (NotYet, Instance, Line, "dont_track_primary", "the interface of the instance is tracked"),
    (NotYet, Instance, Block, "track_interface track_file track_process track_bfd",
        "the instance is NOT protected by it"),
    (NotYet, Instance, Line, "garp_lower_prio_delay garp_lower_prio_repeat garp_extra_if
        vmac_garp_intvl", "gratuitous ARP is sent in vipd's own rhythm"),
    (NotYet, Instance, Line, "down_timer_adverts", "takeover comes after three lost adverts"),
    (NotYet, Instance, Line, "lower_prio_no_advert higher_prio_send_advert owner_ignore_adverts
        timer_expired_backup thread_timer_expired", "the RFC's rule is followed"),
    (NotYet, Instance, Line, "accept no_accept", "vipd adds no firewall rule"),
    (NotYet, Instance, Line, "strict_mode", "RFC compliance is not enforced"),
    (NotYet, Instance, Line, "notify_master notify_backup notify_fault notify_stop notify_deleted
        notify notify_master_rx_lower_pri notify_priority_changes", "no script is run for it"),
    (NotYet, Instance, Line, "smtp_alert", "no mail is sent"),
    (NotYet, Instance, Line, "kernel_rx_buf_size", "vipd chooses its own buffers"),
    (NotYet, Instance, Line, "linkbeat_use_polling lvs_sync_daemon_interface
        lvs_sync_daemon_inteface", "it is without effect"),
    (NotYet, AddressLine, Line, "peer", "the address is added without a peer"),
    (NotYet, AddressLine, Line, "preferred_lft", "the address is preferred"),
    (NotYet, AddressLine, Line, "home -nodad mngtmpaddr noprefixroute autojoin",
        "the flag is not set"),
    (NotYet, AddressLine, Line, "no_track", "vipd restores an address that someone removes"),
    (NotYet, AddressLine, Line, "use_vmac", "the address stays on the interface itself"),
    (NotYet, AddressLine, Line, "track_group", "it is without effect"),
    (NotYet, PeerLine, Line, "min_ttl max_ttl", "any TTL is accepted from this peer"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_keyword_is_listed_twice() {
        let mut seen = HashMap::new();
        for keyword in keywords() {
            let old = seen.insert((keyword.context, keyword.name), keyword);
            assert!(old.is_none(), "{keyword:?}");
            assert!(!keyword.summary.contains('\n'), "{keyword:?}");
        }
        assert!(seen.len() > 200);
    }
}
