//! Addresses in the kernel: what is added is there as asked for, leaves when its lease is over, and
//! takes nothing of the host along. Witnesses are iproute2 and the laboratory's own netlink.

use super::{NEAR, Wire, address, ip, ip_says, linux};
use crate::kernel::{Flags, Kernel, Preferred, Present};
use nix::errno::Errno;
use serde_json::Value;
use std::time::{Duration, Instant};
use vipd_lab::wait_until;

/// One address as iproute2 shows it.
fn shown(wire: &Wire, ip: &str) -> Option<Value> {
    let all = ip_says(&wire.near, &["address", "show", "dev", "near"]);
    let all = all[0]["addr_info"].as_array().unwrap();
    all.iter().find(|one| one["local"] == ip).cloned()
}

fn protocol(wire: &Wire, ip: &str) -> u8 {
    let watch = vipd_lab::AddressWatch::start(&wire.near).unwrap();
    let all = watch.addresses_now().unwrap();
    all.iter().find(|one| one.address == ip.parse::<std::net::IpAddr>().unwrap()).unwrap().protocol
}

#[test]
fn ipv6_address_is_as_asked_for() {
    let wire = Wire::new();
    let mut kernel = linux(&wire.near);
    let vips = [address("fe80::1/128"), address("2001:db8::1/64"), address("2001:db8::2/128")];
    assert_eq!(kernel.add(&vips, Some(30)), [Ok(()); 3]);

    let [local, subnet, host] = ["fe80::1", "2001:db8::1", "2001:db8::2"]
        .map(|ip| shown(&wire, ip).unwrap_or_else(|| panic!("{ip} is not there")));
    assert_eq!((&local["scope"], &subnet["scope"]), (&"link".into(), &"global".into()));
    for one in [&local, &subnet, &host] {
        assert_eq!(one["nodad"], true, "{one}");
        assert!(one["tentative"].is_null(), "{one}");
        let valid = one["valid_life_time"].as_u64().unwrap();
        assert!((20..=30).contains(&valid), "{one}");
    }
    // Nobody connects from a /128, as with keepalived; a wider prefix says that it is meant to be
    // like any other.
    assert_eq!(host["preferred_life_time"], 0);
    assert_eq!(host["deprecated"], true);
    assert_eq!(subnet["preferred_life_time"], subnet["valid_life_time"]);
    assert_eq!(protocol(&wire, "2001:db8::2"), 18);

    let there = kernel.addresses(NEAR).unwrap();
    let present = Present {
        ip: vips[2].ip,
        prefix: 128,
        index: NEAR,
        ours: true,
        secondary: false,
        tentative: false,
        dadfailed: false,
        deprecated: true,
    };
    assert!(there.contains(&present), "{there:?}");
    let host = there.iter().find(|p| p.ip == address("fe80::a/64").ip).unwrap();
    assert!(!host.ours && host.may_be_primary(), "{host:?}");

    assert_eq!(kernel.remove(&vips), [Ok(()); 3]);
    assert_eq!(shown(&wire, "2001:db8::1"), None);
    assert!(shown(&wire, "fe80::a").is_some());
    assert_eq!(kernel.remove(&vips[..1]), [Err(Errno::EADDRNOTAVAIL)]);
}

#[test]
fn address_of_somebody_else_is_not_touched() {
    let wire = Wire::new();
    ip(&wire.near, "address add 2001:db8::1/128 dev near nodad\n");
    let mut kernel = linux(&wire.near);
    let vips = [address("2001:db8::1/128"), address("2001:db8::2/128")];
    assert_eq!(kernel.add(&vips, Some(2)), [Err(Errno::EEXIST), Ok(())]);
    let foreign = shown(&wire, "2001:db8::1").unwrap();
    assert_eq!(foreign["valid_life_time"], u32::MAX);
    assert_eq!(protocol(&wire, "2001:db8::1"), 0);
}

/// A DHCP client's has a lifetime like ours, and no tag.
#[test]
fn lifetime_alone_does_not_make_an_address_ours() {
    let wire = Wire::new();
    ip(&wire.near, "address add 192.0.2.7/24 dev near valid_lft 100 preferred_lft 100\n");
    let there = linux(&wire.near).addresses(NEAR).unwrap();
    let foreign = there.iter().find(|p| p.is(&address("192.0.2.7/24"))).unwrap();
    assert!(!foreign.ours, "{foreign:?}");
}

/// Never early; the kernel looks when it likes after that.
#[test]
fn lease_ends_on_its_own() {
    let wire = Wire::new();
    let mut kernel = linux(&wire.near);
    let vips = [address("2001:db8::1/128"), address("192.0.2.1/32")];
    let start = Instant::now();
    assert_eq!(kernel.add(&vips, Some(2)), [Ok(()); 2]);
    for (vip, ip) in vips.iter().zip(["2001:db8::1", "192.0.2.1"]) {
        wait_until(super::LIMIT, vip, || shown(&wire, ip).is_none()).unwrap();
    }
    assert!(start.elapsed() >= Duration::from_secs(2));
}

#[test]
fn lease_is_renewed_changed_and_lifted() {
    let wire = Wire::new();
    let mut kernel = linux(&wire.near);
    let vips = [address("2001:db8::1/128"), address("2001:db8::2/64")];
    assert_eq!(kernel.add(&vips, Some(100)), [Ok(()); 2]);
    assert_eq!(kernel.renew(&vips, Some(1000)), [Ok(()); 2]);
    let of = |ip, key: &str| shown(&wire, ip).unwrap()[key].as_u64().unwrap();
    assert!(of("2001:db8::1", "valid_life_time") > 900);
    assert_eq!(of("2001:db8::1", "preferred_life_time"), 0);
    assert!(of("2001:db8::2", "preferred_life_time") > 900);
    assert_eq!(kernel.renew(&vips, None), [Ok(()); 2]);
    assert_eq!(of("2001:db8::2", "valid_life_time"), u64::from(u32::MAX));
    assert_eq!(of("2001:db8::2", "preferred_life_time"), u64::from(u32::MAX));
    assert_eq!(shown(&wire, "2001:db8::2").unwrap()["nodad"], true);
    assert_eq!(protocol(&wire, "2001:db8::2"), 18);
}

#[test]
fn time_for_which_it_is_preferred_is_bounded_by_the_lease() {
    let wire = Wire::new();
    let mut kernel = linux(&wire.near);
    let mut vips = [address("2001:db8::1/128"), address("192.0.2.1/32")];
    for vip in &mut vips {
        vip.preferred = Preferred::Seconds(50);
    }
    let preferred = |ip| shown(&wire, ip).unwrap()["preferred_life_time"].as_u64().unwrap();
    assert_eq!(kernel.add(&vips, Some(1000)), [Ok(()); 2]);
    assert!((40..=50).contains(&preferred("2001:db8::1")) && preferred("192.0.2.1") <= 50);
    assert_eq!(kernel.renew(&vips, Some(20)), [Ok(()); 2]);
    assert!(preferred("2001:db8::1") <= 20);
    vips[0].preferred = Preferred::Seconds(50).after(50);
    assert_eq!(kernel.renew(&vips[..1], Some(20)), [Ok(())]);
    assert_eq!(preferred("2001:db8::1"), 0);
}

/// The route to the subnet on `near`: its lifetime, if it has one.
fn route(wire: &Wire) -> Option<Option<u64>> {
    let all = ip_says(&wire.near, &["-6", "route", "show", "2001:db8::/64", "dev", "near"]);
    all.as_array().unwrap().first().map(|route| route["expires"].as_u64())
}

/// As with addresses from router advertisements, whose route has a lifetime, too.
#[test]
fn lease_does_not_become_that_of_the_hosts_own_route() {
    let wire = Wire::new();
    let own = "address add 2001:db8::5/64 dev near nodad valid_lft 1000 preferred_lft 1000\n";
    ip(&wire.near, own);
    let mut kernel = linux(&wire.near);
    let vip = [address("2001:db8::1/64")];
    assert_eq!(kernel.add(&vip, Some(2)), [Ok(())]);
    assert_eq!(kernel.renew(&vip, Some(2)), [Ok(())]);
    assert!(route(&wire).unwrap().unwrap() > 900);
    assert_eq!(kernel.remove(&vip), [Ok(())]);
    assert!(route(&wire).unwrap().unwrap() > 900);
}

/// Where the address is the only one of its subnet, it brings the route with it.
#[test]
fn only_address_of_a_subnet_has_its_route() {
    let wire = Wire::new();
    let mut kernel = linux(&wire.near);
    let vips = [address("2001:db8::1/64"), address("2001:db8::2/64")];
    assert_eq!(kernel.add(&vips, Some(100)), [Ok(()); 2]);
    assert!(route(&wire).unwrap().unwrap() > 90);
    // A host address that comes later keeps its own route, and the next renewal sees it.
    ip(&wire.near, "address add 2001:db8::5/64 dev near nodad\n");
    assert_eq!(kernel.renew(&vips, Some(100)), [Ok(()); 2]);
    assert_eq!(route(&wire), Some(None));
    assert_eq!(kernel.remove(&vips), [Ok(()); 2]);
    assert_eq!(route(&wire), Some(None));
}

/// What the choice of a primary address relies on.
#[test]
fn newest_link_local_address_is_listed_first() {
    let wire = Wire::new();
    ip(&wire.near, "address add fe80::c/64 dev near nodad\n");
    let local = |p: &Present| p.may_be_primary().then(|| p.ip.to_string());
    let there: Vec<String> =
        linux(&wire.near).addresses(NEAR).unwrap().iter().filter_map(local).collect();
    assert_eq!(there, ["fe80::c", "fe80::a"]);
}

#[test]
fn interface_that_is_not_there() {
    let wire = Wire::new();
    let mut kernel = linux(&wire.near);
    assert_eq!(kernel.addresses(77).unwrap_or_default(), []);
    assert_eq!(kernel.link(&super::name("nowhere")).err(), Some(Errno::ENODEV));
    let (index, link) = kernel.link(&super::name("near")).unwrap();
    assert_eq!((index, link.up, link.mac), (NEAR, true, Some(super::NEAR_MAC)));
    assert!(link.resolves);
    assert!(!kernel.link(&super::name("lo")).unwrap().1.resolves);
}

#[test]
fn options_reach_the_kernel() {
    let wire = Wire::new();
    let mut kernel = linux(&wire.near);
    let mut vips = [
        address("192.0.2.1/32"),
        address("2001:db8::1/64"),
        address("239.1.1.1/32"),
        address("2001:db8:1::1/128"),
    ];
    vips[0].peer = Some("192.0.2.2".parse().unwrap());
    vips[1].flags = Flags { home: true, mngtmpaddr: true, noprefixroute: true, ..Flags::default() };
    vips[2].flags.autojoin = true;
    vips[3].peer = Some("2001:db8:1::2".parse().unwrap());
    assert_eq!(kernel.add(&vips, Some(100)), [Ok(()); 4]);
    assert_eq!(kernel.renew(&vips, Some(1000)), [Ok(()); 4]);
    let [peer, flags, group, peer6] = ["192.0.2.1", "2001:db8::1", "239.1.1.1", "2001:db8:1::1"]
        .map(|ip| shown(&wire, ip).unwrap_or_else(|| panic!("{ip} is not there")));
    assert_eq!(
        (&peer["address"], &peer6["address"]),
        (&"192.0.2.2".into(), &"2001:db8:1::2".into())
    );
    for flag in ["home", "mngtmpaddr", "noprefixroute"] {
        assert_eq!(flags[flag], true, "{flags}");
    }
    assert_eq!(group["autojoin"], true, "{group}");
    assert_eq!(route(&wire), None);
    let there = kernel.addresses(NEAR).unwrap();
    assert!(vips.iter().all(|vip| there.iter().any(|present| present.is(vip) && present.ours)));
    assert_eq!(kernel.remove(&vips), [Ok(()); 4]);
    assert_eq!(shown(&wire, "192.0.2.1").or(shown(&wire, "2001:db8:1::1")), None);
}
