//! The boot clock and the one timer of this process. Decides nothing about when to wake.

use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;
use vipd_types::Instant;

/// Time since boot; it neither steps nor stops during suspend.
pub(crate) fn now() -> Instant {
    let clock = nix::time::ClockId::CLOCK_BOOTTIME;
    let since_boot = clock.now().map(Duration::from).unwrap_or_default();
    Instant::from_nanos(0).plus(since_boot)
}

#[derive(Debug)]
pub(crate) struct Timer {
    fd: TimerFd,
}

impl Timer {
    pub(crate) fn new() -> Result<Self, Errno> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        Ok(Self { fd: TimerFd::new(ClockId::CLOCK_BOOTTIME, flags)? })
    }

    /// Becomes readable at `at`, or at once if that has passed. Replaces an earlier deadline.
    pub(crate) fn arm(&self, at: Instant) -> Result<(), Errno> {
        // Zero would disarm it.
        let at = Duration::from_nanos(at.as_nanos().max(1));
        let when = Expiration::OneShot(TimeSpec::from(at));
        self.fd.set(when, TimerSetTimeFlags::TFD_TIMER_ABSTIME)
    }

    /// Takes the expiry, if there was one.
    pub(crate) fn acknowledge(&self) {
        let _ = self.fd.wait();
    }

    pub(crate) fn raw(&self) -> RawFd {
        self.fd.as_fd().as_raw_fd()
    }
}
