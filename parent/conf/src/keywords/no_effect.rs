//! The keywords of keepalived that vipd reads and that change nothing, each with the reason: vipd
//! does what they ask anyway, or they set up what it does not have. A hint says so.

use super::Context::{Globals, Instance, SyncGroup, TopLevel, VmacLine};
use super::Row;
use super::Served::Accepted;
use super::Shape::{Block, Line};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    (Accepted, TopLevel, Line, "use_pid_dir", "`-p` names the file with the process id"),
    (Accepted, TopLevel, Line, "child_wait_time",
        "vipd ends as soon as its addresses are gone and the others are told"),
    (Accepted, TopLevel, Line, "net_namespace_ipvs namespace_with_ipsets",
        "there is no balancer half and no ipset"),
    (Accepted, Globals, Block, "notification_email", "vipd sends no mail"),
    (Accepted, Globals, Line, "notification_email_from smtp_server smtp_helo_name
        smtp_connect_timeout no_email_faults no_checker_emails", "vipd sends no mail"),
    (Accepted, Globals, Line, "checker_log_all_failures rs_init_notifies smtp_alert_checker
        lvs_process_name lvs_netlink_cmd_rcv_bufs lvs_netlink_cmd_rcv_bufs_force
        lvs_netlink_monitor_rcv_bufs lvs_netlink_monitor_rcv_bufs_force",
        "it is a setting of the balancer half, which is not served"),
    (Accepted, Globals, Line, "use_symlink_paths", "scripts always run by their configured path"),
    (Accepted, Globals, Line, "max_auto_priority min_auto_priority_delay vrrp_priority
        checker_priority bfd_priority vrrp_rt_priority checker_rt_priority bfd_rt_priority
        vrrp_rlimit_rttime checker_rlimit_rttime bfd_rlimit_rttime vrrp_rlimit_rtime
        checker_rlimit_rtime bfd_rlimit_rtime",
        "the engine runs with real-time priority where the kernel gives it one"),
    (Accepted, Globals, Line, "vrrp_no_swap checker_no_swap bfd_no_swap vrrp_cpu_affinity
        checker_cpu_affinity bfd_cpu_affinity",
        "memory and CPUs are a matter of the service manager"),
    (Accepted, Globals, Line, "vrrp_rx_bufs_policy vrrp_rx_bufs_multiplier
        vrrp_netlink_cmd_rcv_bufs vrrp_netlink_cmd_rcv_bufs_force vrrp_netlink_monitor_rcv_bufs
        vrrp_netlink_monitor_rcv_bufs_force process_monitor_rcv_bufs
        process_monitor_rcv_bufs_force", "vipd sizes its buffers itself"),
    (Accepted, Globals, Line, "log_unknown_vrids",
        "adverts of unknown routers are counted, see `vipctl show`"),
    (Accepted, Globals, Line, "disable_local_igmp",
        "the kernel joins the multicast group for the socket"),
    (Accepted, Globals, Line, "vmac_addr_prefix", "no interface is made for `use_vmac_addr`"),
    (Accepted, Globals, Line, "nftables nftables_priority nftables_counters nftables_ifindex
        vrrp_iptables vrrp_ipsets",
        "vipd makes the rules that `no_accept` and `use_vmac` need in a table of its own"),
    (Accepted, Globals, Line, "process_names process_name vrrp_process_name checker_process_name
        bfd_process_name", "each process has the name of its program"),
    (Accepted, Globals, Line, "umask", "`--umask` says it"),
    (Accepted, Globals, Line, "reload_check_config",
        "every new file is checked before it is loaded"),
    (Accepted, Globals, Line, "config_save_dir tmp_config_directory",
        "no copy of the configuration is written"),
    (Accepted, Globals, Line, "data_use_instance json_version state_dump_file stats_dump_file
        json_dump_file", "dump files have keepalived's usual names, in the folder of `--dump-dir`"),
    (Accepted, Globals, Line, "snmp_socket snmp_vs_stats_update_interval
        snmp_rs_stats_update_interval enable_snmp_checker", "there is no SNMP agent"),
    (Accepted, Globals, Line, "dbus_service_name dbus_no_interface_name",
        "there is no D-Bus service"),
    (Accepted, Instance, Line, "promote_secondaries", "this is done where it is needed"),
    (Accepted, Instance, Line, "timer_expired_backup thread_timer_expired",
        "the lease of its addresses ends a MASTER that is late"),
    (Accepted, Instance, Line, "kernel_rx_buf_size", "vipd sizes its buffers itself"),
    (Accepted, Instance, Line, "lvs_sync_daemon_interface lvs_sync_daemon_inteface",
        "there is no balancer whose connections could be synchronised"),
    (Accepted, Instance, Line, "debug", "it does nothing in keepalived either"),
    (Accepted, Instance, Line, "old_unicast_checksum", "both forms are accepted"),
    (Accepted, SyncGroup, Line, "notify_priority_changes", "a group has no priority of its own"),
    (Accepted, VmacLine, Line, "netlink_notify_msg", "the kernel tells who listens by itself"),
];
