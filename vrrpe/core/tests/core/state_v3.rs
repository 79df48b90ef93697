//! The state machine of RFC 9568 by the requirements: V3-SM, and what differs from VRRPv2. What is
//! learned is in `times`.

use crate::common::{
    ADVERT, Bench, GOOD_BYE, SECOND, acquire, config_v3, config_v6, every, host, host_v6, release,
    to_group, with_options,
};
use crate::packets::V3;
use std::net::IpAddr;
use vipd_types::{Epoch, State};
use vrrp_core::action::Reason;
use vrrp_core::{Action, Cause, Config, Event, Input, Kind};

const DOWN_100_NANOS: u128 = 3_609_375_000;

#[test]
fn v3_sm_01_an_owner_starts_as_master() {
    for ours in [config_v3(255), config_v6(255)] {
        let mut bench = Bench::cold(ours);
        assert_eq!(bench.link_up(), [ADVERT, acquire(1)]);
        assert_eq!(bench.changes(), [(State::Master, Cause::Startup)]);
        assert_eq!(bench.wait(1000), [(1000, ADVERT)]);
    }
}

#[test]
fn v3_sm_02_v3_sm_09_v3_sm_10_others_wait_active_down_interval() {
    for ours in [config_v3(200), config_v6(200)] {
        let mut bench = Bench::cold(ours);
        assert_eq!(bench.link_up(), []);
        assert_eq!(bench.wait(3218), []);
        assert_eq!(bench.wait(1), [(3218, ADVERT), (3218, acquire(1))]);
    }
}

#[test]
fn v3_sm_08_a_backup_stops_without_a_packet() {
    let mut bench = Bench::new(config_v6(100));
    assert_eq!(bench.input(Input::Stop), []);
    assert_eq!((bench.state(), bench.router.next_deadline()), (State::Init, None));
}

#[test]
fn v3_sm_11_v3_pkt_11_priority_0_sets_skew_time() {
    for ours in [config_v3(100), config_v6(100)] {
        let mut bench = Bench::new(Config { fast_handover: false, ..ours });
        bench.wait(500);
        bench.hear(2, 0);
        assert_eq!(bench.left(), 609_375_000);
    }
}

#[test]
fn v3_sm_12_v3_sm_13_reset_or_discard() {
    let preempting = config_v3(100);
    let patient = Config { preempt: false, ..config_v3(100) };
    let cases = [
        (&preempting, 101, true),
        (&preempting, 100, true),
        (&preempting, 99, false),
        (&preempting, 1, false),
        (&patient, 1, true),
        (&patient, 255, true),
    ];
    for (ours, value, resets) in cases {
        let mut bench = Bench::new(ours.clone());
        bench.wait(1000);
        bench.hear(2, value);
        let expected = DOWN_100_NANOS - if resets { 0 } else { 1_000_000_000 };
        assert_eq!(bench.left(), expected, "{value}");
    }
}

#[test]
fn v3_sm_22_a_master_says_good_bye_when_the_addresses_are_gone() {
    let mut bench = Bench::master(config_v6(100));
    bench.obliging = false;
    assert_eq!(bench.input(Input::Stop), [release(1, Reason::Stop)]);
    assert_eq!(bench.input(Input::Released(Epoch(1))), [GOOD_BYE]);
    assert_eq!(bench.encoded(Kind::GoodBye)[2], 0);
}

#[test]
fn v3_sm_23_adverts_keep_their_rate() {
    let mut bench = Bench::master(every(config_v3(100), 100));
    let sent = bench.wait(60_000);
    assert!((599..=601).contains(&sent.len()), "{}", sent.len());
    assert!(sent.iter().all(|(_, action)| *action == ADVERT));
}

#[test]
fn v3_sm_24_priority_0_in_master_restarts_the_timer() {
    let mut bench = Bench::master(config_v3(100));
    bench.sleep(400);
    assert_eq!(bench.hear(2, 0), [ADVERT]);
    assert_eq!(bench.left(), 1_000_000_000);
}

#[test]
fn v3_sm_25_higher_or_equal_from_a_greater_address() {
    for (from, value) in [(2, 101), (200, 100), (2, 255)] {
        let mut bench = Bench::master(config_v3(100));
        bench.obliging = false;
        assert_eq!(bench.hear(from, value), [release(1, Reason::Yield)]);
        assert_eq!((bench.state(), bench.left()), (State::Backup, DOWN_100_NANOS));
        // The loser sends no priority 0.
        assert_eq!(bench.input(Input::Released(Epoch(1))), [ADVERT]);
    }
}

/// Who learned the loser's shorter interval would wait for adverts that never come.
#[test]
fn the_last_advert_after_yielding_has_the_winners_interval() {
    let mut bench = Bench::master(every(config_v3(100), 70));
    assert_eq!(bench.encoded(Kind::Advert)[4..6], [0, 7]);
    let meta = to_group(host(200));
    let better = V3 { interval: 0x0304, ..V3::v4(150) };
    bench.take(&better.bytes(&meta), meta).unwrap();
    assert_eq!(bench.encoded(Kind::Advert)[4..6], [3, 4]);
    assert_eq!(bench.encoded(Kind::GoodBye)[4..6], [0, 7]);
}

/// As unsigned numbers in network order, not as text and not word by word.
#[test]
fn v3_sm_25_addresses_are_numbers() {
    for (source, yields) in [("fe80::a", true), ("fe80::9", false), ("fe80::1:0:0:0", true)] {
        let mut bench = Bench::cold(config_v6(100));
        bench.input(Input::Link { up: true, source: Some(host_v6(9).into()) });
        bench.wait(4000);
        bench.input(Input::Link { up: true, source: "fe80::9".parse().ok() });
        let from = to_group(source.parse::<std::net::Ipv6Addr>().unwrap());
        let verdict = bench.receive_v3(&V3::v6(100), from).map(|_| bench.state());
        let own = source == "fe80::9";
        let expected = if yields { State::Backup } else { State::Master };
        assert_eq!(verdict, if own { Err(vrrp_core::Discard::OwnAddress) } else { Ok(expected) });
    }
    for (last, state) in [(10, State::Backup), (8, State::Master)] {
        let mut bench = Bench::cold(config_v3(100));
        bench.input(Input::Link { up: true, source: Some(host(9).into()) });
        bench.wait(4000);
        bench.hear(last, 100);
        assert_eq!(bench.state(), state);
    }
    let mut bench = Bench::cold(config_v3(100));
    bench.input(Input::Link { up: true, source: Some(IpAddr::from([192, 0, 2, 130])) });
    bench.wait(4000);
    bench.receive_v3(&V3::v4(100), to_group(std::net::Ipv4Addr::new(192, 0, 10, 1))).unwrap();
    assert_eq!(bench.state(), State::Backup);
}

#[test]
fn v3_sm_26_others_are_answered_and_the_timer_is_left_alone() {
    for (from, value) in [(200, 50), (2, 100), (200, 99)] {
        let mut bench = Bench::master(config_v3(100));
        let beat = bench.router.next_deadline();
        bench.sleep(300);
        assert_eq!(bench.hear(from, value), [ADVERT, Action::Announce(Epoch(1))]);
        assert_eq!(bench.router.next_deadline(), beat);
        assert_eq!(bench.state(), State::Master);
    }
}

#[test]
fn v3_sm_27_preempt_mode_plays_no_role_in_master() {
    let mut bench = Bench::master(Config { preempt: false, ..config_v3(100) });
    bench.hear(2, 101);
    assert_eq!(bench.state(), State::Backup);
}

#[test]
fn v3_sm_28_an_owner_preempts_regardless() {
    let mut bench = Bench::cold(Config { preempt: false, ..config_v3(255) });
    assert_eq!(bench.link_up(), [ADVERT, acquire(1)]);
    // Demoted by a greater owner, it is patient with nobody else.
    bench.hear(200, 255);
    bench.sleep(1000);
    bench.hear(2, 254);
    assert_eq!((bench.state(), bench.left()), (State::Backup, 2_003_906_250));
}

/// Erratum 8298: BACKUP with priority 255, until the other owner falls silent or says good-bye.
#[test]
fn v3_rx_08_a_demoted_owner_retakes_when_the_other_is_silent() {
    let ours = with_options(config_v3(255), |options| options.preempt_delay = SECOND);
    let mut bench = Bench::new(ours);
    bench.hear(200, 255);
    assert_eq!(bench.state(), State::Backup);
    // Nothing that is looked at anew makes it MASTER against the greater one.
    bench.track(-5, false, false);
    bench.link_up();
    assert_eq!(bench.state(), State::Backup);
    for _ in 0..3 {
        bench.sleep(900);
        bench.hear(2, 254);
    }
    bench.events.clear();
    bench.wait(400);
    assert_eq!(bench.changes(), [(State::Master, Cause::Preempt)]);
}

#[test]
fn mib_09_the_cause_says_why_there_is_a_new_master() {
    let mut silent = Bench::new(config_v3(100));
    silent.hear(2, 200);
    let mut left = Bench::new(config_v3(100));
    left.hear(2, 200);
    left.hear(2, 0);
    let mut left_slowly = Bench::new(Config { fast_handover: false, ..config_v3(100) });
    left_slowly.hear(2, 200);
    left_slowly.hear(2, 0);
    let mut worse = Bench::new(config_v3(100));
    worse.hear(2, 200);
    worse.hear(2, 90);
    let mut worse_always = Bench::new(config_v3(100));
    for _ in 0..3 {
        worse_always.wait(1000);
        worse_always.hear(2, 90);
    }
    let mut came_back = Bench::new(Config { fast_handover: false, ..config_v3(100) });
    came_back.hear(2, 200);
    came_back.hear(2, 0);
    came_back.hear(2, 200);
    let cases = [
        (silent, Cause::MasterDown),
        (left, Cause::GoodBye),
        (left_slowly, Cause::GoodBye),
        (worse, Cause::Preempt),
        (worse_always, Cause::Preempt),
        (came_back, Cause::MasterDown),
    ];
    for (mut bench, why) in cases {
        bench.wait(4000);
        assert_eq!(bench.changes().last(), Some(&(State::Master, why)));
    }
}

#[test]
fn mib_08_counters_of_terms_and_good_byes() {
    let mut bench = Bench::master(config_v3(100));
    bench.hear(2, 0);
    bench.hear(2, 200);
    bench.input(Input::Stop);
    let counters = bench.router.counters();
    assert_eq!((counters.become_master, counters.release_master), (1, 1));
    assert_eq!((counters.advert_rcvd, counters.pri_zero_rcvd), (2, 1));
    assert_eq!((counters.advert_sent, counters.pri_zero_sent), (3, 0));
    let mut bench = Bench::master(config_v3(100));
    bench.input(Input::Stop);
    let counters = bench.router.counters();
    assert_eq!((counters.advert_sent, counters.pri_zero_sent), (2, 1));
}

#[test]
fn v3_sm_26_who_is_answered_is_told() {
    let mut bench = Bench::master(config_v3(100));
    bench.hear(2, 50);
    let told = |event: &&Event| matches!(event, Event::ForcingElection { priority: 50, .. });
    assert_eq!(bench.events.iter().filter(told).count(), 1);
}
