//! One turn of an engine: a router is told something, judged, and obeyed; its sync group is told what
//! follows. What the engine asks of its parent goes to the kernel, and comes back as mail.

use super::bounds::{LATENESS, OPERATION};
use super::clock::{MICRO, Time};
use super::host::Parent;
use super::node::{Mail, Packet, Task};
use super::view::{Told, View};
use super::world::{Event, World};
use vipd_types::State;
use vrrp_core::group::{self, Order};
use vrrp_core::{Action, Event as Report, Health, Input, Kind, Router};

/// Orders that may follow from each other within one step, as in the engine.
const ROUNDS: usize = 8;

impl World {
    /// As the engine does (`Routers::step`): one input for one router, and everything that follows
    /// from it, also for its sync group.
    pub(crate) fn step(&mut self, at: usize, input: Input<'_>) {
        let host = self.nodes[at].setup.host;
        if self.step_alone(at, input) {
            self.sync(host);
        }
        self.end_turn(host);
    }

    fn end_turn(&mut self, host: usize) {
        self.check_group(host);
        self.meet_fates(host);
    }

    /// True if the router stands elsewhere than before.
    pub(crate) fn step_alone(&mut self, at: usize, input: Input<'_>) -> bool {
        let node = &mut self.nodes[at];
        let quiet = node.quiet;
        let Some(router) = node.router.as_mut() else { return false };
        let stood = router.standing();
        self.steps += 1;
        let now = node.clock.local(self.now);
        let told = Told::from(&input);
        let before = View::of(router);
        if before.state == State::Backup {
            node.waited = Time::try_from(before.active.as_nanos()).unwrap();
        }
        let answers = matches!(told, Told::Packet(_)) || node.oracle.answer.is_some();
        let actions = router.step(now, input);
        let judged = node.oracle.judge(now, told, before, router, &actions, node.installed);
        let moved = router.standing() != stood;
        let wake = if quiet { None } else { router.next_deadline() };
        let lateness = self.random.below(LATENESS + 1);
        node.wake = wake.map(|local| node.clock.truth(local).max(self.now) + lateness);
        if self.trace.is_some() {
            let view = node.router.as_ref().map(View::of).unwrap_or(before);
            let (state, priority, next) = (view.state, view.priority, view.next);
            let left = next.map(|next| next.since(now));
            let wants: Vec<Action> = actions.iter().collect();
            self.say(|| format!("{at} {priority}: {told:?} -> {state:?} {left:?} {wants:?}"));
        }
        if let Err(what) = judged {
            self.witness.violate(format!("router {at}: {what}"));
            return false;
        }
        for action in actions.iter() {
            self.obey(at, action, answers);
        }
        moved
    }

    /// As `Routers::sync`: tells the members until all agree.
    fn sync(&mut self, host: usize) {
        for _ in 0..ROUNDS {
            let Some(told) = self.hosts[host].order else { return };
            let members = self.members(host);
            let standing = |at: usize| self.nodes[at].router.as_ref().map(Router::standing);
            let order = group::order(members.clone().filter_map(standing));
            if order == told {
                return;
            }
            self.hosts[host].order = Some(order);
            for at in members {
                self.step_alone(at, Input::Group(Some(order)));
            }
        }
        self.witness.violate(format!("the group of host {host} does not come to rest"));
    }

    /// As `Routers::regroup`, for routers that are new.
    pub(crate) fn regroup(&mut self, host: usize) {
        let members = self.members(host);
        if members.len() > 1 {
            self.hosts[host].order = Some(Order::Wait);
            for at in members {
                self.step_alone(at, Input::Group(Some(Order::Wait)));
            }
            self.sync(host);
        }
    }

    /// The daemon ends: every router for itself.
    fn stop(&mut self, host: usize) {
        self.hosts[host].order = None;
        for at in self.members(host) {
            self.step(at, Input::Stop);
        }
    }

    fn obey(&mut self, at: usize, action: Action, answers: bool) {
        let now = self.now;
        match action {
            Action::Send(kind) => {
                self.send(at, kind);
                if answers {
                    self.nodes[at].last_answer = Some(now);
                }
            }
            Action::Acquire(epoch) => {
                self.nodes[at].terms += 1;
                self.request(at, Task::Install(epoch));
            }
            Action::Release(epoch, _) => self.request(at, Task::Remove(epoch)),
            Action::Event(Report::State { to: State::Master, .. }) => {
                self.nodes[at].master_since = now;
            }
            Action::Announce(_) | Action::Event(_) => {}
        }
    }

    fn request(&mut self, at: usize, task: Task) {
        let host = self.nodes[at].setup.host;
        match self.hosts[host].parent {
            Parent::Runs => self.kernel(at, task),
            Parent::Frozen => self.hosts[host].requests.push_back((at, task)),
            Parent::Dead => {}
        }
    }

    /// In order, one after the other.
    pub(crate) fn kernel(&mut self, at: usize, task: Task) {
        self.nodes[at].tasks.push_back(task);
        self.begin_task(at);
    }

    /// The next of what the kernel is asked for, unless it is busy with another.
    pub(crate) fn begin_task(&mut self, at: usize) {
        let took = self.random.between(50 * MICRO, OPERATION);
        let (asked, life) = (self.now, self.host_of(at).life);
        let node = &mut self.nodes[at];
        let Some(task) = node.tasks.front().filter(|_| !node.busy) else { return };
        let refused = matches!(task, Task::Install(_)) && node.refusals > 0;
        node.refusals -= u8::from(refused);
        node.busy = true;
        let done = asked + took;
        self.enqueue(done, Event::Done { node: at, life, asked, refused });
        if self.random.chance(5) {
            let when = self.random.between(asked, done);
            self.enqueue(when, Event::Stale { node: at, life });
        }
    }

    fn send(&mut self, at: usize, kind: Kind) {
        let delay = self.random.below(super::bounds::ALIVE);
        let host = self.host_of(at);
        let runs = host.parent == Parent::Runs && !host.orphaned;
        let node = &mut self.nodes[at];
        if node.quiet {
            return;
        }
        let Some(packet) = Packet::of(node.router.as_ref().unwrap(), kind) else { return };
        node.last_sent = self.now;
        if kind == Kind::Advert && runs {
            node.lease.advert(self.now, delay);
        }
        self.broadcast(at, packet);
    }

    /// To the engine; a stopped one reads it later, a dead parent says nothing.
    pub(crate) fn tell(&mut self, at: usize, mail: Mail) {
        let host = self.nodes[at].setup.host;
        let this = &mut self.hosts[host];
        if self.nodes[at].router.is_none() || this.parent == Parent::Dead {
            return;
        }
        if this.frozen || this.parent == Parent::Frozen {
            this.mail.push_back((at, mail));
            return;
        }
        let node = &mut self.nodes[at];
        if node.installed.is_none() {
            node.end = None;
            node.quiet &= node.ended;
        }
        match mail.input(&self.plan, &self.nodes[at]) {
            Some(input) => self.step(at, input),
            None => self.stop(host),
        }
        if self.lives(host) && self.is_done(host) {
            self.leave(host);
        }
        self.witness.links_changed();
    }

    /// Stopped, and nothing is held or to be said any more.
    fn is_done(&self, host: usize) -> bool {
        self.members(host).all(|at| {
            let node = &self.nodes[at];
            node.oracle.stopped && node.router.as_ref().is_some_and(Router::is_done)
        })
    }

    pub(crate) fn track(&mut self, at: usize, adds: i32, fault: bool) {
        self.change_health(at, |health| *health = Health { adds, fault, ..Health::default() });
    }

    pub(crate) fn change_health(&mut self, at: usize, change: impl FnOnce(&mut Health)) {
        change(&mut self.nodes[at].health);
        self.tell_health(at);
    }

    /// In one turn of the engine.
    pub(crate) fn tell_all_health(&mut self, host: usize) {
        for at in self.members(host) {
            if self.hears_trackers(at) {
                self.step_alone(at, Input::Track(self.nodes[at].health));
            }
        }
        self.sync(host);
        self.end_turn(host);
    }

    /// An orphan does not listen to the checker.
    pub(crate) fn hears_trackers(&self, at: usize) -> bool {
        let host = self.host_of(at);
        !host.frozen && !host.orphaned && host.parent != Parent::Dead
    }

    pub(crate) fn tell_health(&mut self, at: usize) {
        if self.hears_trackers(at) {
            self.step(at, Input::Track(self.nodes[at].health));
        }
    }
}
