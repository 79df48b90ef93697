//! Addresses and links by rtnetlink. Changes nothing that it was not given, and takes nothing for
//! done that the kernel has not acknowledged.

use super::announcer::Announcer;
use super::driver::{Driver, RouteMessage};
use super::firewall::{Firewall, FirewallError, Rules};
use super::groups::{Groups, Membership};
use super::vmac::{self, Mark, Vmac, VmacError, Vmacs};
use super::{Address, Kernel, Lifetime, LinkState, Present};
use futures_util::StreamExt;
use nix::errno::Errno;
use rtnetlink::Handle;
use rtnetlink::packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkMessage,
    NetlinkPayload,
};
use rtnetlink::packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, AddressProtocol, CacheInfo,
};
use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};
use vipd_types::{IfName, Instant};

/// IFA_PROTO of the addresses that a VRRP daemon put there (keepalived's number, RTPROT_KEEPALIVED).
const PROTOCOL: u8 = 18;

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
        let mut ask = LinkMessage::default();
        ask.header.index = index;
        let found = self.ask(request(RouteNetlinkMessage::GetLink(ask), NLM_F_REQUEST))?;
        found.iter().find_map(link_state).map(|(_, state)| state).ok_or(Errno::ENODEV)
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
        let flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
        let request = |a| request(RouteNetlinkMessage::NewAddress(message(a, lifetime)), flags);
        self.change(addresses.iter().map(request).collect())
    }

    fn remove(&mut self, addresses: &[Address]) -> Vec<Result<(), Errno>> {
        let flags = NLM_F_REQUEST | NLM_F_ACK;
        let request = |a| request(RouteNetlinkMessage::DelAddress(bare(a)), flags);
        self.change(addresses.iter().map(request).collect())
    }

    fn renew(&mut self, addresses: &[Address], lifetime: Lifetime) -> Vec<Result<(), Errno>> {
        let flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_REPLACE;
        let request = |a| request(RouteNetlinkMessage::NewAddress(message(a, lifetime)), flags);
        self.change(addresses.iter().map(request).collect())
    }

    fn addresses(&mut self, index: u32) -> Result<Vec<Present>, Errno> {
        let mut ask = AddressMessage::default();
        ask.header.index = index;
        let flags = NLM_F_REQUEST | NLM_F_DUMP;
        let found = self.ask(request(RouteNetlinkMessage::GetAddress(ask), flags))?;
        Ok(found.iter().filter_map(present).filter(|p| p.index == index).collect())
    }

    fn link(&mut self, interface: &IfName) -> Result<(u32, LinkState), Errno> {
        let name = std::str::from_utf8(interface.as_bytes()).map_err(|_| Errno::EINVAL)?;
        let mut ask = LinkMessage::default();
        ask.attributes.push(LinkAttribute::IfName(name.to_owned()));
        let found = self.ask(request(RouteNetlinkMessage::GetLink(ask), NLM_F_REQUEST))?;
        found.iter().find_map(link_state).ok_or(Errno::ENODEV)
    }

    fn announce(&mut self, addresses: &[Address]) -> Result<(), Errno> {
        // Asked each time: a bond or a bridge may change its hardware address at any moment.
        let mut known: Option<(u32, Option<[u8; 6]>)> = None;
        for address in addresses {
            let mac = match known {
                Some((index, mac)) if index == address.index => mac,
                _ => self.link_by_index(address.index)?.mac,
            };
            known = Some((address.index, mac));
            self.announcer.announce(address, mac.ok_or(Errno::EAFNOSUPPORT)?)?;
        }
        Ok(())
    }
}

pub(super) fn request(message: RouteNetlinkMessage, flags: u16) -> RouteMessage {
    let mut request = NetlinkMessage::from(message);
    request.header.flags = flags;
    request
}

fn bare(address: &Address) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = match address.ip {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    };
    message.header.prefix_len = address.prefix;
    message.header.index = address.index;
    message.header.scope = address.scope.into();
    message.attributes.push(AddressAttribute::Local(address.ip));
    message.attributes.push(AddressAttribute::Address(address.ip));
    message
}

fn message(address: &Address, lifetime: Lifetime) -> AddressMessage {
    let mut message = bare(address);
    let attributes = &mut message.attributes;
    attributes.push(AddressAttribute::Protocol(AddressProtocol::Other(PROTOCOL)));
    attributes.extend(address.broadcast.map(AddressAttribute::Broadcast));
    attributes.extend(address.label.clone().map(AddressAttribute::Label));
    if address.ip.is_ipv6() {
        attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
    }
    let mut cache = CacheInfo::default();
    cache.ifa_valid = lifetime.unwrap_or(u32::MAX);
    cache.ifa_preferred = cache.ifa_valid;
    attributes.push(AddressAttribute::CacheInfo(cache));
    message
}

pub(super) fn present(message: &RouteNetlinkMessage) -> Option<Present> {
    let (RouteNetlinkMessage::NewAddress(message) | RouteNetlinkMessage::DelAddress(message)) =
        message
    else {
        return None;
    };
    let mut ip = None;
    let mut protocol = None;
    let mut leased = false;
    for attribute in &message.attributes {
        if let AddressAttribute::Local(local) = attribute {
            ip = Some(*local);
        } else if let AddressAttribute::Address(address) = attribute {
            ip = ip.or(Some(*address));
        } else if let AddressAttribute::Protocol(tag) = attribute {
            protocol = Some(u8::from(*tag));
        } else if let AddressAttribute::CacheInfo(cache) = attribute {
            leased = cache.ifa_valid != u32::MAX;
        }
    }
    Some(Present {
        ip: ip?,
        prefix: message.header.prefix_len,
        index: message.header.index,
        ours: protocol.map_or(leased, |tag| tag == PROTOCOL),
        secondary: message.header.flags.contains(AddressHeaderFlags::Secondary),
    })
}

pub(super) fn link_state(message: &RouteNetlinkMessage) -> Option<(u32, LinkState)> {
    let RouteNetlinkMessage::NewLink(link) = message else { return None };
    let up = link.header.flags.contains(LinkFlags::Up | LinkFlags::LowerUp);
    let mac = link.attributes.iter().find_map(|attribute| {
        let LinkAttribute::Address(mac) = attribute else { return None };
        mac.as_slice().try_into().ok()
    });
    Some((link.header.index, LinkState { up, mac }))
}

fn error_of(message: &RouteMessage) -> Result<(), Errno> {
    match &message.payload {
        NetlinkPayload::Error(error) => {
            error.code.map_or(Ok(()), |code| Err(Errno::from_raw(code.get().saturating_neg())))
        }
        NetlinkPayload::Overrun(_) => Err(Errno::ENOBUFS),
        NetlinkPayload::Done(_) | NetlinkPayload::Noop | NetlinkPayload::InnerMessage(_) => Ok(()),
        _ => Err(Errno::EPROTO),
    }
}

fn errno(error: &std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as i32))
}
