//! What one router must do, written a second time and from the RFC's side: after every step its
//! state, its timers and its terms must be what follows from what it was told. Uses nothing of the
//! router but what an engine sees of it.

use super::stay::Stay;
use super::view::{Told, View};
use std::net::IpAddr;
use std::time::Duration;
use vipd_types::{Epoch, Instant, State};
use vrrp_core::timers::RETRY;
use vrrp_core::{Action, Actions, Health, Kind, Router};

/// Adverts of one router in an interval, whatever happens: far more than all its paces allow.
const STORM: usize = 40;

pub(crate) struct Oracle {
    pub(crate) stopped: bool,
    term: Option<Epoch>,
    last: Epoch,
    held: bool,
    health: Health,
    linked: Option<bool>,
    /// Of the MASTER that was followed last.
    learned: Option<Duration>,
    retry: Option<Instant>,
    stay: Option<Stay>,
    sent: Option<Instant>,
    /// Until then an advert must answer what was heard.
    pub(crate) answer: Option<Instant>,
    /// A fall and a rise of the priority: until when an advert must say it, and when one did last.
    news: [Option<Instant>; 2],
    said: [Option<Instant>; 2],
    /// The addresses are asked for by then.
    acquire: Option<Instant>,
    /// The latest adverts, in a ring.
    adverts: [Option<Instant>; STORM],
    next_advert: usize,
}

impl Default for Oracle {
    fn default() -> Self {
        Self {
            stopped: false,
            term: None,
            last: Epoch(0),
            held: false,
            health: Health::default(),
            linked: None,
            learned: None,
            retry: None,
            stay: None,
            sent: None,
            answer: None,
            news: [None; 2],
            said: [None; 2],
            acquire: None,
            adverts: [None; STORM],
            next_advert: 0,
        }
    }
}

type Verdict = Result<(), String>;

/// An error with the values that are wrong.
macro_rules! ensure {
    ($holds:expr, $($what:tt)+) => {
        if !$holds {
            return Err(format!($($what)+));
        }
    };
}

impl Oracle {
    pub(crate) fn term(&self) -> Option<Epoch> {
        self.term
    }

    /// The term before the latest one.
    pub(crate) fn earlier_term(&self) -> Option<Epoch> {
        self.last.0.checked_sub(1).filter(|term| *term > 0).map(Epoch)
    }

    /// May the router compete?
    pub(crate) fn is_fit(&self) -> bool {
        self.linked == Some(true) && !self.health.fault && self.retry.is_none() && !self.stopped
    }

    pub(crate) fn judge(
        &mut self,
        now: Instant,
        told: Told,
        before: View,
        router: &Router,
        actions: &Actions,
        installed: Option<Epoch>,
    ) -> Verdict {
        let after = View::of(router);
        self.learn(now, told, before.state);
        self.adopt(now, told, &before, &after);
        self.terms(told, &before, &after, actions, installed)?;
        if self.stopped {
            ensure!(after.state == State::Init, "stopped, but {:?}", after.state);
            return Ok(());
        }
        self.fitness(&before, &after)?;
        self.active(&after)?;
        self.backup(now, told, &before, &after)?;
        self.master(now, told, &before, &after)?;
        self.manners(told, &before, &after, actions)?;
        self.sends(now, &after, actions)?;
        self.deadline(now, told, &after)
    }

    fn learn(&mut self, now: Instant, told: Told, state: State) {
        let master = state == State::Master;
        match told {
            Told::Track(health) => self.health = health,
            Told::Link { fit } => self.linked = Some(fit),
            Told::NotAcquired(epoch) if self.term == Some(epoch) => {
                self.term = None;
                self.retry = Some(now.plus(RETRY));
            }
            Told::Lost(epoch) if master && self.term == Some(epoch) => {
                self.retry = Some(now.plus(RETRY));
            }
            Told::Acquired(epoch) => self.held |= self.term == Some(epoch),
            Told::Stop => self.stopped = true,
            Told::LeaseEnded => {
                self.stopped = true;
                self.term = None;
            }
            Told::Deadline => self.retry = self.retry.filter(|at| *at > now),
            Told::NotAcquired(_) | Told::Lost(_) | Told::Released => {}
            Told::Config | Told::Packet { .. } => {}
        }
    }

    /// Active_Adver_Interval: RFC 9568 6.4.2 and 6.4.3.
    fn adopt(&mut self, now: Instant, told: Told, before: &View, after: &View) {
        if let (Some(heard), Told::Packet { interval, .. }) = (heard(told, before), told) {
            let (from, priority) = heard;
            let teaches = match (before.state, &mut self.stay) {
                (State::Backup, Some(_)) if priority == 0 => false,
                (State::Backup, Some(stay)) => {
                    if priority >= before.priority || !stay.preempts(now, before) {
                        stay.choose(now, from, priority, before.active)
                    } else {
                        stay.refuses(now, from, priority);
                        false
                    }
                }
                (State::Master, _) => yields(told, before),
                (State::Backup | State::Init | State::Fault, _) => false,
            };
            if teaches {
                self.learned = before.learns(interval);
            }
        }
        let begins = matches!(before.state, State::Init | State::Fault);
        if after.state == State::Master || begins {
            self.learned = None;
        }
    }

    fn active(&self, after: &View) -> Verdict {
        let expected = self.learned.unwrap_or(after.interval);
        let competes = matches!(after.state, State::Backup | State::Master);
        let right = !competes || after.active == expected;
        ensure!(right, "waits for {:?}, not {expected:?}", after.active);
        Ok(())
    }

    /// Acquire and Release take turns, and what is said when leaving is true.
    fn terms(
        &mut self,
        told: Told,
        before: &View,
        after: &View,
        actions: &Actions,
        installed: Option<Epoch>,
    ) -> Verdict {
        let master = after.state == State::Master;
        for action in actions.iter() {
            match action {
                Action::Acquire(epoch) => {
                    ensure!(self.term.is_none(), "acquires {epoch:?} in {:?}", self.term);
                    ensure!(epoch > self.last, "term {epoch:?} after {:?}", self.last);
                    self.term = Some(epoch);
                    self.last = epoch;
                    self.held = false;
                }
                Action::Release(epoch, _) => {
                    ensure!(self.term == Some(epoch), "releases {epoch:?} in {:?}", self.term);
                    self.term = None;
                    self.held = false;
                }
                Action::Announce(epoch) => {
                    let holds = self.term == Some(epoch) && self.held;
                    ensure!(holds, "announces {epoch:?} in {:?}", self.term);
                }
                Action::Send(kind) => {
                    // `higher_prio_send_advert` is said before anything is removed.
                    let parts = yields(told, before) && before.options.higher_prio_send_advert;
                    let leaves = kind == Kind::GoodBye || !master && !parts;
                    let gone = installed.is_none();
                    ensure!(!leaves || gone, "says {kind:?} with {installed:?} installed");
                }
                Action::Event(_) => {}
            }
        }
        ensure!(master || self.term.is_none(), "{:?} with {:?}", after.state, self.term);
        Ok(())
    }

    /// BACKUP or MASTER, as long as nothing is in the way.
    fn fitness(&self, before: &View, after: &View) -> Verdict {
        let competes = matches!(after.state, State::Backup | State::Master);
        let early = self.health.unproven && matches!(before.state, State::Init | State::Fault);
        if self.linked.is_none() {
            ensure!(after.state == State::Init, "no link yet, but {:?}", after.state);
        } else if !self.is_fit() {
            let kept = early && self.linked == Some(true) && !self.health.fault;
            let right = after.state == State::Fault || kept && after.state == before.state;
            ensure!(right, "unfit, but {:?}", after.state);
        } else if early {
            ensure!(after.state == before.state, "unproven, but {:?}", after.state);
        } else {
            ensure!(competes, "fit, but {:?}", after.state);
        }
        Ok(())
    }

    /// RFC 3768 6.4.2.
    fn backup(&mut self, now: Instant, told: Told, before: &View, after: &View) -> Verdict {
        let stays = after.state == State::Backup;
        let wins = after.state == State::Master;
        let heard = heard(told, before);
        let stay = self.stay.as_mut().filter(|_| before.state == State::Backup);
        if let Some(stay) = stay {
            if let Some((from, priority)) = heard {
                let mut view = *before;
                view.active = after.active;
                stay.hears(now, from, priority, &view, self.health.pending);
            }
            let over = stay.down <= now;
            let (may, must) = match told {
                Told::Deadline => (over || stay.may_take_over(now), over),
                Told::Packet { .. } => (heard.is_some() && stay.may_take_over(now), false),
                Told::Track(_) | Told::Config | Told::Link { .. } => (after.owner, false),
                Told::Acquired(_) | Told::NotAcquired(_) | Told::Released => (false, false),
                Told::Lost(_) | Told::Stop | Told::LeaseEnded => (false, false),
            };
            ensure!(may || !wins, "MASTER by {told:?}: {stay:?}");
            ensure!(wins || !must, "{:?} after {stay:?}", after.state);
            if matches!(told, Told::Config) && before.differs(after) {
                stay.reload();
            }
            let reload = matches!(told, Told::Config);
            if reload && before.intervals() != after.intervals() {
                stay.restart(now, after);
            } else if before.priority != after.priority {
                stay.reconsider(after);
            }
            if self.health.pending {
                stay.handover = None;
            }
            if !stays {
                self.stay = None;
            }
        } else if stays {
            let mut stay = Stay::new(now, after);
            if let Some((from, priority)) = heard {
                stay.follows(now, from, priority);
            }
            self.stay = Some(stay);
        }
        Ok(())
    }

    /// RFC 3768 6.4.3.
    fn master(&mut self, now: Instant, told: Told, before: &View, after: &View) -> Verdict {
        if before.state == State::Master
            && let Some((from, priority)) = heard(told, before)
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
    fn manners(&self, told: Told, before: &View, after: &View, actions: &Actions) -> Verdict {
        let says = actions.iter().any(|action| action == Action::Send(Kind::Advert));
        if before.state != State::Master || heard(told, before).is_none() {
            return Ok(());
        }
        let options = before.options;
        if yields(told, before) {
            let right = !options.higher_prio_send_advert || says;
            ensure!(right, "yields without a last advert");
        } else if options.lower_prio_no_advert && !heard(told, before).is_some_and(|(_, p)| p == 0)
        {
            ensure!(!says, "answers, but should be silent: {:?}", after.state);
        }
        Ok(())
    }

    fn sends(&mut self, now: Instant, after: &View, actions: &Actions) -> Verdict {
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
    fn deadline(&self, now: Instant, told: Told, after: &View) -> Verdict {
        let next = after.next;
        let served = !matches!(told, Told::Deadline) || next.is_none_or(|at| at > now);
        ensure!(served, "still due at {next:?}");
        let by = match (after.state, &self.stay) {
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

/// RFC 3768 6.4.3: a higher priority, or the same from a greater address.
fn yields(told: Told, view: &View) -> bool {
    let better =
        |(from, priority): (IpAddr, u8)| (priority, Some(from)) > (view.priority, view.own);
    view.state == State::Master && heard(told, view).is_some_and(better)
}

/// Sender and priority of an advert that passes the router's checks.
fn heard(told: Told, view: &View) -> Option<(IpAddr, u8)> {
    match told {
        Told::Packet { from, priority, interval } if view.accepts(from, interval) => {
            Some((from, priority))
        }
        Told::Packet { .. }
        | Told::Deadline
        | Told::Track(_)
        | Told::Link { .. }
        | Told::Acquired(_)
        | Told::NotAcquired(_)
        | Told::Released
        | Told::Lost(_)
        | Told::Config
        | Told::Stop
        | Told::LeaseEnded => None,
    }
}
