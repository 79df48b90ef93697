//! The interfaces that instances watch: tells the engine whether each is there and its link is up.
//! Goes by the name, so that one that comes back, or another under its name, is watched again.

use crate::daemon::{Daemon, Fatal};
use crate::kernel::Kernel;
use vipd_ipc::msg::ParentToEngine;
use vipd_types::{IfName, TrackerId};

impl Daemon {
    /// A plan is in force, or some link has changed: tells what the engine does not know yet.
    pub(crate) fn look_at_interfaces(&mut self) -> Result<(), Fatal> {
        let interfaces = self.plan.interfaces.clone();
        self.tracked.retain(|tracker, _| interfaces.contains_key(tracker));
        interfaces.iter().try_for_each(|(tracker, name)| self.tell_interface(*tracker, name))
    }

    fn tell_interface(&mut self, tracker: TrackerId, name: &IfName) -> Result<(), Fatal> {
        let (up, reason) = match self.kernel.link(name) {
            Ok((_, state)) if state.up => (true, "the link is up"),
            Ok(_) => (false, "the link is down"),
            Err(_) => (false, "there is no such interface"),
        };
        if self.tracked.insert(tracker, up) == Some(up) {
            return Ok(());
        }
        self.tell_engine(&ParentToEngine::Tracked { tracker, up, reason: reason.into() })
    }
}
