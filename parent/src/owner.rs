//! Lets an address owner be heard. Its adverts come from the virtual address itself (RFC 3768 1.3),
//! and the kernel drops an IPv4 packet whose source is an address of this host: a MASTER would never
//! yield to the owner that is back. While an address is held, and no longer, the interface accepts
//! such packets. IPv6 has no such rule.

use crate::daemon::Daemon;
use crate::kernel::sysctl::accept_local;
use vipd_types::{Family, IfName, InstanceId};

impl Daemon {
    /// The addresses of the instance have come.
    pub(crate) fn hear_owner(&mut self, instance: InstanceId) {
        let Some(interface) = self.deaf_interface(instance) else { return };
        match accept_local(&interface, true) {
            Ok(false) => {}
            Ok(true) => {
                log::info!("net.ipv4.conf.{interface}.accept_local is now 1 while MASTER");
                self.accepting.insert(interface);
            }
            Err(error) => log::warn!(
                "cannot set net.ipv4.conf.{interface}.accept_local: a router that owns the \
                 addresses would not be heard: {error}"
            ),
        }
    }

    /// Addresses have left.
    pub(crate) fn hear_owner_no_more(&mut self) {
        let instances = self.held.instances();
        let still: Vec<IfName> =
            instances.into_iter().filter_map(|id| self.deaf_interface(id)).collect();
        for interface in self.accepting.extract_if(.., |name| !still.contains(name)) {
            match accept_local(&interface, false) {
                Ok(_) => log::info!("net.ipv4.conf.{interface}.accept_local is 0 again"),
                // It went with its settings.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => log::warn!("net.ipv4.conf.{interface}.accept_local stays 1: {error}"),
            }
        }
    }

    /// Where the instance listens, if an owner could speak there with one of its addresses.
    fn deaf_interface(&self, instance: InstanceId) -> Option<IfName> {
        let slice = &self.plan.instance(instance)?.slice;
        let socket = self.plan.sockets.iter().find(|socket| socket.slice.id == slice.socket)?;
        let deaf = slice.family == Family::V4 && !slice.priority.is_owner();
        deaf.then_some(socket.slice.interface)
    }
}
