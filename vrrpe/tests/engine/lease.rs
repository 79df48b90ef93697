//! When the lease ends, and when the parent or the engine was not there to see it.

use crate::advert::advert_v2;
use crate::harness::{Engine, PATIENCE, VI_1, instance, now};
use crate::net;
use std::time::{Duration, Instant as Wall};
use vipd_ipc::msg::{EngineToParent, LeaseEnd, ParentToEngine};
use vipd_types::{InstanceId, Instant};

/// The parent's word is good for longer.
fn leased(instance: InstanceId, end: Instant) -> ParentToEngine {
    let leases = vec![LeaseEnd { instance, end: Some(end) }];
    ParentToEngine::Leased { until: end.plus(Duration::from_secs(60)), leases }
}

fn in_millis(millis: u64) -> Instant {
    now().plus(Duration::from_millis(millis))
}

#[test]
fn the_lease_ends_in_silence_and_then_a_good_bye() {
    let (far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 150)]);
    engine.become_master(VI_1);
    engine.until("advert", || far.hear());
    far.forget();
    let until = in_millis(300);
    engine.tell(leased(VI_1, until));
    let last = engine.until("good-bye", || far.hear().filter(|a| a.priority == 0));
    let late = now().since(until);
    assert!(late >= Duration::from_millis(500), "{late:?}");
    assert_eq!(last.bytes, advert_v2(51, 0));
    assert_eq!(engine.ended().code(), Some(1));
    assert_eq!(far.hear(), None);
}

#[test]
fn a_release_that_nobody_confirms_ends_with_the_lease() {
    let (far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 150)]);
    engine.become_master(VI_1);
    engine.until("advert", || far.hear());
    engine.tell(leased(VI_1, in_millis(300)));
    engine.tell(ParentToEngine::Stop);
    engine.expect("Release", |m| matches!(m, EngineToParent::Release { .. }));
    far.forget();
    engine.until("good-bye", || far.hear().filter(|a| a.priority == 0));
    assert_eq!(engine.ended().code(), Some(1));
}

#[test]
fn a_newer_lease_ends_the_silence() {
    let (far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 150)]);
    engine.become_master(VI_1);
    engine.tell(leased(VI_1, in_millis(50)));
    let quiet = in_millis(100);
    engine.until("the end of the lease", || (now() > quiet).then_some(()));
    far.forget();
    engine.tell(leased(VI_1, now().plus(Duration::from_secs(3))));
    engine.until("advert", || far.hear().filter(|a| a.priority == 150));
}

#[test]
fn an_engine_that_slept_through_its_lease_says_nothing() {
    let (far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 150)]);
    engine.become_master(VI_1);
    engine.until("advert", || far.hear());
    let pid = nix::unistd::Pid::from_raw(engine.pid());
    let until = in_millis(200);
    engine.tell(leased(VI_1, until));
    // It has read the lease when it answers what came after it.
    engine.show();
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGSTOP).unwrap();
    far.forget();
    let over = until.plus(Duration::from_millis(700));
    engine.until("end of the lease", || (now() > over).then_some(()));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGCONT).unwrap();
    assert_eq!(engine.ended().code(), Some(1));
    assert_eq!(far.hear(), None);
}

#[test]
fn a_backup_without_a_parent_exits_at_once() {
    let (far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 100)]);
    engine.lease = Some(Duration::from_secs(60));
    engine.expect_log("Entering BACKUP STATE");
    engine.expect("Alive", |m| matches!(m, EngineToParent::Alive { .. }));
    let start = Wall::now();
    engine.close_parent();
    assert_eq!(engine.ended().code(), Some(1));
    assert!(start.elapsed() < Duration::from_millis(500));
    assert_eq!(far.hear(), None);
}

#[test]
fn a_master_without_a_parent_serves_to_the_end_of_the_lease() {
    let (far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 150)]);
    engine.become_master(VI_1);
    let until = in_millis(1500);
    engine.tell(leased(VI_1, until));
    engine.show();
    engine.close_parent();
    far.forget();
    let mut heard = Vec::new();
    let end = Wall::now() + PATIENCE;
    while heard.last() != Some(&0) && Wall::now() < end {
        heard.extend(far.hear().map(|advert| advert.priority));
    }
    assert!(heard.len() >= 2 && heard.first() == Some(&150), "{heard:?}");
    assert!(now().since(until) >= Duration::from_millis(500));
    assert_eq!(engine.ended().code(), Some(1));
}

/// A good-bye for addresses that are still in the kernel would make a peer take them.
#[test]
fn each_instance_is_served_to_the_end_of_its_own_lease() {
    let (far, socket) = net::pair();
    let two = InstanceId(2);
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 150), instance(two, 52, 150)]);
    engine.become_master(VI_1);
    engine.become_master(two);
    let (first, last) = (in_millis(300), in_millis(2500));
    engine.tell(leased(VI_1, first));
    engine.tell(leased(two, last));
    engine.show();
    far.forget();
    // The parent is there and silent.
    let mut heard = Vec::new();
    let mut hear = || heard.extend(far.hear().map(|it| (now(), (it.vrid, it.priority))));
    engine.until("the first end", || {
        (now() > first.plus(Duration::from_millis(400))).then(&mut hear)
    });
    engine.expect("Orphaned", |m| *m == EngineToParent::Orphaned);
    engine.until("the last good-bye", || {
        heard.extend(far.hear().map(|it| (now(), (it.vrid, it.priority))));
        heard.last().filter(|(_, last)| *last == (52, 0)).map(|_| ())
    });
    let good_byes: Vec<_> = heard.iter().filter(|(_, (_, priority))| *priority == 0).collect();
    assert_eq!(good_byes.iter().map(|(_, what)| what.0).collect::<Vec<_>>(), [51, 52]);
    for ((at, _), lease) in good_byes.iter().zip([first, last]) {
        let late = at.since(lease);
        assert!(late >= Duration::from_millis(500) && late < Duration::from_secs(1), "{late:?}");
    }
    let other = heard.iter().filter(|(at, what)| *what == (52, 150) && *at > first);
    assert!(other.count() >= 2, "{heard:?}");
    assert_eq!(engine.ended().code(), Some(1));
}

/// The parent ended between asking the kernel for the addresses and saying that they are there.
#[test]
fn what_was_only_promised_is_waited_for() {
    let (far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 150)]);
    engine.expect("Acquire", |m| matches!(m, EngineToParent::Acquire { .. }));
    let end = in_millis(700);
    let leases = vec![LeaseEnd { instance: VI_1, end: Some(end) }];
    engine.tell(ParentToEngine::Leasing { leases });
    engine.show();
    engine.close_parent();
    let patience = Wall::now() + PATIENCE;
    while far.hear().is_none_or(|advert| advert.priority != 0) {
        assert!(Wall::now() < patience, "no good-bye");
    }
    assert!(now().since(end) >= Duration::from_millis(500));
    assert_eq!(engine.ended().code(), Some(1));
}

/// Addresses without a lease outlive us: nobody is invited to take them.
#[test]
fn what_is_not_leased_is_not_bidden_farewell() {
    let (far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 150)]);
    engine.become_master(VI_1);
    let leases = vec![LeaseEnd { instance: VI_1, end: None }];
    engine.tell(ParentToEngine::Leased { until: in_millis(600), leases });
    engine.show();
    engine.close_parent();
    assert_eq!(engine.ended().code(), Some(1));
    while let Some(advert) = far.hear() {
        assert_eq!(advert.priority, 150);
    }
}
