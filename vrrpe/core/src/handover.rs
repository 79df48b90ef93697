//! Fast handover: when a BACKUP need not wait for the RFC's timer because the MASTER it follows
//! has said that it goes, or that it has become worse. Decides who is followed, whether the rule
//! applies and how long rivals are given; the machine acts.

use crate::beat::Beat;
use crate::config::{Config, Transport};
use crate::input::Health;
use core::net::IpAddr;
use core::time::Duration;
use vipd_types::{Instant, Priority};

/// Rivals queue up by priority in steps of this.
const STEP: Duration = Duration::from_millis(1);

/// Whom the packet was from and what it said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) from: IpAddr,
    pub(crate) priority: u8,
    pub(crate) interval: Duration,
}

/// The MASTER a BACKUP follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Followed {
    pub(crate) address: IpAddr,
    /// The latest.
    pub(crate) priority: u8,
    /// The best it has shown since it is followed.
    best: u8,
    pub(crate) beat: Beat,
    /// A worse router that was accepted since: either it or the followed one is about to go, so
    /// what the followed one says may be old news.
    rival: Option<IpAddr>,
    /// Its last advert was accepted: not worse than ours, or we do not preempt.
    accepted: bool,
}

impl Followed {
    pub(crate) fn new(heard: Heard, now: Instant) -> Self {
        let Heard { from: address, priority, interval } = heard;
        let beat = Beat::new(now, interval);
        Self { address, priority, best: priority, beat, rival: None, accepted: true }
    }

    /// After an accepted advert. While two routers advertise, the better one is followed, until
    /// the other was heard twice without it.
    pub(crate) fn accept(self, heard: Heard, now: Instant) -> Self {
        if heard.from == self.address {
            return Self { rival: None, accepted: true, ..self.hear(heard, now) };
        }
        let is_silent = !self.beat.is_there(now);
        let better = (heard.priority, heard.from) > (self.priority, self.address);
        if is_silent || better || self.rival == Some(heard.from) {
            Self::new(heard, now)
        } else {
            Self { rival: Some(heard.from), ..self }
        }
    }

    /// After an advert of its own that is discarded.
    pub(crate) fn refuse(self, heard: Heard, now: Instant) -> Self {
        Self { accepted: false, ..self.hear(heard, now) }
    }

    fn hear(self, heard: Heard, now: Instant) -> Self {
        let Heard { priority, interval, .. } = heard;
        let beat = self.beat.hear(now, interval);
        Self { priority, best: self.best.max(priority), beat, ..self }
    }

    pub(crate) fn is_accepted(self) -> bool {
        self.accepted
    }

    /// It has become worse than it was, and worse than we are. Our own rise is no reason: then
    /// nobody waits for a service, and the RFC's timer damps.
    pub(crate) fn has_fallen_below(self, ours: Priority) -> bool {
        self.priority < self.best && self.priority < ours.get() && self.rival.is_none()
    }

    /// Its good-bye leaves nobody.
    pub(crate) fn is_alone(self) -> bool {
        self.rival.is_none()
    }

    pub(crate) fn is_better_than(self, ours: Priority, own: Option<IpAddr>) -> bool {
        (self.priority, Some(self.address)) > (ours.get(), own)
    }
}

/// Never before every tracker has had its first result.
pub(crate) fn allowed(config: &Config, health: Health) -> bool {
    config.fast_handover && !health.pending
}

/// How long rivals are given: nothing if there can be none, else no longer than Skew_Time.
pub(crate) fn wait(config: &Config, ours: Priority, skew_time: Duration) -> Duration {
    let alone = match &config.transport {
        Transport::Unicast { peers, .. } => peers.len() == 1,
        Transport::Multicast { .. } => false,
    };
    if alone {
        return Duration::ZERO;
    }
    let steps = 256_u32.saturating_sub(u32::from(ours.get()));
    STEP.saturating_mul(steps).min(skew_time)
}
