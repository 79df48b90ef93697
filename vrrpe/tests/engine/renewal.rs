//! Sockets that are replaced while adverts come: until the commit the old and the new one hear. Each
//! advert counts once, and what was counted before stays.

use crate::advert::{advert_v2, advert_v3};
use crate::harness::{
    Engine, FAR6, GROUP6, NEAR, NEAR6, SOCKET, SOCKET6, VI_1, VIP6, instance, instance_v6,
};
use crate::net::{self, Far};
use std::time::Duration;
use vipd_types::{Family, InstanceId};

const ADVERTS: u64 = 3000;
const STRANGERS: u64 = 5;

fn say(far: &Far, vrid: u8) {
    far.say(NEAR, &advert_v2(vrid, 200));
    let covered = Some((FAR6.into(), GROUP6.into()));
    far.say(GROUP6, &advert_v3(vrid, 200, 100, &[VIP6.into()], covered));
}

#[test]
fn adverts_while_sockets_are_replaced_count_once() {
    let (far, _) = net::pair();
    let routers = [instance(VI_1, 51, 100), instance_v6(InstanceId(2), 51, 100)];
    let mut engine = Engine::start();
    let replace = |engine: &mut Engine, generation| {
        let sockets = vec![
            (SOCKET, Family::V4, Some(net::near_socket())),
            (SOCKET6, Family::V6, Some(net::near_socket_v6())),
        ];
        engine.configure_all(generation, sockets, &routers, &[]);
    };
    replace(&mut engine, 1);
    engine.link(true);
    engine.link_v6(Some(NEAR6));
    for name in ["1", "2"] {
        engine.expect_log(&format!("(VI_{name}) Entering BACKUP STATE"));
    }
    (0..STRANGERS).for_each(|_| say(&far, 77));
    let times = std::thread::scope(|scope| {
        let peer = scope.spawn(|| {
            // From one processor, in order: two packets that come on two at the same moment may
            // overtake each other between the sockets.
            let mut one = nix::sched::CpuSet::new();
            one.set(0).unwrap();
            nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &one).unwrap();
            for _ in 0..ADVERTS {
                say(&far, 51);
                // Slowly enough for every queue.
                std::thread::sleep(Duration::from_micros(100));
            }
        });
        let before_the_end = |_: &u32| !peer.is_finished();
        (2..).take_while(before_the_end).map(|generation| replace(&mut engine, generation)).count()
    });
    assert!(times > 5, "{times}");
    let mut client = engine.client(false);
    for place in [0, 1] {
        let of = |one: &serde_json::Value, name: &str| one["counters"][name].as_u64().unwrap();
        let one = engine.until("the last advert", || {
            let one = client.ask("show")["instances"][place].clone();
            (of(&one, "advert_rcvd") >= ADVERTS).then_some(one)
        });
        assert_eq!(of(&one, "advert_rcvd"), ADVERTS, "{one}");
        assert_eq!(of(&one, "interface_vrid_err"), STRANGERS, "{one}");
        assert_eq!(one["state"], "BACKUP");
    }
}
