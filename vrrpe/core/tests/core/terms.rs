//! Terms as MASTER and what ends them: faults, farewells, addresses that the kernel refuses or
//! somebody takes. Not in the RFC.

use crate::common::{ADVERT, Bench, GOOD_BYE, LOCAL, acquire, config, release, rfc};
use std::net::IpAddr;
use vipd_types::{Epoch, State};
use vrrp_core::action::Reason;
use vrrp_core::{Cause, Event, Input};

const DOWN_100_NANOS: u64 = 3_609_375_000;

#[test]
fn no_last_advert_if_we_would_win_with_it() {
    let mut bench = Bench::master(config(100));
    bench.obliging = false;
    bench.hear(2, 120);
    bench.track(50, false, false);
    assert_eq!(bench.input(Input::Released(Epoch(1))), []);
    // The winner has said good-bye meanwhile.
    let mut bench = Bench::master(rfc(100));
    bench.obliging = false;
    bench.hear(2, 120);
    bench.hear(2, 0);
    assert_eq!(bench.input(Input::Released(Epoch(1))), []);
}

#[test]
fn trackers_without_result_hold_init() {
    let mut bench = Bench::cold(config(100));
    bench.track(0, true, true);
    bench.link_up();
    assert_eq!((bench.state(), bench.events.len()), (State::Init, 0));
    bench.track(0, false, false);
    assert_eq!(bench.changes(), [(State::Backup, Cause::Startup)]);
    let mut bench = Bench::cold(config(100));
    bench.track(0, true, true);
    bench.link_up();
    bench.track(0, true, false);
    bench.track(0, true, false);
    assert_eq!(bench.changes(), [(State::Fault, Cause::Tracker)]);
}

#[test]
fn fault_ends_when_every_cause_is_gone() {
    let mut bench = Bench::new(config(100));
    bench.track(0, true, false);
    bench.input(Input::Link { up: false, source: Some(IpAddr::V4(LOCAL)) });
    bench.track(0, false, false);
    assert_eq!(bench.state(), State::Fault);
    bench.input(Input::Link { up: true, source: None });
    assert_eq!(bench.state(), State::Fault);
    bench.wait(5000);
    bench.link_up();
    let changes = [
        (State::Backup, Cause::Startup),
        (State::Fault, Cause::Tracker),
        (State::Backup, Cause::Cleared),
    ];
    assert_eq!(bench.changes(), changes);
    assert_eq!(bench.router.next_deadline().unwrap().as_nanos(), 5_000_000_000 + DOWN_100_NANOS);
}

#[test]
fn a_master_in_fault_releases_then_says_good_bye() {
    let mut bench = Bench::master(config(100));
    bench.obliging = false;
    assert_eq!(bench.track(0, true, false), [release(1, Reason::Fault)]);
    assert_eq!(bench.state(), State::Fault);
    // Healthy again before the release is confirmed: the good-bye is still true.
    bench.track(0, false, false);
    assert_eq!(bench.state(), State::Backup);
    assert_eq!(bench.input(Input::Released(Epoch(1))), [GOOD_BYE]);
}

#[test]
fn a_new_term_silences_the_old_farewell() {
    let mut bench = Bench::master(config(255));
    bench.obliging = false;
    bench.track(0, true, false);
    assert_eq!(bench.track(0, false, false), [ADVERT, acquire(2)]);
    assert_eq!(bench.input(Input::Released(Epoch(1))), []);
    assert_eq!(bench.input(Input::Acquired(Epoch(1))), []);
    assert_eq!(bench.input(Input::NotAcquired(Epoch(1))), []);
    assert_eq!(bench.input(Input::Lost(Epoch(1))), []);
    assert_eq!(bench.state(), State::Master);
    assert_eq!(bench.input(Input::Stop), [release(2, Reason::Stop)]);
    assert_eq!(bench.input(Input::NotAcquired(Epoch(2))), [GOOD_BYE]);
    assert!(bench.router.is_done());
}

/// The addresses of the term before may still be there when this one ends without any.
#[test]
fn no_good_bye_before_the_addresses_of_every_term_are_gone() {
    let mut bench = Bench::master(config(100));
    bench.obliging = false;
    assert_eq!(bench.hear(4, 200), [release(1, Reason::Yield)]);
    bench.hear(4, 50);
    // Handover; the old MASTER is given its time to leave.
    assert_eq!(bench.wait(156), [(3765, ADVERT)]);
    assert_eq!((bench.state(), bench.router.epoch()), (State::Master, Epoch(2)));
    assert_eq!(bench.input(Input::Stop), []);
    assert!(!bench.router.is_done());
    assert_eq!(bench.input(Input::Released(Epoch(1))), [GOOD_BYE]);
    assert!(bench.router.is_done());
}

#[test]
fn refused_addresses_are_tried_again_later() {
    let mut bench = Bench::new(config(100));
    bench.obliging = false;
    bench.wait(3610);
    assert_eq!(bench.input(Input::NotAcquired(Epoch(1))), [GOOD_BYE]);
    assert_eq!(bench.state(), State::Fault);
    assert!(bench.events.contains(&Event::AddressesRefused));
    bench.wait(9999);
    assert_eq!(bench.state(), State::Fault);
    bench.wait(1);
    assert_eq!(bench.state(), State::Backup);
    assert_eq!(bench.wait(3610).len(), 2);
    assert_eq!(bench.router.epoch(), Epoch(2));
}

#[test]
fn lost_addresses_are_a_fault_with_good_bye() {
    let mut bench = Bench::master(config(100));
    bench.obliging = false;
    assert_eq!(bench.input(Input::Lost(Epoch(1))), [release(1, Reason::Fault)]);
    assert_eq!(bench.input(Input::Released(Epoch(1))), [GOOD_BYE]);
    assert_eq!(bench.state(), State::Fault);
    bench.wait(10_000);
    assert_eq!(bench.state(), State::Backup);
}

#[test]
fn the_end_of_the_lease_is_the_end() {
    let mut bench = Bench::master(config(100));
    assert_eq!(bench.input(Input::LeaseEnded), [GOOD_BYE]);
    assert_eq!(bench.state(), State::Init);
    assert!(bench.router.is_done());
    assert_eq!(bench.link_up(), []);
    let mut bench = Bench::new(config(100));
    assert_eq!(bench.input(Input::LeaseEnded), []);
    assert!(bench.router.is_done());
}

/// Nobody confirms a release when the parent hangs; the addresses go all the same.
#[test]
fn a_release_is_over_with_the_lease() {
    for input in [Input::Stop, Input::Link { up: false, source: None }] {
        let mut bench = Bench::master(config(100));
        bench.obliging = false;
        bench.input(input);
        assert!(!bench.router.is_done());
        assert_eq!(bench.input(Input::LeaseEnded), [GOOD_BYE]);
        assert!(bench.router.is_done());
        assert_eq!(bench.input(Input::LeaseEnded), []);
        assert_eq!(bench.input(Input::Released(Epoch(1))), []);
    }
}

#[test]
fn counters_of_a_term() {
    let mut bench = Bench::master(config(100));
    bench.hear(2, 200);
    let counters = bench.router.counters();
    assert_eq!((counters.become_master, counters.release_master), (1, 1));
    assert_eq!((counters.advert_sent, counters.advert_rcvd), (2, 1));
}
