//! Sync groups of an IPv4 and an IPv6 router: they lead, yield and fail together.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use crate::advert::advert_v3;
use crate::harness::{
    Engine, FAR6, GROUP6, NEAR6, SOCKET, SOCKET6, StagedSocket, VI_1, VIP6, instance_v3,
    instance_v6,
};
use crate::net::{self, Far};
use std::time::{Duration, Instant as Wall};
use vipd_ipc::msg::{EngineToParent, ParentToEngine, Why};
use vipd_ipc::slice::{GroupSlice, InstanceSlice};
use vipd_types::{Epoch, Family, GroupId, InstanceId, State};

const VI_2: InstanceId = InstanceId(2);

fn members() -> [InstanceSlice; 2] {
    [instance_v3(VI_1, 51, 150), instance_v6(VI_2, 52, 150)]
}

fn group(members: &[InstanceId]) -> GroupSlice {
    GroupSlice { id: GroupId(1), name: "G1".into(), members: members.to_vec() }
}

fn known() -> Vec<StagedSocket> {
    vec![(SOCKET, Family::V4, None), (SOCKET6, Family::V6, None)]
}

pub(crate) fn serve() -> (Far, Engine) {
    let (far, socket) = net::pair();
    let mut engine = Engine::start();
    let v6 = net::near_socket_v6();
    let sockets = vec![(SOCKET, Family::V4, Some(socket)), (SOCKET6, Family::V6, Some(v6))];
    engine.configure_all(1, sockets, &members(), &[group(&[VI_1, VI_2])]);
    engine.link(true);
    engine.link_v6(Some(NEAR6));
    (far, engine)
}

/// Both terms, in the order of the instances, whichever came first.
pub(crate) fn lead(engine: &mut Engine) -> [Epoch; 2] {
    let mut epochs = [Epoch(0); 2];
    for _ in 0..2 {
        let acquire = engine.expect("Acquire", |m| matches!(m, EngineToParent::Acquire { .. }));
        let EngineToParent::Acquire { instance, epoch } = acquire else { unreachable!() };
        engine.tell(ParentToEngine::Acquired { instance, epoch });
        if instance == VI_1 { epochs[0] = epoch } else { epochs[1] = epoch }
    }
    epochs
}

pub(crate) fn releases(engine: &mut Engine, epochs: [Epoch; 2], why: Why) {
    let mut left: Vec<EngineToParent> = [VI_1, VI_2]
        .into_iter()
        .zip(epochs)
        .map(|(instance, epoch)| EngineToParent::Release { instance, epoch, why })
        .collect();
    while !left.is_empty() {
        let release = engine.expect("Release", |m| matches!(m, EngineToParent::Release { .. }));
        assert!(left.contains(&release), "{release:?}");
        left.retain(|other| *other != release);
    }
    for (instance, epoch) in [VI_1, VI_2].into_iter().zip(epochs) {
        engine.tell(ParentToEngine::Released { instance, epoch });
    }
}

pub(crate) fn states(engine: &mut Engine) -> Vec<String> {
    let shown = engine.show();
    let all = shown["instances"].as_array().unwrap();
    all.iter().map(|one| one["state"].as_str().unwrap().to_owned()).collect()
}

fn better_v6() -> Vec<u8> {
    advert_v3(52, 200, 100, &[VIP6.into()], Some((FAR6.into(), GROUP6.into())))
}

#[test]
fn nobody_leads_alone_and_all_lead_together() {
    let (far, mut engine) = serve();
    // Two members' timers would have run out three times over; one of them hears a master.
    let end = Wall::now() + Duration::from_secs(10);
    while Wall::now() < end {
        far.say(GROUP6, &better_v6());
        let acquire = engine.expect_within(Duration::from_millis(300), |m| {
            matches!(m, EngineToParent::Acquire { .. })
        });
        assert_eq!(acquire, None);
        assert_eq!(far.hear(), None);
    }
    let shown = engine.show()["instances"][0].clone();
    assert_eq!(shown["state"], State::Backup.to_string());
    assert_eq!(shown["sync_group"]["name"], "G1");
    assert_eq!(shown["sync_group"]["order"], "wait");
    assert_eq!(shown["sync_group"]["members"], serde_json::json!(["VI_1", "VI_2"]));
    // Now it falls silent.
    lead(&mut engine);
    engine.expect_log("VRRP_Group(G1) Syncing instances to MASTER state");
    engine.until("both adverts", || far.hear());
    engine.until("both adverts", || far.hear_v6().filter(|a| a.source == NEAR6));
    assert_eq!(engine.show()["instances"][1]["sync_group"]["order"], "lead");
}

#[test]
fn one_that_finds_a_better_master_takes_the_others_along() {
    let (far, mut engine) = serve();
    let epochs = lead(&mut engine);
    far.say(GROUP6, &better_v6());
    releases(&mut engine, epochs, Why::Yield);
    engine.expect_log("VRRP_Group(G1) Syncing instances to BACKUP state");
    assert_eq!(states(&mut engine), ["BACKUP", "BACKUP"]);
}

#[test]
fn one_fault_is_the_fault_of_all_and_over_for_all() {
    let (_far, mut engine) = serve();
    let epochs = lead(&mut engine);
    engine.link_v6(None);
    releases(&mut engine, epochs, Why::Fault);
    engine.expect_log("VRRP_Group(G1) Syncing instances to FAULT state");
    engine.expect_log("(VI_1) entering FAULT state (sync group G1)");
    assert_eq!(states(&mut engine), ["FAULT", "FAULT"]);
    let reason = engine.show()["instances"][0]["reason"].clone();
    assert_eq!(reason, "another instance of sync group G1 cannot serve");
    engine.link_v6(Some(NEAR6));
    lead(&mut engine);
    engine.expect_log("VRRP_Group(G1) Syncing instances to BACKUP state");
}

#[test]
fn the_members_stop_together_without_a_fault() {
    let (far, mut engine) = serve();
    let epochs = lead(&mut engine);
    engine.tell(ParentToEngine::Stop);
    releases(&mut engine, epochs, Why::Stop);
    engine.until("good-bye", || far.hear().filter(|a| a.priority == 0));
    engine.until("good-bye", || far.hear_v6().filter(|a| a.priority == 0));
    assert_eq!(engine.ended().code(), Some(0));
}

#[test]
fn a_reload_lets_members_leave_and_join() {
    let (far, mut engine) = serve();
    let [first, _] = lead(&mut engine);
    // Alone again, VI_1 does not mind what becomes of VI_2.
    engine.configure_all(2, known(), &members(), &[]);
    engine.expect_log("configuration 2: ");
    far.say(GROUP6, &better_v6());
    let release = engine.expect("Release", |m| matches!(m, EngineToParent::Release { .. }));
    let EngineToParent::Release { instance, epoch, .. } = release else { unreachable!() };
    assert_eq!(instance, VI_2);
    engine.tell(ParentToEngine::Released { instance, epoch });
    let one = engine.show()["instances"][0].clone();
    assert_eq!((&one["state"], &one["epoch"]), (&"MASTER".into(), &first.0.into()));
    assert!(one["sync_group"].is_null());
    // Together again, one of them follows a better master.
    far.say(GROUP6, &better_v6());
    engine.configure_all(3, known(), &members(), &[group(&[VI_2, VI_1])]);
    let release = engine.expect("Release", |m| matches!(m, EngineToParent::Release { .. }));
    assert_eq!(release, EngineToParent::Release { instance: VI_1, epoch: first, why: Why::Yield });
    engine.tell(ParentToEngine::Released { instance: VI_1, epoch: first });
    // A member that goes for good is no fault of the one that stays.
    engine.configure_all(4, known(), &members()[..1], &[group(&[VI_1])]);
    engine.become_master(VI_1);
    engine.until("advert", || far.hear().filter(|a| a.priority == 150));
}

#[test]
fn a_group_that_makes_no_sense_ends_the_engine() {
    let other = GroupSlice { id: GroupId(2), ..group(&[VI_1]) };
    let cases = [
        (vec![group(&[VI_1, InstanceId(9)])], "sync group with an unknown member"),
        (vec![group(&[VI_1, VI_1])], "an instance in two sync groups"),
        (vec![group(&[VI_1]), other], "an instance in two sync groups"),
        (vec![group(&[VI_1]), group(&[VI_2])], "an id twice in one configuration"),
    ];
    for (groups, why) in cases {
        let (_far, socket) = net::pair();
        let mut engine = Engine::start();
        let v6 = net::near_socket_v6();
        let sockets = vec![(SOCKET, Family::V4, Some(socket)), (SOCKET6, Family::V6, Some(v6))];
        engine.stage_slices(1, sockets, &members(), &groups);
        engine.expect_log(&format!("the parent broke the protocol: {why}"));
        assert_eq!(engine.ended().code(), Some(1));
    }
}
