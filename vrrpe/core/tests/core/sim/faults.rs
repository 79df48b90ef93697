//! What goes wrong: applies each fault of a plan to the world. Decides nothing by itself.

use super::host::Parent;
use super::network::{STRANGER, address, forged};
use super::node::Mail;
use super::plan::{Change, Fault, Setup};
use super::world::{Event, Stranger, World};
use vrrp_core::Health;

impl World {
    pub(crate) fn suffer(&mut self, fault: Fault) {
        self.witness.fault();
        let host = |world: &Self, at: usize| world.nodes[at].setup.host;
        match fault {
            Fault::Crash(at, how) => self.crash(host(self, at), how),
            // The service manager waits for the old one to end.
            Fault::Start(at, results) if self.host_of(at).parent == Parent::Dead => {
                self.start(host(self, at), results);
            }
            Fault::Start(..) => {}
            Fault::Stop(at) => self.tell(at, Mail::Stop),
            Fault::Freeze(at, who) => self.freeze(host(self, at), who),
            Fault::Thaw(at) => self.thaw(host(self, at)),
            Fault::Cut(from, to) => self.cut(from, to, true),
            Fault::Mend(a, b) => {
                self.cut(a, b, false);
                self.cut(b, a, false);
            }
            Fault::Split(network, mask) => self.split(network, mask),
            Fault::Weather(network, weather) => self.weather[network] = weather,
            Fault::Weight(at, adds) => self.change_health(at, |health| health.adds = adds),
            Fault::Service(at, well) => self.change_health(at, |health| health.fault = !well),
            Fault::StandBy(at, set) => self.order(at, |health| health.standby = set),
            Fault::Offline(at, set) => self.order(at, |health| health.offline = set),
            Fault::Link(at, up) => self.link(at, up, self.nodes[at].sourced),
            Fault::Source(at, sourced) => self.link(at, self.nodes[at].up, sourced),
            Fault::Refuse(at, times) => self.nodes[at].refusals = times,
            Fault::Steal(at) => self.steal(at),
            Fault::Reload(at, change) => self.reload(at, change),
            Fault::Stranger { priority, name, interval, every, lasts } => {
                let wire = name.map_or(0, |at| self.nodes[at].setup.wire);
                let name = name.map_or(STRANGER, |at| self.nodes[at].setup.host);
                let name = address(self.plan.family, name);
                let packet = forged(&self.plan, name, priority, interval);
                let (serial, until) = (self.next_serial(), self.now + lasts);
                self.stranger = Some(Stranger { serial, wire, name, packet, every, until });
                self.enqueue(self.now, Event::Stranger { serial });
            }
            Fault::Heal => self.heal(),
            Fault::Rest => self.expect_rest(),
            Fault::Rested => self.expect_rested(),
        }
        self.witness.links_changed();
    }

    /// The operator speaks to a sync group as a whole, in one turn of the engine, or is not heard.
    fn order(&mut self, at: usize, change: impl Fn(&mut Health)) {
        let host = self.nodes[at].setup.host;
        if !self.hears_trackers(at) {
            return;
        }
        for member in self.members(host) {
            change(&mut self.nodes[member].health);
        }
        self.tell_all_health(host);
    }

    /// The interface of all its routers on one network.
    fn link(&mut self, at: usize, up: bool, sourced: bool) {
        let Setup { host, .. } = self.nodes[at].setup;
        let network = self.nodes[at].setup.network();
        for at in self.members(host) {
            if self.nodes[at].setup.network() == network {
                self.nodes[at].up = up;
                self.nodes[at].sourced = sourced;
                self.tell(at, Mail::Link);
                self.disturb_all(at);
            }
        }
    }

    /// From one host to another, on the network of the first router.
    fn cut(&mut self, from: usize, to: usize, cut: bool) {
        let hosts = (self.nodes[from].setup.host, self.nodes[to].setup.host);
        let network = self.nodes[from].setup.network();
        for (from, to) in self.pairs() {
            let (one, two) = (self.nodes[from].setup, self.nodes[to].setup);
            if (one.host, two.host) == hosts && one.network() == network {
                self.block(from, to, cut);
            }
        }
    }

    fn steal(&mut self, at: usize) {
        let works = self.works(at);
        let node = &mut self.nodes[at];
        if let Some(epoch) = node.installed.filter(|_| works) {
            node.installed = None;
            node.granted = None;
            self.tell(at, Mail::Lost(epoch));
        }
    }

    pub(crate) fn reload(&mut self, at: usize, change: Change) {
        let setup = &mut self.nodes[at].setup;
        match change {
            // Two owners would be an error of the configuration.
            Change::Priority(_) if setup.priority == 255 => {}
            Change::Priority(priority) => setup.priority = priority,
            Change::Preempt(preempt) => setup.preempt = preempt,
            Change::Fast(fast) => setup.fast = fast,
            Change::Interval(interval) => setup.interval = interval,
            Change::Delay(delay) => setup.delay = delay,
            Change::Adverts(adverts) => setup.adverts = adverts,
        }
        self.tell(at, Mail::Config);
        let works = self.works(at);
        let node = &mut self.nodes[at];
        if works && node.installed.is_some() {
            let length = super::bounds::lease(node.interval());
            node.lease.take(self.now, length);
        }
        self.disturb_all(at);
    }

    fn split(&mut self, network: usize, mask: u8) {
        for (from, to) in self.pairs() {
            let (one, two) = (self.nodes[from].setup, self.nodes[to].setup);
            if one.network() == network {
                let side = |host: usize| mask >> host & 1;
                self.block(from, to, side(one.host) != side(two.host));
            }
        }
    }

    /// Everything works again and everybody is there.
    pub(crate) fn heal(&mut self) {
        self.weather = Default::default();
        self.stranger = None;
        for (from, to) in self.pairs() {
            self.block(from, to, false);
        }
        for host in 0..self.hosts.len() {
            self.thaw(host);
            let members = self.members(host);
            for at in members.clone() {
                self.nodes[at].refusals = 0;
            }
            let stopped = self.nodes[members.start].oracle.stopped;
            if self.hosts[host].orphaned {
                for node in &mut self.nodes[members.clone()] {
                    (node.installed, node.granted) = (None, None);
                }
                self.hosts[host].parent = Parent::Dead;
            }
            if self.hosts[host].parent == Parent::Dead || stopped {
                self.vanish(host);
            }
            if !self.lives(host) {
                self.hosts[host].parent = Parent::Dead;
            }
            for at in members {
                self.heal_router(at);
            }
            self.start(host, 0);
        }
    }

    fn heal_router(&mut self, at: usize) {
        if !(self.nodes[at].up && self.nodes[at].sourced) {
            self.link(at, true, true);
        }
        let interval = self.plan.routers[at].interval;
        if self.nodes[at].setup.interval != interval {
            self.reload(at, Change::Interval(interval));
        }
        let Health { fault, offline, .. } = self.nodes[at].health;
        if fault || offline {
            self.change_health(at, |health| (health.fault, health.offline) = (false, false));
        }
    }

    /// Who could hear whom.
    fn pairs(&self) -> Vec<(usize, usize)> {
        let n = self.nodes.len();
        let wire = |at: usize| self.nodes[at].setup.wire;
        let all = (0..n).flat_map(move |from| (0..n).map(move |to| (from, to)));
        all.filter(|(from, to)| wire(*from) == wire(*to)).collect()
    }

    /// The sender of forged adverts.
    pub(crate) fn inject(&mut self, stranger: Stranger) {
        for to in 0..self.nodes.len() {
            if self.nodes[to].setup.wire != stranger.wire {
                continue;
            }
            let flight = self.flight();
            self.disturb_all(to);
            self.deliver_forged(stranger.name, to, flight, stranger.packet);
        }
    }
}
