//! What waits to leave through one interface: one packet after the other, and none sooner than the
//! one before it allows. Pure; holds no clock.

use crate::kernel::Announcement;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use vipd_types::{InstanceId, Instant};

pub(super) type Item = (InstanceId, Announcement);

#[derive(Debug)]
pub(super) struct Queue {
    /// Each item once.
    order: VecDeque<Item>,
    /// How many packets it still gets.
    packets: BTreeMap<Item, u32>,
    /// Nothing leaves before.
    free: Instant,
}

impl Queue {
    pub(super) fn new(now: Instant) -> Self {
        Self { order: VecDeque::new(), packets: BTreeMap::new(), free: now }
    }

    /// At least so many packets for it from now on. What waits already is counted, so that a storm
    /// of reasons makes no longer queue.
    pub(super) fn push(&mut self, item: Item, packets: u32) {
        if packets == 0 {
            return;
        }
        match self.packets.entry(item) {
            Entry::Vacant(place) => {
                place.insert(packets);
                self.order.push_back(item);
            }
            Entry::Occupied(mut waiting) => {
                let most = packets.max(*waiting.get());
                waiting.insert(most);
            }
        }
    }

    /// The next packet if it may leave now; a second one of the same item waits its turn.
    pub(super) fn pop(&mut self, now: Instant, gap: impl Fn(&Item) -> Duration) -> Option<Item> {
        if self.free > now {
            return None;
        }
        let item = self.order.pop_front()?;
        match self.packets.get_mut(&item) {
            Some(left) if *left > 1 => {
                *left = left.saturating_sub(1);
                self.order.push_back(item);
            }
            Some(_) | None => {
                self.packets.remove(&item);
            }
        }
        self.free = now.plus(gap(&item));
        Some(item)
    }

    /// It could not be sent after all: it is the next one, not before `until`.
    pub(super) fn put_back(&mut self, item: Item, until: Instant) {
        let packets = self.packets.entry(item).or_insert_with(|| {
            self.order.push_front(item);
            0
        });
        *packets = packets.saturating_add(1);
        self.free = self.free.max(until);
    }

    pub(super) fn retain(&mut self, stays: impl Fn(&Item) -> bool) {
        self.order.retain(&stays);
        self.packets.retain(|item, _| stays(item));
    }

    /// The gap has become shorter.
    pub(super) fn free_by(&mut self, at: Instant) {
        self.free = self.free.min(at);
    }

    pub(super) fn next(&self) -> Option<Instant> {
        (!self.order.is_empty()).then_some(self.free)
    }

    /// Nothing waits, and nothing would have to.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        self.order.is_empty() && self.free <= now
    }
}
