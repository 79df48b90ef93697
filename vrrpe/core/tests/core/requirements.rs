//! The state machine by the requirements of the RFC: V2-SM, and the scenarios that VRRPv2 has.

use crate::common::{ADVERT, Bench, GOOD_BYE, acquire, config, host, priority, release, rfc};
use std::net::IpAddr;
use std::time::Duration;
use vipd_types::{Epoch, State, Version};
use vrrp_core::action::Reason;
use vrrp_core::timers::{master_down_interval, skew};
use vrrp_core::{Action, Cause, Config, Event, Input};

const DOWN_100_NANOS: u64 = 3_609_375_000;

#[test]
fn timers_are_exact() {
    let cases = [(1, 996_093_750), (100, 609_375_000), (200, 218_750_000), (254, 7_812_500)];
    for (value, nanos) in cases {
        assert_eq!(skew(Version::V2, Duration::ZERO, priority(value)), Duration::from_nanos(nanos));
        let down = master_down_interval(Version::V2, Duration::from_secs(255), 3, priority(value));
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
fn v2_sm_02_v2_sm_07_others_wait_the_down_timer() {
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
fn v2_sm_06_sc_11_backup_stops_without_a_packet() {
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
fn v2_pkt_08_v2_sm_08_priority_0_sets_skew_time() {
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
fn v2_sm_10_sc_05_lower_is_discarded() {
    let mut bench = Bench::new(config(200));
    for _ in 0..3 {
        assert_eq!(bench.wait(1000), []);
        bench.hear(2, 100);
    }
    // The other one is there: its addresses go before ours come.
    assert_eq!(bench.wait(223), [(3218, ADVERT), (3222, acquire(1))]);
    let mut bench = Bench::new(Config { preempt: false, ..config(200) });
    for _ in 0..30 {
        assert_eq!(bench.wait(1000), []);
        bench.hear(2, 100);
    }
}

#[test]
fn v2_sm_15_sc_10_good_bye_when_the_addresses_are_gone() {
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
fn v2_sm_16_sc_01_adverts_do_not_drift() {
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
fn v2_sm_18_sc_07_master_yields() {
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
fn v2_sm_19_sc_08_lower_in_master_is_answered_in_pace() {
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
fn v2_sm_20_sc_06_owner_preempts_regardless() {
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
