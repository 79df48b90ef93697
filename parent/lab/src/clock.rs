//! One clock for all witnesses, and the way to wait for something they will see. Must not sleep
//! for a fixed time.

use crate::error::{Error, Result};
use nix::time::{ClockId, clock_gettime};
use std::fmt;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A moment on CLOCK_MONOTONIC, the same for every process and namespace of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(u64);

impl Stamp {
    pub fn now() -> Self {
        Self(nanos(ClockId::CLOCK_MONOTONIC))
    }

    /// A kernel's wall clock time (packets carry only that), in nanoseconds since 1970.
    pub fn from_wall(wall: u64) -> Self {
        let age = nanos(ClockId::CLOCK_REALTIME).saturating_sub(wall);
        Self(nanos(ClockId::CLOCK_MONOTONIC).saturating_sub(age))
    }

    /// From what [`Stamp::nanos`] gave.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the clock's start.
    pub fn nanos(self) -> u64 {
        self.0
    }

    /// Zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    #[must_use]
    pub fn plus(self, more: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(more.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s", Duration::from_nanos(self.0).as_secs_f64())
    }
}

/// Milliseconds, for people and statistics.
pub fn millis(of: Duration) -> f64 {
    of.as_secs_f64() * 1000.0
}

fn nanos(clock: ClockId) -> u64 {
    clock_gettime(clock)
        .map_or(0, |time| u64::try_from(Duration::from(time).as_nanos()).unwrap_or(u64::MAX))
}

struct Bell {
    rings: Mutex<u64>,
    heard: Condvar,
}

static BELL: Bell = Bell { rings: Mutex::new(0), heard: Condvar::new() };

/// What no witness announces (a process that ends, a file that appears) is looked at this often.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A witness saw something: everyone who waits looks again.
pub fn ring() {
    let mut rings = BELL.rings.lock().unwrap_or_else(PoisonError::into_inner);
    *rings = rings.wrapping_add(1);
    BELL.heard.notify_all();
}

/// Waits until `condition` holds, at most `limit`. Returns when it was found to hold.
///
/// # Errors
/// When the limit has passed: names `what`.
pub fn wait_until(
    limit: Duration,
    what: impl fmt::Display,
    mut condition: impl FnMut() -> bool,
) -> Result<Stamp> {
    let start = Instant::now();
    loop {
        let before = *BELL.rings.lock().unwrap_or_else(PoisonError::into_inner);
        if condition() {
            return Ok(Stamp::now());
        }
        if start.elapsed() >= limit {
            return Err(Error::new(format!("waited {limit:?} in vain for {what}")));
        }
        let rings = BELL.rings.lock().unwrap_or_else(PoisonError::into_inner);
        drop(BELL.heard.wait_timeout_while(rings, LOOK_AGAIN, |rings| *rings == before));
    }
}
