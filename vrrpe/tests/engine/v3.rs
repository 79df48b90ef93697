//! VRRPv3 on the wire, over both families: what is sent, what is dropped and what is only noticed.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use crate::advert::{Covered, advert_v3, sealed};
use crate::harness::{
    Engine, FAR, FAR6, GROUP, GROUP6, NEAR, NEAR6, SOCKET, SOCKET6, VI_1, VIP, VIP6, instance,
    instance_v3, instance_v6,
};
use crate::net::{self, Far, Seen};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;
use vipd_ipc::msg::{EngineToParent, Why};
use vipd_ipc::slice::InstanceSlice;
use vipd_types::{Checksum, Family, Peer};

const OTHER6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x40);

fn serve_v6(slice: &InstanceSlice) -> (Far, Engine) {
    let (far, _) = net::pair();
    let mut engine = Engine::start();
    let socket = Some(net::near_socket_v6());
    engine.configure_all(1, vec![(SOCKET6, Family::V6, socket)], std::slice::from_ref(slice), &[]);
    engine.link_v6(Some(NEAR6));
    (far, engine)
}

fn counter(engine: &mut Engine, name: &str) -> u64 {
    engine.show()["instances"][0]["counters"][name].as_u64().unwrap()
}

/// What the far router says to the group.
fn from_far(priority: u8, centis: u16) -> Vec<u8> {
    let covered = Some((FAR.into(), GROUP.into()));
    advert_v3(51, priority, centis, &[VIP.into()], covered)
}

fn from_far6(priority: u8, addresses: &[IpAddr], to: Ipv6Addr) -> Vec<u8> {
    advert_v3(51, priority, 100, addresses, Some((FAR6.into(), to.into())))
}

#[test]
fn an_ipv4_advert_has_the_interval_in_centiseconds_and_the_form_that_keepalived_accepts() {
    let (far, socket) = net::pair();
    let mut slice = instance_v3(VI_1, 51, 150);
    slice.advert_int = Duration::from_millis(250);
    let mut engine = Engine::serve(socket, &[slice.clone()]);
    engine.become_master(VI_1);
    let seen = engine.until("advert", || far.hear());
    let covered: Covered = Some((NEAR.into(), GROUP.into()));
    let bytes = advert_v3(51, 150, 25, &[VIP.into()], covered);
    let (source, destination) = (NEAR.into(), GROUP.into());
    let expected = Seen { source, destination, ttl: 255, vrid: 51, priority: 150, bytes };
    assert_eq!(seen, expected);
    assert_eq!(engine.show()["instances"][0]["checksum"], "pseudo");

    slice.options.checksum = Checksum::Plain;
    engine.configure(2, None, &[slice]);
    let plain = advert_v3(51, 150, 25, &[VIP.into()], None);
    engine.until("advert without a pseudo-header", || far.hear().filter(|a| a.bytes == plain));
    assert_eq!(engine.show()["instances"][0]["checksum"], "plain");
}

#[test]
fn a_backup_learns_the_interval_and_the_log_names_both() {
    let (far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance_v3(VI_1, 51, 100)]);
    engine.expect_log("Entering BACKUP STATE");
    let mut control = engine.client(false);
    let master = engine.until("the master", || {
        far.say(GROUP, &from_far(200, 300));
        let shown = control.ask("show");
        let master = shown["instances"][0]["master"].clone();
        (!master.is_null()).then_some(master)
    });
    assert_eq!(master["advert_int_seconds"], 3);
    engine.expect_log("(VI_1) 10.88.88.30 advertises every 3 s, this router every 1 s");
    // The same without a pseudo-header is accepted too, and other addresses are.
    let bytes = advert_v3(51, 200, 300, &[FAR.into(), VIP.into()], None);
    far.say(GROUP, &bytes);
    engine.expect_log("the checksum of 10.88.88.30 is valid with the other checksum form");
    engine.expect_log("set v3_checksum_as_v2 on");
    engine.expect_log(
        "(VI_1) 10.88.88.30 advertises other addresses: 10.88.88.30, 10.88.88.100; \
         ours are 10.88.88.100",
    );
    let shown = engine.show()["instances"][0].clone();
    assert_eq!(shown["state"], "BACKUP");
    assert!(shown["counters"]["other_checksum"].as_u64() > Some(0), "{shown}");
}

#[test]
fn an_ipv6_router_speaks_to_the_group_and_yields_to_a_better_one() {
    let (far, mut engine) = serve_v6(&instance_v6(VI_1, 51, 150));
    let epoch = engine.become_master(VI_1);
    let seen = engine.until("advert", || far.hear_v6());
    let covered: Covered = Some((NEAR6.into(), GROUP6.into()));
    let bytes = advert_v3(51, 150, 100, &[VIP6.into()], covered);
    let (source, destination) = (NEAR6.into(), GROUP6.into());
    let expected = Seen { source, destination, ttl: 255, vrid: 51, priority: 150, bytes };
    assert_eq!(seen, expected);

    let shown = engine.show()["instances"][0].clone();
    assert_eq!((&shown["family"], &shown["vrrp_version"]), (&"ipv6".into(), &3.into()));
    assert_eq!(shown["source"], NEAR6.to_string());
    far.say(GROUP6, &from_far6(200, &[VIP6.into()], GROUP6));
    let release = engine.expect("Release", |m| matches!(m, EngineToParent::Release { .. }));
    assert_eq!(release, EngineToParent::Release { instance: VI_1, epoch, why: Why::Yield });
    engine.expect_log("Master received advert from fe80::30 with higher priority 200");
}

#[test]
fn each_ipv6_peer_has_a_copy_and_a_last_will_with_a_checksum_of_its_own() {
    let mut slice = instance_v6(VI_1, 51, 150);
    slice.peers = vec![Peer::new(OTHER6.into()), Peer::new(FAR6.into())];
    let (far, mut engine) = serve_v6(&slice);
    let wills = |engine: &mut Engine, source: Ipv6Addr, peers: &[Ipv6Addr]| {
        for (number, peer) in (0..).zip(peers) {
            let covered = Some((source.into(), (*peer).into()));
            let last_will = advert_v3(51, 0, 100, &[VIP6.into()], covered);
            let expected = EngineToParent::Deposit { instance: VI_1, copy: number, last_will };
            engine.expect("last will", |m| *m == expected);
        }
    };
    wills(&mut engine, NEAR6, &[OTHER6, FAR6]);
    engine.become_master(VI_1);
    let seen = engine.until("advert", || far.hear_v6());
    assert_eq!((seen.source, seen.destination), (NEAR6.into(), FAR6.into()));
    let covered: Covered = Some((NEAR6.into(), FAR6.into()));
    assert_eq!(seen.bytes, advert_v3(51, 150, 100, &[VIP6.into()], covered));

    // Stale with another source, and with other peers.
    engine.link_v6(Some(VIP6));
    wills(&mut engine, VIP6, &[OTHER6, FAR6]);
    slice.peers.reverse();
    engine.configure_all(2, vec![(SOCKET6, Family::V6, None)], &[slice], &[]);
    wills(&mut engine, VIP6, &[FAR6, OTHER6]);
}

#[test]
fn an_interface_without_a_link_local_address_is_a_fault_until_it_has_one() {
    let (_far, mut engine) = serve_v6(&instance_v6(VI_1, 51, 150));
    engine.expect_log("Entering BACKUP STATE");
    engine.link_v6(None);
    engine.expect_log("(VI_1) entering FAULT state (no IPv6 link-local address for interface)");
    engine.link_v6(Some(NEAR6));
    engine.become_master(VI_1);
}

#[test]
fn the_ttl_of_unicast_adverts_is_on_the_wire_and_that_of_others_stays() {
    let (far, socket) = net::pair();
    let mut v4 = instance(VI_1, 51, 150);
    v4.options.unicast_ttl = 7;
    let mut v6 = instance_v6(vipd_types::InstanceId(2), 52, 150);
    v6.peers = vec![Peer::new(FAR6.into())];
    v6.options.unicast_ttl = 9;
    let mut group = instance_v3(vipd_types::InstanceId(3), 53, 150);
    group.options.unicast_ttl = 7;
    let mut engine = Engine::start();
    let sockets = vec![
        (SOCKET, Family::V4, Some(socket)),
        (SOCKET6, Family::V6, Some(net::near_socket_v6())),
    ];
    engine.configure_all(1, sockets, &[v4, v6, group], &[]);
    engine.link(true);
    engine.link_v6(Some(NEAR6));
    let ttl = |seen: Option<Seen>, vrid| seen.filter(|a| a.vrid == vrid).map(|a| a.ttl);
    assert_eq!(engine.until("advert", || ttl(far.hear(), 51)), 7);
    assert_eq!(engine.until("advert", || ttl(far.hear_v6(), 52)), 9);
    assert_eq!(engine.until("advert", || ttl(far.hear(), 53)), 255);
}

#[test]
fn an_advert_that_crossed_a_router_is_dropped_unless_the_peer_may() {
    let mut slice = instance_v6(VI_1, 51, 100);
    let (far, mut engine) = serve_v6(&slice);
    engine.expect_log("Entering BACKUP STATE");
    far.set_ttl(254);
    let mut control = engine.client(false);
    engine.until("the counter", || {
        far.say(GROUP6, &from_far6(200, &[VIP6.into()], GROUP6));
        let shown = control.ask("show")["instances"][0].clone();
        (shown["counters"]["interface_ip_ttl_err"].as_u64() > Some(0)).then_some(())
    });
    assert!(engine.show()["instances"][0]["master"].is_null());

    slice.peers = vec![Peer { min_ttl: 250, ..Peer::new(FAR6.into()) }];
    engine.least_ttl = 250;
    engine.configure_all(2, vec![(SOCKET6, Family::V6, None)], &[slice], &[]);
    let far_peer = &engine.show()["instances"][0]["peer_ttl"][0];
    assert_eq!((&far_peer["min"], &far_peer["max"]), (&250.into(), &255.into()));
    engine.until("the master", || {
        far.say(NEAR6, &from_far6(200, &[VIP6.into()], NEAR6));
        let shown = control.ask("show");
        (!shown["instances"][0]["master"].is_null()).then_some(())
    });
}

/// The kernel puts the pieces together before the engine sees them.
#[test]
fn an_advert_in_pieces_is_dropped_and_a_whole_one_of_the_same_length_is_not() {
    let (far, socket) = net::pair();
    let mut engine = Engine::serve(socket, &[instance_v3(VI_1, 51, 100)]);
    engine.expect_log("Entering BACKUP STATE");
    let addresses: Vec<IpAddr> = (0..255).map(|n| IpAddr::from([10, 0, 0, n])).collect();
    let long = advert_v3(51, 200, 100, &addresses, None);
    far.ip("link set far mtu 600");
    far.say(GROUP, &long);
    engine.expect_log("dropped a packet on near: a fragment");
    assert_eq!(counter(&mut engine, "interface_fragment_err"), 1);
    far.ip("link set far mtu 1500");
    far.say(GROUP, &long);
    engine.expect_log("(VI_1) 10.88.88.30 advertises other addresses: 10.0.0.0, 10.0.0.1");
    engine.expect_log("10.0.0.7 and 247 more; ours are");
    assert_eq!(counter(&mut engine, "interface_fragment_err"), 1);
}

#[test]
fn the_longest_ipv6_advert_arrives_whole_where_the_link_can_carry_it() {
    let (far, mut engine) = serve_v6(&instance_v6(VI_1, 51, 100));
    engine.expect_log("Entering BACKUP STATE");
    let mut addresses = vec![IpAddr::V6(VIP6)];
    addresses.extend((1..255).map(|n| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, n])));
    let long = from_far6(200, &addresses, GROUP6);
    assert_eq!(long.len(), 4088);
    far.say(GROUP6, &long);
    engine.expect_log("dropped a packet on near: a fragment");
    for side in [None, Some(&far)] {
        match side {
            None => net::ip("link set near mtu 9000"),
            Some(far) => far.ip("link set far mtu 9000"),
        }
    }
    far.say(GROUP6, &long);
    engine.expect_log("(VI_1) fe80::30 advertises other addresses: fe80::100, 2001:db8::1");
    // A byte too many is no advert, however the checksum is.
    let longer = sealed([long, vec![0]].concat(), Some((FAR6.into(), GROUP6.into())));
    far.say(GROUP6, &longer);
    engine.expect_log("dropped a packet on near: wrong length");
}
