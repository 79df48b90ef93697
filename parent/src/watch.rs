//! What the kernel tells on its own: links for the engine, and addresses of ours that somebody
//! removed. Restores such an address a few times, then gives the instance up.

use crate::audit::{By, Reason, Subject};
use crate::daemon::{Daemon, Fatal};
use crate::kernel::{Address, Announcement, Change, Kernel, Present, select};
use crate::plan::SocketPlan;
use nix::errno::Errno;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;
use vipd_ipc::msg::ParentToEngine;
use vipd_types::{Family, IfName, InstanceId, SocketId};

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
        for change in &changes {
            match change {
                Change::Link { index, state } => {
                    touched.insert(*index);
                    // The kernel takes IPv6 addresses from a link that is switched off.
                    if state.up {
                        doubtful.extend(self.holders_on(*index));
                    }
                }
                Change::LinkGone { index } => {
                    touched.insert(*index);
                    gone.push(*index);
                }
                Change::Added(present) => {
                    touched.insert(present.index);
                    doubtful.extend(self.appeared(present));
                }
                Change::Removed(present) => {
                    touched.insert(present.index);
                    doubtful.extend(self.holder_of(present));
                }
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
        if changes.iter().any(|change| !matches!(change, Change::Added(_) | Change::Removed(_))) {
            self.look_at_interfaces()?;
        }
        gone.into_iter().try_for_each(|index| self.lost_link(index))?;
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
        if let Some(address) = self.duplicate(&term.addresses) {
            return self.give_up(instance, &format!("another host has {address}"));
        }
        let absent = self.absent(&term.addresses);
        let now = self.kernel.now();
        let silent = now.since(self.life.engine) > ALIVE;
        // Without a link the engine is about to give them back, unless it does not care for the
        // link; then they are looked for when it is up again.
        if absent.is_empty() || silent || !self.link_is_up(instance) {
            return Ok(());
        }
        // The engine has said good-bye, or is about to: a peer has the address, or may take it.
        if term.is_over(now) {
            log::error!("({}) the lease was not renewed in time", self.name(instance));
            let epoch = term.epoch;
            self.take_back(instance)?;
            return self.tell_engine(&ParentToEngine::Lapsed { instance, epoch });
        }
        let name = self.name(instance);
        let by = By::Parent;
        let who = Subject { instance: &name, epoch: Some(term.epoch), by, reason: Reason::Restore };
        for address in &absent {
            log::warn!("({name}) somebody removed {address} from {}", address.interface);
        }
        if self.held.may_restore(instance, now) {
            self.promise(instance, term.lease, now)?;
            if self.install(&who, &absent, term.lease).is_ok() {
                self.announce_these(instance, &absent);
                return Ok(());
            }
        }
        self.give_up(instance, "the addresses do not stay")
    }

    pub(crate) fn link_is_up(&self, instance: InstanceId) -> bool {
        let plan = self.plan.instance(instance);
        plan.and_then(|plan| self.links.get(&plan.slice.socket)).is_none_or(|(up, _)| *up)
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

    /// Tells the engine of an interface if something changed for it.
    pub(crate) fn tell_link(&mut self, socket: SocketId) -> Result<(), Fatal> {
        let Some(plan) = self.plan.sockets.iter().find(|s| s.slice.id == socket) else {
            return Ok(());
        };
        let family = plan.slice.family;
        let (interface, base) =
            ((plan.slice.interface, plan.slice.index), (plan.base, plan.base_index));
        let up = self.is_up(interface) && (base == interface || self.is_up(base));
        let before = self.links.get(&socket).and_then(|(_, source)| *source);
        let source = self.primary_address(base.1, family, before);
        if self.links.insert(socket, (up, source)) == Some((up, source)) {
            return Ok(());
        }
        self.tell_engine(&ParentToEngine::Link { socket, up, source })
    }

    /// Another interface under the old name is not the one that the socket is bound to.
    fn is_up(&mut self, (name, index): (IfName, u32)) -> bool {
        matches!(self.kernel.link(&name), Ok((now, state)) if now == index && state.up)
    }

    fn primary_address(
        &mut self,
        index: u32,
        family: Family,
        before: Option<IpAddr>,
    ) -> Option<IpAddr> {
        let there = match self.kernel.addresses(index) {
            Ok(there) => there,
            Err(Errno::ENODEV) => return None,
            // What cannot be seen now has not changed.
            Err(_) => return before,
        };
        let is_virtual =
            |ip: IpAddr| self.plan.instances.iter().any(|i| i.addresses.iter().any(|a| a.ip == ip));
        choose_primary(&there, family, before, is_virtual)
    }
}

/// The address that adverts leave from: never a virtual one (RFC 3768 1.3, RFC 9568 1.7: primary
/// address). Over IPv4 the interface's first. Over IPv6 a link-local one (RFC 9568 5.1.2.1), and the
/// same for as long as it is usable, because peers compare it.
fn choose_primary(
    there: &[Present],
    family: Family,
    before: Option<IpAddr>,
    is_virtual: impl Fn(IpAddr) -> bool,
) -> Option<IpAddr> {
    let is_own = |present: &&Present| {
        present.ip.is_ipv4() == (family == Family::V4)
            && present.may_be_primary()
            && !is_virtual(present.ip)
    };
    let mut own = there.iter().filter(is_own).map(|present| present.ip);
    match family {
        Family::V4 => own.next(),
        // The kernel lists the newest first.
        Family::V6 => match before {
            Some(before) if own.clone().any(|ip| ip == before) => Some(before),
            Some(_) | None => own.last(),
        },
    }
}

/// Addresses of the configuration that an earlier run of ours left behind.
pub(crate) fn leftovers(kernel: &mut dyn Kernel, wanted: &[Address]) -> Vec<Address> {
    select(kernel, wanted, |there| matches!(there, Ok(Some(present)) if present.ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there(text: &str) -> Present {
        Present {
            ip: text.parse().unwrap(),
            prefix: 64,
            index: 2,
            ours: false,
            secondary: false,
            tentative: false,
            dadfailed: false,
            deprecated: false,
        }
    }

    fn choose(list: &[Present], family: Family, before: Option<&str>) -> Option<String> {
        let virtual_one: IpAddr = "fe80::100".parse().unwrap();
        let before = before.map(|text| text.parse().unwrap());
        choose_primary(list, family, before, |ip| ip == virtual_one).map(|ip| ip.to_string())
    }

    /// As the kernel lists them: the newest of a scope first.
    #[test]
    fn ipv6_primary_address_is_link_local_and_stays() {
        let list = [there("2001:db8::1"), there("fe80::100"), there("fe80::b"), there("fe80::a")];
        let chosen = |before| choose(&list, Family::V6, before);
        assert_eq!(chosen(None).as_deref(), Some("fe80::a"));
        assert_eq!(chosen(Some("fe80::b")).as_deref(), Some("fe80::b"));
        assert_eq!(chosen(Some("fe80::dead")).as_deref(), Some("fe80::a"));
        assert_eq!(chosen(Some("fe80::100")).as_deref(), Some("fe80::a"));
        assert_eq!(choose(&list[..2], Family::V6, None), None);
    }

    #[test]
    fn ipv6_address_that_cannot_be_used_is_no_source() {
        let bad = [
            Present { tentative: true, ..there("fe80::a") },
            Present { tentative: true, dadfailed: true, ..there("fe80::b") },
            Present { deprecated: true, ..there("fe80::c") },
        ];
        assert_eq!(choose(&bad, Family::V6, Some("fe80::a")), None);
    }

    #[test]
    fn ipv4_primary_address_is_the_first() {
        let list = [
            there("fe80::a"),
            there("192.0.2.3"),
            there("198.51.100.3"),
            Present { secondary: true, ..there("192.0.2.4") },
        ];
        let chosen = choose(&list, Family::V4, Some("198.51.100.3"));
        assert_eq!(chosen.as_deref(), Some("192.0.2.3"));
    }
}
