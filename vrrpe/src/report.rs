//! The answer to the parent that asks how things stand: a part a wake-up, and only when the parent
//! has read what was there before, so that neither adverts nor proofs of life wait for it. Changes
//! nothing but how far it has got.

use crate::instance::Instance;
use crate::run::{End, Engine};
use crate::rx::Socket;
use std::ops::Bound;
use vipd_ipc::msg::EngineToParent;
use vipd_ipc::report::{Counts, INSTANCES_MAX, InstanceStatus, Part, TRACKERS_MAX, TrackerStatus};
use vipd_types::{InstanceId, TrackerId};
use vrrp_core::Reading;

/// How far the answer has got.
#[derive(Debug, Default)]
pub(crate) enum Reporter {
    #[default]
    Idle,
    /// After this one.
    Instances(Option<InstanceId>),
    Trackers(Option<TrackerId>),
}

impl Reporter {
    pub(crate) fn begin(&mut self) {
        *self = Self::Instances(None);
    }

    pub(crate) fn is_busy(&self) -> bool {
        !matches!(self, Self::Idle)
    }
}

fn after<T>(last: Option<T>) -> (Bound<T>, Bound<T>) {
    (last.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded)
}

impl Engine {
    pub(crate) fn report(&mut self) -> Result<(), End> {
        if !self.drained {
            return Ok(());
        }
        let part = self.next_part();
        part.map_or(Ok(()), |part| self.tell(&EngineToParent::Report(part)))
    }

    /// No part is empty.
    fn next_part(&mut self) -> Option<Part> {
        if let Reporter::Instances(last) = self.reporter {
            let there = self.routers.instances.range(after(last));
            let there = there.filter(|(_, instance)| !instance.leaving);
            let list: Vec<_> =
                there.take(INSTANCES_MAX).map(|(id, one)| self.status(*id, one)).collect();
            if let Some(status) = list.last() {
                self.reporter = Reporter::Instances(Some(status.instance));
                return Some(Part::Instances(list));
            }
            self.reporter = Reporter::Trackers(None);
        }
        let Reporter::Trackers(last) = self.reporter else { return None };
        let ids = self.trackers.after(after(last)).take(TRACKERS_MAX);
        let list: Vec<_> = ids.map(|id| self.tracker_status(id)).collect();
        let Some(status) = list.last() else {
            self.reporter = Reporter::Idle;
            return Some(Part::End);
        };
        self.reporter = Reporter::Trackers(Some(status.tracker));
        Some(Part::Trackers(list))
    }

    fn status(&self, id: InstanceId, instance: &Instance) -> InstanceStatus {
        let router = &instance.router;
        let socket = self.routers.sockets.get(&instance.slice.socket);
        InstanceStatus {
            instance: id,
            state: router.state(),
            since: instance.since,
            effective: router.effective(),
            held: instance.held,
            master: router.master().map(|seen| (seen.address, seen.priority)),
            interval: router.active_interval(),
            down_after: router.master_down_interval(),
            deadline: router.next_deadline(),
            last_sent: instance.last_sent,
            counts: counts(instance, socket),
        }
    }

    fn tracker_status(&self, tracker: TrackerId) -> TrackerStatus {
        let reading = self.trackers.view(tracker).and_then(|view| view.reading);
        let up = match reading {
            Some(Reading::Up) => Some(true),
            Some(Reading::Down) => Some(false),
            Some(Reading::Number(_)) | None => None,
        };
        TrackerStatus { tracker, up }
    }
}

/// What was dropped before the router was known counts for all routers on the socket.
fn counts(instance: &Instance, socket: Option<&Socket>) -> Counts {
    let own = instance.router.counters();
    let shared = socket.map(|socket| socket.counters).unwrap_or_default();
    Counts {
        advert_rcvd: own.advert_rcvd,
        advert_sent: own.advert_sent,
        become_master: own.become_master,
        release_master: own.release_master,
        packet_len_err: shared.packet_len_err,
        advert_interval_err: own.advert_interval_err,
        ip_ttl_err: own.ip_ttl_err.saturating_add(shared.ip_ttl_err),
        invalid_type_rcvd: shared.invalid_type_rcvd,
        addr_list_err: own.addr_list_err,
        invalid_authtype: own.invalid_authtype,
        authtype_mismatch: own.authtype_mismatch,
        auth_failure: own.auth_failure,
        pri_zero_rcvd: own.pri_zero_rcvd,
        pri_zero_sent: own.pri_zero_sent,
    }
}
