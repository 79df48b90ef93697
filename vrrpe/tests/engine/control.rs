//! Control clients of every kind: asking, acting, lazy, greedy, and too many of them.

use crate::harness::{Engine, PATIENCE, VI_1, instance};
use crate::net;
use std::time::Instant as Wall;
use vipd_ipc::msg::{EngineToParent, ParentToEngine};

#[test]
fn requests_and_refusals() {
    let (_far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 100)]);
    let mut control = engine.client(false);
    assert_eq!(control.ask("show")["ok"], true);
    assert_eq!(control.ask("dance")["code"], "unknown_request");
    assert_eq!(control.ask("reload")["code"], "permission");
    control.send(b"show\nshow\nsho");
    assert!(control.line().contains("\"ok\":true"));
    assert!(control.line().contains("\"ok\":true"));
    assert_eq!(control.ask("w VI_1")["ok"], true);
}

#[test]
fn a_reload_is_answered_when_the_parent_has_done_it() {
    let (_far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 100)]);
    let mut control = engine.client(true);
    control.send(b"reload\n");
    let client = control.id;
    engine.expect("Reload", |m| *m == EngineToParent::Reload { client });
    let text = String::from("line 3: no");
    engine.tell(ParentToEngine::Reloaded { client, done: false, text });
    let answer: serde_json::Value = serde_json::from_str(&control.line()).unwrap();
    assert_eq!(answer, serde_json::json!({ "version": 1, "ok": false, "text": "line 3: no" }));
    assert_eq!(control.ask("show")["ok"], true);
}

#[test]
fn an_endless_request_and_an_idle_client_are_dropped() {
    let (_far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 100)]);
    let mut endless = engine.client(false);
    endless.send(&[b'x'; 5000]);
    assert!(endless.line().contains("too_long"));
    assert_eq!(endless.line(), "");
    let (mut idle, start) = (engine.client(false), Wall::now());
    assert_eq!(idle.line(), "");
    assert!(start.elapsed() < PATIENCE);
}

#[test]
fn a_client_that_does_not_read_costs_nothing_and_one_too_many_is_told() {
    let (_far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance(VI_1, 51, 150)]);
    engine.become_master(VI_1);
    let mut lazy = engine.client(false);
    lazy.send(&b"show\n".repeat(800));
    let mut others: Vec<_> = (0..31).map(|_| engine.client(false)).collect();
    assert!(engine.client(false).line().contains("busy"));
    // Those who may only look keep nobody out who may act.
    assert_eq!(engine.client(true).ask("show")["instances"][0]["state"], "MASTER");
    assert_eq!(others[30].ask("show")["instances"][0]["state"], "MASTER");
    drop(others);
    drop(lazy);
    // Their places are free when it has seen them go, which it may not have yet.
    let end = Wall::now() + PATIENCE;
    while engine.client(false).try_ask("show").is_none_or(|answer| answer["ok"] != true) {
        assert!(Wall::now() < end);
    }
}
