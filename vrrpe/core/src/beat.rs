//! The rhythm in which a neighbour is heard: whether it still is there, and whether an advert came
//! because its Adver_Timer fired or out of turn. Remembers times only; decides nothing.

use crate::timers::courtesy;
use core::time::Duration;
use vipd_types::Instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Beat {
    pub(crate) last: Instant,
    /// Its own Advertisement_Interval.
    interval: Duration,
    /// The latest advert that was in turn.
    in_turn: Instant,
}

impl Beat {
    pub(crate) fn new(now: Instant, interval: Duration) -> Self {
        Self { last: now, interval, in_turn: now }
    }

    /// One that comes a little before its time may be one out of turn with that in turn still to
    /// come, so it does not begin a new interval.
    pub(crate) fn hear(self, now: Instant, interval: Duration) -> Self {
        let early = interval.checked_div(8).unwrap_or_default();
        let begins = match self.offset(now) {
            Some(Offset::Late) => true,
            Some(Offset::Early) => false,
            None => now.since(self.last) >= interval.saturating_sub(early),
        };
        Self { last: now, interval, in_turn: if begins { now } else { self.in_turn } }
    }

    /// One advert may be lost.
    pub(crate) fn is_there(self, now: Instant) -> bool {
        now <= self.until()
    }

    pub(crate) fn until(self) -> Instant {
        self.last.plus(self.interval.saturating_mul(2))
    }

    /// Whole intervals after an advert that was in turn, give or take a flight.
    pub(crate) fn is_due(self, now: Instant) -> bool {
        self.offset(now).is_some()
    }

    /// On which side of the time at which an advert is due; `None` if none is.
    fn offset(self, now: Instant) -> Option<Offset> {
        let about = courtesy(self.interval).as_nanos();
        let interval = self.interval.as_nanos();
        let since = now.since(self.in_turn).as_nanos();
        let beyond = since.checked_rem(interval)?;
        if beyond <= about && since >= interval {
            Some(Offset::Late)
        } else if beyond.saturating_add(about) >= interval {
            Some(Offset::Early)
        } else {
            None
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Offset {
    Early,
    Late,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis.saturating_mul(1_000_000))
    }

    #[test]
    fn an_advert_is_due_whole_intervals_after_one_in_turn() {
        let beat = Beat::new(at(0), SECOND);
        let due = [996, 1000, 1004, 1996, 2004, 9999];
        let not_due = [0, 3, 500, 995, 1005, 1500, 1995, 2005];
        assert!(due.iter().all(|millis| beat.is_due(at(*millis))));
        assert!(!not_due.iter().any(|millis| beat.is_due(at(*millis))));
    }

    #[test]
    fn an_advert_out_of_turn_does_not_move_the_rhythm() {
        let beat = Beat::new(at(0), SECOND).hear(at(700), SECOND);
        assert!(beat.is_due(at(1000)) && !beat.is_due(at(1700)));
        // One in turn does, also when it is late.
        let beat = beat.hear(at(1003), SECOND);
        assert!(beat.is_due(at(2006)) && !beat.is_due(at(1004)));
        // And one after a pause: the other one has started anew.
        let beat = beat.hear(at(5500), SECOND);
        assert!(beat.is_due(at(6500)) && !beat.is_due(at(6000)));
    }

    #[test]
    fn an_advert_out_of_turn_just_before_one_in_turn_leaves_it_due() {
        let beat = Beat::new(at(0), SECOND).hear(at(999), SECOND);
        assert!(beat.is_due(at(1000)));
        let beat = beat.hear(at(1001), SECOND);
        assert!(!beat.is_due(at(1002)) && beat.is_due(at(2001)));
    }

    #[test]
    fn it_is_there_for_two_of_its_own_intervals() {
        let beat = Beat::new(at(0), SECOND).hear(at(1000), Duration::from_millis(100));
        assert!(beat.is_there(at(1200)) && !beat.is_there(at(1201)));
    }

    #[test]
    fn no_interval_is_no_panic() {
        let beat = Beat::new(at(0), Duration::ZERO).hear(at(1), Duration::ZERO);
        assert!(!beat.is_due(at(5)));
    }
}
