//! The packet and deadline paths allocate nothing: a counting allocator stands behind the test.
#![cfg(test)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use vipd_types::{Family, Instant, Options, Priority, State, Version, Vrid};
use vrrp_core::wire::{self, GROUP_V4, MESSAGE_MAX, Meta};
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

#[test]
fn the_steady_state_allocates_nothing() {
    let source = |last| IpAddr::V4(Ipv4Addr::new(192, 0, 2, last));
    let config = |priority: u8| Config {
        vrid: Vrid::try_from(51).unwrap(),
        version: Version::V2,
        family: Family::V4,
        priority: Priority::try_from(priority).unwrap(),
        advert_int: Duration::from_secs(1),
        preempt: true,
        fast_handover: true,
        options: Options::default(),
        auth: Auth::Pass(*b"secret12"),
        transport: Transport::Multicast { group: IpAddr::V4(GROUP_V4) },
        addresses: vec![source(1), source(9)],
    };
    let mut ours = Router::new(config(100));
    let mut theirs = [0, 50, 100, 200, 255].map(|priority| {
        let router = Router::new(config(priority.max(1)));
        let kind = if priority == 0 { Kind::GoodBye } else { Kind::Advert };
        router.encode(kind, GROUP_V4.into(), &mut [0; MESSAGE_MAX]).unwrap().to_vec()
    });
    let mut now = Instant::from_nanos(0);
    ours.step(now, Input::Link { up: true, source: Some(source(3)) });
    let mut buffer = [0; MESSAGE_MAX];
    let meta = Meta { source: source(2), destination: IpAddr::V4(GROUP_V4), ttl: 255 };
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
        assert!(ours.encode(Kind::Advert, GROUP_V4.into(), &mut buffer).is_some());
        ours.step(now, Input::Released(ours.epoch()));
        masters = masters.saturating_add(u64::from(ours.state() == State::Master));
    }
    let after = COUNT.with(Cell::get);
    assert_eq!(after, before);
    assert!(masters > 100, "{masters}");
}
