//! The messages of rtnetlink about virtual MACs, and what its answers say of an interface. Sends
//! nothing.

use super::super::driver::RouteMessage;
use super::super::netlink::{link, request};
use super::Vmac;
use nix::errno::Errno;
use rtnetlink::packet_core::{NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REQUEST};
use rtnetlink::packet_route::address::{
    AddressAttribute, AddressFlags, AddressMessage, AddressScope, CacheInfo,
};
use rtnetlink::packet_route::link::{
    InfoData, InfoKind, InfoMacVlan, LinkAttribute, LinkFlags, LinkInfo, LinkLayerType,
    LinkMessage, MacVlanMode,
};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};
use std::net::{IpAddr, Ipv6Addr};
use vipd_types::IfName;

pub(super) type Request = RouteMessage;

/// An interface as the kernel has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) name: IfName,
    pub(super) index: u32,
    pub(super) is_ethernet: bool,
    pub(super) is_macvlan: bool,
    pub(super) alias: Option<String>,
    pub(super) base: Option<u32>,
    pub(super) controller: Option<u32>,
    pub(super) group: u32,
}

pub(super) fn found(message: &RouteNetlinkMessage) -> Option<Found> {
    let RouteNetlinkMessage::NewLink(link) = message else { return None };
    let (mut name, mut kind, mut alias) = (None, None, None);
    let (mut base, mut controller, mut group) = (None, None, 0);
    for attribute in &link.attributes {
        if let LinkAttribute::IfName(text) = attribute {
            name = IfName::new(text.as_bytes()).ok();
        } else if let LinkAttribute::IfAlias(text) = attribute {
            alias = Some(text.clone());
        } else if let LinkAttribute::Link(index) = attribute {
            base = Some(*index);
        } else if let LinkAttribute::Controller(index) = attribute {
            controller = Some(*index);
        } else if let LinkAttribute::Group(number) = attribute {
            group = *number;
        } else if let LinkAttribute::LinkInfo(infos) = attribute {
            kind = infos.iter().find_map(kind_of);
        }
    }
    Some(Found {
        name: name?,
        index: link.header.index,
        is_ethernet: link.header.link_layer_type == LinkLayerType::Ether,
        is_macvlan: kind == Some(&InfoKind::MacVlan),
        alias,
        base,
        controller,
        group,
    })
}

fn kind_of(info: &LinkInfo) -> Option<&InfoKind> {
    if let LinkInfo::Kind(kind) = info { Some(kind) } else { None }
}

/// Down, with its MAC, in the group of its base, and in its VRF: an interface with any other
/// controller (bridge, bond) can have no macvlan.
pub(super) fn create(vmac: &Vmac, base: &Found) -> Result<Request, Errno> {
    let name = std::str::from_utf8(vmac.name.as_bytes()).map_err(|_| Errno::EINVAL)?;
    let mut link = LinkMessage::default();
    link.attributes = vec![
        LinkAttribute::IfName(name.to_owned()),
        LinkAttribute::Link(vmac.base_index),
        LinkAttribute::Address(vmac.mac.to_vec()),
        LinkAttribute::Group(base.group),
        LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::MacVlan),
            LinkInfo::Data(InfoData::MacVlan(vec![InfoMacVlan::Mode(MacVlanMode::Private)])),
        ]),
    ];
    link.attributes.extend(base.controller.map(LinkAttribute::Controller));
    let flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    Ok(request(RouteNetlinkMessage::NewLink(link), flags))
}

/// A request of its own: the kernel ignores the alias of a new interface.
pub(super) fn set_alias(index: u32, alias: &str) -> Request {
    let mut link = link(index);
    link.attributes.push(LinkAttribute::IfAlias(alias.to_owned()));
    request(RouteNetlinkMessage::SetLink(link), NLM_F_REQUEST | NLM_F_ACK)
}

pub(super) fn up(index: u32) -> Request {
    let mut link = link(index);
    link.header.flags = LinkFlags::Up;
    link.header.change_mask = LinkFlags::Up;
    request(RouteNetlinkMessage::SetLink(link), NLM_F_REQUEST | NLM_F_ACK)
}

pub(super) fn delete(index: u32) -> Request {
    request(RouteNetlinkMessage::DelLink(link(index)), NLM_F_REQUEST | NLM_F_ACK)
}

pub(super) fn get_all() -> Request {
    let link = LinkMessage::default();
    request(RouteNetlinkMessage::GetLink(link), NLM_F_REQUEST | NLM_F_DUMP)
}

/// A link-local address that is never chosen as a source, and whose owner is known: no detection.
pub(super) fn add_deprecated(index: u32, ip: Ipv6Addr) -> Request {
    let mut message = address(index, ip);
    let mut cache = CacheInfo::default();
    cache.ifa_valid = u32::MAX;
    cache.ifa_preferred = 0;
    message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
    message.attributes.push(AddressAttribute::CacheInfo(cache));
    let flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    request(RouteNetlinkMessage::NewAddress(message), flags)
}

pub(super) fn remove_address(index: u32, ip: Ipv6Addr) -> Request {
    request(RouteNetlinkMessage::DelAddress(address(index, ip)), NLM_F_REQUEST | NLM_F_ACK)
}

fn address(index: u32, ip: Ipv6Addr) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = AddressFamily::Inet6;
    message.header.prefix_len = 64;
    message.header.index = index;
    message.header.scope = AddressScope::Link;
    message.attributes.push(AddressAttribute::Local(IpAddr::V6(ip)));
    message.attributes.push(AddressAttribute::Address(IpAddr::V6(ip)));
    message
}
