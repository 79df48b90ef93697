//! A rule in the words of rtnetlink, and whether one that the kernel has is it. Sends nothing.

use super::route::family;
use super::{PROTOCOL, RulePath};
use rtnetlink::packet_route::IpProtocol;
use rtnetlink::packet_route::route::{RouteProtocol, RouteRealm};
use rtnetlink::packet_route::rule::{
    RuleAction, RuleAttribute, RuleFlags, RuleMessage, RulePortRange, RuleUidRange,
};
use vipd_conf::routing::Action;
use vipd_types::IfName;

pub(super) fn message(path: &RulePath) -> RuleMessage {
    let wanted = &path.wanted;
    let mut message = of_family(path);
    let header = &mut message.header;
    header.tos = wanted.tos;
    if wanted.invert {
        header.flags |= RuleFlags::Invert;
    }
    let attributes = &mut message.attributes;
    attributes.push(RuleAttribute::Protocol(RouteProtocol::from(PROTOCOL)));
    attributes.push(RuleAttribute::Priority(wanted.priority));
    if let Some(from) = wanted.from {
        header.src_len = from.length;
        attributes.push(RuleAttribute::Source(from.address));
    }
    if let Some(to) = wanted.to {
        header.dst_len = to.length;
        attributes.push(RuleAttribute::Destination(to.address));
    }
    if let Some((mark, mask)) = wanted.fwmark {
        attributes.push(RuleAttribute::FwMark(mark));
        attributes.extend(mask.map(RuleAttribute::FwMask));
    }
    attributes.extend(wanted.iif.as_ref().map(|name| RuleAttribute::Iifname(text(name))));
    attributes.extend(wanted.oif.as_ref().map(|name| RuleAttribute::Oifname(text(name))));
    attributes.extend(wanted.tunnel.map(RuleAttribute::TunId));
    attributes.extend(
        wanted.users.map(|(start, end)| RuleAttribute::UidRange(RuleUidRange { start, end })),
    );
    attributes.extend(wanted.protocol.map(|p| RuleAttribute::IpProtocol(IpProtocol::from(p))));
    let range = |(start, end)| RulePortRange { start, end };
    attributes.extend(wanted.source_ports.map(|p| RuleAttribute::SourcePortRange(range(p))));
    let ports = wanted.destination_ports;
    attributes.extend(ports.map(|p| RuleAttribute::DestinationPortRange(range(p))));
    attributes.extend(wanted.realms.map(|realms| {
        let (source, destination) = (realms.source, realms.destination);
        RuleAttribute::Realm(RouteRealm { source, destination })
    }));
    let length = wanted.suppress_prefixlength;
    attributes.extend(length.map(RuleAttribute::SuppressPrefixLen));
    attributes.extend(wanted.suppress_ifgroup.map(RuleAttribute::SuppressIfGroup));
    attributes.extend(path.table.map(RuleAttribute::Table));
    header.action = match wanted.action {
        Action::Table(_) => RuleAction::ToTable,
        Action::L3mdev => {
            attributes.push(RuleAttribute::L3MDev(true));
            RuleAction::ToTable
        }
        Action::Goto(priority) => {
            attributes.push(RuleAttribute::Goto(priority));
            RuleAction::Goto
        }
        Action::Nop => RuleAction::Nop,
        Action::Blackhole => RuleAction::Blackhole,
        Action::Unreachable => RuleAction::Unreachable,
        Action::Prohibit => RuleAction::Prohibit,
    };
    message
}

/// To ask for all of its family.
pub(super) fn of_family(path: &RulePath) -> RuleMessage {
    let mut message = RuleMessage::default();
    message.header.family = family(path.wanted.family);
    message
}

/// Has it all that we wrote? The kernel adds what has a default.
pub(super) fn is(found: &RuleMessage, wanted: &RuleMessage) -> bool {
    let head = |message: &RuleMessage| {
        let header = &message.header;
        let inverted = header.flags.contains(RuleFlags::Invert);
        (header.src_len, header.dst_len, header.tos, header.action, inverted)
    };
    head(found) == head(wanted)
        && wanted.attributes.iter().all(|attribute| found.attributes.contains(attribute))
}

fn text(name: &IfName) -> String {
    String::from_utf8_lossy(name.as_bytes()).into_owned()
}
