//! The moment in which a new configuration comes into force: what leaves the kernel and what comes,
//! then the word to all processes.

use super::{Asker, Next, Reloading};
use crate::audit::{By, Reason, Subject};
use crate::daemon::{Daemon, Fatal};
use crate::initfile;
use crate::kernel::{Address, Kernel, Path};
use crate::paths;
use crate::plan::{InstancePlan, Plan, Thing};
use std::collections::BTreeSet;
use std::net::IpAddr;
use vipd_ipc::msg::{ParentToChecker, ParentToEngine, ParentToStarter};
use vipd_types::InstanceId;

type Changed = (InstanceId, Result<Vec<Address>, String>);

impl Daemon {
    /// The commit: first what leaves the kernel and what comes, then the word to all.
    pub(super) fn commit(&mut self, staged: Reloading) -> Result<(), Fatal> {
        let Reloading { next, receivers, by, .. } = staged;
        let Next { config, plan, numbers, .. } = next;
        let generation = plan.generation;
        let with_paths = plan.instances.iter().any(|one| !one.paths.is_empty());
        if with_paths || !plan.statics.is_empty() {
            let followed = self.events.follow_paths();
            followed.map_err(|e| Fatal::new("the kernel", format!("events of routes: {e}")))?;
        }
        let without = self.vacate(&plan)?;
        self.change_statics(&plan.statics)?;
        let changed = self.change_held(&plan, &without)?;
        let copies = |instance: &InstancePlan| {
            u16::try_from(instance.destinations().len()).unwrap_or(u16::MAX)
        };
        let known = plan.instances.iter().map(|i| (i.slice.id, copies(i))).collect();
        self.permits.set_instances(self.kernel.now(), &known);
        if by != Asker::Restore {
            self.permits.set_objects(self.kernel.now(), plan.tell.objects.keys().copied());
        }
        let names = plan.instances.iter().map(|i| (i.slice.id, i.slice.name.clone()));
        self.names.extend(names);
        // At the start they are there already, made with rights that are gone.
        if by != Asker::Start {
            initfile::make(&config, &self.config);
        }
        self.config = config;
        let old = std::mem::replace(&mut self.plan, plan);
        self.numbers = numbers;
        self.settle_vmacs();
        if by != Asker::Restore {
            self.tell_starter(&ParentToStarter::Commit { generation })?;
            self.tell_checker(&ParentToChecker::Commit { generation })?;
            self.notify_as_planned(&old.tell, old.generation)?;
        }
        self.look_at_interfaces()?;
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

    /// What leaves, everywhere, before anything comes: an address may go from one instance to
    /// another, and the kernel has it once. What an instance has that the engine is about to stop
    /// leaves now only if somebody else wants it. Returns who goes on without some address.
    fn vacate(&mut self, plan: &Plan) -> Result<BTreeSet<InstanceId>, Fatal> {
        let mut without = BTreeSet::new();
        let wanted = Wanted::by(plan);
        for instance in self.held.instances() {
            let Some(term) = self.held.get(instance) else { continue };
            let new = plan.instance(instance);
            let goes = |address: &Address| match new {
                Some(new) => !is_in(&new.addresses, address),
                None => wanted.address(address),
            };
            let path_goes = |path: &Path| match new {
                Some(new) => !paths::is_in(&new.paths, path),
                None => wanted.path(path),
            };
            let (gone, stay): (Vec<_>, Vec<_>) = term.addresses.iter().cloned().partition(goes);
            let (gone_paths, paths): (Vec<_>, Vec<_>) =
                term.paths.iter().cloned().partition(path_goes);
            let (epoch, lease, asked) = (term.epoch, term.lease, term.asked());
            let name = self.name(instance);
            let by = By::Parent;
            let who = Subject { instance: &name, epoch: Some(epoch), by, reason: Reason::Reload };
            if !gone_paths.is_empty() {
                self.remove_paths(&who, &gone_paths);
                self.held.take_paths(instance, paths);
            }
            if !gone.is_empty() {
                self.remove(&who, &gone)
                    .map_err(|e| Fatal::new("the kernel", format!("({name}) reload: {e}")))?;
                self.held.take(instance, epoch, stay, lease, asked);
                without.insert(instance);
            }
        }
        Ok(without)
    }

    /// An instance that is MASTER goes on; only what it holds differs. Returns the addresses that
    /// came, or why something could not. A route that stays may have gone with an address of those
    /// who are `without` one.
    fn change_held(
        &mut self,
        plan: &Plan,
        without: &BTreeSet<InstanceId>,
    ) -> Result<Vec<Changed>, Fatal> {
        let mut changed = Vec::new();
        for instance in self.held.instances() {
            let (Some(term), Some(new)) = (self.held.get(instance), plan.instance(instance)) else {
                continue;
            };
            let name = &new.slice.name;
            let (by, epoch) = (By::Parent, Some(term.epoch));
            let who = Subject { instance: name, epoch, by, reason: Reason::Reload };
            let fresh = self.change_addresses(&who, new)?;
            let without = without.contains(&instance);
            let with_paths = fresh.and_then(|fresh| {
                self.exchange_paths(&who, instance, &new.paths, without).map(|()| fresh)
            });
            changed.push((instance, with_paths));
        }
        Ok(changed)
    }

    fn change_addresses(
        &mut self,
        who: &Subject<'_>,
        new: &InstancePlan,
    ) -> Result<Result<Vec<Address>, String>, Fatal> {
        let (instance, name) = (new.slice.id, who.instance);
        let Some(term) = self.held.get(instance) else { return Ok(Ok(Vec::new())) };
        let (stay, fresh): (Vec<_>, Vec<_>) =
            new.addresses.iter().cloned().partition(|a| is_in(&term.addresses, a));
        let fresh: Vec<_> = fresh.into_iter().filter(|a| !is_in(&term.let_go, a)).collect();
        let (epoch, same_lease) = (term.epoch, term.lease == new.lease);
        if fresh.is_empty() && same_lease {
            self.held.track_as(instance, stay);
            return Ok(Ok(fresh));
        }
        let aged = term.addresses_at(self.kernel.now());
        let renewed = term.asked();
        self.promise(&[(instance, new.lease)], self.kernel.now())?;
        // Those that stay have what is left of their lease, unless it is another one now.
        let asked = if same_lease { renewed } else { self.kernel.now() };
        let mut renewed_all = !same_lease;
        if renewed_all {
            let results = self.kernel.renew(&aged, new.lease);
            if let Some(errno) = results.into_iter().find_map(Result::err) {
                log::error!("({name}) new lease: {errno}");
                renewed_all = false;
            }
        }
        let installed = self.install(who, &fresh, new.lease);
        let mut held = stay;
        if installed.is_ok() {
            held.extend(fresh.iter().cloned());
        }
        self.held.take(instance, epoch, held, new.lease, asked);
        if renewed_all {
            self.vouch(&[instance])?;
        }
        Ok(installed.map(|()| fresh))
    }
}

fn is_in(all: &[Address], one: &Address) -> bool {
    all.iter().any(|address| address.is_same_as(one))
}

/// What a plan has for anybody.
struct Wanted<'a> {
    addresses: BTreeSet<(IpAddr, u32)>,
    paths: Vec<&'a Path>,
}

impl<'a> Wanted<'a> {
    fn by(plan: &'a Plan) -> Self {
        let mut all: Vec<_> = plan.instances.iter().flat_map(|one| &one.addresses).collect();
        let mut paths: Vec<_> = plan.instances.iter().flat_map(|one| &one.paths).collect();
        for one in &plan.statics {
            match &one.thing {
                Thing::Address(address) => all.push(address),
                Thing::Path(path) => paths.push(path),
            }
        }
        let addresses = all.into_iter().map(|address| (address.ip, address.index)).collect();
        Self { addresses, paths }
    }

    fn address(&self, address: &Address) -> bool {
        self.addresses.contains(&(address.ip, address.index))
    }

    fn path(&self, path: &Path) -> bool {
        self.paths.iter().any(|wanted| wanted.takes_place_of(path))
    }
}
