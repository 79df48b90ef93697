//! The signals that the daemon knows, under the names by which keepalived's `--signum` tells them.
//! All are blocked and read as events; what each does is the loop's business.

use crate::sys;
use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Stop,
    /// SIGINT, which `--ignore-sigint` makes nothing of.
    Interrupt,
    Reload,
    /// Write the state, the statistics, or both as JSON.
    Data,
    Stats,
    ClearStats,
    Json,
    /// A child has ended; its channel says so as well.
    Child,
}

pub(crate) const NAMES: [(&str, Order); 6] = [
    ("STOP", Order::Stop),
    ("RELOAD", Order::Reload),
    ("DATA", Order::Data),
    ("STATS", Order::Stats),
    ("STATS_CLEAR", Order::ClearStats),
    ("JSON", Order::Json),
];

const ALL: [Order; 8] = [
    Order::Stop,
    Order::Interrupt,
    Order::Reload,
    Order::Data,
    Order::Stats,
    Order::ClearStats,
    Order::Json,
    Order::Child,
];

fn number(order: Order) -> i32 {
    match order {
        Order::Stop => Signal::SIGTERM as i32,
        Order::Interrupt => Signal::SIGINT as i32,
        Order::Reload => Signal::SIGHUP as i32,
        Order::Data => Signal::SIGUSR1 as i32,
        Order::Stats => Signal::SIGUSR2 as i32,
        Order::ClearStats => libc::SIGRTMAX().saturating_sub(1),
        Order::Json => libc::SIGRTMIN().saturating_add(2),
        Order::Child => Signal::SIGCHLD as i32,
    }
}

pub(crate) fn number_of(name: &str) -> Option<i32> {
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, order)| number(*order))
}

pub(crate) fn order_of(signal: u32) -> Option<Order> {
    ALL.into_iter().find(|order| u32::try_from(number(*order)) == Ok(signal))
}

/// Blocks them all; from here on they are read as events.
pub(crate) fn block() -> Result<SigSet, Errno> {
    let set = sys::add_signals(&SigSet::empty(), &ALL.map(number));
    set.thread_block()?;
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_signal_that_is_heard() {
        for (name, order) in NAMES {
            let number = number_of(name).unwrap();
            assert_eq!(order_of(u32::try_from(number).unwrap()), Some(order), "{name}");
        }
        assert_eq!(number_of("DATA"), Some(10));
        assert_eq!(number_of("TDUMP"), None);
        assert_eq!(order_of(9), None);
    }
}
