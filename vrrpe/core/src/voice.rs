//! What a MASTER says: adverts in their rhythm, adverts out of turn in their pace (RFC 9568 6.4.3),
//! and announcements of its addresses. Decides nothing about the state.

use crate::action::{Actions, Event as Report};
use crate::counters::add;
use crate::handover::Heard;
use crate::router::Router;
use crate::timers::{announce_gap, answer_gap, interval, next_beat};
use crate::{Action, Kind};
use vipd_types::{Instant, Priority};

impl Router {
    /// Always our own interval, whatever was learned.
    pub(crate) fn restart_adver(&mut self, now: Instant) {
        self.timers.adver = Some(now.plus(interval(&self.config)));
    }

    /// One periodic advert, however late: what was missed is missed.
    pub(crate) fn beat(&mut self, now: Instant, out: &mut Actions) {
        let due = self.timers.adver.unwrap_or(now);
        self.timers.adver = Some(next_beat(due, interval(&self.config), now));
        self.advertise(now, out);
    }

    /// An answer does not start the Adver_Timer anew (RFC 9568 6.4.3).
    pub(crate) fn force_election(&mut self, heard: Heard, now: Instant, out: &mut Actions) {
        let Heard { from, priority, .. } = heard;
        let ours = self.effective;
        if self.config.options.lower_prio_no_advert {
            out.push(Action::Event(Report::LowerHeard { from, priority, ours }));
        } else if self.answer(now, out) {
            out.push(Action::Event(Report::ForcingElection { from, priority, ours }));
        }
        // The kernel layer announces by itself once the addresses are there.
        if !self.held {
            return;
        }
        match self.announcements.ask(now, announce_gap(interval(&self.config))) {
            Ok(()) => out.push(Action::Announce(self.epoch)),
            Err(free) => self.timers.announce = self.timers.announce.or(Some(free)),
        }
    }

    /// An advert out of turn, because of a packet; true if it goes at once.
    pub(crate) fn answer(&mut self, now: Instant, out: &mut Actions) -> bool {
        let allowed = self.answers.ask(now, answer_gap(interval(&self.config)));
        self.send_or_wait(allowed, now, out)
    }

    /// An advert out of turn, because we are not what we said.
    pub(crate) fn send_change(&mut self, before: Priority, now: Instant, out: &mut Actions) {
        let pace = if self.effective < before { &mut self.falls } else { &mut self.rises };
        let allowed = pace.ask(now, answer_gap(interval(&self.config)));
        self.send_or_wait(allowed, now, out);
    }

    /// Whatever had to wait for its pace is said with it.
    pub(crate) fn advertise(&mut self, now: Instant, out: &mut Actions) {
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

    fn send_or_wait(
        &mut self,
        allowed: Result<(), Instant>,
        now: Instant,
        out: &mut Actions,
    ) -> bool {
        match allowed {
            Ok(()) => {
                self.advertise(now, out);
                true
            }
            Err(free) => {
                self.timers.extra = Some(self.timers.extra.map_or(free, |at| at.min(free)));
                false
            }
        }
    }
}
