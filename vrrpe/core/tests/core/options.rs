//! What keepalived's keywords change about the machine: preempt_delay, lower_prio_no_advert,
//! higher_prio_send_advert, owner_ignore_adverts.

use crate::common::{
    ADVERT, Bench, GOOD_BYE, LOCAL, SECOND, acquire, config, config_v3, host, release, to_group,
    unicast, with_options,
};
use crate::packets::V3;
use vipd_types::{Epoch, State};
use vrrp_core::action::Reason;
use vrrp_core::{Action, Cause, Config, Discard, Event, Input};

fn delayed(config: Config, seconds: u32) -> Config {
    with_options(config, |options| options.preempt_delay = SECOND * seconds)
}

/// Hears a router at 100 each second from `first` on, and tells when it became MASTER.
fn takeover(mut bench: Bench, first: u64) -> u64 {
    bench.wait(first);
    for _ in 0..20 {
        bench.hear(2, 100);
        if let Some((at, ADVERT)) = bench.wait(1000).first() {
            return *at;
        }
    }
    panic!("never MASTER");
}

#[test]
fn yang_02_preempt_delay_begins_with_the_first_worse_advert() {
    // It ends at 3600, and the advert of that moment is discarded: the last that counts is from 2600.
    let bench = Bench::new(delayed(config(150), 3));
    assert_eq!(takeover(bench, 600), 2600 + 3414);
    let bench = Bench::new(config(150));
    assert_eq!(takeover(bench, 600), 3414);
}

#[test]
fn preempt_delay_ends_with_an_advert_that_is_not_worse() {
    for better in [150, 200] {
        let mut bench = Bench::new(delayed(config(150), 3));
        for value in [100, 100, better, 100, 100, 100] {
            bench.hear(2, value);
            assert_eq!(bench.wait(1000), []);
        }
        // It began anew at 3000, so the advert at 5000 was the last that counted.
        bench.hear(2, 100);
        assert_eq!(bench.left() / 1_000_000, 2414);
    }
}

#[test]
fn preempt_delay_does_not_keep_from_a_silent_or_leaving_master() {
    let mut bench = Bench::new(delayed(config(150), 1000));
    assert_eq!(bench.wait(3415), [(3414, ADVERT), (3414, acquire(1))]);
    let mut bench = Bench::new(delayed(unicast(150, &[2]), 1000));
    bench.hear(2, 100);
    assert_eq!(bench.hear(2, 0), [ADVERT, acquire(1)]);
}

#[test]
fn preempt_delay_is_for_a_master_that_falls_as_well() {
    let mut bench = Bench::new(delayed(unicast(100, &[2]), 3));
    bench.hear(2, 150);
    assert_eq!(bench.hear(2, 90), []);
    assert_eq!(bench.left(), 3_609_375_000);
    // After the delay it is the RFC's timer, no fast handover.
    bench.sleep(3000);
    assert_eq!(bench.hear(2, 80), []);
    assert_eq!(bench.left(), 609_375_000);
}

#[test]
fn preempt_delay_is_forgotten_with_the_state() {
    let mut bench = Bench::new(delayed(config(150), 3));
    bench.hear(2, 100);
    bench.sleep(2900);
    bench.track(0, true, false);
    bench.track(0, false, false);
    bench.hear(2, 100);
    bench.sleep(2900);
    bench.hear(2, 100);
    assert_eq!(bench.left() / 1_000_000, 3414);
    // And with a new configuration.
    bench.input(Input::Config(Box::new(delayed(config(151), 3))));
    bench.sleep(200);
    bench.hear(2, 100);
    assert_eq!(bench.left() / 1_000_000, 3410);
}

#[test]
fn without_preemption_the_delay_means_nothing() {
    let ours = Config { preempt: false, ..delayed(config(150), 1) };
    let mut bench = Bench::new(ours);
    for _ in 0..10 {
        bench.hear(2, 100);
        assert_eq!(bench.wait(1000), []);
    }
}

/// V3-SM-26 wants the answer, RFC 3768 does not.
#[test]
fn v2_sm_19_v3_sm_26_a_silent_master_announces_its_addresses() {
    for ours in [config(100), config_v3(100)] {
        let ours = with_options(ours, |options| options.lower_prio_no_advert = true);
        let mut bench = Bench::master(ours);
        let beat = bench.router.next_deadline();
        assert_eq!(bench.hear(2, 50), [Action::Announce(Epoch(1))]);
        assert!(matches!(bench.events[..], [.., Event::LowerHeard { priority: 50, .. }]));
        assert_eq!(bench.hear(2, 100), []);
        // Its own rhythm is not disturbed, and a good-bye is answered.
        assert!(bench.router.next_deadline() <= beat);
        assert_eq!(bench.hear(2, 0), [ADVERT]);
        assert_eq!(bench.state(), State::Master);
    }
}

#[test]
fn a_last_word_to_the_better_one() {
    let ours = with_options(config(100), |options| options.higher_prio_send_advert = true);
    let mut bench = Bench::master(ours);
    bench.obliging = false;
    assert_eq!(bench.hear(2, 150), [ADVERT, release(1, Reason::Yield)]);
    assert_eq!(bench.input(Input::Released(Epoch(1))), [ADVERT]);
    // A BACKUP has none.
    assert_eq!(bench.hear(2, 150), []);
}

#[test]
fn v3_rx_08_an_owner_may_be_told_to_be_deaf() {
    let deaf = with_options(config_v3(255), |options| options.owner_ignore_adverts = true);
    let mut bench = Bench::new(deaf);
    let refused = bench.receive_v3(&V3::v4(255), to_group(host(200)));
    assert_eq!(refused, Err(Discard::Owner));
    assert_eq!(bench.state(), State::Master);
    // It is about owners only.
    let other = with_options(config_v3(100), |options| options.owner_ignore_adverts = true);
    let mut bench = Bench::new(other);
    bench.hear(2, 200);
    assert_eq!(bench.router.counters().advert_rcvd, 1);
}

#[test]
fn becoming_an_owner_while_a_greater_one_is_followed() {
    let own = Some(LOCAL.into());
    for (followed, state) in [(200, State::Backup), (2, State::Master)] {
        let mut bench = Bench::new(config_v3(100));
        bench.hear(followed, 255);
        bench.input(Input::Config(Box::new(config_v3(255))));
        assert_eq!(bench.state(), state, "{followed}");
        assert_eq!(bench.router.source(), own);
        if state == State::Master {
            assert_eq!(bench.changes().last(), Some(&(State::Master, Cause::Startup)));
            assert_eq!(bench.input(Input::Stop), [release(1, Reason::Stop), GOOD_BYE]);
        }
    }
    let mut bench = Bench::new(config_v3(100));
    bench.hear(4, 254);
    bench.input(Input::Config(Box::new(config_v3(255))));
    assert_eq!(bench.state(), State::Master);
}
