//! Terms as MASTER, from Acquire to the farewell, and the ways into each state. `enter` is the only
//! place that changes the state.

use crate::action::{Actions, Cause, Event as Report, Reason};
use crate::backup::Backup;
use crate::counters::add;
use crate::handover::{Followed, Heard};
use crate::router::{Leaving, Router};
use crate::timers::{RETRY, courtesy, interval};
use crate::{Action, Kind};
use vipd_types::{Epoch, Instant, State};

impl Router {
    pub(crate) fn enter(&mut self, to: State, why: Cause, out: &mut Actions) {
        let from = self.state;
        if from == to {
            return;
        }
        if from == State::Master {
            add(&mut self.counters.release_master);
            self.answers.cancel();
            self.falls.cancel();
            self.rises.cancel();
            self.announcements.cancel();
        }
        self.state = to;
        self.timers.cancel();
        self.backup = Backup::default();
        self.held = false;
        out.push(Action::Event(Report::State { from, to, why }));
    }

    pub(crate) fn start(&mut self, why: Cause, now: Instant, out: &mut Actions) {
        self.learned = None;
        let is_owner = self.effective.is_owner();
        if is_owner && self.group.is_none() {
            self.become_master(why, now, out);
            return;
        }
        self.enter(State::Backup, why, out);
        self.restart_master_down(now);
        if is_owner {
            self.claim(why, now, out);
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
        self.learned = None;
        self.enter(State::Master, why, out);
        self.restart_adver(now);
        if self.rival_is_there(now) {
            self.timers.acquire = Some(now.plus(courtesy(interval(&self.config))));
        } else {
            self.acquire_now(out);
        }
    }

    pub(crate) fn acquire_now(&mut self, out: &mut Actions) {
        self.timers.acquire = None;
        out.push(Action::Acquire(self.epoch));
    }

    /// The addresses are not asked for yet, for the sake of this router.
    pub(crate) fn waits_for(&self, heard: Heard) -> bool {
        self.timers.acquire.is_some() && self.rival.is_some_and(|rival| rival.address == heard.from)
    }

    /// The old MASTER's last advert, which it sends when its addresses are gone; unless it is one in
    /// turn that has crossed with ours.
    pub(crate) fn hear_old_master(&mut self, heard: Heard, now: Instant, out: &mut Actions) {
        let Some(rival) = &mut self.rival else { return };
        let has_crossed = rival.beat.is_due(now);
        rival.beat = rival.beat.hear(now, heard.interval);
        if has_crossed {
            self.force_election(heard, now, out);
        } else {
            self.acquire_now(out);
        }
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
            Reason::Fault | Reason::Operator | Reason::Stop => Kind::GoodBye,
        };
        if self.timers.acquire.is_none() {
            self.leaving = Some(Leaving { epoch: self.epoch, farewell: Some(farewell) });
            out.push(Action::Release(self.epoch, reason));
        } else if farewell == Kind::GoodBye {
            // Nothing was asked for yet; what the term before had may still be there.
            match &mut self.leaving {
                Some(leaving) => leaving.farewell = Some(Kind::GoodBye),
                None => self.send(Kind::GoodBye, out),
            }
        }
        self.enter(to, why, out);
        if to == State::Backup {
            self.restart_master_down(now);
        }
    }

    pub(crate) fn yield_to(&mut self, heard: Heard, now: Instant, out: &mut Actions) {
        let Heard { from, priority, .. } = heard;
        if self.config.options.higher_prio_send_advert {
            self.send(Kind::Advert, out);
        }
        self.adopt(heard, out);
        self.leave(State::Backup, Reason::Yield, Cause::Higher { from, priority }, now, out);
        self.backup.followed = Some(Followed::new(heard, now));
    }

    /// The last advert after yielding makes the winner announce itself again. It is left out when
    /// we would win with it: then it would start the election anew.
    pub(crate) fn released(&mut self, epoch: Epoch, out: &mut Actions) {
        let Some(leaving) = self.leaving.take_if(|leaving| leaving.epoch == epoch) else {
            return;
        };
        match leaving.farewell {
            Some(Kind::GoodBye) => self.send(Kind::GoodBye, out),
            Some(Kind::Advert) if self.is_outranked() => self.send(Kind::Advert, out),
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

    pub(crate) fn retry_later(&mut self, now: Instant) {
        self.timers.retry = Some(now.plus(RETRY));
    }
}
