//! One check: when it is due, what runs of it, and what its results come to. The schedule beside it
//! decides who has its turn.

use super::Action;
use crate::judge::Judge;
use crate::probe_script;
use log::Level;
use std::time::Duration;
use vipd_ipc::slice::{CheckSlice, ProbeSlice};
use vipd_types::{Generation, Instant, Outcome, RunId, ScriptId, TrackerId};

/// How long after its timeout a script may leave us without an answer.
const BACKSTOP: Duration = Duration::from_secs(1);
/// Scans out of turn in one interval; a service that dies more often is seen at the intervals.
const EXTRA_MAX: u8 = 10;
/// Shorter intervals are lengthened to this.
const INTERVAL_MIN: Duration = Duration::from_millis(1);
/// A file that changes all the time is looked at no more often; and one that is being written now is
/// looked at once more after it.
const REST: Duration = Duration::from_millis(10);

/// A reason that changes all the time is told no more often.
const REASON_EACH: Duration = Duration::from_secs(1);

/// What all checks draw from.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) generation: Generation,
    last_run: u64,
    chance: u64,
}

#[derive(Debug)]
pub(super) struct Check {
    pub(super) slice: CheckSlice,
    /// The next point of the raster, and the time at which it is its turn.
    point: Instant,
    due: Instant,
    judge: Judge,
    running: Option<Running>,
    extra: u8,
    /// The last reason that was told, and when.
    told: Option<(Instant, String)>,
    number: Number,
}

#[derive(Debug)]
enum Running {
    Script { run: RunId, generation: Generation, until: Instant },
    Talk { until: Instant },
}

#[derive(Debug, Default)]
struct Number {
    told: Option<(i32, String)>,
    looked: Option<Instant>,
    /// The file was empty when it was looked at last: a writer may have just begun.
    was_empty: bool,
}

impl Shared {
    pub(super) fn new(seed: u64) -> Self {
        Self { generation: Generation(0), last_run: 0, chance: seed }
    }

    /// The number of the check is in that of the run, so that an answer finds it.
    fn next_run(&mut self, tracker: TrackerId) -> RunId {
        self.last_run = self.last_run.wrapping_add(1);
        RunId(self.last_run.wrapping_shl(16) | u64::from(tracker.0))
    }

    /// Less than `limit`, or zero (SplitMix64).
    fn draw(&mut self, limit: Duration) -> Duration {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mix = (self.chance ^ (self.chance >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mix = (mix ^ (mix >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let nanos = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos((mix ^ (mix >> 31)).checked_rem(nanos).unwrap_or(0))
    }
}

/// The check that a run is of.
pub(super) fn of_run(run: RunId) -> TrackerId {
    TrackerId(u16::try_from(run.0 & u64::from(u16::MAX)).unwrap_or(u16::MAX))
}

impl Check {
    /// One that was not there before.
    pub(super) fn first(now: Instant, slice: CheckSlice, actions: &mut Vec<Action>) -> Self {
        let mut check = Self::new(now, slice);
        let CheckSlice { tracker, rise, fall, init_fail, .. } = check.slice;
        if init_fail {
            check.judge = Judge::failed(rise, fall);
            let reason = "no success yet (init_fail)".to_owned();
            actions.push(Action::Tracker { tracker, up: false, reason });
        }
        check
    }

    fn new(now: Instant, slice: CheckSlice) -> Self {
        let judge = Judge::new(slice.rise, slice.fall);
        let number = Number::default();
        Self { slice, point: now, due: now, judge, running: None, extra: 0, told: None, number }
    }

    /// As this one is after a change of the configuration.
    pub(super) fn changed_to(
        self,
        now: Instant,
        slice: CheckSlice,
        actions: &mut Vec<Action>,
    ) -> Self {
        if !asks_the_same(&self.slice, &slice) {
            return Self::first(now, slice, actions);
        }
        let numbers = |c: &CheckSlice| (c.interval, c.timeout, c.jitter, c.rise, c.fall);
        if numbers(&self.slice) == numbers(&slice) {
            return Self { slice, ..self };
        }
        let judge = self.judge.resumed(slice.rise, slice.fall);
        Self { judge, ..Self::new(now, slice) }
    }

    /// A connection is open.
    pub(super) fn talks(&self) -> bool {
        matches!(self.running, Some(Running::Talk { .. }))
    }

    /// When `turn` is next of use.
    pub(super) fn wake(&self) -> Instant {
        match self.running {
            Some(Running::Script { until, .. } | Running::Talk { until }) => until.min(self.due),
            None => self.due,
        }
    }

    /// Its time has come. True when a walk over the processes must answer.
    pub(super) fn turn(
        &mut self,
        now: Instant,
        shared: &mut Shared,
        actions: &mut Vec<Action>,
    ) -> bool {
        let tracker = self.slice.tracker;
        match self.running {
            Some(Running::Script { until, .. }) if until <= now => {
                self.running = None;
                let reason = probe_script::reason(Outcome::TimedOut, self.slice.timeout, "");
                self.result(now, false, format!("{reason}, and no answer came"), actions);
            }
            Some(Running::Talk { until }) if until <= now => {
                self.running = None;
                actions.push(Action::Overdue { tracker });
            }
            _ => {}
        }
        if self.due > now {
            return false;
        }
        if self.point <= now {
            self.point = next(self.point, self.slice.interval, now);
        }
        self.due = self.point.plus(shared.draw(self.slice.jitter));
        self.extra = 0;
        match (&self.slice.probe, &self.running) {
            (ProbeSlice::Process(_), _) => return true,
            (ProbeSlice::Number { .. } | ProbeSlice::File(_), _) => {
                self.number.looked = Some(now);
                actions.push(Action::Look { tracker });
            }
            (ProbeSlice::Script(script), None) => self.start(now, shared, *script, actions),
            (ProbeSlice::Script(_), Some(_)) => {
                let name = &self.slice.name;
                let text = format!("check {name}: the last run has not ended, this one is skipped");
                actions.push(Action::Log { level: Level::Warn, text });
            }
            (ProbeSlice::Talk(_), None) => {
                self.running = Some(Running::Talk { until: now.plus(self.slice.timeout) });
                actions.push(Action::Talk { tracker });
            }
            // It has more time than its interval.
            (ProbeSlice::Talk(_), Some(_)) => {}
        }
        false
    }

    /// The last of its processes has died: may it be looked for again at once?
    pub(super) fn may_scan_again(&mut self) -> bool {
        self.extra = self.extra.saturating_add(1);
        matches!(self.slice.probe, ProbeSlice::Process(_)) && self.extra <= EXTRA_MAX
    }

    /// Something has happened where its file is.
    pub(super) fn look_soon(&mut self, now: Instant) {
        let rested = self.number.looked.map_or(now, |at| at.plus(REST));
        self.due = self.due.min(rested.max(now));
    }

    /// A run of its script has ended. An answer after the backstop finds nothing running.
    pub(super) fn done(
        &mut self,
        now: Instant,
        run: RunId,
        (outcome, output): (Outcome, &str),
        shared: &mut Shared,
        actions: &mut Vec<Action>,
    ) {
        let Some(Running::Script { run: wanted, generation, .. }) = self.running else { return };
        let ProbeSlice::Script(script) = self.slice.probe else { return };
        if run != wanted {
            return;
        }
        self.running = None;
        let crossed_a_reload = generation != shared.generation;
        if crossed_a_reload && probe_script::was_meant_for_another_file(outcome) {
            // That is nobody's failure.
            self.start(now, shared, script, actions);
            return;
        }
        let reason = probe_script::reason(outcome, self.slice.timeout, output);
        self.result(now, outcome.is_success(), reason, actions);
    }

    fn start(
        &mut self,
        now: Instant,
        shared: &mut Shared,
        script: ScriptId,
        actions: &mut Vec<Action>,
    ) {
        let (run, generation) = (shared.next_run(self.slice.tracker), shared.generation);
        let until = now.plus(self.slice.timeout).plus(BACKSTOP);
        self.running = Some(Running::Script { run, generation, until });
        actions.push(Action::Run { generation, script, run });
    }

    /// What was asked in its turn has been answered.
    pub(super) fn answered(
        &mut self,
        now: Instant,
        success: bool,
        reason: String,
        actions: &mut Vec<Action>,
    ) {
        if self.talks() {
            self.running = None;
        }
        self.result(now, success, reason, actions);
    }

    /// A connection had its time.
    pub(super) fn late(&mut self, now: Instant, missing: &str, actions: &mut Vec<Action>) {
        let time = probe_script::seconds(self.slice.timeout);
        self.result(now, false, format!("{missing} within {time}"), actions);
    }

    fn result(&mut self, now: Instant, success: bool, reason: String, actions: &mut Vec<Action>) {
        let tracker = self.slice.tracker;
        if let Some(up) = self.judge.take(success) {
            let (level, state) = if up { (Level::Info, "up") } else { (Level::Warn, "down") };
            let text = format!("check {} is {state}: {reason}", self.slice.name);
            self.told = Some((now, reason.clone()));
            actions.push(Action::Tracker { tracker, up, reason });
            actions.push(Action::Log { level, text });
        } else if !success && self.judge.is_down() && self.is_news(now, &reason) {
            self.told = Some((now, reason.clone()));
            actions.push(Action::Tracker { tracker, up: false, reason });
        }
    }

    /// Why it is down may change; whoever looks shall read the present reason.
    fn is_news(&self, now: Instant, reason: &str) -> bool {
        self.told.as_ref().is_none_or(|(at, told)| told != reason && now.since(*at) >= REASON_EACH)
    }

    /// `None` is an empty file; only one that stays empty counts.
    pub(super) fn number(
        &mut self,
        now: Instant,
        value: Option<i32>,
        reason: String,
        actions: &mut Vec<Action>,
    ) {
        if value.is_none() && !self.number.was_empty {
            self.number.was_empty = true;
            self.due = self.due.min(now.plus(REST));
            return;
        }
        self.number.was_empty = value.is_none();
        let told = (value.unwrap_or(0), reason);
        if self.number.told.as_ref() != Some(&told) {
            let (tracker, (value, reason)) = (self.slice.tracker, told.clone());
            self.number.told = Some(told);
            actions.push(Action::Number { tracker, value, reason });
        }
    }
}

/// The first point of the raster `point + n * interval` that is after `now`.
fn next(point: Instant, interval: Duration, now: Instant) -> Instant {
    let interval = interval.max(INTERVAL_MIN).as_nanos();
    let late = now.since(point).as_nanos();
    let intervals = late.checked_div(interval).unwrap_or(0).saturating_add(1);
    let ahead = u64::try_from(intervals.saturating_mul(interval)).unwrap_or(u64::MAX);
    point.plus(Duration::from_nanos(ahead))
}

/// A script's number is its place in the file and may change although the check does not.
fn asks_the_same(old: &CheckSlice, new: &CheckSlice) -> bool {
    let probe = match (&old.probe, &new.probe) {
        (ProbeSlice::Script(_), ProbeSlice::Script(_)) => true,
        (old, new) => old == new,
    };
    probe && old.name == new.name
}
