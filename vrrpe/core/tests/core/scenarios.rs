//! The scenarios SC-01 to SC-20 in VRRPv3, as far as packets and time alone decide them: several
//! routers on one wire that loses nothing, or one router and packets made by hand.

use crate::common::{
    ADVERT, Bench, GOOD_BYE, LOCAL, VIP, acquire, config, config_v3, config_v6, every, host,
    release, to_group,
};
use crate::lan::Lan;
use crate::packets::V3;
use crate::vector::all;
use vipd_types::{Epoch, State, Vrid};
use vrrp_core::action::Reason;
use vrrp_core::{Action, Cause, Config, Discard, Health, Input, Kind, Notice, wire};

#[test]
fn sc_01_alone() {
    let mut bench = Bench::new(config_v3(100));
    assert_eq!(bench.wait(3610), [(3609, ADVERT), (3609, acquire(1))]);
    assert_eq!(bench.wait(2000), [(4609, ADVERT), (5609, ADVERT)]);
}

#[test]
fn sc_02_sc_03_sc_09_a_master_that_is_silent_leaves_or_was_quicker() {
    let rfc = Config { fast_handover: false, ..config_v3(100) };
    for (value, centis, nanos) in
        [(150, 100, 3_609_375_000), (0, 100, 609_375_000), (150, 25, 902_343_750)]
    {
        let mut bench = Bench::new(rfc.clone());
        bench.hear_every(2, value, centis);
        assert_eq!(bench.left(), nanos);
        let at = u64::try_from(nanos / 1_000_000).unwrap();
        assert_eq!(bench.wait(at + 1), [(at, ADVERT), (at, acquire(1))]);
        // Adverts carry our own interval, whatever was learned.
        assert_eq!(bench.encoded(Kind::Advert)[4..6], 100_u16.to_be_bytes());
        assert_eq!(bench.wait(1000), [(at + 1000, ADVERT)]);
    }
}

#[test]
fn sc_04_the_better_of_two_backups_takes_over() {
    for (ours, other) in [(config_v3(100), config_v3(200)), (config_v6(100), config_v6(200))] {
        let mut lan = Lan::new();
        let dying = lan.start(9, Config { priority: other.priority, ..ours.clone() });
        lan.until(10_000);
        let (worse, better) = (lan.start(2, ours), lan.start(3, other));
        lan.until(20_500);
        lan.kill(dying);
        lan.until(40_000);
        assert_eq!((lan.state(worse), lan.state(better)), (State::Backup, State::Master));
        assert_eq!((lan.sent(worse, Kind::Advert), lan.takeovers().len()), (0, 2));
    }
}

#[test]
fn sc_05_a_better_router_starts_beside_a_master() {
    for (preempt, takes_over) in [(true, true), (false, false)] {
        let mut lan = Lan::new();
        let old = lan.start(2, config_v3(100));
        lan.until(10_000);
        let new = lan.start(3, Config { preempt, ..config_v3(200) });
        lan.until(20_000);
        let expected: &[_] =
            if takes_over { &[(3609, old), (13_218, new)] } else { &[(3609, old)] };
        assert_eq!(lan.takeovers(), expected);
        // The loser sends no priority 0.
        assert_eq!(lan.sent(old, Kind::GoodBye), 0);
        assert_eq!(lan.state(old) == State::Master, !takes_over);
    }
}

#[test]
fn sc_06_an_owner_starts_beside_a_master() {
    let mut lan = Lan::new();
    let old = lan.start(2, config_v3(254));
    lan.until(10_000);
    let owner = lan.start(1, Config { preempt: false, ..config_v3(255) });
    lan.until(10_001);
    assert_eq!(lan.takeovers(), [(3007, old), (10_000, owner)]);
    assert_eq!(lan.state(old), State::Backup);
}

#[test]
fn sc_07_a_tie_is_lost_to_the_greater_address() {
    let mut bench = Bench::master(config_v3(100));
    assert_eq!(bench.hear(200, 100), [release(1, Reason::Yield), ADVERT]);
    assert_eq!((bench.state(), bench.left()), (State::Backup, 3_609_375_000));
    assert_eq!(bench.router.counters().pri_zero_sent, 0);
}

#[test]
fn sc_08_hard_09_a_hundred_worse_adverts_in_a_second() {
    for (interval, most) in [(1000, 5), (100, 45), (10, 102)] {
        let mut bench = Bench::master(every(config_v3(100), interval));
        let centis = u16::try_from(interval / 10).unwrap();
        let beat = bench.router.next_deadline().unwrap();
        assert_eq!(bench.hear_every(2, 50, centis).first(), Some(&ADVERT));
        assert_eq!(bench.router.next_deadline(), Some(beat));
        let mut sent = 0;
        for _ in 0..100 {
            let actions = bench.hear_every(2, 50, centis);
            let later = bench.wait(10).into_iter().map(|(_, action)| action);
            sent += actions.into_iter().chain(later).filter(|action| *action == ADVERT).count();
        }
        let periodic = usize::try_from(1000 / interval).unwrap();
        assert!(sent <= periodic + most, "{sent} at {interval} ms");
    }
}

#[test]
fn sc_10_sc_11_stopping() {
    let mut bench = Bench::master(config_v3(100));
    assert_eq!(bench.input(Input::Stop), [release(1, Reason::Stop), GOOD_BYE]);
    assert!(bench.router.is_done());
    let mut bench = Bench::new(config_v3(100));
    assert_eq!(bench.input(Input::Stop), []);
    assert!(bench.router.is_done());
}

#[test]
fn sc_12_two_intervals_are_two_masters_in_version_2_and_one_in_version_3() {
    let mut lan = Lan::new();
    let ours = [lan.start(2, config(100)), lan.start(3, every(config(200), 2000))];
    lan.until(20_000);
    for at in ours {
        assert_eq!(lan.state(at), State::Master);
        let router = lan.routers[at].1.as_ref().unwrap();
        assert!(router.counters().advert_interval_err > 5);
    }
    let mut lan = Lan::new();
    let ours = [lan.start(2, config_v3(100)), lan.start(3, every(config_v3(200), 2000))];
    lan.until(20_000);
    assert_eq!(ours.map(|at| lan.state(at)), [State::Backup, State::Master]);
}

#[test]
fn sc_13_two_of_three_lost() {
    let mut bench = Bench::new(config_v3(100));
    for _ in 0..20 {
        bench.hear(2, 150);
        assert_eq!(bench.wait(3000), []);
    }
}

#[test]
fn sc_14_hard_18_a_long_pause_gives_no_burst() {
    let mut bench = Bench::master(every(config_v3(100), 10));
    bench.obliging = false;
    bench.sleep(10_003);
    assert_eq!(bench.hear_every(2, 150, 1), [release(1, Reason::Yield)]);
    assert_eq!(bench.deadline(), []);
    let mut bench = Bench::master(every(config_v3(100), 10));
    bench.sleep(10_003);
    assert_eq!(bench.deadline(), [ADVERT]);
    assert_eq!(bench.deadline(), []);
}

#[test]
fn sc_15_bad_packets_in_a_loop() {
    let mut receivers = Vec::new();
    for first in all().iter().filter(|vector| !vector.is_accepted()) {
        let name = first.text("receiver").to_owned();
        // An owner that hears another one is SC-20.
        if name == "v3-4-owner" || receivers.contains(&name) {
            continue;
        }
        let mut bench = Bench::master(first.receiver());
        let mut dropped = 0;
        for vector in all().iter().filter(|v| v.text("receiver") == name && !v.is_accepted()) {
            // What is on the link is not known here.
            for _ in (0..100).filter(|_| vector.name() != "pol-source-off-link") {
                let (message, meta) = (vector.message(), vector.meta());
                assert!(bench.take(&message, meta).is_err(), "{}", vector.name());
                dropped += u64::from(wire::decode(&message, meta, wire::TTL).is_ok());
            }
        }
        assert_eq!((bench.state(), bench.changes().len()), (State::Master, 0));
        let counters = bench.router.counters();
        let quiet = ["advert_sent", "become_master"];
        let counted = counters.iter().filter(|(name, _)| !quiet.contains(name)).map(|(_, n)| n);
        assert_eq!((counted.sum::<u64>(), counters.advert_rcvd), (dropped, 0), "{name}");
        assert_eq!(bench.wait(1000).len(), 1);
        receivers.push(name);
    }
    assert_eq!(receivers.len(), 6, "{receivers:?}");
}

#[test]
fn sc_16_the_two_families_of_one_vrid_are_two_routers() {
    let mut lan = Lan::new();
    let masters = [lan.start(2, config_v3(200)), lan.start(2, config_v6(200))];
    let backups = [lan.start(3, config_v3(100)), lan.start(3, config_v6(100))];
    lan.until(10_000);
    assert_eq!(masters.map(|at| lan.state(at)), [State::Master; 2]);
    lan.kill(masters[1]);
    lan.until(20_000);
    assert_eq!(backups.map(|at| lan.state(at)), [State::Backup, State::Master]);
}

#[test]
fn v2_sm_21_each_vrid_is_a_machine_of_its_own() {
    let vrid = |config: Config| Config { vrid: Vrid::try_from(52).unwrap(), ..config };
    let mut lan = Lan::new();
    let masters = [lan.start(2, config(200)), lan.start(2, vrid(config(200)))];
    let backups = [lan.start(3, config(100)), lan.start(3, vrid(config(100)))];
    lan.until(10_000);
    lan.kill(masters[1]);
    lan.until(20_000);
    assert_eq!(lan.state(masters[0]), State::Master);
    assert_eq!(backups.map(|at| lan.state(at)), [State::Backup, State::Master]);
}

#[test]
fn sc_17_an_owner_sends_from_the_address_itself() {
    let mut bench = Bench::master(config_v3(100));
    bench.receive_v3(&V3::v4(255), to_group(VIP)).unwrap();
    assert_eq!(
        bench.changes(),
        [(State::Backup, Cause::Higher { from: VIP.into(), priority: 255 })]
    );
}

#[test]
fn sc_18_a_tracker_costs_the_role() {
    let mut lan = Lan::new();
    let ours = lan.start(2, config_v3(100));
    let peer = lan.start(3, Config { fast_handover: false, ..config_v3(95) });
    lan.until(10_000);
    assert_eq!(lan.state(ours), State::Master);
    let health = Health { adds: -10, ..Health::default() };
    lan.step(ours, Input::Track(health));
    lan.until(10_000 + 3_630);
    assert_eq!((lan.state(ours), lan.state(peer)), (State::Backup, State::Master));
}

#[test]
fn sc_19_a_reflected_advert_is_no_storm() {
    let mut bench = Bench::master(config_v3(100));
    for _ in 0..100 {
        let own = bench.encoded(Kind::Advert);
        let from = to_group(LOCAL);
        assert_eq!(bench.take(&own, from), Err(Discard::OwnAddress));
    }
    assert_eq!(bench.wait(1000).len(), 1);
}

#[test]
fn sc_20_two_owners() {
    for (from, state, answer) in [
        (200, State::Backup, vec![release(1, Reason::Yield), ADVERT]),
        (2, State::Master, vec![ADVERT, Action::Announce(Epoch(1))]),
    ] {
        let mut bench = Bench::master(config_v3(255));
        assert_eq!(bench.hear(from, 255), answer);
        assert_eq!(bench.state(), state);
        let notice = Notice::OwnerHeard { from: host(from).into() };
        assert!(bench.notices().contains(&notice));
    }
    // Two that hear each other end up as one.
    let mut lan = Lan::new();
    let both = [lan.start(2, config_v3(255)), lan.start(3, config_v3(255))];
    lan.until(30_000);
    assert_eq!(both.map(|at| lan.state(at)), [State::Backup, State::Master]);
}
