//! What the oracle sees: what a router was told, and what shows of it outside.

use super::bounds;
use super::clock::Time;
use crate::common::{LOCAL, LOCAL_V6};
use std::net::IpAddr;
use std::time::Duration;
use vipd_types::{Epoch, Instant, Options, State, Version};
use vrrp_core::group::Order;
use vrrp_core::{Health, Input, Router, Transport};

/// An advert.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard {
    pub(crate) from: IpAddr,
    pub(crate) priority: u8,
    pub(crate) interval: Duration,
}

/// What the oracle keeps of an input.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Told {
    Packet(Heard),
    Deadline,
    Track(Health),
    Link { fit: bool },
    Acquired(Epoch),
    NotAcquired(Epoch),
    Released,
    Lost(Epoch),
    Lapsed(Epoch),
    Config,
    Group(Option<Order>),
    Stop,
    LeaseEnded,
}

impl From<&Input<'_>> for Told {
    fn from(input: &Input<'_>) -> Self {
        match input {
            Input::Packet(advert) => Self::Packet(Heard {
                from: advert.meta.source,
                priority: advert.priority,
                interval: advert.body.interval(),
            }),
            Input::Deadline => Self::Deadline,
            Input::Track(health) => Self::Track(*health),
            Input::Link { up, source } => Self::Link { fit: *up && source.is_some() },
            Input::Acquired(epoch) => Self::Acquired(*epoch),
            Input::NotAcquired(epoch) => Self::NotAcquired(*epoch),
            Input::Released(_) => Self::Released,
            Input::Lost(epoch) => Self::Lost(*epoch),
            Input::Lapsed(epoch) => Self::Lapsed(*epoch),
            Input::Config(_) => Self::Config,
            Input::Group(order) => Self::Group(*order),
            Input::Stop => Self::Stop,
            Input::LeaseEnded => Self::LeaseEnded,
        }
    }
}

/// What can be seen of a router from outside.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) state: State,
    pub(crate) version: Version,
    pub(crate) priority: u8,
    /// Before trackers.
    base: u8,
    pub(crate) own: Option<IpAddr>,
    /// Its own.
    pub(crate) interval: Duration,
    /// That of the MASTER it waits for.
    pub(crate) active: Duration,
    pub(crate) preempt: bool,
    pub(crate) fast: bool,
    pub(crate) options: Options,
    /// With exactly one peer there is no rival.
    alone: bool,
    pub(crate) owner: bool,
    /// A bit for each peer; all of them with the group.
    peers: u16,
    /// A member of a sync group that would be MASTER by itself, or hears a MASTER it accepts.
    pub(crate) wants: bool,
    pub(crate) follows: bool,
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
            version: config.version,
            priority: router.effective().get(),
            base: config.priority.get(),
            own: router.source(),
            interval: config.advert_int,
            active: router.active_interval(),
            preempt: config.preempt,
            fast: config.fast_handover,
            options: config.options,
            alone,
            owner: config.priority.is_owner(),
            peers,
            wants: router.standing().wants,
            follows: router.standing().follows,
            next: router.next_deadline(),
        }
    }

    /// (256 - priority) / 256 of a second, with VRRPv3 of the active interval.
    pub(crate) fn skew(&self) -> Duration {
        let whole = match self.version {
            Version::V2 => Duration::from_secs(1),
            Version::V3 => self.active,
        };
        whole * (256 - u32::from(self.priority)) / 256
    }

    /// The intervals that a Master_Down_Timer waits.
    pub(crate) fn intervals(&self) -> Duration {
        self.active * self.options.down_timer_adverts.into()
    }

    pub(crate) fn pace(&self) -> Duration {
        let interval = Time::try_from(self.interval.as_nanos()).unwrap();
        Duration::from_nanos(bounds::pace(interval))
    }

    pub(crate) fn courtesy(&self) -> Duration {
        let interval = Time::try_from(self.interval.as_nanos()).unwrap();
        Duration::from_nanos(bounds::courtesy(interval))
    }

    /// How long a handover gives rivals.
    pub(crate) fn wait(&self) -> Duration {
        let steps = Duration::from_millis(256 - u64::from(self.priority));
        if self.alone { Duration::ZERO } else { steps.min(self.skew()) }
    }

    /// Another configuration.
    pub(crate) fn differs(&self, other: &Self) -> bool {
        let of = |view: &Self| (view.base, view.interval, view.preempt, view.fast, view.options);
        of(self) != of(other)
    }

    /// The router's own checks, for well-formed adverts of its VRID.
    pub(crate) fn accepts(&self, heard: Heard) -> bool {
        let Heard { from, interval, .. } = heard;
        let peer = self.peers >> slot(from) & 1 == 1;
        let (agreed, deaf) = match self.version {
            Version::V2 => (self.interval == interval, true),
            Version::V3 => (true, self.options.owner_ignore_adverts),
        };
        peer && agreed && !(self.owner && deaf) && self.own != Some(from)
    }

    /// Of an advert that is accepted (RFC 9568 6.4.2 and 6.4.3), not more than the cap.
    pub(crate) fn learns(&self, interval: Duration) -> Option<Duration> {
        let cap = self.options.max_learned_interval.map(|cap| cap.max(self.interval));
        match self.version {
            Version::V2 => None,
            Version::V3 => Some(cap.map_or(interval, |cap| cap.min(interval))),
        }
    }
}

/// Routers have neighbouring addresses; strangers share the last place.
pub(crate) const SLOTS: usize = 16;

pub(crate) fn slot(address: IpAddr) -> usize {
    let place = match address {
        IpAddr::V4(address) => address.octets()[3] - LOCAL.octets()[3],
        IpAddr::V6(address) => address.octets()[15] - LOCAL_V6.octets()[15],
    };
    usize::from(place).min(SLOTS - 1)
}
