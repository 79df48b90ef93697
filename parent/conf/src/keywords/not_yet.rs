//! The keywords of keepalived that vipd does not serve yet, and those that it must not pass over.

use super::Context::{AddressLine, Globals, Instance, SyncGroup, TopLevel, VmacLine};
use super::Row;
use super::Served::{NotYet, Refused};
use super::Shape::{Block, Line};

const NO_MAIL: &str = "vipd sends no mail; a `notify` command that runs a mail program does it (vipd(8), NOTIFICATION)";

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
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
    (NotYet, TopLevel, Line, "net_namespace_ipvs", "it belongs to the load balancer half"),
    (NotYet, TopLevel, Line, "namespace_with_ipsets", "vipd makes no ipset"),
    (NotYet, TopLevel, Line, "instance", "names of files and of the log stay as they are"),
    (NotYet, TopLevel, Line, "use_pid_dir child_wait_time", "vipd does this in its own way"),
    (NotYet, Globals, Block, "notification_email", NO_MAIL),
    (NotYet, Globals, Line, "notification_email_from smtp_server smtp_helo_name
        smtp_connect_timeout smtp_alert smtp_alert_vrrp smtp_alert_checker no_email_faults
        no_checker_emails", NO_MAIL),
    (NotYet, Globals, Line, "checker_log_all_failures rs_init_notifies lvs_timeouts lvs_flush
        lvs_flush_on_stop lvs_flush_onstop lvs_sync_daemon nftables_ipvs nftables_ipvs_priority
        nftables_ipvs_start_fwmark lvs_notify_fifo lvs_notify_fifo_script lvs_id",
        "it belongs to the load balancer half, which is not served"),
    (NotYet, Globals, Line, "use_symlink_paths", "scripts run by their configured path"),
    (NotYet, Globals, Line, "set_supplementary_groups", "scripts get no supplementary group"),
    (NotYet, Globals, Line, "startup_script shutdown_script startup_script_timeout
        shutdown_script_timeout", "this script is not run"),
    (NotYet, Globals, Line, "default_interface", "the interface of the instance is used"),
    (NotYet, Globals, Line, "vrrp_garp_extra_if vrrp_vmac_garp_intvl",
        "gratuitous ARP is sent on the interface of each address only"),
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
    (NotYet, Globals, Line, "disable_local_igmp vmac_addr_prefix iproute_usr_dir
        iproute_etc_dir", "it is without effect"),
    (NotYet, Globals, Line, "nftables nftables_priority nftables_counters nftables_ifindex
        vrrp_iptables vrrp_ipsets", "vipd adds no firewall rule"),
    (NotYet, Globals, Line, "process_names process_name vrrp_process_name checker_process_name
        lvs_process_name bfd_process_name umask", "processes keep their own settings"),
    (NotYet, Globals, Line, "reload_check_config", "vipd checks every new file before it loads it"),
    (NotYet, Globals, Line, "reload_time_file reload_repeat reload_file", "no file starts a reload"),
    (NotYet, Globals, Line, "config_save_dir tmp_config_directory data_use_instance
        json_version state_dump_file stats_dump_file json_dump_file", "vipd writes no such file"),
    (NotYet, Globals, Line, "enable_snmp_vrrp enable_snmp_keepalived enable_snmp_checker
        enable_snmp_rfc enable_snmp_rfcv2 enable_snmp_rfcv3 enable_traps snmp_socket
        snmp_vs_stats_update_interval snmp_rs_stats_update_interval", "there is no SNMP agent"),
    (NotYet, Globals, Line, "enable_dbus dbus_service_name dbus_no_interface_name",
        "there is no D-Bus service"),
    (NotYet, Instance, Block, "virtual_ipaddress_excluded", "these addresses are NOT added"),
    (NotYet, Instance, Line, "no_virtual_ipaddress", "the warning about missing addresses stays"),
    (NotYet, Instance, Block, "virtual_routes", "these routes are NOT added"),
    (NotYet, Instance, Block, "virtual_rules", "these rules are NOT added"),
    (NotYet, Instance, Line, "promote_secondaries", "vipd does this where it is needed"),
    (Refused, Instance, Block, "auth_hmac", "adverts would not be authenticated"),
    (NotYet, Instance, Line, "unicast_fault_no_peer", "it is without effect"),
    (NotYet, Instance, Line, "track_src_ip", "the loss of the source address is not noticed"),
    (NotYet, Instance, Line, "use_vmac_addr",
        "an address with `dev` stays on that interface itself, with its own hardware address"),
    (NotYet, Instance, Line, "use_ipvlan", "addresses stay on the interface itself"),
    (NotYet, Instance, Line, "vrf", "the instance is not put into a VRF"),
    (NotYet, Instance, Block, "track_bfd",
        "the instance is NOT protected by it"),
    (NotYet, Instance, Line, "garp_extra_if vmac_garp_intvl",
        "gratuitous ARP is sent on the interface of each address only"),
    (NotYet, Instance, Line, "timer_expired_backup thread_timer_expired",
        "the RFC's rule is followed"),
    (NotYet, Instance, Line, "smtp_alert", NO_MAIL),
    (NotYet, Instance, Line, "kernel_rx_buf_size", "vipd chooses its own buffers"),
    (NotYet, Instance, Line, "linkbeat_use_polling lvs_sync_daemon_interface
        lvs_sync_daemon_inteface", "it is without effect"),
    (NotYet, AddressLine, Line, "peer", "the address is added without a peer"),
    (NotYet, AddressLine, Line, "home mngtmpaddr noprefixroute autojoin",
        "the flag is not set"),
    (NotYet, AddressLine, Line, "no_track", "vipd restores an address that someone removes"),
    (NotYet, AddressLine, Line, "use_vmac", "the address stays on the interface itself"),
    (NotYet, AddressLine, Line, "track_group", "it is without effect"),
    (NotYet, VmacLine, Line, "netlink_notify_msg", "no netlink message is sent for others to see"),
    (NotYet, VmacLine, Line, "group", "the interface is in no group of interfaces"),
    (NotYet, SyncGroup, Block, "track_bfd",
        "the members are NOT protected by it"),
    (NotYet, SyncGroup, Line, "smtp_alert", NO_MAIL),
];
