//! The quantities of RFC 3768 6.1 and RFC 9568 6.1 in exact nanoseconds, the running timers, and the pacing of
//! adverts that answer something. Only arithmetic: when a timer is set is the machine's business.

use crate::config::Config;
use core::time::Duration;
use vipd_types::{Instant, Priority, Version};

/// How long after the addresses were refused or lost they are tried again.
pub const RETRY: Duration = Duration::from_secs(10);

/// How long a router that preempts leaves the old MASTER to remove the addresses. One of ours says
/// when it has, with its last advert; this is for all others, and for a lost packet.
pub const COURTESY: Duration = Duration::from_millis(4);

/// Advertisement_Interval as the wire has it: whole seconds, 1 to 255, or centiseconds, 1 to 4095.
pub(crate) fn interval(config: &Config) -> Duration {
    let whole = |unit: Duration, most: u32| {
        let units = config.advert_int.as_millis().checked_div(unit.as_millis()).unwrap_or(0);
        unit.saturating_mul(u32::try_from(units).unwrap_or(most).clamp(1, most))
    };
    match config.version {
        Version::V2 => whole(Duration::from_secs(1), 255),
        Version::V3 => whole(Duration::from_millis(10), 4095),
    }
}

/// Skew_Time: (256 - priority) / 256 of the MASTER's interval (RFC 9568 6.1), with VRRPv2 of a
/// second, whatever the interval is (RFC 3768 6.1).
pub fn skew(version: Version, interval: Duration, priority: Priority) -> Duration {
    let whole = match version {
        Version::V2 => Duration::from_secs(1),
        Version::V3 => interval,
    };
    let steps = 256_u32.saturating_sub(u32::from(priority.get()));
    whole.saturating_mul(steps).checked_div(256).unwrap_or_default()
}

/// Master_Down_Interval: `adverts` intervals of the MASTER, three by the RFC, and the skew.
pub fn master_down_interval(
    version: Version,
    interval: Duration,
    adverts: u8,
    priority: Priority,
) -> Duration {
    interval.saturating_mul(u32::from(adverts)).saturating_add(skew(version, interval, priority))
}

/// Of `COURTESY`, what an interval has room for.
pub(crate) fn courtesy(advert_int: Duration) -> Duration {
    advert_int.checked_div(4).unwrap_or_default().min(COURTESY)
}

/// At least this long between two announcements that answer something: they cost the network and
/// the kernel more than an advert.
pub(crate) fn announce_gap(advert_int: Duration) -> Duration {
    advert_int.max(Duration::from_secs(1))
}

/// At least this long between two adverts that answer something.
pub(crate) fn answer_gap(advert_int: Duration) -> Duration {
    advert_int.checked_div(4).unwrap_or_default().max(Duration::from_millis(10))
}

/// The next beat of a timer that was due at `due`: whole intervals later, so that the rate does
/// not drift, and after `now`, so that missed beats are skipped.
pub(crate) fn next_beat(due: Instant, interval: Duration, now: Instant) -> Instant {
    let step = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX).max(1);
    let late = now.as_nanos().saturating_sub(due.as_nanos());
    let beats = late.checked_div(step).unwrap_or(0).saturating_add(1);
    Instant::from_nanos(due.as_nanos().saturating_add(beats.saturating_mul(step)))
}

/// What is running. Invariant: `adver`, `extra`, `announce` and `acquire` run in MASTER only, `master_down`
/// and `handover` in BACKUP only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Timers {
    /// Adver_Timer.
    pub(crate) adver: Option<Instant>,
    /// An advert out of turn that had to wait for its pace.
    pub(crate) extra: Option<Instant>,
    /// The same for an announcement.
    pub(crate) announce: Option<Instant>,
    /// The addresses are not asked for before this.
    pub(crate) acquire: Option<Instant>,
    /// Master_Down_Timer.
    pub(crate) master_down: Option<Instant>,
    /// The Skew_Time that is in it.
    pub(crate) skew: Duration,
    /// Fast handover.
    pub(crate) handover: Option<Instant>,
    /// Until then the addresses are not tried again.
    pub(crate) retry: Option<Instant>,
}

impl Timers {
    pub(crate) fn next(&self) -> Option<Instant> {
        let Self { adver, extra, announce, acquire, master_down, skew: _, handover, retry } = *self;
        [adver, extra, announce, acquire, master_down, handover, retry].into_iter().flatten().min()
    }

    /// Every timer that belongs to a state; the retry does not.
    pub(crate) fn cancel(&mut self) {
        *self = Self { retry: self.retry, ..Self::default() };
    }
}

pub(crate) fn due(timer: Option<Instant>, now: Instant) -> bool {
    timer.is_some_and(|at| at <= now)
}

/// Lets one through per gap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pace {
    last: Option<Instant>,
    /// One has to wait.
    waits: bool,
}

impl Pace {
    /// `Err` says when the next may go.
    pub(crate) fn ask(&mut self, now: Instant, gap: Duration) -> Result<(), Instant> {
        match self.last.map(|last| last.plus(gap)) {
            Some(free) if free > now => {
                self.waits = true;
                Err(free)
            }
            Some(_) | None => {
                *self = Self { last: Some(now), waits: false };
                Ok(())
            }
        }
    }

    /// What waited has gone; a pace at which nothing waited stays free.
    pub(crate) fn done(&mut self, now: Instant) {
        if core::mem::take(&mut self.waits) {
            self.last = Some(now);
        }
    }

    /// What waited will not go any more.
    pub(crate) fn cancel(&mut self) {
        self.waits = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(n: u64) -> Instant {
        Instant::from_nanos(n.saturating_mul(1_000_000))
    }

    #[test]
    fn a_beat_keeps_its_phase_and_skips_what_was_missed() {
        let second = Duration::from_secs(1);
        assert_eq!(next_beat(millis(1000), second, millis(1000)), millis(2000));
        assert_eq!(next_beat(millis(1000), second, millis(1999)), millis(2000));
        assert_eq!(next_beat(millis(1000), second, millis(9500)), millis(10_000));
        assert_eq!(next_beat(millis(1000), second, millis(0)), millis(2000));
    }

    #[test]
    fn the_end_of_time_is_no_panic() {
        let end = Instant::from_nanos(u64::MAX);
        assert_eq!(next_beat(end, Duration::ZERO, end), end);
        assert_eq!(next_beat(millis(0), Duration::ZERO, end), end);
    }

    #[test]
    fn pace_lets_one_through_per_gap() {
        let (mut pace, gap) = (Pace::default(), Duration::from_millis(250));
        assert_eq!(pace.ask(millis(0), gap), Ok(()));
        assert_eq!(pace.ask(millis(249), gap), Err(millis(250)));
        assert_eq!(pace.ask(millis(250), gap), Ok(()));
    }

    #[test]
    fn pace_counts_only_what_waited() {
        let (mut pace, gap) = (Pace::default(), Duration::from_millis(250));
        pace.done(millis(100));
        assert_eq!(pace.ask(millis(100), gap), Ok(()));
        assert_eq!(pace.ask(millis(200), gap), Err(millis(350)));
        pace.done(millis(340));
        assert_eq!(pace.ask(millis(350), gap), Err(millis(590)));
    }
}
