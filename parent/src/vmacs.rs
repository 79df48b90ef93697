//! Interfaces with a virtual MAC: they are named and made before the sockets that are bound to them,
//! made anew when somebody deletes one, and removed when nobody has anything left to say on them.
//! With them goes the firewall, which keeps them quiet and drops what `no_accept` does not want.

use crate::audit::Audit;
use crate::daemon::{Daemon, Fatal};
use crate::kernel::{Kernel, Mark, Rules, Vmac, VmacError};
use crate::plan::{Plan, VmacPlan, no_accept};
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;
use vipd_conf::Config;
use vipd_types::{IfName, Instant};

/// A router that a reload removes still says good-bye.
const FAREWELL: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Vmacs {
    mark: Mark,
    made: BTreeMap<IfName, Made>,
    /// Those whose virtual router is MASTER, as the firewall knows it.
    masters: BTreeSet<IfName>,
}

#[derive(Debug)]
struct Made {
    plan: VmacPlan,
    index: u32,
    borrowed: Option<Ipv6Addr>,
    /// Not in the configuration any more.
    leaves: Option<Instant>,
}

impl Vmacs {
    pub(crate) fn new(mark: Mark) -> Self {
        Self { mark, made: BTreeMap::new(), masters: BTreeSet::new() }
    }

    /// What an earlier run left behind.
    pub(crate) fn clear(
        &self,
        kernel: &mut dyn Kernel,
        audit: &mut Audit,
    ) -> Result<(), VmacError> {
        for name in kernel.clear_vmacs(&self.mark)? {
            log::info!("removing {name}, left behind by an earlier run");
            audit.vmac("remove-vmac", &name, "leftover", Ok(()));
        }
        Ok(())
    }

    /// Makes those that are not there yet, all or none, and returns their names. `no_accept` goes
    /// into the firewall with them.
    pub(crate) fn make(
        &mut self,
        kernel: &mut dyn Kernel,
        audit: &mut Audit,
        wanted: &[VmacPlan],
        no_accept: &BTreeSet<IpAddr>,
    ) -> Result<Vec<IfName>, String> {
        let mut new = Vec::new();
        let made = self.make_down(kernel, audit, wanted, &mut new).and_then(|()| {
            // Before they come up: coming up, the kernel would send membership reports.
            self.guard(kernel, no_accept)?;
            self.raise(kernel, &new)
        });
        match made {
            Ok(()) => Ok(new),
            Err(why) => {
                self.unmake(kernel, audit, &new);
                Err(why)
            }
        }
    }

    fn make_down(
        &mut self,
        kernel: &mut dyn Kernel,
        audit: &mut Audit,
        wanted: &[VmacPlan],
        new: &mut Vec<IfName>,
    ) -> Result<(), String> {
        for plan in wanted {
            match self.made.get_mut(&plan.name) {
                Some(made) if made.plan == *plan => made.leaves = None,
                Some(_) => {
                    return Err(format!(
                        "{} is in use with another MAC address or interface, or without IPv6; \
                         reload without it first, or restart vipd",
                        plan.name
                    ));
                }
                None => {
                    let index = kernel.make_vmac(&plan.vmac(), &self.mark);
                    let result = index.as_ref().map(|_| ()).map_err(ToString::to_string);
                    audit.vmac("add-vmac", &plan.name, "configuration", result);
                    let index = index.map_err(|error| error.to_string())?;
                    new.push(plan.name);
                    let plan = plan.clone();
                    self.made.insert(plan.name, Made { plan, index, borrowed: None, leaves: None });
                }
            }
        }
        Ok(())
    }

    fn raise(&mut self, kernel: &mut dyn Kernel, new: &[IfName]) -> Result<(), String> {
        for name in new {
            let Some(made) = self.made.get_mut(name) else { continue };
            made.borrowed =
                kernel.borrow_link_local(made.index).map_err(|error| error.to_string())?;
            kernel.raise_vmac(made.index).map_err(|error| error.to_string())?;
            log::info!("{name} is up on {} with a virtual MAC address", made.plan.base);
        }
        Ok(())
    }

    /// Takes them back; whatever fails is in the log.
    pub(crate) fn unmake(&mut self, kernel: &mut dyn Kernel, audit: &mut Audit, names: &[IfName]) {
        for name in names {
            let Some(made) = self.made.remove(name) else { continue };
            let result = kernel.remove_vmac(made.index).map_err(|error| error.to_string());
            if let Err(error) = &result {
                log::error!("removing {name}: {error}");
            }
            audit.vmac("remove-vmac", name, "configuration", result);
        }
    }

    /// The end: nothing is held any more.
    pub(crate) fn remove(&mut self, kernel: &mut dyn Kernel, audit: &mut Audit) {
        let names: Vec<IfName> = self.made.keys().copied().collect();
        self.unmake(kernel, audit, &names);
        if let Err(error) = kernel.firewall(&Rules::default()) {
            log::error!("firewall: {error}");
        }
    }

    /// Loads the firewall: `no_accept`, silence for every interface that is there, and nothing
    /// forwarded but what comes to a MASTER.
    fn guard(&self, kernel: &mut dyn Kernel, no_accept: &BTreeSet<IpAddr>) -> Result<(), String> {
        let quiet = self.made.values().map(|made| made.index).collect();
        let borrowed = self.made.values().filter_map(|made| made.borrowed).collect();
        let shut = self.made.iter().filter(|(name, _)| !self.masters.contains(name));
        let shut = shut.map(|(_, made)| made.index).collect();
        let rules = Rules { no_accept: no_accept.clone(), quiet, borrowed, shut };
        kernel.firewall(&rules).map_err(|error| error.to_string())
    }

    /// A configuration is in force: what it does not want leaves when it has said good-bye.
    fn retire(&mut self, plan: &Plan, now: Instant) {
        let wanted = |name: &IfName| plan.vmacs().any(|vmac| vmac.name == *name);
        for (name, made) in &mut self.made {
            if made.leaves.is_none() && !wanted(name) {
                made.leaves = Some(now.plus(FAREWELL));
            }
        }
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.made.values().filter_map(|made| made.leaves).min()
    }

    fn of_index(&self, index: u32) -> Option<IfName> {
        self.made.iter().find(|(_, made)| made.index == index).map(|(name, _)| *name)
    }
}

impl Daemon {
    /// For a configuration that is not in force yet: the firewall serves both until it is.
    pub(crate) fn make_vmacs(
        &mut self,
        config: &Config,
        wanted: &[VmacPlan],
    ) -> Result<Vec<IfName>, String> {
        let both = &no_accept(config) | &no_accept(&self.config);
        let made = self.vmacs.make(&mut self.kernel, &mut self.audit, wanted, &both);
        made.inspect_err(|_| self.settle_vmacs())
    }

    /// That configuration came to nothing.
    pub(crate) fn unmake_vmacs(&mut self, names: &[IfName]) {
        self.vmacs.unmake(&mut self.kernel, &mut self.audit, names);
        self.settle_vmacs();
    }

    /// The configuration in force is the only one.
    pub(crate) fn settle_vmacs(&mut self) {
        self.vmacs.retire(&self.plan, self.kernel.now());
        self.guard_vmacs();
        if let Err(errno) = self.kernel.hold_groups(&self.plan.asked_below_vmacs()) {
            log::warn!("joining groups below virtual MAC addresses: {errno}");
        }
    }

    fn guard_vmacs(&mut self) {
        if let Err(why) = self.vmacs.guard(&mut self.kernel, &no_accept(&self.config)) {
            log::error!("firewall: {why}");
        }
    }

    /// Terms have begun or ended: a MASTER forwards what is sent to its virtual MAC, and nobody else
    /// does (RFC 9568 6.4.2 and 6.4.3). Once for all that happened in a turn of the loop.
    pub(crate) fn follow_terms(&mut self) {
        if self.vmacs.made.is_empty() || self.reloading.is_some() {
            return;
        }
        let held = self.held.instances().into_iter();
        let of = |id| Some(self.plan.instance(id)?.vmac.as_ref()?.name);
        let masters: BTreeSet<IfName> = held.filter_map(of).collect();
        if masters != self.vmacs.masters {
            self.vmacs.masters = masters;
            self.guard_vmacs();
        }
    }

    /// Something about these interfaces has changed, perhaps by a program that sets each new
    /// interface to the host's defaults.
    pub(crate) fn uphold_vmacs(&mut self, touched: &BTreeSet<u32>) {
        for (name, made) in &self.vmacs.made {
            if !touched.contains(&made.index) {
                continue;
            }
            match self.kernel.uphold_vmac(made.index) {
                Ok(false) => {}
                Ok(true) => log::info!("{name}: settings that somebody had changed are back"),
                // It has gone meanwhile, which is told by itself.
                Err(VmacError::Setting { error, .. }) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => log::warn!("{name}: {error}"),
            }
        }
    }

    /// Removes the interfaces whose time has come.
    pub(crate) fn sweep_vmacs(&mut self, now: Instant) {
        let due = |made: &Made| made.leaves.is_some_and(|at| at <= now);
        let all = self.vmacs.made.iter();
        let names: Vec<IfName> = all.filter(|(_, made)| due(made)).map(|(name, _)| *name).collect();
        if !names.is_empty() {
            self.unmake_vmacs(&names);
        }
    }

    pub(crate) fn remove_vmacs(&mut self) {
        self.vmacs.remove(&mut self.kernel, &mut self.audit);
    }

    /// The addresses of an interface have changed: another link-local one is another source for
    /// what is above it.
    pub(crate) fn follow_base(&mut self, base_index: u32) {
        let mut changed = false;
        for (name, made) in &mut self.vmacs.made {
            if made.plan.base_index != base_index {
                continue;
            }
            match self.kernel.borrow_link_local(made.index) {
                Ok(new) => changed |= std::mem::replace(&mut made.borrowed, new) != new,
                Err(error) => log::warn!("{name}: {error}"),
            }
        }
        if changed {
            self.settle_vmacs();
        }
    }

    /// Somebody has deleted an interface of ours: the same configuration once more, which makes it
    /// anew and moves the sockets there.
    pub(crate) fn lost_link(&mut self, index: u32) -> Result<(), Fatal> {
        let Some(name) = self.vmacs.of_index(index) else { return Ok(()) };
        log::warn!("somebody removed {name}; making it again");
        self.vmacs.unmake(&mut self.kernel, &mut self.audit, &[name]);
        self.restore()
    }
}

impl VmacPlan {
    fn vmac(&self) -> Vmac {
        let Self { name, base, base_index, mac, ipv6 } = *self;
        Vmac { name, base, base_index, mac, ipv6 }
    }
}
