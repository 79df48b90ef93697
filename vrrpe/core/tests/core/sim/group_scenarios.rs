//! Sync groups on two networks, one thing at a time: what a fault or a cut on one network moves on the
//! other, and what becomes of groups that do not agree who is better.

use super::bounds::{FLIGHT, KERNEL};
use super::clock::SECOND;
use super::plan::{Crash, Fault, Plan, Setup};
use super::scenarios::{INTERVAL, SETTLED};
use super::world::World;
use std::time::Duration;
use vipd_types::{Family, Version};

/// Two hosts with a router on each of two networks; the priorities of the first, then the second.
fn world(seed: u64, priorities: [[u8; 2]; 2]) -> World {
    let member = |host: usize, wire: usize| Setup {
        host,
        wire,
        ..Setup::new(priorities[host][wire], 1_000)
    };
    let routers = vec![member(0, 0), member(0, 1), member(1, 0), member(1, 1)];
    let (version, family) = (Version::V2, Family::V4);
    World::new(Plan { seed, version, family, unicast: false, routers, faults: Vec::new() })
}

/// The first host leads since a while.
fn settled(seed: u64) -> World {
    let mut world = world(seed, [[150, 150], [100, 100]]);
    world.run(SETTLED + INTERVAL);
    assert_eq!(world.owners(), [0, 1], "seed {seed}");
    world
}

/// A better router that cannot be heard on one network is followed on the other.
#[test]
fn a_cut_on_one_network_moves_nothing() {
    for seed in 0..40 {
        let mut world = settled(seed);
        world.suffer(Fault::Split(1, 1));
        world.run(INTERVAL * 30);
        assert_eq!(world.owners(), [0, 1], "seed {seed}");
        assert_eq!(world.takeovers(), 2, "seed {seed}");
        // What it waited for comes at once when the other network goes as well.
        world.suffer(Fault::Link(0, false));
        world.run(INTERVAL * 4);
        assert_eq!(world.owners(), [2, 3], "seed {seed}");
    }
}

/// The good-byes of all members are one takeover in the time that rivals are given.
#[test]
fn a_fault_of_one_member_moves_all_in_milliseconds() {
    let faults = [Fault::Service(1, false), Fault::Steal(1), Fault::Crash(0, Crash::Engine)];
    for seed in 0..40 {
        for fault in faults {
            let mut world = settled(seed);
            world.suffer(fault);
            world.run(Duration::from_millis(156) + KERNEL * 2 + FLIGHT * 2);
            assert_eq!(world.owners(), [2, 3], "seed {seed} {fault:?}");
        }
    }
}

/// Of a group whose members have fallen on one network only, nothing moves: the peer would have to
/// be better everywhere.
#[test]
fn a_fall_of_one_member_moves_nothing() {
    for seed in 0..40 {
        let mut world = settled(seed);
        world.track(1, -100, false);
        world.run(INTERVAL * 30);
        assert_eq!((world.owners(), world.takeovers()), (vec![0, 1], 2), "seed {seed}");
        world.track(0, -100, false);
        world.run(INTERVAL * 4);
        assert_eq!(world.owners(), [2, 3], "seed {seed}");
    }
}

/// Each is the better one on one network, and their timers run out together: both lead, both
/// yield, and begin anew, until one is quicker by the flight of an advert.
#[test]
fn groups_that_disagree_come_to_an_end() {
    for seed in 0..200 {
        let mut world = world(seed, [[150, 50], [50, 150]]);
        while world.owners().len() != 2 || world.now < 10 * SECOND {
            world.run(INTERVAL);
            assert!(world.now < 120 * SECOND, "seed {seed}: {:?}", world.owners());
        }
        world.run(INTERVAL * 30);
        assert_eq!(world.owners().len(), 2, "seed {seed}");
    }
}
