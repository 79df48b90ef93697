//! Routes and rules back in the words of their lines, for the printed configuration, the log and the
//! audit trail.

use super::{
    Action, CONGESTION, Hop, Metric, Place, Preference, Prefix, Route, RouteKind, Rule, Table,
};
use std::fmt::{self, Display, Formatter};
use vipd_types::{Family, IfName};

impl Display for Prefix {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
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

fn name_of<T: PartialEq>(all: &[(T, &'static str)], one: &T) -> &'static str {
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
