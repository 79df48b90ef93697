//! One instance of the configuration in the words of the other processes and of the kernel.

use super::numbers::{Interface, interface};
use super::{PlanError, VmacPlan};
use crate::kernel::{Address, Flags, Kernel, Preferred};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;
use vipd_conf::config::{Auth, Config, Instance, Lease, Target, Vip};
use vipd_ipc::slice::{AuthSlice, InstanceSlice, TrackSlice};
use vipd_types::{IfName, InstanceId, SocketId, TrackerId, Weight};

/// Renewing costs the rtnl lock: no more than this many addresses a second.
const RENEWALS_PER_SECOND: usize = 500;

pub(super) fn instance(
    one: &Instance,
    id: InstanceId,
    socket: SocketId,
    vmac: &Option<VmacPlan>,
    lease: Option<u32>,
    of_target: &BTreeMap<Target, TrackerId>,
) -> InstanceSlice {
    let track = |track: &vipd_conf::config::Track| {
        let tracker = *of_target.get(&track.target)?;
        Some(TrackSlice { tracker, weight: track.weight, reverse: track.reverse })
    };
    InstanceSlice {
        id,
        name: one.name.clone(),
        socket,
        interface: one.interface,
        vmac: vmac.as_ref().map(|vmac| vmac.name),
        vrid: one.vrid,
        version: one.version,
        family: one.family,
        priority: one.priority,
        advert_int: one.advert_int,
        preempt: one.preempt,
        fast_handover: one.fast_handover,
        options: one.options,
        auth: match one.auth {
            Auth::None => AuthSlice::None,
            Auth::Pass(data) => AuthSlice::Pass(data),
        },
        source: one.source,
        group: one.group,
        peers: one.peers.clone(),
        check_unicast_src: one.check_unicast_src,
        addresses: one.addresses.iter().map(|vip| vip.address).collect(),
        excluded: one.excluded.iter().map(|vip| vip.address).collect(),
        tracks: one.tracks.iter().filter_map(track).collect(),
        track_primary: one.track_primary,
        lease: lease.map(|seconds| Duration::from_secs(seconds.into())),
    }
}

/// A tracker whose loss is a FAULT.
pub(super) fn must_be(tracker: TrackerId) -> TrackSlice {
    TrackSlice { tracker, weight: Weight::default(), reverse: false }
}

/// `on` is where an address goes that names no interface.
pub(super) fn addresses(
    one: &Instance,
    on: Interface,
    kernel: &mut dyn Kernel,
) -> Result<Vec<Address>, PlanError> {
    let here = |vip: &Vip| {
        let Interface { name, index } = match vip.dev {
            None => on,
            Some(dev) => interface(one, &dev, kernel)?,
        };
        Ok(address(vip, name, index))
    };
    one.all_addresses().map(here).collect()
}

pub(super) fn address(vip: &Vip, interface: IfName, index: u32) -> Address {
    Address {
        ip: vip.address,
        prefix: vip.prefix,
        interface,
        index,
        label: vip.label.clone(),
        broadcast: vip.broadcast,
        scope: vip.scope,
        preferred: match vip.preferred_lft {
            None => Preferred::usual(vip.address, vip.prefix),
            Some(0) => Preferred::Never,
            Some(u32::MAX) => Preferred::Always,
            Some(seconds) => Preferred::Seconds(seconds),
        },
        nodad: !vip.dad,
        peer: vip.peer,
        flags: Flags {
            home: vip.home,
            mngtmpaddr: vip.mngtmpaddr,
            noprefixroute: vip.noprefixroute,
            autojoin: vip.autojoin,
        },
        track: vip.track,
    }
}

pub(super) fn lease_of(one: &Instance, least: u32) -> Option<u32> {
    match one.lease {
        Lease::Off => None,
        Lease::Seconds(seconds) => Some(seconds),
        Lease::Default => {
            let usual = Lease::usual(one.advert_int, one.options.down_timer_adverts);
            Some(u32::try_from(usual).unwrap_or(u32::MAX).max(least))
        }
    }
}

/// With very many addresses the default lease is stretched.
pub(super) fn least_lease(config: &Config) -> u32 {
    let count: usize = config.instances.iter().map(|i| i.all_addresses().count()).sum();
    let renewals = count.saturating_mul(3).div_ceil(RENEWALS_PER_SECOND);
    u32::try_from(renewals).unwrap_or(u32::MAX).max(1)
}

/// RFC 9568 6.1, Accept_Mode: the owner is always reached at its addresses.
pub(super) fn is_open(one: &Instance) -> bool {
    one.accept || one.priority.is_owner()
}

/// Addresses at which nobody is to be reached.
pub(crate) fn no_accept(config: &Config) -> BTreeSet<IpAddr> {
    let closed = config.instances.iter().filter(|one| !is_open(one));
    closed.flat_map(Instance::all_addresses).map(|vip| vip.address).collect()
}
