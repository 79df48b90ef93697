//! What the oracle sees: what a router was told, and what shows of it outside.

use super::bounds;
use super::clock::Time;
use crate::common::LOCAL;
use std::net::IpAddr;
use std::time::Duration;
use vipd_types::{Epoch, Instant, State};
use vrrp_core::{Health, Input, Router, Transport};

/// What the oracle keeps of an input.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Told {
    Packet { from: IpAddr, priority: u8, interval: Duration },
    Deadline,
    Track(Health),
    Link { fit: bool },
    Acquired(Epoch),
    NotAcquired(Epoch),
    Released,
    Lost(Epoch),
    Config,
    Stop,
    LeaseEnded,
}

impl From<&Input<'_>> for Told {
    fn from(input: &Input<'_>) -> Self {
        match input {
            Input::Packet(advert) => Self::Packet {
                from: advert.meta.source,
                priority: advert.priority,
                interval: advert.body.interval(),
            },
            Input::Deadline => Self::Deadline,
            Input::Track(health) => Self::Track(*health),
            Input::Link { up, source } => Self::Link { fit: *up && source.is_some() },
            Input::Acquired(epoch) => Self::Acquired(*epoch),
            Input::NotAcquired(epoch) => Self::NotAcquired(*epoch),
            Input::Released(_) => Self::Released,
            Input::Lost(epoch) => Self::Lost(*epoch),
            Input::Config(_) | Input::Group(_) => Self::Config,
            Input::Stop => Self::Stop,
            Input::LeaseEnded => Self::LeaseEnded,
        }
    }
}

/// What can be seen of a router from outside.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) state: State,
    pub(crate) priority: u8,
    /// Before trackers.
    base: u8,
    pub(crate) own: Option<IpAddr>,
    pub(crate) interval: Duration,
    pub(crate) preempt: bool,
    pub(crate) fast: bool,
    /// With exactly one peer there is no rival.
    alone: bool,
    pub(crate) owner: bool,
    /// A bit for each peer; all of them with the group.
    peers: u16,
    pub(crate) next: Option<Instant>,
}

impl View {
    pub(crate) fn of(router: &Router) -> Self {
        let config = router.config();
        let (alone, peers) = match &config.transport {
            Transport::Unicast { peers, .. } => {
                (peers.len() == 1, peers.iter().fold(0, |all, peer| all | 1 << slot(peer.address)))
            }
            Transport::Multicast { .. } => (false, u16::MAX),
        };
        Self {
            state: router.state(),
            priority: router.effective().get(),
            base: config.priority.get(),
            own: router.source(),
            interval: config.advert_int,
            preempt: config.preempt,
            fast: config.fast_handover,
            alone,
            owner: config.priority.is_owner(),
            peers,
            next: router.next_deadline(),
        }
    }

    /// (256 - priority) / 256 s.
    pub(crate) fn skew(&self) -> Duration {
        Duration::from_secs(256 - u64::from(self.priority)) / 256
    }

    pub(crate) fn pace(&self) -> Duration {
        let interval = Time::try_from(self.interval.as_nanos()).unwrap();
        Duration::from_nanos(bounds::pace(interval))
    }

    /// How long a handover gives rivals.
    pub(crate) fn wait(&self) -> Duration {
        let steps = Duration::from_millis(256 - u64::from(self.priority));
        if self.alone { Duration::ZERO } else { steps.min(self.skew()) }
    }

    /// Another configuration.
    pub(crate) fn differs(&self, other: &Self) -> bool {
        let of = |view: &Self| (view.base, view.interval, view.preempt, view.fast);
        of(self) != of(other)
    }

    /// The router's own checks, for well-formed adverts of its VRID.
    pub(crate) fn accepts(&self, from: IpAddr, interval: Duration) -> bool {
        let peer = self.peers >> slot(from) & 1 == 1;
        let agreed = self.interval == interval;
        peer && agreed && !self.owner && self.own != Some(from)
    }
}

/// Routers have neighbouring addresses; strangers share the last place.
pub(crate) const SLOTS: usize = 16;

pub(crate) fn slot(address: IpAddr) -> usize {
    let IpAddr::V4(address) = address else { return SLOTS - 1 };
    usize::from(address.octets()[3] - LOCAL.octets()[3]).min(SLOTS - 1)
}
