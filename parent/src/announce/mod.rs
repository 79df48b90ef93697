//! When gratuitous ARP and neighbour advertisements are due: at once on becoming MASTER, again
//! after garp_master_delay, every garp_master_refresh, and when a worse router was heard. Pure:
//! deadlines and queues; sending is the kernel module's.

mod queue;
mod send;

#[cfg(test)]
mod tests;

use crate::kernel::Announcement;
use queue::{Item, Queue};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use vipd_conf::config::Garp;
use vipd_types::{InstanceId, Instant};

/// Packets in one go; the rest leaves in the next turn of the loop.
const BATCH: usize = 256;
/// An interface that took no more is tried again after this.
const RETRY: Duration = Duration::from_millis(5);

#[derive(Debug, Default)]
pub(crate) struct Schedule {
    terms: BTreeMap<InstanceId, Term>,
    /// By interface, and whether IPv6.
    queues: BTreeMap<(u32, bool), Queue>,
}

/// One term of one instance as MASTER. All that is due ends with it.
#[derive(Debug)]
struct Term {
    garp: Garp,
    addresses: BTreeSet<Announcement>,
    /// Duplicate address detection is not over: announced when it is (RFC 4862 5.4).
    tentative: BTreeSet<Announcement>,
    second: Vec<Second>,
    refresh: Option<Instant>,
}

/// The block that follows a first one.
#[derive(Debug)]
struct Second {
    began: Instant,
    cause: Cause,
    addresses: BTreeSet<Announcement>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Came,
    Rival,
}

impl Cause {
    /// From the first block to the second; zero is no second one.
    fn delay(self, garp: &Garp) -> Duration {
        match self {
            Self::Came => garp.master_delay,
            Self::Rival => garp.lower_prio_delay,
        }
    }

    fn repeat(self, garp: &Garp) -> u32 {
        match self {
            Self::Came => garp.master_repeat,
            Self::Rival => garp.lower_prio_repeat,
        }
    }
}

impl Second {
    fn at(&self, garp: &Garp) -> Instant {
        self.began.plus(self.cause.delay(garp))
    }
}

impl Schedule {
    /// A new term, without addresses.
    pub(crate) fn start(&mut self, instance: InstanceId, garp: Garp, now: Instant) {
        self.stop(instance);
        let term = Term {
            garp,
            addresses: BTreeSet::new(),
            tentative: BTreeSet::new(),
            second: Vec::new(),
            refresh: refresh(&garp, now),
        };
        self.terms.insert(instance, term);
    }

    /// Addresses have come: both blocks, for them alone.
    pub(crate) fn came(&mut self, instance: InstanceId, these: &[Announcement], now: Instant) {
        let Some(term) = self.terms.get_mut(&instance) else { return };
        term.addresses.extend(these);
        self.block(instance, Cause::Came, these, now);
    }

    /// They have come and cannot be used yet.
    pub(crate) fn came_tentative(&mut self, instance: InstanceId, these: &[Announcement]) {
        if let Some(term) = self.terms.get_mut(&instance) {
            term.tentative.extend(these);
        }
    }

    /// The kernel uses this address from now on, or has done so for long.
    pub(crate) fn usable(&mut self, what: Announcement, now: Instant) {
        let mut terms = self.terms.iter_mut();
        let of = terms.find_map(|(id, term)| term.tentative.remove(&what).then_some(*id));
        if let Some(instance) = of {
            self.came(instance, &[what], now);
        }
    }

    /// A worse router was heard: it may have told the neighbours that the addresses are there.
    pub(crate) fn rival(&mut self, instance: InstanceId, now: Instant) {
        let Some(term) = self.terms.get_mut(&instance) else { return };
        term.second.retain(|second| second.cause != Cause::Rival);
        let all: Vec<Announcement> = term.addresses.iter().copied().collect();
        self.block(instance, Cause::Rival, &all, now);
    }

    fn block(&mut self, instance: InstanceId, cause: Cause, these: &[Announcement], now: Instant) {
        let Some(term) = self.terms.get_mut(&instance) else { return };
        let (delay, packets) = (cause.delay(&term.garp), cause.repeat(&term.garp));
        if !delay.is_zero() && packets > 0 {
            let addresses = these.iter().copied().collect();
            term.second.push(Second { began: now, cause, addresses });
        }
        for what in these {
            queue(&mut self.queues, *what, now).push((instance, *what), packets);
        }
    }

    /// Another configuration for a term that goes on: what it says holds at once, and what is not
    /// `held` any more is spoken of no more.
    pub(crate) fn change(
        &mut self,
        instance: InstanceId,
        garp: Garp,
        held: &BTreeSet<Announcement>,
        now: Instant,
    ) {
        let Some(term) = self.terms.get_mut(&instance) else { return };
        term.addresses.retain(|what| held.contains(what));
        term.tentative.retain(|what| held.contains(what));
        for second in &mut term.second {
            second.addresses.retain(|what| held.contains(what));
        }
        term.second.retain(|second| !second.cause.delay(&garp).is_zero());
        if garp.master_refresh != term.garp.master_refresh {
            term.refresh = refresh(&garp, now);
        }
        term.garp = garp;
        for queue in self.queues.values_mut() {
            queue.retain(|(of, what)| *of != instance || held.contains(what));
        }
        for what in held {
            if let Some(queue) = self.queues.get_mut(&way(*what)) {
                queue.free_by(now.plus(gap(&garp, *what)));
            }
        }
    }

    pub(crate) fn stop(&mut self, instance: InstanceId) {
        self.terms.remove(&instance);
        for queue in self.queues.values_mut() {
            queue.retain(|(of, _)| *of != instance);
        }
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        let second = |term: &Term| term.second.iter().map(|s| s.at(&term.garp)).min();
        let terms = self.terms.values().flat_map(|term| [second(term), term.refresh]).flatten();
        terms.chain(self.queues.values().filter_map(Queue::next)).min()
    }

    /// What leaves now, at most a batch of it.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Item> {
        self.queue_due_blocks(now);
        let Self { terms, queues } = self;
        let gap = |(instance, what): &Item| {
            terms.get(instance).map_or(Duration::ZERO, |term| gap(&term.garp, *what))
        };
        let mut due = Vec::new();
        loop {
            let before = due.len();
            for queue in queues.values_mut() {
                if due.len() < BATCH {
                    due.extend(queue.pop(now, gap));
                }
            }
            if due.len() == before {
                break;
            }
        }
        queues.retain(|_, queue| !queue.is_idle(now));
        due
    }

    fn queue_due_blocks(&mut self, now: Instant) {
        let Self { terms, queues } = self;
        for (instance, term) in terms {
            let garp = term.garp;
            for second in term.second.extract_if(.., |second| second.at(&garp) <= now) {
                for what in second.addresses {
                    let packets = second.cause.repeat(&garp);
                    queue(queues, what, now).push((*instance, what), packets);
                }
            }
            if term.refresh.is_some_and(|at| at <= now) {
                term.refresh = refresh(&garp, now);
                for what in &term.addresses {
                    let packets = garp.master_refresh_repeat;
                    queue(queues, *what, now).push((*instance, *what), packets);
                }
            }
        }
    }

    /// The kernel had no room for it.
    pub(crate) fn refused(&mut self, (instance, what): Item, now: Instant) {
        if self.terms.contains_key(&instance) {
            queue(&mut self.queues, what, now).put_back((instance, what), now.plus(RETRY));
        }
    }
}

fn way(what: Announcement) -> (u32, bool) {
    (what.index, what.ip.is_ipv6())
}

fn queue(
    queues: &mut BTreeMap<(u32, bool), Queue>,
    what: Announcement,
    now: Instant,
) -> &mut Queue {
    queues.entry(way(what)).or_insert_with(|| Queue::new(now))
}

fn gap(garp: &Garp, what: Announcement) -> Duration {
    if what.ip.is_ipv6() { garp.gna_interval } else { garp.interval }
}

fn refresh(garp: &Garp, now: Instant) -> Option<Instant> {
    (!garp.master_refresh.is_zero()).then(|| now.plus(garp.master_refresh))
}
