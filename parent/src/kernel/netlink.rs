//! Addresses and links by rtnetlink. Changes nothing that it was not given, and takes nothing for
//! done that the kernel has not acknowledged.

use super::announcer::Announcer;
use super::driver::{Driver, RouteMessage};
use super::firewall::{Firewall, FirewallError, Rules};
use super::groups::{Groups, Membership};
use super::messages::{link_state, name, present, whole};
use super::paths::{self, Adding, Path};
use super::vmac::{self, Mark, Vmac, VmacError, Vmacs};
use super::{Address, Announcement, Kernel, Lifetime, LinkState, Present, errno};
use futures_util::StreamExt;
use nix::errno::Errno;
use rtnetlink::Handle;
use rtnetlink::packet_core::{
    ErrorMessage, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_EXCL, NLM_F_REPLACE,
    NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::address::AddressMessage;
use rtnetlink::packet_route::link::{LinkAttribute, LinkMessage};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv6Addr;
use vipd_types::{IfName, Instant};

/// A list that changes while it is read is read again, so many times.
const DUMPS: usize = 5;

pub(crate) struct Linux {
    driver: Driver,
    handle: Handle,
    announcer: Announcer,
    pub(super) vmacs: Vmacs,
    firewall: Firewall,
    groups: Groups,
}

impl Linux {
    pub(crate) fn open() -> Result<Self, Errno> {
        let (mut connection, handle, _) =
            rtnetlink::new_connection_with_socket().map_err(|e| errno(&e))?;
        // Without this the kernel ignores the interface a dump asks for and sends them all.
        let socket = rtnetlink::sys::AsyncSocket::socket_mut(connection.socket_mut());
        socket.set_netlink_get_strict_chk(true).map_err(|e| errno(&e))?;
        let (driver, announcer) = (Driver::new(connection), Announcer::open()?);
        let (vmacs, firewall, groups) = Default::default();
        Ok(Self { driver, handle, announcer, vmacs, firewall, groups })
    }

    /// Sends all requests and collects the kernel's verdict on each.
    pub(super) fn change(&mut self, requests: Vec<RouteMessage>) -> Vec<Result<(), Errno>> {
        let answers: Vec<_> =
            requests.into_iter().map(|request| self.handle.request(request)).collect();
        let mut verdicts = Vec::with_capacity(answers.len());
        for answer in answers {
            let verdict = match answer {
                Err(_) => Err(Errno::ENOTCONN),
                Ok(stream) => self.driver.run(async {
                    let mut stream = std::pin::pin!(stream);
                    let mut verdict = Ok(());
                    while let Some(message) = stream.next().await {
                        verdict = verdict.and(error_of(&message));
                    }
                    verdict
                }),
            };
            verdicts.push(verdict.and_then(|inner| inner));
        }
        verdicts
    }

    pub(super) fn ask(&mut self, request: RouteMessage) -> Result<Vec<RouteNetlinkMessage>, Errno> {
        let stream = self.handle.request(request).map_err(|_| Errno::ENOTCONN)?;
        self.driver.run(async {
            let mut stream = std::pin::pin!(stream);
            let mut found = Vec::new();
            while let Some(message) = stream.next().await {
                error_of(&message)?;
                if message.header.flags & NLM_F_DUMP_INTR != 0 {
                    return Err(Errno::EINTR);
                }
                if let NetlinkPayload::InnerMessage(inner) = message.payload {
                    found.push(inner);
                }
            }
            Ok(found)
        })?
    }
}

impl Linux {
    fn link_by_index(&mut self, index: u32) -> Result<LinkState, Errno> {
        let found = self.ask(get_link(index))?;
        found.iter().find_map(link_state).map(|(_, state)| state).ok_or(Errno::ENODEV)
    }

    fn list(&mut self, index: u32) -> Result<Vec<Present>, Errno> {
        let mut ask = AddressMessage::default();
        ask.header.index = index;
        let flags = NLM_F_REQUEST | NLM_F_DUMP;
        let found = self.ask(request(RouteNetlinkMessage::GetAddress(ask), flags))?;
        Ok(found.iter().filter_map(present).filter(|p| p.index == index).collect())
    }

    /// The kernel has one route for all IPv6 addresses of a subnet, and the last of them that gets
    /// a lifetime gives it to the route: a leased address of ours would take the host's way to its
    /// own subnet along. So it has no part in a route that another address has made already.
    fn put(&mut self, addresses: &[Address], lifetime: Lifetime, how: u16) -> Vec<RouteMessage> {
        let mut seen: BTreeMap<u32, Vec<Present>> = BTreeMap::new();
        let mut requests = Vec::with_capacity(addresses.len());
        for address in addresses {
            let with_route = address.ip.is_ipv6() && address.prefix < 128 && lifetime.is_some();
            let foreign_route = with_route && {
                let there = seen.entry(address.index);
                let there =
                    there.or_insert_with(|| self.addresses(address.index).unwrap_or_default());
                there.iter().any(|other| other.owns_route_of(address))
            };
            let message = RouteNetlinkMessage::NewAddress(whole(address, lifetime, foreign_route));
            requests.push(request(message, NLM_F_REQUEST | NLM_F_ACK | how));
        }
        requests
    }
}

impl Kernel for Linux {
    fn now(&self) -> Instant {
        vipd_ipc::clock::now()
    }

    fn clear_vmacs(&mut self, mark: &Mark) -> Result<Vec<IfName>, VmacError> {
        vmac::clear(self, mark)
    }

    fn make_vmac(&mut self, wanted: &Vmac, mark: &Mark) -> Result<u32, VmacError> {
        vmac::make(self, wanted, mark)
    }

    fn raise_vmac(&mut self, index: u32) -> Result<(), VmacError> {
        vmac::raise(self, index)
    }

    fn uphold_vmac(&mut self, index: u32) -> Result<bool, VmacError> {
        vmac::uphold(self, index)
    }

    fn borrow_link_local(&mut self, index: u32) -> Result<Option<Ipv6Addr>, VmacError> {
        vmac::borrow(self, index)
    }

    fn remove_vmac(&mut self, index: u32) -> Result<(), VmacError> {
        vmac::remove(self, index)
    }

    fn hold_groups(&mut self, wanted: &BTreeSet<Membership>) -> Result<(), Errno> {
        self.groups.hold(wanted)
    }

    fn firewall(&mut self, rules: &Rules) -> Result<(), FirewallError> {
        self.firewall.apply(rules)
    }

    fn add(&mut self, addresses: &[Address], lifetime: Lifetime) -> Vec<Result<(), Errno>> {
        let requests = self.put(addresses, lifetime, NLM_F_CREATE | NLM_F_EXCL);
        self.change(requests)
    }

    fn remove(&mut self, addresses: &[Address]) -> Vec<Result<(), Errno>> {
        let flags = NLM_F_REQUEST | NLM_F_ACK;
        let request = |a| request(RouteNetlinkMessage::DelAddress(name(a)), flags);
        self.change(addresses.iter().map(request).collect())
    }

    fn add_paths(&mut self, all: &[Path], adding: Adding) -> Vec<Result<(), Errno>> {
        paths::add(self, all, adding)
    }

    fn remove_paths(&mut self, all: &[Path]) -> Vec<Result<(), Errno>> {
        paths::remove(self, all)
    }

    fn renew(&mut self, addresses: &[Address], lifetime: Lifetime) -> Vec<Result<(), Errno>> {
        let requests = self.put(addresses, lifetime, NLM_F_REPLACE);
        self.change(requests)
    }

    fn addresses(&mut self, index: u32) -> Result<Vec<Present>, Errno> {
        for _ in 0..DUMPS {
            match self.list(index) {
                Err(Errno::EINTR) => {}
                verdict => return verdict,
            }
        }
        Err(Errno::EINTR)
    }

    fn link(&mut self, interface: &IfName) -> Result<(u32, LinkState), Errno> {
        let name = std::str::from_utf8(interface.as_bytes()).map_err(|_| Errno::EINVAL)?;
        let mut ask = LinkMessage::default();
        ask.attributes.push(LinkAttribute::IfName(name.to_owned()));
        let found = self.ask(request(RouteNetlinkMessage::GetLink(ask), NLM_F_REQUEST))?;
        found.iter().find_map(link_state).ok_or(Errno::ENODEV)
    }

    fn announce(&mut self, announcements: &[Announcement]) -> Vec<Result<(), Errno>> {
        // Asked each time: a bond or a bridge may change its hardware address at any moment.
        let mut known: BTreeMap<u32, Result<LinkState, Errno>> = BTreeMap::new();
        let mut verdicts = Vec::with_capacity(announcements.len());
        for announcement in announcements {
            let index = announcement.index;
            let link = *known.entry(index).or_insert_with(|| self.link_by_index(index));
            let verdict = link.and_then(|link| match (link.resolves, link.mac) {
                (false, _) => Ok(()),
                (true, Some(mac)) => self.announcer.announce(announcement, mac),
                (true, None) => Err(Errno::EAFNOSUPPORT),
            });
            // One interface that takes no more must not cost a try for each address.
            if let Err(errno @ (Errno::EAGAIN | Errno::ENOBUFS)) = verdict {
                known.insert(index, Err(errno));
            }
            verdicts.push(verdict);
        }
        verdicts
    }
}

pub(super) fn request(message: RouteNetlinkMessage, flags: u16) -> RouteMessage {
    let mut request = NetlinkMessage::from(message);
    request.header.flags = flags;
    request
}

/// A message about one interface, which says nothing of it yet.
pub(super) fn link(index: u32) -> LinkMessage {
    let mut link = LinkMessage::default();
    link.header.index = index;
    link
}

pub(super) fn get_link(index: u32) -> RouteMessage {
    request(RouteNetlinkMessage::GetLink(link(index)), NLM_F_REQUEST)
}

fn error_of(message: &RouteMessage) -> Result<(), Errno> {
    match &message.payload {
        NetlinkPayload::Error(error) => verdict(error),
        NetlinkPayload::Overrun(_) => Err(Errno::ENOBUFS),
        NetlinkPayload::Done(_) | NetlinkPayload::Noop | NetlinkPayload::InnerMessage(_) => Ok(()),
        _ => Err(Errno::EPROTO),
    }
}

/// The code 0 is an acknowledgement.
pub(super) fn verdict(error: &ErrorMessage) -> Result<(), Errno> {
    error.code.map_or(Ok(()), |code| Err(Errno::from_raw(code.get().saturating_neg())))
}
