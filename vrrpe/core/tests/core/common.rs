//! One router on a bench: packets made by hand, a clock that is told, actions with their time.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use vipd_types::{Epoch, Family, Instant, Options, Peer, Priority, State, Version, Vrid};
use vrrp_core::wire::{self, GROUP_V4, MESSAGE_MAX, Meta};
use vrrp_core::{
    Action, Auth, Cause, Config, Discard, Event, Health, Input, Kind, Router, Transport,
};

pub(crate) const VIP: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
pub(crate) const LOCAL: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 3);

pub(crate) fn host(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, last)
}

pub(crate) fn priority(value: u8) -> Priority {
    Priority::try_from(value).unwrap()
}

pub(crate) fn at_nanos(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

/// VRID 51, one second, multicast, one address, without authentication.
pub(crate) fn config(base: u8) -> Config {
    Config {
        vrid: Vrid::try_from(51).unwrap(),
        version: Version::V2,
        family: Family::V4,
        priority: priority(base),
        advert_int: Duration::from_secs(1),
        preempt: true,
        fast_handover: true,
        options: Options::default(),
        auth: Auth::None,
        transport: Transport::Multicast { group: IpAddr::V4(GROUP_V4) },
        addresses: vec![IpAddr::V4(VIP)],
    }
}

pub(crate) fn rfc(base: u8) -> Config {
    Config { fast_handover: false, ..config(base) }
}

pub(crate) fn unicast(base: u8, peers: &[u8]) -> Config {
    let peers = peers.iter().map(|last| Peer::new(IpAddr::V4(host(*last)))).collect();
    Config { transport: Transport::Unicast { peers, check_source: true }, ..config(base) }
}

/// A VRRPv2 message made without the code under test.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) version_type: u8,
    pub(crate) vrid: u8,
    pub(crate) priority: u8,
    pub(crate) interval: u8,
    pub(crate) auth_type: u8,
    pub(crate) auth: [u8; 8],
    pub(crate) addresses: Vec<Ipv4Addr>,
}

impl Message {
    pub(crate) fn new(priority: u8) -> Self {
        Self {
            version_type: 0x21,
            vrid: 51,
            priority,
            interval: 1,
            auth_type: 0,
            auth: [0; 8],
            addresses: vec![VIP],
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let count = u8::try_from(self.addresses.len()).unwrap();
        let mut bytes = vec![self.version_type, self.vrid, self.priority, count];
        bytes.extend([self.auth_type, self.interval, 0, 0]);
        bytes.extend(self.addresses.iter().flat_map(|address| address.octets()));
        bytes.extend(self.auth);
        let mut sum: u32 =
            bytes.chunks(2).map(|pair| u32::from(pair[0]) * 256 + u32::from(pair[1])).sum();
        while sum > 0xffff {
            sum = sum % 0x1_0000 + sum / 0x1_0000;
        }
        let checksum = !u16::try_from(sum).unwrap();
        bytes[6..8].copy_from_slice(&checksum.to_be_bytes());
        bytes
    }
}

pub(crate) fn meta(source: Ipv4Addr, destination: Ipv4Addr, ttl: u8) -> Meta {
    Meta { source: IpAddr::V4(source), destination: IpAddr::V4(destination), ttl }
}

/// Actions without the events, which tests read from `Bench::events`.
pub(crate) struct Bench {
    pub(crate) router: Router,
    now: Instant,
    pub(crate) events: Vec<Event>,
    /// Acquire and Release are answered at once.
    pub(crate) obliging: bool,
}

impl Bench {
    /// Not started.
    pub(crate) fn cold(config: Config) -> Self {
        let router = Router::new(config);
        Self { router, now: at_nanos(0), events: Vec::new(), obliging: true }
    }

    /// Started at 0 on `LOCAL`.
    pub(crate) fn new(config: Config) -> Self {
        let mut bench = Self::cold(config);
        bench.link_up();
        bench
    }

    /// MASTER since its Master_Down_Timer; the clock stands at that moment.
    pub(crate) fn master(config: Config) -> Self {
        let mut bench = Self::new(config);
        if bench.router.state() != State::Master {
            bench.now = bench.router.next_deadline().unwrap();
            bench.deadline();
        }
        assert_eq!(bench.router.state(), State::Master);
        bench.events.clear();
        bench
    }

    pub(crate) fn link_up(&mut self) -> Vec<Action> {
        self.input(Input::Link { up: true, source: Some(IpAddr::V4(LOCAL)) })
    }

    pub(crate) fn input(&mut self, input: Input<'_>) -> Vec<Action> {
        let list: Vec<Action> = self.router.step(self.now, input).iter().collect();
        let mut done = Vec::new();
        for action in list {
            match action {
                Action::Event(event) => self.events.push(event),
                Action::Send(_)
                | Action::Acquire(_)
                | Action::Release(..)
                | Action::Announce(_) => {
                    done.push(action);
                }
            }
        }
        for action in done.clone() {
            match action {
                Action::Acquire(epoch) if self.obliging => {
                    done.extend(self.input(Input::Acquired(epoch)));
                }
                Action::Release(epoch, _) if self.obliging => {
                    done.extend(self.input(Input::Released(epoch)));
                }
                Action::Acquire(_)
                | Action::Release(..)
                | Action::Send(_)
                | Action::Announce(_)
                | Action::Event(_) => {}
            }
        }
        done
    }

    pub(crate) fn deadline(&mut self) -> Vec<Action> {
        self.input(Input::Deadline)
    }

    pub(crate) fn track(&mut self, adds: i32, fault: bool, pending: bool) -> Vec<Action> {
        let (fault, unproven) = (fault && !pending, fault && pending);
        self.input(Input::Track(Health { adds, fault, unproven, pending }))
    }

    pub(crate) fn hear(&mut self, from: u8, priority: u8) -> Vec<Action> {
        let destination = match &self.router.config().transport {
            Transport::Multicast { .. } => GROUP_V4,
            Transport::Unicast { .. } => LOCAL,
        };
        self.receive(&Message::new(priority), meta(host(from), destination, 255)).unwrap()
    }

    /// As a receive socket would: `Err` for what is dropped before or in the router.
    pub(crate) fn receive(
        &mut self,
        message: &Message,
        meta: Meta,
    ) -> Result<Vec<Action>, Discard> {
        let bytes = message.bytes();
        let advert = wire::decode(&bytes, meta, wire::TTL)?;
        let before = self.events.len();
        let actions = self.input(Input::Packet(&advert));
        match self.events.get(before) {
            Some(Event::Discarded(why)) => Err(*why),
            Some(_) | None => Ok(actions),
        }
    }

    pub(crate) fn millis(&self) -> u64 {
        self.now.as_nanos() / 1_000_000
    }

    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    pub(crate) fn wait(&mut self, millis: u64) -> Vec<(u64, Action)> {
        self.until(self.now.plus(Duration::from_millis(millis)))
    }

    /// Serves every deadline up to and at `end`, then stands at `end`.
    pub(crate) fn until(&mut self, end: Instant) -> Vec<(u64, Action)> {
        let mut all = Vec::new();
        for _ in 0..100_000 {
            match self.router.next_deadline() {
                Some(next) if next <= end => {
                    self.now = self.now.max(next);
                    let millis = self.millis();
                    all.extend(self.deadline().into_iter().map(|action| (millis, action)));
                }
                Some(_) | None => {
                    self.now = end;
                    return all;
                }
            }
        }
        panic!("a deadline that does not go away");
    }

    /// Jumps without serving what comes due meanwhile.
    pub(crate) fn sleep(&mut self, millis: u64) {
        self.now = self.now.plus(Duration::from_millis(millis));
    }

    pub(crate) fn state(&self) -> State {
        self.router.state()
    }

    pub(crate) fn encoded(&self, kind: Kind) -> Vec<u8> {
        self.router.encode(kind, GROUP_V4.into(), &mut [0; MESSAGE_MAX]).unwrap().to_vec()
    }

    pub(crate) fn changes(&self) -> Vec<(State, Cause)> {
        let change = |event: &Event| match event {
            Event::State { to, why, .. } => Some((*to, *why)),
            Event::Priority { .. }
            | Event::Discarded(_)
            | Event::Noticed(_)
            | Event::GoodByeHeard { .. }
            | Event::LowerHeard { .. }
            | Event::ForcingElection { .. }
            | Event::AddressesRefused
            | Event::AddressesLost => None,
        };
        self.events.iter().filter_map(change).collect()
    }
}

pub(crate) const ADVERT: Action = Action::Send(Kind::Advert);
pub(crate) const GOOD_BYE: Action = Action::Send(Kind::GoodBye);

pub(crate) fn acquire(epoch: u64) -> Action {
    Action::Acquire(Epoch(epoch))
}

pub(crate) fn release(epoch: u64, reason: vrrp_core::action::Reason) -> Action {
    Action::Release(Epoch(epoch), reason)
}
