//! Sync groups on two networks: two to four nodes, each with a router on either network, told what
//! their group does as the engine tells it. However the networks are cut and the nodes fail, telling
//! comes to an end, a group is MASTER as a whole or not at all, and in the end one group leads.

use crate::common::{at_nanos, config, config_v3, every, host, priority};
use crate::sim::random::Random;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};
use vipd_types::{Epoch, Instant, State};
use vrrp_core::group::{Order, Standing, order};
use vrrp_core::wire::{self, GROUP_V4, MESSAGE_MAX, Meta};
use vrrp_core::{Action, Config, Health, Input, Kind, Router};

const NETWORKS: usize = 2;
/// Telling a group ends after this many rounds: the fault, its end, the claim, and one in which
/// nothing changes.
const ROUNDS: usize = 4;

/// More than any run has.
const STEPS_MAX: usize = 1_000_000;

/// Where a router is: its node and its network.
type Place = (usize, usize);

enum Happening {
    Arrive { to: Place, from: usize, bytes: Vec<u8> },
    Acquired(Place, Epoch),
    Released(Place, Epoch),
}

struct World {
    nodes: Vec<Vec<Router>>,
    /// Which nodes a network has on its far side.
    apart: [Vec<bool>; NETWORKS],
    now: Instant,
    queue: BTreeMap<(Instant, u64), Happening>,
    serial: u64,
    random: Random,
    seed: u64,
    rounds: usize,
}

impl World {
    fn new(seed: u64, configs: &[[Config; NETWORKS]]) -> Self {
        let mut world = Self {
            nodes: configs
                .iter()
                .map(|both| both.iter().cloned().map(Router::new).collect())
                .collect(),
            apart: std::array::from_fn(|_| vec![false; configs.len()]),
            now: at_nanos(0),
            queue: BTreeMap::new(),
            serial: 0,
            random: Random::new(seed),
            seed,
            rounds: 0,
        };
        for node in 0..configs.len() {
            for network in 0..NETWORKS {
                world.step_alone((node, network), Input::Group(Some(Order::Wait)));
            }
            for network in 0..NETWORKS {
                world.link((node, network), true);
            }
        }
        world
    }

    fn address(node: usize) -> IpAddr {
        host(u8::try_from(10 + node).unwrap()).into()
    }

    fn link(&mut self, place: Place, up: bool) {
        let source = Some(Self::address(place.0));
        self.step(place, Input::Link { up, source });
    }

    fn enqueue(&mut self, micros: (u64, u64), happening: Happening) {
        let at = self.now.plus(self.random.micros(micros.0, micros.1));
        self.serial += 1;
        self.queue.insert((at, self.serial), happening);
    }

    fn step_alone(&mut self, place: Place, input: Input<'_>) -> usize {
        let (node, network) = place;
        let actions = self.nodes[node][network].step(self.now, input);
        for action in actions.iter() {
            match action {
                Action::Send(kind) => self.send(place, kind),
                Action::Acquire(epoch) => {
                    self.enqueue((100, 3000), Happening::Acquired(place, epoch));
                }
                Action::Release(epoch, _) => {
                    self.enqueue((100, 3000), Happening::Released(place, epoch));
                }
                Action::Announce(_) | Action::Event(_) => {}
            }
        }
        actions.iter().count()
    }

    fn send(&mut self, (node, network): Place, kind: Kind) {
        let mut buffer = [0; MESSAGE_MAX];
        let router = &self.nodes[node][network];
        let bytes = router.encode(kind, GROUP_V4.into(), &mut buffer).unwrap().to_vec();
        for other in (0..self.nodes.len()).filter(|other| *other != node) {
            if self.apart[network][node] == self.apart[network][other] {
                let bytes = bytes.clone();
                let to = (other, network);
                self.enqueue((50, 500), Happening::Arrive { to, from: node, bytes });
            }
        }
    }

    /// As the engine does: one step of a member, then the order to all until no standing changes.
    fn step(&mut self, place: Place, input: Input<'_>) {
        self.step_alone(place, input);
        let node = place.0;
        let mut rounds = 0;
        loop {
            let before = self.standings(node);
            let now = order(before.iter().copied());
            for network in 0..NETWORKS {
                self.step_alone((node, network), Input::Group(Some(now)));
            }
            rounds += 1;
            assert!(rounds <= ROUNDS, "seed {}: still changing: {before:?}", self.seed);
            if self.standings(node) == before {
                break;
            }
        }
        self.rounds = self.rounds.max(rounds);
        self.check(node);
    }

    fn standings(&self, node: usize) -> Vec<Standing> {
        self.nodes[node].iter().map(Router::standing).collect()
    }

    fn check(&mut self, node: usize) {
        let all = self.standings(node);
        let masters = all.iter().filter(|member| member.state == State::Master).count();
        assert!(masters == 0 || masters == NETWORKS, "seed {}: {all:?}", self.seed);
        let is_blocked = all.iter().any(|member| member.obstructed || member.follows);
        assert!(masters == 0 || !is_blocked, "seed {}: {all:?}", self.seed);
        // All that was wanted has been done.
        assert!(masters > 0 || !all.iter().all(|member| member.wants), "seed {}", self.seed);
        // To be told again changes nothing.
        let now = order(all.iter().copied());
        for network in 0..NETWORKS {
            let actions = self.step_alone((node, network), Input::Group(Some(now)));
            assert_eq!(actions, 0, "seed {}: {now:?} {all:?}", self.seed);
        }
    }

    fn run(&mut self, time: Duration) {
        let end = self.now.plus(time);
        for _ in 0..STEPS_MAX {
            let timers = self.nodes.iter().enumerate().flat_map(|(node, members)| {
                let due = move |(network, router): (usize, &Router)| {
                    Some((router.next_deadline()?, (node, network)))
                };
                members.iter().enumerate().filter_map(due)
            });
            let timer = timers.min();
            let queued = self.queue.keys().next().map(|(at, _)| *at);
            let next = [timer.map(|(at, _)| at), queued].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            if queued.is_some_and(|at| at <= self.now) {
                let (_, happening) = self.queue.pop_first().unwrap();
                self.happen(happening);
            } else if let Some((_, place)) = timer {
                self.step(place, Input::Deadline);
            }
        }
        panic!("seed {}: a timer that stays due", self.seed);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Arrive { to, from, bytes } => {
                let source = Self::address(from);
                let meta = Meta { source, destination: GROUP_V4.into(), ttl: 255 };
                let advert = wire::decode(&bytes, meta, wire::TTL).unwrap();
                self.step(to, Input::Packet(&advert));
            }
            Happening::Acquired(place, epoch) => self.step(place, Input::Acquired(epoch)),
            Happening::Released(place, epoch) => self.step(place, Input::Released(epoch)),
        }
    }

    fn disturb(&mut self) {
        let node = self.random.index(self.nodes.len());
        let network = self.random.index(NETWORKS);
        let place = (node, network);
        match self.random.below(10) {
            // One network only is cut, the other one works.
            0..=2 => self.apart[network][node] = true,
            3 | 4 => self.apart[network].fill(false),
            5 => self.link(place, false),
            6 => self.link(place, true),
            7 => {
                let fault = self.random.chance(50);
                self.step(place, Input::Track(Health { fault, ..Health::default() }));
            }
            8 => {
                let adds = i32::try_from(self.random.below(100)).unwrap() - 50;
                self.step(place, Input::Track(Health { adds, ..Health::default() }));
            }
            _ => {
                let epoch = self.nodes[node][network].epoch();
                self.step(place, Input::Lost(epoch));
            }
        }
    }

    fn heal(&mut self) {
        for node in 0..self.nodes.len() {
            for network in 0..NETWORKS {
                self.apart[network].fill(false);
                self.link((node, network), true);
                self.step((node, network), Input::Track(Health::default()));
            }
        }
    }

    fn leaders(&self) -> Vec<usize> {
        let leads = |members: &Vec<Router>| members.iter().all(|r| r.state() == State::Master);
        (0..self.nodes.len()).filter(|node| leads(&self.nodes[*node])).collect()
    }
}

fn seeds() -> impl Iterator<Item = u64> {
    let count = std::env::var("VIPD_SIM_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(50);
    let fresh = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    (0..count).chain([u64::try_from(fresh.as_nanos() % 1_000_000_007).unwrap()])
}

/// The same priority on both networks of a node, another one on each node.
fn nodes(random: &mut Random) -> Vec<[Config; NETWORKS]> {
    let n = 2 + random.index(3);
    let base = if random.chance(50) { config(1) } else { every(config_v3(1), 200) };
    let fast_handover = random.chance(70);
    let first = u8::try_from(1 + random.below(50)).unwrap();
    let has_owner = random.chance(20);
    let one = |node| {
        let is_owner = has_owner && node + 1 == n;
        let value = first + 50 * u8::try_from(node).unwrap();
        let priority = priority(if is_owner { 255 } else { value });
        let one = Config { priority, fast_handover, ..base.clone() };
        [one.clone(), one]
    };
    (0..n).map(one).collect()
}

#[test]
fn telling_ends_and_a_group_is_master_as_a_whole() {
    let mut rounds = 0;
    for seed in seeds() {
        let mut random = Random::new(seed);
        let configs = nodes(&mut random);
        let mut world = World::new(seed, &configs);
        for _ in 0..40 {
            world.disturb();
            let time = world.random.micros(0, 4_000_000);
            world.run(time);
        }
        world.heal();
        // The longest wait is that for addresses that were lost.
        world.run(Duration::from_secs(25));
        assert_eq!(world.leaders(), [configs.len() - 1], "seed {seed}");
        rounds = rounds.max(world.rounds);
    }
    // The bound is not a mile away from what happens.
    assert!(rounds + 1 >= ROUNDS, "{rounds}");
}

/// Whoever is better on one network only does not keep the others from having a MASTER.
#[test]
fn mixed_priorities_come_to_an_end_as_well() {
    for seed in seeds() {
        let mut random = Random::new(seed);
        let mut configs = nodes(&mut random);
        for both in &mut configs {
            for one in both.iter_mut() {
                one.priority = priority(u8::try_from(1 + random.below(254)).unwrap());
            }
        }
        let mut world = World::new(seed, &configs);
        for _ in 0..10 {
            world.disturb();
            let time = world.random.micros(0, 4_000_000);
            world.run(time);
        }
        world.heal();
        world.run(Duration::from_secs(60));
        assert!(world.leaders().len() <= 1, "seed {seed}: {:?}", world.leaders());
    }
}

#[test]
fn a_cut_on_one_network_moves_nothing() {
    let both = |value| {
        let one = Config { priority: priority(value), ..config(1) };
        [one.clone(), one]
    };
    for seed in 0..20 {
        let mut world = World::new(seed, &[both(100), both(150)]);
        world.run(Duration::from_secs(10));
        assert_eq!(world.leaders(), [1]);
        world.apart[1][0] = true;
        world.run(Duration::from_secs(30));
        // Node 0 would be MASTER on the network that is cut, but not on the other.
        assert_eq!(world.leaders(), [1]);
        assert!(world.standings(0)[1].wants && world.standings(0)[0].follows);
        // Now node 1 loses the other network: its group goes, and the whole of node 0's comes.
        world.link((1, 0), false);
        world.run(Duration::from_secs(5));
        assert_eq!(world.leaders(), [0]);
        world.heal();
        world.run(Duration::from_secs(10));
        assert_eq!(world.leaders(), [1]);
    }
}
