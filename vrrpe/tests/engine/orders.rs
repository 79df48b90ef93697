//! What operators order, and what they are told: step back, another priority, out of service; explain
//! and monitor.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use crate::groups;
use crate::harness::{Control, Engine, VI_1, instance, tracked};
use crate::net;
use serde_json::Value;
use vipd_ipc::msg::{Act, EngineToParent, ParentToEngine, Why};
use vipd_types::{GroupId, Object};

/// Asks, has the parent agree, and returns the answer.
fn order(engine: &mut Engine, control: &mut Control, request: &str) -> (Act, Option<u32>, Value) {
    control.send(format!("{request}\n").as_bytes());
    let asked = engine.expect(request, |m| matches!(m, EngineToParent::Act { .. }));
    let EngineToParent::Act { client, act, seconds } = asked else { unreachable!() };
    assert_eq!(client, control.id);
    engine.tell(ParentToEngine::Act { client, act, seconds, granted: true });
    (act, seconds, serde_json::from_str(&control.line()).unwrap())
}

fn one(engine: &mut Engine) -> Value {
    engine.show()["instances"][0].clone()
}

#[test]
fn a_master_steps_back_says_good_bye_and_serves_again_if_nobody_does() {
    let (far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 150)]);
    let epoch = engine.become_master(VI_1);
    let mut control = engine.client(true);
    let (act, seconds, answer) = order(&mut engine, &mut control, "failover on VI_1");
    assert_eq!(act, Act::Failover { object: Object::Instance(VI_1), on: true });
    assert_eq!(seconds, None);
    assert_eq!(answer["text"], "VI_1: gives up the addresses and stands by", "{answer}");
    let release = engine.expect("Release", |m| matches!(m, EngineToParent::Release { .. }));
    let why = Why::Operator;
    assert_eq!(release, EngineToParent::Release { instance: VI_1, epoch, why });
    engine.tell(ParentToEngine::Released { instance: VI_1, epoch });
    engine.until("the good-bye", || far.hear().filter(|advert| advert.priority == 0));
    let shown = one(&mut engine);
    assert_eq!(shown["state"], "BACKUP");
    assert_eq!(shown["reason"], "the operator had it step back");
    assert_eq!(shown["priority"]["effective"], 1);
    assert_eq!(shown["priority"]["operator"]["standby"]["remaining_seconds"], Value::Null);
    engine.become_master(VI_1);
    engine.until("its advert", || far.hear().filter(|advert| advert.priority == 1));
    order(&mut engine, &mut control, "failover off VI_1");
    engine.until("the old priority", || far.hear().filter(|advert| advert.priority == 150));
}

#[test]
fn a_sync_group_steps_back_as_a_whole() {
    let (_far, mut engine) = groups::serve();
    let epochs = groups::lead(&mut engine);
    let mut control = engine.client(true);
    let (act, _, _) = order(&mut engine, &mut control, "failover on VI_1");
    assert_eq!(act, Act::Failover { object: Object::Group(GroupId(1)), on: true });
    groups::releases(&mut engine, epochs, Why::Operator);
    assert_eq!(groups::states(&mut engine), ["BACKUP", "BACKUP"]);
}

#[test]
fn out_of_service_for_a_while() {
    let (_far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 150)]);
    let epoch = engine.become_master(VI_1);
    let mut control = engine.client(true);
    let (act, seconds, _) = order(&mut engine, &mut control, "maintenance 1");
    assert_eq!((act, seconds), (Act::Maintenance { on: true }, Some(1)));
    engine.expect("Release", |m| matches!(m, EngineToParent::Release { .. }));
    engine.tell(ParentToEngine::Released { instance: VI_1, epoch });
    engine.expect_log("(VI_1) Entering FAULT STATE");
    let needs = control.ask("explain VI_1")["would_change"].clone();
    assert_eq!(needs, serde_json::json!(["vipctl maintenance off"]));
    engine.expect_log("the maintenance is over");
    engine.become_master(VI_1);
}

#[test]
fn a_priority_is_added_and_outlives_a_reload() {
    let (_far, socket) = net::pair();
    let mut slice = instance(VI_1, 51, 100);
    slice.tracks = vec![tracked(-30)];
    let mut engine = Engine::serve(socket, &[slice.clone()]);
    engine.tracker(true, "1 process");
    let mut control = engine.client(true);
    order(&mut engine, &mut control, "priority 20 on VI_1");
    assert_eq!(one(&mut engine)["priority"]["effective"], 120);
    let shown = one(&mut engine)["priority"]["operator"]["adds"].clone();
    assert_eq!(shown, 20);
    slice.priority = 110.try_into().unwrap();
    engine.configure(2, None, &[slice]);
    assert_eq!(one(&mut engine)["priority"]["effective"], 130);
    let explained = control.ask("explain VI_1")["would_change"].to_string();
    assert!(explained.contains("chk fails: priority 100"), "{explained}");
    order(&mut engine, &mut control, "priority 0 off VI_1");
    assert_eq!(one(&mut engine)["priority"]["effective"], 110);
}

#[test]
fn who_may_not_act_changes_nothing() {
    let (_far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 255)]);
    engine.become_master(VI_1);
    let mut guest = engine.client(false);
    for request in ["failover on VI_1", "maintenance on", "priority 5 on VI_1"] {
        assert_eq!(guest.ask(request)["code"], "permission", "{request}");
    }
    let mut root = engine.client(true);
    assert_eq!(root.ask("failover on VI_1")["code"], "owner");
    assert_eq!(root.ask("priority 5 on VI_1")["code"], "owner");
    assert_eq!(root.ask("failover on VI_9")["code"], "unknown_instance");
    assert_eq!(root.ask("explain VI_9")["code"], "unknown_instance");
    // The parent does not know the client any more.
    root.send(b"maintenance on\n");
    let asked = engine.expect("Act", |m| matches!(m, EngineToParent::Act { .. }));
    let EngineToParent::Act { client, act, seconds } = asked else { unreachable!() };
    engine.tell(ParentToEngine::Act { client, act, seconds, granted: false });
    assert!(root.line().contains("\"gone\""));
    assert_eq!(one(&mut engine)["state"], "MASTER");
}

#[test]
fn who_monitors_is_told_how_things_are_and_of_every_change() {
    let (_far, socket) = net::pair();
    let mut slice = instance(VI_1, 51, 150);
    slice.tracks = vec![tracked(-30)];
    let mut engine = Engine::serve(socket, &[slice]);
    engine.tracker(true, "1 process");
    let mut monitor = engine.client(false);
    monitor.send(b"monitor\n");
    let mut next = |engine: &mut Engine, wanted: &dyn Fn(&Value) -> bool| {
        engine.beat();
        for _ in 0..20 {
            let event: Value = serde_json::from_str(&monitor.line()).unwrap();
            if wanted(&event) {
                return event;
            }
        }
        panic!("not told");
    };
    let snapshot = next(&mut engine, &|_| true);
    assert_eq!(snapshot["event"], "snapshot");
    assert_eq!(snapshot["instances"][0]["state"], "BACKUP");
    engine.become_master(VI_1);
    next(&mut engine, &|event| event["instance"]["state"] == "MASTER");
    next(&mut engine, &|event| event["instance"]["addresses"][0]["installed"] == true);
    engine.tracker(false, "no process");
    let down = next(&mut engine, &|event| event["event"] == "tracker");
    assert_eq!(down["tracker"]["state"], "down");
    next(&mut engine, &|event| event["instance"]["priority"]["effective"] == 120);
    let mut control = engine.client(true);
    order(&mut engine, &mut control, "maintenance on");
    next(&mut engine, &|event| event["event"] == "node");
    next(&mut engine, &|event| event["instance"]["state"] == "FAULT");
}
