//! When which check runs and what its results mean: a pure function of its own state, the time and
//! one input. Reads no clock, opens nothing, sends nothing.

mod check;

use check::{Check, Shared, of_run};
use log::Level;
use std::collections::{BTreeMap, BTreeSet};
use vipd_ipc::slice::{CheckSlice, ProbeSlice};
use vipd_types::{Generation, Instant, Outcome, RunId, ScriptId, TrackerId};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    Commit {
        generation: Generation,
        checks: Vec<CheckSlice>,
    },
    Tick,
    /// A check was answered; `extra` as in the `Scan` that asked.
    Sample {
        tracker: TrackerId,
        success: bool,
        reason: String,
        extra: bool,
    },
    /// Answers `Overdue`.
    Late {
        tracker: TrackerId,
        missing: &'static str,
    },
    /// Answers `Look` where a number was looked for; `None` when the file is empty.
    Number {
        tracker: TrackerId,
        value: Option<i32>,
        reason: String,
    },
    /// The last process that this check held has died.
    Gone {
        tracker: TrackerId,
    },
    /// Something has happened where the file of this check is.
    Changed {
        tracker: TrackerId,
    },
    Done {
        run: RunId,
        outcome: Outcome,
        output: String,
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
    /// Look at its file.
    Look {
        tracker: TrackerId,
    },
    /// Open its connection.
    Talk {
        tracker: TrackerId,
    },
    /// Its connection has had its time: close it, and say what was missing.
    Overdue {
        tracker: TrackerId,
    },
    /// Close its connection; nobody waits for the answer.
    HangUp {
        tracker: TrackerId,
    },
    Tracker {
        tracker: TrackerId,
        up: bool,
        reason: String,
    },
    Number {
        tracker: TrackerId,
        value: i32,
        reason: String,
    },
    Log {
        level: Level,
        text: String,
    },
}

/// So much is begun at a time: what has come meanwhile must not wait until it is too late.
const BATCH: usize = 64;

#[derive(Debug)]
pub(crate) struct Sched {
    checks: BTreeMap<TrackerId, Check>,
    /// When each of them wants its turn.
    wakes: BTreeSet<(Instant, TrackerId)>,
    shared: Shared,
}

impl Sched {
    /// `seed` is what jitter is drawn from.
    pub(crate) fn new(seed: u64) -> Self {
        Self { checks: BTreeMap::new(), wakes: BTreeSet::new(), shared: Shared::new(seed) }
    }

    pub(crate) fn step(&mut self, now: Instant, input: Input) -> Vec<Action> {
        let mut actions = Vec::new();
        match input {
            Input::Commit { generation, checks } => {
                self.commit(now, generation, checks, &mut actions);
            }
            Input::Tick => self.tick(now, &mut actions),
            // A rescan that finds a successor is no result: the interval asks again anyway.
            Input::Sample { success: true, extra: true, .. } => {}
            Input::Sample { tracker, success, reason, .. } => {
                self.change(tracker, |check, _| check.answered(now, success, reason, &mut actions));
            }
            Input::Late { tracker, missing } => {
                self.change(tracker, |check, _| check.late(now, missing, &mut actions));
            }
            Input::Number { tracker, value, reason } => {
                self.change(tracker, |check, _| check.number(now, value, reason, &mut actions));
            }
            Input::Gone { tracker } => {
                self.change(tracker, |check, _| {
                    if check.may_scan_again() {
                        actions.push(Action::Scan { trackers: vec![tracker], extra: true });
                    }
                });
            }
            Input::Changed { tracker } => self.change(tracker, |check, _| check.look_soon(now)),
            Input::Done { run, outcome, output } => self.change(of_run(run), |check, shared| {
                check.done(now, run, (outcome, &output), shared, &mut actions);
            }),
        }
        actions
    }

    /// When `Tick` is next of use; at once if a batch was not all.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.wakes.first().map(|(at, _)| *at)
    }

    /// What the check asks.
    pub(crate) fn probe(&self, tracker: TrackerId) -> Option<&ProbeSlice> {
        self.checks.get(&tracker).map(|check| &check.slice.probe)
    }

    /// The only way in which a check changes: it may then want its turn at another time.
    fn change(&mut self, tracker: TrackerId, act: impl FnOnce(&mut Check, &mut Shared)) {
        let Some(check) = self.checks.get_mut(&tracker) else { return };
        self.wakes.remove(&(check.wake(), tracker));
        act(check, &mut self.shared);
        self.wakes.insert((check.wake(), tracker));
    }

    fn commit(
        &mut self,
        now: Instant,
        generation: Generation,
        checks: Vec<CheckSlice>,
        actions: &mut Vec<Action>,
    ) {
        self.shared.generation = generation;
        let mut old = std::mem::take(&mut self.checks);
        let talking: Vec<TrackerId> =
            old.iter().filter(|(_, check)| check.talks()).map(|(tracker, _)| *tracker).collect();
        for slice in checks {
            let tracker = slice.tracker;
            let check = match old.remove(&tracker) {
                Some(check) => check.changed_to(now, slice, actions),
                None => Check::first(now, slice, actions),
            };
            self.checks.insert(tracker, check);
        }
        let still = |tracker: &TrackerId| self.checks.get(tracker).is_some_and(Check::talks);
        let ended = talking.into_iter().filter(|tracker| !still(tracker));
        actions.extend(ended.map(|tracker| Action::HangUp { tracker }));
        self.wakes = self.checks.iter().map(|(tracker, c)| (c.wake(), *tracker)).collect();
    }

    fn tick(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let mut scan = Vec::new();
        while actions.len() < BATCH
            && let Some((at, tracker)) = self.wakes.first().copied()
            && at <= now
        {
            self.wakes.pop_first();
            self.change(tracker, |check, shared| {
                if check.turn(now, shared, actions) {
                    scan.push(tracker);
                }
            });
        }
        if !scan.is_empty() {
            actions.push(Action::Scan { trackers: scan, extra: false });
        }
    }
}

#[cfg(test)]
#[path = "sched_tests.rs"]
mod tests;
