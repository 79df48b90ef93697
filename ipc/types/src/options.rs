//! How a virtual router speaks, as far as the RFC leaves a choice: one value that the configuration
//! fills in and the protocol obeys. Holds no address and no name of this host but those of peers.

use core::net::IpAddr;
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// The RFC's values unless a field says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// `preempt_delay`: how long a worse MASTER is left alone once it is heard. Zero is not at all.
    pub preempt_delay: Duration,
    /// `down_timer_adverts`: intervals without an advert until the MASTER counts as dead; 1 to 100.
    pub down_timer_adverts: u8,
    /// `lower_prio_no_advert`: a MASTER does not answer a worse router (RFC 3768 6.4.3; RFC 9568
    /// 6.4.3 wants the answer).
    pub lower_prio_no_advert: bool,
    /// `higher_prio_send_advert`: a MASTER that yields sends one more advert first.
    pub higher_prio_send_advert: bool,
    /// `owner_ignore_adverts`: an owner listens to nobody, also with VRRPv3 (RFC 9568 7.1 as
    /// printed; its erratum 8298 lets it listen).
    pub owner_ignore_adverts: bool,
    /// `skip_check_adv_addr`: the address list of the MASTER that is followed already is not
    /// compared with ours.
    pub skip_check_adv_addr: bool,
    /// Our own, `drop_adv_addr_mismatch`: a VRRPv2 advert with another address list is dropped
    /// unless its sender owns the addresses (RFC 3768 7.1, the MAY).
    pub drop_adv_addr_mismatch: bool,
    /// Checksum of our VRRPv3 adverts over IPv4; `v3_checksum_as_v2` makes it plain.
    pub checksum: Checksum,
    /// Our own, `v3_checksum_strict`: only adverts with the form in `checksum` are accepted.
    pub strict_checksum: bool,
    /// Our own, `max_learned_interval`: a MASTER's longer interval counts as this.
    pub max_learned_interval: Option<Duration>,
    /// `unicast_ttl`: TTL or Hop Limit of unicast adverts.
    pub unicast_ttl: u8,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            preempt_delay: Duration::ZERO,
            down_timer_adverts: 3,
            lower_prio_no_advert: false,
            higher_prio_send_advert: false,
            owner_ignore_adverts: false,
            skip_check_adv_addr: false,
            drop_adv_addr_mismatch: false,
            checksum: Checksum::Pseudo,
            strict_checksum: false,
            max_learned_interval: None,
            unicast_ttl: 255,
        }
    }
}

/// The forms of the checksum in a VRRPv3 advert over IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Checksum {
    /// Over the VRRP message alone (RFC 9568 5.2.8).
    Plain,
    /// With a pseudo-header (a reading of RFC 5798 5.2.8): what keepalived and FRR send, and all
    /// that they accept.
    Pseudo,
}

/// A unicast peer. An advert of its own whose TTL is outside the range is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    pub address: IpAddr,
    pub min_ttl: u8,
    pub max_ttl: u8,
}

impl Peer {
    /// The least TTL over IPv4 is 255: no router may be between (RFC 9568 5.1.1.3). Over IPv6 it is
    /// 64, the kernel's own, with which keepalived sends unicast.
    pub const fn new(address: IpAddr) -> Self {
        let min_ttl = match address {
            IpAddr::V4(_) => 255,
            IpAddr::V6(_) => 64,
        };
        Self { address, min_ttl, max_ttl: 255 }
    }
}
