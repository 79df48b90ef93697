//! Fast handover: when it comes, how long rivals are given, and when it must not come.

use crate::common::{ADVERT, Bench, GOOD_BYE, acquire, config, rfc, unicast};
use vipd_types::State;
use vrrp_core::{Cause, Config, Input};

/// A BACKUP that has followed 192.0.2.2 at 150 for a while.
fn following(config: Config) -> Bench {
    let mut bench = Bench::new(config);
    for _ in 0..5 {
        bench.hear(2, 150);
        bench.wait(1000);
    }
    bench.hear(2, 150);
    bench.wait(100);
    bench.events.clear();
    bench
}

#[test]
fn one_peer_takes_over_at_once() {
    let good_bye = (0, vec![ADVERT, acquire(1)], Cause::GoodBye);
    for (said, expected, why) in [good_bye, (90, vec![ADVERT], Cause::Preempt)] {
        let mut bench = following(unicast(100, &[2]));
        assert_eq!(bench.hear(2, said), expected);
        assert_eq!(bench.changes(), [(State::Master, why)]);
    }
}

/// The old MASTER says with its last advert that its addresses are gone; ours come then.
#[test]
fn a_living_master_is_given_time_to_leave() {
    let mut bench = following(unicast(100, &[2]));
    assert_eq!(bench.hear(2, 90), [ADVERT]);
    assert_eq!(bench.wait(1), []);
    assert_eq!(bench.hear(2, 90), [acquire(1)]);
    // It says good-bye instead.
    let mut bench = following(unicast(100, &[2]));
    assert_eq!(bench.hear(2, 90), [ADVERT]);
    assert_eq!(bench.hear(2, 0).first(), Some(&acquire(1)));
}

/// An advert that is due was sent before ours arrived: it does not say that the addresses are gone.
#[test]
fn an_advert_that_has_crossed_with_ours_is_not_the_last_one() {
    // By the RFC's timer, beside a MASTER that was heard each second.
    let mut slow = Bench::new(rfc(200));
    slow.wait(219);
    for _ in 0..3 {
        slow.hear(2, 90);
        slow.wait(1000);
    }
    // After a fall that was told out of turn.
    let mut fast = following(config(100));
    fast.wait(746);
    fast.hear(2, 90);
    fast.wait(156);
    for mut bench in [slow, fast] {
        assert_eq!(bench.state(), State::Master);
        assert_eq!(bench.hear(2, 90), [ADVERT]);
        bench.wait(2);
        assert_eq!(bench.hear(2, 90), [acquire(1)]);
    }
}

/// A MASTER that had become worse says good-bye: then there is nobody to wait for.
#[test]
fn a_master_that_has_left_is_given_no_time() {
    let mut bench = following(config(100));
    assert_eq!(bench.hear(2, 90), []);
    bench.wait(10);
    assert_eq!(bench.hear(2, 0), []);
    let at = bench.millis() + 146;
    assert_eq!(bench.wait(200), [(at, ADVERT), (at, acquire(1))]);
}

#[test]
fn but_not_more_than_four_milliseconds() {
    let mut bench = following(unicast(100, &[2]));
    bench.hear(2, 90);
    let at = bench.millis() + 4;
    assert_eq!(bench.wait(10), [(at, acquire(1))]);
}

#[test]
fn a_master_that_was_not_yet_there_has_nothing_to_release() {
    // A better router comes while we wait: nothing was acquired, so nothing is released.
    let mut bench = following(unicast(100, &[2]));
    bench.hear(2, 90);
    assert_eq!(bench.hear(2, 150), []);
    assert_eq!(bench.router.state(), State::Backup);
    assert!(bench.router.is_done());
    // The daemon stops while we wait: it has advertised, so it says good-bye at once.
    let mut bench = following(unicast(100, &[2]));
    bench.hear(2, 90);
    assert_eq!(bench.input(Input::Stop), [GOOD_BYE]);
    assert!(bench.router.is_done());
}

#[test]
fn rivals_are_given_time_by_priority() {
    for (base, millis) in [(100, 156), (149, 107)] {
        for ours in [config(base), unicast(base, &[2, 4])] {
            for said in [0, 90] {
                let mut bench = following(ours.clone());
                assert_eq!(bench.hear(2, said), []);
                let at = bench.millis() + millis;
                let mut expected = vec![(at, ADVERT)];
                if said == 0 {
                    expected.push((at, acquire(1)));
                }
                assert_eq!(bench.wait(millis), expected);
            }
        }
    }
}

#[test]
fn without_preemption_only_a_good_bye_counts() {
    let mut bench = following(Config { preempt: false, ..unicast(100, &[2]) });
    assert_eq!(bench.hear(2, 90), []);
    assert_eq!(bench.wait(300), []);
    assert_eq!(bench.hear(2, 0), [ADVERT, acquire(1)]);
}

#[test]
fn off_means_the_timers_of_the_rfc() {
    let mut bench = following(rfc(100));
    bench.hear(2, 90);
    assert_eq!(bench.wait(2000), []);
    bench.hear(2, 0);
    assert_eq!(bench.wait(609), []);
    assert_eq!(bench.wait(1).len(), 2);
}

#[test]
fn not_before_every_tracker_has_spoken() {
    let mut bench = following(unicast(100, &[2]));
    bench.track(0, false, true);
    assert_eq!(bench.hear(2, 90), []);
    assert_eq!(bench.hear(2, 0), []);
    // Pending after the timer was set.
    let mut bench = following(config(100));
    bench.hear(2, 90);
    bench.track(0, false, true);
    assert_eq!(bench.wait(1000), []);
}

#[test]
fn not_because_only_our_own_priority_rose() {
    let mut bench = following(unicast(100, &[2]));
    bench.track(100, false, false);
    assert_eq!(bench.hear(2, 150), []);
    assert_eq!(bench.wait(1000), []);
    bench.hear(2, 150);
    // It gets worse while it is below us: now it counts.
    assert_eq!(bench.hear(2, 149), [ADVERT]);
}

#[test]
fn not_on_a_router_that_is_not_followed() {
    let mut bench = following(config(100));
    bench.hear(4, 90);
    bench.hear(4, 80);
    assert_eq!(bench.wait(500), []);
    // A good-bye of another is the RFC's Skew_Time, and the MASTER's next advert ends it.
    bench.hear(4, 0);
    bench.hear(2, 150);
    assert_eq!(bench.wait(1000), []);
}

#[test]
fn a_worse_second_master_is_not_followed() {
    let mut bench = following(config(100));
    bench.hear(4, 120);
    assert_eq!(bench.router.master().unwrap().priority, 150);
    bench.hear(4, 90);
    assert_eq!(bench.wait(500), []);
    // The followed one has been silent for more than two intervals.
    bench.wait(1600);
    bench.hear(4, 120);
    assert_eq!(bench.router.master().unwrap().priority, 120);
    // Or the other one was heard twice without it.
    let mut bench = following(config(100));
    bench.hear(4, 120);
    bench.hear(4, 120);
    assert_eq!(bench.router.master().unwrap().priority, 120);
}

#[test]
fn old_news_of_a_replaced_master_is_ignored() {
    for said in [0, 90] {
        let mut bench = following(config(100));
        // 192.0.2.4 has taken over because it heard the fall of 192.0.2.2 before we do.
        bench.hear(4, 120);
        bench.hear(2, said);
        assert_eq!(bench.wait(500), [], "{said}");
    }
}

#[test]
fn not_while_it_is_still_better_than_we_are() {
    let mut bench = following(config(100));
    bench.hear(2, 110);
    bench.hear(2, 100);
    assert_eq!(bench.wait(1000), []);
}

#[test]
fn recovery_ends_it() {
    let mut bench = following(config(100));
    bench.hear(2, 90);
    bench.wait(100);
    bench.hear(2, 150);
    assert_eq!(bench.wait(1000), []);
    assert_eq!(bench.state(), State::Backup);
}

#[test]
fn our_own_fall_ends_it() {
    let mut bench = following(config(100));
    bench.hear(2, 90);
    bench.track(-20, false, false);
    assert_eq!(bench.wait(1000), []);
}

#[test]
fn repeated_adverts_do_not_postpone_it() {
    let mut bench = following(config(100));
    bench.hear(2, 90);
    let begin = bench.millis();
    for _ in 0..15 {
        assert_eq!(bench.wait(10), []);
        bench.hear(2, 90);
    }
    assert_eq!(bench.wait(6).first().map(|(at, _)| *at), Some(begin + 156));
}

#[test]
fn never_longer_than_what_is_left_of_the_down_timer() {
    let mut bench = following(config(1));
    bench.hear(2, 150);
    bench.wait(3900);
    bench.hear(2, 0);
    let left = bench.wait(97);
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_new_configuration_ends_it() {
    let mut bench = following(config(100));
    bench.hear(2, 90);
    bench.input(Input::Config(Box::new(rfc(100))));
    assert_eq!(bench.wait(1000), []);
}
