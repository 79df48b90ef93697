//! The boot clock and the only timer of the process. The timer is armed absolutely to the
//! earliest thing to do; nothing here knows what that is.

use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::{ClockId as Clock, clock_gettime};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;
use vipd_types::Instant;

/// The time now. A clock that cannot be read means the end of time: every lease is over then, and
/// the engine exits instead of advertising for ever.
pub(crate) fn now() -> Instant {
    clock_gettime(Clock::CLOCK_BOOTTIME)
        .map_or(Instant::from_nanos(u64::MAX), |time| Instant::from_nanos(0).plus(time.into()))
}

#[derive(Debug)]
pub(crate) struct Timer {
    fd: TimerFd,
    armed: Option<Instant>,
}

impl Timer {
    pub(crate) fn new() -> Result<Self, Errno> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        Ok(Self { fd: TimerFd::new(ClockId::CLOCK_BOOTTIME, flags)?, armed: None })
    }

    /// Fires at `at`, which may be over. Asks the kernel only when that changes something. The
    /// expirations are never read: arming again clears them.
    pub(crate) fn arm(&mut self, at: Instant, now: Instant) -> Result<(), Errno> {
        if self.armed == Some(at) && at > now {
            return Ok(());
        }
        // Zero would disarm.
        let nanos = at.as_nanos().max(1);
        let when = TimeSpec::from_duration(Duration::from_nanos(nanos));
        self.fd.set(Expiration::OneShot(when), TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
        self.armed = Some(at);
        Ok(())
    }

    pub(crate) fn raw(&self) -> RawFd {
        self.fd.as_fd().as_raw_fd()
    }
}
