//! Whatever comes in whatever order: no panic, no timer that stays due, and terms that begin and
//! end in order.

use crate::common::{LOCAL, Message, config, host, host_v6, meta, to_group, unicast};
use crate::derived::reseal;
use crate::packets::V3;
use proptest::prelude::*;
use std::net::IpAddr;
use std::time::Duration;
use vipd_types::{Epoch, Instant, Options, State, Version};
use vrrp_core::group::Order;
use vrrp_core::timers::COURTESY;
use vrrp_core::wire::{self, GROUP_V4, Meta};
use vrrp_core::{Action, Config, Discard, Health, Input, Router};

#[derive(Debug, Clone)]
enum Any {
    /// From, priority, to the group, interval in centiseconds.
    Packet(u8, u8, bool, u16),
    Deadline,
    /// Weights; fault, pending, standby, offline.
    Track(i32, u8),
    Link(bool, bool),
    Acquired(u64),
    NotAcquired(u64),
    Released(u64),
    Lost(u64),
    Lapsed(u64),
    /// Priority, interval in 10 ms, peers, preempt, options.
    Config(u8, u64, bool, bool, u8),
    Group(Option<Order>),
    Stop,
    LeaseEnded,
}

fn any_order() -> impl Strategy<Value = Option<Order>> {
    let orders =
        [None, Some(Order::Wait), Some(Order::Lead), Some(Order::Yield), Some(Order::Fault)];
    (0..5_usize).prop_map(move |n| orders[n])
}

fn any_input() -> impl Strategy<Value = Any> {
    prop_oneof![
        8 => (0..=6_u8, any::<u8>(), any::<bool>(), 0..4096_u16)
            .prop_map(|(a, b, c, d)| Any::Packet(a, b, c, d)),
        8 => Just(Any::Deadline),
        3 => (-300..300, 0..16_u8).prop_map(|(adds, bits)| Any::Track(adds, bits)),
        3 => (any::<bool>(), any::<bool>()).prop_map(|(a, b)| Any::Link(a, b)),
        3 => (0..2_u64).prop_map(Any::Acquired),
        1 => (0..2_u64).prop_map(Any::NotAcquired),
        3 => (0..2_u64).prop_map(Any::Released),
        1 => (0..2_u64).prop_map(Any::Lost),
        1 => (0..2_u64).prop_map(Any::Lapsed),
        1 => (1..=255_u8, 0..4200_u64, any::<bool>(), any::<bool>(), any::<u8>())
            .prop_map(|(a, b, c, d, e)| Any::Config(a, b, c, d, e)),
        2 => any_order().prop_map(Any::Group),
        1 => Just(Any::Stop),
        1 => Just(Any::LeaseEnded),
    ]
}

fn any_config(version: Version, any: &Any) -> Option<Config> {
    let Any::Config(priority, centis, peers, preempt, bits) = any else { return None };
    let base = if *peers { unicast(*priority, &[2]) } else { config(*priority) };
    let advert_int = Duration::from_millis(*centis * 10);
    let has = |bit: u8| bits & (1 << bit) != 0;
    let options = Options {
        preempt_delay: Duration::from_secs(if has(0) { 2 } else { 0 }),
        down_timer_adverts: if has(1) { 1 } else { 3 },
        lower_prio_no_advert: has(2),
        higher_prio_send_advert: has(3),
        owner_ignore_adverts: has(4),
        max_learned_interval: has(5).then_some(Duration::from_secs(1)),
        drop_adv_addr_mismatch: has(6),
        strict_checksum: has(7),
        ..base.options
    };
    Some(Config { version, advert_int, preempt: *preempt, options, ..base })
}

/// Feeds one input; `back` in epochs counts from the present one.
fn feed(router: &mut Router, version: Version, now: Instant, any: &Any) -> Vec<Action> {
    let epoch = |back: &u64| Epoch(router.epoch().0.saturating_sub(*back));
    let input = match any {
        Any::Packet(from, priority, group, centis) => {
            let to = if *group { GROUP_V4 } else { LOCAL };
            let meta = meta(host(*from), to, 255);
            let bytes = match version {
                Version::V2 => Message::new(*priority).bytes(),
                Version::V3 => V3::v4(*priority).every(*centis).bytes(&meta),
            };
            let advert = wire::decode(&bytes, meta, wire::TTL).unwrap();
            return router.step(now, Input::Packet(&advert)).iter().collect();
        }
        Any::Deadline => Input::Deadline,
        Any::Track(adds, bits) => {
            let [fault, pending, standby, offline] = [0, 1, 2, 3].map(|n| bits & (1 << n) != 0);
            let (adds, unproven) = (*adds, fault && pending);
            Input::Track(Health { adds, fault, unproven, pending, standby, offline })
        }
        Any::Link(up, source) => {
            Input::Link { up: *up, source: source.then_some(IpAddr::V4(LOCAL)) }
        }
        Any::Acquired(back) => Input::Acquired(epoch(back)),
        Any::NotAcquired(back) => Input::NotAcquired(epoch(back)),
        Any::Released(back) => Input::Released(epoch(back)),
        Any::Lost(back) => Input::Lost(epoch(back)),
        Any::Lapsed(back) => Input::Lapsed(epoch(back)),
        Any::Config(..) => Input::Config(Box::new(any_config(version, any).unwrap())),
        Any::Group(order) => Input::Group(*order),
        Any::Stop => Input::Stop,
        Any::LeaseEnded => Input::LeaseEnded,
    };
    router.step(now, input).iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn terms_are_in_order_and_no_timer_stays_due(
        inputs in prop::collection::vec((any_input(), 0..3_000_u64), 1..200),
        newer in any::<bool>(),
    ) {
        let version = if newer { Version::V3 } else { Version::V2 };
        let mut router = Router::new(Config { version, ..config(100) });
        let mut now = Instant::from_nanos(0);
        let mut running: Option<Epoch> = None;
        let mut last = Epoch(0);
        let mut grouped = false;
        for (input, millis) in &inputs {
            now = now.plus(Duration::from_millis(*millis));
            let before = router.state();
            let actions = feed(&mut router, version, now, input);
            let leads = before != State::Master && router.state() == State::Master;
            if let Any::Group(order) = input {
                grouped = order.is_some();
                let may_lead = matches!(order, None | Some(Order::Lead));
                prop_assert!(!leads || may_lead, "{order:?}");
            } else {
                prop_assert!(!leads || !grouped, "{input:?}");
            }
            let sends = actions.iter().filter(|action| matches!(action, Action::Send(_))).count();
            prop_assert!(sends <= 2, "{input:?}: {actions:?}");
            for action in &actions {
                match action {
                    Action::Acquire(epoch) => {
                        prop_assert_eq!(running, None);
                        prop_assert!(*epoch > last);
                        last = *epoch;
                        running = Some(*epoch);
                    }
                    Action::Release(epoch, _) => {
                        prop_assert_eq!(running.take(), Some(*epoch));
                    }
                    Action::Announce(epoch) => prop_assert_eq!(running, Some(*epoch)),
                    Action::Send(_) | Action::Event(_) => {}
                }
            }
            // A refusal, or the end of the lease, ends a term without a release.
            if matches!(input, Any::NotAcquired(_) | Any::LeaseEnded)
                && router.state() != State::Master
            {
                running = None;
            }
            // A MASTER without addresses is one that waits for the old one to leave.
            let soon = router.next_deadline().is_some_and(|at| at <= now.plus(COURTESY));
            prop_assert!(running.is_none() || router.state() == State::Master);
            prop_assert!(running.is_some() || router.state() != State::Master || soon);
            if matches!(input, Any::Deadline) {
                prop_assert!(router.next_deadline().is_none_or(|at| at > now));
            }
        }
    }

    #[test]
    fn any_bytes_are_decoded_or_dropped(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok((meta, rest)) = wire::ipv4(&bytes) {
            let _ = wire::decode(rest, meta, 0);
        }
        for from in [to_group(host(2)), to_group(host_v6(2))] {
            let _ = wire::decode(&bytes, from, wire::TTL);
        }
        let mixed = Meta { destination: GROUP_V4.into(), ..to_group(host_v6(2)) };
        prop_assert_eq!(wire::decode(&bytes, mixed, wire::TTL), Err(Discard::Header));
    }

    /// Whatever the fields are, the router has an answer: here with a checksum that is right.
    #[test]
    fn any_fields_are_accepted_or_dropped(
        version in 2..=3_u8,
        count in 1..=6_u8,
        fields in any::<[u8; 4]>(),
        rest in any::<[u8; 32]>(),
    ) {
        let len = if version == 2 { 16 } else { 8 } + 4 * usize::from(count);
        let [_, priority, fifth, sixth] = fields;
        let mut bytes = vec![version << 4 | 1, 51, priority, count, fifth, sixth, 0, 0];
        bytes.extend(rest);
        bytes.resize(len, 0);
        reseal(&mut bytes);
        let from = to_group(host(2));
        let advert = wire::decode(&bytes, from, wire::TTL).unwrap();
        prop_assert_eq!(advert.body.addresses().count(), advert.body.count());
        for ours in [config(100), Config { version: Version::V3, ..config(100) }] {
            let mut router = Router::new(ours.clone());
            let now = Instant::from_nanos(0);
            router.step(now, Input::Link { up: true, source: Some(LOCAL.into()) });
            router.step(now, Input::Packet(&advert));
            let counters: u64 = router.counters().iter().map(|(_, n)| n).sum();
            prop_assert!(counters > 0, "{:?}", ours.version);
        }
    }
}
