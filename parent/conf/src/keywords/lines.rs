//! The words of lines that describe a route or a rule.

use super::Context::{RouteLine, RuleLine};
use super::Row;
use super::Served::{self, NotYet};
use super::Shape::Line;

const YES: Served = Served::Served;

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    (YES, RouteLine, Line, "inet inet6", "the family"),
    (YES, RouteLine, Line, "unicast local broadcast anycast multicast blackhole unreachable
        prohibit throw", "what becomes of packets"),
    (YES, RouteLine, Line, "to", "the destination"),
    (YES, RouteLine, Line, "from", "packets from there only"),
    (YES, RouteLine, Line, "src", "source address of what is sent by it"),
    (YES, RouteLine, Line, "via gw gateway dev oif onlink weight nexthop", "where packets go"),
    (YES, RouteLine, Line, "tos dsfield", "packets with this type of service only"),
    (YES, RouteLine, Line, "table", "routing table"),
    (YES, RouteLine, Line, "metric priority preference", "the lowest of several counts"),
    (YES, RouteLine, Line, "scope", "distance of the destination"),
    (YES, RouteLine, Line, "protocol", "always keepalived's"),
    (YES, RouteLine, Line, "mtu hoplimit advmss rtt rttvar reordering window cwnd ssthresh rto_min
        initcwnd initrwnd features quickack congctl fastopen_no_cookie", "what TCP and IP start from"),
    (YES, RouteLine, Line, "realms", "realms of the route"),
    (YES, RouteLine, Line, "expires", "seconds until the kernel removes it"),
    (YES, RouteLine, Line, "pref", "preference among routers"),
    (YES, RouteLine, Line, "add prepend append", "its place among others"),
    (YES, RouteLine, Line, "no_track", "it is not put back when somebody removes it"),
    (YES, RouteLine, Line, "track_group", "instances that depend on it"),
    (NotYet, RouteLine, Line, "encap ttl-propagate vrf or as", "the route is left out"),
    (YES, RuleLine, Line, "inet inet6", "the family"),
    (YES, RuleLine, Line, "not", "packets that do not match"),
    (YES, RuleLine, Line, "from to", "addresses of packets"),
    (YES, RuleLine, Line, "tos dsfield fwmark dev iif oif tunnel-id uidrange ipproto sport dport",
        "which packets"),
    (YES, RuleLine, Line, "preference order priority", "the lowest comes first"),
    (YES, RuleLine, Line, "table lookup goto nop blackhole unreachable prohibit l3mdev type",
        "what becomes of them"),
    (YES, RuleLine, Line, "realms", "realms of packets"),
    (YES, RuleLine, Line, "suppress_prefixlength sup_pl suppress_ifgroup sup_group",
        "results that do not count"),
    (YES, RuleLine, Line, "protocol", "always keepalived's"),
    (YES, RuleLine, Line, "no_track", "it is not put back when somebody removes it"),
    (YES, RuleLine, Line, "track_group", "instances that depend on it"),
];
