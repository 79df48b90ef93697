//! When which check runs and what its results mean: a pure function of its own state, the time and
//! one input. Reads no clock, opens nothing, sends nothing.

use crate::judge::Judge;
use crate::probe_script;
use log::Level;
use std::collections::BTreeMap;
use std::time::Duration;
use vipd_ipc::slice::{CheckSlice, ProbeSlice, ProcessSlice};
use vipd_types::{Generation, Instant, Outcome, RunId, ScriptId, TrackerId};

/// How long after its timeout a script may leave us without an answer.
const BACKSTOP: Duration = Duration::from_secs(1);
/// Scans out of turn in one interval; a service that dies more often is seen at the intervals.
const EXTRA_MAX: u8 = 10;
/// Shorter intervals are lengthened to this.
const INTERVAL_MIN: Duration = Duration::from_millis(1);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    Commit {
        generation: Generation,
        checks: Vec<CheckSlice>,
    },
    Tick,
    /// A process check was answered; `extra` as in the `Scan` that asked.
    Sample {
        tracker: TrackerId,
        success: bool,
        reason: String,
        extra: bool,
    },
    /// The last process that this check held has died.
    Gone {
        tracker: TrackerId,
    },
    Done {
        run: RunId,
        outcome: Outcome,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    Run {
        generation: Generation,
        script: ScriptId,
        run: RunId,
    },
    /// Look for the processes of all these checks at once.
    Scan {
        trackers: Vec<TrackerId>,
        extra: bool,
    },
    Tracker {
        tracker: TrackerId,
        up: bool,
        reason: String,
    },
    Log {
        level: Level,
        text: String,
    },
}

#[derive(Debug)]
pub(crate) struct Sched {
    generation: Generation,
    checks: BTreeMap<TrackerId, Check>,
    last_run: u64,
}

#[derive(Debug)]
struct Check {
    slice: CheckSlice,
    due: Instant,
    judge: Judge,
    running: Option<Running>,
    extra: u8,
}

#[derive(Debug)]
struct Running {
    run: RunId,
    generation: Generation,
    backstop: Instant,
}

impl Sched {
    pub(crate) fn new() -> Self {
        Self { generation: Generation(0), checks: BTreeMap::new(), last_run: 0 }
    }

    pub(crate) fn step(&mut self, now: Instant, input: Input) -> Vec<Action> {
        let mut actions = Vec::new();
        match input {
            Input::Commit { generation, checks } => self.commit(now, generation, checks),
            Input::Tick => self.tick(now, &mut actions),
            Input::Sample { tracker, success, reason, extra } => {
                // A rescan that finds a successor is no result: the interval asks again anyway.
                let counts = !(extra && success);
                if let Some(check) = self.checks.get_mut(&tracker).filter(|_| counts) {
                    check.result(success, reason, &mut actions);
                }
            }
            Input::Gone { tracker } => {
                if self.process(tracker).is_some() && self.may_scan_again(tracker) {
                    actions.push(Action::Scan { trackers: vec![tracker], extra: true });
                }
            }
            Input::Done { run, outcome } => self.done(now, run, outcome, &mut actions),
        }
        actions
    }

    /// When `Tick` is next of use.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let backstop = |c: &Check| c.running.as_ref().map_or(c.due, |r| r.backstop.min(c.due));
        self.checks.values().map(backstop).min()
    }

    /// What the check looks for, if it is one that looks for processes.
    pub(crate) fn process(&self, tracker: TrackerId) -> Option<&ProcessSlice> {
        match &self.checks.get(&tracker)?.slice.probe {
            ProbeSlice::Process(process) => Some(process),
            ProbeSlice::Script(_) => None,
        }
    }

    fn may_scan_again(&mut self, tracker: TrackerId) -> bool {
        let Some(check) = self.checks.get_mut(&tracker) else { return false };
        check.extra = check.extra.saturating_add(1);
        check.extra <= EXTRA_MAX
    }

    fn commit(&mut self, now: Instant, generation: Generation, checks: Vec<CheckSlice>) {
        self.generation = generation;
        let mut old = std::mem::take(&mut self.checks);
        for slice in checks {
            let check = match old.remove(&slice.tracker) {
                Some(check) if is_same(&check.slice, &slice) => Check { slice, ..check },
                Some(check) if asks_the_same(&check.slice, &slice) => {
                    let judge = check.judge.resumed(slice.rise, slice.fall);
                    Check { judge, ..Check::new(now, slice) }
                }
                _ => Check::new(now, slice),
            };
            self.checks.insert(check.slice.tracker, check);
        }
    }

    fn tick(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let mut scan = Vec::new();
        for (tracker, check) in &mut self.checks {
            if check.running.as_ref().is_some_and(|r| r.backstop <= now) {
                check.running = None;
                let reason = probe_script::reason(Outcome::TimedOut, check.slice.timeout);
                check.result(false, format!("{reason}, and no answer came"), actions);
            }
            if check.due > now {
                continue;
            }
            check.due = next(check.due, check.slice.interval, now);
            check.extra = 0;
            match (&check.slice.probe, &check.running) {
                (ProbeSlice::Process(_), _) => scan.push(*tracker),
                (ProbeSlice::Script(_), Some(_)) => {
                    let text = format!(
                        "check {}: the last run has not ended, this one is skipped",
                        check.slice.name
                    );
                    actions.push(Action::Log { level: Level::Warn, text });
                }
                (ProbeSlice::Script(script), None) => {
                    let script = *script;
                    check.start(now, self.generation, &mut self.last_run, script, actions);
                }
            }
        }
        if !scan.is_empty() {
            actions.push(Action::Scan { trackers: scan, extra: false });
        }
    }

    fn done(&mut self, now: Instant, run: RunId, outcome: Outcome, actions: &mut Vec<Action>) {
        let is_it = |c: &&mut Check| c.running.as_ref().is_some_and(|r| r.run == run);
        // An answer after the backstop, or of a check that is gone, finds nobody.
        let Some(check) = self.checks.values_mut().find(is_it) else { return };
        let Some(running) = check.running.take() else { return };
        let ProbeSlice::Script(script) = check.slice.probe else { return };
        if running.generation != self.generation
            && probe_script::was_meant_for_another_file(outcome)
        {
            // It crossed a reload; that is nobody's failure.
            check.start(now, self.generation, &mut self.last_run, script, actions);
            return;
        }
        let reason = probe_script::reason(outcome, check.slice.timeout);
        check.result(outcome.is_success(), reason, actions);
    }
}

impl Check {
    fn new(now: Instant, slice: CheckSlice) -> Self {
        let judge = Judge::new(slice.rise, slice.fall);
        Self { slice, due: now, judge, running: None, extra: 0 }
    }

    fn start(
        &mut self,
        now: Instant,
        generation: Generation,
        last_run: &mut u64,
        script: ScriptId,
        actions: &mut Vec<Action>,
    ) {
        *last_run = last_run.saturating_add(1);
        let run = RunId(*last_run);
        let backstop = now.plus(self.slice.timeout).plus(BACKSTOP);
        self.running = Some(Running { run, generation, backstop });
        actions.push(Action::Run { generation, script, run });
    }

    fn result(&mut self, success: bool, reason: String, actions: &mut Vec<Action>) {
        let Some(up) = self.judge.take(success) else { return };
        let (level, state) = if up { (Level::Info, "up") } else { (Level::Warn, "down") };
        let text = format!("check {} is {state}: {reason}", self.slice.name);
        actions.push(Action::Tracker { tracker: self.slice.tracker, up, reason });
        actions.push(Action::Log { level, text });
    }
}

/// The first point of the raster `due + n * interval` that is after `now`.
fn next(due: Instant, interval: Duration, now: Instant) -> Instant {
    let interval = interval.max(INTERVAL_MIN).as_nanos();
    let late = now.since(due).as_nanos();
    let intervals = late.checked_div(interval).unwrap_or(0).saturating_add(1);
    let ahead = u64::try_from(intervals.saturating_mul(interval)).unwrap_or(u64::MAX);
    due.plus(Duration::from_nanos(ahead))
}

fn is_same(old: &CheckSlice, new: &CheckSlice) -> bool {
    let numbers = |c: &CheckSlice| (c.interval, c.timeout, c.rise, c.fall);
    asks_the_same(old, new) && numbers(old) == numbers(new)
}

/// A script's number is its place in the file and may change although the check does not.
fn asks_the_same(old: &CheckSlice, new: &CheckSlice) -> bool {
    let probe = match (&old.probe, &new.probe) {
        (ProbeSlice::Script(_), ProbeSlice::Script(_)) => true,
        (old, new) => old == new,
    };
    probe && old.name == new.name
}

#[cfg(test)]
#[path = "sched_tests.rs"]
mod tests;
