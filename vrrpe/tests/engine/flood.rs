//! A stranger that sends whatever it can: adverts go on, memory and the log stay bounded.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use crate::advert::{advert_v2, advert_v3};
use crate::harness::{Engine, FAR, GROUP, NEAR, VI_1, VIP, instance_v3};
use crate::net::{self, Far};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant as Wall};
use vipd_ipc::msg::{EngineToParent, ParentToEngine};
use vipd_ipc::slice::InstanceSlice;
use vipd_types::{Family, InstanceId, SocketId};

/// At least so many packets, and at least so long.
const PACKETS: u64 = 100_000;
const FLOOD: Duration = Duration::from_secs(5);
/// Three intervals: a BACKUP would take over.
const GAP_MAX: Duration = Duration::from_secs(3);

/// In KiB.
fn resident(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// One of each fault that a stranger can produce, and worse routers that want an answer.
fn nuisances() -> Vec<Vec<u8>> {
    let covered = Some((FAR.into(), GROUP.into()));
    let good = advert_v3(51, 10, 100, &[VIP.into()], covered);
    let mut bad_sum = good.clone();
    bad_sum.iter_mut().skip(6).take(1).for_each(|byte| *byte ^= 0x55);
    vec![
        bad_sum,
        advert_v3(99, 200, 100, &[VIP.into()], covered),
        advert_v2(51, 200),
        advert_v3(51, 200, 0, &[VIP.into()], covered),
        vec![0x31],
        vec![0xff; 1400],
        advert_v3(51, 10, 4095, &[FAR.into(), VIP.into()], None),
        good,
    ]
}

fn flood(far: &Far, sent: &AtomicU64) {
    let (all, start) = (nuisances(), Wall::now());
    while sent.load(Ordering::Relaxed) < PACKETS || start.elapsed() < FLOOD {
        for bytes in &all {
            // What does not fit into the queue is no nuisance.
            let _ = far.try_say(GROUP, bytes);
            sent.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn a_flood_delays_no_advert_and_fills_neither_memory_nor_the_log() {
    let (far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance_v3(VI_1, 51, 150)]);
    engine.become_master(VI_1);
    engine.until("advert", || far.hear());
    let (before, lines) = (resident(engine.pid()), engine.log.len());
    let sent = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let stranger = scope.spawn(|| flood(&far, &sent));
        let mut last = Wall::now();
        while !stranger.is_finished() {
            engine.expect_within(Duration::from_millis(5), |_| false);
            if far.hear().is_some() {
                last = Wall::now();
            }
            assert!(last.elapsed() < GAP_MAX, "no advert for {:?}", last.elapsed());
        }
    });
    let one = engine.show()["instances"][0].clone();
    assert_eq!(one["state"], "MASTER");
    assert_eq!(one["counters"]["become_master"], 1);
    let grown = resident(engine.pid()).saturating_sub(before);
    assert!(grown < 2048, "{grown} KiB more after {} packets", sent.load(Ordering::Relaxed));
    let said = engine.log.iter().skip(lines).collect::<Vec<_>>();
    assert!(said.len() <= 20, "{said:#?}");
}

/// A channel holds some hundreds of messages; all of these have something to say in one step.
#[test]
fn more_masters_at_once_than_the_channel_holds_are_no_broken_parent() {
    const SOCKETS: u16 = 6;
    const EACH: u8 = 250;
    let (_far, _) = net::pair();
    let mut engine = Engine::start();
    let all = (0..SOCKETS).flat_map(|socket| {
        (1..=EACH).map(move |vrid| {
            let id = InstanceId(socket * 256 + u16::from(vrid));
            InstanceSlice { socket: SocketId(socket), ..instance_v3(id, vrid, 255) }
        })
    });
    let sockets = (0..SOCKETS).map(|id| (SocketId(id), Family::V4, Some(net::near_socket())));
    engine.configure_all(1, sockets.collect(), &all.collect::<Vec<_>>(), &[]);
    for id in 0..SOCKETS {
        let (socket, source) = (SocketId(id), Some(NEAR.into()));
        engine.tell(ParentToEngine::Link { socket, up: true, source });
    }
    let (mut acquired, mut deposited) = (0, 0);
    let instances = u32::from(SOCKETS) * u32::from(EACH);
    while acquired < instances || deposited < instances {
        let is_acquire = |m: &EngineToParent| matches!(m, EngineToParent::Acquire { .. });
        let is_deposit = |m: &EngineToParent| matches!(m, EngineToParent::Deposit { .. });
        let message = engine.expect("Acquire or Deposit", |m| is_acquire(m) || is_deposit(m));
        acquired += u32::from(is_acquire(&message));
        deposited += u32::from(is_deposit(&message));
    }
    assert_eq!((acquired, deposited), (instances, instances));
    assert_eq!(engine.show()["instances"][0]["state"], "MASTER");
}
