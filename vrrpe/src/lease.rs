//! The engine's side of the leases: until when the parent vouched for the addresses of each instance,
//! how long they may be there at most, and what that means now. Pure; it reads no clock and sends
//! nothing.

use std::collections::BTreeMap;
use std::time::Duration;
use vipd_ipc::msg::LeaseEnd;
use vipd_types::{InstanceId, Instant};

/// The kernel removes an expired address up to 0.37 s late; before this has passed, a good-bye
/// would make a peer take an address that is still here.
const REMOVAL: Duration = Duration::from_millis(500);
/// An engine that wakes later than this after the end was itself asleep: others have taken over.
const LATE: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Advertise.
    Serve,
    /// The addresses may vanish now, or may still be there: say nothing, wait.
    Quiet,
    /// They are gone: say good-bye.
    GoodBye,
    /// They stay, or they are gone so long that others have taken over: end without a word.
    Silent,
}

/// The addresses of one instance.
#[derive(Debug, Clone, Copy)]
struct Term {
    /// None of them vanishes before.
    kept: Option<Instant>,
    /// The last of them vanishes then; `None`: never.
    gone: Option<Instant>,
}

#[derive(Debug, Default)]
pub(crate) struct Leases {
    /// So long the parent's word is good where no lease says more; `None` before its first.
    word: Option<Instant>,
    terms: BTreeMap<InstanceId, Term>,
    /// Kept early rather than exact: a renewal does not look at all others.
    next: Option<Instant>,
}

impl Leases {
    /// The parent is about to ask the kernel for addresses. Those that are there already stay as
    /// long as they would have.
    pub(crate) fn promise(&mut self, leases: &[LeaseEnd]) {
        for LeaseEnd { instance, end } in leases {
            let term = self.terms.entry(*instance).or_insert(Term { kept: None, gone: *end });
            term.gone = term.gone.zip(*end).map(|(before, now)| before.max(now));
            self.expect(end.map(|end| end.plus(REMOVAL)));
        }
    }

    /// All addresses of these instances are there until then, and not longer. A stale answer never
    /// shortens the parent's word.
    pub(crate) fn vouch(&mut self, until: Instant, leases: &[LeaseEnd]) {
        self.word = self.word.max(Some(until));
        self.expect(Some(until));
        for LeaseEnd { instance, end } in leases {
            self.terms.insert(*instance, Term { kept: *end, gone: *end });
            self.expect(*end);
        }
    }

    /// Nothing of this instance is in the kernel.
    pub(crate) fn forget(&mut self, instance: InstanceId) {
        self.terms.remove(&instance);
    }

    pub(crate) fn fate(&self, id: InstanceId, now: Instant, parent_gone: bool) -> Fate {
        let word_is_good = self.word.is_none_or(|word| now < word);
        let Some(term) = self.terms.get(&id) else {
            let slept = self.word.is_some_and(|word| now > word.plus(LATE));
            return match (word_is_good && !parent_gone, slept) {
                (true, _) => Fate::Serve,
                (false, false) => Fate::GoodBye,
                (false, true) => Fate::Silent,
            };
        };
        let serves = match term.kept {
            Some(kept) => now < kept,
            None => word_is_good && (!parent_gone || term.gone.is_none()),
        };
        match term.gone.map(|gone| gone.plus(REMOVAL)) {
            _ if serves => Fate::Serve,
            Some(gone) if now < gone => Fate::Quiet,
            Some(gone) if now <= gone.plus(LATE) => Fate::GoodBye,
            Some(_) | None => Fate::Silent,
        }
    }

    /// No fate changes before.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// All fates of now have been met.
    pub(crate) fn met(&mut self, now: Instant) {
        let ends = self.terms.values().flat_map(|term| {
            [term.kept, term.gone.map(|gone| gone.plus(REMOVAL))].into_iter().flatten()
        });
        self.next = ends.chain(self.word).filter(|at| *at > now).min();
    }

    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.next.is_some_and(|next| next <= now)
    }

    /// `None` without a lease.
    pub(crate) fn remaining(&self, instance: InstanceId, now: Instant) -> Option<Duration> {
        self.terms.get(&instance)?.kept.map(|kept| kept.since(now))
    }

    fn expect(&mut self, at: Option<Instant>) {
        self.next = [self.next, at].into_iter().flatten().min();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: InstanceId = InstanceId(1);
    const TWO: InstanceId = InstanceId(2);

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(0).plus(Duration::from_millis(millis))
    }

    fn end(instance: InstanceId, millis: u64) -> LeaseEnd {
        LeaseEnd { instance, end: Some(at(millis)) }
    }

    fn fates(leases: &Leases, id: InstanceId, parent_gone: bool, cases: &[(u64, Fate)]) {
        for (millis, fate) in cases {
            assert_eq!(leases.fate(id, at(*millis), parent_gone), *fate, "{millis} ms");
        }
    }

    #[test]
    fn without_a_word_there_is_nothing_to_lose() {
        let leases = Leases::default();
        fates(&leases, ONE, false, &[(u64::MAX, Fate::Serve)]);
        fates(&leases, ONE, true, &[(0, Fate::GoodBye)]);
        assert_eq!(leases.next(), None);
    }

    #[test]
    fn serves_falls_silent_says_good_bye_and_never_late() {
        let mut leases = Leases::default();
        leases.vouch(at(9000), &[end(ONE, 3000)]);
        let cases = [
            (2999, Fate::Serve),
            (3000, Fate::Quiet),
            (3499, Fate::Quiet),
            (3500, Fate::GoodBye),
            (3600, Fate::GoodBye),
            (3601, Fate::Silent),
        ];
        fates(&leases, ONE, false, &cases);
        fates(&leases, ONE, true, &cases);
        assert_eq!(leases.next(), Some(at(3000)));
        leases.met(at(3100));
        assert_eq!(leases.next(), Some(at(3500)));
        leases.vouch(at(9000), &[end(ONE, 6000)]);
        fates(&leases, ONE, false, &[(3200, Fate::Serve)]);
        leases.met(at(3600));
        assert_eq!(leases.next(), Some(at(6000)));
    }

    /// The one must not say good-bye for the other, nor advertise without its addresses.
    #[test]
    fn each_instance_has_its_own_end() {
        let mut leases = Leases::default();
        leases.vouch(at(4000), &[end(ONE, 1000), end(TWO, 30_000)]);
        fates(
            &leases,
            ONE,
            true,
            &[(999, Fate::Serve), (1000, Fate::Quiet), (1500, Fate::GoodBye)],
        );
        fates(&leases, TWO, true, &[(29_999, Fate::Serve), (30_400, Fate::Quiet)]);
        // One that holds nothing has nothing to wait for.
        fates(&leases, InstanceId(3), true, &[(5, Fate::GoodBye), (4101, Fate::Silent)]);
        fates(&leases, InstanceId(3), false, &[(3999, Fate::Serve), (4000, Fate::GoodBye)]);
    }

    /// The parent ended between asking the kernel and saying so.
    #[test]
    fn a_promise_makes_the_good_bye_later_and_vouches_for_nothing() {
        let mut leases = Leases::default();
        leases.vouch(at(4000), &[end(ONE, 3000)]);
        leases.promise(&[end(ONE, 5000), end(TWO, 5000)]);
        fates(&leases, ONE, true, &[(2999, Fate::Serve), (3000, Fate::Quiet), (5499, Fate::Quiet)]);
        fates(&leases, ONE, true, &[(5500, Fate::GoodBye)]);
        fates(&leases, TWO, true, &[(1, Fate::Quiet), (5499, Fate::Quiet), (5500, Fate::GoodBye)]);
        fates(&leases, TWO, false, &[(3999, Fate::Serve), (4000, Fate::Quiet)]);
        leases.forget(TWO);
        fates(&leases, TWO, true, &[(1, Fate::GoodBye)]);
    }

    #[test]
    fn what_stays_for_ever_is_never_bidden_farewell() {
        let mut leases = Leases::default();
        leases.promise(&[end(ONE, 1000)]);
        leases.promise(&[LeaseEnd { instance: ONE, end: None }]);
        leases.vouch(at(3000), &[]);
        fates(&leases, ONE, true, &[(2999, Fate::Serve), (3000, Fate::Silent)]);
        leases.vouch(at(3000), &[end(ONE, 2000)]);
        fates(&leases, ONE, true, &[(2601, Fate::Silent), (2500, Fate::GoodBye)]);
    }
}
