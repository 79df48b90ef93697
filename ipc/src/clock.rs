//! The boot clock and the one timer of a process. A process is armed absolutely to the earliest
//! thing it has to do; nothing here knows what that is.

use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::clock_gettime;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;
use vipd_types::Instant;

/// Time since boot; it neither steps nor stops during suspend. A clock that cannot be read means
/// the end of time: every lease is over then, and nobody advertises for ever.
pub fn now() -> Instant {
    clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME)
        .map_or(Instant::from_nanos(u64::MAX), |time| Instant::from_nanos(0).plus(time.into()))
}

/// When a packet came that the kernel has stamped with the wall clock, as far as that can be told:
/// never after `now`, and `now` itself when the stamp is more than `limit` ago, or in the future,
/// because the wall clock may have been set in between.
pub fn arrival(stamp: TimeSpec, now: Instant, limit: Duration) -> Instant {
    let wall = clock_gettime(nix::time::ClockId::CLOCK_REALTIME).map(Duration::from);
    let age = wall.ok().and_then(|wall| wall.checked_sub(stamp.into()));
    let Some(age) = age.filter(|age| *age <= limit) else { return now };
    let age = u64::try_from(age.as_nanos()).unwrap_or(0);
    Instant::from_nanos(self::now().as_nanos().saturating_sub(age)).min(now)
}

#[derive(Debug)]
pub struct Timer {
    fd: TimerFd,
    armed: Option<Instant>,
}

impl Timer {
    pub fn new() -> Result<Self, Errno> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        Ok(Self { fd: TimerFd::new(ClockId::CLOCK_BOOTTIME, flags)?, armed: None })
    }

    /// Becomes readable at `at`, or at once if that has passed. Replaces an earlier deadline, and
    /// asks the kernel only when that changes something. The expirations need not be read: arming
    /// again clears them.
    pub fn arm(&mut self, at: Instant, now: Instant) -> Result<(), Errno> {
        if self.armed == Some(at) && at > now {
            return Ok(());
        }
        // Zero would disarm it.
        let when = Duration::from_nanos(at.as_nanos().max(1));
        let when = Expiration::OneShot(TimeSpec::from_duration(when));
        self.fd.set(when, TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
        self.armed = Some(at);
        Ok(())
    }

    pub fn raw(&self) -> RawFd {
        self.fd.as_fd().as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_that_cannot_be_right_is_not_believed() {
        let limit = Duration::from_millis(10);
        let wall = || Duration::from(clock_gettime(nix::time::ClockId::CLOCK_REALTIME).unwrap());
        let before = now();
        let stamp = TimeSpec::from(wall());
        let at = arrival(stamp, now(), Duration::from_secs(60));
        assert!(before <= at && at <= now());
        let late = now();
        let wrong = [wall() - Duration::from_secs(1), wall() + Duration::from_secs(1)];
        for stamp in wrong {
            assert_eq!(arrival(TimeSpec::from(stamp), late, limit), late);
        }
        assert_eq!(arrival(stamp, before, Duration::from_secs(60)), before);
    }
}
