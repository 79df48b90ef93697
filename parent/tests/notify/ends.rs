//! The end: STOP is told when everything is given back, waited for, but not for ever, and nothing of
//! it delays what is sent and removed.

use crate::rig::{Host, LIMIT, VIP, globals, instance};
use nix::sys::signal::Signal;
use std::time::Duration;
use vipd_lab::Stamp;

fn good_bye(host: &Host, since: Stamp) -> Duration {
    let is = |a: &vipd_lab::frame::Advert| a.vrid == 51 && a.priority == 0;
    let (at, _) = host.capture.wait_advert(since, LIMIT, "the good-bye", is).unwrap();
    at.since(since)
}

#[test]
fn a_slow_end_is_waited_for_and_delays_nothing() {
    let mut host = Host::boot();
    host.script("stop", "#!/bin/sh\nsleep 2\necho \"$1\" >> /run/out/stop\n");
    let lines = "notify_stop \"/run/stop one\"";
    let config = globals("")
        + &instance("VI_1", 51, VIP, lines)
        + &instance("VI_2", 52, "10.88.88.101", "notify_stop \"/run/stop two\"");
    host.start(&config);
    host.wait("the addresses", || host.holds(VIP) && host.holds("10.88.88.101"));
    let at = host.stop();
    let took = Stamp::now().since(at);
    assert!(good_bye(&host, at) < Duration::from_secs(1));
    assert!(took > Duration::from_millis(1900), "{took:?}");
    let mut told = host.written("stop");
    told.sort();
    assert_eq!(told, ["one", "two"]);
    assert!(host.node.find("vipd").is_empty() && !host.runs("vipd-starter"));
}

/// What runs when the daemon stops has half of the time, what never ends has all of it.
#[test]
fn what_never_ends_is_ended() {
    let mut host = Host::boot();
    host.script("hangs", "#!/bin/sh\necho \"$1\" >> /run/out/hangs\nsleep 4712 & wait\n");
    let lines = "notify_master \"/run/hangs master\";notify_backup /bin/true;\
                 notify_stop \"/run/hangs stop\"";
    host.start(&(globals("notify_stop_timeout 2") + &instance("VI_1", 51, VIP, lines)));
    host.last("hangs", "master");
    let at = host.stop();
    let took = Stamp::now().since(at);
    assert!(good_bye(&host, at) < Duration::from_secs(1));
    assert!(took < Duration::from_secs(15), "{took:?}");
    assert_eq!(host.written("hangs"), ["master", "stop"]);
    let log = host.node.syslog();
    assert!(
        log.find_since(at, "did not end within 2 s (notify_stop_timeout): 1").is_some(),
        "{}",
        log.text()
    );
    host.wait("the end of all that was started", || !host.runs("sleep") && !host.runs("hangs"));
}

/// A crash of the engine is an end, too: whoever was told MASTER is told that it is over.
#[test]
fn a_lost_engine_is_an_end() {
    let mut host = Host::boot();
    host.writes("all");
    let lines = "notify /run/all";
    host.start(&(globals("") + &instance("VI_1", 51, VIP, lines)));
    host.last("all", "|INSTANCE|VI_1|MASTER|150");
    let at = Stamp::now();
    host.node.find("vipd-vrrpe")[0].signal(Signal::SIGKILL).unwrap();
    let status = host.daemon.as_mut().unwrap().wait(LIMIT).unwrap();
    assert_eq!(status.code(), Some(1));
    good_bye(&host, at);
    assert_eq!(host.written("all").last().unwrap(), "|INSTANCE|VI_1|STOP|150");
    assert!(!host.holds(VIP));
}
