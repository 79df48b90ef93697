//! What the kernel tells on its own: links for the engine, and addresses of ours that somebody
//! removed. Restores such an address a few times, then gives the instance up.

use crate::audit::{By, Reason, Subject};
use crate::daemon::{Daemon, Fatal};
use crate::kernel::{Address, Change, Kernel, Present, look_up};
use nix::errno::Errno;
use std::collections::BTreeSet;
use std::net::IpAddr;
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
        let mut missing: BTreeSet<InstanceId> = BTreeSet::new();
        for change in &changes {
            match change {
                Change::Link { index, .. } | Change::LinkGone { index } => {
                    touched.insert(*index);
                }
                Change::Added(present) => {
                    touched.insert(present.index);
                }
                Change::Removed(present) => {
                    touched.insert(present.index);
                    missing.extend(self.holder_of(present));
                }
                Change::Lost => {
                    log::warn!("events of the kernel were lost; looking at everything");
                    touched.extend(self.plan.sockets.iter().map(|s| s.slice.index));
                    missing.extend(self.held.instances());
                }
            }
        }
        for instance in missing {
            self.put_back(instance)?;
        }
        let sockets: Vec<SocketId> = self
            .plan
            .sockets
            .iter()
            .filter(|socket| touched.contains(&socket.slice.index))
            .map(|socket| socket.slice.id)
            .collect();
        sockets.into_iter().try_for_each(|socket| self.tell_link(socket))
    }

    fn holder_of(&self, removed: &Present) -> Option<InstanceId> {
        let holds = |id: &InstanceId| {
            self.held
                .get(*id)
                .is_some_and(|term| term.addresses.iter().any(|address| removed.is(address)))
        };
        self.held.instances().into_iter().find(holds)
    }

    fn put_back(&mut self, instance: InstanceId) -> Result<(), Fatal> {
        let Some(term) = self.held.get(instance).cloned() else { return Ok(()) };
        let absent = self.absent(&term.addresses);
        let now = self.kernel.now();
        if absent.is_empty() || now.since(self.life.engine) > ALIVE {
            return Ok(());
        }
        let name = self.name(instance);
        let by = By::Parent;
        let who = Subject { instance: &name, epoch: Some(term.epoch), by, reason: Reason::Restore };
        for address in &absent {
            log::warn!("({name}) somebody removed {address} from {}", address.interface);
        }
        if self.held.may_restore(instance, now) && self.install(&who, &absent, term.lease).is_ok() {
            self.announce(instance);
            return Ok(());
        }
        self.give_up(instance, "the addresses do not stay")
    }

    /// A MASTER holds all of its addresses or none: takes the others back and tells the engine.
    pub(crate) fn give_up(&mut self, instance: InstanceId, why: &str) -> Result<(), Fatal> {
        let Some(term) = self.held.drop(instance) else { return Ok(()) };
        let name = self.name(instance);
        log::error!("({name}) giving up: {why}");
        self.schedule.stop(instance);
        self.permits.closed(instance);
        let by = By::Parent;
        let who = Subject { instance: &name, epoch: Some(term.epoch), by, reason: Reason::Undo };
        let absent = self.absent(&term.addresses);
        let left: Vec<Address> =
            term.addresses.iter().filter(|a| !absent.contains(a)).cloned().collect();
        self.remove(&who, &left)
            .map_err(|e| Fatal::new("the kernel", format!("({name}) giving up: {e}")))?;
        self.tell_engine(&ParentToEngine::Lost { instance, epoch: term.epoch })
    }

    /// Those that the kernel does not have; when it cannot say, they count as there.
    pub(crate) fn absent(&mut self, addresses: &[Address]) -> Vec<Address> {
        let found = look_up(&mut self.kernel, addresses);
        let is_absent =
            |there: &Result<Option<Present>, Errno>| matches!(there, Ok(None) | Err(Errno::ENODEV));
        let both = addresses.iter().zip(&found);
        both.filter(|(_, there)| is_absent(there)).map(|(address, _)| address.clone()).collect()
    }

    /// Tells the engine of an interface if something changed for it.
    pub(crate) fn tell_link(&mut self, socket: SocketId) -> Result<(), Fatal> {
        let Some(plan) = self.plan.sockets.iter().find(|s| s.slice.id == socket) else {
            return Ok(());
        };
        let (interface, index) = (plan.slice.interface, plan.slice.index);
        // Another interface under the old name is not the one that the socket is bound to.
        let up = matches!(self.kernel.link(&interface), Ok((i, state)) if i == index && state.up);
        let source = self.primary_address(index);
        if self.links.insert(socket, (up, source)) == Some((up, source)) {
            return Ok(());
        }
        self.tell_engine(&ParentToEngine::Link { socket, up, source })
    }

    /// The interface's first address that is not a virtual one (RFC 3768 1.3: primary address).
    fn primary_address(&mut self, index: u32) -> Option<IpAddr> {
        let there = self.kernel.addresses(index).ok()?;
        let is_virtual = |ip: &IpAddr| {
            self.plan.instances.iter().any(|i| i.addresses.iter().any(|a| a.ip == *ip))
        };
        let own = |p: &&Present| p.ip.is_ipv4() && !p.secondary && !is_virtual(&p.ip);
        there.iter().find(own).map(|present| present.ip)
    }
}

/// Addresses of the configuration that an earlier run of ours left behind.
pub(crate) fn leftovers(kernel: &mut dyn Kernel, wanted: &[Address]) -> Vec<Address> {
    let found = look_up(kernel, wanted);
    let both = wanted.iter().zip(found);
    both.filter(|(_, there)| matches!(there, Ok(Some(present)) if present.ours))
        .map(|(address, _)| address.clone())
        .collect()
}
