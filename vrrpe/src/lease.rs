//! The engine's side of the lease: until when the parent vouched for the addresses, and what that
//! means now. Pure; it reads no clock and sends nothing.

use std::time::Duration;
use vipd_types::Instant;

/// The kernel removes an expired address up to 0.37 s late; before this has passed, a good-bye
/// would make a peer take an address that is still here.
const REMOVAL: Duration = Duration::from_millis(500);
/// An engine that wakes later than this after REMOVAL was itself asleep: others have taken over.
const LATE: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Advertise.
    Serve,
    /// The lease is over, the addresses may still be in the kernel: say nothing, wait.
    Quiet,
    /// The addresses are gone: say good-bye and exit.
    GoodBye,
    /// Exit without a word.
    TooLate,
}

#[derive(Debug, Default)]
pub(crate) struct Lease {
    until: Option<Instant>,
}

impl Lease {
    /// A stale answer never shortens a lease.
    pub(crate) fn extend(&mut self, until: Instant) {
        self.until = self.until.max(Some(until));
    }

    pub(crate) fn verdict(&self, now: Instant) -> Verdict {
        let Some(until) = self.until else { return Verdict::Serve };
        let gone = until.plus(REMOVAL);
        if now < until {
            Verdict::Serve
        } else if now < gone {
            Verdict::Quiet
        } else if now <= gone.plus(LATE) {
            Verdict::GoodBye
        } else {
            Verdict::TooLate
        }
    }

    /// When the verdict changes next.
    pub(crate) fn next(&self, now: Instant) -> Option<Instant> {
        self.until.map(|until| if now < until { until } else { until.plus(REMOVAL) })
    }

    /// `None` before the first lease.
    pub(crate) fn remaining(&self, now: Instant) -> Option<Duration> {
        self.until.map(|until| until.since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(0).plus(Duration::from_millis(millis))
    }

    #[test]
    fn without_a_lease_there_is_nothing_to_lose() {
        let lease = Lease::default();
        assert_eq!(lease.verdict(at(u64::MAX)), Verdict::Serve);
        assert_eq!(lease.next(at(1)), None);
    }

    #[test]
    fn serves_falls_silent_says_good_bye_and_never_late() {
        let mut lease = Lease::default();
        lease.extend(at(3000));
        lease.extend(at(2000));
        let cases = [
            (2999, Verdict::Serve),
            (3000, Verdict::Quiet),
            (3499, Verdict::Quiet),
            (3500, Verdict::GoodBye),
            (3600, Verdict::GoodBye),
            (3601, Verdict::TooLate),
        ];
        for (millis, verdict) in cases {
            assert_eq!(lease.verdict(at(millis)), verdict, "{millis} ms");
        }
        assert_eq!(lease.next(at(1)), Some(at(3000)));
        assert_eq!(lease.next(at(3100)), Some(at(3500)));
    }

    #[test]
    fn a_newer_answer_ends_the_silence() {
        let mut lease = Lease::default();
        lease.extend(at(3000));
        lease.extend(at(6000));
        assert_eq!(lease.verdict(at(3200)), Verdict::Serve);
    }
}
