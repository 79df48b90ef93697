//! Sync groups: what a member does with the group's order, and what it says of itself. Whether all
//! of it leads anywhere is shown in `sim`.

use crate::common::{ADVERT, Bench, GOOD_BYE, LOCAL, acquire, config, config_v3, release, unicast};
use vipd_types::{Epoch, State};
use vrrp_core::action::Reason;
use vrrp_core::group::{Order, Standing};
use vrrp_core::{Action, Cause, Config, Input};

const BACKUP: Standing =
    Standing { state: State::Backup, wants: false, follows: false, obstructed: false };

impl Bench {
    fn order(&mut self, order: Order) -> Vec<Action> {
        self.input(Input::Group(Some(order)))
    }

    fn stands(&self) -> Standing {
        self.router.standing()
    }
}

/// Told before anything else that it is in a group.
fn member(config: Config) -> Bench {
    let mut bench = Bench::cold(config);
    assert_eq!(bench.order(Order::Wait), []);
    bench.link_up();
    bench
}

fn leader(config: Config) -> Bench {
    let mut bench = member(config);
    bench.wait(4000);
    bench.order(Order::Lead);
    assert_eq!(bench.state(), State::Master);
    bench.events.clear();
    bench
}

#[test]
fn nobody_becomes_master_alone() {
    for ours in [config(100), config_v3(255)] {
        let mut bench = member(ours);
        assert_eq!(bench.wait(60_000), []);
        assert_eq!(bench.stands(), Standing { wants: true, ..BACKUP });
        assert_eq!(bench.router.next_deadline(), None);
        assert_eq!(bench.order(Order::Wait), []);
        assert_eq!(bench.order(Order::Lead), [ADVERT, acquire(1)]);
        assert_eq!(bench.stands(), Standing { state: State::Master, ..BACKUP });
        assert_eq!(bench.order(Order::Lead), []);
    }
}

#[test]
fn who_does_not_want_does_not_lead() {
    let mut bench = member(config(100));
    assert_eq!(bench.order(Order::Lead), []);
    // Nor does an order that was given once count for later.
    bench.wait(4000);
    assert_eq!(bench.state(), State::Backup);
    assert!(bench.stands().wants);
}

#[test]
fn the_cause_of_the_claim_is_the_cause_of_the_term() {
    let mut bench = member(unicast(100, &[2]));
    bench.hear(2, 150);
    assert_eq!(bench.hear(2, 0), []);
    assert!(bench.stands().wants);
    bench.order(Order::Lead);
    assert_eq!(bench.changes().last(), Some(&(State::Master, Cause::GoodBye)));
    let mut bench = member(unicast(100, &[2]));
    bench.hear(2, 150);
    bench.hear(2, 90);
    bench.order(Order::Lead);
    assert_eq!(bench.changes().last(), Some(&(State::Master, Cause::Preempt)));
    let mut bench = member(config(255));
    bench.order(Order::Lead);
    assert_eq!(bench.changes().last(), Some(&(State::Master, Cause::Startup)));
}

#[test]
fn a_claim_ends_when_a_master_is_followed() {
    for value in [100, 150] {
        let mut bench = member(config(100));
        bench.wait(4000);
        bench.hear(2, value);
        assert_eq!(bench.stands(), Standing { follows: true, ..BACKUP });
        assert_eq!(bench.left(), 3_609_375_000);
        assert_eq!(bench.order(Order::Lead), []);
    }
    // Not by a worse one, which it would preempt.
    let mut bench = member(config(100));
    bench.wait(4000);
    bench.hear(2, 50);
    assert_eq!(bench.stands(), Standing { wants: true, ..BACKUP });
    // And by any change of the state.
    bench.track(0, true, false);
    let obstructed = Standing { state: State::Fault, obstructed: true, ..BACKUP };
    assert_eq!(bench.stands(), obstructed);
    bench.track(0, false, false);
    assert_eq!(bench.stands(), BACKUP);
}

#[test]
fn repeated_reasons_do_not_make_repeated_timers() {
    let mut bench = member(config(100));
    bench.hear(2, 150);
    bench.hear(2, 90);
    bench.wait(200);
    assert!(bench.stands().wants);
    for _ in 0..5 {
        bench.hear(2, 80);
        assert_eq!(bench.router.next_deadline(), None);
    }
    bench.hear(2, 0);
    bench.wait(1000);
    assert_eq!(bench.router.next_deadline(), None);
    assert!(bench.stands().wants);
}

#[test]
fn who_follows_is_known_by_what_it_accepts() {
    let mut bench = member(config(100));
    assert!(!bench.stands().follows);
    bench.hear(2, 50);
    assert!(!bench.stands().follows);
    bench.hear(2, 150);
    assert!(bench.stands().follows);
    // It has become worse and is not accepted any more.
    bench.hear(2, 50);
    assert!(!bench.stands().follows);
    bench.hear(2, 150);
    assert!(bench.stands().follows);
    bench.hear(2, 0);
    assert!(!bench.stands().follows);
    // Waited for in vain.
    bench.hear(2, 150);
    bench.wait(4000);
    assert_eq!(bench.stands(), Standing { wants: true, ..BACKUP });
    assert_eq!(bench.router.master(), None);
    let mut patient = member(Config { preempt: false, ..config(100) });
    patient.hear(2, 50);
    assert!(patient.stands().follows);
}

#[test]
fn yielding_with_the_group_is_no_good_bye() {
    let mut bench = leader(config(100));
    bench.obliging = false;
    assert_eq!(bench.order(Order::Yield), [release(1, Reason::Yield)]);
    assert_eq!(bench.changes(), [(State::Backup, Cause::Group)]);
    assert_eq!(bench.stands(), BACKUP);
    assert_eq!(bench.left(), 3_609_375_000);
    assert_eq!(bench.order(Order::Yield), []);
    // A last advert only to a better one.
    assert_eq!(bench.input(Input::Released(Epoch(1))), []);
    let mut bench = leader(config(100));
    bench.obliging = false;
    bench.order(Order::Yield);
    bench.hear(2, 150);
    assert_eq!(bench.input(Input::Released(Epoch(1))), [ADVERT]);
}

#[test]
fn a_fault_of_the_group_is_one_of_each() {
    let mut bench = leader(config(100));
    bench.obliging = false;
    assert_eq!(bench.order(Order::Fault), [release(1, Reason::Fault)]);
    assert_eq!(bench.changes(), [(State::Fault, Cause::Group)]);
    // It is none of its own.
    assert_eq!(bench.stands(), Standing { state: State::Fault, ..BACKUP });
    assert_eq!(bench.input(Input::Released(Epoch(1))), [GOOD_BYE]);
    assert_eq!(bench.order(Order::Fault), []);
    assert_eq!(bench.order(Order::Wait), []);
    assert_eq!(bench.changes().last(), Some(&(State::Backup, Cause::Cleared)));
    assert_eq!(bench.order(Order::Fault), []);
    assert_eq!(bench.changes().last(), Some(&(State::Fault, Cause::Group)));
    // A cause of its own outlasts the group's.
    bench.track(0, true, false);
    bench.order(Order::Wait);
    assert_eq!(bench.state(), State::Fault);
    bench.track(0, false, false);
    assert_eq!(bench.state(), State::Backup);
}

#[test]
fn an_order_before_the_start_waits_for_it() {
    let mut bench = Bench::cold(config(100));
    bench.order(Order::Fault);
    assert_eq!((bench.state(), bench.stands().obstructed), (State::Init, false));
    bench.link_up();
    assert_eq!(bench.changes(), [(State::Fault, Cause::Group)]);
}

#[test]
fn joining_and_leaving_a_group() {
    // A MASTER that joins stays MASTER.
    let mut bench = Bench::master(config(100));
    assert_eq!(bench.order(Order::Wait), []);
    assert_eq!(bench.state(), State::Master);
    // A member that leaves need not wait for others.
    let mut bench = member(config(100));
    bench.wait(4000);
    assert_eq!(bench.input(Input::Group(None)), [ADVERT, acquire(1)]);
    assert_eq!(bench.changes().last(), Some(&(State::Master, Cause::MasterDown)));
    let mut bench = member(config(100));
    bench.order(Order::Fault);
    bench.input(Input::Group(None));
    assert_eq!(bench.wait(3610).len(), 2);
    assert_eq!(bench.state(), State::Master);
    let mut bench = member(config(255));
    assert_eq!(bench.input(Input::Group(None)), [ADVERT, acquire(1)]);
}

#[test]
fn a_stopped_member_obeys_nobody() {
    let mut bench = leader(config(100));
    bench.input(Input::Stop);
    for order in [Order::Wait, Order::Lead, Order::Yield, Order::Fault] {
        assert_eq!(bench.order(order), []);
        assert_eq!(bench.stands(), Standing { state: State::Init, ..BACKUP });
    }
}

#[test]
fn a_member_that_leads_late_gives_the_old_master_its_time() {
    let mut bench = member(config(200));
    for _ in 0..4 {
        bench.hear(2, 100);
        bench.wait(1000);
    }
    assert!(bench.stands().wants);
    assert_eq!(bench.order(Order::Lead), [ADVERT]);
    assert_eq!(bench.wait(4), [(4004, acquire(1))]);
    assert_eq!(bench.router.source(), Some(LOCAL.into()));
}

#[test]
fn an_owner_that_yields_with_its_group_wants_again_at_once() {
    let mut bench = leader(config_v3(255));
    bench.order(Order::Yield);
    assert_eq!(bench.stands(), Standing { wants: true, ..BACKUP });
    assert_eq!(bench.state(), State::Backup);
}
