//! Everything a virtual router can want, and everything it has to tell.

use crate::wire::Discard;
use core::net::IpAddr;
use vipd_types::{Epoch, Priority, State};

/// The most a single step can want; `Actions` never allocates.
pub const ACTIONS_MAX: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Encode with `Router::encode` and send: to the group, or one copy to each peer.
    Send(Kind),
    Acquire(Epoch),
    Release(Epoch, Reason),
    /// Gratuitous ARP again.
    Announce(Epoch),
    Event(Event),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// With the effective priority.
    Advert,
    /// With priority 0.
    GoodBye,
}

/// Why MASTER is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    Yield,
    Fault,
    Stop,
}

/// What happened, for the log, for notification and for the control socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The only report of a change of state; `why` is for people.
    State {
        from: State,
        to: State,
        why: Cause,
    },
    /// The effective priority changed.
    Priority {
        from: Priority,
        to: Priority,
    },
    /// An advert was dropped by the router's own checks.
    Discarded(Discard),
    /// A BACKUP heard a good-bye.
    GoodByeHeard {
        from: IpAddr,
    },
    /// A BACKUP that may preempt heard a worse router.
    LowerHeard {
        from: IpAddr,
        priority: u8,
        ours: Priority,
    },
    /// A MASTER heard a worse router and answers.
    ForcingElection {
        from: IpAddr,
        priority: u8,
        ours: Priority,
    },
    /// The kernel refused the addresses, or somebody took them.
    AddressesRefused,
    AddressesLost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Startup,
    /// Master_Down_Timer: nobody was heard for three intervals and the skew.
    MasterDown,
    /// Fast handover: the master said good-bye, or became worse than this router.
    Handover,
    /// A better router was heard.
    Higher {
        from: IpAddr,
        priority: u8,
    },
    LinkDown,
    NoSource,
    Tracker,
    Addresses,
    Stop,
    LeaseEnded,
    /// The fault is over.
    Cleared,
}

/// A list of actions in the order in which they must be done.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Actions {
    list: [Option<Action>; ACTIONS_MAX],
    len: usize,
}

impl Actions {
    pub fn push(&mut self, action: Action) {
        debug_assert!(self.len < ACTIONS_MAX, "a step wants more than ACTIONS_MAX actions");
        if let Some(place) = self.list.get_mut(self.len) {
            *place = Some(action);
            self.len = self.len.saturating_add(1);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = Action> + '_ {
        self.list.iter().flatten().copied()
    }
}
