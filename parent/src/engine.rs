//! What the engine asks for: permit, act, audit, answer. Every message passes the permit table
//! first; one that it does not let through ends the daemon.

use crate::audit::{By, Reason, Subject};
use crate::daemon::{Daemon, Fatal, UNLEASED};
use crate::held;
use crate::kernel::{Address, Kernel, select};
use crate::log::relay;
use crate::plan::InstancePlan;
use nix::errno::Errno;
use std::time::Duration;
use vipd_ipc::msg::{EngineToParent, LEASES_MAX, LeaseEnd, ParentToEngine, Why};
use vipd_types::{Epoch, InstanceId, Instant};

/// A proof of life that took longer than this to arrive proves nothing.
const STALE: Duration = Duration::from_millis(500);
/// A lease is renewed this much before a third of it is over, because adverts come when they come.
const EARLY: Duration = Duration::from_millis(50);

impl Daemon {
    /// All that the engine has said so far.
    pub(crate) fn hear_engine(&mut self) -> Result<(), Fatal> {
        loop {
            let said = match self.engine.chan.recv() {
                Ok(Some(said)) => said,
                Ok(None) => return Ok(()),
                Err(error) => return Err(Fatal::channel("vipd-vrrpe")(error)),
            };
            let now = self.kernel.now();
            self.permits.check(now, &said).map_err(|v| Fatal::new("vipd-vrrpe", v))?;
            self.obey(said)?;
        }
    }

    fn obey(&mut self, said: EngineToParent) -> Result<(), Fatal> {
        match said {
            EngineToParent::Hello { .. } => Ok(()),
            EngineToParent::Log { level, text } => {
                let pid = u32::try_from(self.engine.pid().as_raw()).unwrap_or(0);
                relay(self.engine.name(), pid, level, &text);
                Ok(())
            }
            EngineToParent::Staged { .. } => self.staged_by_engine(),
            EngineToParent::Alive { at, advertised } => self.alive(at, &advertised),
            EngineToParent::Acquire { instance, epoch } => self.acquire(instance, epoch),
            EngineToParent::Release { instance, epoch, why } => self.release(instance, epoch, why),
            EngineToParent::Announce { instance, .. } => {
                self.announce_again(instance);
                Ok(())
            }
            EngineToParent::Deposit { instance, copy, last_will } => {
                self.wills.insert((instance, copy), last_will);
                Ok(())
            }
            EngineToParent::Notify { object, news, priority } => self.tell(object, news, priority),
            EngineToParent::Reload { client } => self.reload(Some(client)),
            EngineToParent::Act { client, act, seconds } => self.act(client, act, seconds),
            EngineToParent::Orphaned => {
                Err(Fatal::new("vipd-vrrpe", "a lease was not renewed in time"))
            }
            EngineToParent::Report(part) => self.take_report(&part),
        }
    }

    pub(crate) fn tell_engine(&mut self, message: &ParentToEngine) -> Result<(), Fatal> {
        self.engine.send(message).map_err(Fatal::channel("vipd-vrrpe"))
    }

    fn acquire(&mut self, instance: InstanceId, epoch: Epoch) -> Result<(), Fatal> {
        let Some(plan) = self.plan.instance(instance).cloned() else {
            return Err(Fatal::new("vipd-vrrpe", "an instance without a plan"));
        };
        let name = &plan.slice.name;
        let by = By::Engine;
        let who = Subject { instance: name, epoch: Some(epoch), by, reason: Reason::Acquire };
        let asked = self.kernel.now();
        self.promise(&[(instance, plan.lease)], asked)?;
        match self.install_all(&who, &plan) {
            Ok(()) => {
                self.held.take(instance, epoch, plan.addresses, plan.lease, asked);
                self.held.take_paths(instance, plan.paths);
                self.announce(instance);
                self.tell_engine(&ParentToEngine::Acquired { instance, epoch })?;
                self.vouch(&[instance])?;
                self.hear_owner(instance);
                Ok(())
            }
            Err(reason) => {
                log::error!("({name}) {reason}");
                self.permits.closed(instance);
                self.tell_engine(&ParentToEngine::NotAcquired { instance, epoch, reason })
            }
        }
    }

    /// What a MASTER holds: a route may name an address, so that comes first.
    fn install_all(&mut self, who: &Subject<'_>, plan: &InstancePlan) -> Result<(), String> {
        if let Some(why) = self.lacks_static(plan.slice.id) {
            return Err(why);
        }
        self.install(who, &plan.addresses, plan.lease)?;
        self.install_paths(who, &plan.paths).inspect_err(|_| {
            let who = Subject { by: By::Parent, reason: Reason::Rollback, ..*who };
            if let Err(errno) = self.remove(&who, &plan.addresses) {
                log::error!("({}) rollback: {errno}", who.instance);
            }
        })
    }

    /// All or nothing: what was added is taken back if one address cannot be.
    pub(crate) fn install(
        &mut self,
        who: &Subject<'_>,
        addresses: &[Address],
        lease: Option<u32>,
    ) -> Result<(), String> {
        self.keep_neighbours(addresses)?;
        let results = self.kernel.add(addresses, lease);
        let mut added = Vec::new();
        let mut refused = None;
        for (address, result) in addresses.iter().zip(results) {
            self.audit.added(who, address, result);
            match result {
                Ok(()) => added.push(address.clone()),
                Err(errno) => refused = refused.or(Some((address, errno))),
            }
        }
        let refused = match refused {
            Some((address, Errno::EEXIST)) => Some(format!(
                "{address} is on {} already and is not ours; remove it, or take it out of \
                 virtual_ipaddress",
                address.interface
            )),
            Some((address, Errno::EACCES)) if address.ip.is_ipv6() => Some(format!(
                "cannot add {address}: IPv6 is switched off on {0}, see net.ipv6.conf.{0}.\
                 disable_ipv6",
                address.interface
            )),
            Some((address, errno)) => {
                Some(format!("cannot add {address} to {}: {errno}", address.interface))
            }
            None => self.missing(addresses).first().map(|address| {
                format!("{address} is not on {} although it was added", address.interface)
            }),
        };
        let Some(reason) = refused else { return Ok(()) };
        let who = Subject { by: By::Parent, reason: Reason::Rollback, ..*who };
        if let Err(errno) = self.remove(&who, &added) {
            log::error!("({}) rollback: {errno}", who.instance);
        }
        Err(reason)
    }

    /// Without promote_secondaries, removing one address of a subnet removes the others with it.
    pub(crate) fn keep_neighbours(&self, addresses: &[Address]) -> Result<(), String> {
        for address in addresses.iter().filter(|a| a.ip.is_ipv4() && a.prefix < 32) {
            match crate::kernel::sysctl::promote_secondaries(&address.interface) {
                Ok(false) => {}
                Ok(true) => log::info!(
                    "net.ipv4.conf.{}.promote_secondaries is now 1: {address} shares its subnet",
                    address.interface
                ),
                Err(error) => {
                    return Err(format!(
                        "cannot set net.ipv4.conf.{}.promote_secondaries, without which the \
                         addresses beside {address} could vanish with it: {error}",
                        address.interface
                    ));
                }
            }
        }
        Ok(())
    }

    /// Those that are not there as ours and in use.
    fn missing(&mut self, addresses: &[Address]) -> Vec<Address> {
        select(
            &mut self.kernel,
            addresses,
            |there| !matches!(there, Ok(Some(present)) if present.ours && !present.dadfailed),
        )
    }

    fn release(&mut self, instance: InstanceId, epoch: Epoch, why: Why) -> Result<(), Fatal> {
        self.schedule.stop(instance);
        if let Some(term) = self.held.drop(instance) {
            let name = self.name(instance);
            let reason = Reason::Release(why);
            let who = Subject { instance: &name, epoch: Some(epoch), by: By::Engine, reason };
            self.remove_paths(&who, &term.paths);
            // An address that stays cannot be answered for; the lease will remove it.
            self.remove(&who, &term.addresses)
                .map_err(|e| Fatal::new("the kernel", format!("({name}) release: {e}")))?;
            self.hear_owner_no_more();
        }
        self.tell_engine(&ParentToEngine::Released { instance, epoch })
    }

    fn alive(&mut self, at: Instant, advertised: &[InstanceId]) -> Result<(), Fatal> {
        let now = self.kernel.now();
        if now.since(at) > STALE {
            return Ok(());
        }
        self.life.engine = now;
        self.life.ticks = 0;
        let due: Vec<InstanceId> =
            advertised.iter().copied().filter(|id| self.held.is_due(*id, now, EARLY)).collect();
        if !due.is_empty() {
            // An address that somebody removed must be seen before a refresh re-creates it unseen.
            self.hear_kernel()?;
        }
        for part in due.chunks(LEASES_MAX) {
            self.renew(part)?;
        }
        self.vouch(&[])
    }

    fn renew(&mut self, instances: &[InstanceId]) -> Result<(), Fatal> {
        let asked = self.kernel.now();
        let mut renewed = Vec::with_capacity(instances.len());
        let lease_of = |id: &InstanceId| Some((*id, self.held.get(*id)?.lease));
        let leases: Vec<_> = instances.iter().filter_map(lease_of).collect();
        self.promise(&leases, asked)?;
        for instance in instances {
            let Some(term) = self.held.get(*instance) else { continue };
            let (mut addresses, lease) = (term.addresses_at(asked), term.lease);
            if !self.link_is_up(*instance) {
                // What went with the link comes back with it, and not unseen.
                let absent = self.absent(&addresses);
                addresses.retain(|address| !absent.contains(address));
            }
            let results = self.kernel.renew(&addresses, lease);
            match results.into_iter().find_map(Result::err) {
                None => {
                    self.held.renewed(*instance, asked);
                    renewed.push(*instance);
                }
                Some(errno) => log::warn!("({}) renewing: {errno}", self.name(*instance)),
            }
        }
        self.vouch(&renewed)
    }

    /// The kernel is about to be asked for addresses of these instances, each with its lease.
    pub(crate) fn promise(
        &mut self,
        leases: &[(InstanceId, Option<u32>)],
        asked: Instant,
    ) -> Result<(), Fatal> {
        let end = |(instance, lease): &(InstanceId, Option<u32>)| LeaseEnd {
            instance: *instance,
            end: held::end(*lease, asked),
        };
        let leases = leases.iter().map(end).collect();
        self.tell_engine(&ParentToEngine::Leasing { leases })
    }

    /// The kernel holds all addresses of these instances for what the lease says; and a proof of
    /// life. Also for a new term: should this process stop now, the engine must not take an earlier
    /// answer, of a time without addresses, for the end of the lease.
    pub(crate) fn vouch(&mut self, instances: &[InstanceId]) -> Result<(), Fatal> {
        let held = |id: &InstanceId| {
            let end = self.held.get(*id)?.end();
            Some(LeaseEnd { instance: *id, end })
        };
        let leases = instances.iter().filter_map(held).collect();
        let until = self.kernel.now().plus(UNLEASED);
        self.tell_engine(&ParentToEngine::Leased { until, leases })
    }
}
