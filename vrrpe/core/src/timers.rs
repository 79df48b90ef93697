//! The quantities of RFC 3768 6.1 in exact nanoseconds, the running timers, and the pacing of
//! adverts that answer something. Only arithmetic: when a timer is set is the machine's business.

use crate::config::Config;
use crate::encode::interval_secs;
use core::time::Duration;
use vipd_types::{Instant, Priority};

/// 1 s / 256, exactly.
const SKEW_STEP_NANOS: u64 = 3_906_250;

/// How long after the addresses were refused or lost they are tried again.
pub const RETRY: Duration = Duration::from_secs(10);

/// How long a router that preempts leaves the old MASTER to remove the addresses. One of ours says
/// when it has, with its last advert; this is for all others, and for a lost packet.
pub const COURTESY: Duration = Duration::from_millis(4);

/// Advertisement_Interval as the wire has it: whole seconds, 1 to 255.
pub(crate) fn interval(config: &Config) -> Duration {
    Duration::from_secs(u64::from(interval_secs(config)))
}

/// Skew_Time: (256 - priority) / 256 seconds, whatever the interval is.
pub fn skew(priority: Priority) -> Duration {
    let steps = 256_u64.saturating_sub(u64::from(priority.get()));
    Duration::from_nanos(steps.saturating_mul(SKEW_STEP_NANOS))
}

/// Master_Down_Interval: three intervals and the skew.
pub fn master_down_interval(advert_int: Duration, priority: Priority) -> Duration {
    advert_int.saturating_mul(3).saturating_add(skew(priority))
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
