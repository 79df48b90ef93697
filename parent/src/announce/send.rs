//! From the schedule to the kernel: whose addresses are announced when the daemon's state changes,
//! and what becomes of each packet. Never waits.

use crate::daemon::Daemon;
use crate::kernel::{Address, Announcement, Kernel, select};
use nix::errno::Errno;
use std::collections::{BTreeMap, BTreeSet};
use vipd_types::InstanceId;

impl Daemon {
    /// A term begins, and all of its addresses have come.
    pub(crate) fn announce(&mut self, instance: InstanceId) {
        let Some(plan) = self.plan.instance(instance) else { return };
        let Some(term) = self.held.get(instance) else { return };
        let addresses = term.addresses.clone();
        self.schedule.start(instance, plan.garp, self.kernel.now());
        self.announce_these(instance, &addresses);
    }

    /// Addresses have come to an instance that was MASTER already; the others are where they were.
    pub(crate) fn announce_these(&mut self, instance: InstanceId, addresses: &[Address]) {
        let tentative = self.tentative(addresses);
        // Nobody asks for the hardware address of a group.
        let all = addresses.iter().filter(|address| !address.ip.is_multicast());
        let all = all.map(Address::announcement);
        let (wait, go): (Vec<_>, Vec<_>) = all.partition(|what| tentative.contains(what));
        self.schedule.came_tentative(instance, &wait);
        self.schedule.came(instance, &go, self.kernel.now());
        self.say_what_is_announced(instance, addresses);
        self.send_announcements();
    }

    /// A MASTER has heard a worse router.
    pub(crate) fn announce_again(&mut self, instance: InstanceId) {
        let Some(plan) = self.plan.instance(instance) else { return };
        let Some(term) = self.held.get(instance) else { return };
        if plan.garp.lower_prio_repeat == 0 {
            return;
        }
        let addresses = term.addresses.clone();
        self.schedule.rival(instance, self.kernel.now());
        self.say_what_is_announced(instance, &addresses);
        self.send_announcements();
    }

    /// In a reload, for an instance that goes on as MASTER.
    pub(crate) fn change_announcements(&mut self, instance: InstanceId) {
        let Some(plan) = self.plan.instance(instance) else { return };
        let Some(term) = self.held.get(instance) else { return };
        let held = term.addresses.iter().map(Address::announcement).collect();
        self.schedule.change(instance, plan.garp, &held, self.kernel.now());
    }

    /// What is due now, as far as the kernel takes it.
    pub(crate) fn send_announcements(&mut self) {
        let now = self.kernel.now();
        let due = self.schedule.due(now);
        let what: Vec<Announcement> = due.iter().map(|(_, what)| *what).collect();
        let verdicts = self.kernel.announce(&what);
        let mut failed: BTreeMap<(InstanceId, i32), Announcement> = BTreeMap::new();
        // Backwards, because each one that is put back becomes the first.
        for (item, verdict) in due.into_iter().zip(verdicts).rev() {
            match verdict {
                Ok(()) => {}
                Err(Errno::EAGAIN | Errno::ENOBUFS) => self.schedule.refused(item, now),
                Err(errno) => {
                    failed.insert((item.0, errno as i32), item.1);
                }
            }
        }
        for ((instance, errno), what) in failed {
            let (name, errno) = (self.name(instance), Errno::from_raw(errno));
            log::warn!("({name}) cannot announce {}: {errno}", what.ip);
        }
    }

    fn tentative(&mut self, addresses: &[Address]) -> BTreeSet<Announcement> {
        let detected = addresses.iter().filter(|address| address.ip.is_ipv6() && !address.nodad);
        let waiting = select(
            &mut self.kernel,
            detected,
            |there| matches!(there, Ok(Some(present)) if present.tentative),
        );
        waiting.iter().map(Address::announcement).collect()
    }

    fn say_what_is_announced(&self, instance: InstanceId, addresses: &[Address]) {
        let name = self.name(instance);
        for Address { ip, interface, .. } in addresses {
            let what =
                if ip.is_ipv4() { "gratuitous ARPs" } else { "Unsolicited Neighbour Adverts" };
            log::debug!("({name}) Sending/queueing {what} on {interface} for {ip}");
        }
    }
}
