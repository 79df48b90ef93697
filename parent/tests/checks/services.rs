//! HAProxy, nginx and Apache as they are installed: up, with the wrong answer, hanging, dead.

use crate::rig::Stage;
use nix::sys::signal::Signal;
use vipd_lab::service::{Kind, Service};

fn judged(kind: Kind) {
    let mut stage = Stage::new();
    let service = Service::start(kind, &stage.node).unwrap();
    stage.start(&[
        ("port", "tcp 127.0.0.1:80"),
        ("web", "url http://127.0.0.1/; virtualhost www.example.org; body node1"),
        ("six", "url http://[::1]/"),
        ("wrong", "url http://127.0.0.1/; status_code 204 301-304"),
        ("words", "url http://127.0.0.1/; body node2"),
        ("there", &format!("process {}", kind.process())),
    ]);
    stage.wait("port", "up", "it takes connections");
    stage.wait("web", "up", "status 200, and the body is as wanted");
    stage.wait("six", "up", "status 200");
    stage.wait("wrong", "down", "status 200, wanted 204 301-304");
    stage.wait("words", "down", "status 200, but \"node2\" is not in the body");
    stage.wait("there", "up", "(pid ");
    let master = stage.wait_master();

    // Stopped, the kernel still takes connections for it.
    let signal = |signal| {
        stage.node.find(kind.process()).iter().for_each(|process| process.signal(signal).unwrap());
    };
    signal(Signal::SIGSTOP);
    stage.wait("web", "down", "no answer within 0.5 s");
    stage.wait("port", "up", "it takes connections");
    signal(Signal::SIGCONT);
    stage.wait("web", "up", "as wanted");

    service.kill(&stage.node).unwrap();
    stage.wait("web", "down", "no connection: Connection refused");
    stage.wait("port", "down", "no connection: Connection refused");
    stage.wait("six", "down", "no connection: Connection refused");
    stage.wait("there", "down", "no process named");
    stage.logged("vrrp_check web is down: no connection: Connection refused");
    let again = Service::start(kind, &stage.node).unwrap();
    for name in ["port", "web", "six", "there"] {
        stage.wait(name, "up", "");
    }
    stage.regular(master, 4);
    drop(again);
}

#[test]
fn haproxy_is_judged() {
    judged(Kind::Haproxy);
}

#[test]
fn nginx_is_judged() {
    judged(Kind::Nginx);
}

#[test]
fn apache_is_judged() {
    judged(Kind::Apache);
}
