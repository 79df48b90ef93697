//! Routes and rules in the kernel. Everything of ours has protocol 18 and is removed by it, so that
//! what others have made is never touched. Decides nothing.

mod route;
mod rule;

use super::Linux;
use super::netlink::request;
use nix::errno::Errno;
pub(crate) use route::Gone;
pub(super) use route::gone;
use rtnetlink::packet_core::{
    NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REQUEST,
};
use rtnetlink::packet_route::RouteNetlinkMessage as Message;
use std::fmt::{self, Display, Formatter};
use vipd_conf::routing::{Place, Prefix, Route, Rule};

/// RTPROT_KEEPALIVED; IFA_PROTO of addresses likewise: put there by a VRRP daemon.
pub(super) const PROTOCOL: u8 = 18;

/// A route or a rule as the configuration wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Path {
    Route(Box<RoutePath>),
    Rule(Box<RulePath>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoutePath {
    pub(crate) wanted: Route,
    pub(crate) table: u32,
    /// Of the interface of each hop, as far as it has one.
    pub(crate) indexes: Vec<Option<u32>>,
    /// Part of a route with several hops: its weight counts.
    pub(crate) is_part: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RulePath {
    pub(crate) wanted: Rule,
    /// If that is what it leads to.
    pub(crate) table: Option<u32>,
}

impl RoutePath {
    fn key(&self) -> (u32, Prefix, u8, Option<u32>) {
        (self.table, self.wanted.to, self.wanted.tos, self.wanted.metric)
    }
}

impl Path {
    pub(crate) fn track(&self) -> bool {
        match self {
            Self::Route(route) => route.wanted.track,
            Self::Rule(rule) => rule.wanted.track,
        }
    }

    /// Nothing about it differs for the kernel.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        let mut one = self.clone();
        match &mut one {
            Self::Route(route) => route.wanted.track = other.track(),
            Self::Rule(rule) => rule.wanted.track = other.track(),
        }
        one == *other
    }

    /// The kernel may not have both: the same rule, or a route to the same place.
    pub(crate) fn takes_place_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Route(one), Self::Route(other)) => one.key() == other.key(),
            (Self::Rule(_), Self::Rule(_)) => self.is_same_as(other),
            (Self::Route(_), Self::Rule(_)) | (Self::Rule(_), Self::Route(_)) => false,
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Route(_) => "route",
            Self::Rule(_) => "rule",
        }
    }
}

impl Display for Path {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route(route) => write!(f, "{}", route.wanted),
            Self::Rule(rule) => write!(f, "{}", rule.wanted),
        }
    }
}

/// What an existing one means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Adding {
    /// There should be none.
    New,
    /// It may be there: EEXIST, and nothing is changed.
    Again,
}

/// EEXIST: exactly this one is there, or, where `add` was asked for, another to the same place.
pub(super) fn add(linux: &mut Linux, paths: &[Path], adding: Adding) -> Vec<Result<(), Errno>> {
    let flags = |place: Place| match (place, adding) {
        (Place::Add, Adding::New) => NLM_F_EXCL,
        (Place::Append, _) => NLM_F_APPEND,
        (Place::Add | Place::Prepend, _) => 0,
    };
    let one = |path: &Path| {
        let (message, how) = match path {
            Path::Route(path) => {
                (Message::NewRoute(route::message(path)), flags(path.wanted.place))
            }
            Path::Rule(path) => (Message::NewRule(rule::message(path)), NLM_F_EXCL),
        };
        request(message, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | how)
    };
    linux.change(paths.iter().map(one).collect())
}

/// ESRCH, ENOENT or ENODEV: it is not there.
pub(super) fn remove(linux: &mut Linux, paths: &[Path]) -> Vec<Result<(), Errno>> {
    let mut verdicts = Vec::with_capacity(paths.len());
    for path in paths {
        let message = match path {
            Path::Route(path) => Message::DelRoute(route::message(path)),
            Path::Rule(path) => {
                // The kernel would remove the first that looks like it, whosever it is.
                match is_ours(linux, path) {
                    Ok(true) => {}
                    Ok(false) => {
                        verdicts.push(Err(Errno::ENOENT));
                        continue;
                    }
                    Err(errno) => {
                        verdicts.push(Err(errno));
                        continue;
                    }
                }
                Message::DelRule(rule::message(path))
            }
        };
        let verdict = linux.change(vec![request(message, NLM_F_REQUEST | NLM_F_ACK)]);
        verdicts.extend(verdict);
    }
    verdicts
}

fn is_ours(linux: &mut Linux, path: &RulePath) -> Result<bool, Errno> {
    let ask = request(Message::GetRule(rule::of_family(path)), NLM_F_REQUEST | NLM_F_DUMP);
    let there = linux.ask(ask)?;
    Ok(there.iter().any(|message| {
        matches!(message, Message::NewRule(found) if rule::is(found, &rule::message(path)))
    }))
}
