//! What happened, in the operators' words: keepalived's phrases where log watchers match them.
//! Formats only; whether something is said too often is decided elsewhere.

use crate::instance::Instance;
use log::Level;
use std::fmt::Write;
use std::net::IpAddr;
use std::time::Duration;
use vipd_types::{Checksum, Family, State};
use vrrp_core::action::Cause;
use vrrp_core::group::Order;
use vrrp_core::{Advert, Discard, Notice};

/// Addresses of a list that are named in a line.
const NAMED: usize = 8;

/// Why an instance is in its state, for `show`. `group` is its sync group.
pub(crate) fn reason(instance: &Instance, group: Option<&str>) -> String {
    match instance.cause {
        None | Some(Cause::Startup) => "started".into(),
        Some(Cause::MasterDown) => {
            let adverts = instance.slice.options.down_timer_adverts;
            format!("no advert was heard for {adverts} intervals and the skew")
        }
        Some(Cause::GoodBye) => "the master said good-bye".into(),
        Some(Cause::Preempt) => "the master is worse than this router".into(),
        Some(Cause::Higher { from, priority }) => {
            format!("{from} advertises a better priority ({priority})")
        }
        Some(Cause::LinkDown) => "the interface is down".into(),
        Some(Cause::NoSource) => {
            let address = source_kind(instance.slice.family);
            format!("the interface has no {address} address to advertise from")
        }
        Some(Cause::Tracker) => "a tracker without weight is down".into(),
        Some(Cause::Operator) => match instance.router.state() {
            State::Fault => "taken out of service by the operator".into(),
            State::Init | State::Backup | State::Master => "the operator had it step back".into(),
        },
        Some(Cause::Addresses) => "the addresses could not be held".into(),
        Some(Cause::Group) => {
            let does = match instance.router.state() {
                State::Fault => "cannot serve",
                State::Init | State::Backup | State::Master => "has found a better master",
            };
            format!("another instance of sync group {} {does}", group.unwrap_or("(none)"))
        }
        Some(Cause::Stop) => "stopping".into(),
        Some(Cause::LeaseEnded) => "the lease of the addresses has ended".into(),
        Some(Cause::Cleared) => "the fault is over".into(),
    }
}

fn source_kind(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6 link-local",
    }
}

/// The lines of a change of state. `culprit` is the tracker or the sync group at fault.
pub(crate) fn log_state(instance: &Instance, to: State, why: Cause, culprit: Option<&str>) {
    let name = instance.slice.name.as_str();
    match why {
        Cause::MasterDown => log::debug!("({name}) Receive advertisement timeout"),
        Cause::Higher { from, priority } => {
            let ours = instance.router.effective();
            log::info!(
                "({name}) Master received advert from {from} with higher priority {priority}, ours {ours}"
            );
        }
        Cause::NoSource => {
            let address = source_kind(instance.slice.family);
            log::info!("({name}) entering FAULT state (no {address} address for interface)");
        }
        Cause::LinkDown => log::info!("({name}) entering FAULT state (interface is down)"),
        Cause::Tracker if to == State::Fault => match culprit {
            Some(tracker) => {
                log::info!("({name}): entering FAULT state due to script {tracker}");
            }
            None => log::info!("({name}): entering FAULT state due to a script"),
        },
        Cause::Group if to == State::Fault => {
            let group = culprit.unwrap_or("(none)");
            log::info!("({name}) entering FAULT state (sync group {group})");
        }
        Cause::Operator if to == State::Fault => {
            log::info!("({name}) entering FAULT state (out of service)");
        }
        Cause::Operator => log::info!("({name}) steps back: the operator wants it"),
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

/// The line of a sync group that does something else than before. To wait is news only when
/// the fault is over.
pub(crate) fn log_order(group: &str, before: Order, now: Order) {
    let state = match (before, now) {
        (_, Order::Lead) => State::Master,
        (_, Order::Yield) | (Order::Fault, Order::Wait) => State::Backup,
        (_, Order::Fault) => State::Fault,
        (Order::Wait | Order::Lead | Order::Yield, Order::Wait) => return,
    };
    log::info!("VRRP_Group({group}) Syncing instances to {state} state");
}

/// What a sync group does, for `show`.
pub(crate) fn order(order: Order) -> &'static str {
    match order {
        Order::Wait => "wait",
        Order::Lead => "lead",
        Order::Yield => "yield",
        Order::Fault => "fault",
    }
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
        Discard::Ttl => "its TTL or Hop Limit shows that it crossed a router",
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
        Discard::FirstAddress => "its first address is not link-local",
        Discard::Owner => "this router owns the addresses",
        Discard::AddressList => "another address list",
    }
}

/// What is odd about an advert that was accepted.
pub(crate) fn notice(what: Notice, instance: &Instance, advert: Option<&Advert<'_>>) -> String {
    match what {
        Notice::AddressList { from } => {
            let theirs = advert.map(|advert| list(advert.body.addresses())).unwrap_or_default();
            let ours = list(instance.slice.addresses.iter().copied());
            format!("{from} advertises other addresses: {theirs}; ours are {ours}")
        }
        Notice::Interval { from, theirs } => {
            let ours = seconds(instance.slice.advert_int);
            format!("{from} advertises every {}, this router every {ours}", seconds(theirs))
        }
        Notice::CappedInterval { from, theirs } => format!(
            "{from} advertises every {}, more than max_learned_interval: {} is learned",
            seconds(theirs),
            seconds(instance.router.active_interval())
        ),
        Notice::OtherChecksum { from } => {
            let (with, set) = match instance.slice.options.checksum {
                Checksum::Pseudo => ("without", "on"),
                Checksum::Plain => ("with", "off"),
            };
            format!(
                "the checksum of {from} is valid with the other checksum form ({with} a \
                 pseudo-header): set v3_checksum_as_v2 {set}, or it may not accept ours"
            )
        }
        Notice::SamePriority { from } => {
            format!("{from} has the same priority, {}", instance.router.effective())
        }
        Notice::OwnerHeard { from } => {
            format!(
                "{from} says that it owns the addresses (priority 255), and so does this router"
            )
        }
        Notice::NotOwner { from } => format!(
            "{from} says that it owns the addresses (priority 255), but does not send from one"
        ),
        Notice::FirstAddress { from } => {
            format!("{from} advertises addresses of which the first is not link-local")
        }
    }
}

/// VRRPv3 allows another interval; all else is somebody's mistake.
pub(crate) fn level(what: Notice) -> Level {
    match what {
        Notice::Interval { .. } => Level::Info,
        Notice::AddressList { .. }
        | Notice::CappedInterval { .. }
        | Notice::OtherChecksum { .. }
        | Notice::SamePriority { .. }
        | Notice::OwnerHeard { .. }
        | Notice::NotOwner { .. }
        | Notice::FirstAddress { .. } => Level::Warn,
    }
}

/// Centiseconds are the finest that VRRP knows.
fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

fn list(mut all: impl Iterator<Item = IpAddr>) -> String {
    let mut text = String::new();
    for address in all.by_ref().take(NAMED) {
        let comma = if text.is_empty() { "" } else { ", " };
        // Writing to a String does not fail.
        let _ = write!(text, "{comma}{address}");
    }
    match all.count() {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}
