//! The loop: waits for a message, the timer or the death of a process, feeds the schedule and
//! carries out what it says. Decides nothing itself.

use crate::hello::{ENGINE, PARENT, Peers};
use crate::probe_file;
use crate::probe_process::{Processes, sees_others};
use crate::sched::{Action, Input, Sched};
use crate::staging::{OutOfTurn, Staging};
use crate::talk::{Talks, Verdict};
use crate::walls;
use crate::watch::Watches;
use mio::unix::SourceFd;
use mio::{Events, Interest, Token};
use std::collections::VecDeque;
use std::time::{Duration, SystemTime};
use vipd_ipc::ChanError;
use vipd_ipc::clock::{self, Timer};
use vipd_ipc::msg::{CheckerToEngine, CheckerToParent, ParentToChecker, TEXT_MAX};
use vipd_ipc::relay;
use vipd_ipc::slice::{ProbeSlice, Reach};
use vipd_types::{Instant, TrackerId};

const TIMER: Token = Token(2);
const WATCH: Token = Token(3);
const HEARTBEAT: Duration = Duration::from_millis(250);

/// Runs until the parent says Stop. An error is one line for descriptor 2: a peer is gone or broke
/// the rules, or the kernel refused what must not fail. `missing` names the walls missing so far.
pub(crate) fn run(peers: &mut Peers, missing: Vec<String>) -> Result<(), String> {
    let mut timer = Timer::new().map_err(|e| format!("checker has no timer: {e}"))?;
    peers
        .poll
        .registry()
        .register(&mut SourceFd(&timer.raw()), TIMER, Interest::READABLE)
        .map_err(|e| format!("checker has no timer: {e}"))?;
    if let Err(why) = sees_others() {
        log::error!("{why}; all process checks fail until that changes");
    }
    let mut turn = Turn {
        peers,
        reach: Some(Vec::new()),
        missing,
        sched: Sched::new(clock::now().as_nanos()),
        processes: Processes::new(walls::descriptors()),
        watches: Watches::default(),
        talks: Talks::new(),
        staging: Staging::default(),
        heartbeat: clock::now(),
    };
    let mut events = Events::with_capacity(1024);
    // What came with the greeting has been signalled already.
    let mut go_on = turn.hear_parent()?;
    while go_on {
        turn.tick()?;
        turn.send_log()?;
        timer.arm(turn.deadline(), clock::now()).map_err(|e| format!("checker's timer: {e}"))?;
        match turn.peers.poll.poll(&mut events, None) {
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => {
                return Err(format!("checker cannot wait for events: {error}"));
            }
            _ => {}
        }
        for event in &events {
            match event.token() {
                PARENT => go_on = go_on && turn.hear_parent()?,
                ENGINE => turn.hear_engine()?,
                TIMER => {}
                WATCH => turn.look_around()?,
                talk if Talks::is_one(talk) => turn.go_on(talk)?,
                process => turn.died(process)?,
            }
        }
    }
    turn.send_log()
}

struct Turn<'p> {
    peers: &'p mut Peers,
    /// What the walls must leave open, until they close.
    reach: Option<Vec<Reach>>,
    /// Walls that could not be put up.
    missing: Vec<String>,
    sched: Sched,
    processes: Processes,
    watches: Watches,
    talks: Talks,
    staging: Staging,
    heartbeat: Instant,
}

impl Turn<'_> {
    fn deadline(&self) -> Instant {
        self.sched.deadline().map_or(self.heartbeat, |d| d.min(self.heartbeat))
    }

    fn tick(&mut self) -> Result<(), String> {
        let at = clock::now();
        if self.heartbeat <= at {
            self.heartbeat = at.plus(HEARTBEAT);
            self.peers.engine.send(&CheckerToEngine::Alive { at }).map_err(engine)?;
            self.peers.parent.send(&CheckerToParent::Alive { at }).map_err(parent)?;
        }
        self.feed(Input::Tick)
    }

    fn send_log(&mut self) -> Result<(), String> {
        for (level, text) in relay::drain() {
            self.peers.parent.send(&CheckerToParent::Log { level, text }).map_err(parent)?;
        }
        Ok(())
    }

    /// False when the parent has said Stop.
    fn hear_parent(&mut self) -> Result<bool, String> {
        self.peers.parent.flush().map_err(parent)?;
        while let Some(message) = self.peers.parent.recv().map_err(parent)? {
            if message == ParentToChecker::Stop {
                return Ok(false);
            }
            self.obey(message)?;
        }
        Ok(true)
    }

    fn obey(&mut self, message: ParentToChecker) -> Result<(), String> {
        let turn = |OutOfTurn(what)| format!("checker: {what} from the parent is out of turn");
        match message {
            ParentToChecker::Allow(one) => {
                self.reach.as_mut().ok_or(turn(OutOfTurn("Allow")))?.push(one);
                Ok(())
            }
            ParentToChecker::Begin { generation } => {
                self.close_walls()?;
                self.staging.begin(generation).map_err(turn)
            }
            ParentToChecker::Check(check) => self.staging.check(*check).map_err(turn),
            ParentToChecker::End { generation } => {
                self.staging.end(generation).map_err(turn)?;
                self.peers.parent.send(&CheckerToParent::Staged { generation }).map_err(parent)
            }
            ParentToChecker::Commit { generation } => {
                let checks = self.staging.commit(generation).map_err(turn)?;
                self.feed(Input::Commit { generation, checks })?;
                let sched = &self.sched;
                let is_process = |t| matches!(sched.probe(t), Some(ProbeSlice::Process(_)));
                self.processes.retain(is_process);
                self.watches.retain(|t| matches!(sched.probe(t), Some(ProbeSlice::Number { .. })));
                self.talks.trust_anew();
                Ok(())
            }
            ParentToChecker::Abort { .. } => {
                self.staging.abort();
                Ok(())
            }
            ParentToChecker::Done { run, outcome, output } => {
                self.feed(Input::Done { run, outcome, output })
            }
            ParentToChecker::Hello { .. } | ParentToChecker::Stop => {
                Err(turn(OutOfTurn("a greeting")))
            }
        }
    }

    /// With the first configuration: from here on nothing more can be had.
    fn close_walls(&mut self) -> Result<(), String> {
        let Some(reach) = self.reach.take() else { return Ok(()) };
        if reach.contains(&Reach::Watch)
            && let Err(errno) = self.watches.open(self.peers.poll.registry(), WATCH)
        {
            log::warn!("files are looked at once a second only: inotify: {}", errno.desc());
        }
        self.missing.extend(walls::before_the_first_check(&reach));
        if !self.missing.is_empty() {
            log::warn!("checker runs without these walls: {}", self.missing.join(", "));
        }
        Ok(())
    }

    fn look_around(&mut self) -> Result<(), String> {
        for tracker in self.watches.changed() {
            self.feed(Input::Changed { tracker })?;
        }
        Ok(())
    }

    fn go_on(&mut self, talk: Token) -> Result<(), String> {
        match self.talks.go_on(talk) {
            Some((tracker, verdict)) => self.feed(answered(tracker, verdict)),
            None => Ok(()),
        }
    }

    /// The engine has nothing to say after its greeting; this notices when it is gone.
    fn hear_engine(&mut self) -> Result<(), String> {
        self.peers.engine.flush().map_err(engine)?;
        match self.peers.engine.recv().map_err(engine)? {
            None => Ok(()),
            Some(_) => Err("checker: a second greeting from the engine".to_string()),
        }
    }

    fn died(&mut self, process: Token) -> Result<(), String> {
        match self.processes.died(process) {
            Some(tracker) => self.feed(Input::Gone { tracker }),
            None => Ok(()),
        }
    }

    fn feed(&mut self, input: Input) -> Result<(), String> {
        let mut inputs = VecDeque::from([input]);
        // A scan's answers are fed back, and an answer never asks for another scan.
        while let Some(input) = inputs.pop_front() {
            for action in self.sched.step(clock::now(), input) {
                match action {
                    Action::Run { generation, script, run } => {
                        let ask = CheckerToParent::Run { generation, script, run };
                        self.peers.parent.send(&ask).map_err(parent)?;
                    }
                    Action::Tracker { tracker, up, mut reason } => {
                        relay::truncate(&mut reason, TEXT_MAX);
                        let state = CheckerToEngine::Tracker { tracker, up, reason };
                        self.peers.engine.send(&state).map_err(engine)?;
                    }
                    Action::Number { tracker, value, mut reason } => {
                        relay::truncate(&mut reason, TEXT_MAX);
                        let state = CheckerToEngine::Number { tracker, value, reason };
                        self.peers.engine.send(&state).map_err(engine)?;
                    }
                    Action::Scan { trackers, extra } => {
                        inputs.extend(self.scan(&trackers, extra));
                    }
                    Action::Look { tracker } => inputs.extend(self.look(tracker)),
                    Action::Talk { tracker } => {
                        if let Some(ProbeSlice::Talk(slice)) = self.sched.probe(tracker) {
                            let registry = self.peers.poll.registry();
                            let verdict = self.talks.begin(registry, tracker, slice);
                            inputs.extend(verdict.map(|verdict| answered(tracker, verdict)));
                        }
                    }
                    Action::Overdue { tracker } => {
                        let missing = self.talks.late(tracker);
                        inputs.push_back(Input::Late { tracker, missing });
                    }
                    Action::HangUp { tracker } => self.talks.hang_up(tracker),
                    Action::Log { level, text } => log::log!(level, "{text}"),
                }
            }
        }
        Ok(())
    }

    fn scan(&mut self, trackers: &[TrackerId], extra: bool) -> Vec<Input> {
        let slice = |tracker: &TrackerId| match self.sched.probe(*tracker) {
            Some(ProbeSlice::Process(slice)) => Some((*tracker, slice.clone())),
            _ => None,
        };
        let wanted: Vec<_> = trackers.iter().filter_map(slice).collect();
        let answers = self.processes.scan(self.peers.poll.registry(), &wanted);
        let sample = |(tracker, success, reason)| Input::Sample { tracker, success, reason, extra };
        answers.into_iter().map(sample).collect()
    }

    fn look(&mut self, tracker: TrackerId) -> Option<Input> {
        match self.sched.probe(tracker)? {
            ProbeSlice::Number { path } => {
                let path = probe_file::path(path);
                // First the watch: what happens behind the look is told.
                self.watches.keep(tracker, path);
                let (value, reason) = probe_file::number(path);
                Some(Input::Number { tracker, value, reason })
            }
            ProbeSlice::File(wanted) => {
                let (success, reason) = probe_file::look(wanted, SystemTime::now());
                Some(Input::Sample { tracker, success, reason, extra: false })
            }
            ProbeSlice::Process(_) | ProbeSlice::Script(_) | ProbeSlice::Talk(_) => None,
        }
    }
}

fn answered(tracker: TrackerId, Verdict { success, reason }: Verdict) -> Input {
    Input::Sample { tracker, success, reason, extra: false }
}

#[expect(clippy::needless_pass_by_value, reason = "handed to map_err")]
fn parent(error: ChanError) -> String {
    format!("checker and parent: {error}")
}

#[expect(clippy::needless_pass_by_value, reason = "handed to map_err")]
fn engine(error: ChanError) -> String {
    format!("checker and engine: {error}")
}
