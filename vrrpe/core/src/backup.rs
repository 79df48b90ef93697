//! What a BACKUP does with what it hears (RFC 3768 6.4.2, RFC 9568 6.4.2): whom it follows, when it
//! stops waiting, and why. Sends nothing; when a wait is over, `member` and `term` act.

use crate::Action;
use crate::action::{Actions, Cause, Event as Report};
use crate::beat::Beat;
use crate::handover::{self, Followed, Heard};
use crate::router::Router;
use crate::timers::due;
use core::net::IpAddr;
use core::time::Duration;
use vipd_types::Instant;

/// What a BACKUP knows; forgotten with the state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Backup {
    pub(crate) followed: Option<Followed>,
    /// A good-bye has set the Master_Down_Timer.
    left: bool,
    /// `preempt_delay`: before this a worse MASTER is left alone.
    pub(crate) preempt_from: Option<Instant>,
    /// Would be MASTER if its sync group were, and why.
    pub(crate) wants: Option<Cause>,
}

/// The best of the worse routers that were heard lately: if it is MASTER, its addresses must go
/// before ours come. One that has just yielded to it was heard after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rival {
    pub(crate) address: IpAddr,
    priority: u8,
    pub(crate) beat: Beat,
    /// It, or any other, counts as there until then.
    any_until: Instant,
}

impl Rival {
    fn new(heard: Heard, beat: Beat) -> Self {
        Self { address: heard.from, priority: heard.priority, beat, any_until: beat.until() }
    }

    /// After the advert of another one, or of the same.
    fn and(self, other: Self, now: Instant) -> Self {
        let is_better = (self.priority, self.address) > (other.priority, other.address);
        let is_another = self.address != other.address && is_better && self.beat.is_there(now);
        let any_until = self.any_until.max(other.any_until);
        Self { any_until, ..if is_another { self } else { other } }
    }
}

impl Router {
    /// Preempt_Mode, which an owner has always (RFC 9568 6.1), and `preempt_delay`.
    pub(crate) fn preempts(&self, now: Instant) -> bool {
        let is_free = self.config.options.preempt_delay.is_zero()
            || self.backup.preempt_from.is_some_and(|from| from <= now);
        self.effective.is_owner() || (self.config.preempt && is_free)
    }

    /// An advert not worse than ours.
    pub(crate) fn follow_better(&mut self, heard: Heard, now: Instant, out: &mut Actions) {
        self.backup.preempt_from = None;
        self.follow(heard, now, out);
    }

    /// A worse advert, while we do not preempt.
    pub(crate) fn follow_worse(&mut self, heard: Heard, now: Instant, out: &mut Actions) {
        let delay = self.config.options.preempt_delay;
        self.backup.preempt_from = self.backup.preempt_from.or(Some(now.plus(delay)));
        self.follow(heard, now, out);
    }

    fn follow(&mut self, heard: Heard, now: Instant, out: &mut Actions) {
        let followed = match self.backup.followed {
            Some(followed) => followed.accept(heard, now),
            None => Followed::new(heard, now),
        };
        self.backup.followed = Some(followed);
        // The last advert of a router that yields comes after the first one of the better router;
        // its interval would be waited for in vain.
        if followed.address == heard.from {
            self.adopt(heard, out);
        }
        self.backup.wants = None;
        self.timers.handover = None;
        self.restart_master_down(now);
    }

    /// The Master_Down_Timer becomes Skew_Time, also when less was left; of what was learned, not
    /// of what stands in the good-bye.
    pub(crate) fn hear_good_bye(&mut self, heard: Heard, now: Instant, out: &mut Actions) {
        out.push(Action::Event(Report::GoodByeHeard { from: heard.from }));
        self.rival = self.rival.filter(|rival| rival.address != heard.from);
        let before = self.timers.master_down;
        self.set_master_down(self.skew_time(), now);
        self.backup.left = true;
        let Some(followed) = self.backup.followed.take_if(|it| it.address == heard.from) else {
            return;
        };
        if followed.is_alone() {
            self.hand_over(before, now, out);
        }
    }

    /// Nothing but the memory of it changes: no timer, no interval.
    pub(crate) fn hear_worse(&mut self, heard: Heard, now: Instant, out: &mut Actions) {
        let Heard { from, priority, interval } = heard;
        out.push(Action::Event(Report::LowerHeard { from, priority, ours: self.effective }));
        let followed = self.backup.followed.filter(|followed| followed.address == from);
        let beat = match (followed, self.rival) {
            (Some(followed), _) => followed.beat.hear(now, interval),
            (None, Some(rival)) if rival.address == from => rival.beat.hear(now, interval),
            (None, _) => Beat::new(now, interval),
        };
        let rival = Rival::new(heard, beat);
        self.rival = Some(self.rival.map_or(rival, |before| before.and(rival, now)));
        let Some(followed) = followed else { return };
        let followed = followed.refuse(heard, now);
        self.backup.followed = Some(followed);
        let may_preempt = self.config.options.preempt_delay.is_zero();
        if may_preempt && followed.has_fallen_below(self.effective) {
            self.hand_over(self.timers.master_down, now, out);
        }
    }

    /// Never longer than what is left of the down timer.
    fn hand_over(&mut self, down: Option<Instant>, now: Instant, out: &mut Actions) {
        if !handover::allowed(&self.config, self.health) || self.backup.wants.is_some() {
            return;
        }
        let wait = handover::wait(&self.config, self.effective, self.skew_time());
        let at = [Some(now.plus(wait)), down, self.timers.handover].into_iter().flatten().min();
        self.timers.handover = at;
        if due(at, now) {
            self.claim(self.handover_cause(), now, out);
        }
    }

    /// Who said good-bye is not followed any more; who has become worse is.
    pub(crate) fn handover_cause(&self) -> Cause {
        if self.backup.followed.is_some() { Cause::Preempt } else { Cause::GoodBye }
    }

    /// Silence, unless somebody has left or is there and worse.
    pub(crate) fn master_down_cause(&self, now: Instant) -> Cause {
        if self.backup.left {
            Cause::GoodBye
        } else if self.rival_is_there(now) {
            Cause::Preempt
        } else {
            Cause::MasterDown
        }
    }

    pub(crate) fn rival_is_there(&self, now: Instant) -> bool {
        self.rival.is_some_and(|rival| rival.any_until >= now)
    }

    pub(crate) fn restart_master_down(&mut self, now: Instant) {
        self.backup.left = false;
        self.set_master_down(self.master_down_interval(), now);
    }

    fn set_master_down(&mut self, down: Duration, now: Instant) {
        self.timers.skew = self.skew_time();
        self.timers.master_down = Some(now.plus(down));
    }

    /// A smaller Skew_Time than the one in the running timer shortens it by the difference; a
    /// greater one never lengthens it, so that falling and rising again gains nothing. A handover
    /// ends when the MASTER is not below us any more.
    pub(crate) fn shorten_master_down(&mut self) {
        let skew = self.skew_time().min(self.timers.skew);
        let gain = self.timers.skew.saturating_sub(skew).as_nanos();
        let gain = u64::try_from(gain).unwrap_or(u64::MAX);
        let shortened = |at: Instant| Instant::from_nanos(at.as_nanos().saturating_sub(gain));
        self.timers.master_down = self.timers.master_down.map(shortened);
        self.timers.skew = skew;
        if self.backup.followed.is_some_and(|it| !it.has_fallen_below(self.effective)) {
            self.timers.handover = None;
        }
    }

    /// An owner that hears a greater owner (RFC 9568 7.1, erratum 8298) is a BACKUP like others.
    pub(crate) fn is_outranked(&self) -> bool {
        let better = |it: Followed| it.is_better_than(self.effective, self.source());
        self.backup.followed.is_some_and(better)
    }
}
