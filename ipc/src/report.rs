//! What the engine tells when the parent asks how things stand: numbers and states, each of an
//! object that the parent knows. The parent only shows them; the one address in them, that of a
//! router that was heard, is used for nothing else.

use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::time::Duration;
use vipd_types::{InstanceId, Instant, Priority, State, TrackerId};

/// Instances in one part of a report: as many as fit into a message.
pub const INSTANCES_MAX: usize = 24;
/// Trackers in one part.
pub const TRACKERS_MAX: usize = 256;

/// A part of a report. Objects come in the order of their numbers, each once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    Instances(Vec<InstanceStatus>),
    /// After all instances.
    Trackers(Vec<TrackerStatus>),
    /// Nothing follows.
    End,
}

impl Part {
    pub(crate) fn is_bounded(&self) -> bool {
        match self {
            Self::Instances(list) => list.len() <= INSTANCES_MAX,
            Self::Trackers(list) => list.len() <= TRACKERS_MAX,
            Self::End => true,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceStatus {
    pub instance: InstanceId,
    pub state: State,
    /// Of the state.
    pub since: Instant,
    pub effective: Priority,
    /// The addresses are in the kernel.
    pub held: bool,
    /// The MASTER that is followed, with the priority of its last advert.
    pub master: Option<(IpAddr, u8)>,
    /// How often the MASTER advertises.
    pub interval: Duration,
    /// Without an advert for so long, the MASTER counts as dead.
    pub down_after: Duration,
    /// When a timer is due.
    pub deadline: Option<Instant>,
    pub last_sent: Option<Instant>,
    pub counts: Counts,
}

/// keepalived's statistics of a virtual router.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub advert_rcvd: u64,
    pub advert_sent: u64,
    pub become_master: u64,
    pub release_master: u64,
    pub packet_len_err: u64,
    pub advert_interval_err: u64,
    pub ip_ttl_err: u64,
    pub invalid_type_rcvd: u64,
    pub addr_list_err: u64,
    pub invalid_authtype: u64,
    pub authtype_mismatch: u64,
    pub auth_failure: u64,
    pub pri_zero_rcvd: u64,
    pub pri_zero_sent: u64,
}

impl Counts {
    /// What has been counted since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            advert_rcvd: self.advert_rcvd.saturating_sub(earlier.advert_rcvd),
            advert_sent: self.advert_sent.saturating_sub(earlier.advert_sent),
            become_master: self.become_master.saturating_sub(earlier.become_master),
            release_master: self.release_master.saturating_sub(earlier.release_master),
            packet_len_err: self.packet_len_err.saturating_sub(earlier.packet_len_err),
            advert_interval_err: self
                .advert_interval_err
                .saturating_sub(earlier.advert_interval_err),
            ip_ttl_err: self.ip_ttl_err.saturating_sub(earlier.ip_ttl_err),
            invalid_type_rcvd: self.invalid_type_rcvd.saturating_sub(earlier.invalid_type_rcvd),
            addr_list_err: self.addr_list_err.saturating_sub(earlier.addr_list_err),
            invalid_authtype: self.invalid_authtype.saturating_sub(earlier.invalid_authtype),
            authtype_mismatch: self.authtype_mismatch.saturating_sub(earlier.authtype_mismatch),
            auth_failure: self.auth_failure.saturating_sub(earlier.auth_failure),
            pri_zero_rcvd: self.pri_zero_rcvd.saturating_sub(earlier.pri_zero_rcvd),
            pri_zero_sent: self.pri_zero_sent.saturating_sub(earlier.pri_zero_sent),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackerStatus {
    pub tracker: TrackerId,
    /// `None` before the first result.
    pub up: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{MESSAGE_MAX, encode};
    use crate::msg::EngineToParent;

    /// The largest part of each kind is a message.
    #[test]
    fn parts_fit_into_messages() {
        let end = Instant::from_nanos(u64::MAX);
        let status = InstanceStatus {
            instance: InstanceId(u16::MAX),
            state: State::Backup,
            since: end,
            effective: Priority::OWNER,
            held: true,
            master: Some((IpAddr::V6(std::net::Ipv6Addr::LOCALHOST), 255)),
            interval: Duration::MAX,
            down_after: Duration::MAX,
            deadline: Some(end),
            last_sent: Some(end),
            counts: Counts { advert_rcvd: u64::MAX, ..Counts::default() },
        };
        let tracker = TrackerStatus { tracker: TrackerId(u16::MAX), up: Some(true) };
        for part in [
            Part::Instances(vec![status; INSTANCES_MAX]),
            Part::Trackers(vec![tracker; TRACKERS_MAX]),
        ] {
            assert!(part.is_bounded());
            assert!(encode(&EngineToParent::Report(part), &mut [0; MESSAGE_MAX]).is_ok());
        }
    }
}
