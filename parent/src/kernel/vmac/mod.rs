//! Virtual MACs as interfaces of their own: macvlans in mode private on the instance's interface,
//! the base. Makes, raises and removes those that carry our mark, and touches no other; the base's
//! settings that this takes are put back with the last of them.

mod links;
mod mark;
mod names;
mod reverse_path;
mod setting;
mod settings;
#[cfg(test)]
mod tests;

pub(crate) use mark::Mark;
pub(crate) use names::name;

use super::netlink::{Linux, get_link};
use super::{Kernel, Present};
use links::Found;
use nix::errno::Errno;
use settings::Settings;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use vipd_types::IfName;

/// A virtual MAC as the configuration wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Vmac {
    pub(crate) name: IfName,
    pub(crate) base: IfName,
    pub(crate) base_index: u32,
    /// 00:00:5e:00:01:VRID, for IPv6 00:00:5e:00:02:VRID (RFC 9568 7.3), or a configured one.
    pub(crate) mac: [u8; 6],
    /// Addresses of IPv6 will be on it; without, IPv6 is switched off there.
    pub(crate) ipv6: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum VmacError {
    #[error("interface {0} is there already, and not vipd's")]
    Taken(IfName),
    #[error("interface {0} is not Ethernet: it cannot have a virtual MAC")]
    NotEthernet(IfName),
    #[error("interface {0} is a port of a bridge or a bond: put the virtual MAC on that")]
    IsPort(IfName),
    #[error("another interface on {0} has the virtual MAC already")]
    MacTaken(IfName),
    #[error("this kernel has no macvlan interfaces (CONFIG_MACVLAN)")]
    NoMacvlan,
    #[error("interface {0} is not a virtual MAC of this vipd")]
    NotOurs(u32),
    #[error("{}: {error}", path.display())]
    Setting { path: PathBuf, error: io::Error },
    #[error("the kernel does not list its interfaces: {0}")]
    List(Errno),
    #[error("interface {name}: {errno}")]
    Kernel { name: IfName, errno: Errno },
}

/// Those that stand, and what was before them.
#[derive(Debug, Default)]
pub(super) struct Vmacs {
    made: Vec<Made>,
    settings: Settings,
}

#[derive(Debug)]
struct Made {
    vmac: Vmac,
    index: u32,
    borrowed: Option<Ipv6Addr>,
}

impl Vmacs {
    fn get(&mut self, index: u32) -> Result<&mut Made, VmacError> {
        let made = self.made.iter_mut().find(|made| made.index == index);
        made.ok_or(VmacError::NotOurs(index))
    }

    /// It is gone; what no other needs is put back.
    fn forget(&mut self, index: u32) -> Result<(), VmacError> {
        let vmac = self.get(index)?.vmac.clone();
        self.made.retain(|made| made.index != index);
        let is_last = !self.made.iter().any(|made| made.vmac.base == vmac.base);
        self.settings.leave(&vmac, is_last)
    }
}

/// Makes it, down, and prepares it and its base. Returns its index.
pub(super) fn make(linux: &mut Linux, vmac: &Vmac, mark: &Mark) -> Result<u32, VmacError> {
    let base = base(linux, vmac)?;
    let before = linux.vmacs.settings.before(&vmac.base)?;
    let create = links::create(vmac, &base).map_err(|errno| failed(vmac.name, errno))?;
    change(linux, create).map_err(|errno| refused(vmac, errno))?;
    let (index, _) = linux.link(&vmac.name).map_err(|errno| failed(vmac.name, errno))?;
    // One of that name that somebody removed.
    linux.vmacs.made.retain(|made| made.vmac.name != vmac.name);
    linux.vmacs.made.push(Made { vmac: vmac.clone(), index, borrowed: None });
    let prepared = change(linux, links::set_alias(index, &mark.alias(before)))
        .map_err(|errno| failed(vmac.name, errno))
        .and_then(|()| linux.vmacs.settings.enter(vmac, before));
    if let Err(error) = prepared {
        // What went wrong first is what the administrator wants to know.
        let _ = remove(linux, index);
        return Err(error);
    }
    Ok(index)
}

/// The base as the kernel has it: what the virtual MAC takes over from it.
fn base(linux: &mut Linux, vmac: &Vmac) -> Result<Found, VmacError> {
    let answer = linux.ask(get_link(vmac.base_index));
    let found = answer.map_err(|errno| failed(vmac.base, errno))?;
    let base = found.iter().find_map(links::found);
    let base = base.ok_or_else(|| failed(vmac.base, Errno::ENODEV))?;
    if base.is_ethernet { Ok(base) } else { Err(VmacError::NotEthernet(vmac.base)) }
}

/// From now on the interface hears and speaks. The firewall comes first: coming up, the kernel
/// would send membership reports.
pub(super) fn raise(linux: &mut Linux, index: u32) -> Result<(), VmacError> {
    let vmac = linux.vmacs.get(index)?.vmac.clone();
    change(linux, links::up(index)).map_err(|errno| refused(&vmac, errno))
}

/// Sets again what others have changed; returns whether that was needed.
pub(super) fn uphold(linux: &mut Linux, index: u32) -> Result<bool, VmacError> {
    let vmac = linux.vmacs.get(index)?.vmac.clone();
    linux.vmacs.settings.uphold(&vmac)
}

/// Gives it the base's link-local address, as it is now, and takes back an earlier one. `None` when
/// the base has none.
pub(super) fn borrow(linux: &mut Linux, index: u32) -> Result<Option<Ipv6Addr>, VmacError> {
    let made = linux.vmacs.get(index)?;
    let (vmac, had) = (made.vmac.clone(), made.borrowed);
    let there = linux.addresses(vmac.base_index).map_err(|errno| failed(vmac.base, errno))?;
    let wanted = if vmac.ipv6 { there.iter().find_map(link_local) } else { None };
    let here = linux.addresses(index).map_err(|errno| failed(vmac.name, errno))?;
    let has = |ip: &Ipv6Addr| here.iter().any(|present| present.ip == *ip);
    if let Some(old) = had.filter(|old| Some(*old) != wanted && has(old)) {
        let taken = change(linux, links::remove_address(index, old));
        taken.map_err(|errno| failed(vmac.name, errno))?;
    }
    if let Some(new) = wanted.filter(|new| !has(new)) {
        let given = change(linux, links::add_deprecated(index, new));
        given.map_err(|errno| failed(vmac.name, errno))?;
    }
    linux.vmacs.get(index)?.borrowed = wanted;
    Ok(wanted)
}

/// The host's own: not one that a VRRP daemon put there.
fn link_local(present: &Present) -> Option<Ipv6Addr> {
    match present.ip {
        IpAddr::V6(ip) if ip.is_unicast_link_local() && !present.ours => Some(ip),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}

/// Removes it; one that is gone already is no failure. Its addresses go with it.
pub(super) fn remove(linux: &mut Linux, index: u32) -> Result<(), VmacError> {
    let vmac = linux.vmacs.get(index)?.vmac.clone();
    let answer = match linux.ask(get_link(index)) {
        Ok(answer) => answer,
        Err(Errno::ENODEV) => return linux.vmacs.forget(index),
        Err(errno) => return Err(failed(vmac.name, errno)),
    };
    // Somebody may have removed it, and another interface may have its number.
    let is_it = |found: Found| found.name == vmac.name && found.base == Some(vmac.base_index);
    if !answer.iter().find_map(links::found).is_some_and(is_it) {
        return linux.vmacs.forget(index);
    }
    match change(linux, links::delete(index)) {
        Ok(()) | Err(Errno::ENODEV) => linux.vmacs.forget(index),
        Err(errno) => Err(failed(vmac.name, errno)),
    }
}

/// Removes what an earlier run with the same mark left behind, and puts back what was before it.
/// Returns the names; to be called before the first is made.
pub(super) fn clear(linux: &mut Linux, mark: &Mark) -> Result<Vec<IfName>, VmacError> {
    let all = linux.ask(links::get_all()).map_err(VmacError::List)?;
    let all: Vec<Found> = all.iter().filter_map(links::found).collect();
    let mut removed = Vec::new();
    for left in all.iter().filter(|found| found.is_macvlan) {
        let Some(before) = left.alias.as_deref().and_then(|alias| mark.recognise(alias)) else {
            continue;
        };
        change(linux, links::delete(left.index)).map_err(|errno| failed(left.name, errno))?;
        let base = all.iter().find(|found| Some(found.index) == left.base);
        settings::put_back(base.map(|base| &base.name), before)?;
        removed.push(left.name);
    }
    Ok(removed)
}

fn change(linux: &mut Linux, request: links::Request) -> Result<(), Errno> {
    linux.change(vec![request]).into_iter().next().unwrap_or(Err(Errno::ENOTCONN))
}

fn failed(name: IfName, errno: Errno) -> VmacError {
    VmacError::Kernel { name, errno }
}

/// What the kernel means when it does not make or raise an interface.
fn refused(vmac: &Vmac, errno: Errno) -> VmacError {
    let meanings = [
        (Errno::EEXIST, VmacError::Taken(vmac.name)),
        (Errno::EBUSY, VmacError::IsPort(vmac.base)),
        (Errno::EOPNOTSUPP, VmacError::NoMacvlan),
        (Errno::EADDRINUSE, VmacError::MacTaken(vmac.base)),
    ];
    let meaning = meanings.into_iter().find(|(one, _)| *one == errno);
    meaning.map_or(failed(vmac.name, errno), |(_, error)| error)
}
