//! What the kernel tells on its own: links for the engine, and addresses of ours that somebody
//! removed. Restores such an address a few times, then gives the instance up.

use crate::audit::{By, Reason, Subject};
use crate::daemon::{Daemon, Fatal};
use crate::held::Term;
use crate::kernel::{Address, Announcement, Change, Kernel, Present, select};
use crate::plan::SocketPlan;
use nix::errno::Errno;
use std::collections::BTreeSet;
use std::time::Duration;
use vipd_ipc::msg::ParentToEngine;
use vipd_types::{InstanceId, SocketId};

/// An address whose engine has been silent for longer is not put back: its lease has run out.
const ALIVE: Duration = Duration::from_secs(1);

impl Daemon {
    /// Reads all events and acts on them.
    pub(crate) fn hear_kernel(&mut self) -> Result<(), Fatal> {
        let changes = self.events.read();
        if changes.is_empty() {
            return Ok(());
        }
        let mut touched = BTreeSet::new();
        let mut doubtful: BTreeSet<InstanceId> = BTreeSet::new();
        let mut gone = Vec::new();
        let mut down = BTreeSet::new();
        for change in &changes {
            self.let_statics_go(change, &down);
            match change {
                Change::Link { index, state } => {
                    touched.insert(*index);
                    if !state.up {
                        down.insert(*index);
                    }
                    // The kernel takes IPv6 addresses from a link that is switched off.
                    if state.up {
                        doubtful.extend(self.holders_on(*index));
                        doubtful.extend(self.holders_of_routes());
                    }
                }
                Change::LinkGone { index } => {
                    touched.insert(*index);
                    self.let_go_all(*index);
                    gone.push(*index);
                }
                Change::Added(present) => {
                    touched.insert(present.index);
                    doubtful.extend(self.appeared(present));
                    // Ours come and go with their routes.
                    if self.holder_of(present).is_none() {
                        doubtful.extend(self.users_of(present));
                    }
                }
                Change::Removed(present) => {
                    touched.insert(present.index);
                    doubtful.extend(self.vanished(present, down.contains(&present.index)));
                    doubtful.extend(self.users_of(present));
                }
                Change::RouteGone(gone) => {
                    doubtful.extend(self.route_gone(gone, !down.is_empty()));
                }
                Change::RuleGone => doubtful.extend(self.holders_of_rules()),
                Change::Lost => {
                    log::warn!("events of the kernel were lost; looking at everything");
                    touched.extend(self.plan.sockets.iter().map(|s| s.slice.index));
                    touched.extend(self.plan.sockets.iter().map(|s| s.base_index));
                    doubtful.extend(self.held.instances());
                    self.look_at_all();
                }
            }
        }
        touched.iter().for_each(|index| self.follow_base(*index));
        self.uphold_vmacs(&touched);
        let is_touched = |socket: &&SocketPlan| {
            touched.contains(&socket.slice.index) || touched.contains(&socket.base_index)
        };
        let sockets: Vec<SocketId> =
            self.plan.sockets.iter().filter(is_touched).map(|socket| socket.slice.id).collect();
        sockets.into_iter().try_for_each(|socket| self.tell_link(socket))?;
        let of_link = |change: &Change| {
            matches!(change, Change::Link { .. } | Change::LinkGone { .. } | Change::Lost)
        };
        if changes.iter().any(of_link) {
            self.look_at_interfaces()?;
        } else if changes.iter().any(|change| self.is_of_source(change)) {
            self.look_at_sources()?;
        }
        gone.into_iter().try_for_each(|index| self.lost_link(index))?;
        self.statics_heard(&changes)?;
        doubtful.into_iter().try_for_each(|instance| self.put_back(instance))
    }

    /// An address is new, or something about it is. Returns who has to look at it.
    fn appeared(&mut self, present: &Present) -> Option<InstanceId> {
        if present.dadfailed {
            return self.holder_of(present);
        }
        if !present.tentative {
            let what = Announcement { ip: present.ip, index: present.index };
            self.schedule.usable(what, self.kernel.now());
        }
        None
    }

    /// An address has gone, perhaps with its link. Returns who has to look for it.
    fn vanished(&mut self, present: &Present, link_went: bool) -> Option<InstanceId> {
        let instance = self.holder_of(present)?;
        let term = self.held.get(instance)?;
        let address = term.addresses.iter().find(|address| present.is(address))?.clone();
        if address.track || term.is_over(self.kernel.now()) {
            return Some(instance);
        }
        // The kernel takes IPv6 addresses from a link that goes down; they come back with it.
        if !link_went && self.is_up((address.interface, address.index)) {
            let name = self.name(instance);
            log::info!("({name}) somebody removed {address}, which has no_track: left to him");
            self.held.let_go(instance, &address);
        }
        None
    }

    /// The interface is no more; only what is tracked is missed.
    fn let_go_all(&mut self, index: u32) {
        for instance in self.held.instances() {
            let Some(term) = self.held.get(instance) else { continue };
            let of_it = |a: &&Address| a.index == index && !a.track;
            let all: Vec<Address> = term.addresses.iter().filter(of_it).cloned().collect();
            for address in all {
                let (name, interface) = (self.name(instance), address.interface);
                log::info!("({name}) {interface} was removed, and {address} with it");
                self.held.let_go(instance, &address);
            }
        }
    }

    fn look_at_all(&mut self) {
        let terms = self.held.instances().into_iter().filter_map(|id| self.held.get(id));
        let indexes: BTreeSet<u32> =
            terms.flat_map(|term| &term.addresses).map(|address| address.index).collect();
        for index in indexes {
            for present in self.kernel.addresses(index).unwrap_or_default() {
                self.appeared(&present);
            }
        }
    }

    fn holders_on(&self, index: u32) -> Vec<InstanceId> {
        let on = |id: &InstanceId| {
            let term = self.held.get(*id);
            term.is_some_and(|term| term.addresses.iter().any(|address| address.index == index))
        };
        self.held.instances().into_iter().filter(on).collect()
    }

    pub(crate) fn holder_of(&self, removed: &Present) -> Option<InstanceId> {
        let holds = |id: &InstanceId| {
            self.held
                .get(*id)
                .is_some_and(|term| term.addresses.iter().any(|address| removed.is(address)))
        };
        self.held.instances().into_iter().find(holds)
    }

    fn put_back(&mut self, instance: InstanceId) -> Result<(), Fatal> {
        let Some(term) = self.held.get(instance).cloned() else { return Ok(()) };
        if let Some(address) = self.duplicate(&term.addresses) {
            return self.give_up(instance, &format!("another host has {address}"));
        }
        let absent = self.absent(&term.addresses);
        let now = self.kernel.now();
        let silent = now.since(self.life.engine) > ALIVE;
        // Without a link the engine is about to give them back, unless it does not care for the
        // link; then they are looked for when it is up again.
        if silent || !self.link_is_up(instance) {
            return Ok(());
        }
        // The engine has said good-bye, or is about to: a peer has the address, or may take it. The
        // kernel removes them a little later than it should.
        if term.is_over(now) {
            log::error!("({}) the lease was not renewed in time", self.name(instance));
            let epoch = term.epoch;
            self.take_back(instance)?;
            return self.tell_engine(&ParentToEngine::Lapsed { instance, epoch });
        }
        if absent.is_empty() {
            return self.put_paths_back(instance, &term, true);
        }
        let name = self.name(instance);
        let by = By::Parent;
        let who = Subject { instance: &name, epoch: Some(term.epoch), by, reason: Reason::Restore };
        for address in &absent {
            log::warn!("({name}) somebody removed {address} from {}", address.interface);
        }
        if self.held.may_restore(instance, now) {
            self.promise(&[(instance, term.lease)], now)?;
            if self.install(&who, &absent, term.lease).is_ok() {
                self.announce_these(instance, &absent);
                // They may have gone with an address, which counts once.
                return self.put_paths_back(instance, &term, false);
            }
        }
        self.give_up(instance, "the addresses do not stay")
    }

    fn put_paths_back(
        &mut self,
        instance: InstanceId,
        term: &Term,
        counts: bool,
    ) -> Result<(), Fatal> {
        if term.paths.is_empty() {
            return Ok(());
        }
        let name = self.name(instance);
        let (by, reason) = (By::Parent, Reason::Restore);
        let who = Subject { instance: &name, epoch: Some(term.epoch), by, reason };
        match self.restore_paths(&who, &term.paths) {
            Ok(restored) => {
                let now = self.kernel.now();
                if restored && counts && !self.held.may_restore(instance, now) {
                    return self.give_up(instance, "the routes and rules do not stay");
                }
                Ok(())
            }
            Err(why) => self.give_up(instance, &why),
        }
    }

    pub(crate) fn give_up(&mut self, instance: InstanceId, why: &str) -> Result<(), Fatal> {
        let Some(term) = self.held.get(instance) else { return Ok(()) };
        let epoch = term.epoch;
        log::error!("({}) giving up: {why}", self.name(instance));
        self.take_back(instance)?;
        self.tell_engine(&ParentToEngine::Lost { instance, epoch })
    }

    /// A MASTER holds all of its addresses or none.
    fn take_back(&mut self, instance: InstanceId) -> Result<(), Fatal> {
        let Some(term) = self.held.drop(instance) else { return Ok(()) };
        let name = self.name(instance);
        self.schedule.stop(instance);
        self.permits.closed(instance);
        let by = By::Parent;
        let who = Subject { instance: &name, epoch: Some(term.epoch), by, reason: Reason::Undo };
        self.remove_paths(&who, &term.paths);
        let absent = self.absent(&term.addresses);
        let left: Vec<Address> =
            term.addresses.iter().filter(|a| !absent.contains(a)).cloned().collect();
        self.remove(&who, &left)
            .map_err(|e| Fatal::new("the kernel", format!("({name}) giving up: {e}")))?;
        self.hear_owner_no_more();
        Ok(())
    }

    /// Those that the kernel does not have; when it cannot say, they count as there.
    pub(crate) fn absent(&mut self, addresses: &[Address]) -> Vec<Address> {
        select(&mut self.kernel, addresses, |there| matches!(there, Ok(None) | Err(Errno::ENODEV)))
    }

    /// One that is there and cannot be used, because duplicate address detection has failed.
    fn duplicate(&mut self, addresses: &[Address]) -> Option<Address> {
        let ipv6 = addresses.iter().filter(|address| address.ip.is_ipv6());
        let failed = select(
            &mut self.kernel,
            ipv6,
            |there| matches!(there, Ok(Some(present)) if present.dadfailed),
        );
        failed.into_iter().next()
    }
}

/// Addresses of the configuration that an earlier run of ours left behind.
pub(crate) fn leftovers(kernel: &mut dyn Kernel, wanted: &[Address]) -> Vec<Address> {
    select(kernel, wanted, |there| matches!(there, Ok(Some(present)) if present.ours))
}
