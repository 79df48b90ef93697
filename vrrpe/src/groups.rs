//! Sync groups: which instances are in which, what each group does at present, and telling the
//! members when that changes. What it should do follows from where they stand, in vrrp-core.

use crate::routers::Routers;
use crate::trackers::Trackers;
use crate::words;
use std::collections::BTreeMap;
use vipd_ipc::slice::GroupSlice;
use vipd_types::{GroupId, InstanceId, Instant, News};
use vrrp_core::Input;
use vrrp_core::group::{self, Order};

/// Orders that may follow from each other within one step. Lead, yield and wait again is the
/// longest way there is.
const ROUNDS: usize = 8;

#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) slice: GroupSlice,
    /// What the members were told.
    pub(crate) order: Order,
    /// The last that was told of it.
    pub(crate) told: Option<News>,
}

#[derive(Debug, Default)]
pub(crate) struct Groups(BTreeMap<GroupId, Group>);

impl Groups {
    pub(crate) fn get(&self, id: GroupId) -> Option<&Group> {
        self.0.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: GroupId) -> Option<&mut Group> {
        self.0.get_mut(&id)
    }

    pub(crate) fn name(&self, id: GroupId) -> Option<&str> {
        self.get(id).map(|group| group.slice.name.as_str())
    }

    pub(crate) fn named(&self, name: &str) -> Option<GroupId> {
        let mut all = self.0.iter();
        all.find(|(_, group)| group.slice.name == name).map(|(id, _)| *id)
    }

    fn member(&self, id: GroupId, place: usize) -> Option<InstanceId> {
        self.get(id)?.slice.members.get(place).copied()
    }
}

impl Routers {
    /// Takes over the groups of a new configuration and brings every member in line. Routers that
    /// are new must be there already, and must not have been told of their link yet: nobody may
    /// become MASTER alone before it knows that it is in a group.
    pub(crate) fn regroup(
        &mut self,
        slices: BTreeMap<GroupId, GroupSlice>,
        now: Instant,
        trackers: &Trackers,
    ) {
        let mut groups_of: BTreeMap<InstanceId, GroupId> = BTreeMap::new();
        for (id, slice) in &slices {
            groups_of.extend(slice.members.iter().map(|member| (*member, *id)));
        }
        let before = std::mem::take(&mut self.groups);
        let with_order = |(id, slice)| {
            let known = before.get(id);
            let order = known.map_or(Order::Wait, |group| group.order);
            (id, Group { slice, order, told: known.and_then(|group| group.told) })
        };
        self.groups = Groups(slices.into_iter().map(with_order).collect());
        let mut next = self.first();
        while let Some(id) = next {
            let group = groups_of.get(&id).copied();
            if let Some(instance) = self.instances.get_mut(&id)
                && instance.group != group
            {
                instance.group = group;
                let order = group.and_then(|group| self.groups.get(group)).map(|group| group.order);
                self.step_alone(id, Input::Group(order), now, trackers);
            }
            next = self.after(id);
        }
        let mut next = self.groups.0.first_key_value().map(|(id, _)| *id);
        while let Some(id) = next {
            self.sync(id, now, trackers);
            self.tell_group(id);
            let above = (std::ops::Bound::Excluded(id), std::ops::Bound::Unbounded);
            next = self.groups.0.range(above).next().map(|(id, _)| *id);
        }
    }

    /// Every router for itself: the daemon ends, and whoever stops first must not look like a
    /// fault of the others.
    pub(crate) fn ungroup(&mut self) {
        self.groups = Groups::default();
    }

    /// Tells the members until all agree. Call when a member has come to stand elsewhere.
    pub(crate) fn sync(&mut self, id: GroupId, now: Instant, trackers: &Trackers) {
        for _ in 0..ROUNDS {
            let Some(order) = self.new_order(id) else { return };
            let mut place = 0_usize;
            while let Some(member) = self.groups.member(id, place) {
                self.step_alone(member, Input::Group(Some(order)), now, trackers);
                place = place.saturating_add(1);
            }
        }
        log::error!("VRRP_Group({}) does not come to rest", self.groups.name(id).unwrap_or("?"));
    }

    /// The order, if it is another one than the members were told.
    fn new_order(&mut self, id: GroupId) -> Option<Order> {
        let group = self.groups.0.get_mut(&id)?;
        let instances = &self.instances;
        let members = group.slice.members.iter().filter_map(|member| instances.get(member));
        let order = group::order(members.map(|member| member.router.standing()));
        if order == group.order {
            return None;
        }
        words::log_order(&group.slice.name, group.order, order);
        group.order = order;
        Some(order)
    }
}
