//! What operators want of the routers, beside the configuration: that one steps back, has another
//! priority, or that the node is out of service; for a time or until it is recalled. Outlives a
//! reload. Who may order is decided by the parent; what follows, in vrrp-core.

use crate::groups::Groups;
use crate::instance::Instance;
use crate::routers::Routers;
use crate::trackers::Trackers;
use std::collections::BTreeMap;
use std::time::Duration;
use vipd_ipc::msg::Act;
use vipd_types::{InstanceId, Instant, Object};
use vrrp_core::Health;

/// How long an order holds; `None`: until it is recalled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Until(pub(crate) Option<Instant>);

impl Until {
    pub(crate) fn new(now: Instant, seconds: Option<u32>) -> Self {
        Self(seconds.map(|seconds| now.plus(Duration::from_secs(seconds.into()))))
    }

    fn is_over(self, now: Instant) -> bool {
        self.0.is_some_and(|at| at <= now)
    }
}

/// The orders for one instance.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Orders {
    pub(crate) standby: Option<Until>,
    pub(crate) adds: Option<(i16, Until)>,
    /// With the whole node.
    pub(crate) offline: bool,
}

impl Orders {
    /// What the trackers say, and what this makes of it.
    pub(crate) fn apply(&self, health: Health) -> Health {
        let adds = self.adds.map_or(0, |(adds, _)| adds);
        Health {
            adds: health.adds.saturating_add(adds.into()),
            standby: self.standby.is_some(),
            offline: self.offline,
            ..health
        }
    }

    fn ends(&self) -> impl Iterator<Item = Instant> {
        let adds = self.adds.map(|(_, until)| until);
        self.standby.into_iter().chain(adds).filter_map(|until| until.0)
    }
}

/// Those for the node, and when the first of all ends.
#[derive(Debug, Default)]
pub(crate) struct NodeOrders {
    pub(crate) maintenance: Option<Until>,
    next: Option<Instant>,
}

impl Routers {
    /// Every instance that an order for this object is about.
    pub(crate) fn concerned(&self, object: Object) -> Vec<InstanceId> {
        match object {
            Object::Group(group) => {
                self.groups.get(group).map(|group| group.slice.members.clone()).unwrap_or_default()
            }
            Object::Instance(id) => vec![id],
        }
    }

    pub(crate) fn order(
        &mut self,
        act: Act,
        seconds: Option<u32>,
        now: Instant,
        trackers: &Trackers,
    ) {
        let until = Until::new(now, seconds);
        match act {
            Act::Failover { object, on } => {
                for id in self.concerned(object) {
                    if let Some(instance) = self.instances.get_mut(&id) {
                        instance.orders.standby = on.then_some(until);
                    }
                }
            }
            Act::Priority { instance, adds } => {
                if let Some(instance) = self.instances.get_mut(&instance) {
                    instance.orders.adds = (adds != 0).then_some((adds, until));
                }
            }
            Act::Maintenance { on } => self.node_orders.maintenance = on.then_some(until),
        }
        self.follow_orders(now, trackers);
    }

    pub(crate) fn next_order_end(&self) -> Option<Instant> {
        self.node_orders.next
    }

    /// Forgets the orders whose time is over.
    pub(crate) fn recall_due(&mut self, now: Instant, trackers: &Trackers) {
        if self.node_orders.next.is_none_or(|at| at > now) {
            return;
        }
        if self.node_orders.maintenance.is_some_and(|until| until.is_over(now)) {
            log::info!("the maintenance is over");
            self.node_orders.maintenance = None;
        }
        for instance in self.instances.values_mut() {
            let (name, orders) = (&instance.slice.name, &mut instance.orders);
            if orders.standby.take_if(|until| until.is_over(now)).is_some() {
                log::info!("({name}) the time on standby is over");
            }
            if orders.adds.take_if(|(_, until)| until.is_over(now)).is_some() {
                log::info!("({name}) the time of the operator's priority is over");
            }
        }
        self.follow_orders(now, trackers);
    }

    fn follow_orders(&mut self, now: Instant, trackers: &Trackers) {
        let offline = self.node_orders.maintenance.is_some();
        for instance in self.instances.values_mut() {
            instance.orders.offline = offline;
        }
        let all = self.instances.values().flat_map(|instance| instance.orders.ends());
        let node = self.node_orders.maintenance.and_then(|until| until.0);
        self.node_orders.next = all.chain(node).min();
        self.changed.node |= self.watched;
        self.track(now, trackers);
    }
}

/// What a name means: an instance, and with it its sync group, which moves as a whole; or a group.
pub(crate) fn named(
    name: &str,
    instances: &BTreeMap<InstanceId, Instance>,
    groups: &Groups,
) -> Option<Object> {
    let mut all = instances.iter().filter(|(_, instance)| !instance.leaving);
    match all.find(|(_, instance)| instance.slice.name == name) {
        Some((id, instance)) => Some(instance.group.map_or(Object::Instance(*id), Object::Group)),
        None => groups.named(name).map(Object::Group),
    }
}
