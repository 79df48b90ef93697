//! Interfaces with a virtual MAC: they are named and made before the sockets that are bound to them,
//! made anew when somebody deletes one, and removed when nobody has anything left to say on them.
//! With them goes the firewall, which keeps them quiet and drops what `no_accept` does not want.

use crate::daemon::{Daemon, Fatal};
use crate::kernel::{Kernel, Mark, Rules, Vmac, VmacError};
use crate::plan::{Plan, VmacPlan};
use std::collections::BTreeMap;
use std::net::Ipv6Addr;
use std::time::Duration;
use vipd_types::{IfName, Instant};

/// A router that a reload removes still says good-bye.
const FAREWELL: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Vmacs {
    mark: Mark,
    made: BTreeMap<IfName, Made>,
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
        Self { mark, made: BTreeMap::new() }
    }

    /// What an earlier run left behind.
    pub(crate) fn clear(&self, kernel: &mut dyn Kernel) -> Result<(), VmacError> {
        for name in kernel.clear_vmacs(&self.mark)? {
            log::info!("removing {name}, left behind by an earlier run");
        }
        Ok(())
    }

    /// Makes those that are not there yet; returns their names. All or none.
    pub(crate) fn make(
        &mut self,
        kernel: &mut dyn Kernel,
        wanted: &[VmacPlan],
        rules: &Rules,
    ) -> Result<Vec<IfName>, String> {
        let mut new = Vec::new();
        let made = self.make_down(kernel, wanted, &mut new).and_then(|()| {
            // Before they come up: coming up, the kernel would send membership reports.
            self.guard(kernel, rules)?;
            self.raise(kernel, &new)
        });
        match made {
            Ok(()) => Ok(new),
            Err(why) => {
                self.unmake(kernel, &new);
                Err(why)
            }
        }
    }

    fn make_down(
        &mut self,
        kernel: &mut dyn Kernel,
        wanted: &[VmacPlan],
        new: &mut Vec<IfName>,
    ) -> Result<(), String> {
        for plan in wanted {
            match self.made.get_mut(&plan.name) {
                Some(made) if made.plan == *plan => made.leaves = None,
                Some(_) => {
                    return Err(format!(
                        "{} is in use with another MAC address or interface; restart vipd, or \
                         reload twice: first without it",
                        plan.name
                    ));
                }
                None => {
                    let index = kernel.make_vmac(&plan.vmac(), &self.mark).map_err(said)?;
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
            made.borrowed = kernel.borrow_link_local(made.index).map_err(said)?;
            kernel.raise_vmac(made.index).map_err(said)?;
            log::info!("{name} is up on {} with a virtual MAC address", made.plan.base);
        }
        Ok(())
    }

    /// Takes back what a reload that came to nothing has made.
    pub(crate) fn unmake(&mut self, kernel: &mut dyn Kernel, names: &[IfName]) {
        for name in names {
            if let Some(made) = self.made.remove(name)
                && let Err(error) = kernel.remove_vmac(made.index)
            {
                log::error!("removing {name}: {error}");
            }
        }
    }

    /// Loads the firewall: `rules`, and silence for every interface that is there.
    fn guard(&self, kernel: &mut dyn Kernel, rules: &Rules) -> Result<(), String> {
        let mut rules = rules.clone();
        rules.quiet = self.made.values().map(|made| made.index).collect();
        rules.borrowed = self.made.values().filter_map(|made| made.borrowed).collect();
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
    /// The firewall and the interfaces of the configuration that has just come into force.
    pub(crate) fn settle_vmacs(&mut self) {
        self.vmacs.retire(&self.plan, self.kernel.now());
        self.reload_firewall();
    }

    fn reload_firewall(&mut self) {
        if let Err(why) = self.vmacs.guard(&mut self.kernel, &self.plan.rules()) {
            log::error!("firewall: {why}");
        }
    }

    /// Removes the interfaces whose time has come.
    pub(crate) fn sweep_vmacs(&mut self, now: Instant) {
        let due = |made: &Made| made.leaves.is_some_and(|at| at <= now);
        let names: Vec<IfName> =
            self.vmacs.made.iter().filter(|(_, made)| due(made)).map(|(name, _)| *name).collect();
        if !names.is_empty() {
            self.vmacs.unmake(&mut self.kernel, &names);
            self.reload_firewall();
        }
    }

    /// The end: nothing is held any more.
    pub(crate) fn remove_vmacs(&mut self) {
        let names: Vec<IfName> = self.vmacs.made.keys().copied().collect();
        self.vmacs.unmake(&mut self.kernel, &names);
        if let Err(error) = self.kernel.firewall(&Rules::default()) {
            log::error!("firewall: {error}");
        }
    }

    /// Another link-local address of the base is another source of adverts.
    pub(crate) fn follow_base(&mut self, base_index: u32) {
        let mut changed = false;
        for (name, made) in &mut self.vmacs.made {
            if made.plan.base_index != base_index {
                continue;
            }
            match self.kernel.borrow_link_local(made.index) {
                Ok(borrowed) => changed |= std::mem::replace(&mut made.borrowed, borrowed) != borrowed,
                Err(error) => log::warn!("{name}: {error}"),
            }
        }
        if changed {
            self.reload_firewall();
        }
    }

    /// Somebody has deleted an interface of ours: the same configuration once more, which makes it
    /// anew and moves the sockets there.
    pub(crate) fn lost_vmac(&mut self, index: u32) -> Result<(), Fatal> {
        let Some(name) = self.vmacs.of_index(index) else { return Ok(()) };
        log::warn!("somebody removed {name}; making it again");
        self.vmacs.unmake(&mut self.kernel, &[name]);
        self.restore()
    }
}

impl VmacPlan {
    fn vmac(&self) -> Vmac {
        let Self { name, base, base_index, mac, family } = *self;
        Vmac { name, base, base_index, mac, ipv6: family == vipd_types::Family::V6 }
    }
}

fn said(error: VmacError) -> String {
    error.to_string()
}
