//! What must hold of sync groups, whatever their routers are told: after each turn of an engine the
//! members are MASTER together or not at all, the fault of one is the fault of all, and two hosts
//! that hear each other do not share a group's addresses between them.

use super::bounds;
use super::clock::{Time, slowest};
use super::world::World;
use std::time::Duration;
use vipd_types::State;
use vrrp_core::Router;
use vrrp_core::group::Order;

impl World {
    /// After a turn; the engine tells the members nothing any more when it ends.
    pub(crate) fn check_group(&mut self, host: usize) {
        let Some(order) = self.hosts[host].order else { return };
        let members = self.members(host);
        let count = members.len();
        let (mut masters, mut claims, mut follows, mut faults, mut unfit) = (0, 0, 0, 0, 0);
        for node in &self.nodes[members] {
            let Some(router) = &node.router else { return };
            let standing = router.standing();
            masters += usize::from(standing.state == State::Master);
            faults += usize::from(standing.state == State::Fault);
            claims += usize::from(standing.wants);
            follows += usize::from(standing.follows);
            unfit += usize::from(node.oracle.is_obstructed(standing.state));
        }
        let whole = masters == 0 || masters == count && follows == 0 && unfit == 0;
        let served = claims < count && (claims == 0 || masters == 0);
        // Faults may be over while a tracker has not had its first result.
        let faulty = (unfit == 0 || faults + self.unstarted(host) == count)
            && (order == Order::Fault) == (unfit > 0);
        if !(whole && served && faulty) {
            self.witness.violate(format!(
                "host {host} of {count}, told {order:?}: MASTER {masters}, claims {claims}, \
                 follows {follows}, FAULT {faults}, unfit {unfit}"
            ));
        }
    }

    fn unstarted(&self, host: usize) -> usize {
        let state = |at: usize| self.nodes[at].router.as_ref().map(Router::state);
        self.members(host).filter(|at| state(*at) == Some(State::Init)).count()
    }

    /// Two hosts that hear each other somewhere do not both hold something for longer than it
    /// takes one of them to leave everything.
    pub(crate) fn check_shares(&mut self, owners: u16) {
        if !self.plan.is_grouped() {
            return;
        }
        for one in 1..self.hosts.len() {
            for two in 0..one {
                let holds = |host: usize| self.members(host).any(|at| owners >> at & 1 == 1);
                let hear = self.nodes_of_both(one, two).any(|(a, b)| self.mutual(a, b));
                if !hear || !holds(one) || !holds(two) {
                    self.witness.shared_since[one][two] = None;
                    continue;
                }
                let begin = *self.witness.shared_since[one][two].get_or_insert(self.now);
                let (since, bound) = self.share_bound(one, two, begin);
                let both = self.now.saturating_sub(since);
                if both > bound {
                    let (both, bound) = (Duration::from_nanos(both), Duration::from_nanos(bound));
                    self.witness.violate(format!(
                        "hosts {one} and {two} share a group for {both:?}, at most {bound:?}"
                    ));
                }
            }
        }
    }

    /// Routers of two hosts on one wire.
    fn nodes_of_both(&self, one: usize, two: usize) -> impl Iterator<Item = (usize, usize)> {
        let wire = |at: usize| self.nodes[at].setup.wire;
        let pairs = self.members(one).flat_map(move |a| self.members(two).map(move |b| (a, b)));
        pairs.filter(move |(a, b)| wire(*a) == wire(*b))
    }

    fn share_bound(&self, one: usize, two: usize, begin: Time) -> (Time, Time) {
        let pairs = || self.nodes_of_both(one, two).filter(|(a, b)| self.mutual(*a, *b));
        let interval =
            |(a, b): (usize, usize)| self.nodes[a].interval().max(self.nodes[b].interval());
        let longest = pairs().map(interval).max().unwrap_or(0);
        let since = pairs().map(|(a, b)| self.last_news(a, b)).max().unwrap_or(0);
        (begin.max(since), bounds::group_on_two_hosts(slowest(longest)))
    }

    /// Is each of two hosts the better one on some network? If both lead at once they yield at once,
    /// and begin anew, until one is quicker: nothing can be said about when that is.
    pub(crate) fn disagrees(&self, host: usize) -> bool {
        let rank = |at: usize| {
            let router = self.nodes[at].router.as_ref();
            (router.map_or(0, |router| router.effective().get()), self.nodes[at].setup.host)
        };
        let ours = |(a, b): (usize, usize)| rank(a) > rank(b);
        (0..self.hosts.len()).filter(|other| *other != host).any(|other| {
            let mut better = self.nodes_of_both(host, other).map(ours);
            let first = better.next();
            better.any(|it| Some(it) != first)
        })
    }

    /// One host leads all of its group, and the best if it may preempt.
    pub(crate) fn expect_one_group(&mut self) {
        let owners = self.owners();
        let host = owners.first().map(|at| self.nodes[*at].setup.host);
        let whole = host.filter(|host| owners.iter().copied().eq(self.members(*host)));
        if (0..self.hosts.len()).any(|host| self.disagrees(host)) {
            self.witness.takeovers_at_rest = None;
            return;
        }
        let Some(host) = whole else {
            self.witness.violate(format!("at rest, no group is whole: owners {owners:?}"));
            return;
        };
        let priority = |at: usize| self.nodes[at].router.as_ref().map(|r| r.effective().get());
        let beats = |(a, b): (usize, usize)| {
            let setup = &self.nodes[b].setup;
            (setup.preempt || setup.priority == 255) && priority(b) > priority(a)
        };
        let better = |other: &usize| *other != host && self.nodes_of_both(host, *other).all(beats);
        if let Some(better) = (0..self.hosts.len()).find(better) {
            self.witness.violate(format!("at rest, host {host} leads, not the better {better}"));
        }
    }
}
