//! How things stand, told to the parent when it asks: each object once, in order, in parts.

use crate::harness::{Engine, VI_1, instance};
use crate::net;
use vipd_ipc::msg::{EngineToParent, ParentToEngine};
use vipd_ipc::report::{INSTANCES_MAX, InstanceStatus, Part};
use vipd_types::{InstanceId, State};

/// Asks, and returns what is told up to the end.
fn report(engine: &mut Engine) -> Vec<InstanceStatus> {
    engine.tell(ParentToEngine::Report);
    let mut all = Vec::new();
    loop {
        let said = engine.expect("Report", |m| matches!(m, EngineToParent::Report(_)));
        let EngineToParent::Report(part) = said else { unreachable!() };
        match part {
            Part::Instances(list) => {
                assert!(!list.is_empty() && list.len() <= INSTANCES_MAX);
                all.extend(list);
            }
            // The harness has one, and no checker that speaks of it.
            Part::Trackers(list) => assert!(list.iter().all(|one| one.up.is_none())),
            Part::End => return all,
        }
    }
}

#[test]
fn a_report_is_what_is_there() {
    let (_far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 150)]);
    let first = report(&mut engine);
    assert_eq!((first.len(), first[0].instance, first[0].held), (1, VI_1, false));
    assert_eq!(first[0].counts.become_master, 0);
    engine.become_master(VI_1);
    let then = report(&mut engine);
    assert_eq!((then[0].state, then[0].held), (State::Master, true));
    assert_eq!((then[0].effective.get(), then[0].counts.become_master), (150, 1));
    assert!(then[0].since > first[0].since && then[0].counts.advert_sent > 0);
}

#[test]
fn many_instances_come_in_parts() {
    let (_far, socket) = net::pair();
    let all: Vec<_> = (1..=100).map(|n| instance(InstanceId(u16::from(n)), n, 100)).collect();
    let mut engine = Engine::serve(socket, &all);
    for _ in 0..3 {
        let told: Vec<u16> = report(&mut engine).iter().map(|status| status.instance.0).collect();
        assert_eq!(told, (1..=100).collect::<Vec<u16>>());
    }
}
