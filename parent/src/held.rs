//! What is installed for whom: the undo list and the lease clock. Pure: it says what to do to the
//! kernel, and never asks it.

use crate::kernel::{Address, Path};
use std::collections::BTreeMap;
use std::time::Duration;
use vipd_types::{Epoch, InstanceId, Instant};

/// One term of one instance as MASTER, and its addresses in the kernel.
#[derive(Debug, Clone)]
pub(crate) struct Term {
    pub(crate) epoch: Epoch,
    pub(crate) addresses: Vec<Address>,
    /// Addresses with `no_track` that somebody removed: his from then on.
    pub(crate) let_go: Vec<Address>,
    /// In the order in which they were added, after the addresses.
    pub(crate) paths: Vec<Path>,
    pub(crate) paths_let_go: Vec<Path>,
    /// Whole seconds; `None` when the addresses are permanent.
    pub(crate) lease: Option<u32>,
    began: Instant,
    /// When the kernel was last asked to hold them for a whole lease.
    asked: Instant,
    restores: Restores,
}

/// How often an address that somebody removed is put back before the instance gives up.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Restores {
    count: u32,
    since: Option<Instant>,
}

impl Restores {
    const MAX: u32 = 5;
    const WINDOW: Duration = Duration::from_secs(60);

    /// May it be put back once more?
    pub(crate) fn once_more(&mut self, now: Instant) -> bool {
        if self.since.is_none_or(|at| now.since(at) > Self::WINDOW) {
            *self = Self { count: 0, since: Some(now) };
        }
        self.count = self.count.saturating_add(1);
        self.count <= Self::MAX
    }
}

impl Term {
    /// The first moment at which the kernel may remove the addresses.
    pub(crate) fn end(&self) -> Option<Instant> {
        end(self.lease, self.asked)
    }

    /// When the kernel was last asked to hold all of them for a whole lease.
    pub(crate) fn asked(&self) -> Instant {
        self.asked
    }

    /// With what is left of the time for which they are preferred.
    pub(crate) fn addresses_at(&self, now: Instant) -> Vec<Address> {
        let age = now.since(self.began).as_secs();
        let aged = |a: &Address| Address { preferred: a.preferred.after(age), ..a.clone() };
        self.addresses.iter().map(aged).collect()
    }

    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.end().is_some_and(|end| end <= now)
    }
}

/// Of a lease that the kernel was asked for at `asked`.
pub(crate) fn end(lease: Option<u32>, asked: Instant) -> Option<Instant> {
    lease.map(|seconds| asked.plus(Duration::from_secs(seconds.into())))
}

#[derive(Debug, Default)]
pub(crate) struct Held {
    terms: BTreeMap<InstanceId, Term>,
}

impl Held {
    /// A new term, or one that goes on with other addresses.
    /// `asked` is the time before the kernel was asked: a lease counted from then is never longer
    /// than the kernel's.
    pub(crate) fn take(
        &mut self,
        instance: InstanceId,
        epoch: Epoch,
        addresses: Vec<Address>,
        lease: Option<u32>,
        asked: Instant,
    ) {
        let restores = Restores::default();
        let same = self.terms.get(&instance).filter(|term| term.epoch == epoch);
        let began = same.map_or(asked, |term| term.began);
        let kept = same.map(|t| (t.let_go.clone(), t.paths.clone(), t.paths_let_go.clone()));
        let (let_go, paths, paths_let_go) = kept.unwrap_or_default();
        let term =
            Term { epoch, addresses, let_go, paths, paths_let_go, lease, began, asked, restores };
        self.terms.insert(instance, term);
    }

    pub(crate) fn get(&self, instance: InstanceId) -> Option<&Term> {
        self.terms.get(&instance)
    }

    pub(crate) fn drop(&mut self, instance: InstanceId) -> Option<Term> {
        self.terms.remove(&instance)
    }

    pub(crate) fn instances(&self) -> Vec<InstanceId> {
        self.terms.keys().copied().collect()
    }

    pub(crate) fn renewed(&mut self, instance: InstanceId, asked: Instant) {
        if let Some(term) = self.terms.get_mut(&instance) {
            term.asked = asked;
        }
    }

    /// A third of the lease is over, or nearly.
    pub(crate) fn is_due(&self, instance: InstanceId, now: Instant, early: Duration) -> bool {
        self.terms.get(&instance).is_some_and(|term| {
            let age = now.since(term.asked).saturating_add(early);
            term.lease.is_some_and(|s| age.saturating_mul(3) >= Duration::from_secs(s.into()))
        })
    }

    /// The same addresses, perhaps tracked otherwise.
    pub(crate) fn track_as(&mut self, instance: InstanceId, addresses: Vec<Address>) {
        if let Some(term) = self.terms.get_mut(&instance) {
            term.addresses = addresses;
        }
    }

    /// The routes and rules of a term.
    pub(crate) fn take_paths(&mut self, instance: InstanceId, paths: Vec<Path>) {
        if let Some(term) = self.terms.get_mut(&instance) {
            term.paths = paths;
        }
    }

    pub(crate) fn let_path_go(&mut self, instance: InstanceId, path: &Path) {
        if let Some(term) = self.terms.get_mut(&instance) {
            term.paths.retain(|held| held != path);
            term.paths_let_go.push(path.clone());
        }
    }

    /// Nothing is done about this address any more in this term.
    pub(crate) fn let_go(&mut self, instance: InstanceId, address: &Address) {
        if let Some(term) = self.terms.get_mut(&instance) {
            term.addresses.retain(|held| held != address);
            term.let_go.push(address.clone());
        }
    }

    /// May an address that somebody removed be put back once more?
    pub(crate) fn may_restore(&mut self, instance: InstanceId, now: Instant) -> bool {
        self.terms.get_mut(&instance).is_some_and(|term| term.restores.once_more(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Preferred;

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(seconds.saturating_mul(1_000_000_000))
    }

    #[test]
    fn a_lease_runs_from_when_the_kernel_was_asked() {
        let mut held = Held::default();
        let end = |held: &Held, id| held.get(InstanceId(id)).unwrap().end();
        held.take(InstanceId(1), Epoch(1), vec![], Some(3), at(10));
        held.take(InstanceId(2), Epoch(1), vec![], None, at(10));
        assert_eq!((end(&held, 1), end(&held, 2)), (Some(at(13)), None));
        held.renewed(InstanceId(1), at(12));
        assert_eq!(end(&held, 1), Some(at(15)));
    }

    #[test]
    fn what_an_address_is_preferred_for_runs_from_the_begin_of_the_term() {
        let address = Address {
            ip: "2001:db8::1".parse().unwrap(),
            prefix: 64,
            interface: vipd_types::IfName::new(b"eth0").unwrap(),
            index: 2,
            label: None,
            broadcast: None,
            scope: 0,
            preferred: Preferred::Seconds(30),
            nodad: true,
            peer: None,
            flags: crate::kernel::Flags::default(),
            track: true,
        };
        let mut held = Held::default();
        held.take(InstanceId(1), Epoch(1), vec![address.clone()], Some(3), at(10));
        // A reload that changes the addresses is no new term.
        held.take(InstanceId(1), Epoch(1), vec![address.clone()], Some(9), at(20));
        let preferred =
            |held: &Held, now| held.get(InstanceId(1)).unwrap().addresses_at(now)[0].preferred;
        assert_eq!(preferred(&held, at(25)), Preferred::Seconds(15));
        assert_eq!(preferred(&held, at(40)), Preferred::Never);
        held.take(InstanceId(1), Epoch(2), vec![address], Some(9), at(50));
        assert_eq!(preferred(&held, at(51)), Preferred::Seconds(29));
    }

    #[test]
    fn an_address_is_restored_a_few_times_a_minute() {
        let mut held = Held::default();
        held.take(InstanceId(1), Epoch(1), vec![], None, at(0));
        for second in 0..5 {
            assert!(held.may_restore(InstanceId(1), at(second)));
        }
        assert!(!held.may_restore(InstanceId(1), at(6)));
        assert!(held.may_restore(InstanceId(1), at(61)));
    }
}
