//! The state machine: V2-SM, the scenarios that VRRPv2 has, and what this daemon adds to the RFC:
//! faults, terms, farewells and pacing. Fast handover has its own file.

use crate::common::{
    ADVERT, Bench, GOOD_BYE, LOCAL, acquire, config, host, priority, release, rfc,
};
use std::net::IpAddr;
use std::time::Duration;
use vipd_types::{Epoch, State};
use vrrp_core::action::Reason;
use vrrp_core::timers::{master_down_interval, skew};
use vrrp_core::{Action, Cause, Config, Event, Input};

const DOWN_100_NANOS: u64 = 3_609_375_000;

fn boxed(config: Config) -> Input<'static> {
    Input::Config(Box::new(config))
}

#[test]
fn timers_are_exact() {
    let cases = [(1, 996_093_750), (100, 609_375_000), (200, 218_750_000), (254, 7_812_500)];
    for (value, nanos) in cases {
        assert_eq!(skew(priority(value)), Duration::from_nanos(nanos));
        let down = master_down_interval(Duration::from_secs(255), priority(value));
        assert_eq!(down, Duration::from_secs(765) + Duration::from_nanos(nanos));
    }
}

#[test]
fn v2_sm_01_owner_starts_as_master() {
    let mut bench = Bench::cold(config(255));
    assert_eq!(bench.link_up(), [ADVERT, acquire(1)]);
    assert_eq!(bench.changes(), [(State::Master, Cause::Startup)]);
    assert_eq!(bench.wait(1000), [(1000, ADVERT)]);
}

#[test]
fn v2_sm_02_and_07_others_wait_the_down_timer() {
    let mut bench = Bench::cold(config(100));
    assert_eq!(bench.link_up(), []);
    assert_eq!(bench.router.next_deadline().unwrap().as_nanos(), DOWN_100_NANOS);
    assert_eq!(bench.wait(3609), []);
    assert_eq!(bench.wait(1), [(3609, ADVERT), (3609, acquire(1))]);
    assert_eq!(
        bench.changes(),
        [(State::Backup, Cause::Startup), (State::Master, Cause::MasterDown)]
    );
}

#[test]
fn v2_sm_06_and_sc_11_backup_stops_without_a_packet() {
    let mut bench = Bench::new(config(100));
    assert_eq!(bench.input(Input::Stop), []);
    assert_eq!(bench.state(), State::Init);
    assert!(bench.router.is_done());
    assert_eq!(bench.router.next_deadline(), None);
    assert_eq!(bench.hear(2, 50), []);
    assert_eq!(bench.link_up(), []);
    assert_eq!(bench.state(), State::Init);
}

#[test]
fn v2_sm_08_priority_0_sets_skew_time() {
    let mut bench = Bench::new(rfc(100));
    bench.wait(500);
    bench.hear(2, 0);
    assert_eq!(bench.router.next_deadline().unwrap().as_nanos(), 500_000_000 + 609_375_000);
    // Also when less time was left.
    let mut bench = Bench::new(rfc(100));
    bench.wait(3500);
    bench.hear(2, 0);
    assert_eq!(bench.router.next_deadline().unwrap().as_nanos(), 3_500_000_000 + 609_375_000);
}

#[test]
fn v2_sm_09_equal_or_higher_resets_the_timer() {
    for (from, value) in [(2, 100), (200, 100), (2, 101), (2, 255)] {
        let mut bench = Bench::new(config(100));
        bench.wait(1000);
        bench.hear(from, value);
        let deadline = bench.router.next_deadline().unwrap().as_nanos();
        assert_eq!(deadline, 1_000_000_000 + DOWN_100_NANOS);
    }
    let mut bench = Bench::new(Config { preempt: false, ..config(100) });
    bench.wait(1000);
    bench.hear(2, 1);
    assert_eq!(bench.router.next_deadline().unwrap().as_nanos(), 1_000_000_000 + DOWN_100_NANOS);
}

#[test]
fn v2_sm_10_and_sc_05_lower_is_discarded() {
    let mut bench = Bench::new(config(200));
    for _ in 0..3 {
        assert_eq!(bench.wait(1000), []);
        bench.hear(2, 100);
    }
    assert_eq!(bench.wait(219), [(3218, ADVERT), (3218, acquire(1))]);
    let mut bench = Bench::new(Config { preempt: false, ..config(200) });
    for _ in 0..30 {
        assert_eq!(bench.wait(1000), []);
        bench.hear(2, 100);
    }
}

#[test]
fn v2_sm_15_and_sc_10_good_bye_when_the_addresses_are_gone() {
    let mut bench = Bench::master(config(100));
    bench.obliging = false;
    assert_eq!(bench.input(Input::Stop), [release(1, Reason::Stop)]);
    assert_eq!(bench.state(), State::Init);
    assert!(!bench.router.is_done());
    assert_eq!(bench.wait(60_000), []);
    assert_eq!(bench.input(Input::Released(Epoch(1))), [GOOD_BYE]);
    assert!(bench.router.is_done());
    assert_eq!(bench.input(Input::Released(Epoch(1))), []);
    assert_eq!(bench.router.counters().pri_zero_sent, 1);
}

#[test]
fn v2_sm_16_and_sc_01_adverts_do_not_drift() {
    let mut bench = Bench::master(config(100));
    for beat in 1..=60 {
        // Served 7 ms late each time.
        bench.sleep(1000 + if beat == 1 { 7 } else { 0 });
        assert_eq!(bench.deadline(), [ADVERT]);
        let next = bench.router.next_deadline().unwrap().as_nanos();
        assert_eq!(next, DOWN_100_NANOS + (beat + 1) * 1_000_000_000);
    }
}

#[test]
fn v2_sm_17_priority_0_in_master() {
    let mut bench = Bench::master(config(100));
    bench.sleep(400);
    assert_eq!(bench.hear(2, 0), [ADVERT]);
    let next = bench.router.next_deadline().unwrap().as_nanos();
    assert_eq!(next, DOWN_100_NANOS + 1_400_000_000);
}

#[test]
fn v2_sm_18_and_sc_07_master_yields() {
    for (from, value) in [(2, 101), (200, 100), (2, 255)] {
        let mut bench = Bench::master(config(100));
        bench.obliging = false;
        assert_eq!(bench.hear(from, value), [release(1, Reason::Yield)]);
        assert_eq!(bench.state(), State::Backup);
        let next = bench.router.next_deadline().unwrap().since(bench.now());
        assert_eq!(next.as_nanos(), u128::from(DOWN_100_NANOS));
        // One advert of our own, so that the winner announces itself again; no good-bye.
        assert_eq!(bench.input(Input::Released(Epoch(1))), [ADVERT]);
        assert_eq!(bench.router.master().unwrap().address, IpAddr::V4(host(from)));
    }
}

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
fn v2_sm_19_and_sc_08_lower_in_master_is_answered_in_pace() {
    let mut bench = Bench::master(config(100));
    bench.sleep(100);
    assert_eq!(bench.hear(2, 50), [ADVERT, Action::Announce(Epoch(1))]);
    let mut sent = Vec::new();
    for _ in 0..100 {
        sent.extend(bench.hear(2, 50).into_iter().map(|action| (bench.millis(), action)));
        sent.extend(bench.wait(10));
    }
    let adverts = sent.iter().filter(|(_, action)| *action == ADVERT).count();
    let announcements = sent.len() - adverts;
    assert!(adverts <= 5 && announcements <= 1, "{sent:?}");
    // The periodic adverts kept their phase.
    let phase = (bench.router.next_deadline().unwrap(), bench.wait(2000));
    let last = phase.1.last().unwrap();
    assert_eq!((last.0 - 3609) % 1000, 0, "{phase:?}");
    assert_eq!(bench.state(), State::Master);
}

#[test]
fn equal_priority_from_a_lower_address_is_answered() {
    let mut bench = Bench::master(config(100));
    assert_eq!(bench.hear(2, 100), [ADVERT, Action::Announce(Epoch(1))]);
    assert!(matches!(bench.events.last(), Some(Event::ForcingElection { priority: 100, .. })));
}

#[test]
fn v2_sm_20_and_sc_06_owner_preempts_regardless() {
    let mut bench = Bench::cold(Config { preempt: false, ..config(255) });
    assert_eq!(bench.link_up(), [ADVERT, acquire(1)]);
}

#[test]
fn sc_02_silent_master() {
    let mut bench = Bench::new(config(100));
    bench.wait(200);
    bench.hear(2, 150);
    assert_eq!(bench.wait(3610), [(3809, ADVERT), (3809, acquire(1))]);
}

#[test]
fn sc_12_other_interval_is_not_heard() {
    let mut bench = Bench::new(Config { advert_int: Duration::from_secs(2), ..config(100) });
    for _ in 0..7 {
        let message = crate::common::Message::new(200);
        let from = crate::common::meta(host(2), vrrp_core::wire::GROUP_V4, 255);
        assert!(bench.receive(&message, from).is_err());
        bench.wait(1000);
    }
    assert_eq!(bench.state(), State::Master);
    assert_eq!(bench.router.counters().advert_interval_err, 7);
}

#[test]
fn sc_13_two_of_three_lost() {
    let mut bench = Bench::new(config(100));
    for _ in 0..20 {
        bench.hear(2, 150);
        assert_eq!(bench.wait(3000), []);
    }
    assert_eq!(bench.state(), State::Backup);
}

#[test]
fn sc_14_a_long_pause_gives_no_burst() {
    let mut bench = Bench::master(config(100));
    bench.sleep(10_300);
    // The shell reads the waiting adverts first.
    assert_eq!(bench.hear(2, 90).len(), 2);
    assert_eq!(bench.hear(2, 90), []);
    assert_eq!(bench.deadline(), [ADVERT]);
    assert_eq!(bench.deadline(), []);
    let mut bench = Bench::master(config(100));
    bench.sleep(10_300);
    bench.obliging = false;
    assert_eq!(bench.hear(2, 150), [release(1, Reason::Yield)]);
    assert_eq!(bench.deadline(), []);
}

#[test]
fn sc_18_lower_priority_is_said_at_once() {
    let mut bench = Bench::master(config(100));
    bench.sleep(300);
    assert_eq!(bench.track(-10, false, false), [ADVERT]);
    assert_eq!(bench.encoded(vrrp_core::Kind::Advert)[2], 90);
    assert_eq!(bench.wait(700), [(4609, ADVERT)]);
    assert!(matches!(bench.events.first(), Some(Event::Priority { .. })));
    // A stranger that provokes answers does not delay it.
    bench.hear(2, 50);
    assert_eq!(bench.track(-20, false, false), [ADVERT]);
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
    let gain = (200 - 50) * 3_906_250;
    assert_eq!(bench.router.next_deadline().unwrap().as_nanos(), DOWN_100_NANOS - gain);
}

#[test]
fn priority_falls_and_nothing_else_about_it() {
    // SC-18 seen from the other side: a MASTER does not demote itself.
    let mut bench = Bench::master(config(100));
    bench.track(-99, false, false);
    assert_eq!(bench.state(), State::Master);
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

#[test]
fn counters_of_a_term() {
    let mut bench = Bench::master(config(100));
    bench.hear(2, 200);
    let counters = bench.router.counters();
    assert_eq!((counters.become_master, counters.release_master), (1, 1));
    assert_eq!((counters.advert_sent, counters.advert_rcvd), (2, 1));
}
