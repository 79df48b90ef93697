//! Which router wants to be called next, without asking all of them at every wake-up. Keeps times
//! and numbers only; what a router wants is told here after each of its steps.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use vipd_types::{InstanceId, Instant};

/// Entries beyond two for each router, before those that mean nothing are thrown out.
const SLACK: usize = 64;

/// Of each router's entries the earliest counts, and it is never later than what the router wants:
/// a deadline that moves back, as each advert moves it, costs nothing until the old one has come.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    heap: BinaryHeap<Reverse<(Instant, InstanceId)>>,
    counts: BTreeMap<InstanceId, Option<Instant>>,
}

impl Deadlines {
    /// Call whenever what a router wants may have changed.
    pub(crate) fn note(&mut self, id: InstanceId, wants: Option<Instant>) {
        let counts = self.counts.entry(id).or_default();
        if let Some(at) = wants
            && counts.is_none_or(|before| at < before)
        {
            *counts = Some(at);
            self.heap.push(Reverse((at, id)));
            self.trim();
        }
    }

    /// The router is gone.
    pub(crate) fn forget(&mut self, id: InstanceId) {
        self.counts.remove(&id);
    }

    /// The earliest deadline. `wants` looks up what a router wants now; entries that say something
    /// else are put right on the way.
    pub(crate) fn earliest(
        &mut self,
        wants: impl Fn(InstanceId) -> Option<Instant>,
    ) -> Option<(Instant, InstanceId)> {
        loop {
            let Reverse((at, id)) = *self.heap.peek()?;
            let counts = self.counts.get_mut(&id).filter(|counts| **counts == Some(at));
            let wanted = wants(id);
            if counts.is_some() && wanted == Some(at) {
                return Some((at, id));
            }
            self.heap.pop();
            if let Some(counts) = counts {
                *counts = None;
                self.note(id, wanted);
            }
        }
    }

    /// Bounds the queue, whatever the routers do.
    fn trim(&mut self) {
        let max = self.counts.len().saturating_mul(2).saturating_add(SLACK);
        if self.heap.len() > max {
            let counts = &self.counts;
            self.heap.retain(|Reverse((at, id))| counts.get(id) == Some(&Some(*at)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Anything in any order, against the plain way to find the earliest.
    #[test]
    fn the_earliest_is_found_whatever_moved_and_the_queue_stays_short() {
        let (mut deadlines, mut seed) = (Deadlines::default(), 0x2545_f491_4f6c_dd1d_u64);
        let mut all: BTreeMap<InstanceId, Option<Instant>> = BTreeMap::new();
        for _ in 0..20_000 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            let id = InstanceId(u16::try_from(seed % 7).unwrap());
            let wants = (seed >> 8) % 50;
            let wants = (wants > 0).then_some(Instant::from_nanos(wants));
            all.insert(id, wants);
            deadlines.note(id, wants);
            if seed.is_multiple_of(11) {
                all.remove(&id);
                deadlines.forget(id);
            }
            if seed.is_multiple_of(3) {
                let expected = all.values().copied().flatten().min();
                let found = deadlines.earliest(|id| all.get(&id).copied().flatten());
                assert_eq!(found.map(|(at, _)| at), expected);
            }
            assert!(deadlines.heap.len() <= 2 * 7 + SLACK);
        }
    }
}
