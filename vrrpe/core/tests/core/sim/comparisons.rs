//! Fast handover against the timers of the RFC: the same failures at the same times, once with
//! each. A failure that is shorter than a down interval is one the RFC sits out without a service;
//! fast handover may spend one takeover there and one back on it. A longer one costs the same with
//! both. Nothing ever goes back and forth by itself.

use super::bounds::{FLIGHT_NANOS, KERNEL, LATENESS, Rhythm, without_a_master};
use super::clock::{MILLI, SECOND, Time};
use super::plan::Weather;
use super::random::Random;
use super::scenarios::{INTERVAL, KINDS, SETTLED, world};
use super::world::World;
use std::time::Duration;
use vipd_types::Version;

/// When the service beside the MASTER fails and comes back, and again.
fn phases(seed: u64, from: Time, to: Time) -> Vec<Time> {
    let mut random = Random::new(seed ^ 0xf1a9);
    (0..60).map(|_| random.between(from, to)).collect()
}

struct Counted {
    takeovers: u64,
    /// Adverts that arrived after a younger one of the same router.
    stale: u64,
}

fn flapping(
    seed: u64,
    (n, unicast): (usize, bool),
    fast: bool,
    weather: Weather,
    phases: &[Time],
) -> Counted {
    let mut world = world(seed, &[150, 100, 90][..n], fast, unicast);
    world.run(SETTLED + INTERVAL);
    world.weather = [weather; 2];
    let before = world.takeovers();
    for (phase, adds) in phases.iter().zip([-100, 0].into_iter().cycle()) {
        world.track(0, adds, false);
        world.run(Duration::from_nanos(*phase));
    }
    Counted { takeovers: world.takeovers() - before, stale: world.witness.stale }
}

/// Shorter than this, the RFC's timer of the best BACKUP (priority 100) may not have ended.
const LONG: Time = 3 * SECOND + SECOND * 156 / 256 + 20 * MILLI;

fn short(phases: &[Time]) -> u64 {
    let failures = phases.iter().step_by(2).filter(|phase| **phase < LONG);
    u64::try_from(failures.count()).unwrap()
}

/// A service that is away for longer than a down interval each time moves the addresses as often
/// as with the timers of the RFC, only sooner.
#[test]
fn slow_flapping_costs_as_many_takeovers_as_with_the_timers_of_the_rfc() {
    for seed in 0..40 {
        for kind in KINDS {
            let phases = phases(seed, LONG, 9 * SECOND);
            let count = |fast| flapping(seed, kind, fast, Weather::default(), &phases).takeovers;
            assert_eq!(count(true), count(false), "seed {seed} {kind:?}");
        }
    }
}

/// Every mixture of short and long failures: one takeover there and one back for each short one,
/// and not one more.
#[test]
fn a_short_failure_costs_one_takeover_there_and_one_back() {
    for seed in 0..200 {
        for kind in KINDS {
            let most =
                [SECOND, 3 * SECOND, 6 * SECOND, 9 * SECOND][usize::try_from(seed % 4).unwrap()];
            let phases = phases(seed, MILLI, most);
            let count = |fast| flapping(seed, kind, fast, Weather::default(), &phases).takeovers;
            let (fast, rfc, short) = (count(true), count(false), short(&phases));
            assert!(fast <= rfc + 2 * short, "seed {seed} {kind:?}: {fast}, {rfc}, {short} short");
        }
    }
}

/// The way back is damped by the down interval of the better router, however quickly its service
/// comes and goes: two takeovers in three intervals at most.
#[test]
fn quick_flapping_is_damped_by_the_way_back() {
    for seed in 0..100 {
        for kind in KINDS {
            let phases = phases(seed, MILLI, 2 * SECOND);
            let fast = flapping(seed, kind, true, Weather::default(), &phases).takeovers;
            let time: Time = phases.iter().sum();
            let rounds = time / (3 * SECOND) + 1;
            assert!(fast <= 2 * rounds, "seed {seed} {kind:?}: {fast} in {rounds} rounds");
        }
    }
}

/// Adverts that come late and out of order tell a BACKUP what is no longer true, and nothing in
/// them says so. Each may cost one takeover, which the answer of the MASTER undoes; beyond that,
/// nothing.
#[test]
fn an_advert_out_of_order_costs_one_takeover_there_and_one_back() {
    for seed in 0..100 {
        for kind in KINDS {
            let weather = Weather { loss: 0, double: 20, late: 20, reach: 700 * MILLI };
            let phases = phases(seed, LONG + SECOND, 9 * SECOND);
            let fast = flapping(seed, kind, true, weather, &phases);
            let rfc = flapping(seed, kind, false, weather, &phases);
            let most = rfc.takeovers + 2 * fast.stale;
            assert!(fast.takeovers <= most, "seed {seed} {kind:?}: {}, {most}", fast.takeovers);
        }
    }
}

/// With loss as well the two runs part for good, so only sums can be compared.
#[test]
fn late_lost_and_doubled_adverts_cost_few_more_takeovers() {
    let (mut fast_sum, mut rfc_sum) = (0, 0);
    for seed in 0..60 {
        for kind in KINDS {
            let weather = Weather { loss: 10, double: 20, late: 20, reach: 700 * MILLI };
            let phases = phases(seed, LONG, 9 * SECOND);
            fast_sum += flapping(seed, kind, true, weather, &phases).takeovers;
            rfc_sum += flapping(seed, kind, false, weather, &phases).takeovers;
        }
    }
    assert!(fast_sum * 100 <= rfc_sum * 110, "fast {fast_sum}, RFC {rfc_sum}");
}

/// Every set of one-way links, in every order of priorities, with two, three and four routers.
/// With one link cut all come to rest; with more, two that do not hear each other may stay MASTER,
/// but fast handover moves nothing that the RFC's timers would not move.
#[test]
fn one_way_links_make_no_ping_pong() {
    for order in orders() {
        let n = order.len();
        let links: Vec<(usize, usize)> = (0..n)
            .flat_map(|from| (0..n).map(move |to| (from, to)))
            .filter(|(from, to)| from != to)
            .collect();
        for cut in 1..1_u32 << links.len() {
            // Four routers have 4096 sets; those of one or two links are enough.
            if n > 3 && cut.count_ones() > 2 {
                continue;
            }
            let count = |fast| {
                let mut world = world(7, &order, fast, false);
                world.run(SETTLED);
                for (at, (from, to)) in links.iter().enumerate() {
                    world.block(*from, *to, cut >> at & 1 == 1);
                }
                world.run(INTERVAL * 15);
                let before = world.takeovers();
                world.run(INTERVAL * 60);
                world.takeovers() - before
            };
            let (fast, rfc) = (count(true), count(false));
            assert!(fast <= rfc, "{order:?} {cut:b}: fast {fast}, RFC {rfc}");
            assert!(fast == 0 || cut.count_ones() > 1, "{order:?} {cut:b}: {fast}");
        }
    }
}

/// The same while the service beside the best one comes and goes.
#[test]
fn flapping_over_one_way_links_costs_no_more_than_its_short_failures() {
    for order in orders() {
        let n = order.len();
        let best = (0..n).max_by_key(|at| order[*at]).unwrap();
        for (from, to) in (0..n).flat_map(|from| (0..n).map(move |to| (from, to))) {
            for seed in 0..4 {
                let phases = phases(seed, MILLI, 9 * SECOND);
                let count = |fast| {
                    let mut world = world(seed, &order, fast, false);
                    world.run(SETTLED);
                    world.block(from, to, from != to);
                    world.run(INTERVAL * 15);
                    let before = world.takeovers();
                    for (phase, adds) in phases.iter().zip([-199, 0].into_iter().cycle()) {
                        world.track(best, adds, false);
                        world.run(Duration::from_nanos(*phase));
                    }
                    world.takeovers() - before
                };
                let (fast, rfc, short) = (count(true), count(false), short(&phases));
                let most = rfc + 2 * short;
                assert!(fast <= most, "{order:?} {from} to {to} seed {seed}: {fast}, {most}");
            }
        }
    }
}

fn orders() -> Vec<Vec<u8>> {
    let mut orders = vec![vec![200, 100], vec![100, 200]];
    let three = [[200, 150, 100], [200, 100, 150], [150, 200, 100], [100, 200, 150]];
    orders.extend(three.iter().map(|order| order.to_vec()));
    orders.extend([[150, 100, 200], [100, 150, 200]].iter().map(|order| order.to_vec()));
    orders.push(vec![200, 150, 100, 50]);
    orders.push(vec![50, 150, 100, 200]);
    orders
}

/// How long a handover takes without loss, by the rule: rivals are given a millisecond for each
/// step of priority, a single peer nothing.
#[test]
fn a_fall_is_taken_over_in_the_time_that_rivals_are_given() {
    for seed in 0..40 {
        for (n, unicast) in KINDS {
            let mut world = world(seed, &[150, 100, 90][..n], true, unicast);
            world.run(SETTLED + INTERVAL);
            world.track(0, -100, false);
            let wait = if n == 2 && unicast { 0 } else { 156 };
            let slack = Duration::from_nanos(3 * FLIGHT_NANOS + LATENESS) + KERNEL;
            world.run(Duration::from_millis(wait) + slack);
            assert_eq!(world.owners(), [1], "seed {seed} n {n} unicast {unicast}");
        }
    }
}

/// The bound without a MASTER is not an empty one: a silent host is replaced within it, and the
/// RFC's timer alone fills most of it.
#[test]
fn a_silent_host_is_replaced_within_the_bound() {
    let bound = Duration::from_nanos(without_a_master(Rhythm::new(Version::V2, SECOND, 3), 0));
    for seed in 0..20 {
        let mut world: World = world(seed, &[150, 1], true, false);
        world.run(SETTLED + INTERVAL);
        world.crash(0, super::plan::Crash::Host);
        world.run(bound - Duration::from_millis(1_050));
        assert!(world.owners().is_empty(), "seed {seed}");
        world.run(Duration::from_millis(1_050));
        assert_eq!(world.owners(), [1], "seed {seed}");
    }
}
