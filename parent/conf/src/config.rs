//! The checked configuration: what everyone but this package sees of the text. Every value is
//! valid and every default is filled in.

mod notify;
mod watched;

pub use notify::{Command, Fifo, FifoKind, Notified, Notify, Occasion, Subject};
pub use watched::{Get, InitFile, NativeCheck, Question, Tls, TrackedFile};

use crate::routing::{Route, Rule};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;
use vipd_types::{
    CheckId, Family, FileId, IfName, Options, Peer, Priority, ProcessId, ScriptId, Version, Vrid,
    Weight,
};

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    pub globals: Globals,
    /// In the order of the file.
    pub instances: Vec<Instance>,
    /// In the order of the file; `ScriptId` is the place in this list.
    pub scripts: Vec<Script>,
    /// By `ProcessId`.
    pub processes: Vec<TrackedProcess>,
    /// By `FileId`.
    pub files: Vec<TrackedFile>,
    /// By `CheckId`.
    pub checks: Vec<NativeCheck>,
    /// In the order of the file.
    pub groups: Vec<SyncGroup>,
    pub statics: Statics,
    /// In the order of the file.
    pub track_groups: Vec<TrackGroup>,
}

/// What is there while the daemon runs, whoever is MASTER.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statics {
    /// Each with an interface.
    pub addresses: Vec<Static<Vip>>,
    pub routes: Vec<Static<Route>>,
    pub rules: Vec<Static<Rule>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Static<T> {
    pub entry: T,
    /// Place in `Config::track_groups`.
    pub group: Option<usize>,
}

/// `track_group`: instances that cannot be MASTER without the static entries that name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackGroup {
    pub name: String,
    /// Places in `Config::instances`.
    pub members: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Globals {
    /// `net_namespace`: a plain name, as in /run/netns.
    pub net_namespace: Option<String>,
    pub router_id: Option<String>,
    /// `script_user`: who runs scripts that name no user themselves.
    pub script_user: Option<ScriptUser>,
    pub enable_script_security: bool,
    /// Our own: `script_capabilities`, what scripts that run as root keep; as in `CAPABILITIES`.
    pub script_capabilities: Vec<&'static str>,
    /// Our own: `native_checks off` runs `killall -0` and its kin as programs.
    pub native_checks: bool,
    /// Our own: `notify_timeout`, for each run of a notify command.
    pub notify_timeout: Duration,
    /// Our own: `notify_stop_timeout`, for all that is told when the daemon stops.
    pub notify_stop_timeout: Duration,
    pub fifos: BTreeMap<FifoKind, Fifo>,
    /// `fifo_write_vrrp_states_on_reload`
    pub fifo_states_on_reload: bool,
}

impl Globals {
    /// capabilities(7), Linux 5.9 and later.
    pub const CAPABILITIES: &[&str] = &CAPABILITIES;
    pub const NOTIFY_TIMEOUT: Duration = Duration::from_secs(60);
    pub const NOTIFY_STOP_TIMEOUT: Duration = Duration::from_secs(4);
}

#[rustfmt::skip]
const CAPABILITIES: [&str; 41] = [
    "cap_chown", "cap_dac_override", "cap_dac_read_search", "cap_fowner", "cap_fsetid", "cap_kill",
    "cap_setgid", "cap_setuid", "cap_setpcap", "cap_linux_immutable", "cap_net_bind_service",
    "cap_net_broadcast", "cap_net_admin", "cap_net_raw", "cap_ipc_lock", "cap_ipc_owner",
    "cap_sys_module", "cap_sys_rawio", "cap_sys_chroot", "cap_sys_ptrace", "cap_sys_pacct",
    "cap_sys_admin", "cap_sys_boot", "cap_sys_nice", "cap_sys_resource", "cap_sys_time",
    "cap_sys_tty_config", "cap_mknod", "cap_lease", "cap_audit_write", "cap_audit_control",
    "cap_setfcap", "cap_mac_override", "cap_mac_admin", "cap_syslog", "cap_wake_alarm",
    "cap_block_suspend", "cap_audit_read", "cap_perfmon", "cap_bpf", "cap_checkpoint_restore",
];

impl Default for Globals {
    fn default() -> Self {
        Self {
            net_namespace: None,
            router_id: None,
            script_user: None,
            enable_script_security: false,
            script_capabilities: Vec::new(),
            native_checks: true,
            notify_timeout: Self::NOTIFY_TIMEOUT,
            notify_stop_timeout: Self::NOTIFY_STOP_TIMEOUT,
            fifos: BTreeMap::new(),
            fifo_states_on_reload: false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptUser {
    pub user: String,
    pub group: Option<String>,
}

/// `vrrp_instance`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    pub name: String,
    /// `state MASTER`: a wish; below priority 255 it only decides about `nopreempt`.
    pub wants_master: bool,
    pub interface: IfName,
    pub vrid: Vrid,
    pub version: Version,
    pub family: Family,
    pub priority: Priority,
    pub advert_int: Duration,
    /// False with `nopreempt`.
    pub preempt: bool,
    /// Our own: `fast_handover`.
    pub fast_handover: bool,
    pub options: Options,
    /// False with `no_accept`: what arrives for the addresses is dropped, unless this router owns
    /// them (RFC 9568 6.1, Accept_Mode).
    pub accept: bool,
    pub vmac: Option<Vmac>,
    /// Our own: `vip_lease`.
    pub lease: Lease,
    pub auth: Auth,
    /// `unicast_src_ip` or `mcast_src_ip`
    pub source: Option<IpAddr>,
    pub peers: Vec<Peer>,
    pub check_unicast_src: bool,
    /// Destination of multicast adverts; the RFC's group of the family when there are peers.
    pub group: IpAddr,
    pub addresses: Vec<Vip>,
    /// `virtual_ipaddress_excluded`: held like the others, of either family, and not in adverts.
    pub excluded: Vec<Vip>,
    /// `virtual_routes`: there while the addresses are.
    pub routes: Vec<Route>,
    /// `virtual_rules`: likewise.
    pub rules: Vec<Rule>,
    pub tracks: Vec<Track>,
    /// False with `dont_track_primary`: the loss of the instance's own link is no FAULT.
    pub track_primary: bool,
    /// `track_src_ip`: without `source` on its interface it is in FAULT. Only with a source.
    pub track_source: bool,
    pub garp: Garp,
    pub notify: Notify,
}

/// `use_vmac`: an interface with the virtual MAC that carries the addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vmac {
    /// What `use_vmac` names; else the first free of `PREFIX.VRID`, `PREFIX1.VRID` and so on.
    pub name: Option<IfName>,
    /// `vmac_prefix`, by default `vrrp`: at most eight bytes, which leaves room for a number and the
    /// VRID. The same in all instances.
    pub prefix: String,
    /// 00-00-5E-00-01-VRID or 00-00-5E-00-02-VRID (RFC 9568 7.3) unless `use_vmac` gives another.
    pub mac: [u8; 6],
    /// `vmac_xmit_base`, always so for unicast: adverts leave from the interface below it.
    pub xmit_base: bool,
}

/// `vrrp_sync_group`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncGroup {
    pub name: String,
    /// Places in `Config::instances`; each instance is in one group at most.
    pub members: Vec<usize>,
    pub notify: Notify,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lease {
    /// See [`Lease::usual`].
    Default,
    Seconds(u32),
    Off,
}

impl Instance {
    /// Those in adverts and those that are not.
    pub fn all_addresses(&self) -> impl Iterator<Item = &Vip> {
        self.addresses.iter().chain(&self.excluded)
    }
}

impl Lease {
    /// The default in seconds: down_timer_adverts x advert_int rounded down, so that the address of
    /// a dead host is gone before a peer takes over; but two intervals at least, because it is
    /// renewed with the adverts, and one second, because the kernel counts in those.
    pub fn usual(advert_int: Duration, down_timer_adverts: u8) -> u64 {
        let two = advert_int.saturating_mul(2);
        let least = two.as_secs().saturating_add(u64::from(two.subsec_nanos() > 0));
        advert_int.saturating_mul(down_timer_adverts.into()).as_secs().max(least).max(1)
    }
}

#[derive(Clone, PartialEq, Eq)]
pub enum Auth {
    None,
    /// `auth_type PASS`: the first eight bytes, zero-filled.
    Pass([u8; 8]),
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Pass(_) => "Pass(hidden)",
        })
    }
}

/// One line of `virtual_ipaddress` or `virtual_ipaddress_excluded`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vip {
    pub address: IpAddr,
    /// 32 or 128 when the line gives none.
    pub prefix: u8,
    /// `dev`; else the interface of the instance.
    pub dev: Option<IfName>,
    pub label: Option<String>,
    pub broadcast: Option<std::net::Ipv4Addr>,
    /// As the kernel numbers scopes: 0 global, 200 site, 253 link, 254 host.
    /// IPv6 has no choice: the kernel derives it from the address.
    pub scope: u8,
    /// `-nodad`, which means the opposite of what it says: the kernel looks for a duplicate of an
    /// IPv6 address before it uses it. A virtual address is used at once otherwise.
    pub dad: bool,
    /// `preferred_lft` in seconds, `u32::MAX` for ever: how long the kernel chooses the address as a
    /// source by itself. When the line says nothing: not at all for a /128, else for ever.
    pub preferred_lft: Option<u32>,
    /// `peer`: the other end of a point-to-point link.
    pub peer: Option<IpAddr>,
    /// Mobile IPv6's home address (RFC 6275); IPv6 only.
    pub home: bool,
    /// Temporary addresses (RFC 8981) are made from this one; IPv6 with a length of 64 only.
    pub mngtmpaddr: bool,
    /// The address brings no route to its subnet.
    pub noprefixroute: bool,
    /// The kernel joins the multicast group that the address is.
    pub autojoin: bool,
    /// False with `no_track`: it is not put back when somebody removes it.
    pub track: bool,
}

/// What an instance watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    Script(ScriptId),
    Process(ProcessId),
    File(FileId),
    Check(CheckId),
    /// Up while there is an interface of that name, and its link is up.
    Interface(IfName),
}

/// One line of `track_script`, `track_process`, `track_file` or `track_interface`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Track {
    pub target: Target,
    /// That of the block, or 0, unless the line has one.
    pub weight: Weight,
    pub reverse: bool,
}

/// Gratuitous ARP and unsolicited neighbour advertisements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Garp {
    /// `garp_master_delay`: from becoming MASTER to the second block; zero means no second block.
    pub master_delay: Duration,
    /// `garp_master_repeat`: packets per address and block.
    pub master_repeat: u32,
    /// `garp_master_refresh`; zero is off.
    pub master_refresh: Duration,
    pub master_refresh_repeat: u32,
    /// `garp_lower_prio_delay`: from the advert of a worse router to the second block.
    pub lower_prio_delay: Duration,
    /// `garp_lower_prio_repeat`: packets per address of both blocks; zero means none.
    pub lower_prio_repeat: u32,
    /// `vrrp_garp_interval`: least time between two packets on one interface; the same in all
    /// instances.
    pub interval: Duration,
    /// `vrrp_gna_interval`: the same for IPv6.
    pub gna_interval: Duration,
}

impl Default for Garp {
    fn default() -> Self {
        Self {
            master_delay: Duration::from_secs(5),
            master_repeat: 5,
            master_refresh: Duration::ZERO,
            master_refresh_repeat: 1,
            lower_prio_delay: Duration::from_secs(5),
            lower_prio_repeat: 5,
            interval: Duration::ZERO,
            gna_interval: Duration::ZERO,
        }
    }
}

/// `vrrp_script`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    pub name: String,
    /// Bytes, because file names are.
    pub argv: Vec<Vec<u8>>,
    /// The same question without a program.
    pub native: Option<NativeProcess>,
    pub user: Option<ScriptUser>,
    pub interval: Duration,
    /// Equal to `interval` when the file says nothing.
    pub timeout: Duration,
    pub weight: Weight,
    pub reverse: bool,
    pub rise: u32,
    pub fall: u32,
    pub init_fail: bool,
}

/// `vrrp_track_process`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackedProcess {
    pub name: String,
    /// What `process` names, without the arguments.
    pub process: Vec<u8>,
    /// `None` where the file gives none: then they do not matter.
    pub arguments: Option<Vec<Vec<u8>>>,
    pub param_match: ParamMatch,
    /// Compare argv\[0\] and not the name of 15 bytes.
    pub full_command: bool,
    pub weight: Weight,
    pub reverse: bool,
    pub quorum: u32,
    pub quorum_max: Option<u32>,
    pub fork_delay: Duration,
    pub terminate_delay: Duration,
}

/// `param_match`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamMatch {
    Exact,
    Initial,
    Partial,
}

/// `killall -0 NAME`, `pidof NAME` or `pgrep [-x] NAME` in one of their usual spellings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeProcess {
    pub name: Vec<u8>,
    pub asked_by: ProcessTool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessTool {
    Killall,
    Pidof,
    Pgrep,
    PgrepExact,
}
