//! One virtual router: what it knows, and the way from an input to an event of the state machine.
//! Decides nothing that depends on the state; that is `machine`.

use crate::action::Cause;
use crate::backup::{Backup, Rival};
use crate::group::Order;
use crate::handover::Followed;
use crate::machine::Event as Happening;
use crate::timers::{Pace, Timers, due, interval};
use crate::{Action, Actions, Config, Event, Health, Input, Kind, encode};
use core::net::IpAddr;
use core::time::Duration;
use vipd_types::{Epoch, Instant, Priority, State};

pub use crate::counters::{Counters, RxCounters};

#[derive(Debug)]
pub struct Router {
    pub(crate) config: Config,
    pub(crate) health: Health,
    pub(crate) effective: Priority,
    pub(crate) state: State,
    pub(crate) timers: Timers,
    pub(crate) backup: Backup,
    /// Active_Adver_Interval; `None` is our own.
    pub(crate) learned: Option<Duration>,
    pub(crate) rival: Option<Rival>,
    pub(crate) epoch: Epoch,
    /// The addresses of this term are in the kernel.
    pub(crate) held: bool,
    pub(crate) leaving: Option<Leaving>,
    /// Answers to what others sent, and what we say of ourselves. A stranger that provokes answers
    /// must not delay the news that we have become worse, and that news must not delay the news
    /// that we are well again: a rival is already counting.
    pub(crate) answers: Pace,
    pub(crate) falls: Pace,
    pub(crate) rises: Pace,
    pub(crate) announcements: Pace,
    pub(crate) counters: Counters,
    /// What the sync group does, if there is one.
    pub(crate) group: Option<Order>,
    link: Link,
    source: Option<IpAddr>,
    stopped: bool,
}

/// A release that is not confirmed yet, and what is sent once it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leaving {
    pub(crate) epoch: Epoch,
    pub(crate) farewell: Option<Kind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Unknown,
    Down,
    Up,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MasterSeen {
    pub address: IpAddr,
    pub priority: u8,
    pub at: Instant,
}

impl Router {
    /// In INIT, until `Link` says that the interface is up and has an address. A router with
    /// trackers must get its first `Track` before its first `Link`.
    pub fn new(config: Config) -> Self {
        Self {
            effective: config.priority,
            config,
            health: Health::default(),
            state: State::Init,
            timers: Timers::default(),
            backup: Backup::default(),
            learned: None,
            rival: None,
            epoch: Epoch(0),
            held: false,
            leaving: None,
            answers: Pace::default(),
            falls: Pace::default(),
            rises: Pace::default(),
            announcements: Pace::default(),
            counters: Counters::default(),
            group: None,
            link: Link::Unknown,
            source: None,
            stopped: false,
        }
    }

    /// Allocates nothing, whatever comes. After `Stop` or `LeaseEnded` only the confirmation of a
    /// release, or the end of the lease in its place, still matters.
    pub fn step(&mut self, now: Instant, input: Input<'_>) -> Actions {
        let mut actions = Actions::default();
        match input {
            // An answer to what was not asked yet means nothing.
            Input::Acquired(epoch) => {
                self.held |= self.holds(epoch) && self.timers.acquire.is_none();
            }
            Input::NotAcquired(epoch) if self.holds(epoch) => {
                self.react(Happening::Refused, now, &mut actions);
            }
            Input::Lost(epoch) if self.holds(epoch) => {
                self.react(Happening::Lost, now, &mut actions);
            }
            Input::Lapsed(epoch) if self.holds(epoch) => {
                self.react(Happening::Lapsed, now, &mut actions);
            }
            Input::Released(epoch) | Input::NotAcquired(epoch) => {
                self.released(epoch, &mut actions);
            }
            Input::Lost(_) | Input::Lapsed(_) => {}
            Input::LeaseEnded => {
                self.stopped = true;
                self.react(Happening::LeaseEnded, now, &mut actions);
            }
            _ if self.stopped => {}
            Input::Packet(advert) => self.packet(advert, now, &mut actions),
            Input::Deadline => self.deadline(now, &mut actions),
            Input::Track(health) => self.track(health, now, &mut actions),
            Input::Link { up, source } => {
                self.link = if up { Link::Up } else { Link::Down };
                self.source = source;
                self.review(now, &mut actions);
            }
            Input::Config(new) => self.configure(*new, now, &mut actions),
            Input::Group(order) => self.obey(order, now, &mut actions),
            Input::Stop => {
                self.stopped = true;
                self.react(Happening::Shutdown, now, &mut actions);
            }
        }
        actions
    }

    /// When to call `step(now, Input::Deadline)`; never later than this, earlier does no harm.
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.stopped { None } else { self.timers.next() }
    }

    /// The VRRP message to send now, without IP header, written into `buffer` (`wire::MESSAGE_MAX`
    /// is always enough). The checksum may depend on our source and on `destination`, so each copy
    /// is encoded for itself. `None` if the buffer is too short, the protocol does not exist
    /// (VRRPv2 over IPv6), or the checksum needs a source and there is none.
    pub fn encode<'b>(
        &self,
        kind: Kind,
        destination: IpAddr,
        buffer: &'b mut [u8],
    ) -> Option<&'b [u8]> {
        // The last advert after yielding says in which rhythm the MASTER will go on: of ours nothing
        // follows, and who waited for it would take over.
        let (priority, interval) = match kind {
            Kind::Advert if self.state == State::Backup => {
                (self.effective.get(), self.active_interval())
            }
            Kind::Advert => (self.effective.get(), interval(&self.config)),
            Kind::GoodBye => (0, interval(&self.config)),
        };
        encode::advert(&self.config, interval, priority, self.source(), destination, buffer)
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    pub fn state(&self) -> State {
        self.state
    }

    /// The base priority with what the trackers add.
    pub fn effective(&self) -> Priority {
        self.effective
    }

    /// What the trackers said last.
    pub fn health(&self) -> Health {
        self.health
    }

    /// The address our adverts leave from.
    pub fn source(&self) -> Option<IpAddr> {
        self.source
    }

    /// The term that is running or was the last.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The MASTER this router follows.
    pub fn master(&self) -> Option<MasterSeen> {
        let Followed { address, priority, beat, .. } = self.backup.followed?;
        Some(MasterSeen { address, priority, at: beat.last })
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// True when nothing is held and nothing remains to be sent: after `Stop`, the router may go.
    pub fn is_done(&self) -> bool {
        self.state != State::Master && self.leaving.is_none()
    }

    /// As `obstacle`, without the group.
    pub(crate) fn own_obstacle(&self) -> Result<Option<Cause>, ()> {
        let Health { fault, unproven, offline, .. } = self.health;
        Ok(match self.link {
            Link::Unknown => return Err(()),
            Link::Down => Some(Cause::LinkDown),
            Link::Up if self.source.is_none() => Some(Cause::NoSource),
            Link::Up if offline => Some(Cause::Operator),
            Link::Up if fault => Some(Cause::Tracker),
            Link::Up if unproven && matches!(self.state, State::Init | State::Fault) => {
                return Err(());
            }
            Link::Up => self.timers.retry.map(|_| Cause::Addresses),
        })
    }

    pub(crate) fn review(&mut self, now: Instant, actions: &mut Actions) {
        match self.obstacle() {
            Ok(None) => self.react(Happening::Ready, now, actions),
            Ok(Some(cause)) => self.react(Happening::Fault(cause), now, actions),
            Err(()) => {}
        }
    }

    fn deadline(&mut self, now: Instant, actions: &mut Actions) {
        if due(self.timers.adver, now) {
            self.react(Happening::AdverTimer, now, actions);
        }
        if due(self.timers.extra, now) {
            self.react(Happening::ExtraTimer, now, actions);
        }
        if due(self.timers.announce, now) {
            self.react(Happening::AnnounceTimer, now, actions);
        }
        if due(self.timers.acquire, now) {
            self.react(Happening::AcquireTimer, now, actions);
        }
        if due(self.timers.handover, now) {
            self.react(Happening::HandoverTimer, now, actions);
        }
        if due(self.timers.master_down, now) {
            self.react(Happening::MasterDownTimer, now, actions);
        }
        if due(self.timers.retry, now) {
            self.timers.retry = None;
            self.review(now, actions);
        }
    }

    fn track(&mut self, health: Health, now: Instant, actions: &mut Actions) {
        let before = self.effective;
        let base = self.config.priority;
        let steps_back = health.stands_by(base) && !self.health.stands_by(base);
        self.health = health;
        self.reprioritise(actions);
        if steps_back {
            self.react(Happening::StepBack, now, actions);
        }
        if health.pending {
            self.timers.handover = None;
        }
        self.review(now, actions);
        if self.effective != before {
            self.react(Happening::Priority { before }, now, actions);
        }
    }

    fn configure(&mut self, new: Config, now: Instant, actions: &mut Actions) {
        if new == self.config {
            return;
        }
        let before = self.effective;
        let (interval_before, rhythm) = (interval(&self.config), self.rhythm());
        if new.version != self.config.version {
            self.learned = None;
        }
        self.config = new;
        self.reprioritise(actions);
        let interval_changed = interval_before != interval(&self.config);
        let rhythm_changed = rhythm != self.rhythm();
        let event = Happening::Reconfigured { before, interval_changed, rhythm_changed };
        self.react(event, now, actions);
        self.review(now, actions);
    }

    fn reprioritise(&mut self, actions: &mut Actions) {
        let from = self.effective;
        let to = self.health.priority(self.config.priority);
        if from != to {
            self.effective = to;
            actions.push(Action::Event(Event::Priority { from, to }));
        }
    }

    fn holds(&self, epoch: Epoch) -> bool {
        self.state == State::Master && self.epoch == epoch
    }
}
