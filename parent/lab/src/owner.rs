//! Who held an address when, worked out from the address events of the nodes. Pure.

use crate::clock::{Stamp, millis};
use crate::netlink::Event;
use crate::node::Node;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// From the addition to the removal; `to` is the present if it is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub from: Stamp,
    pub to: Stamp,
}

impl Window {
    pub fn length(&self) -> Duration {
        self.to.since(self.from)
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {} ({:.1} ms)", self.from, self.to, millis(self.length()))
    }
}

/// When `address` was there. A node that was powered off holds nothing from `off` on.
pub fn holdings(events: &[Event], address: IpAddr, off: Option<Stamp>) -> Vec<Window> {
    let end = off.unwrap_or_else(Stamp::now);
    let mut windows = Vec::new();
    let mut since = None;
    for event in events.iter().filter(|e| e.what.address == address && e.at <= end) {
        match (since, event.added) {
            (None, true) => since = Some(event.at),
            (Some(from), false) => {
                windows.push(Window { from, to: event.at });
                since = None;
            }
            (Some(_), true) | (None, false) => {}
        }
    }
    windows.extend(since.map(|from| Window { from, to: end }));
    windows
}

/// When `node` held `address`.
pub fn held_by(node: &Node, address: IpAddr) -> Vec<Window> {
    holdings(&node.watch().events(), address, node.off_since())
}

/// What two witnesses can tell apart: each stamps an event when its thread has read it. A common
/// window that is shorter is below that and not reported.
pub const RESOLUTION: Duration = Duration::from_millis(2);

/// When two of the nodes, whichever, held `address` at the same time for at least [`RESOLUTION`].
pub fn overlaps(nodes: &[&Node], address: IpAddr) -> Vec<Window> {
    let held: Vec<Vec<Window>> = nodes.iter().map(|node| held_by(node, address)).collect();
    let mut both = Vec::new();
    for (number, ours) in held.iter().enumerate() {
        for theirs in held.iter().skip(number.saturating_add(1)) {
            both.extend(common(ours, theirs));
        }
    }
    both.retain(|window: &Window| window.length() >= RESOLUTION);
    both.sort_by_key(|window| window.from);
    both
}

fn common(ours: &[Window], theirs: &[Window]) -> Vec<Window> {
    let pairs = ours.iter().flat_map(|a| theirs.iter().map(move |b| (a, b)));
    pairs
        .map(|(a, b)| Window { from: a.from.max(b.from), to: a.to.min(b.to) })
        .filter(|window| window.from < window.to)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::Address;

    fn event(at: u64, added: bool) -> Event {
        let what = Address {
            interface: "e".into(),
            address: IpAddr::from([10, 0, 0, 1]),
            prefix: 32,
            lifetime: None,
            protocol: 18,
        };
        Event { at: stamp(at), added, what }
    }

    fn stamp(at: u64) -> Stamp {
        Stamp::from_nanos(at)
    }

    #[test]
    fn renewals_do_not_split_a_window_and_off_ends_it() {
        let events = [event(1, true), event(2, true), event(3, false), event(5, true)];
        let windows = holdings(&events, IpAddr::from([10, 0, 0, 1]), Some(stamp(9)));
        let expected =
            [Window { from: stamp(1), to: stamp(3) }, Window { from: stamp(5), to: stamp(9) }];
        assert_eq!(windows, expected);
    }

    #[test]
    fn common_is_the_intersection() {
        let ours = [Window { from: stamp(1), to: stamp(4) }];
        let theirs =
            [Window { from: stamp(3), to: stamp(6) }, Window { from: stamp(4), to: stamp(5) }];
        assert_eq!(common(&ours, &theirs), [Window { from: stamp(3), to: stamp(4) }]);
    }
}
