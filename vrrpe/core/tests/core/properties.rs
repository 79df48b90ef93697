//! Whatever comes in whatever order: no panic, no timer that stays due, and terms that begin and
//! end in order.

use crate::common::{LOCAL, Message, config, host, meta, unicast};
use proptest::prelude::*;
use std::net::IpAddr;
use std::time::Duration;
use vipd_types::{Epoch, Instant, State};
use vrrp_core::timers::COURTESY;
use vrrp_core::wire::{self, GROUP_V4, Meta};
use vrrp_core::{Action, Config, Health, Input, Router};

#[derive(Debug, Clone)]
enum Any {
    Packet(u8, u8, bool),
    Deadline,
    Track(i32, bool, bool),
    Link(bool, bool),
    Acquired(u64),
    NotAcquired(u64),
    Released(u64),
    Lost(u64),
    Config(u8, u64, bool, bool),
    Stop,
    LeaseEnded,
}

fn any_input() -> impl Strategy<Value = Any> {
    prop_oneof![
        8 => (0..=6_u8, any::<u8>(), any::<bool>()).prop_map(|(a, b, c)| Any::Packet(a, b, c)),
        8 => Just(Any::Deadline),
        3 => (-300..300, any::<bool>(), any::<bool>()).prop_map(|(a, b, c)| Any::Track(a, b, c)),
        3 => (any::<bool>(), any::<bool>()).prop_map(|(a, b)| Any::Link(a, b)),
        3 => (0..2_u64).prop_map(Any::Acquired),
        1 => (0..2_u64).prop_map(Any::NotAcquired),
        3 => (0..2_u64).prop_map(Any::Released),
        1 => (0..2_u64).prop_map(Any::Lost),
        1 => (1..=255_u8, 0..400_u64, any::<bool>(), any::<bool>())
            .prop_map(|(a, b, c, d)| Any::Config(a, b, c, d)),
        1 => Just(Any::Stop),
        1 => Just(Any::LeaseEnded),
    ]
}

/// Feeds one input; `back` in epochs counts from the present one.
fn feed(router: &mut Router, now: Instant, any: &Any) -> Vec<Action> {
    let epoch = |back: &u64| Epoch(router.epoch().0.saturating_sub(*back));
    let input = match any {
        Any::Packet(from, priority, group) => {
            let bytes = Message::new(*priority).bytes();
            let to = if *group { GROUP_V4 } else { LOCAL };
            let advert = wire::decode(&bytes, meta(host(*from), to, 255), wire::TTL).unwrap();
            return router.step(now, Input::Packet(&advert)).iter().collect();
        }
        Any::Deadline => Input::Deadline,
        Any::Track(adds, fault, pending) => Input::Track(Health {
            adds: *adds,
            fault: *fault,
            unproven: *fault && *pending,
            pending: *pending,
        }),
        Any::Link(up, source) => {
            Input::Link { up: *up, source: source.then_some(IpAddr::V4(LOCAL)) }
        }
        Any::Acquired(back) => Input::Acquired(epoch(back)),
        Any::NotAcquired(back) => Input::NotAcquired(epoch(back)),
        Any::Released(back) => Input::Released(epoch(back)),
        Any::Lost(back) => Input::Lost(epoch(back)),
        Any::Config(priority, seconds, peers, preempt) => {
            let base = if *peers { unicast(*priority, &[2]) } else { config(*priority) };
            let advert_int = Duration::from_secs(*seconds);
            Input::Config(Box::new(Config { advert_int, preempt: *preempt, ..base }))
        }
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
    ) {
        let mut router = Router::new(config(100));
        let mut now = Instant::from_nanos(0);
        let mut running: Option<Epoch> = None;
        let mut last = Epoch(0);
        for (input, millis) in &inputs {
            now = now.plus(Duration::from_millis(*millis));
            let actions = feed(&mut router, now, input);
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
            let _ = wire::decode(rest, meta, wire::TTL);
        }
        let from = Meta { ..meta(host(2), GROUP_V4, 255) };
        let _ = wire::decode(&bytes, from, wire::TTL);
    }
}
