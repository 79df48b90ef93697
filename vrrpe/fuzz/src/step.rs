//! Target: a story of one router. Time passes, packets come, trackers and the kernel speak, the
//! parent answers in order or out of it, the configuration changes; in the end the router is
//! stopped. What must hold meanwhile is in `promises`.

use crate::bytes::Bytes;
use crate::config::{self, OURS, OURS_TOO};
use crate::promises::{Promises, Told};
use crate::{message, protocol};
use std::time::Duration;
use vipd_types::{Epoch, Instant, State};
use vrrp_core::group::Order;
use vrrp_core::wire;
use vrrp_core::{Actions, Health, Input, Router};

/// What a byte of the story says comes next; the arguments follow it.
pub mod event {
    /// The next deadline comes and is served.
    pub const DEADLINE: u8 = 0;
    /// Two bytes of milliseconds pass; nothing is served.
    pub const WAIT: u8 = 1;
    /// Eight bytes of nanoseconds.
    pub const JUMP: u8 = 2;
    /// A deadline is served whether or not one has come.
    pub const EARLY: u8 = 3;
    /// An advert for this router, as `message::advert` has it.
    pub const ADVERT: u8 = 4;
    /// A length, and a datagram of so many bytes.
    pub const DATAGRAM: u8 = 5;
    /// Two bytes of what the trackers add, and flags.
    pub const TRACK: u8 = 6;
    /// Flags: up, with an address, another address.
    pub const LINK: u8 = 7;
    /// The parent answers its oldest request; a flag: it refuses.
    pub const ANSWER: u8 = 8;
    /// The parent says something about a term, so many before the last one.
    pub const ACQUIRED: u8 = 9;
    pub const NOT_ACQUIRED: u8 = 10;
    pub const RELEASED: u8 = 11;
    pub const LOST: u8 = 12;
    /// As `config::config` has it.
    pub const CONFIG: u8 = 13;
    pub const STOP: u8 = 14;
    pub const LEASE_ENDED: u8 = 15;
    /// Which order of a sync group: none, wait, lead, yield, fault.
    pub const GROUP: u8 = 16;
    /// As ACQUIRED.
    pub const LAPSED: u8 = 17;
    /// How many there are.
    pub const ALL: u8 = 18;
}

/// A configuration, and then events.
pub fn run(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let mut story = Story::new(Router::new(config::config(&mut bytes)));
    while !bytes.is_empty() {
        story.next(&mut bytes);
    }
    story.end();
}

struct Story {
    router: Router,
    now: Instant,
    promises: Promises,
}

impl Story {
    fn new(router: Router) -> Self {
        let promises = Promises::new(&router);
        // Long after the boot: the core may look back.
        Self { router, now: Instant::from_nanos(3_600_000_000_000), promises }
    }

    fn next(&mut self, bytes: &mut Bytes<'_>) {
        match bytes.byte() % event::ALL {
            answer @ (event::ANSWER..=event::LOST | event::LAPSED) => {
                self.hear_parent(answer, bytes);
            }
            event::WAIT => {
                let millis = u64::from(u16::from_le_bytes(bytes.array()));
                self.now = self.now.plus(Duration::from_millis(millis));
            }
            event::JUMP => {
                let nanos = u64::from_le_bytes(bytes.array());
                self.now = self.now.plus(Duration::from_nanos(nanos));
            }
            event::EARLY => self.tell(Told::Deadline, Input::Deadline),
            event::ADVERT => {
                let (message, meta) = message::advert(self.router.config(), bytes);
                self.hear(&message, meta);
            }
            event::DATAGRAM => {
                let length = usize::from(bytes.byte());
                if let Ok((meta, message)) = wire::ipv4(bytes.take(length)) {
                    self.hear(message, meta);
                }
            }
            event::TRACK => {
                let adds = i32::from(i16::from_le_bytes(bytes.array()));
                let [fault, unproven, pending, standby, offline, ..] = bytes.flags();
                let pending = pending || unproven;
                let health = Health { adds, fault, unproven, pending, standby, offline };
                self.tell(Told::Other, Input::Track(health));
            }
            event::LINK => {
                let [up, address, other, ..] = bytes.flags();
                let last = if other { OURS_TOO } else { OURS };
                let source = address.then(|| config::host(self.router.config().family, last));
                self.tell(Told::Other, Input::Link { up, source });
            }
            event::CONFIG => {
                let config = config::config(bytes);
                // With another family it would be another router.
                if config.family == self.router.config().family {
                    self.tell(Told::Other, Input::Config(Box::new(config)));
                }
            }
            event::GROUP => {
                let order = match bytes.byte() % 5 {
                    0 => None,
                    1 => Some(Order::Wait),
                    2 => Some(Order::Lead),
                    3 => Some(Order::Yield),
                    _ => Some(Order::Fault),
                };
                self.tell(Told::Group(order), Input::Group(order));
            }
            event::STOP => self.tell(Told::Stop, Input::Stop),
            event::LEASE_ENDED => self.tell(Told::LeaseEnded, Input::LeaseEnded),
            _ => {
                self.now = self.router.next_deadline().unwrap_or(self.now).max(self.now);
                self.tell(Told::Deadline, Input::Deadline);
            }
        }
    }

    fn hear_parent(&mut self, event: u8, bytes: &mut Bytes<'_>) {
        if event == event::ANSWER {
            let [refuses, ..] = bytes.flags();
            self.answer(refuses);
            return;
        }
        // A negative number of terms before the last one is a term that has not begun.
        let before = i64::from(i8::from_le_bytes(bytes.array()));
        let epoch = Epoch(self.router.epoch().0.saturating_add_signed(before.saturating_neg()));
        match event {
            event::ACQUIRED => self.tell(Told::Acquired(epoch), Input::Acquired(epoch)),
            event::NOT_ACQUIRED => self.tell(Told::NotAcquired(epoch), Input::NotAcquired(epoch)),
            event::RELEASED => self.tell(Told::Released(epoch), Input::Released(epoch)),
            event::LAPSED => self.tell(Told::Lapsed(epoch), Input::Lapsed(epoch)),
            _ => self.tell(Told::Lost(epoch), Input::Lost(epoch)),
        }
    }

    fn answer(&mut self, refuses: bool) {
        match self.promises.oldest_request() {
            Some(Told::Acquired(epoch)) if refuses => {
                self.tell(Told::NotAcquired(epoch), Input::NotAcquired(epoch));
            }
            Some(Told::Acquired(epoch)) => {
                self.tell(Told::Acquired(epoch), Input::Acquired(epoch));
            }
            Some(Told::Released(epoch)) => {
                self.tell(Told::Released(epoch), Input::Released(epoch));
            }
            _ => {}
        }
    }

    fn hear(&mut self, message: &[u8], meta: wire::Meta) {
        if let Ok(advert) = protocol::decode(message, meta, Some(self.router.config())) {
            self.tell(Told::Packet, Input::Packet(&advert));
        }
    }

    fn tell(&mut self, told: Told, input: Input<'_>) {
        let before = self.promises.look(&self.router);
        let actions: Actions = self.router.step(self.now, input);
        self.promises.check(&self.router, self.now, told, &before, &actions);
    }

    /// A router that is stopped ends once the parent has answered.
    fn end(mut self) {
        self.tell(Told::Stop, Input::Stop);
        while self.promises.oldest_request().is_some() {
            self.answer(false);
        }
        assert!(self.router.is_done(), "{:?}", self.router);
        assert_ne!(self.router.state(), State::Master);
    }
}
