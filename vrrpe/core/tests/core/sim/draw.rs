//! Plans from seeds: which routers there are, how they are configured, and what goes wrong. Knows
//! nothing of how a plan is played.

use super::bounds;
use super::clock::{Clock, DRIFT_MAX, MILLI, SECOND, Time};
use super::plan::{Change, Crash, Fault, Frozen, Plan, REACH_MAX, Setup, Weather};
use super::random::Random;
use vipd_types::{Family, Version};

impl Plan {
    pub(crate) fn random(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0xd15a_57e5_0ddb_a115);
        let version = if random.chance(50) { Version::V2 } else { Version::V3 };
        let six = version == Version::V3 && random.chance(40);
        let family = if six { Family::V6 } else { Family::V4 };
        // The checksum over IPv6 covers the destination, so there is one packet for all.
        let unicast = !six && random.chance(50);
        let grouped = random.chance(30);
        let routers = if grouped {
            some_groups(version, &mut random)
        } else {
            some_routers(version, &mut random)
        };
        let mut plan = Self { seed, version, family, unicast, routers, faults: Vec::new() };
        // A second at short intervals is many steps.
        let storms = if plan.shortest() < 100 * MILLI { 1 } else { 2 + random.index(3) };
        let mut at = 0;
        for _ in 0..storms {
            let begin = plan.faults.len();
            at = plan.storm(at, &mut random);
            at = plan.calm(at, begin);
        }
        plan
    }

    /// A burst of faults of a few kinds: many at once hide one another.
    fn storm(&mut self, mut at: Time, random: &mut Random) -> Time {
        let kinds: Vec<u64> = (0..1 + random.index(8)).map(|_| random.below(KINDS)).collect();
        // What is quick has its faults in quick succession.
        let pace = self.longest().clamp(50 * MILLI, SECOND);
        for _ in 0..4 + random.index(40) {
            at += some_gap(random) / (SECOND / MILLI) * (pace / MILLI);
            let fault = some_fault(kinds[random.index(kinds.len())], self, random);
            self.faults.push((at, fault));
        }
        at
    }

    fn calm(&mut self, at: Time, begin: usize) -> Time {
        let retries =
            |(_, fault): &(Time, Fault)| matches!(fault, Fault::Refuse(..) | Fault::Steal(_));
        let retry = self.faults[begin..].iter().any(retries);
        let late = |(_, fault): &(Time, Fault)| {
            let results = if let Fault::Start(_, results) = fault { *results } else { 0 };
            if let Fault::Weather(_, weather) = fault { weather.reach } else { results }
        };
        let reach = self.faults[begin..].iter().map(late).max().unwrap_or(0);
        let rest = at + MILLI + bounds::rest(self.slowest(), self.delay(), reach, retry);
        let rested = rest + 10 * self.longest();
        self.faults.push((at + MILLI, Fault::Heal));
        self.faults.push((rest, Fault::Rest));
        self.faults.push((rested, Fault::Rested));
        rested
    }
}

/// The figures of a configuration by which a MASTER is missed.
fn some_routers(version: Version, random: &mut Random) -> Vec<Setup> {
    let n = 2 + random.index(4);
    let (fast, preempt) = (random.chance(75), random.chance(75));
    let mixed = random.chance(20);
    let owners = if random.chance(10) { 1 + random.index(2) } else { 0 };
    let common = some_interval(version, random);
    let alike = version == Version::V2 || random.chance(40);
    let (delays, options) = (random.chance(20), random.chance(30));
    let one = |node: usize, random: &mut Random| {
        let owner = node < if version == Version::V3 { owners } else { owners.min(1) };
        let priority = if owner { 255 } else { some_priority(random) };
        let interval = if alike { common } else { near(common, random) };
        let mut setup = Setup {
            host: node,
            preempt: preempt ^ (mixed && random.chance(50)),
            fast: fast ^ (mixed && random.chance(50)),
            clock: some_clock(random),
            ..Setup::new(priority, interval)
        };
        if delays && random.chance(70) {
            setup.delay = some_delay(random);
        }
        if options {
            setup.adverts = some_adverts(random);
            setup.silent = random.chance(30);
            setup.parting = random.chance(30);
            setup.deaf = owners < 2 && random.chance(20);
            setup.cap = random.chance(30).then(|| some_cap(common, random));
        }
        setup
    };
    (0..n).map(|node| one(node, random)).collect()
}

/// Two or three hosts with a group of two or three routers on two networks. What a group does as a
/// whole is configured alike on its members; mixed priorities are not, but happen.
fn some_groups(version: Version, random: &mut Random) -> Vec<Setup> {
    let wires = 2 + random.index(2);
    let mixed = random.chance(15);
    let mut hosts = some_routers(version, random);
    hosts.truncate(2 + random.index(2));
    let mut members = Vec::new();
    for host in hosts {
        for wire in 0..wires {
            let mut member = Setup { wire, ..host };
            if mixed && host.priority != 255 {
                member.priority = some_priority(random);
            }
            if version == Version::V3 && random.chance(20) {
                member.interval = near(host.interval, random);
            }
            members.push(member);
        }
    }
    members
}

/// VRRPv3 has centiseconds. The shortest ones are rare, for they cost many steps.
fn some_interval(version: Version, random: &mut Random) -> u32 {
    match (version, random.below(40)) {
        (Version::V2, 0..26) => 1_000,
        (Version::V2, 26..33) => 2_000,
        (Version::V2, _) => 5_000,
        (Version::V3, 0) => 10 * some_number(1, 10, random),
        (Version::V3, 1..4) => 10 * some_number(10, 100, random),
        (Version::V3, 4..20) => 1_000,
        (Version::V3, 20..28) => 250,
        (Version::V3, _) => 10 * some_number(25, 400, random),
    }
}

/// Another interval of VRRPv3, up to four times as long or as short.
fn near(interval: u32, random: &mut Random) -> u32 {
    let most = (interval / 10 * 4).min(400);
    let least = (interval / 10 / 4).max(1);
    10 * some_number(least, most.max(least), random)
}

/// Two intervals of it are longer than any interval there is: else it would be waited in vain.
fn some_cap(interval: u32, random: &mut Random) -> u32 {
    (interval * 4).min(4_000) * some_number(60, 150, random) / 100
}

fn some_number(from: u32, to: u32, random: &mut Random) -> u32 {
    u32::try_from(random.between(from.into(), to.into())).unwrap()
}

fn some_delay(random: &mut Random) -> u32 {
    if random.chance(30) { 0 } else { some_number(1, 8_000, random) }
}

/// With one interval, the flight of an advert would be taken for silence.
fn some_adverts(random: &mut Random) -> u8 {
    [2, 3, 3, 4, 5][random.index(5)]
}

fn some_priority(random: &mut Random) -> u8 {
    match random.below(10) {
        0 => 1,
        1 => 254,
        2..6 => [50, 90, 100, 150, 200][random.index(5)],
        _ => random.byte(1, 254),
    }
}

fn some_clock(random: &mut Random) -> Clock {
    let drift = i32::try_from(random.below(2 * DRIFT_MAX + 1)).unwrap() - 200;
    Clock { start: random.below(1 << 60), drift }
}

fn some_gap(random: &mut Random) -> Time {
    let (from, to) = match random.below(20) {
        0 => (0, 0),
        1..6 => (0, 20),
        6..16 => (20, 1_500),
        16..19 => (1_500, 5_000),
        _ => (5_000, 9_000),
    };
    random.between(from * MILLI, to * MILLI)
}

const KINDS: u64 = 20;

fn some_fault(kind: u64, plan: &Plan, random: &mut Random) -> Fault {
    let n = plan.routers.len();
    let (a, b) = (random.index(n), random.index(n));
    let often = random.chance(60);
    match kind {
        0 => {
            let how = [Crash::Engine, Crash::Parent, Crash::Host, Crash::Daemon];
            if often { some_start(a, random) } else { Fault::Crash(a, how[random.index(4)]) }
        }
        1 => {
            if often {
                some_start(a, random)
            } else {
                Fault::Crash(a, Crash::Engine)
            }
        }
        2 => {
            if often {
                some_start(a, random)
            } else {
                Fault::Stop(a)
            }
        }
        3 | 4 => {
            let who = [Frozen::Engine, Frozen::Parent, Frozen::Daemon][random.index(3)];
            if often { Fault::Thaw(a) } else { Fault::Freeze(a, who) }
        }
        5 => {
            if often {
                Fault::Mend(a, b)
            } else {
                Fault::Cut(a, b)
            }
        }
        6 => {
            let all = (1 << plan.hosts()) - 1;
            let network = plan.routers[a].network();
            Fault::Split(network, if often { 0 } else { random.byte(0, all) })
        }
        7 | 8 => Fault::Weather(plan.routers[a].network(), some_weather(random)),
        9..13 => {
            let adds = [0, 0, -100, -50, -20, 5, 20, 100, -253, 253];
            Fault::Weight(a, adds[random.index(adds.len())])
        }
        13 => Fault::Service(a, often),
        14 => {
            if random.chance(70) {
                Fault::Link(a, often)
            } else {
                Fault::Source(a, often)
            }
        }
        15 => Fault::Refuse(a, random.byte(0, 2)),
        16 => Fault::Steal(a),
        17 => Fault::Reload(a, some_change(plan, random)),
        18 => match random.chance(50) {
            true => Fault::StandBy(a, often),
            false => Fault::Offline(a, often),
        },
        _ => Fault::Stranger {
            priority: [0, 1, 255, random.byte(1, 254)][random.index(4)],
            name: random.chance(50).then_some(b),
            interval: plan.routers[random.index(n)].interval,
            every: random.between(50 * MILLI, 1_200 * MILLI),
            lasts: random.between(0, 6 * SECOND),
        },
    }
}

fn some_start(node: usize, random: &mut Random) -> Fault {
    let late = random.chance(30);
    Fault::Start(node, if late { random.between(0, 2 * SECOND) } else { 0 })
}

fn some_weather(random: &mut Random) -> Weather {
    if random.chance(40) {
        return Weather::default();
    }
    let mut share = || if random.chance(50) { 0 } else { random.byte(1, 50) };
    let (loss, double, late) = (share(), share(), share());
    let most = [20 * MILLI, 700 * MILLI, REACH_MAX][random.index(3)];
    let reach = random.between(MILLI, most);
    Weather { loss, double, late, reach }
}

fn some_change(plan: &Plan, random: &mut Random) -> Change {
    match random.below(10) {
        0..5 => Change::Priority(some_priority(random)),
        5 => Change::Preempt(random.chance(50)),
        6 => Change::Fast(random.chance(50)),
        7 => Change::Delay(some_delay(random)),
        8 => Change::Adverts(some_adverts(random)),
        _ => Change::Interval(match plan.version {
            Version::V2 => 1_000 * some_number(1, 3, random),
            Version::V3 => near(plan.routers[0].interval, random),
        }),
    }
}
