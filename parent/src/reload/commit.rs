//! The moment in which a new configuration comes into force: what leaves the kernel and what comes,
//! then the word to all processes.

use super::{Asker, Next, Reloading};
use crate::audit::{By, Reason, Subject};
use crate::daemon::{Daemon, Fatal};
use crate::initfile;
use crate::kernel::{Address, Kernel};
use crate::plan::{InstancePlan, Plan};
use std::collections::BTreeSet;
use vipd_ipc::msg::{ParentToChecker, ParentToEngine, ParentToStarter};
use vipd_types::InstanceId;

type Changed = (InstanceId, Result<Vec<Address>, String>);

impl Daemon {
    /// The commit: first what leaves the kernel and what comes, then the word to all.
    pub(super) fn commit(&mut self, staged: Reloading) -> Result<(), Fatal> {
        let Reloading { next, receivers, by, .. } = staged;
        let Next { config, plan, numbers, .. } = next;
        let generation = plan.generation;
        let changed = self.change_addresses(&plan)?;
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
    /// leaves now only if another one wants it.
    fn vacate(&mut self, plan: &Plan) -> Result<(), Fatal> {
        let all = plan.instances.iter().flat_map(|instance| &instance.addresses);
        let wanted: BTreeSet<_> = all.map(|address| (address.ip, address.index)).collect();
        for instance in self.held.instances() {
            let Some(term) = self.held.get(instance) else { continue };
            let goes = |address: &Address| match plan.instance(instance) {
                Some(new) => !new.addresses.contains(address),
                None => wanted.contains(&(address.ip, address.index)),
            };
            let (gone, stay): (Vec<_>, Vec<_>) = term.addresses.iter().cloned().partition(goes);
            if gone.is_empty() {
                continue;
            }
            let (epoch, lease, asked) = (term.epoch, term.lease, term.asked());
            let name = self.name(instance);
            let by = By::Parent;
            let who = Subject { instance: &name, epoch: Some(epoch), by, reason: Reason::Reload };
            self.remove(&who, &gone)
                .map_err(|e| Fatal::new("the kernel", format!("({name}) reload: {e}")))?;
            self.held.take(instance, epoch, stay, lease, asked);
        }
        Ok(())
    }

    /// An instance that is MASTER goes on; only its addresses differ. Returns those that came, or
    /// why they could not.
    fn change_addresses(&mut self, plan: &Plan) -> Result<Vec<Changed>, Fatal> {
        self.vacate(plan)?;
        let mut changed = Vec::new();
        for instance in self.held.instances() {
            let (Some(term), Some(new)) = (self.held.get(instance), plan.instance(instance)) else {
                continue;
            };
            let (epoch, old, term_lease) = (term.epoch, term.addresses.clone(), term.lease);
            let aged = term.addresses_at(self.kernel.now());
            let renewed = term.asked();
            let fresh: Vec<Address> =
                new.addresses.iter().filter(|a| !old.contains(a)).cloned().collect();
            if fresh.is_empty() && term_lease == new.lease {
                continue;
            }
            self.promise(instance, new.lease, self.kernel.now())?;
            let name = new.slice.name.clone();
            let by = By::Parent;
            let who = Subject { instance: &name, epoch: Some(epoch), by, reason: Reason::Reload };
            let mut now_held = old.clone();
            // Those that stay have what is left of their lease, unless it is another one now.
            let asked = if term_lease == new.lease { renewed } else { self.kernel.now() };
            let mut renewed_all = term_lease != new.lease;
            if renewed_all {
                let results = self.kernel.renew(&aged, new.lease);
                if let Some(errno) = results.into_iter().find_map(Result::err) {
                    log::error!("({name}) new lease: {errno}");
                    renewed_all = false;
                }
            }
            let installed = self.install(&who, &fresh, new.lease);
            if installed.is_ok() {
                now_held.extend(fresh.iter().cloned());
            }
            self.held.take(instance, epoch, now_held, new.lease, asked);
            if renewed_all {
                self.vouch(&[instance])?;
            }
            changed.push((instance, installed.map(|()| fresh)));
        }
        Ok(changed)
    }
}
