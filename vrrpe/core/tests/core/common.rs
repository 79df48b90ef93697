//! One router on a bench: packets made by hand, a clock that is told, actions with their time.

use crate::packets::V3;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;
use vipd_types::{Epoch, Family, Instant, Options, Peer, Priority, State, Version, Vrid};
use vrrp_core::wire::{self, GROUP_V4, GROUP_V6, MESSAGE_MAX, Meta};
use vrrp_core::{
    Action, Auth, Cause, Config, Discard, Event, Health, Input, Kind, Notice, Router, Transport,
};

pub(crate) use crate::packets::Message;

pub(crate) const VIP: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
pub(crate) const LOCAL: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 3);
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const LINK_LOCAL_VIP: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
pub(crate) const VIP_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
pub(crate) const LOCAL_V6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 3);

pub(crate) const fn host(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, last)
}

pub(crate) fn host_v6(last: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, last)
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

/// The same in VRRPv3, one hundred centiseconds.
pub(crate) fn config_v3(base: u8) -> Config {
    Config { version: Version::V3, ..config(base) }
}

pub(crate) fn config_v6(base: u8) -> Config {
    Config {
        family: Family::V6,
        transport: Transport::Multicast { group: IpAddr::V6(GROUP_V6) },
        addresses: vec![LINK_LOCAL_VIP.into(), VIP_V6.into()],
        ..config_v3(base)
    }
}

pub(crate) fn with_options(config: Config, change: impl FnOnce(&mut Options)) -> Config {
    let mut config = config;
    change(&mut config.options);
    config
}

pub(crate) fn every(config: Config, millis: u64) -> Config {
    Config { advert_int: Duration::from_millis(millis), ..config }
}

pub(crate) fn rfc(base: u8) -> Config {
    Config { fast_handover: false, ..config(base) }
}

pub(crate) fn unicast(base: u8, peers: &[u8]) -> Config {
    let peers = peers.iter().map(|last| Peer::new(IpAddr::V4(host(*last)))).collect();
    Config { transport: Transport::Unicast { peers, check_source: true }, ..config(base) }
}

pub(crate) fn meta(source: Ipv4Addr, destination: Ipv4Addr, ttl: u8) -> Meta {
    Meta { source: IpAddr::V4(source), destination: IpAddr::V4(destination), ttl }
}

/// From a neighbour to the group of its family.
pub(crate) fn to_group(source: impl Into<IpAddr>) -> Meta {
    let source = source.into();
    let destination = match source {
        IpAddr::V4(_) => IpAddr::V4(GROUP_V4),
        IpAddr::V6(_) => IpAddr::V6(GROUP_V6),
    };
    Meta { source, destination, ttl: 255 }
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

    /// Started at 0 on the local address of its family.
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
        let source = match self.router.config().family {
            Family::V4 => IpAddr::V4(LOCAL),
            Family::V6 => IpAddr::V6(LOCAL_V6),
        };
        self.input(Input::Link { up: true, source: Some(source) })
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
        self.input(Input::Track(Health { adds, fault, unproven, pending, ..Health::default() }))
    }

    /// An advert of the router's own kind from the neighbour whose address ends in `from`.
    pub(crate) fn hear(&mut self, from: u8, priority: u8) -> Vec<Action> {
        let config = self.router.config();
        let meta = match (&config.transport, config.family) {
            (Transport::Multicast { .. }, Family::V4) => to_group(host(from)),
            (Transport::Multicast { .. }, Family::V6) => to_group(host_v6(from.into())),
            (Transport::Unicast { .. }, _) => meta(host(from), LOCAL, 255),
        };
        let bytes = match (config.version, config.family) {
            (Version::V2, _) => Message::new(priority).bytes(),
            (Version::V3, Family::V4) => V3::v4(priority).bytes(&meta),
            (Version::V3, Family::V6) => V3::v6(priority).bytes(&meta),
        };
        self.take(&bytes, meta).unwrap()
    }

    /// VRRPv3 with an interval of its own.
    pub(crate) fn hear_every(&mut self, from: u8, priority: u8, centis: u16) -> Vec<Action> {
        self.receive_v3(&V3::v4(priority).every(centis), to_group(host(from))).unwrap()
    }

    pub(crate) fn receive(
        &mut self,
        message: &Message,
        meta: Meta,
    ) -> Result<Vec<Action>, Discard> {
        self.take(&message.bytes(), meta)
    }

    pub(crate) fn receive_v3(&mut self, message: &V3, meta: Meta) -> Result<Vec<Action>, Discard> {
        self.take(&message.bytes(&meta), meta)
    }

    /// As a receive socket would: `Err` for what is dropped before or in the router.
    pub(crate) fn take(&mut self, bytes: &[u8], meta: Meta) -> Result<Vec<Action>, Discard> {
        let least_ttl = match &self.router.config().transport {
            Transport::Multicast { .. } => wire::TTL,
            Transport::Unicast { peers, .. } => {
                peers.iter().map(|peer| peer.min_ttl).min().unwrap_or(wire::TTL)
            }
        };
        let advert = wire::decode(bytes, meta, least_ttl)?;
        let before = self.events.len();
        let actions = self.input(Input::Packet(&advert));
        match self.events.get(before) {
            Some(Event::Discarded(why)) => Err(*why),
            Some(_) | None => Ok(actions),
        }
    }

    /// When the next timer is due, from now, in nanoseconds.
    pub(crate) fn left(&self) -> u128 {
        self.router.next_deadline().unwrap().since(self.now).as_nanos()
    }

    pub(crate) fn notices(&self) -> Vec<Notice> {
        let notice = |event: &Event| match event {
            Event::Noticed(notice) => Some(*notice),
            Event::State { .. }
            | Event::Priority { .. }
            | Event::Discarded(_)
            | Event::GoodByeHeard { .. }
            | Event::LowerHeard { .. }
            | Event::ForcingElection { .. }
            | Event::AddressesRefused
            | Event::AddressesLost => None,
        };
        self.events.iter().filter_map(notice).collect()
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
        let to = match self.router.config().family {
            Family::V4 => IpAddr::V4(GROUP_V4),
            Family::V6 => IpAddr::V6(GROUP_V6),
        };
        self.router.encode(kind, to, &mut [0; MESSAGE_MAX]).unwrap().to_vec()
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
