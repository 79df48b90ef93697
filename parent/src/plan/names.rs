//! What the interfaces with a virtual MAC are called: a name once given stays, over reloads too.
//! Makes none of them.

use super::numbers::{Interface, Numbers, identity, interface};
use super::{PlanError, VmacPlan};
use crate::kernel::{Kernel, vmac_name};
use std::collections::BTreeMap;
use vipd_conf::config::{Config, Instance, Vip, Vmac};
use vipd_types::{Family, IfName};

impl Numbers {
    /// All that the configuration wants, each with its name.
    pub(crate) fn name_vmacs(
        &mut self,
        config: &Config,
        kernel: &mut dyn Kernel,
    ) -> Result<Vec<VmacPlan>, PlanError> {
        let known = std::mem::take(&mut self.vmacs);
        let mut wanted = Vec::new();
        for one in &config.instances {
            let Some(vmac) = &one.vmac else { continue };
            let base = interface(one, &one.interface, kernel)?;
            let old = known.get(&identity(one)).copied();
            let name = self.name(one, vmac, old, &known, kernel)?;
            self.vmacs.insert(identity(one), name);
            wanted.extend(self.vmac_of(one, base));
        }
        Ok(wanted)
    }

    fn name(
        &self,
        one: &Instance,
        vmac: &Vmac,
        old: Option<IfName>,
        known: &BTreeMap<super::numbers::Identity, IfName>,
        kernel: &mut dyn Kernel,
    ) -> Result<IfName, PlanError> {
        match (vmac.name, old) {
            (Some(name), _) => Ok(name),
            // Named by the configuration before, perhaps; what matters is that it is there.
            (None, Some(old)) => Ok(old),
            (None, None) => {
                let is_taken = |name: &IfName| {
                    let given = self.vmacs.values().chain(known.values()).any(|n| n == name);
                    given || kernel.link(name).is_ok()
                };
                vmac_name(&vmac.prefix, one.vrid, one.family, is_taken)
                    .ok_or_else(|| PlanError::NoName { instance: one.name.clone() })
            }
        }
    }

    pub(super) fn vmac_of(&self, one: &Instance, base: Interface) -> Option<VmacPlan> {
        let wanted = one.vmac.as_ref()?;
        let name = *self.vmacs.get(&identity(one))?;
        let Interface { name: base, index: base_index } = base;
        let on_it = |vip: &&Vip| vip.dev.is_none_or(|dev| dev == name);
        let ipv6 = one.all_addresses().filter(on_it).any(|vip| vip.address.is_ipv6());
        let ipv6 = ipv6 || one.family == Family::V6;
        Some(VmacPlan { name, base, base_index, mac: wanted.mac, ipv6 })
    }
}
