//! A new configuration on its way to the other processes: sockets are opened, slices sent, answers
//! awaited. What is in force does not change here.

use super::{Asker, Next, Reloading, Waits};
use crate::daemon::{Daemon, Fatal};
use crate::kernel::{Kernel, Receiver, Wanted, open_receiver};
use crate::plan::{Plan, SocketPlan, reach};
use std::collections::BTreeMap;
use std::time::Duration;
use vipd_ipc::ChanError;
use vipd_ipc::msg::{EXCLUDED_MAX, ParentToChecker, ParentToEngine, ParentToStarter};
use vipd_types::{Generation, SocketId};

/// Longest time from Begin to the last Staged.
const LIMIT: Duration = Duration::from_secs(10);

impl Daemon {
    pub(super) fn prepare(&self, next: Next, by: Asker) -> Result<Reloading, String> {
        let receivers = open_receivers(&next.plan.sockets, &self.plan.sockets)?;
        let others = by != Asker::Restore;
        let waits_for =
            Waits { engine: true, checker: others, starter: others && self.starter.is_some() };
        let until = self.kernel.now().plus(LIMIT);
        Ok(Reloading { next, receivers, by, waits_for, until })
    }

    pub(super) fn stage(&mut self, staged: Reloading) -> Result<(), Fatal> {
        let generation = staged.next.plan.generation;
        self.stage_engine(&staged).map_err(Fatal::channel("vipd-vrrpe"))?;
        if staged.waits_for.checker {
            self.stage_checker(&staged.next.plan).map_err(Fatal::channel("vipd-checker"))?;
        }
        if let Some(starter) = self.starter.as_mut().filter(|_| staged.waits_for.starter) {
            let message = ParentToStarter::Stage { generation, digest: staged.next.plan.digest };
            starter.send(&message).map_err(Fatal::channel("vipd-starter"))?;
        }
        self.permits.expect_staged(generation);
        self.reloading = Some(staged);
        Ok(())
    }

    fn stage_engine(&mut self, staged: &Reloading) -> Result<(), ChanError> {
        let generation = staged.next.plan.generation;
        let chan = &mut self.engine.chan;
        chan.send(&ParentToEngine::Begin { generation })?;
        for socket in &staged.next.plan.sockets {
            let fresh = staged.receivers.get(&socket.slice.id);
            let mut slice = socket.slice.clone();
            slice.fresh = fresh.is_some();
            let fd = fresh.and_then(|receiver| receiver.share().ok());
            chan.send_with(&ParentToEngine::Socket(slice), fd)?;
        }
        for tracker in &staged.next.plan.trackers {
            chan.send(&ParentToEngine::Tracker(tracker.clone()))?;
        }
        for instance in &staged.next.plan.instances {
            let mut slice = instance.slice.clone();
            // Any number of them; a message holds only so many.
            let excluded = std::mem::take(&mut slice.excluded);
            let id = slice.id;
            chan.send(&ParentToEngine::Instance(Box::new(slice)))?;
            for part in excluded.chunks(EXCLUDED_MAX) {
                let addresses = part.to_vec();
                chan.send(&ParentToEngine::Excluded { instance: id, addresses })?;
            }
        }
        for group in &staged.next.plan.groups {
            chan.send(&ParentToEngine::Group(group.clone()))?;
        }
        chan.send(&ParentToEngine::End { generation })
    }

    fn stage_checker(&mut self, plan: &Plan) -> Result<(), ChanError> {
        let generation = plan.generation;
        let chan = &mut self.checker.chan;
        if self.reach.is_none() {
            let reach = reach::reach(&plan.checks);
            for one in &reach {
                chan.send(&ParentToChecker::Allow(one.clone()))?;
            }
            self.reach = Some(reach);
        }
        chan.send(&ParentToChecker::Begin { generation })?;
        for check in &plan.checks {
            chan.send(&ParentToChecker::Check(Box::new(check.clone())))?;
        }
        chan.send(&ParentToChecker::End { generation })
    }

    pub(crate) fn staged_by_engine(&mut self) -> Result<(), Fatal> {
        self.staged(|waits| &mut waits.engine)
    }

    pub(crate) fn staged_by_checker(&mut self, generation: Generation) -> Result<(), Fatal> {
        self.expect(generation, "vipd-checker")?;
        self.staged(|waits| &mut waits.checker)
    }

    pub(crate) fn staged_by_starter(&mut self, generation: Generation) -> Result<(), Fatal> {
        self.expect(generation, "vipd-starter")?;
        self.staged(|waits| &mut waits.starter)
    }

    fn expect(&self, generation: Generation, who: &'static str) -> Result<(), Fatal> {
        match &self.reloading {
            Some(staged) if staged.next.plan.generation == generation => Ok(()),
            _ => Err(Fatal::new(who, "it acknowledged a configuration that it was not given")),
        }
    }

    fn staged(&mut self, part: impl Fn(&mut Waits) -> &mut bool) -> Result<(), Fatal> {
        let Some(staged) = &mut self.reloading else { return Ok(()) };
        *part(&mut staged.waits_for) = false;
        let waits = staged.waits_for;
        if waits.engine || waits.checker || waits.starter {
            return Ok(());
        }
        match self.reloading.take() {
            // The engine has been told to stop, and starts nothing new.
            Some(_) if self.ending.is_some() => Ok(()),
            Some(staged) => self.commit(staged),
            None => Ok(()),
        }
    }

    /// The starter cannot run what the new file says, or read another file than the parent.
    pub(crate) fn abort(&mut self, why: &str) -> Result<(), Fatal> {
        let Some(staged) = self.reloading.take() else { return Ok(()) };
        let generation = staged.next.plan.generation;
        self.unmake_vmacs(&staged.next.made);
        if matches!(staged.by, Asker::Start) {
            return Err(Fatal::new("vipd", format!("the configuration cannot be served: {why}")));
        }
        self.tell_engine(&ParentToEngine::Abort { generation })?;
        if staged.by != Asker::Restore {
            self.tell_checker(&ParentToChecker::Abort { generation })?;
            self.tell_starter(&ParentToStarter::Abort { generation })?;
        }
        self.answer(staged.by, false, why)
    }
}

/// New sockets for new interfaces, and where what is to be heard has changed: the filter of a socket
/// is locked, and the engine cannot change one. From here on both the old and the new one hear.
fn open_receivers(
    new: &[SocketPlan],
    old: &[SocketPlan],
) -> Result<BTreeMap<SocketId, Receiver>, String> {
    let mut receivers = BTreeMap::new();
    for socket in new {
        if old.iter().any(|old| socket.is_open_as(old)) {
            continue;
        }
        let slice = &socket.slice;
        let (interface, index) = (&slice.interface, slice.index);
        let (family, groups) = (slice.family, &socket.groups);
        let wanted = Wanted { least_ttl: slice.least_ttl, vrids: &socket.vrids };
        // Switches learn from the base's reports who wants the group; a virtual MAC sends none.
        let also_join = (socket.base_index != index).then_some(socket.base_index);
        let receiver = open_receiver(interface, index, family, groups, also_join, wanted)
            .map_err(|error| format!("cannot open a VRRP socket on {interface}: {error}"))?;
        receivers.insert(slice.id, receiver);
    }
    Ok(receivers)
}
