//! Everything a virtual router can want, and everything it has to tell.

use crate::wire::Discard;
use core::net::IpAddr;
use core::time::Duration;
use vipd_types::{Epoch, Priority, State};

/// The most a single step can want; `Actions` never allocates.
pub const ACTIONS_MAX: usize = 16;

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
    /// The operator wants it.
    Operator,
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
    /// An advert was accepted although something about it is odd.
    Noticed(Notice),
    /// A BACKUP that may preempt, or a MASTER that does not answer, heard a worse router.
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

/// Worth a line in the log, but no drop. What may come with every advert is for the reader to limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// It lists other addresses than ours (RFC 9568 7.1).
    AddressList { from: IpAddr },
    /// It has another interval than ours, which VRRPv3 allows (RFC 9568 7.1).
    Interval { from: IpAddr, theirs: Duration },
    /// Its interval is longer than we accept; `max_learned_interval` was learned instead.
    CappedInterval { from: IpAddr, theirs: Duration },
    /// Its checksum is right in another form than that of ours.
    OtherChecksum { from: IpAddr },
    /// Two routers have one priority (RFC 9568 8.3.2); not repeated for the MASTER that is followed.
    SamePriority { from: IpAddr },
    /// Two routers say that they own the addresses (RFC 9568 8.3.2).
    OwnerHeard { from: IpAddr },
    /// It says that it owns the addresses, but does not send from any of them.
    NotOwner { from: IpAddr },
    /// Its first IPv6 address is not link-local (RFC 9568 5.2.9), and neither is ours.
    FirstAddress { from: IpAddr },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Startup,
    /// Master_Down_Timer: nobody was heard for three intervals and the skew.
    MasterDown,
    /// The MASTER said good-bye.
    GoodBye,
    /// The MASTER is, or has become, worse than this router.
    Preempt,
    /// A better router was heard.
    Higher {
        from: IpAddr,
        priority: u8,
    },
    LinkDown,
    NoSource,
    Tracker,
    /// The operator took the router out of service, or had it step back.
    Operator,
    Addresses,
    /// Another member of the sync group: it cannot serve, or has found a better MASTER.
    Group,
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
