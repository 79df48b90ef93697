//! The times of RFC 3768 6.1 and RFC 9568 6.1 against a table, and the interval that a BACKUP
//! learns: each rule that is easy to get wrong is a test.

use crate::common::{
    ADVERT, Bench, acquire, config, config_v3, every, host, priority, to_group, unicast,
    with_options,
};
use crate::packets::V3;
use std::time::Duration;
use vipd_types::{State, Version};
use vrrp_core::timers::{COURTESY, master_down_interval, skew};
use vrrp_core::{Cause, Config, Input, Notice};

const CENTIS: [u64; 8] = [1, 10, 25, 50, 100, 300, 1000, 4095];

/// Priority, then Skew_Time and Master_Down_Interval at 1, 2, 3, 10 and 255 seconds.
#[rustfmt::skip]
const V2_MICROS: [(u8, [u64; 6]); 8] = [
    (1, [996_094, 3_996_094, 6_996_094, 9_996_094, 30_996_094, 765_996_094]),
    (50, [804_688, 3_804_688, 6_804_688, 9_804_688, 30_804_688, 765_804_688]),
    (100, [609_375, 3_609_375, 6_609_375, 9_609_375, 30_609_375, 765_609_375]),
    (128, [500_000, 3_500_000, 6_500_000, 9_500_000, 30_500_000, 765_500_000]),
    (150, [414_062, 3_414_062, 6_414_062, 9_414_062, 30_414_062, 765_414_062]),
    (200, [218_750, 3_218_750, 6_218_750, 9_218_750, 30_218_750, 765_218_750]),
    (250, [23_438, 3_023_438, 6_023_438, 9_023_438, 30_023_438, 765_023_438]),
    (254, [7_812, 3_007_812, 6_007_812, 9_007_812, 30_007_812, 765_007_812]),
];
/// Priority, then Skew_Time and Active_Down_Interval at each of `CENTIS`.
#[rustfmt::skip]
const V3_MICROS: [(u8, [(u64, u64); 8]); 8] = [
    (1, [(9_961, 39_961), (99_609, 399_609), (249_023, 999_023), (498_047, 1_998_047), (996_094, 3_996_094), (2_988_281, 11_988_281), (9_960_938, 39_960_938), (40_790_039, 163_640_039)]),
    (50, [(8_047, 38_047), (80_469, 380_469), (201_172, 951_172), (402_344, 1_902_344), (804_688, 3_804_688), (2_414_062, 11_414_062), (8_046_875, 38_046_875), (32_951_953, 155_801_953)]),
    (100, [(6_094, 36_094), (60_938, 360_938), (152_344, 902_344), (304_688, 1_804_688), (609_375, 3_609_375), (1_828_125, 10_828_125), (6_093_750, 36_093_750), (24_953_906, 147_803_906)]),
    (128, [(5_000, 35_000), (50_000, 350_000), (125_000, 875_000), (250_000, 1_750_000), (500_000, 3_500_000), (1_500_000, 10_500_000), (5_000_000, 35_000_000), (20_475_000, 143_325_000)]),
    (150, [(4_141, 34_141), (41_406, 341_406), (103_516, 853_516), (207_031, 1_707_031), (414_062, 3_414_062), (1_242_188, 10_242_188), (4_140_625, 34_140_625), (16_955_859, 139_805_859)]),
    (200, [(2_188, 32_188), (21_875, 321_875), (54_688, 804_688), (109_375, 1_609_375), (218_750, 3_218_750), (656_250, 9_656_250), (2_187_500, 32_187_500), (8_957_812, 131_807_812)]),
    (250, [(234, 30_234), (2_344, 302_344), (5_859, 755_859), (11_719, 1_511_719), (23_438, 3_023_438), (70_312, 9_070_312), (234_375, 30_234_375), (959_766, 123_809_766)]),
    (254, [(78, 30_078), (781, 300_781), (1_953, 751_953), (3_906, 1_503_906), (7_812, 3_007_812), (23_438, 9_023_438), (78_125, 30_078_125), (319_922, 123_169_922)]),
];

/// The table is in whole microseconds.
fn close(exact: Duration, micros: u64) {
    let difference = exact.abs_diff(Duration::from_micros(micros));
    assert!(difference <= Duration::from_nanos(500), "{exact:?} is not {micros} us");
}

#[test]
fn times_of_version_2() {
    for (value, [skew_time, downs @ ..]) in V2_MICROS {
        for (seconds, down) in [1, 2, 3, 10, 255].into_iter().zip(downs) {
            let interval = Duration::from_secs(seconds);
            close(skew(Version::V2, interval, priority(value)), skew_time);
            close(master_down_interval(Version::V2, interval, 3, priority(value)), down);
        }
    }
}

#[test]
fn times_of_version_3() {
    for (value, row) in V3_MICROS {
        for (centis, (skew_time, down)) in CENTIS.into_iter().zip(row) {
            let interval = Duration::from_millis(centis * 10);
            close(skew(Version::V3, interval, priority(value)), skew_time);
            close(master_down_interval(Version::V3, interval, 3, priority(value)), down);
        }
    }
}

#[test]
fn times_are_floored_to_the_nanosecond_and_not_before() {
    for value in 1..=255 {
        for centis in 1..=4095_u64 {
            let time = skew(Version::V3, Duration::from_millis(centis * 10), priority(value));
            let exact = (256 - u128::from(value)) * u128::from(centis) * 10_000_000 / 256;
            assert_eq!(time.as_nanos(), exact);
        }
    }
    // What truncation to centiseconds would make zero, and two routers one.
    let of = |value| skew(Version::V3, Duration::from_millis(10), priority(value));
    assert!(of(254) > Duration::ZERO && of(253) > of(254));
}

#[test]
fn down_timer_adverts() {
    for (adverts, millis) in [(1, 1609), (3, 3609), (10, 10_609), (100, 100_609)] {
        let ours = with_options(config(100), |options| options.down_timer_adverts = adverts);
        let bench = Bench::new(ours);
        assert_eq!(bench.left() / 1_000_000, millis);
    }
    let ours = with_options(config_v3(100), |options| options.down_timer_adverts = 5);
    let mut bench = Bench::new(ours);
    bench.hear_every(2, 200, 10);
    assert_eq!(bench.left(), 500_000_000 + 60_937_500);
}

/// Rule 1: of what was learned, not of what the good-bye says.
#[test]
fn v3_sm_11_hard_11_a_good_bye_sets_the_skew_of_what_was_learned() {
    let mut bench = Bench::new(Config { fast_handover: false, ..config_v3(100) });
    bench.hear_every(2, 200, 100);
    bench.hear_every(2, 0, 4095);
    assert_eq!(bench.left(), 609_375_000);
    assert_eq!(bench.router.active_interval(), Duration::from_secs(1));
    bench.hear_every(2, 200, 4095);
    assert_eq!(bench.left(), 147_803_906_250);
    bench.hear_every(2, 0, 1);
    assert_eq!(bench.left(), 24_953_906_250);
    // Rule 2: also when less was left.
    let mut bench = Bench::new(Config { fast_handover: false, ..config_v3(100) });
    bench.wait(3600);
    bench.hear_every(2, 0, 100);
    assert_eq!(bench.left(), 609_375_000);
}

#[test]
fn v3_sm_12_adopts_the_interval() {
    let mut bench = Bench::new(config_v3(100));
    bench.hear_every(2, 200, 25);
    assert_eq!(bench.router.active_interval(), Duration::from_millis(250));
    assert_eq!(bench.router.skew_time(), Duration::from_nanos(152_343_750));
    assert_eq!(bench.left(), 902_343_750);
    // Rule 4: equal priority from any address.
    for from in [2, 200] {
        let mut bench = Bench::new(config_v3(100));
        bench.hear_every(from, 100, 50);
        assert_eq!(bench.left(), 1_804_687_500);
    }
    // Without preemption also of a worse one.
    let mut bench = Bench::new(Config { preempt: false, ..config_v3(100) });
    bench.hear_every(2, 1, 300);
    assert_eq!(bench.left(), 10_828_125_000);
}

/// Rule 3.
#[test]
fn v3_sm_13_a_discarded_advert_touches_nothing() {
    let mut bench = Bench::new(config_v3(100));
    bench.hear_every(2, 200, 25);
    let before = bench.router.next_deadline();
    for _ in 0..5 {
        bench.sleep(100);
        bench.hear_every(4, 50, 4095);
        assert_eq!(bench.router.next_deadline(), before);
    }
    assert_eq!(bench.router.active_interval(), Duration::from_millis(250));
    assert_eq!(bench.router.master().map(|seen| seen.priority), Some(200));
}

/// Rule 5.
#[test]
fn v3_sm_09_v3_sm_25_own_interval_after_takeover_the_received_one_after_demotion() {
    let mut bench = Bench::new(config_v3(100));
    bench.hear_every(2, 200, 300);
    assert_eq!(bench.wait(10_829), [(10_828, ADVERT), (10_828, acquire(1))]);
    assert_eq!(bench.router.active_interval(), Duration::from_secs(1));
    assert_eq!(bench.wait(2000), [(11_828, ADVERT), (12_828, ADVERT)]);
    assert_eq!(bench.encoded(vrrp_core::Kind::Advert)[4..6], 100_u16.to_be_bytes());
    bench.hear_every(2, 200, 25);
    assert_eq!((bench.state(), bench.left()), (State::Backup, 902_343_750));
}

#[test]
fn v3_sm_02_own_interval_at_start_and_after_a_fault() {
    let mut bench = Bench::new(config_v3(200));
    assert_eq!(bench.left(), 3_218_750_000);
    bench.hear_every(2, 250, 4095);
    bench.track(0, true, false);
    bench.track(0, false, false);
    assert_eq!((bench.state(), bench.left()), (State::Backup, 3_218_750_000));
    assert_eq!(bench.router.active_interval(), Duration::from_secs(1));
}

#[test]
fn hard_11_a_longer_interval_counts_as_the_cap() {
    let capped = |secs| {
        with_options(config_v3(100), |options| {
            options.max_learned_interval = Some(Duration::from_secs(secs));
        })
    };
    let from = host(2).into();
    let theirs = Duration::from_millis(40_950);
    let notice = Notice::CappedInterval { from, theirs };
    for (seconds, learned) in [(10, 10), (1, 1)] {
        let mut bench = Bench::new(capped(seconds));
        bench.hear_every(2, 200, 4095);
        assert_eq!(bench.router.active_interval(), Duration::from_secs(learned));
        assert!(bench.notices().contains(&notice));
        bench.events.clear();
        bench.hear_every(2, 200, 25);
        assert_eq!(bench.router.active_interval(), Duration::from_millis(250));
        assert!(!bench.notices().contains(&notice));
        // Nothing of a good-bye or of a discarded advert is learned.
        bench.hear_every(2, 0, 4095);
        bench.hear_every(2, 50, 4095);
        assert!(!bench.notices().contains(&notice));
    }
    // Also of the router that a MASTER yields to.
    let mut bench = Bench::master(capped(10));
    bench.hear_every(2, 200, 4095);
    assert_eq!(bench.router.active_interval(), Duration::from_secs(10));
    // A cap below our own interval would take our equals for dead.
    let mut bench = Bench::new(every(capped(1), 3000));
    bench.hear_every(2, 200, 300);
    assert_eq!(bench.router.active_interval(), Duration::from_secs(3));
}

#[test]
fn version_2_learns_nothing() {
    let mut bench = Bench::new(config(100));
    bench.hear(2, 200);
    assert_eq!(bench.router.active_interval(), Duration::from_secs(1));
    assert_eq!(bench.router.skew_time(), Duration::from_nanos(609_375_000));
}

#[test]
fn a_new_priority_shortens_by_the_skew_of_what_was_learned() {
    let mut bench = Bench::new(config_v3(100));
    bench.hear_every(2, 250, 10);
    bench.track(100, false, false);
    // 100 of 256 parts of 100 ms earlier.
    assert_eq!(bench.left(), 360_937_500 - 39_062_500);
    bench.track(0, false, false);
    assert_eq!(bench.left(), 360_937_500 - 39_062_500);
}

/// What was learned counts until the next advert.
#[test]
fn a_new_interval_of_ours_is_not_the_masters() {
    let mut bench = Bench::new(config_v3(100));
    bench.hear_every(2, 200, 100);
    let before = bench.router.next_deadline();
    bench.sleep(500);
    bench.input(Input::Config(Box::new(every(config_v3(100), 5000))));
    assert_eq!(bench.router.next_deadline(), before);
    // Nobody was heard yet: then it is all there is.
    let mut bench = Bench::new(config_v3(100));
    bench.sleep(500);
    bench.input(Input::Config(Box::new(every(config_v3(100), 5000))));
    assert_eq!(bench.left(), 15_000_000_000 + 3_046_875_000);
    // Another version forgets what the old one learned.
    let mut bench = Bench::new(config_v3(100));
    bench.hear_every(2, 200, 4095);
    bench.input(Input::Config(Box::new(config(100))));
    assert_eq!(bench.left(), 3_609_375_000);
}

#[test]
fn at_ten_milliseconds_nothing_waits_longer_than_the_rhythm_allows() {
    // Rivals are given the skew, not the 156 ms that a slow group has for them.
    let mut bench = Bench::new(every(config_v3(100), 10));
    for value in [150, 150, 150, 90] {
        bench.hear_every(2, value, 1);
    }
    assert_eq!(bench.left(), 6_093_750);
    let end = bench.now().plus(Duration::from_nanos(6_093_750));
    assert_eq!(bench.until(end), [(6, ADVERT)]);
    assert_eq!(bench.changes().last(), Some(&(State::Master, Cause::Preempt)));
    // The old MASTER is given a quarter of an interval.
    assert_eq!(bench.left(), 2_500_000);
    assert!(Duration::from_nanos(2_500_000) < COURTESY);
    assert_eq!(bench.wait(3), [(8, acquire(1))]);
    // The pace of answers is the interval itself, not a quarter of it.
    let mut bench = Bench::master(every(config_v3(100), 10));
    let answers = (0..100).filter(|_| {
        bench.sleep(1);
        bench.hear_every(2, 50, 1).contains(&ADVERT)
    });
    assert!((9..=11).contains(&answers.count()));
}

#[test]
fn hard_09_announcements_are_no_faster_than_one_a_second() {
    let mut bench = Bench::master(every(config_v3(100), 10));
    let mut announced = 0;
    for _ in 0..300 {
        let actions = bench.hear_every(2, 50, 1);
        let later = bench.wait(10).into_iter().map(|(_, action)| action);
        let all = actions.into_iter().chain(later);
        announced += all.filter(|a| matches!(a, vrrp_core::Action::Announce(_))).count();
    }
    assert!((3..=4).contains(&announced), "{announced}");
}

#[test]
fn a_rival_is_there_for_two_of_its_own_intervals() {
    for (centis, waits) in [(25, false), (300, true)] {
        let mut bench = Bench::new(config_v3(200));
        bench.wait(1000);
        bench.hear_every(2, 100, centis);
        // The timer comes 2.2 s after the advert.
        let wait = bench.wait(2219);
        let expected =
            if waits { vec![(3218, ADVERT)] } else { vec![(3218, ADVERT), (3218, acquire(1))] };
        assert_eq!(wait, expected, "{centis}");
    }
}

#[test]
fn a_followed_master_is_silent_after_two_of_its_own_intervals() {
    for (centis, replaced) in [(25, true), (300, false)] {
        let mut bench = Bench::new(config_v3(100));
        bench.hear_every(2, 200, centis);
        bench.sleep(700);
        bench.receive_v3(&V3::v4(150).every(centis), to_group(host(4))).unwrap();
        let followed = bench.router.master().unwrap().address;
        assert_eq!(followed == host(4), replaced, "{centis}");
    }
}

#[test]
fn one_peer_needs_no_wait_at_any_interval() {
    let ours = Config { version: Version::V3, ..unicast(100, &[2]) };
    let mut bench = Bench::new(every(ours, 10));
    for value in [150, 150] {
        bench.hear(2, value);
    }
    assert_eq!(bench.hear(2, 90), [ADVERT]);
    assert_eq!(bench.left(), 2_500_000);
}
