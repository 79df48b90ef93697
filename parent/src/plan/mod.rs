//! From a checked configuration to what each process is told: numbers for instances, sockets and
//! trackers that outlive a reload, the addresses with their interfaces, and each role's slices.
//! Decides nothing at run time and changes nothing in the kernel.

mod checks;
mod names;
mod notify;
mod numbers;
mod paths;
pub(crate) mod reach;
mod slices;
#[cfg(test)]
mod tests;
mod trackers;

pub(crate) use notify::{ObjectPlan, TellPlan};
pub(crate) use numbers::Numbers;
pub(crate) use slices::no_accept;

use crate::kernel::{Address, Membership, Path, solicited_node};
use nix::errno::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use vipd_conf::config::Garp;
use vipd_ipc::slice::{
    CheckSlice, GroupSlice, InstanceSlice, ProbeSlice, SocketSlice, TrackerSlice,
};
use vipd_types::{Generation, IfName, InstanceId, TrackerId, Vrid};

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) generation: Generation,
    /// Of the file's bytes.
    pub(crate) digest: u64,
    pub(crate) sockets: Vec<SocketPlan>,
    pub(crate) instances: Vec<InstancePlan>,
    pub(crate) groups: Vec<GroupSlice>,
    pub(crate) trackers: Vec<TrackerSlice>,
    pub(crate) checks: Vec<CheckSlice>,
    /// What `track_interface` watches.
    pub(crate) interfaces: BTreeMap<TrackerId, IfName>,
    /// Source addresses that are watched, and where they must be.
    pub(crate) sources: BTreeMap<TrackerId, (IfName, IpAddr)>,
    pub(crate) tell: TellPlan,
    /// In the order in which they are added.
    pub(crate) statics: Vec<StaticPlan>,
}

/// What is there while the daemon runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StaticPlan {
    pub(crate) thing: Thing,
    /// Instances that cannot be MASTER without it.
    pub(crate) dependants: Vec<InstanceId>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Thing {
    Address(Address),
    Path(Path),
}

impl Thing {
    pub(crate) fn track(&self) -> bool {
        match self {
            Self::Address(address) => address.track,
            Self::Path(path) => path.track(),
        }
    }

    /// Nothing about it differs for the kernel.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Address(one), Self::Address(other)) => one.is_same_as(other),
            (Self::Path(one), Self::Path(other)) => one.is_same_as(other),
            (Self::Address(_), Self::Path(_)) | (Self::Path(_), Self::Address(_)) => false,
        }
    }
}

impl std::fmt::Display for Thing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(address) => write!(f, "address {address} on {}", address.interface),
            Self::Path(path) => write!(f, "{} {path}", path.kind()),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SocketPlan {
    pub(crate) slice: SocketSlice,
    pub(crate) vrids: BTreeSet<Vrid>,
    pub(crate) groups: BTreeSet<IpAddr>,
    /// The interface whose address adverts leave from: the one below a virtual MAC.
    pub(crate) base: IfName,
    pub(crate) base_index: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InstancePlan {
    pub(crate) slice: InstanceSlice,
    pub(crate) addresses: Vec<Address>,
    /// Routes, then rules.
    pub(crate) paths: Vec<Path>,
    /// Whole seconds.
    pub(crate) lease: Option<u32>,
    pub(crate) garp: Garp,
    /// Packets to the addresses reach this host.
    pub(crate) is_open: bool,
    pub(crate) vmac: Option<VmacPlan>,
}

impl InstancePlan {
    /// The group, or each peer.
    pub(crate) fn destinations(&self) -> Vec<IpAddr> {
        if self.slice.peers.is_empty() {
            vec![self.slice.group]
        } else {
            self.slice.peers.iter().map(|peer| peer.address).collect()
        }
    }
}

/// An interface with a virtual MAC, made by us for one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VmacPlan {
    pub(crate) name: IfName,
    pub(crate) base: IfName,
    pub(crate) base_index: u32,
    pub(crate) mac: [u8; 6],
    /// Addresses of IPv6 will be on it.
    pub(crate) ipv6: bool,
}

impl Plan {
    /// Before the first configuration.
    pub(crate) fn empty() -> Self {
        Self {
            generation: Generation(0),
            digest: 0,
            sockets: Vec::new(),
            instances: Vec::new(),
            groups: Vec::new(),
            trackers: Vec::new(),
            checks: Vec::new(),
            interfaces: BTreeMap::new(),
            sources: BTreeMap::new(),
            tell: TellPlan::default(),
            statics: Vec::new(),
        }
    }

    pub(crate) fn instance(&self, id: InstanceId) -> Option<&InstancePlan> {
        self.instances.iter().find(|instance| instance.slice.id == id)
    }

    /// The interfaces with a virtual MAC that this configuration needs.
    pub(crate) fn vmacs(&self) -> impl Iterator<Item = &VmacPlan> {
        self.instances.iter().filter_map(|instance| instance.vmac.as_ref())
    }

    /// The groups in which neighbours ask for addresses on a virtual MAC: it may not report them
    /// itself, so the interface below joins.
    pub(crate) fn asked_below_vmacs(&self) -> BTreeSet<Membership> {
        let with = self.instances.iter().filter_map(|one| Some((one.vmac.as_ref()?, one)));
        with.flat_map(|(vmac, one)| {
            let asked = |address: &Address| match address.ip {
                IpAddr::V6(ip) if address.interface == vmac.name => {
                    Some((vmac.base_index, IpAddr::V6(solicited_node(ip))))
                }
                IpAddr::V6(_) | IpAddr::V4(_) => None,
            };
            one.addresses.iter().filter_map(asked)
        })
        .collect()
    }

    /// The first program that only the starter can run, in words.
    pub(crate) fn needs_starter(&self) -> Option<String> {
        let script = self.checks.iter().find(|check| matches!(check.probe, ProbeSlice::Script(_)));
        let script = script.map(|check| format!("the check {}", check.name));
        script.or_else(|| self.tell.needs_starter())
    }

    /// True when a reload from `old` to this has nothing to do in any process.
    pub(crate) fn is_same_as(&self, old: &Self) -> bool {
        let sockets = self.sockets.len() == old.sockets.len()
            && self.sockets.iter().zip(&old.sockets).all(|(new, old)| new.is_open_as(old));
        sockets
            && self.instances == old.instances
            && self.groups == old.groups
            && self.trackers == old.trackers
            && self.checks == old.checks
            && self.tell == old.tell
            && self.statics == old.statics
    }
}

impl SocketPlan {
    /// The socket that was opened for `old` serves this as well.
    pub(crate) fn is_open_as(&self, old: &Self) -> bool {
        let key = |plan: &Self| (plan.slice.id, plan.slice.least_ttl, plan.base_index);
        key(self) == key(old) && (&self.groups, &self.vrids) == (&old.groups, &old.vrids)
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum PlanError {
    /// `of` is an instance, or the line that names the interface.
    #[error("{of}: interface {interface} does not exist on this host")]
    NoInterface { of: String, interface: IfName },
    #[error("{line}: there is no routing table {table} in rt_tables")]
    NoTable { line: String, table: String },
    #[error("{of}: the kernel says nothing of interface {interface}: {}", .errno.desc())]
    NoAnswer { of: String, interface: IfName, errno: Errno },
    #[error("too many {0}")]
    TooMany(&'static str),
    #[error("instance {instance}: every name for its virtual MAC interface is taken")]
    NoName { instance: String },
}
