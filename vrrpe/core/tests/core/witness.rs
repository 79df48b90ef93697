//! Who holds the addresses, and for how long two do: asserts after every step that it is no longer
//! than the protocol allows, and keeps the sum. Changes nothing in the world.

use crate::common::at_nanos;
use crate::world::{FLIGHT, INTERVAL, KERNEL, Node, World};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;
use vipd_types::{Epoch, Instant, Priority, State};
use vrrp_core::{Actions, Health, Input};

/// The shortest time between two answers.
const PACE: Duration = Duration::from_millis(250);

pub(crate) struct Witness {
    /// How often, and for how long in all, more than one router held the addresses.
    pub(crate) overlaps: u64,
    pub(crate) overlap: Duration,
    /// When it looked last, and how many owners it saw.
    seen: (Instant, usize),
    both_since: Vec<Vec<Option<Instant>>>,
    /// The latest steps, told when an invariant is broken.
    trace: VecDeque<Step>,
}

/// Kept as it is and put into words only when it must be told.
#[derive(Debug)]
#[expect(dead_code, reason = "read by Debug alone")]
pub(crate) struct Step {
    pub(crate) at: Instant,
    pub(crate) node: usize,
    pub(crate) told: Told,
    pub(crate) state: (State, Priority),
    pub(crate) wants: Actions,
}

#[derive(Debug)]
#[expect(dead_code, reason = "read by Debug alone")]
pub(crate) enum Told {
    Advert {
        from: IpAddr,
        priority: u8,
    },
    Deadline,
    Track(Health),
    Acquired(Epoch),
    Released(Epoch),
    /// What a world tells only once, at the start, or never.
    Other,
}

impl From<&Input<'_>> for Told {
    fn from(input: &Input<'_>) -> Self {
        match input {
            Input::Packet(advert) => {
                Self::Advert { from: advert.meta.source, priority: advert.priority }
            }
            Input::Deadline => Self::Deadline,
            Input::Track(health) => Self::Track(*health),
            Input::Acquired(epoch) => Self::Acquired(*epoch),
            Input::Released(epoch) => Self::Released(*epoch),
            Input::Link { .. }
            | Input::NotAcquired(_)
            | Input::Lost(_)
            | Input::Config(_)
            | Input::Group(_)
            | Input::Stop
            | Input::LeaseEnded => Self::Other,
        }
    }
}

impl Witness {
    pub(crate) fn new(n: usize) -> Self {
        Self {
            overlaps: 0,
            overlap: Duration::ZERO,
            seen: (at_nanos(0), 0),
            both_since: vec![vec![None; n]; n],
            trace: VecDeque::new(),
        }
    }

    pub(crate) fn note(&mut self, step: Step) {
        if self.trace.len() == 60 {
            self.trace.pop_front();
        }
        self.trace.push_back(step);
    }

    fn tell(&self) -> String {
        self.trace.iter().map(|step| format!("{step:?}\n")).collect()
    }

    fn count(&mut self, now: Instant, owners: usize) {
        let (since, before) = self.seen;
        if before > 1 {
            self.overlap += now.since(since);
        } else if owners > 1 {
            self.overlaps += 1;
        }
        self.seen = (now, owners);
    }
}

impl World {
    pub(crate) fn owners(&self) -> Vec<usize> {
        let owns = |node: &usize| self.nodes[*node].installed.is_some();
        (0..self.nodes.len()).filter(owns).collect()
    }

    pub(crate) fn check(&mut self) {
        self.witness.count(self.now, self.owners().len());
        // A dead router hears nobody; its addresses are the lease's business.
        let working =
            |node: &Node| node.installed.is_some() && !node.paused && node.router.is_some();
        for a in 0..self.nodes.len() {
            for b in 0..a {
                let both = working(&self.nodes[a]) && working(&self.nodes[b]);
                if !both || self.blocked[a][b] || self.blocked[b][a] {
                    self.witness.both_since[a][b] = None;
                    continue;
                }
                let begin = *self.witness.both_since[a][b].get_or_insert(self.now);
                let both_for = self.now.since(begin.max(self.disturbed[a][b]));
                if both_for > self.bound(a, b, begin) {
                    let trace = self.witness.tell();
                    panic!("{trace}seed {}: {a} and {b} for {both_for:?}", self.seed);
                }
            }
        }
    }

    /// How long two routers that hear each other may both hold the addresses: not at all, unless
    /// something was missed (the next advert ends it), an answer has to wait for its pace, or both
    /// became MASTER before either could hear of the other.
    fn bound(&self, a: usize, b: usize, begin: Instant) -> Duration {
        let there_and_back = FLIGHT * 2 + KERNEL * 2;
        if begin.since(self.last_disturbance()) <= INTERVAL * 4 {
            return INTERVAL + there_and_back;
        }
        let paced = [a, b].iter().any(|node| {
            let answer = self.nodes[*node].last_answer;
            answer <= begin && begin.since(answer) < PACE
        });
        if paced {
            return PACE + there_and_back;
        }
        let (one, two) = (self.nodes[a].master_since, self.nodes[b].master_since);
        if one.max(two).since(one.min(two)) <= FLIGHT { FLIGHT + KERNEL } else { Duration::ZERO }
    }
}
