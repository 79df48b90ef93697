//! The checked configuration of one virtual router, as the protocol needs it. Nothing here is
//! parsed and no default is filled in.

use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;
use vipd_types::{Family, Options, Peer, Priority, Version, Vrid};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub vrid: Vrid,
    pub version: Version,
    /// VRRPv2 is IPv4 only.
    pub family: Family,
    /// Before trackers.
    pub priority: Priority,
    /// Advertisement_Interval: whole seconds with VRRPv2, 1 to 255; centiseconds with VRRPv3, 10 ms
    /// to 40.95 s.
    pub advert_int: Duration,
    pub preempt: bool,
    pub fast_handover: bool,
    pub options: Options,
    pub auth: Auth,
    pub transport: Transport,
    /// In the order in which they stand in an advert, all of `family`.
    pub addresses: Vec<IpAddr>,
}

impl Config {
    /// The addresses that stand in an advert: those of the router's family.
    pub(crate) fn listed(&self) -> impl Iterator<Item = IpAddr> + Clone + '_ {
        self.addresses.iter().copied().filter(|address| Family::from(address) == self.family)
    }
}

#[derive(Clone, PartialEq, Eq)]
pub enum Auth {
    None,
    /// RFC 2338 type 1: eight bytes, zero-filled.
    Pass([u8; 8]),
}

impl core::fmt::Debug for Auth {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Pass(_) => "Pass(hidden)",
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    Multicast { group: IpAddr },
    Unicast { peers: Vec<Peer>, check_source: bool },
}
