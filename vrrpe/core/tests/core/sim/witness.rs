//! Knows the truth: who has the addresses when, and who hears whom. Measures after every step how
//! long it has been so, against the formulas of `bounds`. Changes nothing in the world.

use super::bounds::{self, FLIGHT_NANOS, Rhythm};
use super::clock::{SECOND, Time, slowest};
use super::host::Parent;
use super::node::Node;
use super::plan::Setup;
use super::world::World;
use std::time::Duration;
use vipd_types::{State, Version};
use vrrp_core::Router;

pub(crate) struct Witness {
    pub(crate) violation: Option<String>,
    /// How often, and for how long in all, more than one router held the addresses.
    pub(crate) overlaps: u64,
    pub(crate) overlap: Duration,
    /// Adverts that arrived after a younger one of the same router.
    pub(crate) stale: u64,
    /// When it looked last, and how many owners it saw.
    seen: (Time, usize),
    both_since: Vec<Vec<Option<Time>>>,
    /// The same for hosts whose groups are not whole.
    pub(crate) shared_since: Vec<Vec<Option<Time>>>,
    /// When the pair last missed, or heard too late, what one of them said.
    disturbed: Vec<Vec<Time>>,
    last_disturbance: Time,
    /// When the effective priority changed last, and what it is.
    changed: Vec<(Time, u8)>,
    /// Since when all routers of a host are without a MASTER, and the longest they may be.
    alone: Vec<Option<(Time, Time)>>,
    /// Since when it has an address that belongs to no term.
    stray_since: Vec<Option<Time>>,
    /// `open[to]`: a bit for each router whose adverts come through and are accepted.
    open: Vec<u16>,
    stale_links: bool,
    pub(crate) takeovers_at_rest: Option<u64>,
}

impl Witness {
    pub(crate) fn new(n: usize) -> Self {
        Self {
            violation: None,
            overlaps: 0,
            overlap: Duration::ZERO,
            stale: 0,
            seen: (0, 0),
            both_since: vec![vec![None; n]; n],
            shared_since: vec![vec![None; n]; n],
            disturbed: vec![vec![0; n]; n],
            last_disturbance: 0,
            changed: vec![(0, 0); n],
            alone: vec![None; n],
            stray_since: vec![None; n],
            open: vec![0; n],
            stale_links: true,
            takeovers_at_rest: None,
        }
    }

    /// The first one counts; what follows from it is noise.
    pub(crate) fn violate(&mut self, what: String) {
        self.violation.get_or_insert(what);
    }

    pub(crate) fn disturb(&mut self, a: usize, b: usize, now: Time) {
        self.disturbed[a][b] = now;
        self.disturbed[b][a] = now;
        self.last_disturbance = now;
    }

    /// Every fault begins the time without a MASTER anew, and so does the good-bye of a daemon that
    /// is found dead later: a shorter timer may have run.
    pub(crate) fn fault(&mut self) {
        self.alone.fill(None);
    }

    /// An advert that was sent long ago may set a timer that was nearly over.
    pub(crate) fn late(&mut self, host: usize) {
        self.alone[host] = None;
    }

    pub(crate) fn links_changed(&mut self) {
        self.stale_links = true;
    }

    fn count(&mut self, now: Time, owners: usize) {
        let (since, before) = self.seen;
        if before > 1 {
            self.overlap += Duration::from_nanos(now - since);
        } else if owners > 1 {
            self.overlaps += 1;
        }
        self.seen = (now, owners);
    }
}

fn is_master(node: &Node) -> bool {
    node.router.as_ref().is_some_and(|router| router.state() == State::Master)
}

impl World {
    pub(crate) fn check(&mut self) {
        if std::mem::take(&mut self.witness.stale_links) {
            self.look_at_links();
        }
        let (mut owners, mut working, mut masters, mut orphans) = (0_u16, 0_u16, 0_u16, 0_u16);
        // One that is only asking for the addresses counts for others, not for itself.
        for (at, node) in self.nodes.iter().enumerate() {
            let bit = 1 << at;
            let (owns, master) = (node.installed.is_some(), is_master(node));
            let host = self.host_of(at);
            let works = self.works(at) && node.up;
            owners |= if owns { bit } else { 0 };
            working |= if works { bit } else { 0 };
            masters |= if works && master { bit } else { 0 };
            orphans |= if !works && master && !host.frozen && !node.quiet { bit } else { 0 };
            let priority = node.router.as_ref().map_or(0, |r| r.effective().get());
            let changed = &mut self.witness.changed[at];
            if changed.1 != priority {
                *changed = (self.now, priority);
            }
        }
        self.witness.count(self.now, usize::try_from(owners.count_ones()).unwrap());
        self.check_pairs(owners & working);
        self.check_shares(owners & working);
        for at in 0..self.nodes.len() {
            self.check_stray(at);
        }
        for host in 0..self.hosts.len() {
            let alone = |at| self.is_alone(at, owners & masters & 1 << at != 0, masters, orphans);
            // A group waits for the last of its members.
            if self.members(host).all(alone) && !self.disagrees(host) {
                self.check_alone(host);
            } else {
                self.witness.alone[host] = None;
            }
        }
    }

    pub(crate) fn mutual(&self, a: usize, b: usize) -> bool {
        self.witness.open[a] >> b & self.witness.open[b] >> a & 1 == 1
    }

    /// When the two last missed something of each other, or something about them changed.
    pub(crate) fn last_news(&self, a: usize, b: usize) -> Time {
        let changed = self.witness.changed[a].0.max(self.witness.changed[b].0);
        self.witness.disturbed[a][b].max(changed)
    }

    fn look_at_links(&mut self) {
        for to in 0..self.nodes.len() {
            let receiver = &self.nodes[to];
            let hears = |from: usize| {
                let sender = &self.nodes[from];
                let is_owner = receiver.setup.priority == 255;
                let (agree, deaf) = match self.plan.version {
                    Version::V2 => (sender.interval() == receiver.interval(), is_owner),
                    Version::V3 => (true, is_owner && receiver.setup.deaf),
                };
                let wired = !self.blocked[from][to] && sender.up && receiver.up;
                from != to && sender.setup.wire == receiver.setup.wire && wired && agree && !deaf
            };
            let mask = (0..self.nodes.len()).filter(|from| hears(*from));
            self.witness.open[to] = mask.fold(0, |all, from| all | 1 << from);
        }
    }

    /// Two that hear each other are not both owners for longer than they must be.
    fn check_pairs(&mut self, owners: u16) {
        for a in 1..self.nodes.len() {
            for b in 0..a {
                let pair = 1 << a | 1 << b;
                if owners & pair != pair || !self.mutual(a, b) {
                    self.witness.both_since[a][b] = None;
                    continue;
                }
                let begin = *self.witness.both_since[a][b].get_or_insert(self.now);
                let (since, bound) = self.bound(a, b, begin);
                let both = self.now.saturating_sub(since);
                if both > bound {
                    let (both, bound) = (Duration::from_nanos(both), Duration::from_nanos(bound));
                    self.witness.violate(format!("{a} and {b} for {both:?}, at most {bound:?}"));
                }
            }
        }
    }

    /// Since when it counts, and how long it may last: not at all, unless something was missed (the
    /// next advert ends it), an answer has to wait for its pace, or their adverts crossed.
    fn bound(&self, a: usize, b: usize, begin: Time) -> (Time, Time) {
        let witness = &self.witness;
        let (one, two) = (&self.nodes[a], &self.nodes[b]);
        let interval = one.interval().max(two.interval());
        let calm = begin.saturating_sub(witness.last_disturbance);
        let silent = one.setup.silent || two.setup.silent;
        if calm <= self.aftermath || begin < witness.last_disturbance || silent {
            let since = begin.max(self.last_news(a, b));
            return (since, bounds::both_after_a_fault(interval));
        }
        let paced = [one, two].iter().any(|node| {
            let since = node.last_answer.map(|at| begin.saturating_sub(at));
            since.is_some_and(|since| since < slowest(bounds::pace(interval)))
        });
        if paced {
            return (begin, bounds::both_while_an_answer_waits(interval));
        }
        let (old, new) = if one.master_since < two.master_since { (one, two) } else { (two, one) };
        // Also one that has heard a last time, late, of a quicker one.
        let waited = new.interval().min(new.waited) * Time::from(new.setup.adverts);
        if waited <= old.interval() {
            return (begin, bounds::BOTH_UNHEARD);
        }
        let crossed = old.last_sent + FLIGHT_NANOS >= new.master_since;
        // An owner that starts has heard nobody (RFC 9568 6.4.1).
        let hasty = bounds::is_hasty(new.interval()) || new.setup.priority == 255;
        (begin, if crossed || hasty { bounds::BOTH_AT_ONCE } else { 0 })
    }

    /// Never an address without a term; of a dead daemon, not for longer than the lease.
    fn check_stray(&mut self, at: usize) {
        let node = &self.nodes[at];
        let Some(epoch) = node.installed else {
            self.witness.stray_since[at] = None;
            return;
        };
        if self.host_of(at).parent != Parent::Runs {
            self.witness.stray_since[at] = None;
            if self.now > node.lease.gone_by() {
                self.witness.violate(format!("{at} still has the addresses after its end"));
            }
            return;
        }
        let in_term = self.host_of(at).frozen || node.oracle.term() == Some(epoch);
        if in_term {
            self.witness.stray_since[at] = None;
            return;
        }
        let since = *self.witness.stray_since[at].get_or_insert(self.now);
        if self.now - since > bounds::RELEASE {
            self.witness.violate(format!("{at} has the addresses of {epoch:?} without a term"));
        }
    }

    /// Is this healthy router neither MASTER nor hears one that it would follow?
    fn is_alone(&self, at: usize, is_owner: bool, masters: u16, orphans: u16) -> bool {
        let node = &self.nodes[at];
        let heard = self.witness.open[at];
        let healthy = self.works(at) && node.up && node.oracle.is_fit();
        let state = node.router.as_ref().map(Router::state);
        let competes = matches!(state, Some(State::Backup | State::Master));
        let priority = self.witness.changed[at].1;
        let follows = |other: usize| {
            let better = self.witness.changed[other].1 >= priority;
            let preempts = node.setup.preempt || node.setup.priority == 255;
            (heard & masters) >> other & 1 == 1 && (better || !preempts)
        };
        let served = is_owner
            || heard & orphans != 0
            || self.stranger.is_some()
            || heard & masters != 0 && (0..self.nodes.len()).any(follows);
        healthy && competes && !served
    }

    fn check_alone(&mut self, host: usize) {
        let rhythm = |at: usize| {
            let node = &self.nodes[at];
            let interval = node.active().max(node.interval());
            Rhythm::new(self.plan.version, interval, node.setup.adverts)
        };
        let delay = |at: usize| self.nodes[at].setup.delay();
        let longest = |at: usize| bounds::without_a_master(rhythm(at), delay(at));
        let members = || self.members(host);
        let slowest = members().map(longest).max().unwrap_or(0);
        // A member that has claimed early may still accept a worse MASTER while another one waits.
        let again = members().len() > 1 && members().any(|at| delay(at) > 0);
        let first = members().map(|at| bounds::without_a_master(rhythm(at), 0)).max().unwrap_or(0);
        let bound = slowest + if again { first } else { 0 };
        let alone = &mut self.witness.alone[host];
        let (since, before) = alone.unwrap_or((self.now, bound));
        let bound = bound.max(before);
        *alone = Some((since, bound));
        if self.now - since > bound {
            let (alone, bound) =
                (Duration::from_nanos(self.now - since), Duration::from_nanos(bound));
            let what = format!("{host} without a MASTER for {alone:?}, at most {bound:?}");
            self.witness.violate(what);
        }
    }

    /// All is well and has been for long enough: one owner, and the best if it may preempt.
    pub(crate) fn expect_rest(&mut self) {
        self.witness.takeovers_at_rest = Some(self.takeovers());
        if self.plan.is_grouped() {
            self.expect_one_group();
            return;
        }
        let owners = self.owners();
        let [owner] = owners[..] else {
            self.witness.violate(format!("at rest, owners {owners:?}"));
            return;
        };
        let priority = |at: usize| {
            let router = self.nodes[at].router.as_ref();
            router.map_or(0, |router| router.effective().get())
        };
        let preempts = |setup: &Setup| setup.preempt || setup.priority == 255;
        let better =
            |at: &usize| preempts(&self.nodes[*at].setup) && priority(*at) > priority(owner);
        if let Some(better) = (0..self.nodes.len()).find(better) {
            self.witness.violate(format!("at rest, {owner} is MASTER, not the better {better}"));
        }
    }

    pub(crate) fn expect_rested(&mut self) {
        let now = self.takeovers();
        if self.witness.takeovers_at_rest.take().is_some_and(|before| before != now) {
            self.witness.violate("it does not come to rest".to_owned());
        }
    }

    pub(crate) fn hours(&self) -> f64 {
        self.now as f64 / (3_600 * SECOND) as f64
    }
}
