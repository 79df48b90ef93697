//! Several hosts under one true time: takes what happens next, in the order of time, feeds it to
//! the router it is for, and does what the router wants. What goes wrong is in `faults`; nothing
//! is judged here.

use super::bounds::aftermath;
use super::clock::{SECOND, Time};
use super::host::Host;
use super::node::{Mail, Node, Packet, configure};
use super::plan::{NETWORKS, Plan, Weather};
use super::random::Random;
use super::witness::Witness;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;
use vrrp_core::{Health, Input, Router};

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
        /// When the kernel was asked.
        asked: Time,
        refused: bool,
    },
    /// The trackers have had their first results.
    Results {
        host: usize,
        life: u32,
    },
    /// A frozen engine is noticed.
    Hung {
        host: usize,
        pause: u32,
    },
    /// The kernel removes what nobody renews.
    Lapse {
        node: usize,
        life: u32,
        pause: u32,
    },
    /// The engine's view of the same: silence, then good-bye.
    Fate {
        host: usize,
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
    pub(crate) wire: usize,
    pub(crate) name: IpAddr,
    pub(crate) packet: Packet,
    pub(crate) every: Time,
    pub(crate) until: Time,
}

pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) hosts: Vec<Host>,
    /// The routers of all hosts.
    pub(crate) nodes: Vec<Node>,
    pub(crate) now: Time,
    pub(crate) random: Random,
    pub(crate) weather: [Weather; NETWORKS],
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
        let host = |host: usize| {
            let first = plan.routers.iter().position(|setup| setup.host == host).unwrap();
            let count = plan.routers.iter().filter(|setup| setup.host == host).count();
            Host::new(first..first + count)
        };
        let mut world = Self {
            hosts: (0..plan.hosts()).map(host).collect(),
            nodes: plan.routers.iter().map(|setup| Node::new(*setup)).collect(),
            now: 0,
            random: Random::new(plan.seed),
            weather: Default::default(),
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
        for host in 0..world.hosts.len() {
            world.start(host, 0);
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

    /// A new daemon. Its parent removes what an earlier life left behind before the engine starts.
    pub(crate) fn start(&mut self, host: usize, results: Time) {
        if self.lives(host) {
            return;
        }
        let now = self.now;
        self.hosts[host] = self.hosts[host].next();
        let life = self.hosts[host].life;
        let members = self.members(host);
        for at in members.clone() {
            let node = &mut self.nodes[at];
            let setup = node.setup;
            *node = Node {
                router: Some(Router::new(configure(&self.plan, setup))),
                // What the operator said is forgotten.
                health: Health { standby: false, offline: false, ..node.health },
                up: node.up,
                sourced: node.sourced,
                refusals: node.refusals,
                terms: node.terms,
                ..Node::new(setup)
            };
        }
        self.disturb_host(host);
        self.witness.links_changed();
        // Nobody may become MASTER alone before it knows that it is in a group.
        self.regroup(host);
        let unproven = results < SECOND;
        let early = Health { unproven, pending: true, ..Health::default() };
        for at in members {
            let health = if results == 0 { self.nodes[at].health } else { early };
            self.step(at, Input::Track(health));
            self.tell(at, Mail::Link);
        }
        if results > 0 {
            self.enqueue(now + results, Event::Results { host, life });
        }
    }

    pub(crate) fn takeovers(&self) -> u64 {
        self.nodes.iter().map(|node| node.terms).sum()
    }

    pub(crate) fn owners(&self) -> Vec<usize> {
        let owns = |node: &usize| self.nodes[*node].installed.is_some();
        (0..self.nodes.len()).filter(owns).collect()
    }
}
