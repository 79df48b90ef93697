//! Several hosts under one true time: takes what happens next, in the order of time, feeds it to
//! the router it is for, and does what the router wants. What goes wrong is in `faults`; nothing
//! is judged here.

use super::bounds::{LATENESS, OPERATION, aftermath};
use super::clock::{MICRO, SECOND, Time};
use super::node::{Mail, Node, Packet, Parent, Task, configure};
use super::plan::{Plan, Weather};
use super::random::Random;
use super::view::{Told, View};
use super::witness::Witness;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;
use vipd_types::State;
use vrrp_core::{Action, Event as Report, Health, Input, Kind, Router};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    Arrive {
        from: IpAddr,
        link: usize,
        to: usize,
        sent: u64,
        late: bool,
        packet: Packet,
    },
    Done {
        node: usize,
        life: u32,
        task: Task,
        refused: bool,
    },
    /// The trackers have had their first results.
    Results {
        node: usize,
        life: u32,
    },
    /// A frozen engine is noticed.
    Hung {
        node: usize,
        pause: u32,
    },
    /// The kernel removes what nobody renews.
    Lapse {
        node: usize,
        life: u32,
        pause: u32,
    },
    /// The engine's view of the same: silence, then good-bye.
    LeaseOver {
        node: usize,
        pause: u32,
    },
    LastWord {
        node: usize,
        pause: u32,
    },
    Stranger {
        serial: u64,
    },
    /// An answer about an earlier term comes late.
    Stale {
        node: usize,
        life: u32,
    },
}

struct Queued {
    at: Time,
    serial: u64,
    event: Event,
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.serial) == (other.at, other.serial)
    }
}
impl Eq for Queued {}
impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Queued {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.serial).cmp(&(other.at, other.serial))
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Stranger {
    pub(crate) serial: u64,
    pub(crate) name: IpAddr,
    pub(crate) packet: Packet,
    pub(crate) every: Time,
    pub(crate) until: Time,
}

pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) nodes: Vec<Node>,
    pub(crate) now: Time,
    pub(crate) random: Random,
    pub(crate) weather: Weather,
    /// `blocked[from][to]`.
    pub(crate) blocked: Vec<Vec<bool>>,
    /// When the latest ordinary advert comes out of the link.
    pub(crate) arrived: Vec<Vec<Time>>,
    /// The number of the latest advert that has come out of it.
    pub(crate) newest: Vec<Vec<u64>>,
    pub(crate) stranger: Option<Stranger>,
    queue: BinaryHeap<Reverse<Queued>>,
    serial: u64,
    next_fault: usize,
    /// What was missed may have consequences for so long.
    pub(crate) aftermath: Time,
    pub(crate) witness: Witness,
    pub(crate) steps: u64,
    /// The latest steps in words, if somebody will read them.
    pub(crate) trace: Option<VecDeque<String>>,
}

impl World {
    pub(crate) fn new(plan: Plan) -> Self {
        let n = plan.routers.len();
        let mut world = Self {
            nodes: plan.routers.iter().map(|setup| Node::new(*setup)).collect(),
            now: 0,
            random: Random::new(plan.seed),
            weather: Weather::default(),
            blocked: vec![vec![false; n]; n],
            arrived: vec![vec![0; n]; n],
            newest: vec![vec![0; n]; n],
            stranger: None,
            queue: BinaryHeap::with_capacity(64),
            serial: 0,
            next_fault: 0,
            aftermath: aftermath(plan.slowest()),
            witness: Witness::new(n),
            steps: 0,
            trace: None,
            plan,
        };
        for node in 0..n {
            world.start(node, 0);
        }
        world
    }

    /// Until `end`, or until something is wrong.
    pub(crate) fn run_to(&mut self, end: Time) {
        while self.witness.violation.is_none() {
            let fault = self.plan.faults.get(self.next_fault).map(|(at, _)| *at);
            let event = self.queue.peek().map(|Reverse(queued)| queued.at);
            let timer = self.next_timer();
            // What has arrived goes before a timer, and a fault before both.
            let next = [fault, event, timer.map(|(at, _)| at)].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.now = end;
                self.check();
                return;
            };
            self.now = self.now.max(next);
            if fault == Some(next) {
                let (_, fault) = self.plan.faults[self.next_fault];
                self.next_fault += 1;
                self.say(|| format!("{fault:?}"));
                self.suffer(fault);
            } else if event == Some(next) {
                let Reverse(queued) = self.queue.pop().unwrap();
                self.happen(queued.event);
            } else if let Some((_, node)) = timer {
                self.step(node, Input::Deadline);
            }
            self.check();
        }
    }

    /// For scenarios: nothing may go wrong meanwhile.
    pub(crate) fn run(&mut self, time: Duration) {
        self.run_to(self.now + Time::try_from(time.as_nanos()).unwrap());
        if let Some(violation) = &self.witness.violation {
            panic!("seed {}: {violation}", self.plan.seed);
        }
    }

    pub(crate) fn enqueue(&mut self, at: Time, event: Event) {
        self.serial += 1;
        self.queue.push(Reverse(Queued { at, serial: self.serial, event }));
    }

    pub(crate) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    fn next_timer(&self) -> Option<(Time, usize)> {
        let timers = self.nodes.iter().enumerate();
        timers.filter_map(|(at, node)| Some((node.wake?, at))).min()
    }

    pub(crate) fn say(&mut self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            if trace.len() == 400 {
                trace.pop_front();
            }
            trace.push_back(format!("{:>16.6} ms {}", self.now as f64 / 1e6, what()));
        }
    }

    pub(crate) fn step(&mut self, at: usize, input: Input<'_>) {
        let node = &mut self.nodes[at];
        let Some(router) = node.router.as_mut() else { return };
        self.steps += 1;
        let now = node.clock.local(self.now);
        let told = Told::from(&input);
        let before = View::of(router);
        let answers = matches!(told, Told::Packet { .. }) || node.oracle.answer.is_some();
        let actions = router.step(now, input);
        let judged = node.oracle.judge(now, told, before, router, &actions, node.installed);
        let wake = if node.quiet { None } else { router.next_deadline() };
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
            return;
        }
        for action in actions.iter() {
            self.obey(at, action, answers);
        }
        // An orphan that holds nothing has nothing to live for.
        let node = &self.nodes[at];
        let idle = node.router.as_ref().is_some_and(|router| router.state() != State::Master);
        if node.parent == Parent::Dead && !node.quiet && idle {
            self.vanish(at);
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
                self.request(at, Task::Install { epoch, asked: now });
            }
            Action::Release(epoch, _) => self.request(at, Task::Remove(epoch)),
            Action::Event(Report::State { to: State::Master, .. }) => {
                self.nodes[at].master_since = now;
            }
            Action::Announce(_) | Action::Event(_) => {}
        }
    }

    fn request(&mut self, at: usize, task: Task) {
        match self.nodes[at].parent {
            Parent::Runs => self.kernel(at, task),
            Parent::Frozen => self.nodes[at].requests.push_back(task),
            Parent::Dead => {}
        }
    }

    /// In order, one after the other.
    pub(crate) fn kernel(&mut self, at: usize, task: Task) {
        let took = self.random.between(50 * MICRO, OPERATION);
        let now = self.now;
        let node = &mut self.nodes[at];
        let done = (now + took).max(node.kernel_free);
        node.kernel_free = done;
        let refused = matches!(task, Task::Install { .. }) && node.refusals > 0;
        node.refusals -= u8::from(refused);
        let life = node.life;
        self.enqueue(done, Event::Done { node: at, life, task, refused });
        if self.random.chance(5) {
            let when = self.random.between(now, done);
            self.enqueue(when, Event::Stale { node: at, life });
        }
    }

    fn send(&mut self, at: usize, kind: Kind) {
        let delay = self.random.below(super::bounds::ALIVE);
        let node = &mut self.nodes[at];
        if node.quiet {
            return;
        }
        let Some(packet) = Packet::of(node.router.as_ref().unwrap(), kind) else { return };
        node.last_sent = self.now;
        if kind == Kind::Advert && node.parent == Parent::Runs {
            node.lease.advert(self.now, delay);
        }
        self.broadcast(at, packet);
    }

    /// To the engine; a stopped one reads it later, a dead parent says nothing.
    pub(crate) fn tell(&mut self, at: usize, mail: Mail) {
        let node = &mut self.nodes[at];
        if node.router.is_none() || node.parent == Parent::Dead {
            return;
        }
        if node.frozen || node.parent == Parent::Frozen {
            node.mail.push_back(mail);
            return;
        }
        let input = mail.input(&self.plan, at, node);
        self.step(at, input);
        let done = matches!(mail, Mail::Stop | Mail::Released(_) | Mail::NotAcquired(_));
        let router = self.nodes[at].router.as_ref();
        if done && router.is_some_and(|router| router.is_done() && self.nodes[at].oracle.stopped) {
            self.leave(at);
        }
        self.witness.links_changed();
    }

    pub(crate) fn track(&mut self, at: usize, adds: i32, fault: bool) {
        let node = &mut self.nodes[at];
        node.health = Health { adds, fault, ..Health::default() };
        self.tell_health(at);
    }

    /// An orphan does not listen to the checker.
    pub(crate) fn tell_health(&mut self, at: usize) {
        let node = &self.nodes[at];
        if !node.frozen && node.parent != Parent::Dead {
            self.step(at, Input::Track(node.health));
        }
    }

    /// A new daemon. Its parent removes what an earlier life left behind before the engine starts.
    pub(crate) fn start(&mut self, at: usize, results: Time) {
        let now = self.now;
        let node = &mut self.nodes[at];
        if node.router.is_some() {
            return;
        }
        let setup = node.setup;
        *node = Node {
            router: Some(Router::new(configure(&self.plan, at, setup))),
            parent: Parent::Runs,
            life: node.life + 1,
            pauses: node.pauses + 1,
            health: node.health,
            up: node.up,
            sourced: node.sourced,
            kernel_free: now,
            refusals: node.refusals,
            terms: node.terms,
            ..Node::new(setup)
        };
        let (health, life) = (node.health, node.life);
        self.disturb_all(at);
        self.witness.links_changed();
        if results == 0 {
            self.step(at, Input::Track(health));
        } else {
            let unproven = results < SECOND;
            let early = Health { unproven, pending: true, ..Health::default() };
            self.step(at, Input::Track(early));
            self.enqueue(now + results, Event::Results { node: at, life });
        }
        self.tell(at, Mail::Link);
    }

    pub(crate) fn takeovers(&self) -> u64 {
        self.nodes.iter().map(|node| node.terms).sum()
    }

    pub(crate) fn owners(&self) -> Vec<usize> {
        let owns = |node: &usize| self.nodes[*node].installed.is_some();
        (0..self.nodes.len()).filter(owns).collect()
    }
}
