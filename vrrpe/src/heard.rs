//! What the parent and the checker say, and what follows from it. A message of the parent that
//! breaks the protocol ends the engine; the checker can at worst fail its own trackers.

use crate::control::VERSION;
use crate::routers::Link;
use crate::run::{End, Engine};
use crate::stage::{Broken, Stage};
use crate::{commit, confine};
use serde_json::json;
use std::os::fd::OwnedFd;
use vipd_ipc::ChanError;
use vipd_ipc::msg::{CheckerToEngine, EngineToParent, ParentToEngine};
use vipd_ipc::slice::TrackerKind;
use vipd_types::{Epoch, Generation, InstanceId, Instant, SocketId, TrackerId};
use vrrp_core::{Input, Reading};

/// Who reports a tracker.
#[derive(Debug, Clone, Copy)]
enum By {
    Parent,
    Checker,
}

/// Messages of one channel in one wake-up; adverts wait no longer than that.
const BURST: usize = 64;

impl From<Broken> for End {
    fn from(Broken(what): Broken) -> Self {
        Self::Failed(format!("the parent broke the protocol: {what}"))
    }
}

impl Engine {
    pub(crate) fn hear_parent(&mut self, now: Instant) -> Result<(), End> {
        if !self.parent_ready || self.parent_gone {
            self.parent_ready = false;
            return Ok(());
        }
        for _ in 0..BURST {
            match self.parent.recv_with() {
                Ok(Some((message, fd))) => self.obey(message, fd, now)?,
                Ok(None) => {
                    self.parent_ready = false;
                    return Ok(());
                }
                Err(ChanError::Closed) => {
                    self.parent_ready = false;
                    self.parent_gone = true;
                    return Ok(());
                }
                Err(error) => return Err(End::Failed(format!("parent: {error}"))),
            }
        }
        Ok(())
    }

    #[expect(clippy::too_many_lines, reason = "one table of all that the parent may say")]
    fn obey(
        &mut self,
        message: ParentToEngine,
        fd: Option<OwnedFd>,
        now: Instant,
    ) -> Result<(), End> {
        match message {
            ParentToEngine::Hello { .. } => Err(Broken("a second Hello").into()),
            ParentToEngine::Begin { generation } => self.begin(generation),
            ParentToEngine::Socket(slice) => {
                let known = self.routers.sockets.contains_key(&slice.id);
                Ok(self.stage()?.socket(slice, fd, known)?)
            }
            ParentToEngine::Tracker(slice) => Ok(self.stage()?.tracker(slice)?),
            ParentToEngine::Instance(slice) => Ok(self.stage()?.instance(*slice)?),
            ParentToEngine::Excluded { instance, addresses } => {
                Ok(self.stage()?.excluded(instance, addresses)?)
            }
            ParentToEngine::Group(slice) => Ok(self.stage()?.group(slice)?),
            ParentToEngine::End { generation } => {
                self.stage()?.end(generation)?;
                self.tell(&EngineToParent::Staged { generation })
            }
            ParentToEngine::Commit { generation } => self.commit(generation, now),
            // An Abort may cross our Staged, or come for what never began.
            ParentToEngine::Abort { .. } => {
                self.stage = None;
                Ok(())
            }
            ParentToEngine::Acquired { instance, epoch } => {
                self.held(instance, epoch, Ok(()));
                self.input(instance, Input::Acquired(epoch), now)
            }
            ParentToEngine::NotAcquired { instance, epoch, reason } => {
                if let Some(instance) = self.routers.instances.get(&instance) {
                    log::error!("({}) cannot take the addresses: {reason}", instance.slice.name);
                }
                self.gone(instance, epoch, Some(&reason), Input::NotAcquired(epoch), now)
            }
            ParentToEngine::Released { instance, epoch } => {
                self.gone(instance, epoch, None, Input::Released(epoch), now)
            }
            ParentToEngine::Lost { instance, epoch } => {
                let why = Some("somebody took them away");
                self.gone(instance, epoch, why, Input::Lost(epoch), now)
            }
            ParentToEngine::Lapsed { instance, epoch } => {
                let why = Some("their lease was not renewed in time");
                self.gone(instance, epoch, why, Input::Lapsed(epoch), now)
            }
            ParentToEngine::Leasing { leases } => {
                self.leases.promise(&leases);
                Ok(())
            }
            ParentToEngine::Leased { until, leases } => {
                self.leases.vouch(until, &leases);
                Ok(())
            }
            ParentToEngine::Link { socket, up, source } => {
                self.link(socket, Link { up, source }, now);
                Ok(())
            }
            ParentToEngine::Tracked { tracker, up, reason } => {
                self.tracker(tracker, is(up), reason, By::Parent, now);
                Ok(())
            }
            ParentToEngine::Client { client, uid, may_act } => {
                let fd = fd.ok_or(Broken("a client without a descriptor"))?;
                self.clients.add(client, uid, may_act, fd, self.poll.registry(), now);
                Ok(())
            }
            ParentToEngine::Act { client, act, seconds, granted } => {
                self.act(client, act, seconds, granted, now);
                Ok(())
            }
            ParentToEngine::Reloaded { client, done, text } => {
                let answer = json!({ "version": VERSION, "ok": done, "text": text });
                self.clients.answer_waiting(client, &answer, now);
                Ok(())
            }
            ParentToEngine::Report => {
                self.reporter.begin();
                Ok(())
            }
            ParentToEngine::Stop => {
                self.stop(now);
                Ok(())
            }
        }
    }

    fn begin(&mut self, generation: Generation) -> Result<(), End> {
        if self.stage.is_some() {
            return Err(Broken("a second Begin").into());
        }
        self.stage = Some(Stage::new(generation));
        Ok(())
    }

    fn stage(&mut self) -> Result<&mut Stage, Broken> {
        self.stage.as_mut().ok_or(Broken("a slice before Begin"))
    }

    fn commit(&mut self, generation: Generation, now: Instant) -> Result<(), End> {
        let stage = self.stage.take().ok_or(Broken("Commit of nothing"))?;
        stage.may_commit(generation)?;
        if self.generation.is_none() {
            confine::seal(self.timer.raw()).map_err(End::Failed)?;
        }
        for id in stage.renewed() {
            self.rx.drain_last(&mut self.routers, id, now, &self.trackers);
        }
        let registry = self.poll.registry();
        commit::commit(&mut self.routers, &mut self.trackers, stage, registry, now)?;
        self.generation = Some(generation);
        log::info!(
            "configuration {generation}: instances {}, sockets {}",
            self.routers.instances.len(),
            self.routers.sockets.len()
        );
        Ok(())
    }

    /// An answer about an earlier term says nothing about this one.
    fn held(&mut self, id: InstanceId, epoch: Epoch, held: Result<(), Option<String>>) {
        if let Some(instance) = self.routers.instances.get_mut(&id)
            && instance.router.epoch() == epoch
        {
            let changes = instance.held != held.is_ok();
            instance.held = held.is_ok();
            match held {
                Ok(()) => instance.refusal = None,
                Err(None) => {}
                Err(why) => instance.refusal = why,
            }
            if changes {
                self.routers.touch(id);
            }
        }
    }

    /// Nothing of this instance is in the kernel. A release in order leaves the reason for it to be
    /// read.
    fn gone(
        &mut self,
        id: InstanceId,
        epoch: Epoch,
        why: Option<&str>,
        input: Input<'_>,
        now: Instant,
    ) -> Result<(), End> {
        self.leases.forget(id);
        self.held(id, epoch, Err(why.map(str::to_owned)));
        self.input(id, input, now)
    }

    /// An answer for an instance that has gone meanwhile is late, not wrong.
    fn input(&mut self, id: InstanceId, input: Input<'_>, now: Instant) -> Result<(), End> {
        self.routers.step(id, input, now, &self.trackers);
        Ok(())
    }

    /// May come for a socket that is only staged; its routers ask when they begin.
    fn link(&mut self, socket: SocketId, link: Link, now: Instant) {
        let known = self.routers.links.insert(socket, link);
        if known.is_some_and(|before| before.up != link.up) {
            self.routers.log_link(socket, link.up);
        }
        let mut next = self.routers.first();
        while let Some(id) = next {
            if self.routers.instances.get(&id).is_some_and(|i| i.slice.socket == socket) {
                self.routers.link(id, now, &self.trackers);
            }
            next = self.routers.after(id);
        }
    }

    fn stop(&mut self, now: Instant) {
        if self.stop_by.is_none() {
            self.stop_by = Some(now.plus(crate::run::STOP_MAX));
            self.routers.ungroup();
            self.routers.step_all(|_| true, || Input::Stop, now, &self.trackers);
        }
    }

    /// Without a parent nobody can remove the addresses before their lease ends, so nothing that
    /// the checker says may lower the priority: a peer would take an address that is still here.
    pub(crate) fn hear_checker(&mut self, now: Instant) -> Result<(), End> {
        if !self.checker_ready || self.checker_gone || self.is_orphan() {
            self.checker_ready = false;
            return Ok(());
        }
        for _ in 0..BURST {
            match self.checker.recv() {
                Ok(Some(message)) => self.believe(message, now),
                Ok(None) => {
                    self.checker_ready = false;
                    return Ok(());
                }
                Err(error) => {
                    self.checker_ready = false;
                    // A checker ends when the parent does, and may be seen to first.
                    self.parent_ready = true;
                    self.hear_parent(now)?;
                    if self.parent_gone {
                        return Ok(());
                    }
                    self.checker_gone = true;
                    self.trackers.gone(now);
                    self.routers.changed.all |= self.routers.watched;
                    log::error!("checker: {error}: all its trackers are down");
                    self.routers.track(now, &self.trackers);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn believe(&mut self, message: CheckerToEngine, now: Instant) {
        if self.trackers.heard(now) {
            log::info!("the checker speaks again");
            self.routers.changed.all |= self.routers.watched;
            self.routers.track(now, &self.trackers);
        }
        match message {
            CheckerToEngine::Hello { .. } | CheckerToEngine::Alive { .. } => {}
            CheckerToEngine::Tracker { tracker, up, reason } => {
                self.tracker(tracker, is(up), reason, By::Checker, now);
            }
            CheckerToEngine::Number { tracker, value, reason } => {
                self.tracker(tracker, Reading::Number(value), reason, By::Checker, now);
            }
        }
    }

    /// A report about what is not the reporter's is nobody's.
    fn tracker(&mut self, id: TrackerId, now_is: Reading, reason: String, by: By, now: Instant) {
        let staged = self.stage.as_ref().and_then(|stage| stage.trackers.get(&id));
        let known = self.trackers.view(id).map(|view| (view.name, view.kind));
        let named = known.or(staged.map(|slice| (slice.name.as_str(), slice.kind)));
        let Some(line) = named.and_then(|(name, kind)| line(name, kind, by, now_is, &reason))
        else {
            return;
        };
        if self.trackers.report(id, now_is, reason, staged.is_some(), now) {
            log::info!("{line}");
            if self.routers.watched {
                self.routers.changed.trackers.insert(id);
            }
            self.routers.track(now, &self.trackers);
        }
    }
}

fn is(up: bool) -> Reading {
    if up { Reading::Up } else { Reading::Down }
}

/// What the log says of it; `None` if it is not for `by` to say.
fn line(name: &str, kind: TrackerKind, by: By, now_is: Reading, reason: &str) -> Option<String> {
    let what = match (kind, by) {
        (TrackerKind::Script, By::Checker) => {
            return match now_is {
                Reading::Up => Some(format!("VRRP_Script({name}) succeeded")),
                Reading::Down => Some(format!("VRRP_Script({name}) failed ({reason})")),
                Reading::Number(_) => None,
            };
        }
        (TrackerKind::Interface, By::Parent) => {
            return Some(format!("tracked interface {name}: {reason}"));
        }
        (TrackerKind::Address, By::Parent) => {
            return Some(format!("source address {name}: {reason}"));
        }
        (TrackerKind::File, By::Checker) => {
            let is_number = matches!(now_is, Reading::Number(_));
            return is_number.then(|| format!("tracked file {name}: {reason}"));
        }
        (TrackerKind::Process, By::Checker) => "tracked process",
        (TrackerKind::Native, By::Checker) => "vrrp_check",
        (TrackerKind::Interface | TrackerKind::Address, By::Checker)
        | (
            TrackerKind::Script | TrackerKind::Process | TrackerKind::File | TrackerKind::Native,
            By::Parent,
        ) => return None,
    };
    match now_is {
        Reading::Up => Some(format!("{what} {name} is up: {reason}")),
        Reading::Down => Some(format!("{what} {name} is down: {reason}")),
        Reading::Number(_) => None,
    }
}
