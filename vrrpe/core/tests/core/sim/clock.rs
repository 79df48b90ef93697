//! True time, which only the simulator knows, and the clocks of the routers, which begin anywhere
//! and run a little too fast or too slow.

use vipd_types::Instant;

/// True time: nanoseconds since the run began.
pub(crate) type Time = u64;

pub(crate) const MICRO: Time = 1_000;
pub(crate) const MILLI: Time = 1_000 * MICRO;
pub(crate) const SECOND: Time = 1_000 * MILLI;

/// The largest error of a clock's rate, in millionths.
pub(crate) const DRIFT_MAX: u64 = 200;

/// True time that `local` may last at most, on the slowest clock.
pub(crate) const fn slowest(local: Time) -> Time {
    local + local * DRIFT_MAX / (1_000_000 - DRIFT_MAX) + 1
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Clock {
    /// What it shows when the run begins.
    pub(crate) start: u64,
    /// Millionths; up to `DRIFT_MAX` too slow or too fast.
    pub(crate) drift: i32,
}

impl Clock {
    pub(crate) fn local(self, at: Time) -> Instant {
        let error = at * u64::from(self.drift.unsigned_abs()) / 1_000_000;
        let passed = if self.drift < 0 { at - error } else { at + error };
        Instant::from_nanos(self.start + passed)
    }

    /// The first moment at which the clock shows `local` or more.
    pub(crate) fn truth(self, local: Instant) -> Time {
        let wanted = local.as_nanos().saturating_sub(self.start);
        let passed = |at: Time| self.local(at).as_nanos() - self.start;
        let mut at = wanted;
        // Each round leaves at most a five-thousandth of the error.
        for _ in 0..8 {
            let shown = passed(at);
            if shown == wanted {
                break;
            }
            at = (at + wanted).saturating_sub(shown);
        }
        while passed(at) < wanted {
            at += 1;
        }
        while at > 0 && passed(at - 1) >= wanted {
            at -= 1;
        }
        at
    }
}

#[test]
fn a_clock_that_is_asked_backwards_says_the_first_moment() {
    for drift in [-200, -7, 0, 1, 200] {
        let clock = Clock { start: 1 << 60, drift };
        for at in [0, 1, 4_999, 5_000, 5_001, 3_609_375_000, 7 * 86_400 * SECOND] {
            let shown = clock.local(at);
            let first = clock.truth(shown);
            assert!(first <= at && clock.local(first) == shown, "{drift} {at}");
            assert!(first == 0 || clock.local(first - 1) < shown, "{drift} {at}");
        }
    }
}
