//! One virtual router of a host: its configuration, what the kernel has of it, and the lease of its
//! addresses. Knows what is true here; what others know of it is the network's business.

use super::bounds;
use super::clock::{Clock, MILLI, Time};
use super::network::address;
use super::oracle::Oracle;
use super::plan::{Plan, Setup};
use crate::common::{config, config_v3, config_v6, priority};
use std::collections::VecDeque;
use std::time::Duration;
use vipd_types::{Checksum, Epoch, Family, Options, Peer, Version};
use vrrp_core::wire::{GROUP_V4, GROUP_V6, MESSAGE_MAX};
use vrrp_core::{Config, Health, Input, Kind, Router, Transport};

/// A VRRP message, without a heap.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packet {
    len: usize,
    data: [u8; Packet::MAX],
}

impl Packet {
    const MAX: usize = 48;

    /// `None` without a source, on which the checksum of VRRPv3 may depend.
    pub(crate) fn of(router: &Router, kind: Kind) -> Option<Self> {
        let mut buffer = [0; MESSAGE_MAX];
        let to = match router.config().family {
            Family::V4 => GROUP_V4.into(),
            Family::V6 => GROUP_V6.into(),
        };
        let bytes = router.encode(kind, to, &mut buffer);
        assert!(bytes.is_some() || router.source().is_none(), "cannot be encoded");
        bytes.map(Self::new)
    }

    pub(crate) fn new(bytes: &[u8]) -> Self {
        let mut data = [0; Self::MAX];
        data[..bytes.len()].copy_from_slice(bytes);
        Self { len: bytes.len(), data }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.data[..self.len]
    }
}

/// Something the parent or the kernel has to say to the engine.
#[derive(Debug, Clone)]
pub(crate) enum Mail {
    Acquired(Epoch),
    NotAcquired(Epoch),
    Released(Epoch),
    Lost(Epoch),
    Lapsed(Epoch),
    Link,
    Config,
    Stop,
}

/// What the kernel is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Task {
    Install(Epoch),
    Remove(Epoch),
    /// The daemon ends: everything goes, then the last will.
    Undo(Option<Packet>),
}

/// When the addresses were last asked to stay for a whole lease, and the sign of life that will
/// ask again.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Lease {
    asked: Time,
    alive: Option<Time>,
    length: Time,
    /// The last advert, or the end of a pause of the parent.
    pub(crate) proof: Time,
}

impl Lease {
    pub(crate) fn take(&mut self, asked: Time, length: Time) {
        *self = Self { asked, length, alive: self.alive, proof: self.proof.max(asked) };
    }

    pub(crate) fn advert(&mut self, now: Time, delay: Time) {
        self.renew(now);
        self.proof = now;
        self.alive = self.alive.or(Some(now + delay));
    }

    /// As the parent does: not before a third of the lease is over, or nearly.
    pub(crate) fn renew(&mut self, now: Time) {
        if let Some(at) = self.alive.take_if(|at| *at <= now)
            && (at.saturating_sub(self.asked) + 50 * MILLI) * 3 >= self.length
        {
            self.asked = at;
        }
    }

    /// Nothing is renewed any more.
    pub(crate) fn freeze(&mut self, now: Time) {
        self.renew(now);
        self.alive = None;
    }

    pub(crate) fn end(&self) -> Time {
        self.asked + self.length
    }

    pub(crate) fn gone_by(&self) -> Time {
        bounds::after_the_end(self.proof, self.length)
    }
}

pub(crate) struct Node {
    pub(crate) clock: Clock,
    pub(crate) setup: Setup,
    pub(crate) router: Option<Router>,
    pub(crate) oracle: Oracle,
    pub(crate) health: Health,
    pub(crate) up: bool,
    pub(crate) sourced: bool,
    /// When the engine will serve its timer.
    pub(crate) wake: Option<Time>,
    /// What the parent has begun or is going to do.
    pub(crate) tasks: VecDeque<Task>,
    pub(crate) busy: bool,
    /// In the kernel; what counts for "owner".
    pub(crate) installed: Option<Epoch>,
    /// What the parent means to keep there.
    pub(crate) granted: Option<Epoch>,
    pub(crate) lease: Lease,
    /// The end of the lease as an engine without a parent knows it.
    pub(crate) end: Option<Time>,
    /// The lease is over: the engine sends nothing.
    pub(crate) quiet: bool,
    pub(crate) ended: bool,
    pub(crate) refusals: u8,
    pub(crate) terms: u64,
    /// When it last answered an advert; the next answer may have to wait for its pace.
    pub(crate) last_answer: Option<Time>,
    pub(crate) master_since: Time,
    /// The interval of the MASTER that it waited for last.
    pub(crate) waited: Time,
    pub(crate) last_sent: Time,
}

impl Node {
    pub(crate) fn new(setup: Setup) -> Self {
        Self {
            clock: setup.clock,
            setup,
            router: None,
            oracle: Oracle::default(),
            health: Health::default(),
            up: true,
            sourced: true,
            wake: None,
            tasks: VecDeque::new(),
            busy: false,
            installed: None,
            granted: None,
            lease: Lease::default(),
            end: None,
            quiet: false,
            ended: false,
            refusals: 0,
            terms: 0,
            last_answer: None,
            master_since: 0,
            waited: 0,
            last_sent: 0,
        }
    }

    pub(crate) fn interval(&self) -> Time {
        let config = self.router.as_ref().map(|router| router.config().advert_int);
        config.map_or(self.setup.interval(), |it| Time::try_from(it.as_nanos()).unwrap())
    }

    /// The interval of the MASTER that it waits for.
    pub(crate) fn active(&self) -> Time {
        let active = self.router.as_ref().map_or(Duration::ZERO, Router::active_interval);
        Time::try_from(active.as_nanos()).unwrap()
    }
}

/// The one place where a configuration is made.
pub(crate) fn configure(plan: &Plan, setup: Setup) -> Config {
    let usual = match (plan.version, plan.family) {
        (Version::V2, _) => config(100),
        (Version::V3, Family::V4) => config_v3(100),
        (Version::V3, Family::V6) => config_v6(100),
    };
    let transport = if plan.unicast {
        let all = plan.routers.iter();
        let others = all.filter(|peer| peer.wire == setup.wire && peer.host != setup.host);
        let peers = others.map(|peer| Peer::new(address(plan.family, peer.host))).collect();
        Transport::Unicast { peers, check_source: true }
    } else {
        usual.transport.clone()
    };
    let millis = |millis: u32| Duration::from_millis(millis.into());
    Config {
        priority: priority(setup.priority),
        advert_int: millis(setup.interval),
        preempt: setup.preempt,
        fast_handover: setup.fast,
        options: Options {
            preempt_delay: millis(setup.delay),
            down_timer_adverts: setup.adverts,
            max_learned_interval: setup.cap.map(millis),
            lower_prio_no_advert: setup.silent,
            higher_prio_send_advert: setup.parting,
            owner_ignore_adverts: setup.deaf,
            // The other one covers the destination, and there is one packet for all.
            checksum: if plan.unicast { Checksum::Plain } else { Checksum::Pseudo },
            ..usual.options
        },
        transport,
        ..usual
    }
}

impl Mail {
    /// `None` for what is not for one router.
    pub(crate) fn input(&self, plan: &Plan, node: &Node) -> Option<Input<'static>> {
        Some(match self {
            Self::Acquired(epoch) => Input::Acquired(*epoch),
            Self::NotAcquired(epoch) => Input::NotAcquired(*epoch),
            Self::Released(epoch) => Input::Released(*epoch),
            Self::Lost(epoch) => Input::Lost(*epoch),
            Self::Lapsed(epoch) => Input::Lapsed(*epoch),
            Self::Link => {
                let source = node.sourced.then(|| address(plan.family, node.setup.host));
                Input::Link { up: node.up, source }
            }
            Self::Config => Input::Config(Box::new(configure(plan, node.setup))),
            Self::Stop => return None,
        })
    }
}
