//! What happens in a run: the routers, and what goes wrong when. A plan comes from a seed or from a
//! text; everything else in a run follows from it.

use super::bounds;
use super::clock::{Clock, DRIFT_MAX, MILLI, SECOND, Time};
use super::random::Random;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// For the network, the kernels and the lateness of timers.
    pub(crate) seed: u64,
    pub(crate) unicast: bool,
    pub(crate) routers: Vec<Setup>,
    /// In the order of time.
    pub(crate) faults: Vec<(Time, Fault)>,
}

/// One router as its administrator wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Setup {
    pub(crate) priority: u8,
    /// Advertisement_Interval in seconds.
    pub(crate) interval: u8,
    pub(crate) preempt: bool,
    pub(crate) fast: bool,
    pub(crate) clock: Clock,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Crash(usize, Crash),
    /// A new daemon; the first results of its trackers come after so long.
    Start(usize, Time),
    /// In order: release, good-bye.
    Stop(usize),
    Freeze(usize, Frozen),
    Thaw(usize),
    /// One way only.
    Cut(usize, usize),
    Mend(usize, usize),
    /// Between these routers (a bit for each) and the others.
    Split(u8),
    Weather(Weather),
    /// What weighted trackers add.
    Weight(usize, i32),
    /// A tracker without weight.
    Service(usize, bool),
    Link(usize, bool),
    /// The address that adverts leave from.
    Source(usize, bool),
    /// The kernel refuses the addresses so many times.
    Refuse(usize, u8),
    /// Somebody takes the addresses away for good.
    Steal(usize),
    Reload(usize, Change),
    /// Valid adverts of a stranger, or in the name of a router.
    Stranger {
        priority: u8,
        name: Option<usize>,
        every: Time,
        lasts: Time,
    },
    /// Everything works again and everybody is there.
    Heal,
    /// From here nothing may move any more; one router holds the addresses.
    Rest,
    /// The end of that.
    Rested,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crash {
    /// The parent removes the addresses and sends the last will.
    Engine,
    /// The engine goes on until its lease ends.
    Parent,
    /// Silence and nothing held.
    Host,
    /// Everything killed: the addresses stay until their lease ends.
    Daemon,
}

/// Who gets no processor time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frozen {
    Engine,
    Parent,
    Daemon,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Priority(u8),
    Preempt(bool),
    Fast(bool),
    /// Seconds.
    Interval(u8),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Weather {
    /// Percent of adverts lost, doubled, and delayed by up to `reach`.
    pub(crate) loss: u8,
    pub(crate) double: u8,
    pub(crate) late: u8,
    pub(crate) reach: Time,
}

/// The longest a late advert is under way.
pub(crate) const REACH_MAX: Time = 4 * SECOND;

impl Plan {
    pub(crate) fn random(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0xd15a_57e5_0ddb_a115);
        let n = 2 + random.index(4);
        let interval = [1, 1, 1, 1, 2, 5][random.index(6)];
        let (fast, preempt) = (random.chance(75), random.chance(75));
        let mixed = random.chance(20);
        let owner = random.chance(10);
        let routers: Vec<Setup> = (0..n)
            .map(|node| Setup {
                priority: if owner && node == 0 { 255 } else { some_priority(&mut random) },
                interval,
                preempt: preempt ^ (mixed && random.chance(50)),
                fast: fast ^ (mixed && random.chance(50)),
                clock: some_clock(&mut random),
            })
            .collect();
        let mut plan = Self { seed, unicast: random.chance(50), routers, faults: Vec::new() };
        let mut at = 0;
        for _ in 0..2 + random.index(3) {
            at = plan.storm(at, &mut random);
            at = plan.calm(at, interval);
        }
        plan
    }

    /// A burst of faults of a few kinds: many at once hide one another.
    fn storm(&mut self, mut at: Time, random: &mut Random) -> Time {
        let n = self.routers.len();
        let kinds: Vec<u64> = (0..1 + random.index(8)).map(|_| random.below(KINDS)).collect();
        for _ in 0..4 + random.index(40) {
            at += some_gap(random);
            let fault = some_fault(kinds[random.index(kinds.len())], n, random);
            self.faults.push((at, fault));
        }
        at
    }

    fn calm(&mut self, at: Time, interval: u8) -> Time {
        let interval = Time::from(interval) * SECOND;
        let rest = at + MILLI + bounds::rest(interval, REACH_MAX);
        let rested = rest + 10 * interval;
        self.faults.push((at + MILLI, Fault::Heal));
        self.faults.push((rest, Fault::Rest));
        self.faults.push((rested, Fault::Rested));
        rested
    }
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

const KINDS: u64 = 19;

fn some_fault(kind: u64, n: usize, random: &mut Random) -> Fault {
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
            let all = (1 << n) - 1;
            Fault::Split(if often { 0 } else { random.byte(0, all) })
        }
        7 | 8 => some_weather(random),
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
        17 => Fault::Reload(a, some_change(random)),
        _ => Fault::Stranger {
            priority: [0, 1, 255, random.byte(1, 254)][random.index(4)],
            name: random.chance(50).then_some(b),
            every: random.between(50 * MILLI, 1_200 * MILLI),
            lasts: random.between(0, 6 * SECOND),
        },
    }
}

fn some_start(node: usize, random: &mut Random) -> Fault {
    let late = random.chance(30);
    Fault::Start(node, if late { random.between(0, 2 * SECOND) } else { 0 })
}

fn some_weather(random: &mut Random) -> Fault {
    if random.chance(40) {
        return Fault::Weather(Weather::default());
    }
    let mut share = || if random.chance(50) { 0 } else { random.byte(1, 50) };
    let (loss, double, late) = (share(), share(), share());
    let most = [20 * MILLI, 700 * MILLI, REACH_MAX][random.index(3)];
    let reach = random.between(MILLI, most);
    Fault::Weather(Weather { loss, double, late, reach })
}

fn some_change(random: &mut Random) -> Change {
    match random.below(8) {
        0..5 => Change::Priority(some_priority(random)),
        5 => Change::Preempt(random.chance(50)),
        6 => Change::Fast(random.chance(50)),
        _ => Change::Interval(random.byte(1, 3)),
    }
}
