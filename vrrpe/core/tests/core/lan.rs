//! Several routers on one wire that loses nothing, for stories with a definite end. What a bad
//! network does to them is in `sim`.

use crate::common::{at_nanos, host, host_v6, to_group};
use std::net::IpAddr;
use std::time::Duration;
use vipd_types::{Family, Instant, State};
use vrrp_core::wire::{self, MESSAGE_MAX};
use vrrp_core::{Action, Config, Event, Input, Kind, Router};

/// More than any story has.
const STEPS_MAX: usize = 100_000;

/// Routers on a wire of 0.1 ms; what each of them did, with its millisecond.
pub(crate) struct Lan {
    pub(crate) routers: Vec<(IpAddr, Option<Router>)>,
    now: Instant,
    on_the_wire: Vec<(Instant, usize, Vec<u8>)>,
    done: Vec<(u64, usize, Action)>,
}

impl Lan {
    pub(crate) fn new() -> Self {
        let (routers, on_the_wire, done) = (Vec::new(), Vec::new(), Vec::new());
        Self { routers, now: at_nanos(0), on_the_wire, done }
    }

    pub(crate) fn start(&mut self, last: u8, config: Config) -> usize {
        let address = match config.family {
            Family::V4 => IpAddr::V4(host(last)),
            Family::V6 => IpAddr::V6(host_v6(last.into())),
        };
        self.routers.push((address, Some(Router::new(config))));
        let at = self.routers.len() - 1;
        self.step(at, Input::Link { up: true, source: Some(address) });
        at
    }

    /// Silence, as of a host that dies.
    pub(crate) fn kill(&mut self, at: usize) {
        self.routers[at].1 = None;
    }

    pub(crate) fn state(&self, at: usize) -> State {
        self.routers[at].1.as_ref().unwrap().state()
    }

    pub(crate) fn step(&mut self, at: usize, input: Input<'_>) {
        let Some(router) = self.routers[at].1.as_mut() else { return };
        let actions = router.step(self.now, input);
        for action in actions.iter() {
            self.done.push((self.now.as_nanos() / 1_000_000, at, action));
            match action {
                Action::Send(kind) => {
                    let router = self.routers[at].1.as_ref().unwrap();
                    let to = to_group(self.routers[at].0).destination;
                    let mut buffer = [0; MESSAGE_MAX];
                    let bytes = router.encode(kind, to, &mut buffer).unwrap().to_vec();
                    let arrives = self.now.plus(Duration::from_micros(100));
                    self.on_the_wire.push((arrives, at, bytes));
                }
                Action::Acquire(epoch) => self.step(at, Input::Acquired(epoch)),
                Action::Release(epoch, _) => self.step(at, Input::Released(epoch)),
                Action::Announce(_) | Action::Event(_) => {}
            }
        }
    }

    pub(crate) fn until(&mut self, millis: u64) {
        let end = at_nanos(millis * 1_000_000);
        for _ in 0..STEPS_MAX {
            let deadlines = self.routers.iter().enumerate();
            let timer = deadlines
                .filter_map(|(at, (_, router))| Some((router.as_ref()?.next_deadline()?, at)))
                .min();
            let packet = self.on_the_wire.first().map(|(at, ..)| *at);
            match [packet, timer.map(|(at, _)| at)].into_iter().flatten().min() {
                Some(next) if next <= end => self.now = self.now.max(next),
                Some(_) | None => {
                    self.now = end;
                    return;
                }
            }
            if packet.is_some_and(|at| at <= self.now) {
                let (_, from, bytes) = self.on_the_wire.remove(0);
                self.deliver(from, &bytes);
            } else if let Some((_, at)) = timer {
                self.step(at, Input::Deadline);
            }
        }
        panic!("a timer that stays due");
    }

    /// To everybody else whose family it is; a router with another VRID or version drops it.
    fn deliver(&mut self, from: usize, bytes: &[u8]) {
        let meta = to_group(self.routers[from].0);
        for at in (0..self.routers.len()).filter(|at| *at != from) {
            if self.routers[at].0.is_ipv4() == meta.source.is_ipv4() {
                let advert = wire::decode(bytes, meta, wire::TTL).unwrap();
                self.step(at, Input::Packet(&advert));
            }
        }
    }

    /// When a router became MASTER, and which.
    pub(crate) fn takeovers(&self) -> Vec<(u64, usize)> {
        let acquires = |(at, who, action): &(u64, usize, Action)| match action {
            Action::Event(Event::State { to: State::Master, .. }) => Some((*at, *who)),
            Action::Event(_)
            | Action::Send(_)
            | Action::Acquire(_)
            | Action::Release(..)
            | Action::Announce(_) => None,
        };
        self.done.iter().filter_map(acquires).collect()
    }

    pub(crate) fn sent(&self, who: usize, kind: Kind) -> usize {
        let sends = |done: &&(u64, usize, Action)| done.1 == who && done.2 == Action::Send(kind);
        self.done.iter().filter(sends).count()
    }
}
