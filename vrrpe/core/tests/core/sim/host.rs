//! One host: a daemon with its engine and its parent, which serve one router or the members of a
//! sync group. How it is stopped, dies and comes back; what becomes of each router is in `node`.

use super::bounds::{HUNG, REMOVAL, REMOVED, TOO_LATE, UNLEASED};
use super::clock::Time;
use super::network::BURST;
use super::node::{Mail, Packet, Task};
use super::plan::{Crash, Frozen};
use super::world::{Event, World};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::ops::Range;
use vipd_types::State;
use vrrp_core::group::Order;
use vrrp_core::{Input, Kind, Router};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parent {
    Runs,
    Frozen,
    Dead,
}

pub(crate) struct Host {
    /// Its routers, as places in `World::nodes`.
    pub(crate) members: Range<usize>,
    /// Answers of an earlier life are not delivered.
    pub(crate) life: u32,
    pub(crate) parent: Parent,
    /// The engine gets no time.
    pub(crate) frozen: bool,
    /// The engine's lease is over: it sends nothing.
    pub(crate) quiet: bool,
    /// What was planned for an earlier pause is void.
    pub(crate) pauses: u32,
    /// What the members of the sync group were told; `None` without a group.
    pub(crate) order: Option<Order>,
    pub(crate) inbox: VecDeque<(usize, IpAddr, Packet)>,
    pub(crate) mail: VecDeque<(usize, Mail)>,
    /// Requests that a frozen parent has not read.
    pub(crate) requests: VecDeque<(usize, Task)>,
    /// Routers whose addresses the parent has still to remove before it ends.
    pub(crate) undoing: usize,
    /// When nothing was held for the last time.
    pub(crate) unheld: Time,
    /// From then on the engine says nothing, and from then on nothing is held.
    until: Time,
    gone: Time,
}

impl Host {
    pub(crate) fn new(members: Range<usize>) -> Self {
        Self {
            members,
            life: 0,
            parent: Parent::Dead,
            frozen: false,
            quiet: false,
            pauses: 0,
            order: None,
            inbox: VecDeque::new(),
            mail: VecDeque::new(),
            requests: VecDeque::new(),
            undoing: 0,
            unheld: 0,
            until: 0,
            gone: 0,
        }
    }

    /// A new daemon after this one.
    pub(crate) fn next(&self, now: Time) -> Self {
        Self {
            life: self.life + 1,
            pauses: self.pauses + 1,
            parent: Parent::Runs,
            unheld: now,
            ..Self::new(self.members.clone())
        }
    }
}

impl World {
    pub(crate) fn host_of(&self, at: usize) -> &Host {
        &self.hosts[self.nodes[at].setup.host]
    }

    pub(crate) fn members(&self, host: usize) -> Range<usize> {
        self.hosts[host].members.clone()
    }

    /// Is there an engine?
    pub(crate) fn lives(&self, host: usize) -> bool {
        self.nodes[self.hosts[host].members.start].router.is_some()
    }

    /// Engine and parent do what they should.
    pub(crate) fn works(&self, at: usize) -> bool {
        let host = self.host_of(at);
        let stands = host.parent == Parent::Runs && !host.frozen && !host.quiet;
        stands && self.nodes[at].router.is_some()
    }

    pub(crate) fn any_master(&self, host: usize) -> bool {
        let master = |router: &Router| router.state() == State::Master;
        self.members(host).any(|at| self.nodes[at].router.as_ref().is_some_and(master))
    }

    pub(crate) fn crash(&mut self, host: usize, how: Crash) {
        if !self.lives(host) {
            return;
        }
        let runs = self.hosts[host].parent == Parent::Runs;
        match how {
            Crash::Engine if runs => self.undo(host, true),
            Crash::Engine => self.vanish(host),
            Crash::Parent if self.hosts[host].parent == Parent::Dead => {}
            Crash::Parent => {
                let this = &mut self.hosts[host];
                this.parent = Parent::Dead;
                this.requests.clear();
                this.mail.clear();
                if runs {
                    this.pauses += 1;
                    self.abandon(host);
                }
                if !self.any_master(host) && !self.hosts[host].frozen {
                    self.vanish(host);
                }
            }
            Crash::Host => {
                for at in self.members(host) {
                    self.nodes[at].installed = None;
                }
                self.hosts[host].life += 1;
                self.leave(host);
            }
            Crash::Daemon => {
                self.leave(host);
                if runs {
                    self.hosts[host].life += 1;
                    self.hosts[host].pauses += 1;
                    self.abandon(host);
                }
            }
        }
        self.disturb_host(host);
    }

    /// The parent outlives its engine: it removes everything, says good-bye and ends.
    fn undo(&mut self, host: usize, says_good_bye: bool) {
        let members = self.members(host);
        let will = |world: &Self, at: usize| {
            let node = &world.nodes[at];
            node.oracle.term()?;
            Packet::of(node.router.as_ref()?, Kind::GoodBye).filter(|_| says_good_bye)
        };
        let wills: Vec<Option<Packet>> = members.clone().map(|at| will(self, at)).collect();
        self.vanish(host);
        self.hosts[host].undoing = members.len();
        for (at, will) in members.zip(wills) {
            self.nodes[at].lease.freeze(self.now);
            self.kernel(at, Task::Undo(will));
        }
    }

    pub(crate) fn freeze(&mut self, host: usize, who: Frozen) {
        if !self.lives(host) {
            return;
        }
        let now = self.now;
        let this = &mut self.hosts[host];
        let (engine, parent) = match who {
            Frozen::Engine => (true, false),
            Frozen::Parent => (false, true),
            Frozen::Daemon => (true, true),
        };
        let engine_stops = engine && !this.frozen;
        let parent_stops = parent && this.parent == Parent::Runs;
        let members = this.members.clone();
        this.frozen |= engine;
        if engine_stops {
            for at in members {
                self.nodes[at].wake = None;
                self.nodes[at].lease.freeze(now);
            }
        }
        let this = &mut self.hosts[host];
        if parent_stops {
            this.parent = Parent::Frozen;
            this.pauses += 1;
            self.abandon(host);
        } else if engine_stops && this.parent == Parent::Runs {
            this.pauses += 1;
            self.expect_alive(host);
        }
        self.disturb_host(host);
    }

    /// The parent first: what it still had to do, then what the kernel lost meanwhile.
    pub(crate) fn thaw(&mut self, host: usize) {
        let this = &mut self.hosts[host];
        let parent_wakes = this.parent == Parent::Frozen;
        let engine_wakes = std::mem::take(&mut this.frozen);
        if !parent_wakes && !engine_wakes {
            return;
        }
        this.pauses += u32::from(this.parent != Parent::Dead);
        let abandoned = this.parent != Parent::Runs;
        let gone = this.gone;
        if engine_wakes && abandoned && self.now >= gone + REMOVED {
            let silent = self.now > gone + REMOVED + TOO_LATE;
            if silent { self.vanish(host) } else { self.last_word(host) }
        }
        if parent_wakes {
            self.parent_wakes(host);
        }
        self.end_orphan(host);
        if engine_wakes {
            self.engine_wakes(host);
        }
        self.disturb_host(host);
    }

    /// An orphan that holds nothing has nothing to live for.
    pub(crate) fn end_orphan(&mut self, host: usize) {
        let this = &self.hosts[host];
        if this.parent == Parent::Dead && !this.quiet && !this.frozen && !self.any_master(host) {
            self.vanish(host);
        }
    }

    fn parent_wakes(&mut self, host: usize) {
        let now = self.now;
        let this = &mut self.hosts[host];
        this.parent = Parent::Runs;
        this.quiet = false;
        let members = this.members.clone();
        if !self.lives(host) {
            self.hosts[host].requests.clear();
            self.undo(host, false);
            return;
        }
        // It puts back what the kernel removed meanwhile.
        for node in &mut self.nodes[members.clone()] {
            if node.granted.is_some() {
                node.installed = node.granted;
                let length = super::bounds::lease(node.interval());
                node.lease.take(now, length);
            }
        }
        for at in members.clone() {
            self.begin_task(at);
        }
        while let Some((at, task)) = self.hosts[host].requests.pop_front() {
            self.kernel(at, task);
        }
        if self.hosts[host].frozen {
            self.expect_alive(host);
        } else {
            self.read_mail(host);
            self.serve(host);
            for at in members {
                self.tell_health(at);
            }
        }
    }

    /// As the engine does after a stall: adverts, timers, then the parent and the checker.
    fn engine_wakes(&mut self, host: usize) {
        while self.lives(host) {
            for _ in 0..BURST {
                let Some((at, from, packet)) = self.hosts[host].inbox.pop_front() else { break };
                self.hear(from, at, &packet);
            }
            self.serve(host);
            self.read_mail(host);
            if self.hosts[host].inbox.is_empty() {
                break;
            }
        }
        for at in self.members(host) {
            self.tell_health(at);
        }
    }

    fn serve(&mut self, host: usize) {
        for at in self.members(host) {
            let node = &self.nodes[at];
            let now = node.clock.local(self.now);
            let due = |router: &Router| router.next_deadline().is_some_and(|at| at <= now);
            if node.router.as_ref().is_some_and(due) && !self.hosts[host].quiet {
                self.step(at, Input::Deadline);
            }
        }
    }

    fn read_mail(&mut self, host: usize) {
        if self.hosts[host].parent == Parent::Runs {
            while let Some((at, mail)) = self.hosts[host].mail.pop_front() {
                self.tell(at, mail);
            }
        }
    }

    /// From now on nobody renews the addresses, and the engine knows until when they are there: the
    /// parent vouched for the first that ends each time it answered, and three seconds when there
    /// was none.
    pub(crate) fn abandon(&mut self, host: usize) {
        let now = self.now;
        let members = self.members(host);
        let (mut first, mut last) = (None, now);
        for at in members.clone() {
            let removal = self.random.below(REMOVAL + 1);
            let (life, pause) = (self.hosts[host].life, self.hosts[host].pauses);
            let node = &mut self.nodes[at];
            node.lease.freeze(now);
            let lapse = node.lease.end() + removal;
            // While the parent ran, it put back what the kernel removed.
            if lapse <= now {
                node.installed = None;
            }
            if node.installed.is_some() {
                let end = node.lease.end();
                first = Some(first.map_or(end, |first: Time| first.min(end)));
                last = last.max(end);
                self.enqueue(lapse, Event::Lapse { node: at, life, pause });
            }
        }
        let this = &mut self.hosts[host];
        let unheld = if first.is_some() { this.unheld } else { now };
        this.until = now.max(first.unwrap_or(now)).max(unheld + UNLEASED);
        // With several routers the last of them counts, not the first.
        this.gone = this.until.max(last);
        let (until, gone, pause) = (this.until, this.gone, this.pauses);
        self.enqueue(until, Event::LeaseOver { host, pause });
        self.enqueue(gone + REMOVED, Event::LastWord { host, pause });
    }

    /// A parent that runs misses the signs of life.
    fn expect_alive(&mut self, host: usize) {
        let pause = self.hosts[host].pauses;
        self.enqueue(self.now + HUNG, Event::Hung { host, pause });
    }

    /// The addresses have vanished by themselves: good-bye, and the engine is gone.
    pub(crate) fn last_word(&mut self, host: usize) {
        if self.hosts[host].frozen {
            return;
        }
        self.hosts[host].quiet = false;
        self.hosts[host].order = None;
        for at in self.members(host) {
            let router = self.nodes[at].router.as_ref();
            if router.is_some_and(|router| !router.is_done()) {
                self.step(at, Input::LeaseEnded);
            }
        }
        self.vanish(host);
    }

    /// The engine's process is gone.
    pub(crate) fn vanish(&mut self, host: usize) {
        let this = &mut self.hosts[host];
        this.frozen = false;
        this.inbox.clear();
        this.mail.clear();
        for at in self.members(host) {
            self.nodes[at].router = None;
            self.nodes[at].wake = None;
        }
        self.disturb_host(host);
        self.witness.links_changed();
    }

    /// In order: nothing is held, nothing remains to be said.
    pub(crate) fn leave(&mut self, host: usize) {
        self.vanish(host);
        self.hosts[host].parent = Parent::Dead;
    }
}
