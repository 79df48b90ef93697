//! Each role's part of the configuration: what the parent tells a child and nothing more. Checked
//! types only; no defaults are filled in here.

mod probe;

pub use probe::{
    ArgumentMatch, Arguments, CHECKS_MAX, CheckSlice, FileSlice, HttpSlice, Place, ProbeSlice,
    ProcessMatch, ProcessSlice, Reach, SYSTEM_TRUST, TalkSlice, TlsSlice, Trust,
};

use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::time::Duration;
use vipd_types::{
    Family, GroupId, IfName, InstanceId, Options, Peer, Priority, SocketId, TrackerId, Version,
    Vrid, Weight,
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
    /// Held as well and not in adverts: to be shown. On the way they follow in messages of their own.
    pub excluded: Vec<IpAddr>,
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
    /// Reported by the checker too, as all but the last two.
    Process,
    /// Has a number, and is neither up nor down.
    File,
    /// `vrrp_check`
    Native,
    /// Reported by the parent.
    Interface,
    /// The source of adverts; by the parent as well.
    Address,
}

impl TrackerKind {
    /// Nobody needs the checker for it.
    pub fn is_parents(self) -> bool {
        matches!(self, Self::Interface | Self::Address)
    }
}
