//! One stay as BACKUP, as the RFC has it: the Master_Down_Timer to the nanosecond, and from when
//! on a fast handover may come. The handover is only bounded here, not predicted: it needs a router
//! that was followed and has become worse, and the time that rivals are given.

use super::view::{SLOTS, View, slot};
use std::net::IpAddr;
use std::time::Duration;
use vipd_types::Instant;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Stay {
    /// When the timer was set, and for how many intervals: none after a good-bye.
    set: Instant,
    intervals: Duration,
    pub(crate) down: Instant,
    /// A handover may come from here on.
    pub(crate) handover: Option<Instant>,
    /// The best that each router has shown since its first accepted advert.
    shown: [u8; SLOTS],
}

impl Stay {
    pub(crate) fn new(now: Instant, view: &View) -> Self {
        let (set, intervals) = (now, Duration::ZERO);
        let mut stay = Self { set, intervals, down: now, handover: None, shown: [0; SLOTS] };
        stay.restart(now, view);
        stay
    }

    /// The whole Master_Down_Interval.
    pub(crate) fn restart(&mut self, now: Instant, view: &View) {
        self.handover = None;
        self.set = now;
        self.intervals = view.interval * 3;
        self.down = now.plus(self.intervals + view.skew());
    }

    /// The router that made this one yield.
    pub(crate) fn follows(&mut self, from: IpAddr, priority: u8) {
        self.shown[slot(from)] = priority;
    }

    /// RFC 3768 6.4.2, an accepted advert.
    pub(crate) fn hears(
        &mut self,
        now: Instant,
        from: IpAddr,
        priority: u8,
        view: &View,
        pending: bool,
    ) {
        let shown = &mut self.shown[slot(from)];
        let quick = view.fast && !pending;
        if priority == 0 {
            // Before the timer is set anew: a handover never takes longer than was left.
            if quick && *shown > 0 {
                self.hand_over(now, view);
            }
            self.shown[slot(from)] = 0;
            self.set = now;
            self.intervals = Duration::ZERO;
            self.down = now.plus(view.skew());
        } else if priority >= view.priority || !view.preempt {
            *shown = (*shown).max(priority);
            self.restart(now, view);
        } else if *shown > priority {
            if quick {
                self.hand_over(now, view);
            }
        } else if *shown > 0 {
            *shown = priority;
        }
    }

    fn hand_over(&mut self, now: Instant, view: &View) {
        let at = now.plus(view.wait()).min(self.down);
        self.handover = Some(self.handover.map_or(at, |before| before.min(at)));
    }

    /// Another priority shortens the timer, and never lengthens it.
    pub(crate) fn reconsider(&mut self, view: &View) {
        self.down = self.down.min(self.set.plus(self.intervals + view.skew()));
    }

    pub(crate) fn may_take_over(&self, now: Instant) -> bool {
        self.handover.is_some_and(|at| at <= now)
    }
}
