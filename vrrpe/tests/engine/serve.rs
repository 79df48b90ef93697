//! Start, staging, adverts in and out, trackers, stop.

use crate::advert::advert_v2;
use crate::harness::{Engine, FAR, GROUP, NEAR, VI_1, VIP, instance, tracked};
use crate::net;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::time::{Duration, Instant as Wall};
use vipd_ipc::BUILD;
use vipd_ipc::msg::{CheckerToEngine, EngineToParent, ParentToEngine, Why};
use vipd_types::{Epoch, Generation, InstanceId, Priority};

#[test]
fn another_build_is_refused_by_name() {
    let mut engine = Engine::spawn();
    engine.tell(ParentToEngine::Hello { build: "0.0.0+else".into() });
    engine.check(CheckerToEngine::Hello { build: BUILD.into() });
    engine.expect_log("the parent is of another build (0.0.0+else");
    assert_eq!(engine.ended().code(), Some(1));
}

#[test]
fn a_router_without_rivals_becomes_master_and_is_shown() {
    let (far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 150)]);
    engine.lease = Some(Duration::from_secs(3));
    let deposit = engine.expect("Deposit", |m| matches!(m, EngineToParent::Deposit { .. }));
    let EngineToParent::Deposit { last_will, .. } = deposit else { unreachable!() };
    assert_eq!(last_will, advert_v2(51, 0));
    let epoch = engine.become_master(VI_1);
    let advert = engine.until("advert", || far.hear());
    assert_eq!((advert.source, advert.destination), (NEAR.into(), FAR.into()));
    assert_eq!(advert.bytes, advert_v2(51, 150));
    engine.expect_log("(VI_1) Entering BACKUP STATE (init)");
    engine.expect_log("(VI_1) Entering MASTER STATE");
    engine.expect(
        "Alive that lists it",
        |m| matches!(m, EngineToParent::Alive { advertised, .. } if advertised == &[VI_1]),
    );

    let shown = engine.show();
    assert_eq!(shown["version"], 1);
    assert_eq!(shown["generation"], 1);
    let one = &shown["instances"][0];
    assert_eq!(one["name"], "VI_1");
    assert_eq!(one["state"], "MASTER");
    assert_eq!(one["transport"], "unicast");
    assert_eq!(one["source"], NEAR.to_string());
    assert_eq!(one["master"]["self"], true);
    assert_eq!(one["addresses"][0]["address"], VIP.to_string());
    assert_eq!(one["addresses"][0]["installed"], true);
    assert_eq!(one["lease"]["seconds"], 3);
    assert!(one["lease"]["remaining_seconds"].as_f64().unwrap() <= 3.0);
    assert_eq!(one["epoch"], epoch.0);
    assert_eq!(one["counters"]["become_master"], 1);
}

#[test]
fn stop_releases_and_then_says_good_bye() {
    let (far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 150)]);
    let epoch = engine.become_master(VI_1);
    engine.until("advert", || far.hear());
    engine.tell(ParentToEngine::Stop);
    let release = engine.expect("Release", |m| matches!(m, EngineToParent::Release { .. }));
    assert_eq!(release, EngineToParent::Release { instance: VI_1, epoch, why: Why::Stop });
    far.forget();
    engine.tell(ParentToEngine::Released { instance: VI_1, epoch });
    let last = engine.until("good-bye", || far.hear());
    assert_eq!(last.bytes, advert_v2(51, 0));
    assert_eq!(engine.ended().code(), Some(0));
}

#[test]
fn a_backup_stops_at_once() {
    let (far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 100)]);
    engine.expect_log("Entering BACKUP STATE");
    far.advertise(NEAR, 51, 200);
    engine.tell(ParentToEngine::Stop);
    assert_eq!(engine.ended().code(), Some(0));
    assert_eq!(far.hear(), None);
}

#[test]
fn a_backup_follows_the_master_it_hears_and_shows_it() {
    let (far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 100)]);
    engine.expect_log("Entering BACKUP STATE");
    far.advertise(NEAR, 51, 200);
    let mut control = engine.client(false);
    let seen = engine.until("the master", || {
        let shown = control.ask("show VI_1");
        let master = shown["instances"][0]["master"].clone();
        (!master.is_null()).then_some(master)
    });
    assert_eq!(seen["address"], FAR.to_string());
    assert_eq!(seen["priority"], 200);
    assert_eq!(seen["self"], false);
    let unknown = control.ask("show VI_9");
    assert_eq!((&unknown["ok"], &unknown["code"]), (&false.into(), &"unknown_instance".into()));
}

#[test]
fn garbage_changes_counters_only() {
    let (far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 100)]);
    engine.expect_log("Entering BACKUP STATE");
    far.advertise(NEAR, 51, 200);
    let mut seed = 0x2545_f491_u32;
    for length in (1..400).chain([1036, 1100, 1400]) {
        let mut bytes = advert_v2(51, 250);
        bytes.resize(length, 0);
        for byte in bytes.iter_mut().skip(length % 8) {
            seed ^= seed << 13;
            seed ^= seed >> 17;
            seed ^= seed << 5;
            *byte = seed.to_be_bytes()[0];
        }
        far.say(NEAR, &bytes);
    }
    let mut control = engine.client(false);
    let one = engine.until("the stranger's counter", || {
        // Many a packet of the flood was lost with a full receive buffer, and so may these be.
        far.advertise(NEAR, 51, 200);
        far.advertise(NEAR, 77, 200);
        let one = control.ask("show")["instances"][0].clone();
        (one["counters"]["interface_vrid_err"].as_u64() > Some(0)).then_some(one)
    });
    assert_eq!(one["state"], "BACKUP");
    assert_eq!(one["master"]["priority"], 200);
    let lines = engine.log.iter().filter(|line| line.contains("dropped a packet")).count();
    assert!(lines <= 8, "{:#?}", engine.log);
}

#[test]
fn a_reload_leaves_the_unchanged_alone_and_stops_the_missing() {
    let (far, socket) = net::pair();
    let two = InstanceId(2);
    let (first, second) = (instance(VI_1, 51, 150), instance(two, 52, 150));
    let mut engine = Engine::serve(socket, &[first.clone(), second]);
    let epoch = engine.become_master(VI_1);
    let gone = engine.become_master(two);
    engine.configure(2, None, &[first]);
    let release = engine.expect("Release", |m| matches!(m, EngineToParent::Release { .. }));
    assert_eq!(release, EngineToParent::Release { instance: two, epoch: gone, why: Why::Stop });
    engine.tell(ParentToEngine::Released { instance: two, epoch: gone });
    engine.until("good-bye", || far.hear().filter(|a| (a.vrid, a.priority) == (52, 0)));
    let shown = engine.show();
    assert_eq!(shown["generation"], 2);
    assert_eq!(shown["instances"].as_array().unwrap().len(), 1);
    assert_eq!(shown["instances"][0]["epoch"], epoch.0);
    assert_eq!(shown["instances"][0]["counters"]["become_master"], 1);
}

#[test]
fn a_changed_priority_is_advertised_without_a_new_term() {
    let (far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 150)]);
    let epoch = engine.become_master(VI_1);
    engine.configure(2, Some(net::near_socket()), &[instance(VI_1, 51, 140)]);
    engine.expect_log("(VI_1) Changing effective priority from 150 to 140");
    engine.until("advert", || far.hear().filter(|a| a.priority == 140));
    assert_eq!(engine.show()["instances"][0]["epoch"], epoch.0);
}

#[test]
fn abort_drops_what_was_staged() {
    let (_far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 150)]);
    engine.become_master(VI_1);
    engine.stage(2, None, &[]);
    let generation = Generation(2);
    engine.expect("Staged", |m| *m == EngineToParent::Staged { generation });
    engine.tell(ParentToEngine::Abort { generation });
    let shown = engine.show();
    assert_eq!(shown["generation"], 1);
    assert_eq!(shown["instances"][0]["state"], "MASTER");
}

#[test]
fn a_broken_protocol_ends_the_engine() {
    let mut engine = Engine::start();
    engine.tell(ParentToEngine::Commit { generation: Generation(1) });
    engine.expect_log("the parent broke the protocol");
    assert_eq!(engine.ended().code(), Some(1));
}

#[test]
fn trackers_move_the_priority_and_silence_fails_them() {
    let (far, socket) = net::pair();
    let mut slice = instance(VI_1, 51, 100);
    slice.tracks = vec![tracked(10)];
    let mut engine = Engine::start();
    engine.stage(1, Some(socket), &[slice]);
    let generation = Generation(1);
    engine.expect("Staged", |m| *m == EngineToParent::Staged { generation });
    // Quicker than our own Commit.
    engine.tracker(true, "1 process");
    engine.expect_log("VRRP_Script(chk) succeeded");
    engine.tell(ParentToEngine::Commit { generation });
    engine.link(true);
    engine.become_master(VI_1);
    engine.until("advert", || far.hear().filter(|a| a.priority == 110));

    engine.tracker(false, "exited with status 1");
    engine.expect_log("VRRP_Script(chk) failed (exited with status 1)");
    engine.expect_log("(VI_1) Changing effective priority from 110 to 100");
    engine.until("advert", || far.hear().filter(|a| a.priority == 100));
    engine.tracker(true, "1 process");
    engine.until("advert", || far.hear().filter(|a| a.priority == 110));

    engine.beats = false;
    engine.expect_log("the checker is silent");
    engine.until("advert", || far.hear().filter(|a| a.priority == 100));
    let tracker = engine.show()["instances"][0]["priority"]["trackers"][0].clone();
    assert_eq!((&tracker["name"], &tracker["state"]), (&"chk".into(), &"down".into()));
    assert_eq!(tracker["reason"], "checker silent");
    engine.beats = true;
    engine.until("advert", || far.hear().filter(|a| a.priority == 110));

    engine.close_checker();
    engine.until("advert", || far.hear().filter(|a| a.priority == 100));
    assert_eq!(engine.show()["instances"][0]["priority"]["trackers"][0]["reason"], "checker gone");
}

#[test]
fn a_tracker_without_weight_is_a_fault() {
    let (_far, socket) = net::pair();
    let mut slice = instance(VI_1, 51, 100);
    slice.tracks = vec![tracked(0)];
    let mut engine = Engine::serve(socket, &[slice]);
    let one = engine.show()["instances"][0].clone();
    assert_eq!(one["reason"], "waits for the first result of tracker chk");
    engine.tracker(false, "no process");
    engine.expect_log("(VI_1): entering FAULT state due to script chk");
    engine.expect_log("(VI_1) Entering FAULT STATE");
    engine.tracker(true, "1 process");
    engine.become_master(VI_1);
}

#[test]
fn a_lost_address_and_a_dead_link_end_the_term() {
    let (_far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 150)]);
    let epoch = engine.become_master(VI_1);
    engine.link(false);
    let release = engine.expect("Release", |m| matches!(m, EngineToParent::Release { .. }));
    assert_eq!(release, EngineToParent::Release { instance: VI_1, epoch, why: Why::Fault });
    engine.tell(ParentToEngine::Released { instance: VI_1, epoch });
    engine.expect_log("Netlink reports near down");
    engine.link(true);
    let second = engine.become_master(VI_1);
    assert!(second > epoch);
    engine.tell(ParentToEngine::Lost { instance: VI_1, epoch: second });
    engine.expect_log("(VI_1) Entering FAULT STATE");
    // An answer of a former term is late, not wrong.
    engine.tell(ParentToEngine::Acquired { instance: VI_1, epoch: Epoch(1) });
    engine.tell(ParentToEngine::Released { instance: InstanceId(9), epoch: Epoch(1) });
    assert_eq!(engine.show()["instances"][0]["addresses"][0]["installed"], false);
}

#[test]
fn a_signal_to_the_group_is_the_parents_business() {
    let (far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 150)]);
    let pid = Pid::from_raw(engine.pid());
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        kill(pid, signal).unwrap();
    }
    engine.become_master(VI_1);
    engine.until("advert", || far.hear());
}

#[test]
fn multicast_goes_to_the_group_from_the_configured_source() {
    let (far, socket) = net::pair();
    let mut slice = instance(VI_1, 51, 150);
    slice.peers.clear();
    slice.source = Some(NEAR.into());
    let mut engine = Engine::serve(socket, &[slice]);
    engine.become_master(VI_1);
    let advert = engine.until("advert", || far.hear());
    assert_eq!((advert.source, advert.destination), (NEAR.into(), GROUP.into()));
    // A worse router in the group is answered at once, a better one is yielded to.
    far.advertise(GROUP, 51, 100);
    engine.expect_log("with lower priority 100, ours 150, forcing new election");
    far.advertise(GROUP, 51, 200);
    let release = engine.expect("Release", |m| matches!(m, EngineToParent::Release { .. }));
    assert!(matches!(release, EngineToParent::Release { why: Why::Yield, .. }));
    engine.expect_log("Master received advert from 10.88.88.30 with higher priority 200");
}

#[test]
fn a_good_bye_of_the_only_peer_is_answered_within_the_skew() {
    let (far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 100)]);
    engine.expect_log("Entering BACKUP STATE");
    let mut control = engine.client(false);
    engine.until("the master", || {
        far.advertise(NEAR, 51, 200);
        let shown = control.ask("show");
        (!shown["instances"][0]["master"].is_null()).then_some(())
    });
    let start = Wall::now();
    far.advertise(NEAR, 51, 0);
    engine.become_master(VI_1);
    assert!(start.elapsed() < Duration::from_millis(600), "{:?}", start.elapsed());
}

#[test]
fn a_reload_never_passes_through_a_priority_below_both() {
    let (far, socket) = net::pair();
    let mut slice = instance(VI_1, 51, 100);
    slice.tracks = vec![tracked(10)];
    let mut engine = Engine::serve(socket, &[slice.clone()]);
    engine.tracker(true, "1 process");
    engine.become_master(VI_1);
    engine.until("advert", || far.hear().filter(|a| a.priority == 110));
    slice.priority = Priority::try_from(95).unwrap();
    slice.tracks = vec![tracked(20)];
    engine.configure(2, None, &[slice]);
    let mut heard = Vec::new();
    engine.until("advert", || {
        heard.extend(far.hear().map(|advert| advert.priority));
        (heard.last() == Some(&115)).then_some(())
    });
    assert!(heard.iter().all(|priority| *priority >= 110), "{heard:?}");
}

#[test]
fn a_refusal_is_a_fault_with_its_reason() {
    let (_far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 150)]);
    let acquire = engine.expect("Acquire", |m| matches!(m, EngineToParent::Acquire { .. }));
    let EngineToParent::Acquire { instance, epoch } = acquire else { unreachable!() };
    let reason = String::from("10.88.88.100 is there and not ours");
    engine.tell(ParentToEngine::NotAcquired { instance, epoch, reason });
    engine.expect_log("(VI_1) cannot take the addresses: 10.88.88.100 is there and not ours");
    let one = engine.show()["instances"][0].clone();
    assert_eq!(one["state"], "FAULT");
    assert!(one["reason"].as_str().unwrap().ends_with("is there and not ours"), "{one}");
}

#[test]
fn a_parent_that_says_nothing_is_not_waited_for() {
    let mut engine = Engine::spawn();
    engine.check(CheckerToEngine::Hello { build: BUILD.into() });
    engine.expect_log("the parent did not say Hello within 5 seconds");
    assert_eq!(engine.ended().code(), Some(1));
}
