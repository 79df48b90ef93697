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
    /// The timer runs; not while a member of a sync group waits for the others.
    pub(crate) waits: bool,
    /// A handover may come from here on.
    pub(crate) handover: Option<Instant>,
    /// `preempt_delay`: a worse MASTER was accepted, and will not be any more from then on.
    preempt_from: Option<Instant>,
    pub(crate) followed: Option<Followed>,
    /// The best that each router has shown since its first accepted advert.
    shown: [u8; SLOTS],
}

/// The router that is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Followed {
    from: IpAddr,
    priority: u8,
    at: Instant,
    accepted: bool,
    /// Another one was accepted since.
    second: Option<IpAddr>,
}

impl Stay {
    pub(crate) fn new(now: Instant, view: &View) -> Self {
        let (set, intervals) = (now, Duration::ZERO);
        let mut stay = Self {
            set,
            intervals,
            down: now,
            waits: true,
            handover: None,
            preempt_from: None,
            followed: None,
            shown: [0; SLOTS],
        };
        stay.restart(now, view);
        stay
    }

    /// The whole Master_Down_Interval.
    pub(crate) fn restart(&mut self, now: Instant, view: &View) {
        self.handover = None;
        self.waits = true;
        self.set = now;
        self.intervals = view.intervals();
        self.down = now.plus(self.intervals + view.skew());
    }

    /// The router that made this one yield.
    pub(crate) fn follows(&mut self, now: Instant, from: IpAddr, priority: u8) {
        self.followed = Some(Followed { from, priority, at: now, accepted: true, second: None });
        self.shown[slot(from)] = priority;
    }

    /// Preempt_Mode at this moment; an owner always preempts (RFC 9568 6.1).
    pub(crate) fn preempts(&self, now: Instant, view: &View) -> bool {
        let over = self.preempt_from.is_some_and(|from| from <= now);
        let free = view.options.preempt_delay.is_zero() || over;
        view.owner || view.preempt && free
    }

    /// A new configuration: what was delayed or handed over begins anew.
    pub(crate) fn reload(&mut self) {
        self.preempt_from = None;
        self.handover = None;
    }

    /// RFC 3768 6.4.2, an advert that passed the router's checks. True if it is accepted.
    pub(crate) fn hears(
        &mut self,
        now: Instant,
        from: IpAddr,
        priority: u8,
        view: &View,
        pending: bool,
    ) -> bool {
        let preempts = self.preempts(now, view);
        let shown = &mut self.shown[slot(from)];
        let quick = view.fast && !pending;
        if priority == 0 {
            // Before the timer is set anew: a handover never takes longer than was left.
            if quick && *shown > 0 {
                self.hand_over(now, view);
            }
            self.shown[slot(from)] = 0;
            self.followed = self.followed.filter(|followed| followed.from != from);
            self.set = now;
            self.intervals = Duration::ZERO;
            self.waits = true;
            self.down = now.plus(view.skew());
        } else if priority >= view.priority || !preempts {
            *shown = (*shown).max(priority);
            let delayed = self.preempt_from.or(Some(now.plus(view.options.preempt_delay)));
            self.preempt_from = delayed.filter(|_| priority < view.priority);
            self.restart(now, view);
            return true;
        } else if *shown > priority {
            if quick && view.options.preempt_delay.is_zero() {
                self.hand_over(now, view);
            }
        } else if *shown > 0 {
            *shown = priority;
        }
        false
    }

    /// Whom this one waits for after an accepted advert; says whether it is the sender. While two
    /// are heard it is the better one, unless it falls silent.
    pub(crate) fn choose(
        &mut self,
        now: Instant,
        from: IpAddr,
        priority: u8,
        active: Duration,
    ) -> bool {
        let changes = self.followed.is_none_or(|followed| {
            let silent = now.since(followed.at) > active * 2;
            let better = (priority, from) > (followed.priority, followed.from);
            from == followed.from || silent || better || followed.second == Some(from)
        });
        if changes {
            self.followed =
                Some(Followed { from, priority, at: now, accepted: true, second: None });
        } else if let Some(followed) = &mut self.followed {
            followed.second = Some(from);
        }
        changes
    }

    /// A worse advert, which changes no timer.
    pub(crate) fn refuses(&mut self, now: Instant, from: IpAddr, priority: u8) {
        if let Some(followed) = self.followed.as_mut().filter(|it| it.from == from) {
            followed.priority = priority;
            followed.accepted = false;
            followed.at = now;
        }
    }

    pub(crate) fn hears_a_better_one(&self) -> bool {
        self.followed.is_some_and(|followed| followed.accepted)
    }

    /// It has waited long enough, and waits for its sync group. Whom it followed is silent; whom
    /// it refuses is still there.
    pub(crate) fn claim(&mut self) {
        self.waits = false;
        self.handover = None;
        self.followed = self.followed.filter(|followed| !followed.accepted);
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
