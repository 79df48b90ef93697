//! What happened, in the operators' words: keepalived's phrases where log watchers match them.
//! Formats only; whether something is said too often is decided elsewhere.

use vipd_types::State;
use vrrp_core::action::Cause;
use vrrp_core::{Discard, Notice};

/// Why an instance is in its state, for `show`.
pub(crate) fn reason(cause: Option<Cause>) -> String {
    match cause {
        None | Some(Cause::Startup) => "started".into(),
        Some(Cause::MasterDown) => "no advert was heard for three intervals and the skew".into(),
        Some(Cause::GoodBye) => "the master said good-bye".into(),
        Some(Cause::Preempt) => "the master is worse than this router".into(),
        Some(Cause::Higher { from, priority }) => {
            format!("{from} advertises a better priority ({priority})")
        }
        Some(Cause::LinkDown) => "the interface is down".into(),
        Some(Cause::NoSource) => "the interface has no address to advertise from".into(),
        Some(Cause::Tracker) => "a tracker without weight is down".into(),
        Some(Cause::Addresses) => "the addresses could not be held".into(),
        Some(Cause::Group) => "another instance of the sync group".into(),
        Some(Cause::Stop) => "stopping".into(),
        Some(Cause::LeaseEnded) => "the lease of the addresses has ended".into(),
        Some(Cause::Cleared) => "the fault is over".into(),
    }
}

/// The lines of a change of state. `tracker` is the one at fault, `ours` the effective priority.
pub(crate) fn log_state(name: &str, to: State, why: Cause, tracker: Option<&str>, ours: u8) {
    match why {
        Cause::MasterDown => log::debug!("({name}) Receive advertisement timeout"),
        Cause::Higher { from, priority } => log::info!(
            "({name}) Master received advert from {from} with higher priority {priority}, ours {ours}"
        ),
        Cause::NoSource => {
            log::info!("({name}) entering FAULT state (no IPv4 address for interface)");
        }
        Cause::LinkDown => log::info!("({name}) entering FAULT state (interface is down)"),
        Cause::Tracker if to == State::Fault => match tracker {
            Some(tracker) => {
                log::info!("({name}): entering FAULT state due to script {tracker}");
            }
            None => log::info!("({name}): entering FAULT state due to a script"),
        },
        Cause::Startup
        | Cause::GoodBye
        | Cause::Preempt
        | Cause::Tracker
        | Cause::Addresses
        | Cause::Group
        | Cause::Stop
        | Cause::LeaseEnded
        | Cause::Cleared => {}
    }
    let init = if to == State::Backup && why == Cause::Startup { " (init)" } else { "" };
    log::info!("({name}) Entering {to} STATE{init}");
}

/// How often a repeated line was kept back, to append to it.
pub(crate) fn kept_back(count: u64) -> String {
    if count == 0 { String::new() } else { format!(" ({count} more since the last such line)") }
}

/// Why a packet was dropped.
pub(crate) fn discard(why: Discard) -> &'static str {
    match why {
        Discard::Header => "not a VRRP packet",
        Discard::Fragment => "a fragment",
        Discard::Ttl => "TTL is not 255",
        Discard::Version => "another VRRP version",
        Discard::Type => "not an advertisement",
        Discard::Length => "wrong length",
        Discard::Checksum => "wrong checksum",
        Discard::Vrid => "no such VRID on this interface",
        Discard::Destination => "sent to an address that is not for us",
        Discard::Source => "from an address that is not a peer",
        Discard::OwnAddress => "from our own address",
        Discard::AuthType => "unknown authentication type",
        Discard::AuthMismatch => "another authentication type",
        Discard::AuthFailure => "wrong password",
        Discard::Interval => "another advertisement interval",
        Discard::FirstAddress => "the first address is not link-local",
        Discard::Owner => "this router owns the addresses",
        Discard::AddressList => "another address list",
    }
}

/// What is odd about an advert that was accepted.
pub(crate) fn notice(what: Notice) -> String {
    match what {
        Notice::AddressList { from } => format!("{from} advertises another address list"),
        Notice::Interval { from, theirs } => {
            format!("{from} advertises another interval: {theirs:?}")
        }
        Notice::CappedInterval { from, theirs } => {
            format!("{from} advertises an interval longer than max_learned_interval: {theirs:?}")
        }
        Notice::OtherChecksum { from } => {
            format!("{from} uses the other form of the VRRPv3 checksum")
        }
        Notice::SamePriority { from } => format!("{from} has the same priority"),
        Notice::OwnerHeard { from } => format!("{from} says that it owns the addresses, too"),
        Notice::NotOwner { from } => {
            format!("{from} says that it owns the addresses, but sends from another one")
        }
        Notice::FirstAddress { from } => {
            format!("{from} advertises an address list that does not begin with a link-local one")
        }
    }
}
