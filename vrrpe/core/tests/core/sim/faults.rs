//! What goes wrong: applies each fault of a plan to the world. Decides nothing by itself.

use super::bounds::{REMOVED, TOO_LATE};
use super::network::{STRANGER, address, forged};
use super::node::{Mail, Packet, Parent, Task};
use super::plan::{Change, Crash, Fault, Frozen, Weather};
use super::world::{Event, Stranger, World};
use vipd_types::State;
use vrrp_core::{Input, Kind};

/// Adverts of one socket in one wake-up.
const BURST: usize = 64;

impl World {
    pub(crate) fn suffer(&mut self, fault: Fault) {
        self.witness.fault();
        match fault {
            Fault::Crash(at, how) => self.crash(at, how),
            // The service manager waits for the old one to end.
            Fault::Start(at, results) if self.nodes[at].parent == Parent::Dead => {
                self.start(at, results);
            }
            Fault::Start(..) => {}
            Fault::Stop(at) => self.tell(at, Mail::Stop),
            Fault::Freeze(at, who) => self.freeze(at, who),
            Fault::Thaw(at) => self.thaw(at),
            Fault::Cut(from, to) => self.block(from, to, true),
            Fault::Mend(a, b) => {
                self.block(a, b, false);
                self.block(b, a, false);
            }
            Fault::Split(mask) => self.split(mask),
            Fault::Weather(weather) => self.weather = weather,
            Fault::Weight(at, adds) => {
                let fault = self.nodes[at].health.fault;
                self.track(at, adds, fault);
            }
            Fault::Service(at, well) => {
                let adds = self.nodes[at].health.adds;
                self.track(at, adds, !well);
            }
            Fault::Link(at, up) => self.link(at, up, self.nodes[at].sourced),
            Fault::Source(at, sourced) => self.link(at, self.nodes[at].up, sourced),
            Fault::Refuse(at, times) => self.nodes[at].refusals = times,
            Fault::Steal(at) => self.steal(at),
            Fault::Reload(at, change) => self.reload(at, change),
            Fault::Stranger { priority, name, interval, every, lasts } => {
                let name = address(self.plan.family, name.unwrap_or(STRANGER));
                let packet = forged(&self.plan, name, priority, interval);
                let (serial, until) = (self.next_serial(), self.now + lasts);
                self.stranger = Some(Stranger { serial, name, packet, every, until });
                self.enqueue(self.now, Event::Stranger { serial });
            }
            Fault::Heal => self.heal(),
            Fault::Rest => self.expect_rest(),
            Fault::Rested => self.expect_rested(),
        }
        self.witness.links_changed();
    }

    pub(crate) fn crash(&mut self, at: usize, how: Crash) {
        let node = &mut self.nodes[at];
        let Some(router) = &node.router else { return };
        let master = router.state() == State::Master;
        let term = node.oracle.term();
        let will = term.and_then(|_| Packet::of(router, Kind::GoodBye));
        match how {
            Crash::Engine => {
                self.vanish(at);
                if self.nodes[at].parent == Parent::Runs {
                    self.nodes[at].lease.freeze(self.now);
                    self.kernel(at, Task::Undo(will));
                }
            }
            Crash::Parent if node.parent == Parent::Dead => {}
            Crash::Parent => {
                let runs = node.parent == Parent::Runs;
                node.parent = Parent::Dead;
                node.requests.clear();
                node.mail.clear();
                if runs {
                    node.pauses += 1;
                    self.abandon(at);
                }
                if !master && !self.nodes[at].frozen {
                    self.vanish(at);
                }
            }
            Crash::Host => {
                node.installed = None;
                node.life += 1;
                self.leave(at);
            }
            Crash::Daemon => {
                let runs = node.parent == Parent::Runs;
                self.leave(at);
                if runs {
                    self.nodes[at].life += 1;
                    self.nodes[at].pauses += 1;
                    self.abandon(at);
                }
            }
        }
        self.disturb_all(at);
    }

    pub(crate) fn freeze(&mut self, at: usize, who: Frozen) {
        let node = &mut self.nodes[at];
        if node.router.is_none() {
            return;
        }
        let (engine, parent) = match who {
            Frozen::Engine => (true, false),
            Frozen::Parent => (false, true),
            Frozen::Daemon => (true, true),
        };
        let engine_stops = engine && !node.frozen;
        let parent_stops = parent && node.parent == Parent::Runs;
        node.frozen |= engine;
        if engine_stops {
            node.wake = None;
            node.lease.freeze(self.now);
        }
        if parent_stops {
            node.parent = Parent::Frozen;
            node.pauses += 1;
            self.abandon(at);
        } else if engine_stops && node.parent == Parent::Runs {
            node.pauses += 1;
            self.expect_alive(at);
        }
        self.disturb_all(at);
    }

    /// The parent first: what it still had to do, then what the kernel lost meanwhile.
    pub(crate) fn thaw(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        let parent_wakes = node.parent == Parent::Frozen;
        let engine_wakes = std::mem::take(&mut node.frozen);
        if !parent_wakes && !engine_wakes {
            return;
        }
        node.pauses += u32::from(node.parent != Parent::Dead);
        let abandoned = node.parent != Parent::Runs;
        let late = abandoned && self.now >= node.until + REMOVED;
        if late && engine_wakes {
            let silent = self.now > node.until + REMOVED + TOO_LATE;
            if silent { self.vanish(at) } else { self.last_word(at) }
        }
        if parent_wakes {
            self.parent_wakes(at);
        }
        let node = &self.nodes[at];
        let orphan = node.parent == Parent::Dead;
        if node.router.as_ref().is_some_and(|r| orphan && r.state() != State::Master) {
            self.vanish(at);
        }
        if engine_wakes {
            self.engine_wakes(at);
        }
        self.disturb_all(at);
    }

    fn parent_wakes(&mut self, at: usize) {
        let now = self.now;
        let node = &mut self.nodes[at];
        node.parent = Parent::Runs;
        node.quiet = false;
        if node.router.is_none() {
            node.requests.clear();
            self.kernel(at, Task::Undo(None));
            return;
        }
        // It puts back what the kernel removed meanwhile.
        if node.granted.is_some() {
            node.installed = node.granted;
            let length = super::bounds::lease(node.interval());
            node.lease.take(now, length);
        }
        while let Some(task) = self.nodes[at].requests.pop_front() {
            self.kernel(at, task);
        }
        if self.nodes[at].frozen {
            self.expect_alive(at);
        } else {
            self.read_mail(at);
            self.serve(at);
            self.tell_health(at);
        }
    }

    /// As the engine does after a stall: adverts, timers, then the parent and the checker.
    fn engine_wakes(&mut self, at: usize) {
        while self.nodes[at].router.is_some() {
            for _ in 0..BURST {
                let Some((from, packet)) = self.nodes[at].inbox.pop_front() else { break };
                self.hear(from, at, &packet);
            }
            self.serve(at);
            self.read_mail(at);
            if self.nodes[at].inbox.is_empty() {
                break;
            }
        }
        if self.nodes[at].router.is_some() {
            self.tell_health(at);
        }
    }

    fn serve(&mut self, at: usize) {
        let node = &self.nodes[at];
        let now = node.clock.local(self.now);
        let due = |router: &vrrp_core::Router| router.next_deadline().is_some_and(|at| at <= now);
        if node.router.as_ref().is_some_and(due) && !node.quiet {
            self.step(at, Input::Deadline);
        }
    }

    fn read_mail(&mut self, at: usize) {
        if self.nodes[at].parent == Parent::Runs {
            while let Some(mail) = self.nodes[at].mail.pop_front() {
                self.tell(at, mail);
            }
        }
    }

    fn link(&mut self, at: usize, up: bool, sourced: bool) {
        self.nodes[at].up = up;
        self.nodes[at].sourced = sourced;
        self.tell(at, Mail::Link);
        self.disturb_all(at);
    }

    fn steal(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        if node.works()
            && let Some(epoch) = node.installed
        {
            node.installed = None;
            node.granted = None;
            self.tell(at, Mail::Lost(epoch));
        }
    }

    pub(crate) fn reload(&mut self, at: usize, change: Change) {
        let setup = &mut self.nodes[at].setup;
        match change {
            // Two owners would be an error of the configuration.
            Change::Priority(_) if setup.priority == 255 => {}
            Change::Priority(priority) => setup.priority = priority,
            Change::Preempt(preempt) => setup.preempt = preempt,
            Change::Fast(fast) => setup.fast = fast,
            Change::Interval(interval) => setup.interval = interval,
            Change::Delay(delay) => setup.delay = delay,
            Change::Adverts(adverts) => setup.adverts = adverts,
        }
        self.tell(at, Mail::Config);
        let node = &mut self.nodes[at];
        if node.works() && node.installed.is_some() {
            let length = super::bounds::lease(node.interval());
            node.lease.take(self.now, length);
        }
        self.disturb_all(at);
    }

    fn split(&mut self, mask: u8) {
        let side = |node: usize| mask >> node & 1;
        for (from, to) in self.pairs() {
            self.block(from, to, side(from) != side(to));
        }
    }

    /// Everything works again and everybody is there.
    pub(crate) fn heal(&mut self) {
        self.weather = Weather::default();
        self.stranger = None;
        for (from, to) in self.pairs() {
            self.block(from, to, false);
        }
        for at in 0..self.nodes.len() {
            self.thaw(at);
            self.nodes[at].refusals = 0;
            if self.nodes[at].parent == Parent::Dead || self.nodes[at].oracle.stopped {
                self.vanish(at);
            }
            if self.nodes[at].router.is_none() {
                self.nodes[at].parent = Parent::Dead;
            }
            if !(self.nodes[at].up && self.nodes[at].sourced) {
                self.link(at, true, true);
            }
            let interval = self.plan.routers[at].interval;
            if self.nodes[at].setup.interval != interval {
                self.reload(at, Change::Interval(interval));
            }
            if self.nodes[at].health.fault {
                let adds = self.nodes[at].health.adds;
                self.track(at, adds, false);
            }
            self.start(at, 0);
        }
    }

    fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let n = self.nodes.len();
        (0..n).flat_map(move |from| (0..n).map(move |to| (from, to)))
    }

    /// The sender of forged adverts.
    pub(crate) fn inject(&mut self, stranger: Stranger) {
        for to in 0..self.nodes.len() {
            let flight = self.flight();
            self.disturb_all(to);
            self.deliver_forged(stranger.name, to, flight, stranger.packet);
        }
    }
}
