//! What virtual MACs need of the kernel's settings, on themselves, on their base and on the host,
//! and how the last two are put back: only where the value is still the one that was set here.

use super::mark::Before;
use super::reverse_path::{ReversePath, put_back_all};
use super::setting::{Setting, if_there};
use super::{Vmac, VmacError};
use nix::errno::Errno;
use std::collections::{BTreeMap, BTreeSet};
use vipd_types::IfName;

/// The base answers ARP for no address but its own, and only where the answer would leave by it; and
/// it asks with its own address, also on behalf of packets from the virtual MAC's. Else it would
/// tell their addresses with its own MAC (RFC 3768 8.2).
const BASE: [(&str, i32); 3] = [("arp_ignore", 1), ("arp_filter", 1), ("arp_announce", 2)];

/// The virtual MAC answers for its own addresses, whatever the way back; hears an owner whose
/// source is one of them, and routers to which the route leads by the base; keeps the other
/// addresses of a subnet when the first one goes.
const VMAC: [(&str, i32); 5] = [
    ("arp_ignore", 1),
    ("arp_filter", 0),
    ("accept_local", 1),
    ("rp_filter", 0),
    ("promote_secondaries", 1),
];

/// No address but those that it is given (`addr_gen_mode` 1 is none): one made of the virtual MAC
/// would be the same on all routers.
const VMAC6: [(&str, i32); 3] = [("addr_gen_mode", 1), ("accept_ra", 0), ("autoconf", 0)];

/// What was before, and for whom.
#[derive(Debug, Default)]
pub(super) struct Settings {
    bases: BTreeMap<String, Before>,
    vmacs: BTreeSet<String>,
    reverse_path: ReversePath,
}

impl Settings {
    /// As it was before the first virtual MAC of that base.
    pub(super) fn before(&self, base: &IfName) -> Result<Before, VmacError> {
        let rp_filter = self.reverse_path.all()?;
        let base = text(base)?;
        if let Some(before) = self.bases.get(base) {
            return Ok(Before { rp_filter, ..*before });
        }
        let [arp_ignore, arp_filter, arp_announce] =
            BASE.map(|(key, _)| Setting::v4(base, key).get());
        Ok(Before {
            arp_ignore: arp_ignore?,
            arp_filter: arp_filter?,
            arp_announce: arp_announce?,
            rp_filter,
        })
    }

    /// All that `vmac`, which is there and down, needs.
    pub(super) fn enter(&mut self, vmac: &Vmac, before: Before) -> Result<(), VmacError> {
        self.bases.entry(text(&vmac.base)?.to_owned()).or_insert(before);
        let name = text(&vmac.name)?;
        self.vmacs.insert(name.to_owned());
        for (key, value) in VMAC {
            Setting::v4(name, key).write(value)?;
        }
        self.uphold(vmac).map(drop)
    }

    /// Sets what is not as `vmac` needs it; returns whether anything was.
    pub(super) fn uphold(&mut self, vmac: &Vmac) -> Result<bool, VmacError> {
        let (name, base) = (text(&vmac.name)?, text(&vmac.base)?);
        let mut changed = ipv6(vmac, name, base)?;
        for (key, value) in VMAC {
            changed |= Setting::v4(name, key).set(value)?;
        }
        for (key, value) in BASE {
            changed |= Setting::v4(base, key).raise(value)?;
        }
        Ok(self.reverse_path.hand_down(&self.vmacs)? | changed)
    }

    /// `vmac` is gone; `is_last` on its base.
    pub(super) fn leave(&mut self, vmac: &Vmac, is_last: bool) -> Result<(), VmacError> {
        let (name, base) = (text(&vmac.name)?, text(&vmac.base)?);
        self.vmacs.remove(name);
        let mut result = Ok(());
        if is_last && let Some(before) = self.bases.remove(base) {
            result = put_back_base(base, before);
        }
        if self.vmacs.is_empty() {
            result = result.and(self.reverse_path.put_back());
        }
        result
    }
}

/// After a crash.
pub(super) fn put_back(base: Option<&IfName>, before: Before) -> Result<(), VmacError> {
    let host = put_back_all(before.rp_filter);
    match base {
        Some(base) => put_back_base(text(base)?, before).and(host),
        None => host,
    }
}

fn put_back_base(base: &str, before: Before) -> Result<(), VmacError> {
    let old = [before.arp_ignore, before.arp_filter, before.arp_announce];
    let all = BASE.iter().zip(old);
    all.map(|((key, set), old)| Setting::v4(base, key).put_back(*set, old))
        .fold(Ok(()), Result::and)
}

fn ipv6(vmac: &Vmac, name: &str, base: &str) -> Result<bool, VmacError> {
    let switch = Setting::v6(name, "disable_ipv6");
    if !vmac.ipv6 {
        // A kernel without IPv6 has nothing to switch off.
        return Ok(if_there(switch.set(1))?.unwrap_or(false));
    }
    let mut changed = false;
    for (key, value) in VMAC6 {
        changed |= Setting::v6(name, key).set(value)?;
    }
    // The Router flag of its advertisements follows it (RFC 4861 4.4).
    let forwarding = Setting::v6(base, "forwarding").get()?;
    changed |= Setting::v6(name, "forwarding").set(forwarding)?;
    Ok(switch.set(0)? | changed)
}

fn text(name: &IfName) -> Result<&str, VmacError> {
    let not_text = |_| VmacError::Kernel { name: *name, errno: Errno::EINVAL };
    std::str::from_utf8(name.as_bytes()).map_err(not_text)
}
