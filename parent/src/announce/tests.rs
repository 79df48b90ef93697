//! The schedule on a simulated clock: each packet with the moment at which it would leave.
#![expect(clippy::arithmetic_side_effects, reason = "a test")]

use super::*;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const VI: InstanceId = InstanceId(1);
const OTHER: InstanceId = InstanceId(2);

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn v4(last: u8) -> Announcement {
    Announcement { ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)), index: 10 }
}

fn v6(last: u16) -> Announcement {
    Announcement { ip: IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, last)), index: 10 }
}

/// One block of two packets, and nothing after it.
fn once() -> Garp {
    Garp { master_delay: Duration::ZERO, master_repeat: 2, ..Garp::default() }
}

/// What leaves until `end`, in milliseconds.
fn play(schedule: &mut Schedule, end: u64) -> Vec<(u64, Announcement)> {
    let mut sent = Vec::new();
    let mut now = at(0);
    while let Some(next) = schedule.next().map(|next| next.max(now)).filter(|n| *n <= at(end)) {
        now = next;
        let millis = now.as_nanos() / 1_000_000;
        sent.extend(schedule.due(now).into_iter().map(|(_, what)| (millis, what)));
    }
    sent
}

fn begin(garp: Garp, these: &[Announcement]) -> Schedule {
    let mut schedule = Schedule::default();
    schedule.start(VI, garp, at(0));
    schedule.came(VI, these, at(0));
    schedule
}

fn times(sent: &[(u64, Announcement)]) -> Vec<u64> {
    let mut times: Vec<u64> = sent.iter().map(|(at, _)| *at).collect();
    times.dedup();
    times
}

#[test]
fn keepalived_defaults_are_two_blocks_of_five() {
    let sent = play(&mut begin(Garp::default(), &[v4(1), v6(1)]), 1_000_000);
    assert_eq!(times(&sent), [0, 5000]);
    assert_eq!(sent.iter().filter(|one| **one == (0, v4(1))).count(), 5);
    assert_eq!(sent.iter().filter(|one| **one == (5000, v6(1))).count(), 5);
    assert_eq!(sent.len(), 20);
}

/// A neighbour that misses a packet of one address gets the next one before it is too late.
#[test]
fn all_addresses_once_and_then_again() {
    let sent = play(&mut begin(once(), &[v4(1), v4(2), v4(3)]), 10);
    let order: Vec<Announcement> = sent.into_iter().map(|(_, what)| what).collect();
    assert_eq!(order, [v4(1), v4(2), v4(3), v4(1), v4(2), v4(3)]);
}

#[test]
fn refresh_goes_on_and_ends_with_the_term() {
    let garp = Garp { master_refresh: ms(10_000), master_refresh_repeat: 2, ..once() };
    let mut schedule = begin(garp, &[v4(1)]);
    let sent = play(&mut schedule, 30_000);
    assert_eq!(
        sent.iter().map(|(at, _)| *at).collect::<Vec<_>>(),
        [0, 0, 10_000, 10_000, 20_000, 20_000, 30_000, 30_000]
    );
    schedule.stop(VI);
    assert_eq!(schedule.next(), None);
}

#[test]
fn second_block_ends_with_the_term() {
    let mut schedule = begin(Garp::default(), &[v4(1)]);
    assert_eq!(play(&mut schedule, 4000).len(), 5);
    schedule.stop(VI);
    assert_eq!(schedule.next(), None);
    schedule.start(VI, once(), at(4500));
    schedule.came(VI, &[v4(1)], at(4500));
    assert_eq!(times(&play(&mut schedule, 100_000)), [4500]);
}

#[test]
fn worse_router_has_a_block_of_its_own() {
    let garp = Garp { lower_prio_delay: ms(300), lower_prio_repeat: 3, ..Garp::default() };
    let mut schedule = begin(garp, &[v4(1)]);
    assert_eq!(play(&mut schedule, 1000).len(), 5);
    schedule.rival(VI, at(1000));
    schedule.rival(VI, at(1200));
    // The first rival's second block gives way to the second's.
    let sent = play(&mut schedule, 1_000_000);
    assert_eq!(times(&sent), [1000, 1500, 5000]);
    assert_eq!(sent.len(), 3 + 3 + 5);
    schedule.rival(OTHER, at(6000));
    assert_eq!(schedule.next(), None);

    let garp = Garp { lower_prio_repeat: 0, ..once() };
    let mut schedule = begin(garp, &[v4(1)]);
    assert_eq!(play(&mut schedule, 10).len(), 2);
    schedule.rival(VI, at(20));
    assert_eq!(schedule.next(), None);
}

/// On one interface; what leaves by another, or is of the other family, goes its own way.
#[test]
fn packets_of_one_interface_keep_their_distance() {
    let garp = Garp { interval: ms(100), gna_interval: ms(30), ..once() };
    let elsewhere = Announcement { index: 11, ..v4(3) };
    let mut schedule = begin(garp, &[v4(1), v4(2), elsewhere, v6(1)]);
    let sent = play(&mut schedule, 100_000);
    let of = |what: &[Announcement]| -> Vec<u64> {
        sent.iter().filter(|(_, one)| what.contains(one)).map(|(at, _)| *at).collect()
    };
    assert_eq!(of(&[v4(1), v4(2)]), [0, 100, 200, 300]);
    assert_eq!(of(&[elsewhere]), [0, 100]);
    assert_eq!(of(&[v6(1)]), [0, 30]);
    // Another instance on the same interface comes after them, not between them.
    schedule.start(OTHER, garp, at(350));
    schedule.came(OTHER, &[v4(9)], at(350));
    assert_eq!(times(&play(&mut schedule, 100_000)), [400, 500]);
}

/// However often a worse router is heard, the queue is as long as for once.
#[test]
fn storm_makes_no_longer_queue() {
    let garp = Garp {
        interval: ms(100),
        lower_prio_delay: Duration::ZERO,
        lower_prio_repeat: 5,
        ..once()
    };
    let mut schedule = begin(garp, &[v4(1), v4(2)]);
    for millis in 0..50 {
        schedule.rival(VI, at(millis));
    }
    assert_eq!(play(&mut schedule, 1_000_000).len(), 10);
}

#[test]
fn what_waits_ends_with_the_term() {
    let garp = Garp { interval: ms(1000), ..Garp::default() };
    let mut schedule = begin(garp, &[v4(1), v4(2)]);
    schedule.start(OTHER, garp, at(0));
    schedule.came(OTHER, &[v4(3)], at(0));
    assert_eq!(schedule.due(at(0)), [(VI, v4(1))]);
    schedule.stop(VI);
    assert_eq!(schedule.next(), Some(at(1000)));
    assert_eq!(schedule.due(at(1000)), [(OTHER, v4(3))]);
}

#[test]
fn reload_announces_only_what_is_new() {
    let garp = Garp { master_refresh: ms(60_000), ..Garp::default() };
    let mut schedule = begin(garp, &[v4(1), v4(2)]);
    play(&mut schedule, 20_000);
    let held = [v4(2), v4(3)].into();
    schedule.change(VI, garp, &held, at(20_000));
    schedule.came(VI, &[v4(3)], at(20_000));
    let sent = play(&mut schedule, 59_999);
    assert_eq!(times(&sent), [20_000, 25_000]);
    assert!(sent.iter().all(|(_, what)| *what == v4(3)), "{sent:?}");
    // The refresh goes on where it was, for all that is held.
    let sent = play(&mut schedule, 60_000);
    assert_eq!(sent, [(60_000, v4(2)), (60_000, v4(3))]);
}

#[test]
fn what_is_gone_is_not_spoken_of() {
    let garp = Garp { interval: ms(100), ..Garp::default() };
    let mut schedule = begin(garp, &[v4(1), v4(2)]);
    assert_eq!(schedule.due(at(0)), [(VI, v4(1))]);
    schedule.change(VI, garp, &[v4(2)].into(), at(10));
    let sent = play(&mut schedule, 1_000_000);
    assert_eq!(sent.len(), 10);
    assert!(sent.iter().all(|(_, what)| *what == v4(2)), "{sent:?}");
}

#[test]
fn changed_values_hold_at_once() {
    let slow = Garp { interval: ms(60_000), master_refresh: ms(900_000), ..Garp::default() };
    let held = [v4(1)].into();
    let mut schedule = begin(slow, &[v4(1)]);
    assert_eq!(schedule.due(at(0)), [(VI, v4(1))]);
    let quick = Garp {
        master_delay: ms(2000),
        master_repeat: 1,
        master_refresh: ms(7000),
        ..Garp::default()
    };
    schedule.change(VI, quick, &held, at(1000));
    let sent: Vec<u64> = play(&mut schedule, 8000).into_iter().map(|(at, _)| at).collect();
    // The rest of the first block, the second one counted from the first, the refresh from now.
    assert_eq!(sent, [1000, 1000, 1000, 1000, 2000, 8000]);
    let none = Garp { master_refresh: Duration::ZERO, ..once() };
    schedule.change(VI, none, &held, at(9000));
    assert_eq!(schedule.next(), None);
}

#[test]
fn second_block_that_is_switched_off_does_not_come() {
    let mut schedule = begin(Garp::default(), &[v4(1)]);
    play(&mut schedule, 1000);
    schedule.change(VI, once(), &[v4(1)].into(), at(1000));
    assert_eq!(schedule.next(), None);
}

/// RFC 4862 5.4: nothing is said of an address that may be another's.
#[test]
fn tentative_address_is_announced_when_it_is_usable() {
    let mut schedule = begin(once(), &[v6(1)]);
    schedule.came_tentative(VI, &[v6(2)]);
    assert_eq!(play(&mut schedule, 100), [(0, v6(1)), (0, v6(1))]);
    schedule.rival(VI, at(200));
    assert!(play(&mut schedule, 900).iter().all(|(_, what)| *what == v6(1)));
    schedule.usable(v6(2), at(1000));
    // A renewed lease is the same event again.
    schedule.usable(v6(2), at(1100));
    schedule.usable(v6(3), at(1100));
    let sent = play(&mut schedule, 2000);
    assert_eq!(sent, [(1000, v6(2)), (1000, v6(2))]);
}

#[test]
fn kernel_without_room_is_asked_again() {
    let mut schedule = begin(once(), &[v4(1), v4(2)]);
    let due = schedule.due(at(0));
    assert_eq!(due.len(), 4);
    for item in due[1..].iter().rev() {
        schedule.refused(*item, at(0));
    }
    assert_eq!(schedule.due(at(4)), []);
    let sent = play(&mut schedule, 1000);
    assert_eq!(sent, [(5, v4(1)), (5, v4(2)), (5, v4(2))]);
    schedule.stop(VI);
    schedule.refused((VI, v4(1)), at(10));
    assert_eq!(schedule.next(), None);
}

/// Thousands of addresses leave in several turns, so that a word of the engine comes between.
#[test]
fn many_addresses_take_turns() {
    let all: Vec<Announcement> = (0..1000).map(v6).collect();
    let mut schedule = begin(once(), &all);
    let mut turns = Vec::new();
    while schedule.next().is_some_and(|next| next <= at(0)) {
        turns.push(schedule.due(at(0)).len());
    }
    assert_eq!(turns.iter().sum::<usize>(), 2000);
    assert!(turns.iter().all(|turn| *turn <= BATCH), "{turns:?}");
}
