//! Everything that can happen to a virtual router.

use crate::config::Config;
use crate::group::Order;
use crate::wire::Advert;
use alloc::boxed::Box;
use core::net::IpAddr;
use vipd_types::{Epoch, Priority};

#[derive(Debug)]
pub enum Input<'a> {
    /// An advert for this VRID that passed the checks of `wire::decode`; the router makes the
    /// rest of the checks and counts.
    Packet(&'a Advert<'a>),
    /// The time of `next_deadline` has come (or is over: a late call is no error).
    Deadline,
    /// What the trackers say now.
    Track(Health),
    /// The interface, and the address adverts leave from (configured or primary).
    Link {
        up: bool,
        source: Option<IpAddr>,
    },
    /// The addresses of this term are in the kernel.
    Acquired(Epoch),
    /// They could not be put there; nothing is held.
    NotAcquired(Epoch),
    /// They are gone from the kernel.
    Released(Epoch),
    /// Somebody took them away for good.
    Lost(Epoch),
    /// The kernel has removed them because their lease was not renewed, and all is well again.
    Lapsed(Epoch),
    Config(Box<Config>),
    /// What the sync group does; `None` when the router is in no group any more. A router that is in
    /// one is told so before anything else (`Order::Wait`), and from then on never becomes MASTER
    /// alone. The same order may come any number of times.
    Group(Option<Order>),
    /// Leave: release, then say good-bye.
    Stop,
    /// The lease has run out and the addresses have vanished by themselves: good-bye at once.
    LeaseEnded,
}

/// The sum of the trackers, and what the operator says; computed outside the state machine from weights and states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Health {
    /// What weighted trackers add to the base priority.
    pub adds: i32,
    /// A tracker without weight is down.
    pub fault: bool,
    /// A tracker without weight has not had its first result: a router that has not started waits
    /// for it, as keepalived does; one that runs is not stopped by a check that is new.
    pub unproven: bool,
    /// Some tracker has not had its first result yet.
    pub pending: bool,
    /// The operator has the router step back: MASTER says good-bye, and serves again at the lowest
    /// priority only if nobody else does. Means nothing to an owner.
    pub standby: bool,
    /// The operator has taken the router out of service: a FAULT.
    pub offline: bool,
}

impl Health {
    /// The effective priority. An owner always takes its addresses back, so it has no standby.
    pub fn priority(self, base: Priority) -> Priority {
        if self.stands_by(base) { Priority::LOWEST } else { base.adjusted(self.adds) }
    }

    pub(crate) fn stands_by(self, base: Priority) -> bool {
        self.standby && !base.is_owner()
    }
}
