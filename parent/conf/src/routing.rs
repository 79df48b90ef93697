//! Routes and rules as the configuration has them, every default filled in, and back to the words of
//! their lines. Names of routing tables stay names: the host knows what they mean.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::net::IpAddr;
use vipd_types::{Family, IfName};

/// `ADDRESS/LENGTH` without host bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    pub address: IpAddr,
    pub length: u8,
}

impl Display for Prefix {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    Number(u32),
    /// Of rt_tables.
    Name(String),
}

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(254) => f.write_str("main"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => f.write_str(name),
        }
    }
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

pub(crate) fn name_of<T: PartialEq>(all: &[(T, &'static str)], one: &T) -> &'static str {
    all.iter().find(|(value, _)| value == one).map_or("", |(_, name)| *name)
}

fn family(family: Family) -> &'static str {
    match family {
        Family::V4 => "inet",
        Family::V6 => "inet6",
    }
}

impl Display for Hop {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(via) = self.via {
            write!(f, " via {via}")?;
        }
        if let Some(dev) = &self.dev {
            write!(f, " dev {}", Quoted(dev))?;
        }
        if self.onlink { f.write_str(" onlink") } else { Ok(()) }
    }
}

/// An interface, in quotes where the language wants them.
struct Quoted<'a>(&'a IfName);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&crate::print::quoted(self.0.as_bytes())))
    }
}

/// The line without what has its default.
impl Display for Route {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", family(self.family))?;
        if self.kind != RouteKind::Unicast {
            write!(f, "{} ", name_of(&RouteKind::ALL, &self.kind))?;
        }
        write!(f, "{}", self.to)?;
        if let Some(from) = self.from {
            write!(f, " from {from}")?;
        }
        if let [hop] = self.hops.as_slice() {
            write!(f, "{hop}")?;
        }
        if let Some(source) = self.source {
            write!(f, " src {source}")?;
        }
        if self.tos != 0 {
            write!(f, " tos {}", self.tos)?;
        }
        write!(f, " table {}", self.table)?;
        if let Some(metric) = self.metric {
            write!(f, " metric {metric}")?;
        }
        if self.family == Family::V4 {
            write!(f, " scope {}", self.scope)?;
        }
        self.rest(f)
    }
}

impl Route {
    fn rest(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (metric, value) in &self.metrics {
            let lock = if self.locked & metric.bit() == 0 { "" } else { "lock " };
            if *metric == Metric::Features {
                f.write_str(" features ecn")?;
            } else {
                write!(f, " {} {lock}{value}", name_of(&Metric::NUMBERS, metric))?;
            }
        }
        if let Some(name) = &self.congestion {
            let lock = if self.locked & CONGESTION == 0 { "" } else { "lock " };
            write!(f, " congctl {lock}{name}")?;
        }
        if let Some(seconds) = self.expires {
            write!(f, " expires {seconds}")?;
        }
        if let Some(preference) = &self.preference {
            write!(f, " pref {}", name_of(&Preference::ALL, preference))?;
        }
        if let Some(realms) = &self.realms {
            write!(f, " realms {}/{}", realms.source, realms.destination)?;
        }
        if self.place != Place::Prepend {
            write!(f, " {}", name_of(&Place::ALL, &self.place))?;
        }
        if !self.track {
            f.write_str(" no_track")?;
        }
        if self.hops.len() > 1 {
            for hop in &self.hops {
                write!(f, " nexthop{hop} weight {}", hop.weight)?;
            }
        }
        Ok(())
    }
}

/// RTAX_CC_ALGO as a bit of `Route::locked`.
pub const CONGESTION: u32 = 1 << 16;

impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(family(self.family))?;
        if self.invert {
            f.write_str(" not")?;
        }
        if let Some(from) = self.from {
            write!(f, " from {from}")?;
        }
        if let Some(to) = self.to {
            write!(f, " to {to}")?;
        }
        if self.tos != 0 {
            write!(f, " tos {}", self.tos)?;
        }
        match self.fwmark {
            Some((mark, Some(mask))) => write!(f, " fwmark {mark}/{mask}")?,
            Some((mark, None)) => write!(f, " fwmark {mark}")?,
            None => {}
        }
        for (name, interface) in [("iif", &self.iif), ("oif", &self.oif)] {
            if let Some(interface) = interface {
                write!(f, " {name} {}", Quoted(interface))?;
            }
        }
        self.rest(f)
    }
}

impl Rule {
    fn rest(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(id) = self.tunnel {
            write!(f, " tunnel-id {id}")?;
        }
        if let Some((first, last)) = self.users {
            write!(f, " uidrange {first}-{last}")?;
        }
        if let Some(protocol) = self.protocol {
            write!(f, " ipproto {protocol}")?;
        }
        for (name, ports) in [("sport", self.source_ports), ("dport", self.destination_ports)] {
            if let Some((first, last)) = ports {
                write!(f, " {name} {first}-{last}")?;
            }
        }
        write!(f, " priority {}", self.priority)?;
        if let Some(realms) = &self.realms {
            write!(f, " realms {}/{}", realms.source, realms.destination)?;
        }
        if let Some(length) = self.suppress_prefixlength {
            write!(f, " suppress_prefixlength {length}")?;
        }
        if let Some(group) = self.suppress_ifgroup {
            write!(f, " suppress_ifgroup {group}")?;
        }
        match &self.action {
            Action::Table(table) => write!(f, " table {table}")?,
            Action::L3mdev => f.write_str(" l3mdev")?,
            Action::Goto(priority) => write!(f, " goto {priority}")?,
            Action::Nop => f.write_str(" nop")?,
            Action::Blackhole => f.write_str(" blackhole")?,
            Action::Unreachable => f.write_str(" unreachable")?,
            Action::Prohibit => f.write_str(" prohibit")?,
        }
        if self.track { Ok(()) } else { f.write_str(" no_track") }
    }
}
