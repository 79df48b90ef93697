//! What the kernel tells by itself about IPv6 addresses: duplicate address detection that ends or
//! fails, leases that are over, and links that are switched off.

use super::{LIMIT, NEAR, Wire, address, ip, linux};
use crate::kernel::{Address, Change, Events, Kernel, Present};
use std::slice::from_ref;
use vipd_lab::wait_until;

fn events(wire: &Wire) -> Events {
    wire.near.enter(|| Ok(Events::open().unwrap())).unwrap()
}

/// Waits for a change that `is` the one.
fn wait_for(events: &mut Events, what: &str, is: impl Fn(&Change) -> bool) -> Change {
    let mut found = None;
    let mut seen = Vec::new();
    let look = || {
        seen.extend(events.read());
        found = seen.iter().find(|change| is(change)).cloned();
        found.is_some()
    };
    wait_until(LIMIT, what, look).unwrap();
    found.unwrap()
}

fn added<'a>(change: &'a Change, address: &Address) -> Option<&'a Present> {
    match change {
        Change::Added(present) if present.is(address) => Some(present),
        Change::Added(_)
        | Change::Removed(_)
        | Change::Link { .. }
        | Change::LinkGone { .. }
        | Change::RouteGone(_)
        | Change::RuleGone
        | Change::Lost => None,
    }
}

fn removed(change: &Change, address: &Address) -> bool {
    matches!(change, Change::Removed(present) if present.is(address))
}

#[test]
fn end_of_duplicate_address_detection_is_news() {
    let wire = Wire::new();
    let (mut events, mut kernel) = (events(&wire), linux(&wire.near));
    let slow = Address { nodad: false, ..address("fe80::c/64") };
    assert_eq!(kernel.add(from_ref(&slow), None), [Ok(())]);
    let there = kernel.addresses(NEAR).unwrap();
    let present = there.iter().find(|p| p.is(&slow)).unwrap();
    assert!(present.tentative && !present.may_be_primary(), "{present:?}");
    wait_for(&mut events, "a usable address", |change| {
        added(change, &slow).is_some_and(|p| !p.tentative && p.may_be_primary())
    });
}

#[test]
fn address_that_another_host_has() {
    let wire = Wire::new();
    ip(&wire.far, "address add 2001:db8::1/64 dev far nodad\n");
    let (mut events, mut kernel) = (events(&wire), linux(&wire.near));
    let vip = Address { nodad: false, ..address("2001:db8::1/64") };
    assert_eq!(kernel.add(from_ref(&vip), None), [Ok(())]);
    wait_for(&mut events, "the failure", |c| added(c, &vip).is_some_and(|p| p.dadfailed));
    // A permanent one stays in the list, with the mark; a leased one goes.
    assert!(kernel.addresses(NEAR).unwrap().iter().any(|p| p.is(&vip) && p.dadfailed));
    assert_eq!(kernel.remove(from_ref(&vip)), [Ok(())]);
    assert_eq!(kernel.add(from_ref(&vip), Some(60)), [Ok(())]);
    events.read();
    wait_for(&mut events, "its removal", |change| removed(change, &vip));
}

#[test]
fn lease_that_is_over() {
    let wire = Wire::new();
    let (mut events, mut kernel) = (events(&wire), linux(&wire.near));
    let vip = address("2001:db8::1/128");
    assert_eq!(kernel.add(from_ref(&vip), Some(1)), [Ok(())]);
    let change = wait_for(&mut events, "the address", |c| added(c, &vip).is_some());
    assert!(added(&change, &vip).unwrap().ours);
    wait_for(&mut events, "its end", |change| removed(change, &vip));
}

/// Unlike those of IPv4. Whoever reads the removal can already see that the link is down.
#[test]
fn link_that_is_switched_off_loses_its_addresses() {
    let wire = Wire::new();
    let (mut events, mut kernel) = (events(&wire), linux(&wire.near));
    let vips = [address("2001:db8::1/128"), address("192.0.2.1/32")];
    assert_eq!(kernel.add(&vips, None), [Ok(()); 2]);
    ip(&wire.near, "link set near down\n");
    wait_for(&mut events, "the removal", |change| removed(change, &vips[0]));
    assert!(!kernel.link(&super::name("near")).unwrap().1.up);
    let there = kernel.addresses(NEAR).unwrap();
    assert!(there.iter().any(|p| p.is(&vips[1])) && !there.iter().any(|p| p.is(&vips[0])));
    ip(&wire.near, "link set near up\n");
    let up = |change: &Change| matches!(change, Change::Link { index: NEAR, state } if state.up);
    wait_for(&mut events, "the link", up);
}

#[test]
fn carrier_that_is_lost_leaves_the_addresses() {
    let wire = Wire::new();
    let (mut events, mut kernel) = (events(&wire), linux(&wire.near));
    let vip = address("2001:db8::1/128");
    assert_eq!(kernel.add(from_ref(&vip), None), [Ok(())]);
    ip(&wire.far, "link set far down\n");
    let down = |change: &Change| matches!(change, Change::Link { index: NEAR, state } if !state.up);
    wait_for(&mut events, "the carrier", down);
    assert!(kernel.addresses(NEAR).unwrap().iter().any(|p| p.is(&vip)));
}
