//! Who held an address when, worked out from the address and link events of the nodes. Pure.

use crate::clock::{Stamp, millis};
use crate::netlink::{Change, LinkEvent};
use crate::node::Node;
use std::collections::BTreeSet;
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

/// When `address` was in use. A node that was powered off holds nothing from `off` on.
pub fn holdings(changes: &[Change], address: IpAddr, off: Option<Stamp>) -> Vec<Window> {
    let end = off.unwrap_or_else(Stamp::now);
    let mut places = Places::default();
    let mut windows = Vec::new();
    let mut since = None;
    for change in changes.iter().take_while(|change| at(change) <= end) {
        places.follow(change, address);
        match (since, places.held()) {
            (None, true) => since = Some(at(change)),
            (Some(from), false) => {
                windows.push(Window { from, to: at(change) });
                since = None;
            }
            (Some(_), true) | (None, false) => {}
        }
    }
    windows.extend(since.map(|from| Window { from, to: end }));
    windows
}

/// Whether `address` is in use after all of `changes`.
pub(crate) fn held_at_end(changes: &[Change], address: IpAddr) -> bool {
    let mut places = Places::default();
    changes.iter().for_each(|change| places.follow(change, address));
    places.held()
}

fn at(change: &Change) -> Stamp {
    match change {
        Change::Address(event) => event.at,
        Change::Link(event) => event.at,
    }
}

/// The interfaces that have the address, and those that someone keeps down.
#[derive(Debug, Default)]
struct Places {
    with: BTreeSet<u32>,
    down: BTreeSet<u32>,
}

impl Places {
    fn follow(&mut self, change: &Change, address: IpAddr) {
        match change {
            Change::Address(event) if event.what.address == address => {
                let index = event.what.index;
                if event.added {
                    self.with.insert(index)
                } else {
                    self.with.remove(&index)
                };
            }
            Change::Address(_) => {}
            Change::Link(LinkEvent { there, what, .. }) => {
                let down = *there && what.proto_down;
                if down {
                    self.down.insert(what.index)
                } else {
                    self.down.remove(&what.index)
                };
                if !there {
                    self.with.remove(&what.index);
                }
            }
        }
    }

    fn held(&self) -> bool {
        self.with.difference(&self.down).next().is_some()
    }
}

/// When `node` held `address`.
pub fn held_by(node: &Node, address: IpAddr) -> Vec<Window> {
    holdings(&node.watch().changes(), address, node.off_since())
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
    use crate::netlink::{Address, Event, Link};

    const ADDRESS: [u8; 4] = [10, 0, 0, 1];

    fn on(index: u32, at: u64, added: bool) -> Change {
        let what = Address {
            interface: "e".into(),
            index,
            address: IpAddr::from(ADDRESS),
            prefix: 32,
            lifetime: None,
            protocol: 18,
            flags: 0,
        };
        Change::Address(Event { at: stamp(at), added, what })
    }

    fn event(at: u64, added: bool) -> Change {
        on(1, at, added)
    }

    fn link(index: u32, at: u64, there: bool, proto_down: bool) -> Change {
        let name = "m".into();
        let what = Link { index, name, mac: None, up: true, carrier: !proto_down, proto_down };
        Change::Link(LinkEvent { at: stamp(at), there, what })
    }

    fn windows(changes: &[Change]) -> Vec<(u64, u64)> {
        let all = holdings(changes, IpAddr::from(ADDRESS), Some(stamp(99)));
        all.iter().map(|window| (window.from.nanos(), window.to.nanos())).collect()
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

    /// FRR leaves the address where it is and takes the carrier away.
    #[test]
    fn kept_down_is_not_held() {
        let changes = [
            link(7, 1, true, true),
            on(7, 2, true),
            link(7, 3, true, false),
            link(7, 5, true, true),
            link(7, 8, true, false),
        ];
        assert_eq!(windows(&changes), [(3, 5), (8, 99)]);
        assert!(held_at_end(&changes, IpAddr::from(ADDRESS)));
    }

    #[test]
    fn one_of_two_interfaces_is_enough() {
        let changes = [on(1, 1, true), on(7, 2, true), on(1, 3, false), link(7, 4, false, false)];
        assert_eq!(windows(&changes), [(1, 4)]);
    }

    #[test]
    fn common_is_the_intersection() {
        let ours = [Window { from: stamp(1), to: stamp(4) }];
        let theirs =
            [Window { from: stamp(3), to: stamp(6) }, Window { from: stamp(4), to: stamp(5) }];
        assert_eq!(common(&ours, &theirs), [Window { from: stamp(3), to: stamp(4) }]);
    }
}
