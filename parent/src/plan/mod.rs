//! From a checked configuration to what each process is told: numbers for instances, sockets and
//! trackers that outlive a reload, the addresses with their interfaces, and each role's slices.
//! Decides nothing at run time and changes nothing in the kernel.

mod checks;
mod names;
mod notify;
mod numbers;
pub(crate) mod reach;
mod slices;
#[cfg(test)]
mod tests;
mod trackers;

pub(crate) use notify::{ObjectPlan, TellPlan};
pub(crate) use numbers::Numbers;
pub(crate) use slices::no_accept;

use crate::kernel::{Address, Membership, solicited_node};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use vipd_conf::config::Garp;
use vipd_ipc::slice::{
    CheckSlice, GroupSlice, InstanceSlice, ProbeSlice, SocketSlice, TrackerSlice,
};
use vipd_types::{Family, Generation, IfName, InstanceId, TrackerId};

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
    pub(crate) tell: TellPlan,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SocketPlan {
    pub(crate) slice: SocketSlice,
    pub(crate) groups: BTreeSet<IpAddr>,
    /// The interface whose address adverts leave from: the one below a virtual MAC.
    pub(crate) base: IfName,
    pub(crate) base_index: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InstancePlan {
    pub(crate) slice: InstanceSlice,
    pub(crate) addresses: Vec<Address>,
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
    pub(crate) family: Family,
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
            tell: TellPlan::default(),
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
                IpAddr::V6(ip) => Some((vmac.base_index, IpAddr::V6(solicited_node(ip)))),
                IpAddr::V4(_) => None,
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
    }
}

impl SocketPlan {
    /// The socket that was opened for `old` serves this as well.
    pub(crate) fn is_open_as(&self, old: &Self) -> bool {
        let key = |plan: &Self| (plan.slice.id, plan.slice.least_ttl, plan.base_index);
        key(self) == key(old) && self.groups == old.groups
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum PlanError {
    #[error("instance {instance}: interface {interface} does not exist on this host")]
    NoInterface { instance: String, interface: IfName },
    #[error("too many {0}")]
    TooMany(&'static str),
    #[error("instance {instance}: every name for its virtual MAC interface is taken")]
    NoName { instance: String },
}
