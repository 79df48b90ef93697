//! A router that becomes another one while it runs: its priority by trackers, its configuration,
//! its source; how soon and how often that is said.

use crate::common::{ADVERT, Bench, acquire, config, host};
use std::net::IpAddr;
use std::time::Duration;
use vipd_types::State;
use vrrp_core::{Config, Input};

const DOWN_100_NANOS: u64 = 3_609_375_000;

fn boxed(config: Config) -> Input<'static> {
    Input::Config(Box::new(config))
}

#[test]
fn hard_09_changes_are_paced_and_coalesced() {
    let mut bench = Bench::master(config(100));
    bench.sleep(100);
    assert_eq!(bench.track(-10, false, false), [ADVERT]);
    for adds in [-11, -12, -13] {
        assert_eq!(bench.track(adds, false, false), []);
    }
    assert_eq!(bench.wait(900), [(3959, ADVERT), (4609, ADVERT)]);
}

#[test]
fn a_recovery_is_said_at_once_although_the_fall_just_was() {
    let mut bench = Bench::master(config(100));
    bench.sleep(400);
    assert_eq!(bench.track(-10, false, false), [ADVERT]);
    bench.sleep(20);
    assert_eq!(bench.track(0, false, false), [ADVERT]);
    bench.sleep(20);
    assert_eq!(bench.track(-10, false, false), []);
    assert_eq!(bench.wait(210), [(4259, ADVERT)]);
}

#[test]
fn a_new_priority_shortens_but_never_lengthens() {
    let mut bench = Bench::new(config(100));
    bench.track(-50, false, false);
    assert_eq!(bench.router.next_deadline().unwrap().as_nanos(), DOWN_100_NANOS);
    bench.track(100, false, false);
    let gain = (200 - 100) * 3_906_250;
    assert_eq!(bench.router.next_deadline().unwrap().as_nanos(), DOWN_100_NANOS - gain);
}

#[test]
fn falling_and_rising_again_gains_nothing() {
    let mut bench = Bench::new(config(100));
    for adds in [-99, 0].repeat(10) {
        bench.track(adds, false, false);
    }
    assert_eq!(bench.router.next_deadline().unwrap().as_nanos(), DOWN_100_NANOS);
}

#[test]
fn a_first_result_that_starts_the_timer_does_not_shorten_it_too() {
    let mut bench = Bench::cold(config(50));
    bench.track(0, true, true);
    bench.link_up();
    bench.track(50, false, false);
    assert_eq!(bench.state(), State::Backup);
    assert_eq!(bench.router.next_deadline().unwrap().as_nanos(), DOWN_100_NANOS);
}

#[test]
fn a_recovery_does_not_wait_for_a_fall_that_had_to_wait() {
    let mut bench = Bench::master(config(100));
    bench.sleep(100);
    assert_eq!(bench.track(-10, false, false), [ADVERT]);
    assert_eq!(bench.track(-20, false, false), []);
    assert_eq!(bench.wait(250), [(3959, ADVERT)]);
    assert_eq!(bench.track(0, false, false), [ADVERT]);
    // Nor does the answer to the rival that took the fall for the truth.
    assert_eq!(bench.hear(2, 90).first(), Some(&ADVERT));
}

#[test]
fn priority_falls_and_nothing_else_about_it() {
    // SC-18 seen from the other side: a MASTER does not demote itself.
    let mut bench = Bench::master(config(100));
    bench.track(-99, false, false);
    assert_eq!(bench.state(), State::Master);
}

#[test]
fn the_same_configuration_is_nothing() {
    let mut bench = Bench::master(config(100));
    let before = bench.router.next_deadline();
    bench.sleep(10);
    assert_eq!(bench.input(boxed(config(100))), []);
    assert_eq!(bench.router.next_deadline(), before);
    assert_eq!(bench.events.len(), 0);
}

#[test]
fn a_new_configuration_is_advertised_at_once() {
    let mut bench = Bench::master(config(100));
    bench.sleep(10);
    let mut more = config(100);
    more.addresses.push(host(254).into());
    assert_eq!(bench.input(boxed(more)), [ADVERT]);
    assert_eq!(bench.encoded(vrrp_core::Kind::Advert)[3], 2);
}

#[test]
fn becoming_an_owner_needs_no_timer() {
    let mut bench = Bench::new(config(100));
    assert_eq!(bench.input(boxed(config(255))), [ADVERT, acquire(1)]);
}

#[test]
fn a_new_interval_starts_the_timers_anew() {
    let slow = Config { advert_int: Duration::from_secs(3), ..config(100) };
    let mut bench = Bench::new(config(100));
    bench.wait(1000);
    bench.input(boxed(slow.clone()));
    assert_eq!(bench.router.next_deadline().unwrap().as_nanos(), 10_609_375_000);
    // VRRPv2: all routers change together, whoever was heard before.
    let mut bench = Bench::new(config(100));
    bench.hear(2, 200);
    bench.input(boxed(slow.clone()));
    assert_eq!(bench.router.next_deadline().unwrap().as_nanos(), 9_609_375_000);
    let mut bench = Bench::master(config(100));
    assert_eq!(bench.input(boxed(slow)), [ADVERT]);
    assert_eq!(bench.router.next_deadline().unwrap().since(bench.now()).as_secs(), 3);
}

#[test]
fn a_new_source_decides_the_next_comparison() {
    let mut bench = Bench::master(config(100));
    bench.input(Input::Link { up: true, source: Some(IpAddr::V4(host(240))) });
    assert_eq!(bench.hear(200, 100).first(), Some(&ADVERT));
    assert_eq!(bench.state(), State::Master);
}
