//! What a router promises to those who drive it, checked after every step from outside: it knows
//! what was told and what was wanted, and nothing of the state machine.

use crate::config::group;
use crate::protocol;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;
use vipd_types::{Epoch, Family, Instant, Priority, State};
use vrrp_core::action::ACTIONS_MAX;
use vrrp_core::group::Order;
use vrrp_core::timers::COURTESY;
use vrrp_core::wire::Meta;
use vrrp_core::{Action, Actions, Event, Kind, MasterSeen, Router};

/// No timer of a router runs longer: a hundred intervals of 255 s, and their like.
const LONGEST: Duration = Duration::from_secs(12 * 3600);
/// Later than this, and a timer would end after time itself: 292 years.
const DOOMSDAY: Instant = Instant::from_nanos(u64::MAX / 2);

/// An input as far as promises depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    Packet,
    Deadline,
    Acquired(Epoch),
    NotAcquired(Epoch),
    Released(Epoch),
    Lost(Epoch),
    Lapsed(Epoch),
    Group(Option<Order>),
    Stop,
    LeaseEnded,
    Other,
}

/// A router as it looks from outside.
#[derive(Debug, PartialEq, Eq)]
pub struct Look {
    state: State,
    effective: Priority,
    epoch: Epoch,
    deadline: Option<Instant>,
    master: Option<MasterSeen>,
    source: Option<IpAddr>,
    done: bool,
}

#[derive(Debug)]
pub struct Promises {
    /// The term whose addresses were asked for and not given up.
    running: Option<Epoch>,
    last: Epoch,
    /// What the parent was asked and has not answered: the answers it would give.
    requests: VecDeque<Told>,
    /// The last term of which nothing was ever held.
    refused: Option<Epoch>,
    /// It has answered what it was not asked, or out of turn.
    has_lied: bool,
    /// It has left MASTER without yielding, and nobody was told.
    owes_good_bye: bool,
    in_group: bool,
    stopped: bool,
}

impl Promises {
    pub fn new(router: &Router) -> Self {
        Self {
            running: None,
            last: router.epoch(),
            requests: VecDeque::new(),
            refused: None,
            has_lied: false,
            owes_good_bye: false,
            in_group: false,
            stopped: false,
        }
    }

    pub fn oldest_request(&self) -> Option<Told> {
        self.requests.front().copied()
    }

    pub fn look(&self, router: &Router) -> Look {
        Look {
            state: router.state(),
            effective: router.effective(),
            epoch: router.epoch(),
            deadline: router.next_deadline(),
            master: router.master(),
            source: router.source(),
            done: router.is_done(),
        }
    }

    pub fn check(
        &mut self,
        router: &Router,
        now: Instant,
        told: Told,
        before: &Look,
        actions: &Actions,
    ) {
        let list: Vec<Action> = actions.iter().collect();
        let context = || format!("{told:?} at {now:?}: {list:?}\n{before:?}\n{router:?}");
        assert!(list.len() <= ACTIONS_MAX, "{}", context());
        // What may come in the place of an answer to a release.
        let confirms = matches!(told, Told::Released(_) | Told::NotAcquired(_) | Told::LeaseEnded);
        assert!(!self.stopped || confirms || list.is_empty(), "{}", context());
        self.stopped |= matches!(told, Told::Stop | Told::LeaseEnded);
        self.answered(told);
        assert!(self.terms_are_in_order(router, &list), "{}", context());
        self.ended(told, router);
        assert!(speaks_in_turn(confirms, before.state, router, &list), "{}", context());
        assert!(self.leads_in_turn(told, before.state, router), "{}", context());
        assert!(self.says_good_bye_when_it_has_gone(told, &list), "{}", context());
        assert!(self.is_done_when_all_has_gone(router), "{}", context());
        assert!(changes_are_reported(before, router, &list), "{}", context());
        assert!(a_drop_changes_nothing(before, &self.look(router), &list), "{}", context());
        assert!(self.deadline_is_sound(router, now, told), "{}", context());
        let (base, health) = (router.config().priority, router.health());
        let standby = health.standby && !base.is_owner();
        let effective = if standby { Priority::LOWEST } else { base.adjusted(health.adds) };
        assert_eq!(router.effective(), effective, "{}", context());
        for action in &list {
            if let Action::Send(kind) = action {
                can_be_heard(router, *kind);
            }
        }
    }

    fn answered(&mut self, told: Told) {
        let is_answer =
            matches!(told, Told::Acquired(_) | Told::NotAcquired(_) | Told::Released(_));
        let answers = match (self.oldest_request(), told) {
            (Some(Told::Acquired(asked)), Told::NotAcquired(said)) => asked == said,
            (Some(asked), told) => asked == told,
            (None, _) => false,
        };
        if answers {
            self.requests.pop_front();
        }
        if let Told::NotAcquired(epoch) = told {
            self.refused = Some(epoch);
        }
        // It may lose the addresses of a term only while it has them.
        let loses = |epoch| told == Told::Lost(epoch) || told == Told::Lapsed(epoch);
        let has_it = self.running.is_some_and(loses) && self.requests.is_empty();
        self.has_lied |=
            is_answer && !answers || matches!(told, Told::Lost(_) | Told::Lapsed(_)) && !has_it;
    }

    /// One term at a time, each later than the one before.
    fn terms_are_in_order(&mut self, router: &Router, list: &[Action]) -> bool {
        list.iter().all(|action| match *action {
            Action::Acquire(epoch) => {
                let in_order = self.running.is_none() && epoch > self.last;
                self.running = Some(epoch);
                self.last = epoch;
                self.requests.push_back(Told::Acquired(epoch));
                in_order && epoch == router.epoch()
            }
            Action::Release(epoch, _) => {
                self.requests.push_back(Told::Released(epoch));
                self.running.take() == Some(epoch)
            }
            Action::Announce(epoch) => self.running == Some(epoch) || self.has_lied,
            Action::Send(_) | Action::Event(_) => true,
        })
    }

    /// A refusal and the end of the lease end a term without a release.
    fn ended(&mut self, told: Told, router: &Router) {
        if told == Told::LeaseEnded {
            self.requests.clear();
        }
        if told == Told::LeaseEnded || self.running.is_some_and(|e| told == Told::NotAcquired(e)) {
            self.running = None;
        }
        assert!(self.running.is_none() || router.state() == State::Master, "{router:?}");
    }

    /// A member of a sync group never becomes MASTER alone.
    fn leads_in_turn(&mut self, told: Told, before: State, router: &Router) -> bool {
        let begins = before != State::Master && router.state() == State::Master;
        if let Told::Group(order) = told {
            self.in_group = order.is_some();
        }
        let may = matches!(told, Told::Group(None | Some(Order::Lead))) || !self.in_group;
        may || !begins
    }

    /// Order everywhere an address is left: remove, confirm, then priority 0; and no sooner or later.
    fn says_good_bye_when_it_has_gone(&mut self, told: Told, list: &[Action]) -> bool {
        for action in list {
            if let Action::Event(Event::State { from, to, .. }) = action {
                let lapses = matches!(told, Told::Lapsed(_));
                let leaves = *from == State::Master && *to != State::Backup && !lapses;
                self.owes_good_bye = leaves || self.owes_good_bye && *to != State::Master;
            }
        }
        let says = list.contains(&Action::Send(Kind::GoodBye));
        self.owes_good_bye &= !says;
        let in_time = if says { !self.is_held() } else { self.is_held() || !self.owes_good_bye };
        in_time || self.has_lied || told == Told::LeaseEnded
    }

    fn is_done_when_all_has_gone(&self, router: &Router) -> bool {
        !self.is_held() || !router.is_done() || self.has_lied
    }

    /// As far as the parent has answered. What was refused was never there, although its release
    /// is still to be answered.
    fn is_held(&self) -> bool {
        let is_open = |request: &Told| match self.refused {
            Some(epoch) => *request != Told::Released(epoch),
            None => true,
        };
        self.running.is_some() || self.requests.iter().any(is_open)
    }

    fn deadline_is_sound(&self, router: &Router, now: Instant, told: Told) -> bool {
        let deadline = router.next_deadline();
        if self.stopped {
            return deadline.is_none();
        }
        if now >= DOOMSDAY {
            return true;
        }
        let works = matches!(router.state(), State::Backup | State::Master);
        let courtesy = router.state() == State::Master && self.running.is_none();
        // Who waits for the others of its group has no timer.
        let waits = router.state() == State::Backup && router.standing().wants;
        match deadline {
            None => !works || waits,
            // What was due is served, so that nobody is called in a loop.
            Some(at) if told == Told::Deadline && at <= now => false,
            // A MASTER that has not asked for its addresses is about to.
            Some(at) if courtesy => at <= now.plus(COURTESY),
            Some(at) => at <= now.plus(LONGEST),
        }
    }
}

/// Only a MASTER advertises, and who has just been one.
fn speaks_in_turn(confirms: bool, before: State, router: &Router, list: &[Action]) -> bool {
    let sends = list.iter().filter(|action| matches!(action, Action::Send(_))).count();
    let master = before == State::Master || router.state() == State::Master;
    sends == 0 || sends <= 2 && (master || confirms)
}

fn changes_are_reported(before: &Look, router: &Router, list: &[Action]) -> bool {
    let (mut state, mut priority) = (before.state, before.effective);
    let in_order = list.iter().all(|action| match *action {
        Action::Event(Event::State { from, to, .. }) => {
            std::mem::replace(&mut state, to) == from && from != to
        }
        Action::Event(Event::Priority { from, to }) => {
            std::mem::replace(&mut priority, to) == from && from != to
        }
        Action::Event(_)
        | Action::Send(_)
        | Action::Acquire(_)
        | Action::Release(..)
        | Action::Announce(_) => true,
    });
    in_order && state == router.state() && priority == router.effective()
}

/// A packet that fails any check moves a counter and nothing else.
fn a_drop_changes_nothing(before: &Look, after: &Look, list: &[Action]) -> bool {
    let dropped = |action: &Action| matches!(action, Action::Event(Event::Discarded(_)));
    !list.iter().any(dropped) || list.len() == 1 && before == after
}

/// A peer decodes what is sent, and reads in it what is meant. An advert without addresses is for
/// nobody: it moves nothing.
fn can_be_heard(router: &Router, kind: Kind) {
    let (config, Some(source)) = (router.config(), router.source()) else { return };
    if config.addresses.is_empty() || Family::from(&source) != config.family {
        return;
    }
    let meta = Meta { source, destination: group(config.family), ttl: 255 };
    let Some(message) = protocol::encode(router, kind, &meta) else { return };
    let advert = protocol::decode(&message, meta, None).unwrap();
    let (priority, interval) = match kind {
        // The last one after yielding has the rhythm of the MASTER.
        Kind::Advert if router.state() == State::Backup => {
            (router.effective().get(), router.active_interval())
        }
        Kind::Advert => (router.effective().get(), config.advert_int),
        Kind::GoodBye => (0, config.advert_int),
    };
    let said = (advert.version, advert.vrid, advert.priority, advert.body.interval());
    assert_eq!(said, (config.version, config.vrid, priority, interval));
    assert!(advert.body.addresses().eq(config.addresses.iter().copied()), "{advert:?}");
}
