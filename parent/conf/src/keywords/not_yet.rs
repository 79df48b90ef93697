//! The keywords of keepalived that vipd does not serve yet, and those that it must not pass over.

use super::Context::{AddressLine, Globals, Instance, SyncGroup, TopLevel, VmacLine};
use super::Row;
use super::Served::{NotYet, Refused};
use super::Shape::{Block, Line};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    (NotYet, TopLevel, Block, "bfd_instance", "there is no BFD session"),
    (NotYet, TopLevel, Block, "garp_group", "gratuitous ARP is not slowed down for the group"),
    (NotYet, TopLevel, Block, "interface_up_down_delays", "link changes act at once"),
    (NotYet, TopLevel, Block, "linkbeat_interfaces", "link state comes from the kernel only"),
    (NotYet, TopLevel, Line, "linkbeat_use_polling", "link state comes from the kernel only"),
    (NotYet, TopLevel, Line, "instance", "names of files and of the log stay as they are"),
    (NotYet, Globals, Line, "smtp_alert smtp_alert_vrrp", "no mail is sent"),
    (NotYet, Globals, Line, "set_supplementary_groups", "scripts get no supplementary group"),
    (NotYet, Globals, Line, "startup_script shutdown_script startup_script_timeout
        shutdown_script_timeout", "this script is not run"),
    (NotYet, Globals, Line, "vrrp_garp_extra_if vrrp_vmac_garp_intvl",
        "gratuitous ARP is sent on the interface of each address only"),
    (NotYet, Globals, Line, "dynamic_interfaces",
        "an interface that is named must be there at the start and at a reload"),
    (NotYet, Globals, Line, "vrrp_startup_delay vrrp_delay_after_boot", "there is no delay"),
    (NotYet, Globals, Line, "iproute_usr_dir iproute_etc_dir", "names of routing tables are \
        looked up in /etc/iproute2 and /usr/share/iproute2"),
    (NotYet, Globals, Line, "reload_time_file reload_repeat reload_file", "no file starts a reload"),
    (NotYet, Globals, Line, "enable_snmp_vrrp enable_snmp_keepalived enable_snmp_rfc
        enable_snmp_rfcv2 enable_snmp_rfcv3 enable_traps", "there is no SNMP agent"),
    (NotYet, Globals, Line, "enable_dbus", "there is no D-Bus service"),
    (Refused, Instance, Block, "auth_hmac", "adverts would not be authenticated"),
    (NotYet, Instance, Line, "use_vmac_addr",
        "an address with `dev` stays on that interface itself, with its own hardware address"),
    (NotYet, Instance, Line, "use_ipvlan", "addresses stay on the interface itself"),
    (NotYet, Instance, Line, "vrf", "the instance is not put into a VRF"),
    (NotYet, Instance, Block, "track_bfd",
        "the instance is NOT protected by it"),
    (NotYet, Instance, Line, "garp_extra_if vmac_garp_intvl",
        "gratuitous ARP is sent on the interface of each address only"),
    (NotYet, Instance, Line, "smtp_alert", "no mail is sent"),
    (NotYet, Instance, Line, "linkbeat_use_polling", "link state comes from the kernel only"),
    (NotYet, AddressLine, Line, "use_vmac",
        "the address stays on the interface itself, with its own hardware address"),
    (NotYet, VmacLine, Line, "group", "the interface is in no group of interfaces"),
    (NotYet, SyncGroup, Block, "track_bfd",
        "the members are NOT protected by it"),
    (NotYet, SyncGroup, Line, "smtp_alert", "no mail is sent"),
];
