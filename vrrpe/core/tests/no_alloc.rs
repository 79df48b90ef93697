//! The packet and deadline paths allocate nothing: a counting allocator stands behind the test.
#![cfg(test)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;
use vipd_types::{Family, Instant, Options, Priority, State, Version, Vrid};
use vrrp_core::group::{Order, order};
use vrrp_core::wire::{self, GROUP_V4, GROUP_V6, MESSAGE_MAX, Meta};
use vrrp_core::{Auth, Config, Health, Input, Kind, Router, Transport};

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is passed on unchanged to the system's allocator, which keeps the contract;
// the counter is a thread-local `Cell` without destructor and allocates nothing itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get().wrapping_add(1)));
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `System.alloc` with this `layout`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn config(version: Version, family: Family, priority: u8) -> Config {
    let group = match family {
        Family::V4 => IpAddr::V4(GROUP_V4),
        Family::V6 => IpAddr::V6(GROUP_V6),
    };
    Config {
        vrid: Vrid::try_from(51).unwrap(),
        version,
        family,
        priority: Priority::try_from(priority).unwrap(),
        advert_int: Duration::from_secs(1),
        preempt: true,
        fast_handover: true,
        options: Options {
            max_learned_interval: Some(Duration::from_secs(2)),
            higher_prio_send_advert: true,
            ..Options::default()
        },
        auth: Auth::Pass(*b"secret12"),
        transport: Transport::Multicast { group },
        addresses: vec![host(family, 1), host(family, 9)],
    }
}

fn host(family: Family, last: u8) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)),
        Family::V6 => IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, last.into())),
    }
}

/// What a neighbour with `priority` sends; 0 is a good-bye. Every other one lists other addresses
/// and has another interval, so that there is something to notice.
fn message(version: Version, family: Family, priority: u8) -> Vec<u8> {
    let mut theirs = config(version, family, priority.max(1));
    if priority.is_multiple_of(20) {
        theirs.addresses = vec![host(family, 1), host(family, 7)];
    }
    if priority == 200 && version == Version::V3 {
        theirs.advert_int = Duration::from_secs(3);
    }
    let Transport::Multicast { group } = theirs.transport else { unreachable!() };
    let mut router = Router::new(theirs);
    let source = Some(host(family, 2));
    router.step(Instant::from_nanos(0), Input::Link { up: true, source });
    let kind = if priority == 0 { Kind::GoodBye } else { Kind::Advert };
    router.encode(kind, group, &mut [0; MESSAGE_MAX]).unwrap().to_vec()
}

fn steady_state(version: Version, family: Family, grouped: bool) {
    let mut ours = Router::new(config(version, family, 100));
    let mut theirs = [0, 50, 100, 200, 255].map(|priority| message(version, family, priority));
    let mut now = Instant::from_nanos(0);
    if grouped {
        ours.step(now, Input::Group(Some(Order::Wait)));
    }
    ours.step(now, Input::Link { up: true, source: Some(host(family, 3)) });
    let mut buffer = [0; MESSAGE_MAX];
    let destination = match family {
        Family::V4 => IpAddr::V4(GROUP_V4),
        Family::V6 => IpAddr::V6(GROUP_V6),
    };
    let meta = Meta { source: host(family, 2), destination, ttl: 255 };
    let mut masters = 0_u64;

    let before = COUNT.with(Cell::get);
    for round in 0..4_000_usize {
        now = now.plus(Duration::from_millis(100));
        ours.step(now, Input::Deadline);
        if round.is_multiple_of(97) {
            let message = &mut theirs[(round / 97) % 5];
            ours.step(now, Input::Packet(&wire::decode(message, meta, wire::TTL).unwrap()));
            message[2] ^= 1;
            assert!(wire::decode(message, meta, wire::TTL).is_err());
            message[2] ^= 1;
        }
        ours.step(now, Input::Track(Health { adds: -1, ..Health::default() }));
        assert!(ours.encode(Kind::Advert, destination, &mut buffer).is_some());
        ours.step(now, Input::Released(ours.epoch()));
        if grouped {
            let order = order([ours.standing()]);
            ours.step(now, Input::Group(Some(order)));
        }
        masters = masters.saturating_add(u64::from(ours.state() == State::Master));
    }
    let after = COUNT.with(Cell::get);
    assert_eq!(after, before, "{version:?} {family:?}");
    assert!(masters > 100, "{masters}");
    let counters = ours.counters();
    assert!(counters.advert_rcvd > 10 && counters.addr_list_err > 5, "{counters:?}");
}

#[test]
fn the_steady_state_allocates_nothing() {
    for grouped in [false, true] {
        steady_state(Version::V2, Family::V4, grouped);
        steady_state(Version::V3, Family::V4, grouped);
        steady_state(Version::V3, Family::V6, grouped);
    }
}
