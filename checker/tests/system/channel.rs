//! Greeting, heartbeat, scripts by number, stop and every way to lose a peer.

use crate::rig::{PATIENCE, Rig, script};
use std::time::{Duration, Instant};
use vipd_ipc::BUILD;
use vipd_ipc::msg::{CheckerToEngine, CheckerToParent, EngineToChecker, ParentToChecker};
use vipd_ipc::slice::CheckSlice;
use vipd_types::{Generation, Outcome, RunId, ScriptId};

fn run(rig: &mut Rig) -> (Generation, ScriptId, RunId) {
    rig.parent.wait("Run", |message| {
        if let CheckerToParent::Run { generation, script, run } = message {
            Some((generation, script, run))
        } else {
            None
        }
    })
}

#[test]
fn both_hear_a_heartbeat_four_times_a_second() {
    let mut rig = Rig::start();
    let mut beats = Vec::new();
    while beats.len() < 5 {
        rig.engine.wait("Alive", |m| matches!(m, CheckerToEngine::Alive { .. }).then_some(()));
        beats.push(Instant::now());
    }
    let took = beats[4].duration_since(beats[0]);
    assert!((700..1500).contains(&took.as_millis()), "{took:?}");
    rig.parent.wait("Alive", |m| matches!(m, CheckerToParent::Alive { .. }).then_some(()));
}

#[test]
fn greets_first_and_says_no_wall_is_missing() {
    let mut rig = Rig::start();
    let hello = rig.parent.within(PATIENCE).unwrap();
    assert_eq!(hello, Some(CheckerToParent::Hello { build: BUILD.to_string() }));
    let next = rig.parent.within(PATIENCE).unwrap();
    assert!(matches!(next, Some(CheckerToParent::Alive { .. })), "{next:?}");
}

#[test]
fn a_script_is_asked_for_by_number_and_its_outcome_decides() {
    let mut rig = Rig::start();
    rig.configure(7, vec![CheckSlice { fall: 2, ..script(3) }]);
    let (generation, number, first) = run(&mut rig);
    assert_eq!((generation, number), (Generation(7), ScriptId(3)));
    let done = |rig: &mut Rig, run, outcome| {
        rig.parent
            .chan
            .send(&ParentToChecker::Done { run, outcome, output: String::new() })
            .unwrap();
    };
    done(&mut rig, first, Outcome::Exited(0));
    assert_eq!(rig.state(3), (true, "exited with status 0".to_string()));
    for _ in 0..2 {
        let (_, _, next) = run(&mut rig);
        done(&mut rig, next, Outcome::TimedOut);
    }
    assert_eq!(rig.state(3), (false, "timed out after 0.1 s".to_string()));
}

#[test]
fn no_answer_is_a_failure() {
    let mut rig = Rig::start();
    rig.configure(1, vec![script(3)]);
    run(&mut rig);
    let begun = Instant::now();
    assert!(!rig.state(3).0);
    assert!(begun.elapsed() > Duration::from_millis(900), "{:?}", begun.elapsed());
}

#[test]
fn stop_and_every_loss_of_a_peer_end_it() {
    let mut rig = Rig::start();
    rig.configure(1, vec![script(3)]);
    rig.parent.chan.send(&ParentToChecker::Stop).unwrap();
    assert_eq!(rig.exit().code(), Some(0));

    let mut rig = Rig::start();
    rig.configure(1, vec![]);
    rig.lose_engine();
    assert_eq!(rig.exit().code(), Some(1));

    let mut rig = Rig::start();
    rig.configure(1, vec![]);
    rig.lose_parent();
    assert_eq!(rig.exit().code(), Some(1));

    let mut rig = Rig::start();
    rig.parent.chan.send(&ParentToChecker::Commit { generation: Generation(1) }).unwrap();
    assert_eq!(rig.exit().code(), Some(1));
}

#[test]
fn another_build_is_not_talked_to() {
    let mut rig = Rig::spawn();
    let build = "0.0.0+other".to_string();
    rig.parent.chan.send(&ParentToChecker::Hello { build: BUILD.to_string() }).unwrap();
    rig.engine.chan.send(&EngineToChecker::Hello { build }).unwrap();
    assert_eq!(rig.exit().code(), Some(1));
}

#[test]
fn does_not_wait_for_ever_to_be_greeted() {
    let mut rig = Rig::spawn();
    let begun = Instant::now();
    assert_eq!(rig.exit().code(), Some(1));
    assert!(begun.elapsed() > Duration::from_secs(4), "{:?}", begun.elapsed());
}
