//! The loop: wait, then adverts, then timers, then messages, then heartbeat, and control clients
//! last. It owns the channels and the order of things; what they mean is elsewhere.

use crate::commit;
use crate::control::Clients;
use crate::lease::{Fate, Leases};
use crate::report::Reporter;
use crate::routers::Routers;
use crate::rx::Rx;
use crate::stage::Stage;
use crate::trackers::Trackers;
use mio::{Events, Poll, Token};
use std::time::Duration;
use vipd_ipc::clock::{self, Timer};
use vipd_ipc::msg::{
    ADVERTISED_MAX, CheckerToEngine, EngineToChecker, EngineToParent, ParentToEngine,
};
use vipd_ipc::relay;
use vipd_ipc::{Chan, ChanError};
use vipd_types::{Generation, InstanceId, Instant};
use vrrp_core::Input;

pub(crate) type ParentChan = Chan<EngineToParent, ParentToEngine>;
pub(crate) type CheckerChan = Chan<EngineToChecker, CheckerToEngine>;

pub(crate) const PARENT: Token = Token(0);
pub(crate) const CHECKER: Token = Token(1);
pub(crate) const TIMER: Token = Token(2);

/// Longest time between two signs of life.
const ALIVE_MAX: Duration = Duration::from_millis(250);
/// Shortest time between two, and longest time from an advert to the one that lists it.
const ALIVE_MIN: Duration = Duration::from_millis(100);
/// A timer that is served later than this was held up.
const STALL: Duration = Duration::from_millis(10);
/// When to offer the parent again what it had no room for.
const BACKLOG: Duration = Duration::from_millis(5);
/// After this a stopping engine goes, done or not.
pub(crate) const STOP_MAX: Duration = Duration::from_secs(2);

/// Why the process ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    Failed(String),
}

#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) parent: ParentChan,
    pub(crate) checker: CheckerChan,
    pub(crate) poll: Poll,
    pub(crate) timer: Timer,
    pub(crate) routers: Routers,
    pub(crate) trackers: Trackers,
    pub(crate) clients: Clients,
    pub(crate) leases: Leases,
    /// Why it ends, while some instances still serve out their leases.
    orphaned: Option<&'static str>,
    pub(crate) stage: Option<Stage>,
    pub(crate) generation: Option<Generation>,
    pub(crate) parent_ready: bool,
    pub(crate) parent_gone: bool,
    pub(crate) checker_ready: bool,
    pub(crate) checker_gone: bool,
    pub(crate) stop_by: Option<Instant>,
    /// How late a timer of a router was served at most.
    pub(crate) lateness_max: Duration,
    pub(crate) reporter: Reporter,
    /// Nothing waits for the parent to read.
    pub(crate) drained: bool,
    pub(crate) rx: Rx,
    alive_at: Instant,
    /// The list of the last `Alive`, emptied: the steady state allocates nothing.
    listed: Vec<InstanceId>,
}

impl Engine {
    pub(crate) fn new(parent: ParentChan, checker: CheckerChan, poll: Poll, timer: Timer) -> Self {
        let now = clock::now();
        Self {
            parent,
            checker,
            poll,
            timer,
            routers: Routers::default(),
            trackers: Trackers::new(now),
            clients: Clients::default(),
            leases: Leases::default(),
            orphaned: None,
            stage: None,
            generation: None,
            // The poll set has reported what came with Hello, and will not do it again.
            parent_ready: true,
            parent_gone: false,
            checker_ready: true,
            checker_gone: false,
            stop_by: None,
            lateness_max: Duration::ZERO,
            reporter: Reporter::default(),
            drained: true,
            rx: Rx::new(),
            alive_at: now,
            listed: Vec::new(),
        }
    }

    pub(crate) fn run(mut self) -> End {
        let mut events = Events::with_capacity(256);
        loop {
            if let Err(end) = self.turn(&mut events) {
                say_why(&end, &mut self.parent);
                return end;
            }
        }
    }

    fn turn(&mut self, events: &mut Events) -> Result<(), End> {
        let pause = if self.has_more() { Some(Duration::ZERO) } else { None };
        if pause.is_none() {
            let now = clock::now();
            let at = self.next_wake(now);
            let armed = self.timer.arm(at, now);
            armed.map_err(|e| End::Failed(format!("timer: {}", e.desc())))?;
        }
        wait(&mut self.poll, events, pause)?;
        self.note(events);
        let now = clock::now();
        self.judge(now)?;
        self.advertise(now);
        self.empty_outbox()?;
        self.hear_parent(now)?;
        self.hear_checker(now)?;
        if !self.is_orphan() && self.trackers.listen(now) && !self.trackers.needs_no_checker() {
            log::error!("the checker is silent: all its trackers are down");
            self.routers.changed.all |= self.routers.watched;
            self.routers.track(now, &self.trackers);
        }
        self.routers.recall_due(now, &self.trackers);
        commit::sweep(&mut self.routers, self.poll.registry());
        self.empty_outbox()?;
        self.heartbeat(clock::now())?;
        self.serve(now)?;
        self.inform(now);
        self.report()?;
        self.empty_log()?;
        self.stopped(clock::now())
    }

    /// Receive queues first, also before an expired timer: after a stall, the adverts that
    /// disprove a timer may be waiting there, in more sockets than the kernel has told of.
    fn advertise(&mut self, now: Instant) {
        let due = self.routers.next_deadline().filter(|(at, _)| *at <= now);
        let late = due.map(|(at, _)| now.since(at)).unwrap_or_default();
        self.rx.drain(&mut self.routers, late > STALL, now, &self.trackers);
        if due.is_some() {
            self.lateness_max = self.lateness_max.max(late);
            self.routers.call_due(clock::now(), &self.trackers);
        }
    }

    /// What the leases say; before one is believed to be over, the parent is heard.
    fn judge(&mut self, now: Instant) -> Result<(), End> {
        if self.leases.is_due(now) || self.routers.some_quiet {
            self.parent_ready = true;
            while self.parent_ready && !self.parent_gone {
                self.hear_parent(now)?;
            }
        } else if !self.is_orphan() {
            return Ok(());
        }
        self.routers.some_quiet = false;
        let mut next = self.routers.first();
        while let Some(id) = next {
            self.meet_fate(id, now);
            next = self.routers.after(id);
        }
        self.leases.met(now);
        match self.orphaned {
            Some(why) if self.routers.all_done() => Err(End::Failed(why.into())),
            Some(_) | None => Ok(()),
        }
    }

    /// Nobody renews its leases any more.
    pub(crate) fn is_orphan(&self) -> bool {
        self.parent_gone || self.orphaned.is_some()
    }

    /// The first instance that ends takes all others with it, each at the end of its own lease:
    /// what nobody renews any more cannot be served again.
    fn meet_fate(&mut self, id: InstanceId, now: Instant) {
        let fate = self.leases.fate(id, now, self.is_orphan());
        let is_over = matches!(fate, Fate::GoodBye | Fate::Silent);
        // One that has nothing to say shall not take over any more.
        let is_done = is_over && self.routers.is_done(id);
        self.routers.hush(id, is_done || matches!(fate, Fate::Quiet | Fate::Silent));
        if !is_over {
            return;
        }
        if self.orphaned.is_none() {
            self.orphaned = Some(match (self.parent_gone, fate) {
                (true, _) => "the parent is gone",
                (false, Fate::Silent) => "woke up after the lease had ended",
                (false, _) => "the lease has ended",
            });
            self.routers.outbox.push_back(EngineToParent::Orphaned);
            self.routers.ungroup();
        }
        if !is_done {
            self.routers.step(id, Input::LeaseEnded, now, &self.trackers);
        }
    }

    fn heartbeat(&mut self, now: Instant) -> Result<(), End> {
        if now < self.next_alive() {
            return Ok(());
        }
        let mut advertised = std::mem::take(&mut self.listed);
        for (id, instance) in &mut self.routers.instances {
            // One that leaves has no lease to renew, and the parent may have forgotten its number.
            if std::mem::take(&mut instance.advertised) && !instance.leaving {
                advertised.push(*id);
            }
        }
        self.routers.advertised = false;
        self.alive_at = now;
        self.routers.count_what_the_kernel_dropped(now);
        let excess = |n: usize| n.checked_sub(ADVERTISED_MAX).filter(|more| *more > 0);
        while let Some(more) = excess(advertised.len()).filter(|_| self.orphaned.is_none()) {
            let part = advertised.split_off(more);
            self.tell(&EngineToParent::Alive { at: now, advertised: part })?;
        }
        let message = EngineToParent::Alive { at: now, advertised };
        // The parent of an orphan that still lives shall not renew what is served out.
        if self.orphaned.is_none() {
            self.tell(&message)?;
        }
        if let EngineToParent::Alive { mut advertised, .. } = message {
            advertised.clear();
            self.listed = advertised;
        }
        Ok(())
    }

    fn next_alive(&self) -> Instant {
        self.alive_at.plus(if self.routers.advertised { ALIVE_MIN } else { ALIVE_MAX })
    }

    fn next_wake(&mut self, now: Instant) -> Instant {
        let routers = self.routers.next_deadline().map(|(at, _)| at);
        // An orphan does not listen to the checker: a deadline that nobody moves would never sleep.
        let trackers = if self.is_orphan() { None } else { self.trackers.deadline() };
        let backlog = (!self.drained && !self.parent_gone).then(|| now.plus(BACKLOG));
        let clients = self.clients.next_deadline();
        let orders = self.routers.next_order_end();
        let times = [routers, self.leases.next(), trackers, clients, orders, self.stop_by, backlog];
        times.into_iter().flatten().fold(self.next_alive(), Instant::min)
    }

    fn has_more(&self) -> bool {
        self.parent_ready
            || self.checker_ready
            || self.clients.is_ready()
            || !self.routers.outbox.is_empty()
            || self.drained && self.has_more_to_say()
            || self.routers.sockets.values().any(|socket| socket.ready)
    }

    /// What waits until the parent has room for it.
    fn has_more_to_say(&self) -> bool {
        let nothing = self.routers.wills_due.is_empty() && self.routers.news.is_empty();
        !nothing || self.reporter.is_busy()
    }

    fn note(&mut self, events: &Events) {
        for event in events {
            match event.token() {
                PARENT => self.parent_ready = true,
                CHECKER => self.checker_ready = true,
                TIMER => {}
                token => match commit::socket_of(token) {
                    Some(id) => {
                        if let Some(socket) = self.routers.sockets.get_mut(&id) {
                            socket.ready = true;
                        }
                    }
                    None => self.clients.note(token, event.is_write_closed()),
                },
            }
        }
    }

    fn stopped(&mut self, now: Instant) -> Result<(), End> {
        let Some(by) = self.stop_by else { return Ok(()) };
        let done = self.routers.all_done();
        if !done && now < by {
            return Ok(());
        }
        if !done {
            log::warn!("stopped without an answer to every release");
        }
        Err(End::Done)
    }

    /// A parent that does not read is taken for gone: the lease tells what follows.
    pub(crate) fn tell(&mut self, message: &EngineToParent) -> Result<(), End> {
        if self.parent_gone {
            return Ok(());
        }
        match self.parent.send(message) {
            Ok(()) => Ok(()),
            Err(ChanError::Closed | ChanError::Full) => {
                self.parent_gone = true;
                Ok(())
            }
            Err(error @ (ChanError::Codec(_) | ChanError::Io(_))) => {
                Err(End::Failed(format!("parent: {error}")))
            }
        }
    }

    fn empty_outbox(&mut self) -> Result<(), End> {
        while let Some(message) = self.routers.outbox.pop_front() {
            self.tell(&message)?;
        }
        let flushed = if self.parent_gone { Ok(false) } else { self.parent.flush() };
        self.parent_gone |= matches!(flushed, Err(ChanError::Closed));
        self.drained = matches!(flushed, Ok(true));
        // What follows can wait until there is room for it.
        while self.drained
            && let Some(message) = self.routers.news.pop_front()
        {
            self.tell(&message)?;
            self.drained = !self.parent_gone && matches!(self.parent.flush(), Ok(true));
        }
        if self.drained {
            self.routers.deposit_some();
        }
        Ok(())
    }

    fn empty_log(&mut self) -> Result<(), End> {
        for (level, text) in relay::drain() {
            self.tell(&EngineToParent::Log { level, text })?;
        }
        Ok(())
    }
}

/// The last lines of the log, and why this is the end.
pub(crate) fn say_why(end: &End, parent: &mut ParentChan) {
    if let End::Failed(why) = end {
        log::error!("engine ends: {why}");
    }
    for (level, text) in relay::drain() {
        if parent.send(&EngineToParent::Log { level, text }).is_err() {
            return;
        }
    }
}

/// Waits for events; a signal that stopped and continued the process is no error.
pub(crate) fn wait(
    poll: &mut Poll,
    events: &mut Events,
    pause: Option<Duration>,
) -> Result<(), End> {
    match poll.poll(events, pause) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => Ok(()),
        Err(error) => Err(End::Failed(format!("epoll: {error}"))),
    }
}
