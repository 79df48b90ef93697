//! From one configuration to the next, as a transaction: read all, check all, stage in every
//! process, commit. A configuration that is not good, or that one process refuses, changes nothing.
//! The first configuration of a run goes the same way.

use crate::audit::{By, Reason, Subject};
use crate::daemon::{Daemon, Fatal};
use crate::kernel::{Address, Kernel, Receiver, open_receiver};
use crate::load;
use crate::plan::{InstancePlan, Numbers, Plan, SocketPlan};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use vipd_conf::Config;
use vipd_ipc::ChanError;
use vipd_ipc::msg::{ParentToChecker, ParentToEngine, ParentToStarter};
use vipd_types::{ClientId, Generation, IfName, InstanceId, Instant, SocketId};

/// Longest time from Begin to the last Staged.
const LIMIT: Duration = Duration::from_secs(10);

/// A configuration that waits for the other processes.
pub(crate) struct Reloading {
    next: Next,
    receivers: BTreeMap<SocketId, Receiver>,
    by: Asker,
    waits_for: Waits,
    pub(crate) until: Instant,
}

/// A configuration that is not in force yet.
pub(crate) struct Next {
    pub(crate) config: Rc<Config>,
    pub(crate) plan: Plan,
    pub(crate) numbers: Numbers,
    /// Interfaces that were made for it.
    pub(crate) made: Vec<IfName>,
}

type Changed = (InstanceId, Result<Vec<Address>, String>);

/// Who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asker {
    Start,
    Signal,
    /// An interface of ours was removed by somebody.
    Restore,
    Client(ClientId, Option<u32>),
}

#[derive(Debug, Clone, Copy)]
struct Waits {
    engine: bool,
    checker: bool,
    starter: bool,
}

impl Daemon {
    /// SIGHUP, or a client that may act.
    pub(crate) fn reload(&mut self, client: Option<ClientId>) -> Result<(), Fatal> {
        let by = match client {
            None => Asker::Signal,
            Some(client) => Asker::Client(client, self.listener.uid_of(client)),
        };
        if self.reloading.is_some() || self.ending.is_some() {
            return self.answer(by, false, "another reload, or the end, is under way");
        }
        if matches!(by, Asker::Client(_, None)) {
            return self.answer(by, false, "this connection is too old; connect again");
        }
        log::info!("Reloading ...");
        match self.read_plan() {
            Ok(next) => self.change_to(next, by),
            Err(text) => self.answer(by, false, &text),
        }
    }

    /// The configuration in force once more, because the kernel has lost something of it. It is
    /// still the same generation, and only the engine needs to know.
    pub(crate) fn restore(&mut self) -> Result<(), Fatal> {
        // What is under way looks at the kernel itself, or ends everything.
        if self.reloading.is_some() || self.ending.is_some() {
            return Ok(());
        }
        match self.plan_for(self.config.clone(), self.plan.digest, self.plan.generation) {
            Ok(next) => self.change_to(next, Asker::Restore),
            Err(text) => self.answer(Asker::Restore, false, &text),
        }
    }

    fn change_to(&mut self, next: Next, by: Asker) -> Result<(), Fatal> {
        if next.plan.is_same_as(&self.plan) {
            return self.answer(by, true, "nothing has changed");
        }
        let made = next.made.clone();
        let prepared = if next.plan.runs_scripts() && self.starter.is_none() {
            Err("the first script needs a right (CAP_SETUID) that was given up at start because no \
                 script was configured then; restart vipd instead"
                .to_owned())
        } else {
            self.prepare(next, by)
        };
        match prepared {
            Ok(staged) => self.stage(staged),
            Err(text) => {
                self.unmake_vmacs(&made);
                self.answer(by, false, &text)
            }
        }
    }

    /// The configuration with which the daemon starts.
    pub(crate) fn stage_first(&mut self, next: Next) -> Result<(), Fatal> {
        let staged = self.prepare(next, Asker::Start);
        self.stage(staged.map_err(|text| Fatal::new("vipd", text))?)
    }

    fn prepare(&self, next: Next, by: Asker) -> Result<Reloading, String> {
        let receivers = open_receivers(&next.plan.sockets, &self.plan.sockets)?;
        let others = by != Asker::Restore;
        let waits_for =
            Waits { engine: true, checker: others, starter: others && self.starter.is_some() };
        let until = self.kernel.now().plus(LIMIT);
        Ok(Reloading { next, receivers, by, waits_for, until })
    }

    fn read_plan(&mut self) -> Result<Next, String> {
        let loaded = load::read(&self.file).map_err(|error| error.to_string())?;
        for diagnostic in &loaded.parsed.diagnostics {
            load::log(diagnostic);
        }
        if loaded.parsed.has_errors() {
            return Err(load::errors_of(&loaded.parsed));
        }
        let parsed = loaded.parsed;
        let generation = Generation(self.plan.generation.0.wrapping_add(1));
        self.plan_for(Rc::new(parsed.config), parsed.digest, generation)
    }

    fn plan_for(
        &mut self,
        config: Rc<Config>,
        digest: u64,
        generation: Generation,
    ) -> Result<Next, String> {
        let mut numbers = self.numbers.clone();
        let wanted =
            numbers.name_vmacs(&config, &mut self.kernel).map_err(|error| error.to_string())?;
        let made = self.make_vmacs(&config, &wanted)?;
        match numbers.plan(&config, digest, generation, &mut self.kernel) {
            Ok(plan) => Ok(Next { config, plan, numbers, made }),
            Err(error) => {
                self.unmake_vmacs(&made);
                Err(error.to_string())
            }
        }
    }

    fn stage(&mut self, staged: Reloading) -> Result<(), Fatal> {
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
            chan.send(&ParentToEngine::Instance(Box::new(instance.slice.clone())))?;
        }
        for group in &staged.next.plan.groups {
            chan.send(&ParentToEngine::Group(group.clone()))?;
        }
        chan.send(&ParentToEngine::End { generation })
    }

    fn stage_checker(&mut self, plan: &Plan) -> Result<(), ChanError> {
        let generation = plan.generation;
        let chan = &mut self.checker.chan;
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

    /// The commit: first what leaves the kernel and what comes, then the word to all.
    fn commit(&mut self, staged: Reloading) -> Result<(), Fatal> {
        let Reloading { next, receivers, by, .. } = staged;
        let Next { config, plan, numbers, .. } = next;
        let generation = plan.generation;
        let changed = self.change_addresses(&plan)?;
        let copies = |instance: &InstancePlan| {
            u16::try_from(instance.destinations().len()).unwrap_or(u16::MAX)
        };
        let known = plan.instances.iter().map(|i| (i.slice.id, copies(i))).collect();
        self.permits.set_instances(self.kernel.now(), &known);
        let names = plan.instances.iter().map(|i| (i.slice.id, i.slice.name.clone()));
        self.names.extend(names);
        self.config = config;
        self.plan = plan;
        self.numbers = numbers;
        self.settle_vmacs();
        if by != Asker::Restore {
            self.tell_starter(&ParentToStarter::Commit { generation })?;
            self.tell_checker(&ParentToChecker::Commit { generation })?;
        }
        self.tell_engine(&ParentToEngine::Commit { generation })?;
        for id in receivers.keys() {
            self.links.remove(id);
        }
        self.receivers.extend(receivers);
        let sockets: Vec<_> = self.plan.sockets.iter().map(|socket| socket.slice.id).collect();
        self.receivers.retain(|id, _| sockets.contains(id));
        for socket in sockets {
            self.tell_link(socket)?;
        }
        for instance in self.held.instances() {
            self.change_announcements(instance);
        }
        for (instance, result) in changed {
            match result {
                Ok(fresh) => self.announce_these(instance, &fresh),
                Err(reason) => self.give_up(instance, &reason)?,
            }
        }
        self.answer(by, true, "the new configuration is in force")
    }

    /// An instance that is MASTER goes on; only its addresses differ. Returns those that came, or
    /// why they could not.
    fn change_addresses(&mut self, plan: &Plan) -> Result<Vec<Changed>, Fatal> {
        let mut changed = Vec::new();
        for instance in self.held.instances() {
            let (Some(term), Some(new)) = (self.held.get(instance), plan.instance(instance)) else {
                continue;
            };
            let (epoch, old, term_lease) = (term.epoch, term.addresses.clone(), term.lease);
            let aged = term.addresses_at(self.kernel.now());
            let renewed = term.asked();
            let gone: Vec<Address> =
                old.iter().filter(|a| !new.addresses.contains(a)).cloned().collect();
            let fresh: Vec<Address> =
                new.addresses.iter().filter(|a| !old.contains(a)).cloned().collect();
            if gone.is_empty() && fresh.is_empty() && term_lease == new.lease {
                continue;
            }
            let name = new.slice.name.clone();
            let by = By::Parent;
            let who = Subject { instance: &name, epoch: Some(epoch), by, reason: Reason::Reload };
            self.remove(&who, &gone)
                .map_err(|e| Fatal::new("the kernel", format!("({name}) reload: {e}")))?;
            let mut now_held: Vec<Address> =
                old.iter().filter(|a| !gone.contains(a)).cloned().collect();
            // Those that stay have what is left of their lease, unless it is another one now.
            let asked = if term_lease == new.lease { renewed } else { self.kernel.now() };
            if term_lease != new.lease {
                let stays = old.iter().zip(aged).filter(|(a, _)| new.addresses.contains(a));
                let stays: Vec<Address> = stays.map(|(_, aged)| aged).collect();
                let results = self.kernel.renew(&stays, new.lease);
                if let Some(errno) = results.into_iter().find_map(Result::err) {
                    log::error!("({name}) new lease: {errno}");
                }
            }
            let installed = self.install(&who, &fresh, new.lease);
            if installed.is_ok() {
                now_held.extend(fresh.iter().cloned());
            }
            self.held.take(instance, epoch, now_held, new.lease, asked);
            changed.push((instance, installed.map(|()| fresh)));
        }
        Ok(changed)
    }

    /// Tells whoever asked, the log and the audit trail how it ended.
    fn answer(&mut self, by: Asker, done: bool, text: &str) -> Result<(), Fatal> {
        if matches!(by, Asker::Start) {
            self.ready();
            return Ok(());
        }
        if done {
            log::info!("Reload complete: {text}");
        } else {
            log::error!("Reload refused, nothing has changed: {text}");
        }
        match by {
            Asker::Start | Asker::Restore => Ok(()),
            Asker::Signal => {
                self.audit.reload("by=signal", done);
                Ok(())
            }
            Asker::Client(client, uid) => {
                let uid = uid.map_or_else(|| "unknown".to_owned(), |uid| uid.to_string());
                self.audit.reload(&format!("by=control uid={uid}"), done);
                self.permits.allow_reload(client);
                let mut text = text.to_owned();
                text.truncate(text.floor_char_boundary(4000));
                self.tell_engine(&ParentToEngine::Reloaded { client, done, text })
            }
        }
    }
}

/// New sockets for new interfaces and changed groups: the engine cannot change one.
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
        let (family, groups, least_ttl) = (slice.family, &socket.groups, slice.least_ttl);
        // Switches learn from the base's reports who wants the group; a virtual MAC sends none.
        let also_join = (socket.base_index != index).then_some(socket.base_index);
        let receiver = open_receiver(interface, index, family, groups, also_join, least_ttl)
            .map_err(|error| format!("cannot open a VRRP socket on {interface}: {error}"))?;
        receivers.insert(slice.id, receiver);
    }
    Ok(receivers)
}
