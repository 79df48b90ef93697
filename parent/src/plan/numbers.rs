//! The numbers of instances, sockets, groups and trackers, which outlive a reload, and the plan of a
//! configuration made with them. Asks the kernel for interfaces and changes nothing.

use super::paths::{self, Tables};
use super::slices::{self, least_lease};
use super::trackers::{TrackerKey, Trackers};
use super::{InstancePlan, Plan, PlanError, SocketPlan, TellPlan};
use crate::kernel::Kernel;
use nix::errno::Errno;
use std::collections::{BTreeMap, BTreeSet};
use vipd_conf::config::{Config, Instance};
use vipd_ipc::slice::{GroupSlice, SocketSlice};
use vipd_types::{
    Family, Generation, GroupId, IfName, InstanceId, Object, SocketId, TrackerId, Vrid,
};

/// What makes an instance the same virtual router on the wire; its name does not.
pub(super) type Identity = (IfName, Family, Vrid);

/// The numbers given out so far.
#[derive(Debug, Default, Clone)]
pub(crate) struct Numbers {
    instances: BTreeMap<Identity, InstanceId>,
    sockets: BTreeMap<(u32, Family), SocketId>,
    groups: BTreeMap<String, GroupId>,
    pub(super) vmacs: BTreeMap<Identity, IfName>,
    pub(super) trackers: Vec<(TrackerId, TrackerKey)>,
    pub(super) next_tracker: u16,
}

/// An interface as the kernel has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interface {
    pub(super) name: IfName,
    pub(super) index: u32,
}

impl Numbers {
    /// Interfaces with a virtual MAC must be there.
    pub(crate) fn plan(
        &mut self,
        config: &Config,
        digest: u64,
        generation: Generation,
        kernel: &mut dyn Kernel,
    ) -> Result<Plan, PlanError> {
        let found = self.trackers(config)?;
        let Trackers { slices: trackers, checks, interfaces, sources, of_target, of_source } =
            found;
        let mut sockets: BTreeMap<SocketId, SocketPlan> = BTreeMap::new();
        let mut instances = Vec::new();
        let least = least_lease(config);
        let tables = Tables::of_host();
        for one in &config.instances {
            let base = interface(one, &one.interface, kernel)?;
            let vmac = self.vmac_of(one, base);
            let above = match &vmac {
                Some(vmac) => interface(one, &vmac.name, kernel)?,
                None => base,
            };
            let xmit_base = one.vmac.as_ref().is_some_and(|vmac| vmac.xmit_base);
            let socket = self.socket(one, if xmit_base { base } else { above }, base)?;
            let id = self.instance(one)?;
            let lease = slices::lease_of(one, least);
            let mut slice = slices::instance(one, id, socket.slice.id, &vmac, lease, &of_target);
            let source = one.source.filter(|_| one.track_source);
            let source = source.and_then(|address| of_source.get(&(one.interface, address)));
            slice.tracks.extend(source.map(|tracker| slices::must_be(*tracker)));
            instances.push(InstancePlan {
                slice,
                addresses: slices::addresses(one, above, kernel)?,
                paths: paths::paths(&one.routes, &one.rules, &tables, kernel)?,
                lease,
                garp: one.garp,
                is_open: slices::is_open(one),
                vmac,
            });
            join(&mut sockets, socket);
        }
        let groups = self.groups(config)?;
        let statics = self.statics(config, &tables, kernel)?;
        let sockets = sockets.into_values().collect();
        let routers: Vec<Object> =
            instances.iter().map(|one: &InstancePlan| Object::Instance(one.slice.id)).collect();
        let together: Vec<Object> = groups.iter().map(|one| Object::Group(one.id)).collect();
        let tell = TellPlan::new(config, &routers, &together);
        Ok(Plan {
            generation,
            digest,
            sockets,
            instances,
            groups,
            trackers,
            checks,
            interfaces,
            sources,
            tell,
            statics,
        })
    }

    pub(super) fn instance(&mut self, one: &Instance) -> Result<InstanceId, PlanError> {
        let next =
            u16::try_from(self.instances.len()).map_err(|_| PlanError::TooMany("instances"))?;
        Ok(*self.instances.entry(identity(one)).or_insert(InstanceId(next)))
    }

    fn socket(
        &mut self,
        one: &Instance,
        on: Interface,
        base: Interface,
    ) -> Result<SocketPlan, PlanError> {
        let next =
            u16::try_from(self.sockets.len()).map_err(|_| PlanError::TooMany("interfaces"))?;
        let id = *self.sockets.entry((on.index, one.family)).or_insert(SocketId(next));
        let least_ttl = one.peers.iter().map(|peer| peer.min_ttl).min().unwrap_or(u8::MAX);
        let groups =
            if one.peers.is_empty() { BTreeSet::from([one.group]) } else { BTreeSet::new() };
        let (interface, index) = (on.name, on.index);
        let slice =
            SocketSlice { id, interface, index, family: one.family, least_ttl, fresh: true };
        let vrids = BTreeSet::from([one.vrid]);
        Ok(SocketPlan { slice, vrids, groups, base: base.name, base_index: base.index })
    }

    fn groups(&mut self, config: &Config) -> Result<Vec<GroupSlice>, PlanError> {
        let mut groups = Vec::new();
        for group in &config.groups {
            let next =
                u16::try_from(self.groups.len()).map_err(|_| PlanError::TooMany("groups"))?;
            let id = *self.groups.entry(group.name.clone()).or_insert(GroupId(next));
            let members = group.members.iter().filter_map(|place| config.instances.get(*place));
            let members = members.map(|one| self.instance(one)).collect::<Result<_, _>>()?;
            groups.push(GroupSlice { id, name: group.name.clone(), members });
        }
        Ok(groups)
    }
}

pub(super) fn identity(one: &Instance) -> Identity {
    (one.interface, one.family, one.vrid)
}

/// One socket serves all routers on an interface.
fn join(sockets: &mut BTreeMap<SocketId, SocketPlan>, socket: SocketPlan) {
    match sockets.get_mut(&socket.slice.id) {
        None => {
            sockets.insert(socket.slice.id, socket);
        }
        Some(known) => {
            known.slice.least_ttl = known.slice.least_ttl.min(socket.slice.least_ttl);
            known.vrids.extend(socket.vrids);
            known.groups.extend(socket.groups);
        }
    }
}

pub(super) fn interface(
    one: &Instance,
    name: &IfName,
    kernel: &mut dyn Kernel,
) -> Result<Interface, PlanError> {
    interface_of(|| format!("instance {}", one.name), name, kernel)
}

pub(super) fn interface_of(
    what: impl FnOnce() -> String,
    name: &IfName,
    kernel: &mut dyn Kernel,
) -> Result<Interface, PlanError> {
    let missing = |errno| {
        let (of, interface) = (what(), *name);
        if errno == Errno::ENODEV {
            PlanError::NoInterface { of, interface }
        } else {
            PlanError::NoAnswer { of, interface, errno }
        }
    };
    kernel.link(name).map(|(index, _)| Interface { name: *name, index }).map_err(missing)
}
