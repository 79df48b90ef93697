//! What is known of each tracker, from the reports of the checker and the parent, and from the
//! checker's silence. Weights are not its business.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;
use vipd_ipc::slice::{TrackerKind, TrackerSlice};
use vipd_types::{Instant, TrackerId};
use vrrp_core::Reading;

/// A checker that is not heard for so long has failed, and everything it watches with it.
const SILENCE: Duration = Duration::from_secs(1);
/// The engine wakes at least four times a second; after a longer sleep it was itself not there to
/// hear, and the checker gets a fresh second.
const OWN_SLEEP: Duration = Duration::from_millis(400);

/// A tracker now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: TrackerKind,
    /// `None` before the first result.
    pub(crate) reading: Option<Reading>,
    pub(crate) reason: &'a str,
    pub(crate) since: Instant,
}

#[derive(Debug)]
struct Report {
    reading: Option<Reading>,
    reason: String,
    since: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Checker {
    Heard(Instant),
    Silent(Instant),
    Gone(Instant),
}

#[derive(Debug)]
pub(crate) struct Trackers {
    slices: BTreeMap<TrackerId, TrackerSlice>,
    /// Also of trackers that are only staged: the checker may be quicker than our own Commit.
    reports: BTreeMap<TrackerId, Report>,
    checker: Checker,
    woke: Instant,
}

impl Trackers {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            slices: BTreeMap::new(),
            reports: BTreeMap::new(),
            checker: Checker::Heard(now),
            woke: now,
        }
    }

    /// Trackers that go are forgotten, new ones are unknown unless already reported.
    pub(crate) fn commit(&mut self, slices: BTreeMap<TrackerId, TrackerSlice>, now: Instant) {
        self.slices = slices;
        self.reports.retain(|id, _| self.slices.contains_key(id));
        for id in self.slices.keys() {
            self.reports.entry(*id).or_insert_with(|| Report {
                reading: None,
                reason: "no result yet".into(),
                since: now,
            });
        }
    }

    pub(crate) fn view(&self, id: TrackerId) -> Option<View<'_>> {
        let TrackerSlice { name, kind, .. } = self.slices.get(&id)?;
        let report = self.reports.get(&id)?;
        let (kind, name) = (*kind, name.as_str());
        let failed =
            |reason, since| Some(View { name, kind, reading: Some(Reading::Down), reason, since });
        match self.checker {
            Checker::Silent(since) if !kind.is_parents() => failed("checker silent", since),
            Checker::Gone(since) if !kind.is_parents() => failed("checker gone", since),
            Checker::Heard(_) | Checker::Silent(_) | Checker::Gone(_) => {
                let Report { reading, ref reason, since } = *report;
                Some(View { name, kind, reading, reason, since })
            }
        }
    }

    /// The numbers within the bounds, in order.
    pub(crate) fn after(
        &self,
        bounds: (Bound<TrackerId>, Bound<TrackerId>),
    ) -> impl Iterator<Item = TrackerId> {
        self.slices.range(bounds).map(|(id, _)| *id)
    }

    /// Any message of the checker is proof of life. True when it had been silent: its earlier
    /// reports hold again, since it tells every change.
    pub(crate) fn heard(&mut self, now: Instant) -> bool {
        let returned = matches!(self.checker, Checker::Silent(_));
        if !matches!(self.checker, Checker::Gone(_)) {
            self.checker = Checker::Heard(now);
        }
        returned
    }

    /// Keeps a report; true if it says something new. `staged` says whether a configuration on its
    /// way in has the tracker; a report about one that nobody has is dropped.
    pub(crate) fn report(
        &mut self,
        id: TrackerId,
        reading: Reading,
        reason: String,
        staged: bool,
        now: Instant,
    ) -> bool {
        if !self.slices.contains_key(&id) && !staged {
            return false;
        }
        let reading = Some(reading);
        let before = self.reports.get(&id).map(|report| (report.reading, report.since));
        let since = match before {
            Some((before, since)) if before == reading => since,
            Some(_) | None => now,
        };
        self.reports.insert(id, Report { reading, reason, since });
        before.is_none_or(|(before, _)| before != reading)
    }

    /// Call at every wake-up, after hearing the checker; true when it has just fallen silent.
    pub(crate) fn listen(&mut self, now: Instant) -> bool {
        let slept = now.since(self.woke) > OWN_SLEEP;
        self.woke = now;
        let Checker::Heard(at) = self.checker else { return false };
        if slept {
            self.checker = Checker::Heard(now);
            return false;
        }
        let silent = now.since(at) >= SILENCE;
        if silent {
            self.checker = Checker::Silent(now);
        }
        silent
    }

    /// The checker's channel is closed.
    pub(crate) fn gone(&mut self, now: Instant) {
        self.checker = Checker::Gone(now);
    }

    /// Nothing depends on the checker.
    pub(crate) fn needs_no_checker(&self) -> bool {
        self.slices.values().all(|slice| slice.kind.is_parents())
    }

    /// When `listen` would find the checker silent.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.checker {
            Checker::Heard(at) => Some(at.plus(SILENCE)),
            Checker::Silent(_) | Checker::Gone(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHK: TrackerId = TrackerId(1);

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(0).plus(Duration::from_millis(millis))
    }

    fn trackers() -> Trackers {
        let mut trackers = Trackers::new(at(0));
        let slice = TrackerSlice { id: CHK, name: "chk".into(), kind: TrackerKind::Script };
        trackers.commit(BTreeMap::from([(CHK, slice)]), at(0));
        trackers
    }

    fn reading(trackers: &Trackers) -> Option<Reading> {
        trackers.view(CHK).unwrap().reading
    }

    #[test]
    fn a_report_before_commit_is_kept_and_one_about_nothing_is_not() {
        let mut trackers = Trackers::new(at(0));
        assert!(trackers.report(CHK, Reading::Up, "1 process".into(), true, at(5)));
        assert!(!trackers.report(TrackerId(9), Reading::Up, String::new(), false, at(5)));
        let slice = TrackerSlice { id: CHK, name: "chk".into(), kind: TrackerKind::Script };
        trackers.commit(BTreeMap::from([(CHK, slice)]), at(10));
        assert_eq!(reading(&trackers), Some(Reading::Up));
        assert_eq!(trackers.view(CHK).unwrap().since, at(5));
    }

    #[test]
    fn silence_fails_everything_until_the_checker_speaks_again() {
        let mut trackers = trackers();
        assert!(trackers.report(CHK, Reading::Up, "1 process".into(), false, at(1)));
        for millis in (0..1000).step_by(250) {
            assert!(!trackers.listen(at(millis)));
        }
        assert!(trackers.listen(at(1000)));
        assert_eq!(reading(&trackers), Some(Reading::Down));
        assert_eq!(trackers.view(CHK).unwrap().reason, "checker silent");
        assert!(trackers.heard(at(1100)));
        assert_eq!(reading(&trackers), Some(Reading::Up));
    }

    #[test]
    fn an_engine_that_slept_blames_nobody() {
        let mut trackers = trackers();
        assert!(!trackers.listen(at(5000)));
        assert!(trackers.listen(at(5250)) || reading(&trackers).is_none());
    }

    #[test]
    fn a_checker_that_is_gone_stays_gone() {
        let mut trackers = trackers();
        trackers.gone(at(10));
        assert!(!trackers.heard(at(20)));
        assert_eq!(trackers.view(CHK).unwrap().reason, "checker gone");
        assert_eq!(trackers.deadline(), None);
    }
}
