//! Single faults on an otherwise well network, held against figures that are far tighter than the
//! bounds for any fault: what fast handover, courtesy, last will and lease promise.

use super::bounds::{FLIGHT, KERNEL};
use super::plan::{Crash, Plan, Setup};
use super::random::Random;
use super::world::World;
use std::time::Duration;
use vipd_types::{Family, State, Version};
use vrrp_core::timers::COURTESY;

/// Advertisement_Interval of all scenarios.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);
/// Long enough for every timer: the longest down interval and what the kernel needs.
pub(crate) const SETTLED: Duration = Duration::from_millis(4_100);
/// Numbers of routers, and whether they talk as peers.
pub(crate) const KINDS: [(usize, bool); 4] = [(2, true), (2, false), (3, false), (3, true)];

/// Routers that preempt, with perfect clocks.
pub(crate) fn world(seed: u64, priorities: &[u8], fast: bool, unicast: bool) -> World {
    let setup =
        |(host, priority): (usize, &u8)| Setup { host, fast, ..Setup::new(*priority, 1_000) };
    let routers = priorities.iter().enumerate().map(setup).collect();
    let (version, family) = (Version::V2, Family::V4);
    World::new(Plan { seed, version, family, unicast, routers, faults: Vec::new() })
}

/// The first of `n` is MASTER since a while.
fn settled(seed: u64, n: usize, fast: bool, unicast: bool) -> World {
    let mut world = world(seed, &[150, 100, 90][..n], fast, unicast);
    world.run(SETTLED + INTERVAL);
    assert_eq!(world.owners(), [0], "seed {seed}");
    world
}

/// An engine that crashes is replaced before its advert would have been missed.
#[test]
fn a_crash_with_last_will_costs_milliseconds() {
    for seed in 0..40 {
        for (unicast, n) in [(true, 2), (false, 2), (false, 3)] {
            let mut world = settled(seed, n, true, unicast);
            world.crash(0, Crash::Engine);
            let bound = if unicast { 8 } else { 156 + 8 };
            world.run(Duration::from_millis(bound));
            assert_eq!(world.owners(), [1], "seed {seed} unicast {unicast}");
        }
    }
}

/// Killed together with its parent, a router leaves its addresses to the lease. That ends before
/// anybody takes over, and takes not much longer than the RFC's timer alone.
#[test]
fn a_killed_daemon_has_lost_its_addresses_before_a_peer_takes_them() {
    for seed in 0..40 {
        for n in [2, 3] {
            let mut world = settled(seed, n, true, false);
            let wait = world.random.micros(0, 1_000_000);
            world.run(wait);
            world.crash(0, Crash::Daemon);
            for _ in 0..4_000 {
                world.run(Duration::from_millis(1));
                assert!(world.owners().len() <= 1, "seed {seed}: {:?}", world.owners());
            }
            assert_eq!(world.owners(), [1], "seed {seed}");
        }
    }
}

/// Where nothing is lost, the old MASTER has removed the addresses before the new one asks for
/// them, whoever of the two became better and whatever the timers; only a beat that crosses the
/// first advert of the new one may be taken for the last.
#[test]
fn preemption_without_loss_has_no_overlap() {
    for seed in 0..20 {
        for ((n, unicast), fast) in KINDS.into_iter().flat_map(|kind| [(kind, true), (kind, false)])
        {
            let mut random = Random::new(seed ^ 0x0e51);
            let mut world = settled(seed, n, fast, unicast);
            for adds in [-100, 0].repeat(10) {
                world.track(0, adds, false);
                world.run(random.micros(4_500_000, 9_000_000));
            }
            assert_eq!(world.takeovers(), 21, "seed {seed} n {n} unicast {unicast} fast {fast}");
            let overlaps = (world.witness.overlaps, world.witness.overlap);
            assert_eq!(overlaps, (0, Duration::ZERO), "seed {seed} n {n} unicast {unicast}");
        }
    }
}

/// A MASTER with a fault has removed the addresses before it says good-bye.
#[test]
fn a_good_bye_without_loss_has_no_overlap() {
    for seed in 0..20 {
        for (n, unicast) in KINDS {
            let mut random = Random::new(seed ^ 0x600d);
            let mut world = settled(seed, n, true, unicast);
            for fault in [true, false].repeat(10) {
                world.track(0, 0, fault);
                world.run(random.micros(4_500_000, 9_000_000));
            }
            assert_eq!(world.takeovers(), 21, "seed {seed} n {n} unicast {unicast}");
            let overlaps = (world.witness.overlaps, world.witness.overlap);
            assert_eq!(overlaps, (0, Duration::ZERO), "seed {seed} n {n} unicast {unicast}");
        }
    }
}

/// Routers of one priority that start together become MASTER together if the first advert does
/// not arrive before; the greatest address of those that did stays, after the flight of an advert
/// and the kernel's time.
#[test]
fn a_tie_is_decided_by_the_address() {
    for seed in 0..40 {
        for n in [2, 3, 4, 5] {
            let mut world = world(seed, &[100; 5][..n], true, false);
            world.run(SETTLED);
            let tried = (0..n).filter(|at| world.nodes[*at].terms > 0).max().unwrap();
            assert_eq!(world.owners(), [tried], "seed {seed}");
            assert!(world.witness.overlap <= FLIGHT + KERNEL, "seed {seed}");
        }
    }
}

/// What the winner sends first is all that must arrive: without the last advert of the router
/// that yields, the courtesy is over when its addresses are gone.
#[test]
fn a_lost_last_advert_costs_the_courtesy() {
    for seed in 0..20 {
        for (n, unicast) in KINDS {
            let mut world = settled(seed, n, true, unicast);
            world.track(0, -100, false);
            let master =
                |world: &World| world.nodes[1].router.as_ref().unwrap().state() == State::Master;
            for _ in 0..10_000 {
                if master(&world) {
                    break;
                }
                world.run(Duration::from_micros(20));
            }
            assert!(master(&world), "seed {seed}");
            world.block(0, 1, true);
            world.run(COURTESY + KERNEL);
            assert_eq!(world.owners(), [1], "seed {seed} n {n} unicast {unicast}");
            assert_eq!(world.witness.overlaps, 0, "seed {seed} n {n} unicast {unicast}");
        }
    }
}
