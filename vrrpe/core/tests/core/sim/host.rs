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
    /// One of its routers has ended, and so will the others.
    pub(crate) orphaned: bool,
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
    /// So long the parent's last word is good for what it has not leased.
    word: Time,
}

impl Host {
    pub(crate) fn new(members: Range<usize>) -> Self {
        Self {
            members,
            life: 0,
            parent: Parent::Dead,
            frozen: false,
            orphaned: false,
            pauses: 0,
            order: None,
            inbox: VecDeque::new(),
            mail: VecDeque::new(),
            requests: VecDeque::new(),
            undoing: 0,
            word: 0,
        }
    }

    /// A new daemon after this one.
    pub(crate) fn next(&self) -> Self {
        Self {
            life: self.life + 1,
            pauses: self.pauses + 1,
            parent: Parent::Runs,
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
        let stands = host.parent == Parent::Runs && !host.frozen && !host.orphaned;
        stands && !self.nodes[at].quiet && self.nodes[at].router.is_some()
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
                self.meet_fates(host);
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
            self.count_leases(host);
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
        self.meet_fates(host);
        match self.hosts[host].parent {
            Parent::Frozen if parent_wakes => self.parent_wakes(host),
            Parent::Runs => self.count_leases(host),
            Parent::Frozen | Parent::Dead => {}
        }
        if engine_wakes {
            self.engine_wakes(host);
        }
        self.disturb_host(host);
    }

    /// As the engine does, of which nobody renews the leases: each router is served to the end of
    /// its own. The first that ends takes with it those that hold nothing.
    pub(crate) fn meet_fates(&mut self, host: usize) {
        let this = &self.hosts[host];
        if this.frozen || this.parent == Parent::Runs && !this.orphaned || !self.lives(host) {
            return;
        }
        let before = this.orphaned;
        for at in self.members(host) {
            self.meet_fate(host, at);
        }
        if !self.hosts[host].orphaned {
            return;
        }
        if !before {
            self.members(host).for_each(|at| self.meet_fate(host, at));
        }
        if self.members(host).all(|at| self.nodes[at].ended) {
            self.vanish(host);
        }
    }

    fn meet_fate(&mut self, host: usize, at: usize) {
        let (now, this) = (self.now, &self.hosts[host]);
        let alone = this.orphaned || this.parent == Parent::Dead;
        let node = &mut self.nodes[at];
        let gone = match node.end {
            _ if node.ended => return,
            None if alone || now >= this.word => this.word,
            None => return,
            Some(end) if now < end => return,
            Some(end) if now < end + REMOVED => {
                node.quiet = true;
                node.wake = None;
                return;
            }
            Some(end) => end + REMOVED,
        };
        self.hosts[host].orphaned = true;
        self.hosts[host].order = None;
        node.quiet = now > gone + TOO_LATE;
        if node.router.as_ref().is_some_and(|router| !router.is_done()) {
            self.step_alone(at, Input::LeaseEnded);
        }
        let node = &mut self.nodes[at];
        (node.ended, node.quiet, node.wake) = (true, true, None);
    }

    fn parent_wakes(&mut self, host: usize) {
        let now = self.now;
        let this = &mut self.hosts[host];
        this.parent = Parent::Runs;
        let members = this.members.clone();
        if !self.lives(host) {
            self.hosts[host].requests.clear();
            self.undo(host, false);
            return;
        }
        // What the kernel has removed because the lease was over is not put back.
        for node in &mut self.nodes[members.clone()] {
            node.quiet &= node.ended || node.end.is_some_and(|end| end <= now);
        }
        for at in members.clone() {
            let node = &mut self.nodes[at];
            let lost = node.granted.take_if(|_| node.installed.is_none());
            lost.into_iter().for_each(|epoch| self.tell(at, Mail::Lapsed(epoch)));
        }
        self.count_leases(host);
        for at in members.clone() {
            self.begin_task(at);
        }
        while let Some((at, task)) = self.hosts[host].requests.pop_front() {
            self.kernel(at, task);
        }
        if self.hosts[host].orphaned || !self.lives(host) {
            self.undo(host, true);
        } else if self.hosts[host].frozen {
            self.expect_alive(host);
        } else {
            self.read_mail(host);
            self.serve(host);
            self.tell_all_health(host);
        }
    }

    /// The kernel does not care who is awake.
    fn count_leases(&mut self, host: usize) {
        let (life, pause) = (self.hosts[host].life, self.hosts[host].pauses);
        for at in self.members(host) {
            let removal = self.random.below(REMOVAL + 1);
            let node = &self.nodes[at];
            if node.installed.is_some() {
                let lapse = (node.lease.end() + removal).max(self.now);
                self.enqueue(lapse, Event::Lapse { node: at, life, pause });
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
        self.tell_all_health(host);
    }

    fn serve(&mut self, host: usize) {
        for at in self.members(host) {
            let node = &self.nodes[at];
            let now = node.clock.local(self.now);
            let due = |router: &Router| router.next_deadline().is_some_and(|at| at <= now);
            if node.router.as_ref().is_some_and(due) && !node.quiet {
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

    /// From now on nobody renews the addresses, and the engine knows until when they are there.
    pub(crate) fn abandon(&mut self, host: usize) {
        let now = self.now;
        for at in self.members(host) {
            let removal = self.random.below(REMOVAL + 1);
            let (life, pause) = (self.hosts[host].life, self.hosts[host].pauses);
            let node = &mut self.nodes[at];
            node.lease.freeze(now);
            let lapse = node.lease.end() + removal;
            // While the parent ran, it put back what the kernel removed.
            if lapse <= now {
                node.installed = None;
            }
            node.end = node.installed.map(|_| node.lease.end());
            if let Some(end) = node.end {
                self.enqueue(lapse, Event::Lapse { node: at, life, pause });
                self.enqueue(end.max(now), Event::Fate { host, pause });
                self.enqueue(end + REMOVED, Event::Fate { host, pause });
            }
        }
        let this = &mut self.hosts[host];
        this.word = now + UNLEASED;
        let (word, pause) = (this.word, this.pauses);
        self.enqueue(word, Event::Fate { host, pause });
    }

    /// A parent that runs misses the signs of life.
    fn expect_alive(&mut self, host: usize) {
        let pause = self.hosts[host].pauses;
        self.enqueue(self.now + HUNG, Event::Hung { host, pause });
    }

    /// The engine's process is gone.
    pub(crate) fn vanish(&mut self, host: usize) {
        let this = &mut self.hosts[host];
        this.frozen = false;
        this.orphaned = false;
        this.inbox.clear();
        this.mail.clear();
        for at in self.members(host) {
            let node = &mut self.nodes[at];
            (node.router, node.wake, node.end) = (None, None, None);
            (node.quiet, node.ended) = (false, false);
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
