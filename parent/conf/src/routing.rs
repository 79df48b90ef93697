//! Routes and rules as the configuration has them, every default filled in. Names of routing tables
//! stay names: the host knows what they mean.

mod text;

use std::collections::BTreeMap;
use std::net::IpAddr;
use vipd_types::{Family, IfName};

/// `ADDRESS/LENGTH` without host bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    pub address: IpAddr,
    pub length: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    Number(u32),
    /// Of rt_tables.
    Name(String),
}

/// One line of `virtual_routes` or `static_routes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub family: Family,
    pub kind: RouteKind,
    pub to: Prefix,
    /// `from`: only for packets from there; IPv6 only.
    pub from: Option<Prefix>,
    /// `src`: what this host sends by it has this address.
    pub source: Option<IpAddr>,
    pub tos: u8,
    pub table: Table,
    pub metric: Option<u32>,
    /// As the kernel numbers scopes; 0 for IPv6, which has none.
    pub scope: u8,
    /// None for those that lead nowhere, one, or several that share the packets.
    pub hops: Vec<Hop>,
    pub metrics: BTreeMap<Metric, u32>,
    /// Metrics that the kernel may not change by what it learns; bits as in RTAX_LOCK.
    pub locked: u32,
    pub congestion: Option<String>,
    /// Seconds; IPv6 only.
    pub expires: Option<u32>,
    /// `pref`; IPv6 only.
    pub preference: Option<Preference>,
    pub realms: Option<Realms>,
    pub place: Place,
    /// False with `no_track`.
    pub track: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// May be of IPv6 in a route of IPv4.
    pub via: Option<IpAddr>,
    pub dev: Option<IfName>,
    /// The gateway is on the link, whatever the interface's addresses say.
    pub onlink: bool,
    /// 1 to 256
    pub weight: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteKind {
    Unicast,
    Local,
    Broadcast,
    Anycast,
    Multicast,
    Blackhole,
    Unreachable,
    Prohibit,
    Throw,
}

impl RouteKind {
    pub const ALL: [(Self, &str); 9] = [
        (Self::Unicast, "unicast"),
        (Self::Local, "local"),
        (Self::Broadcast, "broadcast"),
        (Self::Anycast, "anycast"),
        (Self::Multicast, "multicast"),
        (Self::Blackhole, "blackhole"),
        (Self::Unreachable, "unreachable"),
        (Self::Prohibit, "prohibit"),
        (Self::Throw, "throw"),
    ];

    /// Packets go to a next hop or an interface.
    pub fn leads_somewhere(self) -> bool {
        !matches!(self, Self::Blackhole | Self::Unreachable | Self::Prohibit | Self::Throw)
    }
}

/// What the kernel calls a metric of a route; the numbers are RTAX_*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    Mtu = 2,
    Window = 3,
    /// In eighths of a millisecond.
    Rtt = 4,
    /// In quarters of a millisecond.
    RttVar = 5,
    SsThresh = 6,
    Cwnd = 7,
    AdvMss = 8,
    Reordering = 9,
    HopLimit = 10,
    InitCwnd = 11,
    Features = 12,
    /// In milliseconds.
    RtoMin = 13,
    InitRwnd = 14,
    QuickAck = 15,
    FastopenNoCookie = 17,
}

impl Metric {
    /// Those with a number behind their keyword.
    pub const NUMBERS: [(Self, &str); 14] = [
        (Self::Mtu, "mtu"),
        (Self::Window, "window"),
        (Self::Rtt, "rtt"),
        (Self::RttVar, "rttvar"),
        (Self::SsThresh, "ssthresh"),
        (Self::Cwnd, "cwnd"),
        (Self::AdvMss, "advmss"),
        (Self::Reordering, "reordering"),
        (Self::HopLimit, "hoplimit"),
        (Self::InitCwnd, "initcwnd"),
        (Self::RtoMin, "rto_min"),
        (Self::InitRwnd, "initrwnd"),
        (Self::QuickAck, "quickack"),
        (Self::FastopenNoCookie, "fastopen_no_cookie"),
    ];

    pub const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// RFC 4191.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preference {
    Low,
    Medium,
    High,
}

impl Preference {
    pub const ALL: [(Self, &str); 3] =
        [(Self::Low, "low"), (Self::Medium, "medium"), (Self::High, "high")];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Realms {
    pub source: u16,
    pub destination: u16,
}

/// What becomes of another route to the same place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It must not be there.
    Add,
    /// This one comes before it; keepalived's default.
    Prepend,
    Append,
}

impl Place {
    pub const ALL: [(Self, &str); 3] =
        [(Self::Add, "add"), (Self::Prepend, "prepend"), (Self::Append, "append")];
}

/// One line of `virtual_rules` or `static_rules`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub family: Family,
    /// `not`: for packets that do not match.
    pub invert: bool,
    pub from: Option<Prefix>,
    pub to: Option<Prefix>,
    pub tos: u8,
    pub fwmark: Option<(u32, Option<u32>)>,
    pub iif: Option<IfName>,
    pub oif: Option<IfName>,
    pub tunnel: Option<u64>,
    pub users: Option<(u32, u32)>,
    pub protocol: Option<u8>,
    pub source_ports: Option<(u16, u16)>,
    pub destination_ports: Option<(u16, u16)>,
    pub priority: u32,
    pub action: Action,
    pub realms: Option<Realms>,
    pub suppress_prefixlength: Option<u32>,
    pub suppress_ifgroup: Option<u32>,
    /// False with `no_track`.
    pub track: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Table(Table),
    /// The table of the VRF that the packet's interface is in.
    L3mdev,
    Goto(u32),
    Nop,
    Blackhole,
    Unreachable,
    Prohibit,
}

/// RTAX_CC_ALGO as a bit of `Route::locked`.
pub const CONGESTION: u32 = 1 << 16;
