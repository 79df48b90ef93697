//! What the arms of the state machine do: terms as MASTER from Acquire to the farewell, timers
//! set and cleared, adverts sent and paced. `enter` is the only place that changes the state.

use crate::action::{Actions, Cause, Event as Report, Reason};
use crate::counters::add;
use crate::handover::{self, Followed, Heard};
use crate::router::{Leaving, Router};
use crate::timers::{COURTESY, RETRY, answer_gap, due, interval, next_beat, skew};
use crate::{Action, Kind};
use vipd_types::{Epoch, Instant, Priority, State};

impl Router {
    pub(crate) fn enter(&mut self, to: State, why: Cause, out: &mut Actions) {
        let from = self.state;
        if from == to {
            return;
        }
        if from == State::Master {
            add(&mut self.counters.release_master);
        }
        self.state = to;
        self.timers.cancel();
        self.followed = None;
        self.held = false;
        out.push(Action::Event(Report::State { from, to, why }));
    }

    pub(crate) fn start(&mut self, why: Cause, now: Instant, out: &mut Actions) {
        if self.effective.is_owner() {
            self.become_master(why, now, out);
        } else {
            self.enter(State::Backup, why, out);
            self.restart_master_down(now);
        }
    }

    /// The advert goes first: it makes the old MASTER leave. One that is still there gets the time
    /// for it, so that no address is on both.
    pub(crate) fn become_master(&mut self, why: Cause, now: Instant, out: &mut Actions) {
        self.epoch = Epoch(self.epoch.0.saturating_add(1));
        // An older farewell would contradict what is sent now.
        if let Some(leaving) = &mut self.leaving {
            leaving.farewell = None;
        }
        add(&mut self.counters.become_master);
        self.send(Kind::Advert, out);
        let interval = interval(&self.config);
        let is_there =
            self.rival.is_some_and(|(_, at)| now.since(at) <= interval.saturating_mul(2));
        self.enter(State::Master, why, out);
        self.restart_adver(now);
        if is_there {
            self.timers.acquire = Some(now.plus(COURTESY));
        } else {
            self.acquire_now(out);
        }
    }

    pub(crate) fn acquire_now(&mut self, out: &mut Actions) {
        self.timers.acquire = None;
        out.push(Action::Acquire(self.epoch));
    }

    /// The old MASTER's last advert: it sends it when its addresses are gone.
    pub(crate) fn waits_for(&self, heard: Heard) -> bool {
        self.timers.acquire.is_some() && self.rival.is_some_and(|(from, _)| from == heard.from)
    }

    /// The state changes at once, the farewell waits until the addresses are gone.
    pub(crate) fn leave(
        &mut self,
        to: State,
        reason: Reason,
        why: Cause,
        now: Instant,
        out: &mut Actions,
    ) {
        let farewell = match reason {
            Reason::Yield => Kind::Advert,
            Reason::Fault | Reason::Stop => Kind::GoodBye,
        };
        if self.timers.acquire.is_none() {
            self.leaving = Some(Leaving { epoch: self.epoch, farewell: Some(farewell) });
            out.push(Action::Release(self.epoch, reason));
        } else if farewell == Kind::GoodBye {
            // Nothing was asked for yet, so there is nothing to wait for.
            self.send(Kind::GoodBye, out);
        }
        self.enter(to, why, out);
        if to == State::Backup {
            self.restart_master_down(now);
        }
    }

    pub(crate) fn yield_to(&mut self, heard: Heard, now: Instant, out: &mut Actions) {
        let Heard { from, priority, .. } = heard;
        self.adopt(heard, out);
        self.leave(State::Backup, Reason::Yield, Cause::Higher { from, priority }, now, out);
        self.followed = Some(Followed::new(heard, now));
    }

    /// The last advert after yielding makes the winner announce itself again. It is left out when
    /// we would win with it: then it would start the election anew.
    pub(crate) fn released(&mut self, epoch: Epoch, out: &mut Actions) {
        let Some(leaving) = self.leaving.take_if(|leaving| leaving.epoch == epoch) else {
            return;
        };
        match leaving.farewell {
            Some(Kind::GoodBye) => self.send(Kind::GoodBye, out),
            Some(Kind::Advert) if self.follows_a_better_one() => self.send(Kind::Advert, out),
            Some(Kind::Advert) | None => {}
        }
    }

    /// Nothing is held any more, so a good-bye that waits for its release is due as well.
    pub(crate) fn lease_ended(&mut self, out: &mut Actions) {
        let pending = self.leaving.take().and_then(|leaving| leaving.farewell);
        if self.state == State::Master || pending == Some(Kind::GoodBye) {
            self.send(Kind::GoodBye, out);
        }
        self.enter(State::Init, Cause::LeaseEnded, out);
    }

    pub(crate) fn follow(&mut self, heard: Heard, now: Instant, out: &mut Actions) {
        self.adopt(heard, out);
        let interval = self.active_interval();
        self.followed = Some(match self.followed {
            Some(followed) => followed.accept(heard, now, interval),
            None => Followed::new(heard, now),
        });
        self.timers.handover = None;
        self.restart_master_down(now);
    }

    pub(crate) fn hear_good_bye(&mut self, heard: Heard, now: Instant, out: &mut Actions) {
        out.push(Action::Event(Report::GoodByeHeard { from: heard.from }));
        self.rival = self.rival.filter(|(from, _)| *from != heard.from);
        let before = self.timers.master_down;
        self.timers.master_down = Some(now.plus(self.skew_time()));
        let Some(followed) = self.followed.take_if(|followed| followed.address == heard.from)
        else {
            return;
        };
        if followed.is_alone() {
            self.hand_over(before, now, out);
        }
    }

    pub(crate) fn hear_worse(&mut self, heard: Heard, now: Instant, out: &mut Actions) {
        let Heard { from, priority, .. } = heard;
        out.push(Action::Event(Report::LowerHeard { from, priority, ours: self.effective }));
        self.rival = Some((from, now));
        let Some(followed) = self.followed.filter(|followed| followed.address == from) else {
            return;
        };
        let followed = followed.hear(priority, now);
        self.followed = Some(followed);
        if followed.has_fallen_below(self.effective) {
            self.hand_over(self.timers.master_down, now, out);
        }
    }

    /// Never longer than what is left of the down timer.
    fn hand_over(&mut self, down: Option<Instant>, now: Instant, out: &mut Actions) {
        if !handover::allowed(&self.config, self.health) {
            return;
        }
        let at = now.plus(handover::wait(&self.config, self.effective, self.skew_time()));
        let at = [Some(at), down, self.timers.handover].into_iter().flatten().min();
        self.timers.handover = at;
        if due(at, now) {
            self.become_master(self.handover_cause(), now, out);
        }
    }

    /// Who said good-bye is not followed any more; who has become worse is.
    pub(crate) fn handover_cause(&self) -> Cause {
        if self.followed.is_some() { Cause::Preempt } else { Cause::GoodBye }
    }

    pub(crate) fn restart_master_down(&mut self, now: Instant) {
        self.timers.master_down = Some(now.plus(self.master_down_interval()));
    }

    /// A new priority shortens the running timer by the difference in Skew_Time, never lengthens
    /// it. A handover ends when the MASTER is not below us any more.
    pub(crate) fn shorten_master_down(&mut self, before: Priority) {
        let gain = skew(self.config.version, self.active_interval(), before)
            .saturating_sub(self.skew_time())
            .as_nanos();
        let gain = u64::try_from(gain).unwrap_or(u64::MAX);
        let shortened = |at: Instant| Instant::from_nanos(at.as_nanos().saturating_sub(gain));
        self.timers.master_down = self.timers.master_down.map(shortened);
        if self.followed.is_some_and(|followed| !followed.has_fallen_below(self.effective)) {
            self.timers.handover = None;
        }
    }

    pub(crate) fn retry_later(&mut self, now: Instant) {
        self.timers.retry = Some(now.plus(RETRY));
    }

    pub(crate) fn restart_adver(&mut self, now: Instant) {
        self.timers.adver = Some(now.plus(interval(&self.config)));
    }

    /// One periodic advert, however late: what was missed is missed.
    pub(crate) fn beat(&mut self, now: Instant, out: &mut Actions) {
        let due = self.timers.adver.unwrap_or(now);
        self.timers.adver = Some(next_beat(due, interval(&self.config), now));
        self.timers.extra = None;
        self.send(Kind::Advert, out);
    }

    pub(crate) fn force_election(&mut self, heard: Heard, now: Instant, out: &mut Actions) {
        let Heard { from, priority, .. } = heard;
        let ours = self.effective;
        if self.answer(now, out) {
            out.push(Action::Event(Report::ForcingElection { from, priority, ours }));
        }
        // The kernel layer announces by itself once the addresses are there.
        if !self.held {
            return;
        }
        match self.announcements.ask(now, interval(&self.config)) {
            Ok(()) => out.push(Action::Announce(self.epoch)),
            Err(free) => self.timers.announce = self.timers.announce.or(Some(free)),
        }
    }

    /// An advert out of turn, because of a packet; true if it goes at once.
    pub(crate) fn answer(&mut self, now: Instant, out: &mut Actions) -> bool {
        let allowed = self.answers.ask(now, answer_gap(interval(&self.config)));
        self.send_or_wait(allowed, out)
    }

    /// An advert out of turn, because we are not what we said.
    pub(crate) fn send_change(&mut self, before: Priority, now: Instant, out: &mut Actions) {
        let pace = if self.effective < before { &mut self.falls } else { &mut self.rises };
        let allowed = pace.ask(now, answer_gap(interval(&self.config)));
        self.send_or_wait(allowed, out);
    }

    pub(crate) fn send_extra(&mut self, now: Instant, out: &mut Actions) {
        self.timers.extra = None;
        self.answers.done(now);
        self.falls.done(now);
        self.rises.done(now);
        self.send(Kind::Advert, out);
    }

    pub(crate) fn announce_now(&mut self, now: Instant, out: &mut Actions) {
        self.timers.announce = None;
        self.announcements.done(now);
        out.push(Action::Announce(self.epoch));
    }

    pub(crate) fn send(&mut self, kind: Kind, out: &mut Actions) {
        add(&mut self.counters.advert_sent);
        if kind == Kind::GoodBye {
            add(&mut self.counters.pri_zero_sent);
        }
        out.push(Action::Send(kind));
    }

    fn send_or_wait(&mut self, allowed: Result<(), Instant>, out: &mut Actions) -> bool {
        match allowed {
            Ok(()) => {
                self.timers.extra = None;
                self.send(Kind::Advert, out);
                true
            }
            Err(free) => {
                self.timers.extra = Some(self.timers.extra.map_or(free, |at| at.min(free)));
                false
            }
        }
    }

    fn follows_a_better_one(&self) -> bool {
        self.state == State::Backup
            && self
                .followed
                .is_some_and(|followed| followed.is_better_than(self.effective, self.source()))
    }
}
