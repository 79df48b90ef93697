//! What one router must do, written a second time and from the RFC's side: after every step its
//! state, its timers and its terms must be what follows from what it was told. Uses nothing of the
//! router but what an engine sees of it. What a BACKUP and a MASTER owe is in `duties`.

use super::duties::STORM;
use super::stay::Stay;
use super::view::{Heard, Told, View};
use std::time::Duration;
use vipd_types::{Epoch, Instant, State};
use vrrp_core::group::Order;
use vrrp_core::timers::RETRY;
use vrrp_core::{Action, Actions, Health, Kind, Router};

pub(crate) struct Oracle {
    pub(crate) stopped: bool,
    pub(super) term: Option<Epoch>,
    pub(super) last: Epoch,
    pub(super) held: bool,
    pub(super) health: Health,
    /// Told just now, for the first time.
    pub(super) steps_back: bool,
    pub(super) linked: Option<bool>,
    /// Until when a worse router that was discarded counts as there.
    pub(super) rival: Option<Instant>,
    /// The latest advert that answered another one.
    pub(super) answered: Option<Instant>,
    /// Of the MASTER that was followed last.
    pub(super) learned: Option<Duration>,
    /// In a sync group, and what that does.
    group: Option<Order>,
    pub(super) retry: Option<Instant>,
    pub(super) stay: Option<Stay>,
    pub(super) sent: Option<Instant>,
    /// Until then an advert must answer what was heard.
    pub(crate) answer: Option<Instant>,
    /// A fall and a rise of the priority: until when an advert must say it, and when one did last.
    pub(super) news: [Option<Instant>; 2],
    pub(super) said: [Option<Instant>; 2],
    /// The addresses are asked for by then.
    pub(super) acquire: Option<Instant>,
    /// The latest adverts, in a ring.
    pub(super) adverts: [Option<Instant>; STORM],
    pub(super) next_advert: usize,
}

impl Default for Oracle {
    fn default() -> Self {
        Self {
            stopped: false,
            term: None,
            last: Epoch(0),
            held: false,
            health: Health::default(),
            steps_back: false,
            linked: None,
            rival: None,
            answered: None,
            learned: None,
            group: None,
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

pub(super) type Verdict = Result<(), String>;

impl Oracle {
    pub(crate) fn term(&self) -> Option<Epoch> {
        self.term
    }

    /// The term before the latest one.
    pub(crate) fn earlier_term(&self) -> Option<Epoch> {
        self.last.0.checked_sub(1).filter(|term| *term > 0).map(Epoch)
    }

    /// May the router compete, as far as it depends on it alone?
    pub(crate) fn is_fit(&self) -> bool {
        self.linked == Some(true) && !self.is_faulty() && self.retry.is_none() && !self.stopped
    }

    /// Is something in its way, so that its sync group cannot serve?
    pub(crate) fn is_obstructed(&self, state: State) -> bool {
        let early = self.health.unproven && matches!(state, State::Init | State::Fault);
        let linked = self.linked == Some(true);
        let unfit = linked && (self.is_faulty() || self.retry.is_some() && !early);
        self.linked == Some(false) || unfit
    }

    fn is_faulty(&self) -> bool {
        self.health.fault || self.health.offline
    }

    pub(super) fn is_grouped(&self) -> bool {
        self.group.is_some()
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
        self.manners(now, told, &before, &after, actions)?;
        self.courtesy(now, told, &before, &after, actions)?;
        self.sends(now, &before, &after, actions)?;
        self.deadline(now, told, &after)
    }

    fn learn(&mut self, now: Instant, told: Told, state: State) {
        let master = state == State::Master;
        self.steps_back = false;
        match told {
            Told::Track(health) => {
                self.steps_back = master && health.standby && !self.health.standby;
                self.health = health;
            }
            Told::Link { fit } => self.linked = Some(fit),
            Told::NotAcquired(epoch) if self.term == Some(epoch) => {
                self.term = None;
                self.retry = Some(now.plus(RETRY));
            }
            Told::Lost(epoch) if master && self.term == Some(epoch) => {
                self.retry = Some(now.plus(RETRY));
            }
            Told::Lapsed(epoch) if master && self.term == Some(epoch) => self.retry = Some(now),
            Told::Acquired(epoch) => self.held |= self.term == Some(epoch),
            Told::Group(order) => self.group = order,
            Told::Stop => self.stopped = true,
            Told::LeaseEnded => {
                self.stopped = true;
                self.term = None;
            }
            Told::Deadline => self.retry = self.retry.filter(|at| *at > now),
            Told::NotAcquired(_) | Told::Lost(_) | Told::Lapsed(_) | Told::Released => {}
            Told::Config | Told::Packet(_) => {}
        }
    }

    /// Active_Adver_Interval: RFC 9568 6.4.2 and 6.4.3.
    fn adopt(&mut self, now: Instant, told: Told, before: &View, after: &View) {
        if let Some(heard) = heard(told, before) {
            let Heard { priority, interval, .. } = heard;
            let teaches = match (before.state, &mut self.stay) {
                (State::Backup, Some(_)) if priority == 0 => false,
                (State::Backup, Some(stay)) => {
                    if priority >= before.priority || !stay.preempts(now, before) {
                        stay.choose(now, heard)
                    } else {
                        stay.refuses(now, heard);
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
        } else if !self.is_fit() || self.group == Some(Order::Fault) {
            let kept = early && self.linked == Some(true) && !self.is_faulty();
            let right = after.state == State::Fault || kept && after.state == before.state;
            ensure!(right, "unfit, but {:?}", after.state);
        } else if early {
            ensure!(after.state == before.state, "unproven, but {:?}", after.state);
        } else {
            ensure!(competes, "fit, but {:?}", after.state);
        }
        Ok(())
    }
}

/// RFC 3768 6.4.3: a higher priority, or the same from a greater address.
pub(super) fn yields(told: Told, view: &View) -> bool {
    let better = |it: Heard| (it.priority, Some(it.from)) > (view.priority, view.own);
    view.state == State::Master && heard(told, view).is_some_and(better)
}

/// An advert that passes the router's checks.
pub(super) fn heard(told: Told, view: &View) -> Option<Heard> {
    match told {
        Told::Packet(heard) if view.accepts(heard) => Some(heard),
        Told::Packet(_)
        | Told::Deadline
        | Told::Track(_)
        | Told::Link { .. }
        | Told::Acquired(_)
        | Told::NotAcquired(_)
        | Told::Released
        | Told::Lost(_)
        | Told::Lapsed(_)
        | Told::Config
        | Told::Group(_)
        | Told::Stop
        | Told::LeaseEnded => None,
    }
}
