//! What the parent asks of the kernel, as verbs. The daemon's decisions are written against the
//! trait, so that they can be tested without a network; `Linux` is the real thing.

mod announcer;
mod driver;
mod events;
pub(crate) mod firewall;
pub(crate) mod groups;
mod netlink;
mod raw;
pub(crate) mod sysctl;
#[cfg(test)]
mod two_hosts_tests;
pub(crate) mod vmac;

pub(crate) use events::{Change, Events};
pub(crate) use netlink::Linux;
pub(crate) use raw::{Receiver, open as open_receiver};

use firewall::{FirewallError, Rules};
use groups::Membership;
use nix::errno::Errno;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use vipd_types::{IfName, Instant};
use vmac::{Mark, Vmac, VmacError};

/// An address as the configuration wants it in the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) ip: IpAddr,
    pub(crate) prefix: u8,
    pub(crate) interface: IfName,
    pub(crate) index: u32,
    pub(crate) label: Option<String>,
    pub(crate) broadcast: Option<Ipv4Addr>,
    pub(crate) scope: u8,
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.ip, self.prefix)
    }
}

/// An address as the kernel has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Present {
    pub(crate) ip: IpAddr,
    pub(crate) prefix: u8,
    pub(crate) index: u32,
    /// Carries our protocol tag, or, on a kernel without tags, a lifetime.
    pub(crate) ours: bool,
    pub(crate) secondary: bool,
}

impl Present {
    pub(crate) fn is(&self, address: &Address) -> bool {
        (self.ip, self.prefix, self.index) == (address.ip, address.prefix, address.index)
    }
}

/// What the kernel has of each address, `None` where it has none. Asks once for a run of addresses
/// on the same interface: with thousands of them, asking for each would take as long as the lease.
pub(crate) fn look_up(
    kernel: &mut dyn Kernel,
    addresses: &[Address],
) -> Vec<Result<Option<Present>, Errno>> {
    let mut last: Option<(u32, Result<Vec<Present>, Errno>)> = None;
    let mut found = Vec::with_capacity(addresses.len());
    for address in addresses {
        let (_, list) = match last.take() {
            Some((index, list)) if index == address.index => last.insert((index, list)),
            _ => last.insert((address.index, kernel.addresses(address.index))),
        };
        let is = |present: &&Present| present.is(address);
        found.push(match list {
            Ok(list) => Ok(list.iter().find(is).cloned()),
            Err(errno) => Err(*errno),
        });
    }
    found
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LinkState {
    /// Administratively up and with carrier.
    pub(crate) up: bool,
    pub(crate) mac: Option<[u8; 6]>,
}

/// Lifetime of an address in whole seconds, the kernel's unit; `None` is for ever.
pub(crate) type Lifetime = Option<u32>;

#[cfg_attr(
    not(test),
    expect(dead_code, reason = "no keyword asks for virtual MACs and no_accept yet")
)]
pub(crate) trait Kernel {
    fn now(&self) -> Instant;

    /// Adds each address if it is not there (EEXIST else, and nothing is changed).
    fn add(&mut self, addresses: &[Address], lifetime: Lifetime) -> Vec<Result<(), Errno>>;

    fn remove(&mut self, addresses: &[Address]) -> Vec<Result<(), Errno>>;

    /// Gives addresses of ours a new lifetime. The caller has made sure that they are there: the
    /// kernel would create a missing one.
    fn renew(&mut self, addresses: &[Address], lifetime: Lifetime) -> Vec<Result<(), Errno>>;

    /// What is on an interface now.
    fn addresses(&mut self, index: u32) -> Result<Vec<Present>, Errno>;

    fn link(&mut self, interface: &IfName) -> Result<(u32, LinkState), Errno>;

    /// One gratuitous ARP for each address.
    fn announce(&mut self, addresses: &[Address]) -> Result<(), Errno>;

    /// Removes the virtual MACs that an earlier run with this mark left behind, and puts back the
    /// settings that it found; returns their names. Before the first is made.
    fn clear_vmacs(&mut self, mark: &Mark) -> Result<Vec<IfName>, VmacError>;

    /// Makes a virtual MAC and prepares its base; returns its index. It is down, so that the
    /// firewall can name it before it speaks.
    fn make_vmac(&mut self, vmac: &Vmac, mark: &Mark) -> Result<u32, VmacError>;

    fn raise_vmac(&mut self, index: u32) -> Result<(), VmacError>;

    /// Sets again what others have changed of a virtual MAC's settings and its base's, and returns
    /// whether that was needed: systemd-udevd sets those of each new interface to the host's, a
    /// moment after it was made.
    fn uphold_vmac(&mut self, index: u32) -> Result<bool, VmacError>;

    /// Gives a virtual MAC its base's link-local address of IPv6, from which adverts leave, and
    /// returns it for the firewall; to be called again when the base's addresses change. `None`
    /// while the base has none, or without IPv6.
    fn borrow_link_local(&mut self, index: u32) -> Result<Option<Ipv6Addr>, VmacError>;

    /// Removes a virtual MAC with its addresses, and with the last one what was set on its base.
    fn remove_vmac(&mut self, index: u32) -> Result<(), VmacError>;

    /// Makes the host a member of these groups and no others, on the bases of quiet virtual MACs:
    /// of the adverts' group, and of `groups::solicited_node` of each address.
    fn hold_groups(&mut self, wanted: &BTreeSet<Membership>) -> Result<(), Errno>;

    /// Exchanges the firewall's rules for these; nothing is there before the first, and the empty
    /// rules remove it, after the addresses.
    fn firewall(&mut self, rules: &Rules) -> Result<(), FirewallError>;
}
