//! Each role's part of the configuration: what the parent tells a child and nothing more. Checked
//! types only; no defaults are filled in here.

use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::time::Duration;
use vipd_types::{
    Family, GroupId, IfName, InstanceId, Options, Peer, Priority, ScriptId, SocketId, TrackerId,
    Version, Vrid, Weight,
};

/// A raw socket for one interface and family; bound, joined, filtered and locked by the parent.
/// Its descriptor comes with the message when `fresh`, else the engine keeps the one it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocketSlice {
    pub id: SocketId,
    pub interface: IfName,
    pub index: u32,
    pub family: Family,
    /// A packet with a lower TTL or Hop Limit is not for any router on this socket: 255 unless some
    /// peer is allowed less.
    pub least_ttl: u8,
    pub fresh: bool,
}

/// A virtual router as the engine needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceSlice {
    pub id: InstanceId,
    pub name: String,
    pub socket: SocketId,
    pub interface: IfName,
    /// The interface with the virtual MAC, if there is one; `socket` is then on it unless adverts
    /// leave from `interface`.
    pub vmac: Option<IfName>,
    pub vrid: Vrid,
    pub version: Version,
    pub family: Family,
    pub priority: Priority,
    pub advert_int: Duration,
    pub preempt: bool,
    pub fast_handover: bool,
    pub options: Options,
    pub auth: AuthSlice,
    /// Configured source address; else the interface's primary one, which `Link` tells.
    pub source: Option<IpAddr>,
    /// Where adverts go when there are no peers.
    pub group: IpAddr,
    /// Unicast when not empty.
    pub peers: Vec<Peer>,
    pub check_unicast_src: bool,
    /// The addresses in the adverts, in the order of the configuration.
    pub addresses: Vec<IpAddr>,
    pub tracks: Vec<TrackSlice>,
    /// The loss of the link is a FAULT.
    pub track_primary: bool,
    /// Lifetime of the addresses in the kernel; `None` means that they are permanent.
    pub lease: Option<Duration>,
}

/// `vrrp_sync_group`: virtual routers that are MASTER, BACKUP or in FAULT together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSlice {
    pub id: GroupId,
    pub name: String,
    pub members: Vec<InstanceId>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthSlice {
    None,
    /// Authentication Data of RFC 2338 type 1, zero-filled.
    Pass([u8; 8]),
}

impl std::fmt::Debug for AuthSlice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Pass(_) => "Pass(hidden)",
        })
    }
}

/// One use of a tracker by an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackSlice {
    pub tracker: TrackerId,
    pub weight: Weight,
    pub reverse: bool,
}

/// A tracker as the engine needs it: something that is up, down or not known yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackerSlice {
    pub id: TrackerId,
    pub name: String,
    pub kind: TrackerKind,
}

/// What a tracker watches, which also says who reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrackerKind {
    /// Reported by the checker.
    Script,
    /// Reported by the checker too.
    Process,
    /// Reported by the parent.
    Interface,
}

/// A check as the checker needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckSlice {
    pub tracker: TrackerId,
    pub name: String,
    pub probe: ProbeSlice,
    /// Start to start.
    pub interval: Duration,
    /// A script that runs longer has failed. Enforced by the starter.
    pub timeout: Duration,
    pub rise: u32,
    pub fall: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProbeSlice {
    /// Up while at least one process has the name. Answered from /proc and pidfds.
    Process(ProcessSlice),
    /// Up while the script exits 0. Run by the starter.
    Script(ScriptId),
}

/// What `killall -0`, `pidof` and `pgrep` ask, and `vrrp_track_process`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessSlice {
    pub name: Vec<u8>,
    pub how: ProcessMatch,
    /// Those behind argv\[0\]; `None` where they do not matter.
    pub arguments: Option<Arguments>,
    /// So many processes make it up, and no more.
    pub least: u32,
    pub most: u32,
}

impl ProcessSlice {
    /// Up while there is one.
    pub fn named(name: Vec<u8>, how: ProcessMatch) -> Self {
        Self { name, how, arguments: None, least: 1, most: u32::MAX }
    }
}

/// What the arguments of a process are compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arguments {
    pub words: Vec<Vec<u8>>,
    pub how: ArgumentMatch,
}

/// `param_match`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ArgumentMatch {
    /// These and no others.
    Exact,
    /// These come first.
    Initial,
    /// As `Initial`, and the last of them may be the beginning of one.
    Partial,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProcessMatch {
    /// `killall -0 NAME`: comm; a name of 15 bytes and more is also compared with argv\[0\]'s base.
    Killall,
    /// `pidof NAME`: argv\[0\] or its base name; comm where there is no argv\[0\] or it has a space.
    Pidof,
    /// `pgrep NAME`: NAME occurs in comm (only plain words are answered natively).
    Pgrep,
    /// `pgrep -x NAME`: comm equals NAME.
    PgrepExact,
    /// `vrrp_track_process`: comm equals the first 15 bytes of NAME.
    Comm,
    /// The same with `full_command` or arguments: argv\[0\] or its base name.
    Command,
}
