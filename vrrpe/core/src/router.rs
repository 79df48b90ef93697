//! One virtual router: the state machine.

use crate::{Actions, Config, Input, Kind};
use core::net::IpAddr;
use vipd_types::{Epoch, Instant, Priority, State};

#[derive(Debug)]
pub struct Router {
    config: Config,
}

impl Router {
    /// In INIT, until `Link` says that the interface is up and has an address.
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    pub fn step(&mut self, _now: Instant, _input: Input<'_>) -> Actions {
        Actions::default()
    }

    /// When to call `step(now, Input::Deadline)`.
    pub fn next_deadline(&self) -> Option<Instant> {
        None
    }

    /// The advert to send now, written into `buffer`; `None` if the buffer is too short.
    pub fn encode<'b>(&self, _kind: Kind, _buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        None
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    pub fn state(&self) -> State {
        State::Init
    }

    /// The base priority with what the trackers add.
    pub fn effective(&self) -> Priority {
        self.config.priority
    }

    /// The term that is running or was the last.
    pub fn epoch(&self) -> Epoch {
        Epoch(0)
    }

    /// The MASTER this router follows.
    pub fn master(&self) -> Option<MasterSeen> {
        None
    }

    pub fn counters(&self) -> &Counters {
        &COUNTERS
    }

    /// True when nothing is held and nothing remains to be sent: after `Stop`, the router may go.
    pub fn is_done(&self) -> bool {
        true
    }
}

static COUNTERS: Counters = Counters { advert_rcvd: 0 };

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MasterSeen {
    pub address: IpAddr,
    pub priority: u8,
    pub at: Instant,
}

/// Per virtual router, under the names of RFC 6527 and RFC 2787 (as keepalived's JSON has them).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    pub advert_rcvd: u64,
}
