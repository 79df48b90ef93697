//! How long something may take at most, as formulas with their derivation. Everything the
//! simulator calls a violation is measured against one of these.
//!
//! Terms: I is Advertisement_Interval, S Skew_Time, F the longest ordinary flight of an advert, L
//! the latest a timer is served, K the longest time from a Release to an empty kernel, C the
//! courtesy of a router that preempts. A duration on a router's clock lasts at most `slowest` of
//! it in true time.

use super::clock::{MICRO, MILLI, SECOND, Time, slowest};
use std::time::Duration;
use vipd_types::Version;
use vrrp_core::timers::{COURTESY, RETRY};

/// F: the longest ordinary flight of an advert.
pub(crate) const FLIGHT: Duration = Duration::from_micros(500);
pub(crate) const FLIGHT_NANOS: Time = 500 * MICRO;
/// L: a timer is served this late at most, unless the process is stopped.
pub(crate) const LATENESS: Time = 300 * MICRO;
/// One operation of the kernel.
pub(crate) const OPERATION: Time = 1_500 * MICRO;
/// K: the kernel works in order, so a Release may wait for the Acquire before it.
pub(crate) const KERNEL: Duration = Duration::from_millis(3);
const KERNEL_NANOS: Time = 2 * OPERATION;

/// The longest time from an advert to the sign of life that lists it.
pub(crate) const ALIVE: Time = 100 * MILLI;
/// The kernel removes an address this long after the end of its lease at most.
pub(crate) const REMOVAL: Time = 400 * MILLI;
/// The engine waits this long after the end of the lease before it says good-bye.
pub(crate) const REMOVED: Time = 500 * MILLI;
/// An engine that wakes later than this after `REMOVED` says nothing.
pub(crate) const TOO_LATE: Time = 100 * MILLI;
/// A silent engine is killed after this.
pub(crate) const HUNG: Time = SECOND;
/// What the parent vouches for when nothing is held.
pub(crate) const UNLEASED: Time = 3 * SECOND;

/// `vip_lease`: three intervals.
pub(crate) fn lease(interval: Time) -> Time {
    (3 * interval / SECOND).max(1) * SECOND
}

/// Two that begin to hear each other, or of whom one has missed something.
///
/// Each sends at least every I (Adver_Timer, plus L), with the priority it has then. If neither
/// priority changes, one of the two is worse than the other for the whole time (the address
/// decides between equals). The better one's next advert arrives after I + L + F at the latest;
/// the worse one then leaves at once, and its address is gone after K. An address that the better
/// one is only now asking for was asked for before, so nothing else begins.
pub(crate) fn both_after_a_fault(interval: Time) -> Time {
    slowest(interval) + LATENESS + FLIGHT_NANOS + KERNEL_NANOS
}

/// Two that have missed nothing, of whom one answers the other out of turn.
///
/// The first advert of the one that took over arrives after F. If the answer has to wait for its
/// pace, that is I / 4 (at least 10 ms) since the last answer; then F again, and K.
pub(crate) fn both_while_an_answer_waits(interval: Time) -> Time {
    slowest(pace(interval)) + LATENESS + 2 * FLIGHT_NANOS + 2 * KERNEL_NANOS
}

/// Two of whom one sent its first advert within F of an advert of the other: both became MASTER
/// before either could hear of the other, or the new one takes a beat of the old one for its last
/// advert and does not wait out C. The advert arrives after F, the worse one leaves, K.
pub(crate) const BOTH_AT_ONCE: Time = FLIGHT_NANOS + KERNEL_NANOS;

/// A router whose interval is so short does not wait until the old MASTER's addresses are gone,
/// unless it is told.
pub(crate) fn is_hasty(interval: Time) -> bool {
    courtesy(interval) < FLIGHT_NANOS + KERNEL_NANOS
}

/// At least this long between two answers.
pub(crate) fn pace(interval: Time) -> Time {
    (interval / 4).max(10 * MILLI)
}

/// Two of whom one began to listen (VRRPv3) and had waited its own down interval before the slower
/// other one was due. The other one answers or leaves: F there, F back, K.
pub(crate) const BOTH_UNHEARD: Time = 2 * FLIGHT_NANOS + 2 * KERNEL_NANOS;

/// Two hosts that hear each other on some network and both hold addresses of one group.
///
/// Where they hear each other, one of them is worse and hears the other after I, L and F at the
/// latest; it leaves everything in the same turn. What it was asking for is there after K, and
/// gone after K once more; the better one may have taken its share on another wire meanwhile.
pub(crate) fn group_on_two_hosts(interval: Time) -> Time {
    slowest(interval) + LATENESS + FLIGHT_NANOS + 2 * KERNEL_NANOS
}

/// What a Master_Down_Interval is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rhythm {
    /// Of the MASTER that is waited for; with VRRPv3 any router may have another one.
    pub(crate) interval: Time,
    adverts: Time,
    /// Of which Skew_Time is a part.
    whole: Time,
}

impl Rhythm {
    pub(crate) fn new(version: Version, interval: Time, adverts: u8) -> Self {
        let whole = match version {
            Version::V2 => SECOND,
            Version::V3 => interval,
        };
        Self { interval, adverts: adverts.into(), whole }
    }

    /// N I + S with the longest Skew_Time, that of priority 1.
    pub(crate) fn down(self) -> Time {
        self.adverts * self.interval + self.whole * 255 / 256
    }
}

/// Within this after what one missed, the other may still act on it: a timer runs that was set
/// before, and an advert of the interval after it.
pub(crate) fn aftermath(rhythm: Rhythm) -> Time {
    slowest(rhythm.down() + rhythm.interval)
}

/// C: of the courtesy, what an interval has room for.
pub(crate) fn courtesy(interval: Time) -> Time {
    (interval / 4).min(Time::try_from(COURTESY.as_nanos()).unwrap())
}

/// A healthy router that neither is MASTER nor hears one that it would follow.
///
/// The last word of a MASTER that leaves follows K after it left, and arrives F later; so this is
/// when its Master_Down_Timer was set for the last time, to N I + S at most (a good-bye sets it to
/// S). A change of priority only shortens it. Served after L, it makes the router MASTER; the old
/// one, if there is one, gets C, and the kernel needs K.
/// With `preempt_delay` a worse router may become MASTER before that timer fires; its first advert
/// begins the delay, and the last one that is accepted sets the timer once more.
/// A later fault may undo this, so each fault begins the time anew.
pub(crate) fn without_a_master(rhythm: Rhythm, delay: Time) -> Time {
    let delay = if delay == 0 { 0 } else { delay + FLIGHT_NANOS + rhythm.down() };
    let waits = slowest(rhythm.down() + delay) + slowest(courtesy(rhythm.interval));
    KERNEL_NANOS + FLIGHT_NANOS + waits + 2 * LATENESS + KERNEL_NANOS
}

/// An address of a router that lives, but is not MASTER: its Release is on the way to the kernel.
pub(crate) const RELEASE: Time = KERNEL_NANOS;

/// An address whose daemon is dead or stopped, counted from its last advert: the sign of life
/// that lists the advert may renew the lease once more, and the kernel removes late.
pub(crate) fn after_the_end(proof: Time, lease: Time) -> Time {
    proof + ALIVE + lease + REMOVAL
}

/// After this, counted from the end of all faults, nothing moves any more: refused addresses are
/// tried again after RETRY; then the best router needs one down interval, and what it displaces
/// one more; adverts that are still under way, and first results of trackers, come up to `reach`
/// late.
pub(crate) fn rest(rhythm: Rhythm, delay: Time, reach: Time, retry: bool) -> Time {
    let retry = if retry { Time::try_from(RETRY.as_nanos()).unwrap() } else { 0 };
    reach + slowest(retry) + 2 * without_a_master(rhythm, delay)
}
