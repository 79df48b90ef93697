//! All virtual routers, stepped one at a time, and what their actions mean outside: a datagram, a
//! message for the parent, a line in the log. The protocol itself is in vrrp-core; messages leave
//! through the outbox, which the loop empties.

use crate::deadlines::Deadlines;
use crate::groups::Groups;
use crate::instance::{Complaint, Instance};
use crate::monitor::Changed;
use crate::orders::NodeOrders;
use crate::rx::Socket;
use crate::trackers::Trackers;
use crate::{tx, words};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use vipd_ipc::msg::{EngineToParent, Why};
use vipd_types::{GroupId, InstanceId, Instant, SocketId, Vrid};
use vrrp_core::{Action, Input, Kind, Reason};

/// Instances whose last will is looked at in one go.
const WILLS: usize = 16;

/// The state of a socket's interface as the parent told it last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) up: bool,
    pub(crate) source: Option<IpAddr>,
}

#[derive(Debug, Default)]
pub(crate) struct Routers {
    pub(crate) instances: BTreeMap<InstanceId, Instance>,
    pub(crate) sockets: BTreeMap<SocketId, Socket>,
    pub(crate) links: BTreeMap<SocketId, Link>,
    pub(crate) groups: Groups,
    /// Who gets an advert; rebuilt with each configuration.
    pub(crate) by_vrid: BTreeMap<(SocketId, Vrid), InstanceId>,
    pub(crate) outbox: VecDeque<EngineToParent>,
    /// For notify commands; leaves when nothing else waits for the parent.
    pub(crate) news: VecDeque<EngineToParent>,
    /// Whose last will may have changed.
    pub(crate) wills_due: BTreeSet<InstanceId>,
    pub(crate) deadlines: Deadlines,
    pub(crate) some_quiet: bool,
    /// Some instance or socket is not in the configuration any more.
    pub(crate) some_leave: bool,
    /// Some instance has advertised since the last `Alive`.
    pub(crate) advertised: bool,
    pub(crate) node_orders: NodeOrders,
    /// For clients that monitor; kept only while `watched`.
    pub(crate) changed: Changed,
    pub(crate) watched: bool,
}

impl Routers {
    /// One input for one router, and everything that follows from it, also for its sync group.
    pub(crate) fn step(
        &mut self,
        id: InstanceId,
        input: Input<'_>,
        now: Instant,
        trackers: &Trackers,
    ) {
        if let Some(group) = self.step_alone(id, input, now, trackers) {
            self.sync(group, now, trackers);
        }
        if let Some(group) = self.instances.get(&id).and_then(|instance| instance.group) {
            self.tell_group(group);
        }
    }

    /// As `step`, but returns the sync group when the router stands elsewhere than before.
    pub(crate) fn step_alone(
        &mut self,
        id: InstanceId,
        input: Input<'_>,
        now: Instant,
        trackers: &Trackers,
    ) -> Option<GroupId> {
        let instance = self.instances.get_mut(&id)?;
        let heard = if let Input::Packet(advert) = &input { Some(*advert) } else { None };
        let stood = instance.router.standing();
        let effective = instance.router.effective();
        let actions = instance.router.step(now, input);
        let moved = instance.router.standing() != stood;
        if self.watched && (moved || instance.router.effective() != effective) {
            self.changed.instances.insert(id);
        }
        let group = instance.group.filter(|_| moved);
        self.deadlines.note(id, instance.next_deadline());
        for action in actions.iter() {
            match action {
                Action::Send(kind) => self.send(id, kind, now),
                Action::Acquire(epoch) => {
                    self.tell(EngineToParent::Acquire { instance: id, epoch });
                }
                Action::Release(epoch, reason) => {
                    let why = why(reason);
                    self.tell(EngineToParent::Release { instance: id, epoch, why });
                }
                Action::Announce(epoch) => {
                    self.tell(EngineToParent::Announce { instance: id, epoch });
                }
                Action::Event(event) => self.event(id, event, heard, now, trackers),
            }
        }
        self.tell_state(id);
        group
    }

    /// The same input for every router that `wants` it.
    pub(crate) fn step_all(
        &mut self,
        wants: impl Fn(&Instance) -> bool,
        input: impl Fn() -> Input<'static>,
        now: Instant,
        trackers: &Trackers,
    ) {
        let mut next = self.first();
        while let Some(id) = next {
            if self.instances.get(&id).is_some_and(&wants) {
                self.step(id, input(), now, trackers);
            }
            next = self.after(id);
        }
    }

    pub(crate) fn first(&self) -> Option<InstanceId> {
        self.instances.first_key_value().map(|(id, _)| *id)
    }

    /// Ids one after the other, without holding a borrow or a list.
    pub(crate) fn after(&self, id: InstanceId) -> Option<InstanceId> {
        let above = (std::ops::Bound::Excluded(id), std::ops::Bound::Unbounded);
        self.instances.range(above).next().map(|(id, _)| *id)
    }

    /// Feeds each router whose trackers say something else than before, and only then the sync
    /// groups: what is said to all members at once must not look like the fault of one.
    pub(crate) fn track(&mut self, now: Instant, trackers: &Trackers) {
        let mut groups = BTreeSet::new();
        let mut next = self.first();
        while let Some(id) = next {
            if let Some(instance) = self.instances.get_mut(&id) {
                let health = instance.health(trackers);
                if health != instance.health && !instance.leaving {
                    instance.health = health;
                    groups.extend(instance.group);
                    self.step_alone(id, Input::Track(health), now, trackers);
                }
            }
            next = self.after(id);
        }
        for group in groups {
            self.sync(group, now, trackers);
            self.tell_group(group);
        }
    }

    /// Something about the instance that its router does not know of.
    pub(crate) fn touch(&mut self, id: InstanceId) {
        if self.watched {
            self.changed.instances.insert(id);
        }
    }

    /// Tells a router the state of its interface: configured source address first.
    pub(crate) fn link(&mut self, id: InstanceId, now: Instant, trackers: &Trackers) {
        let Some(instance) = self.instances.get_mut(&id) else { return };
        let Some(link) = self.links.get(&instance.slice.socket) else { return };
        let source = instance.slice.source.or(link.source);
        instance.source = source;
        let up = link.up || !instance.slice.track_primary;
        self.wills_due.insert(id);
        self.step(id, Input::Link { up, source }, now, trackers);
    }

    /// Puts the last wills of some instances that are due into the outbox; each only if it is new
    /// or another one than before.
    pub(crate) fn deposit_some(&mut self) {
        for _ in 0..WILLS {
            let Some(id) = self.wills_due.pop_first() else { return };
            let Some(instance) = self.instances.get_mut(&id).filter(|i| !i.leaving) else {
                continue;
            };
            for (copy, last_will) in instance.new_wills() {
                self.outbox.push_back(EngineToParent::Deposit { instance: id, copy, last_will });
            }
        }
    }

    /// The earliest time a router wants to be called, and which.
    pub(crate) fn next_deadline(&mut self) -> Option<(Instant, InstanceId)> {
        let instances = &self.instances;
        self.deadlines.earliest(|id| instances.get(&id)?.next_deadline())
    }

    /// While its lease is in doubt, an instance sends nothing and becomes nothing.
    pub(crate) fn hush(&mut self, id: InstanceId, quiet: bool) {
        if let Some(instance) = self.instances.get_mut(&id) {
            instance.quiet = quiet;
            self.some_quiet |= quiet;
            self.deadlines.note(id, instance.next_deadline());
        }
    }

    pub(crate) fn is_done(&self, id: InstanceId) -> bool {
        self.instances.get(&id).is_none_or(|instance| instance.router.is_done())
    }

    /// Calls every router whose time has come, the earliest first.
    pub(crate) fn call_due(&mut self, now: Instant, trackers: &Trackers) {
        // One that would want to be called again at once has had its turn.
        for _ in 0..self.instances.len() {
            match self.next_deadline() {
                Some((at, id)) if at <= now => self.step(id, Input::Deadline, now, trackers),
                Some(_) | None => return,
            }
        }
    }

    pub(crate) fn all_done(&self) -> bool {
        self.instances.values().all(|instance| instance.router.is_done())
    }

    fn tell(&mut self, message: EngineToParent) {
        self.outbox.push_back(message);
    }

    fn send(&mut self, id: InstanceId, kind: Kind, now: Instant) {
        let Some(instance) = self.instances.get_mut(&id).filter(|i| !i.quiet) else { return };
        let Some(socket) = self.sockets.get(&instance.slice.socket) else { return };
        match tx::send(instance, socket, kind) {
            Ok(()) => {
                instance.last_sent = Some(now);
                match kind {
                    Kind::Advert => {
                        instance.advertised = true;
                        self.advertised = true;
                    }
                    Kind::GoodBye => log::debug!("({}) sent 0 priority", instance.slice.name),
                }
            }
            Err(errno) => {
                instance.send_errors = instance.send_errors.saturating_add(1);
                if let Some(kept) = instance.complaints.may_say(Complaint::Send(errno), now) {
                    log::warn!(
                        "({}) cannot send an advert on {}: {}{}",
                        instance.slice.name,
                        instance.slice.interface,
                        errno.desc(),
                        words::kept_back(kept)
                    );
                }
            }
        }
    }
}

fn why(reason: Reason) -> Why {
    match reason {
        Reason::Yield => Why::Yield,
        Reason::Fault => Why::Fault,
        Reason::Operator => Why::Operator,
        Reason::Stop => Why::Stop,
    }
}
