//! What a router owes in a state, as `oracle` has it: a BACKUP its patience and its end, a MASTER its
//! adverts, both their timers. Only judges.

use super::oracle::{Oracle, Verdict, heard, yields};
use super::stay::Stay;
use super::view::{Heard, Told, View};
use std::time::Duration;
use vipd_types::{Instant, State};
use vrrp_core::group::Order;
use vrrp_core::{Action, Actions, Kind};

/// Adverts of one router in an interval, whatever happens: far more than all its paces allow.
pub(super) const STORM: usize = 40;

impl Oracle {
    /// RFC 3768 6.4.2.
    pub(super) fn backup(
        &mut self,
        now: Instant,
        told: Told,
        before: &View,
        after: &View,
    ) -> Verdict {
        let (stays, grouped) = (after.state == State::Backup, self.is_grouped());
        let wins = after.state == State::Master;
        // A member of a group does not become MASTER, but would.
        let gains = if grouped { after.wants && !before.wants } else { wins };
        let heard = heard(told, before);
        let stay = self.stay.as_mut().filter(|_| before.state == State::Backup);
        if let Some(stay) = stay {
            let mut accepted = false;
            if let Some(heard) = heard {
                let mut view = *before;
                view.active = after.active;
                accepted = stay.hears(now, heard, &view, self.health.pending);
                if !accepted && heard.priority > 0 {
                    self.rival = self.rival.max(Some(now.plus(heard.interval * 2)));
                }
            }
            let over = stay.waits && stay.down <= now;
            let (may, must) = match told {
                Told::Deadline => (over || stay.may_take_over(now), over && !before.wants),
                Told::Packet(_) => (heard.is_some() && stay.may_take_over(now), false),
                Told::Track(_) | Told::Config | Told::Link { .. } => (after.owner, false),
                Told::Group(_) => (grouped && after.owner, false),
                Told::Acquired(_) | Told::NotAcquired(_) | Told::Released => (false, false),
                Told::Lost(_) | Told::Lapsed(_) | Told::Stop | Told::LeaseEnded => (false, false),
            };
            ensure!(may || !gains, "MASTER by {told:?}: {stay:?}");
            ensure!(gains || !must, "{:?} after {stay:?}", after.state);
            if grouped {
                let leads = matches!(told, Told::Group(Some(Order::Lead))) && before.wants;
                ensure!(wins == leads, "{:?} by {told:?} wanting {}", after.state, before.wants);
                let kept = !stays || after.wants == (before.wants && !accepted || gains);
                ensure!(kept, "wants {} and {} by {told:?}", before.wants, after.wants);
            }
            if gains || before.wants && over && matches!(told, Told::Deadline) {
                stay.claim();
            }
            let reload = matches!(told, Told::Config);
            if reload && before.differs(after) {
                stay.reload();
            }
            if reload && before.intervals() != after.intervals() {
                stay.restart(now, after);
            } else if before.priority != after.priority {
                stay.reconsider(after);
            }
            // An owner does not wait, whatever set its timer.
            let reviewed =
                reload || matches!(told, Told::Track(_) | Told::Link { .. } | Told::Group(_));
            if reviewed && after.owner && after.wants {
                stay.claim();
            }
            if self.health.pending {
                stay.handover = None;
            }
            let hears = stay.hears_a_better_one() && !after.wants;
            ensure!(!stays || after.follows == hears, "follows {}: {stay:?}", after.follows);
            if !stays {
                self.stay = None;
            }
        } else if stays {
            let mut stay = Stay::new(now, after);
            if let Some(heard) = heard {
                stay.follows(now, heard);
            }
            ensure!(!after.wants || after.owner, "wants to be MASTER at once");
            if after.wants {
                stay.claim();
            }
            self.stay = Some(stay);
        }
        Ok(())
    }

    /// RFC 3768 6.4.3.
    pub(super) fn master(
        &mut self,
        now: Instant,
        told: Told,
        before: &View,
        after: &View,
    ) -> Verdict {
        if before.state == State::Master
            && let Some(Heard { from, priority, .. }) = heard(told, before)
        {
            let yields = yields(told, before);
            let right = after.state == if yields { State::Backup } else { State::Master };
            ensure!(right, "MASTER hears {priority} from {from}: {:?}", after.state);
            // The last advert of the router that leaves asks for nothing.
            let awaited = self.acquire.is_some() && self.term.is_some();
            let silent = before.options.lower_prio_no_advert && priority > 0;
            if !yields && !awaited && !silent {
                self.answer = self.answer.or(Some(now.plus(after.pace())));
            }
        }
        let steps_back = self.steps_back && !before.owner;
        if before.state == State::Master && after.state == State::Backup {
            let group = matches!(told, Told::Group(Some(Order::Yield)));
            ensure!(group || steps_back || yields(told, before), "MASTER to BACKUP by {told:?}");
        }
        let group = matches!(told, Told::Group(Some(Order::Yield)));
        ensure!(!steps_back || after.state != State::Master, "does not step back");
        ensure!(!group || after.state != State::Master, "does not yield with its group");
        if after.state != State::Master {
            self.answer = None;
            self.news = [None; 2];
            self.acquire = None;
        } else if before.state != State::Master {
            self.acquire = Some(now.plus(after.courtesy()));
        } else if before.priority != after.priority || before.differs(after) {
            // At once, unless the same has just been said; the other kind is no reason to wait. A
            // new configuration that is no fall counts as a rise.
            let kind = usize::from(before.priority <= after.priority);
            let free = self.said[kind].map_or(now, |at| now.max(at.plus(after.pace())));
            self.news[kind] = self.news[kind].or(Some(free));
        }
        if self.term.is_some() {
            self.acquire = None;
        }
        Ok(())
    }

    /// What the options say about the adverts that answer something.
    pub(super) fn manners(
        &mut self,
        now: Instant,
        told: Told,
        before: &View,
        after: &View,
        actions: &Actions,
    ) -> Verdict {
        let Some(Heard { priority, .. }) =
            heard(told, before).filter(|_| before.state == State::Master)
        else {
            return Ok(());
        };
        let says = actions.iter().any(|action| action == Action::Send(Kind::Advert));
        let options = before.options;
        if yields(told, before) {
            let right = !options.higher_prio_send_advert || says;
            ensure!(right, "yields without a last advert");
        } else if options.lower_prio_no_advert && priority > 0 {
            ensure!(!says, "answers, but should be silent: {:?}", after.state);
        } else if says {
            let calm = self.answered.is_none_or(|at| now.since(at) >= after.pace());
            ensure!(calm, "answers again {:?} after it did", self.answered);
            self.answered = Some(now);
        }
        Ok(())
    }

    /// A MASTER that preempts does not ask for the addresses at once: the worse router that it has
    /// heard, two intervals ago at most, must have removed them.
    pub(super) fn courtesy(
        &mut self,
        now: Instant,
        told: Told,
        before: &View,
        after: &View,
        actions: &Actions,
    ) -> Verdict {
        if heard(told, before).is_some_and(|heard| heard.priority == 0) {
            self.rival = None;
        }
        let begins = before.state != State::Master && after.state == State::Master;
        let rival = self.rival.filter(|until| begins && *until >= now);
        let asks = actions.iter().any(|action| matches!(action, Action::Acquire(_)));
        ensure!(rival.is_none() || !asks, "takes the addresses of a rival at once: {rival:?}");
        Ok(())
    }

    pub(super) fn sends(
        &mut self,
        now: Instant,
        before: &View,
        after: &View,
        actions: &Actions,
    ) -> Verdict {
        let begins = before.state != State::Master && after.state == State::Master;
        if before.interval != after.interval || begins {
            self.adverts = [None; STORM];
        }
        // Four paces of a quarter of an interval and the beat itself.
        let window = after.interval.clamp(Duration::from_millis(40), Duration::from_secs(1));
        for action in actions.iter() {
            if action == Action::Send(Kind::Advert) {
                self.answer = None;
                for (news, said) in self.news.iter_mut().zip(&mut self.said) {
                    *said = news.take().map(|_| now).or(*said);
                }
                self.sent = Some(now);
                let before = self.adverts[self.next_advert].replace(now);
                self.next_advert = (self.next_advert + 1) % STORM;
                let calm = before.is_none_or(|at| now.since(at) > window);
                ensure!(calm, "{STORM} adverts in {window:?}");
            }
        }
        Ok(())
    }

    /// What must come, comes: no timer is late, missing, or rings for ever.
    pub(super) fn deadline(&self, now: Instant, told: Told, after: &View) -> Verdict {
        let next = after.next;
        let served = !matches!(told, Told::Deadline) || next.is_none_or(|at| at > now);
        ensure!(served, "still due at {next:?}");
        let by = match (after.state, &self.stay) {
            (State::Backup, Some(stay)) if !stay.waits => {
                ensure!(next.is_none(), "waits for its group, but has a timer at {next:?}");
                None
            }
            (State::Backup, Some(stay)) => {
                let early = stay.handover.map_or(stay.down, |at| at.min(stay.down));
                ensure!(next >= Some(early), "timer at {next:?}, too early: {stay:?}");
                Some(stay.down)
            }
            (State::Master, _) => {
                let beat = self.sent.map(|at| at.plus(after.interval));
                [beat, self.answer, self.news[0], self.news[1], self.acquire]
                    .into_iter()
                    .flatten()
                    .min()
            }
            (State::Backup | State::Init, _) => None,
            (State::Fault, _) => self.retry,
        };
        let in_time = by.is_none_or(|by| next.is_some_and(|next| next <= by));
        ensure!(in_time, "timer at {next:?}, too late: {by:?} in {:?}", after.state);
        Ok(())
    }
}
