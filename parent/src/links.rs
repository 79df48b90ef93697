//! The interface of each socket as the engine is told of it: whether its link is up, and the address
//! that adverts leave from. Changes nothing in the kernel.

use crate::daemon::{Daemon, Fatal};
use crate::kernel::{Kernel, Present};
use nix::errno::Errno;
use std::net::IpAddr;
use vipd_ipc::msg::ParentToEngine;
use vipd_types::{Family, IfName, InstanceId, SocketId};

impl Daemon {
    pub(crate) fn link_is_up(&self, instance: InstanceId) -> bool {
        let plan = self.plan.instance(instance);
        plan.and_then(|plan| self.links.get(&plan.slice.socket)).is_none_or(|(up, _)| *up)
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
    pub(crate) fn is_up(&mut self, (name, index): (IfName, u32)) -> bool {
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
