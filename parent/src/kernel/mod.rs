//! What the parent asks of the kernel, as verbs. The daemon's decisions are written against the
//! trait, so that they can be tested without a network; `Linux` is the real thing.

mod announcer;
mod driver;
mod events;
mod filter;
pub(crate) mod firewall;
mod frame;
pub(crate) mod groups;
mod messages;
mod netlink;
mod paths;
mod raw;
pub(crate) mod sysctl;
#[cfg(test)]
mod two_hosts_tests;
pub(crate) mod vmac;

#[cfg(test)]
mod tests;

pub(crate) use events::{Change, Events};
pub(crate) use filter::Wanted;
pub(crate) use netlink::Linux;
pub(crate) use paths::{Adding, Gone, Path, RoutePath, RulePath};
pub(crate) use raw::{Receiver, open as open_receiver};

pub(crate) use firewall::{FirewallError, Rules};
pub(crate) use groups::{Membership, solicited_node};
use nix::errno::Errno;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use vipd_types::{IfName, Instant};
pub(crate) use vmac::{Mark, Vmac, VmacError, name as vmac_name};

/// An address as the configuration wants it in the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) ip: IpAddr,
    pub(crate) prefix: u8,
    pub(crate) interface: IfName,
    pub(crate) index: u32,
    /// IPv4 only, like the next one.
    pub(crate) label: Option<String>,
    pub(crate) broadcast: Option<Ipv4Addr>,
    /// The kernel takes that of an IPv6 address from its first bits.
    pub(crate) scope: u8,
    pub(crate) preferred: Preferred,
    /// IPv6: used without duplicate address detection (RFC 9568 8.2.2), which takes a second and
    /// which a MASTER that has not yet gone would answer. False with `-nodad`.
    pub(crate) nodad: bool,
    /// The other end of a point-to-point link.
    pub(crate) peer: Option<IpAddr>,
    pub(crate) flags: Flags,
    /// Put back when somebody removes it; the kernel knows nothing of this.
    pub(crate) track: bool,
}

/// What the configuration may ask of the kernel beside; see the options of an address line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Flags {
    pub(crate) home: bool,
    pub(crate) mngtmpaddr: bool,
    pub(crate) noprefixroute: bool,
    pub(crate) autojoin: bool,
}

impl Address {
    pub(crate) fn announcement(&self) -> Announcement {
        Announcement { ip: self.ip, index: self.index }
    }

    /// Nothing about it differs for the kernel.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        Self { track: other.track, ..self.clone() } == *other
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.ip, self.prefix)
    }
}

/// For how long this host may choose an address as the source of what it sends. The address stays
/// and answers for as long as it is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Preferred {
    /// As long as it is valid.
    Always,
    Never,
    /// Whole seconds from when it was added.
    Seconds(u32),
}

impl Preferred {
    /// keepalived's: whoever connects from here does so from an address that stays here.
    pub(crate) fn usual(ip: IpAddr, prefix: u8) -> Self {
        if ip.is_ipv6() && prefix == 128 { Self::Never } else { Self::Always }
    }

    /// What is left of it after `age` seconds.
    pub(crate) fn after(self, age: u64) -> Self {
        match self {
            Self::Always | Self::Never => self,
            Self::Seconds(all) => {
                match all.saturating_sub(u32::try_from(age).unwrap_or(u32::MAX)) {
                    0 => Self::Never,
                    left => Self::Seconds(left),
                }
            }
        }
    }
}

/// What a gratuitous ARP or an unsolicited neighbour advertisement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Announcement {
    pub(crate) ip: IpAddr,
    /// The interface that carries the address.
    pub(crate) index: u32,
}

/// An address as the kernel has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Present {
    pub(crate) ip: IpAddr,
    pub(crate) prefix: u8,
    pub(crate) index: u32,
    /// Carries our protocol tag, or, on a kernel without tags, a lifetime.
    pub(crate) ours: bool,
    /// IPv4: not the first of its subnet. IPv6: a temporary one (RFC 8981).
    pub(crate) secondary: bool,
    /// Duplicate address detection is not over: neither a source nor to be answered for.
    pub(crate) tentative: bool,
    /// Another host has it. It stands in the list and is not used.
    pub(crate) dadfailed: bool,
    pub(crate) deprecated: bool,
}

impl Present {
    pub(crate) fn is(&self, address: &Address) -> bool {
        (self.ip, self.prefix, self.index) == (address.ip, address.prefix, address.index)
    }

    /// Does the kernel's route to `address`'s subnet belong to this one, which is not ours?
    pub(crate) fn owns_route_of(&self, address: &Address) -> bool {
        let (IpAddr::V6(one), IpAddr::V6(other)) = (self.ip, address.ip) else { return false };
        let host = u32::from(128_u8.saturating_sub(address.prefix));
        let subnet = |ip: Ipv6Addr| ip.to_bits().checked_shr(host);
        !self.ours && self.prefix == address.prefix && subnet(one) == subnet(other)
    }

    /// Packets can leave from it.
    pub(crate) fn is_usable(&self) -> bool {
        !self.tentative && !self.dadfailed
    }

    /// Could adverts leave from it, if it is no virtual one (RFC 9568 1.7: primary address; 5.1.2.1:
    /// a link-local one)?
    pub(crate) fn may_be_primary(&self) -> bool {
        match self.ip {
            IpAddr::V4(_) => !self.secondary,
            IpAddr::V6(ip) => {
                let usable = !self.tentative && !self.dadfailed && !self.deprecated;
                usable && ip.is_unicast_link_local()
            }
        }
    }
}

/// Those of which `is` is true of what the kernel has: `None` where it has nothing. Asks once for a
/// run of addresses on the same interface: with thousands of them, asking for each would take as
/// long as the lease.
pub(crate) fn select<'a>(
    kernel: &mut dyn Kernel,
    addresses: impl IntoIterator<Item = &'a Address>,
    is: impl Fn(Result<Option<&Present>, Errno>) -> bool,
) -> Vec<Address> {
    let mut last: Option<(u32, Result<Vec<Present>, Errno>)> = None;
    let mut selected = Vec::new();
    for address in addresses {
        let (_, list) = match last.take() {
            Some((index, list)) if index == address.index => last.insert((index, list)),
            _ => last.insert((address.index, kernel.addresses(address.index))),
        };
        let there = list.as_ref().map(|list| list.iter().find(|present| present.is(address)));
        if is(there.map_err(|errno| *errno)) {
            selected.push(address.clone());
        }
    }
    selected
}

/// The kernel's number for an error that a library has wrapped.
fn errno(error: &std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as i32))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LinkState {
    /// Administratively up and with carrier.
    pub(crate) up: bool,
    /// Of an Ethernet.
    pub(crate) mac: Option<[u8; 6]>,
    /// Hosts on it find each other by ARP and ND: there is somebody to announce an address to.
    pub(crate) resolves: bool,
}

/// Lifetime of an address in whole seconds, the kernel's unit; `None` is for ever.
pub(crate) type Lifetime = Option<u32>;

pub(crate) trait Kernel {
    fn now(&self) -> Instant;

    /// Adds each address if it is not there (EEXIST else, and nothing is changed).
    fn add(&mut self, addresses: &[Address], lifetime: Lifetime) -> Vec<Result<(), Errno>>;

    fn remove(&mut self, addresses: &[Address]) -> Vec<Result<(), Errno>>;

    /// Adds each route and rule. EEXIST: it is there, or, when it is new, another in its place.
    fn add_paths(&mut self, paths: &[Path], adding: Adding) -> Vec<Result<(), Errno>>;

    /// Removes routes and rules of ours and of nobody else. ESRCH, ENOENT or ENODEV: there is none.
    fn remove_paths(&mut self, paths: &[Path]) -> Vec<Result<(), Errno>>;

    /// Gives addresses of ours a new lifetime. The caller has made sure that they are there: the
    /// kernel would create a missing one.
    fn renew(&mut self, addresses: &[Address], lifetime: Lifetime) -> Vec<Result<(), Errno>>;

    /// What is on an interface now. The newest IPv6 address of a scope comes first.
    fn addresses(&mut self, index: u32) -> Result<Vec<Present>, Errno>;

    fn link(&mut self, interface: &IfName) -> Result<(u32, LinkState), Errno>;

    /// One gratuitous ARP or unsolicited neighbour advertisement for each. EAGAIN and ENOBUFS mean
    /// that there is no room now; where nobody resolves addresses there is nothing to do.
    fn announce(&mut self, announcements: &[Announcement]) -> Vec<Result<(), Errno>>;

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
