//! A route in the words of rtnetlink, and what the kernel tells of one that is gone. Sends nothing.

use super::{PROTOCOL, RoutePath};
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteMetric, RouteNextHop,
    RouteNextHopFlags, RoutePreference, RouteProtocol, RouteRealm, RouteType, RouteVia,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use vipd_conf::routing::{Hop, Metric, Preference, Prefix, Route, RouteKind};
use vipd_types::Family;

/// What the kernel gives a route of IPv6 that names no metric.
const METRIC6: u32 = 1024;

pub(super) fn message(path: &RoutePath) -> RouteMessage {
    let RoutePath { wanted, table, indexes, is_part } = path;
    let mut message = RouteMessage::default();
    let header = &mut message.header;
    header.address_family = family(wanted.family);
    header.destination_prefix_length = wanted.to.length;
    header.tos = wanted.tos;
    header.protocol = RouteProtocol::from(PROTOCOL);
    header.scope = wanted.scope.into();
    header.kind = kind(wanted.kind);
    let attributes = &mut message.attributes;
    attributes.push(RouteAttribute::Table(*table));
    if wanted.to.length > 0 {
        attributes.push(RouteAttribute::Destination(address(wanted.to.address)));
    }
    if let Some(from) = wanted.from {
        header.source_prefix_length = from.length;
        attributes.push(RouteAttribute::Source(address(from.address)));
    }
    attributes.extend(wanted.source.map(|source| RouteAttribute::PrefSource(address(source))));
    let default = (wanted.family == Family::V6).then_some(METRIC6);
    attributes.extend(wanted.metric.or(default).map(RouteAttribute::Priority));
    let hops = wanted.hops.iter().zip(indexes.iter().copied().chain(std::iter::repeat(None)));
    match wanted.hops.as_slice() {
        [hop] if !is_part => {
            if hop.onlink {
                header.flags |= RouteFlags::Onlink;
            }
            attributes.extend(hop.via.map(|via| gateway(wanted, via)));
            let index = indexes.first().copied().flatten();
            attributes.extend(index.map(RouteAttribute::Oif));
        }
        [] => {}
        [..] => {
            let hops = hops.map(|(hop, index)| next_hop(wanted, hop, index));
            attributes.push(RouteAttribute::MultiPath(hops.collect()));
        }
    }
    attributes.extend(metrics(wanted));
    attributes.extend(wanted.expires.map(RouteAttribute::Expires));
    attributes.extend(wanted.preference.map(|p| RouteAttribute::Preference(preference(p))));
    attributes.extend(wanted.realms.map(|realms| {
        let (source, destination) = (realms.source, realms.destination);
        RouteAttribute::Realm(RouteRealm { source, destination })
    }));
    message
}

fn next_hop(route: &Route, hop: &Hop, index: Option<u32>) -> RouteNextHop {
    let mut next = RouteNextHop::default();
    if hop.onlink {
        next.flags |= RouteNextHopFlags::Onlink;
    }
    next.hops = u8::try_from(hop.weight.saturating_sub(1)).unwrap_or(u8::MAX);
    next.interface_index = index.unwrap_or(0);
    next.attributes.extend(hop.via.map(|via| gateway(route, via)));
    next
}

fn gateway(route: &Route, via: IpAddr) -> RouteAttribute {
    match (route.family, via) {
        (Family::V4, IpAddr::V6(ip)) => RouteAttribute::Via(RouteVia::Inet6(ip)),
        (_, ip) => RouteAttribute::Gateway(address(ip)),
    }
}

fn metrics(route: &Route) -> Option<RouteAttribute> {
    let one = |(metric, value): (&Metric, &u32)| match metric {
        Metric::Mtu => RouteMetric::Mtu(*value),
        Metric::Window => RouteMetric::Window(*value),
        Metric::Rtt => RouteMetric::Rtt(*value),
        Metric::RttVar => RouteMetric::RttVar(*value),
        Metric::SsThresh => RouteMetric::SsThresh(*value),
        Metric::Cwnd => RouteMetric::Cwnd(*value),
        Metric::AdvMss => RouteMetric::Advmss(*value),
        Metric::Reordering => RouteMetric::Reordering(*value),
        Metric::HopLimit => RouteMetric::Hoplimit(*value),
        Metric::InitCwnd => RouteMetric::InitCwnd(*value),
        Metric::Features => RouteMetric::Features(*value),
        Metric::RtoMin => RouteMetric::RtoMin(*value),
        Metric::InitRwnd => RouteMetric::InitRwnd(*value),
        Metric::QuickAck => RouteMetric::QuickAck(*value),
        Metric::FastopenNoCookie => RouteMetric::FastopenNoCookie(*value),
    };
    let mut all: Vec<RouteMetric> = route.metrics.iter().map(one).collect();
    all.extend(route.congestion.clone().map(RouteMetric::CcAlgo));
    if route.locked != 0 {
        all.push(RouteMetric::Lock(route.locked));
    }
    (!all.is_empty()).then_some(RouteAttribute::Metrics(all))
}

fn kind(kind: RouteKind) -> RouteType {
    match kind {
        RouteKind::Unicast => RouteType::Unicast,
        RouteKind::Local => RouteType::Local,
        RouteKind::Broadcast => RouteType::Broadcast,
        RouteKind::Anycast => RouteType::Anycast,
        RouteKind::Multicast => RouteType::Multicast,
        RouteKind::Blackhole => RouteType::BlackHole,
        RouteKind::Unreachable => RouteType::Unreachable,
        RouteKind::Prohibit => RouteType::Prohibit,
        RouteKind::Throw => RouteType::Throw,
    }
}

fn preference(preference: Preference) -> RoutePreference {
    match preference {
        Preference::Low => RoutePreference::Low,
        Preference::Medium => RoutePreference::Medium,
        Preference::High => RoutePreference::High,
    }
}

pub(super) fn family(family: Family) -> AddressFamily {
    match family {
        Family::V4 => AddressFamily::Inet,
        Family::V6 => AddressFamily::Inet6,
    }
}

fn address(ip: IpAddr) -> RouteAddress {
    match ip {
        IpAddr::V4(ip) => RouteAddress::Inet(ip),
        IpAddr::V6(ip) => RouteAddress::Inet6(ip),
    }
}

/// A route of ours that was removed, or one of anybody's that was put in the place of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gone {
    pub(crate) to: Prefix,
    pub(crate) table: u32,
}

impl Gone {
    pub(crate) fn may_be(&self, path: &RoutePath) -> bool {
        (self.to, self.table) == (path.wanted.to, path.table)
    }
}

pub(in crate::kernel) fn gone(message: &RouteNetlinkMessage) -> Option<Gone> {
    let (RouteNetlinkMessage::NewRoute(route) | RouteNetlinkMessage::DelRoute(route)) = message
    else {
        return None;
    };
    let mut table = u32::from(route.header.table);
    let mut to = None;
    for attribute in &route.attributes {
        if let RouteAttribute::Table(number) = attribute {
            table = *number;
        } else if let RouteAttribute::Destination(address) = attribute {
            to = ip(address);
        }
    }
    let length = route.header.destination_prefix_length;
    let any = if route.header.address_family == AddressFamily::Inet6 {
        IpAddr::V6(Ipv6Addr::UNSPECIFIED)
    } else {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED)
    };
    Some(Gone { to: Prefix { address: to.unwrap_or(any), length }, table })
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    if let RouteAddress::Inet(ip) = address {
        Some(IpAddr::V4(*ip))
    } else if let RouteAddress::Inet6(ip) = address {
        Some(IpAddr::V6(*ip))
    } else {
        None
    }
}
