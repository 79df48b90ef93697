//! Several routers, each with a kernel that takes its time to add and remove addresses, under one
//! clock. What lies between them is `network`; who may hold the addresses is judged by `witness`.

use crate::common::{LOCAL, at_nanos, config, host, priority};
use crate::network::Weather;
use crate::random::Random;
use crate::witness::{Step, Told, Witness};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use vipd_types::{Epoch, Instant, Peer, State};
use vrrp_core::wire::{GROUP_V4, MESSAGE_MAX};
use vrrp_core::{Action, Config, Event, Health, Input, Kind, Router, Transport};

pub(crate) const INTERVAL: Duration = Duration::from_secs(1);
/// The longest ordinary flight of an advert.
pub(crate) const FLIGHT: Duration = Duration::from_micros(500);
/// The longest time in which the kernel adds or removes the addresses.
pub(crate) const KERNEL: Duration = Duration::from_millis(3);
/// The lease of the addresses, counted from the last advert that proved life.
const LEASE: Duration = Duration::from_secs(3);

pub(crate) struct Node {
    pub(crate) router: Option<Router>,
    pub(crate) config: Config,
    pub(crate) health: Health,
    pub(crate) paused: bool,
    /// In the kernel; what counts for "owner".
    pub(crate) installed: Option<Epoch>,
    pub(crate) terms: u64,
    inbox: Vec<(usize, Vec<u8>)>,
    /// Answers of an earlier life are not delivered.
    life: u64,
    kernel_free: Instant,
    last_advert: Instant,
    /// When it last answered an advert; the next answer may have to wait for its pace.
    pub(crate) last_answer: Instant,
    pub(crate) master_since: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crash {
    /// The parent removes the addresses and sends the last will.
    Engine,
    /// Silence and nothing held.
    Host,
    /// Everything killed: the addresses stay until their lease ends.
    Daemon,
}

#[derive(Debug, Clone)]
pub(crate) enum Happening {
    Arrive { from: usize, to: usize, bytes: Vec<u8>, disturbs: bool },
    Installed { node: usize, life: u64, epoch: Epoch },
    Removed { node: usize, life: u64, epoch: Epoch },
    LastWill { node: usize, bytes: Vec<u8> },
    LeaseEnded { node: usize, life: u64 },
}

pub(crate) struct World {
    pub(crate) nodes: Vec<Node>,
    pub(crate) now: Instant,
    pub(crate) random: Random,
    pub(crate) weather: Weather,
    /// `blocked[from][to]`.
    pub(crate) blocked: Vec<Vec<bool>>,
    /// When the latest ordinary advert comes out of the link.
    pub(crate) arrived: Vec<Vec<Instant>>,
    queue: BTreeMap<(Instant, u64), Happening>,
    serial: u64,
    /// When the pair last missed, or heard too late, what one of them said.
    pub(crate) disturbed: Vec<Vec<Instant>>,
    pub(crate) witness: Witness,
    pub(crate) seed: u64,
}

impl World {
    pub(crate) fn new(seed: u64, configs: Vec<Config>) -> Self {
        let n = configs.len();
        let zero = at_nanos(0);
        let node = |config: Config| Node {
            router: None,
            config,
            health: Health::default(),
            paused: false,
            installed: None,
            terms: 0,
            inbox: Vec::new(),
            life: 0,
            kernel_free: zero,
            last_advert: zero,
            last_answer: zero,
            master_since: zero,
        };
        let mut world = Self {
            nodes: configs.into_iter().map(node).collect(),
            now: zero,
            random: Random::new(seed),
            weather: Weather::default(),
            blocked: vec![vec![false; n]; n],
            arrived: vec![vec![zero; n]; n],
            queue: BTreeMap::new(),
            serial: 0,
            disturbed: vec![vec![zero; n]; n],
            witness: Witness::new(n),
            seed,
        };
        for node in 0..n {
            world.restart(node);
        }
        world
    }

    pub(crate) fn address(node: usize) -> Ipv4Addr {
        host(LOCAL.octets()[3] + u8::try_from(node).unwrap())
    }

    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now.plus(time);
        for _ in 0..1_000_000 {
            let timer = self.next_timer();
            let queued = self.queue.keys().next().map(|(at, _)| *at);
            let Some(next) = [timer.map(|(at, _)| at), queued].into_iter().flatten().min() else {
                break;
            };
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            match (timer, self.queue.first_key_value()) {
                // What has arrived goes before a timer.
                (_, Some(((at, _), _))) if *at <= self.now => {
                    let (_, happening) = self.queue.pop_first().unwrap();
                    self.happen(happening);
                }
                (Some((_, node)), _) => self.step(node, Input::Deadline),
                (None, _) => {}
            }
            self.check();
        }
        self.now = end;
        self.check();
    }

    pub(crate) fn step(&mut self, node: usize, input: Input<'_>) {
        let now = self.now;
        let Some(router) = self.nodes[node].router.as_mut() else { return };
        let told = Told::from(&input);
        let served = matches!(input, Input::Deadline);
        let asked = matches!(input, Input::Packet(_));
        let actions = router.step(now, input);
        let timer = router.next_deadline();
        let state = (router.state(), router.effective());
        self.witness.note(Step { at: now, node, told, state, wants: actions.clone() });
        assert!(!served || timer.is_none_or(|at| at > now), "seed {}: still due", self.seed);
        for action in actions.iter() {
            match action {
                Action::Send(kind) => {
                    self.send(node, kind);
                    if asked {
                        self.nodes[node].last_answer = now;
                    }
                }
                Action::Acquire(epoch) => {
                    self.nodes[node].terms += 1;
                    let life = self.nodes[node].life;
                    self.kernel(node, Happening::Installed { node, life, epoch });
                }
                Action::Release(epoch, _) => {
                    let life = self.nodes[node].life;
                    self.kernel(node, Happening::Removed { node, life, epoch });
                }
                Action::Event(Event::State { to: State::Master, .. }) => {
                    self.nodes[node].master_since = now;
                }
                Action::Announce(_) | Action::Event(_) => {}
            }
        }
    }

    pub(crate) fn track(&mut self, node: usize, adds: i32, fault: bool) {
        self.nodes[node].health = Health { adds, fault, ..Health::default() };
        if !self.nodes[node].paused {
            self.step(node, Input::Track(self.nodes[node].health));
        }
    }

    pub(crate) fn pause(&mut self, node: usize) {
        self.nodes[node].paused = true;
    }

    /// What waits is read first, then the timers are served.
    pub(crate) fn resume(&mut self, node: usize) {
        if !std::mem::take(&mut self.nodes[node].paused) {
            return;
        }
        self.disturb_all(node);
        for (from, bytes) in std::mem::take(&mut self.nodes[node].inbox) {
            self.hear(from, node, &bytes);
        }
        self.step(node, Input::Track(self.nodes[node].health));
    }

    pub(crate) fn crash(&mut self, node: usize, how: Crash) {
        self.resume(node);
        let will = match &self.nodes[node].router {
            None => return,
            Some(router) if router.state() == State::Master => encoded(router, Kind::GoodBye),
            Some(_) => Vec::new(),
        };
        let this = &mut self.nodes[node];
        this.router = None;
        this.life += 1;
        let life = this.life;
        let lease_end = this.last_advert.plus(LEASE);
        match how {
            Crash::Host => this.installed = None,
            Crash::Engine => {
                self.kernel(node, Happening::LastWill { node, bytes: will });
            }
            Crash::Daemon => {
                self.enqueue(lease_end.max(self.now), Happening::LeaseEnded { node, life });
            }
        }
        self.disturb_all(node);
    }

    /// The parent removes what an earlier life left behind before the engine starts.
    pub(crate) fn restart(&mut self, node: usize) {
        let now = self.now;
        let this = &mut self.nodes[node];
        if this.router.is_some() {
            return;
        }
        this.life += 1;
        this.installed = None;
        this.kernel_free = now;
        this.router = Some(Router::new(this.config.clone()));
        let health = this.health;
        self.disturb_all(node);
        self.step(node, Input::Track(health));
        self.step(node, Input::Link { up: true, source: Some(IpAddr::V4(Self::address(node))) });
    }

    /// Everything works again and everybody is there.
    pub(crate) fn heal(&mut self) {
        self.weather = Weather::default();
        let n = self.nodes.len();
        for node in 0..n {
            self.resume(node);
            self.restart(node);
            if self.nodes[node].health.fault {
                self.track(node, 0, false);
            }
            for other in 0..n {
                self.block(node, other, false);
            }
        }
    }

    pub(crate) fn takeovers(&self) -> u64 {
        self.nodes.iter().map(|node| node.terms).sum()
    }

    pub(crate) fn best(&self) -> u8 {
        let effective = |node: &Node| node.router.as_ref().map(|r| r.effective().get());
        self.nodes.iter().filter_map(effective).max().unwrap()
    }

    fn next_timer(&self) -> Option<(Instant, usize)> {
        let timers = self.nodes.iter().enumerate().filter(|(_, node)| !node.paused);
        timers.filter_map(|(at, node)| Some((node.router.as_ref()?.next_deadline()?, at))).min()
    }

    pub(crate) fn enqueue(&mut self, at: Instant, happening: Happening) {
        self.serial += 1;
        self.queue.insert((at, self.serial), happening);
    }

    /// In order, one after the other.
    fn kernel(&mut self, node: usize, happening: Happening) {
        let took = self.random.micros(100, u64::try_from(KERNEL.as_micros()).unwrap() / 2);
        let done = self.now.plus(took).max(self.nodes[node].kernel_free);
        self.nodes[node].kernel_free = done;
        self.enqueue(done, happening);
    }

    fn send(&mut self, node: usize, kind: Kind) {
        let bytes = encoded(self.nodes[node].router.as_ref().unwrap(), kind);
        self.nodes[node].last_advert = self.now;
        self.broadcast(node, &bytes);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Arrive { from, to, bytes, disturbs } => {
                if disturbs {
                    self.disturb(from, to);
                }
                if self.nodes[to].paused {
                    self.nodes[to].inbox.push((from, bytes));
                } else {
                    self.hear(from, to, &bytes);
                }
            }
            Happening::Installed { node, life, epoch } if life == self.nodes[node].life => {
                self.nodes[node].installed = Some(epoch);
                self.step(node, Input::Acquired(epoch));
            }
            Happening::Removed { node, life, epoch } if life == self.nodes[node].life => {
                if self.nodes[node].installed == Some(epoch) {
                    self.nodes[node].installed = None;
                }
                self.step(node, Input::Released(epoch));
            }
            Happening::LastWill { node, bytes } => {
                self.nodes[node].installed = None;
                if !bytes.is_empty() {
                    self.broadcast(node, &bytes);
                }
            }
            Happening::LeaseEnded { node, life } if life == self.nodes[node].life => {
                self.nodes[node].installed = None;
            }
            Happening::Installed { .. } | Happening::Removed { .. } => {}
            Happening::LeaseEnded { .. } => {}
        }
    }
}

pub(crate) fn encoded(router: &Router, kind: Kind) -> Vec<u8> {
    router.encode(kind, GROUP_V4.into(), &mut [0; MESSAGE_MAX]).unwrap().to_vec()
}

/// Routers of these priorities that talk to the group, or to each other as peers.
pub(crate) fn routers(priorities: &[u8], fast: bool, unicast: bool) -> Vec<Config> {
    let all: Vec<IpAddr> =
        (0..priorities.len()).map(|node| IpAddr::V4(World::address(node))).collect();
    let one = |(node, value): (usize, &u8)| {
        let mut one = Config { fast_handover: fast, priority: priority(*value), ..config(100) };
        if unicast {
            let peers =
                all.iter().filter(|peer| **peer != all[node]).copied().map(Peer::new).collect();
            one.transport = Transport::Unicast { peers, check_source: true };
        }
        one
    };
    priorities.iter().enumerate().map(one).collect()
}
