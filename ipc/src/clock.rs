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
