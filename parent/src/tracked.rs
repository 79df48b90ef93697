//! The interfaces and source addresses that instances watch: tells the engine whether each is there,
//! and of an interface whether its link is up.
//! Goes by the name, so that one that comes back, or another under its name, is watched again.

use crate::daemon::{Daemon, Fatal};
use crate::kernel::{Change, Kernel};
use nix::errno::Errno;
use vipd_ipc::msg::ParentToEngine;
use vipd_types::{IfName, TrackerId};

impl Daemon {
    /// A plan is in force, or some link has changed: tells what the engine does not know yet.
    pub(crate) fn look_at_interfaces(&mut self) -> Result<(), Fatal> {
        let interfaces = self.plan.interfaces.clone();
        let sources = self.plan.sources.clone();
        let known = |id: &TrackerId| interfaces.contains_key(id) || sources.contains_key(id);
        self.tracked.retain(|tracker, _| known(tracker));
        interfaces.iter().try_for_each(|(tracker, name)| self.tell_interface(*tracker, name))?;
        self.look_at_sources()
    }

    /// A watched address has come or gone. Each renewal of a lease is an event too, and none of these.
    pub(crate) fn is_of_source(&self, change: &Change) -> bool {
        let (Change::Added(present) | Change::Removed(present)) = change else { return false };
        self.plan.sources.values().any(|(_, address)| *address == present.ip)
    }

    pub(crate) fn look_at_sources(&mut self) -> Result<(), Fatal> {
        let sources = self.plan.sources.clone();
        for (tracker, (interface, address)) in sources {
            let index = self.kernel.link(&interface).map(|(index, _)| index);
            let there = match index.and_then(|index| self.kernel.addresses(index)) {
                Ok(all) => all.iter().any(|one| one.ip == address && one.is_usable()),
                Err(Errno::ENODEV) => false,
                // What cannot be seen now has not changed.
                Err(_) => continue,
            };
            let reason = if there { "it is there" } else { "it is not there" };
            self.tell_tracked(tracker, there, reason)?;
        }
        Ok(())
    }

    fn tell_interface(&mut self, tracker: TrackerId, name: &IfName) -> Result<(), Fatal> {
        let (up, reason) = match self.kernel.link(name) {
            Ok((_, state)) if state.up => (true, "the link is up"),
            Ok(_) => (false, "the link is down"),
            Err(_) => (false, "there is no such interface"),
        };
        self.tell_tracked(tracker, up, reason)
    }

    fn tell_tracked(&mut self, tracker: TrackerId, up: bool, reason: &str) -> Result<(), Fatal> {
        if self.tracked.insert(tracker, up) == Some(up) {
            return Ok(());
        }
        self.tell_engine(&ParentToEngine::Tracked { tracker, up, reason: reason.into() })
    }
}
