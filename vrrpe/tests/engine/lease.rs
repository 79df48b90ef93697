//! When the lease ends, and when the parent or the engine was not there to see it.

use crate::advert::advert_v2;
use crate::harness::{Engine, PATIENCE, VI_1, instance, now};
use crate::net;
use std::time::{Duration, Instant as Wall};
use vipd_ipc::msg::{EngineToParent, ParentToEngine};

#[test]
fn the_lease_ends_in_silence_and_then_a_good_bye() {
    let (far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 150)]);
    engine.become_master(VI_1);
    engine.until("advert", || far.hear());
    far.forget();
    let until = now().plus(Duration::from_millis(300));
    engine.tell(ParentToEngine::Leased { until });
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
    engine.tell(ParentToEngine::Leased { until: now().plus(Duration::from_millis(300)) });
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
    engine.tell(ParentToEngine::Leased { until: now().plus(Duration::from_millis(50)) });
    engine.lease = Some(Duration::from_secs(3));
    engine.expect("Alive", |m| matches!(m, EngineToParent::Alive { .. }));
    far.forget();
    engine.until("advert", || far.hear().filter(|a| a.priority == 150));
}

#[test]
fn an_engine_that_slept_through_its_lease_says_nothing() {
    let (far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 150)]);
    engine.become_master(VI_1);
    engine.until("advert", || far.hear());
    let pid = nix::unistd::Pid::from_raw(engine.pid());
    let until = now().plus(Duration::from_millis(200));
    engine.tell(ParentToEngine::Leased { until });
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
    let until = now().plus(Duration::from_millis(1500));
    engine.tell(ParentToEngine::Leased { until });
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
