//! What is running: the deadlines and the ends. No process of a check's group outlives its run, and
//! none of a notify command that was ended; no wait is ever made for one.

use crate::book::Plan;
use crate::output::Output;
use crate::spawn::{self, Spawned};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::read;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;
use vipd_types::{Generation, Instant, Outcome, RunId, ScriptId};

/// Runs of each kind at a time; more are refused. Neither kind takes the other's places.
const RUNS_MAX: usize = 64;
/// From the request to end to the order to end.
const GRACE: Duration = Duration::from_secs(2);
/// The same when the daemon waits for it.
const GRACE_AT_QUIT: Duration = Duration::from_millis(500);
/// Tokens below are other people's.
const FIRST_TOKEN: usize = 16;

/// Which script, of which configuration.
pub(crate) type Which = (Generation, ScriptId);

/// What is run, under its number: checks count apart from the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Job {
    Check(RunId),
    /// A notify command or the reader of a FIFO.
    Tell(RunId),
}

/// How a job is run, beside its plan.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Check(Which),
    /// With its name for the log.
    Notify {
        label: String,
        limit: Duration,
    },
    /// It has no deadline.
    Reader,
}

/// Its end, as it is to be told.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) job: Job,
    pub(crate) kind: Kind,
    pub(crate) outcome: Outcome,
    /// Of a check: what it printed first.
    pub(crate) output: String,
}

#[derive(Debug)]
pub(crate) struct Runs {
    null: File,
    live: BTreeMap<Job, Live>,
    tokens: BTreeMap<Token, Job>,
    /// Those of what they print.
    outputs: BTreeMap<Token, Job>,
    last_token: usize,
}

#[derive(Debug)]
struct Live {
    kind: Kind,
    process: Spawned,
    stage: Stage,
    /// It did not keep to its limit.
    overran: bool,
    /// Only of a check: what a notify command leaves in the background may go on printing.
    output: Option<Output>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Running {
        until: Option<Instant>,
    },
    /// It was asked to end. The outcome of a check is said.
    Overdue {
        until: Instant,
    },
    /// It was killed and has only to be buried.
    Killed {
        said: bool,
    },
}

impl Runs {
    pub(crate) fn new() -> std::io::Result<Self> {
        let null = File::options().read(true).write(true).open("/dev/null")?;
        let (live, tokens, outputs) = Default::default();
        Ok(Self { null, live, tokens, outputs, last_token: FIRST_TOKEN })
    }

    pub(crate) fn start(
        &mut self,
        registry: &Registry,
        now: Instant,
        job: Job,
        kind: Kind,
        plan: &Plan,
    ) -> Result<(), Errno> {
        if let Kind::Check(which) = &kind {
            // One run of a script at a time: who asks again has given the last one up.
            let again = |live: &&mut Live| matches!(&live.kind, Kind::Check(w) if w == which);
            self.live.values_mut().filter(again).for_each(Live::kill);
        }
        let is_check = |job: &Job| matches!(job, Job::Check(_));
        if self.live.keys().filter(|one| is_check(one) == is_check(&job)).count() >= RUNS_MAX {
            return Err(Errno::EAGAIN);
        }
        if self.live.contains_key(&job) {
            return Err(Errno::EEXIST);
        }
        let (process, output) = if is_check(&job) {
            let (output, to) = Output::new()?;
            (spawn::spawn(plan, &self.null, to)?, Some(output))
        } else {
            (spawn::spawn(plan, &self.null, &self.null)?, None)
        };
        let (token, prints) = (self.next_token(), self.next_token());
        let raw = process.pidfd.as_raw_fd();
        let has_limit = !matches!(kind, Kind::Reader);
        let stage = Stage::Running { until: has_limit.then(|| now.plus(plan.timeout)) };
        let mut live = Live { kind, process, stage, overran: false, output };
        let register = |fd, token| registry.register(&mut SourceFd(&fd), token, Interest::READABLE);
        let heard = live.output.as_ref().map_or(Ok(()), |output| register(output.raw(), prints));
        if heard.and_then(|()| register(raw, token)).is_err() {
            live.kill();
            return Err(Errno::ENOMEM);
        }
        self.outputs.extend(live.output.as_ref().map(|_| (prints, job)));
        self.tokens.insert(token, job);
        self.live.insert(job, live);
        Ok(())
    }

    fn next_token(&mut self) -> Token {
        self.last_token = self.last_token.wrapping_add(1).max(FIRST_TOKEN);
        Token(self.last_token)
    }

    /// Something that was printed is still to be read: no event will tell of it.
    pub(crate) fn has_more(&self) -> bool {
        self.live.values().any(Live::prints)
    }

    pub(crate) fn read_on(&mut self) {
        let outputs = self.live.values_mut().filter(|live| live.prints());
        outputs.filter_map(|live| live.output.as_mut()).for_each(Output::listen);
    }

    /// When `expire` is next of use.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.live.values().filter_map(|live| live.stage.until()).min()
    }

    /// Ends what is overdue. Returns the checks among them: their verdict falls at the deadline,
    /// whatever the script does then. A notify command is done when it is gone, because the next
    /// must not run beside it.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<(RunId, String)> {
        let mut timed_out = Vec::new();
        for (job, live) in &mut self.live {
            match live.stage {
                Stage::Running { until } if until.is_some_and(|until| until <= now) => {
                    live.ask(now, GRACE);
                    live.overran = true;
                    if let Job::Check(run) = job {
                        let output = live.output.take().map(Output::text).unwrap_or_default();
                        timed_out.push((*run, output));
                    }
                }
                Stage::Overdue { until } if until <= now => live.kill(),
                Stage::Running { .. } | Stage::Overdue { .. } | Stage::Killed { .. } => {}
            }
        }
        timed_out
    }

    /// A pidfd spoke: a process has ended. `None` if that is said already.
    pub(crate) fn ended(&mut self, token: Token) -> Option<Ended> {
        if let Some(job) = self.outputs.get(&token) {
            self.live.get_mut(job)?.output.as_mut()?.listen();
            return None;
        }
        let job = *self.tokens.get(&token)?;
        let live = self.live.get(&job)?;
        // Before it is buried, because only so long its group's number cannot be another's.
        if !live.leaves_in_peace() {
            let _ = killpg(live.process.pid, Signal::SIGKILL);
        }
        let outcome = live.outcome()?;
        let said = live.is_said();
        self.tokens.remove(&token);
        self.outputs.retain(|_, of| *of != job);
        let Live { kind, overran, output, .. } = self.live.remove(&job)?;
        let outcome = if overran { Outcome::TimedOut } else { outcome };
        let output = output.map(Output::text).unwrap_or_default();
        (!said).then_some(Ended { job, kind, outcome, output })
    }

    pub(crate) fn kill(&mut self, run: RunId) {
        if let Some(live) = self.live.get_mut(&Job::Check(run)) {
            live.kill();
        }
    }

    /// Of a notify command or a reader: ends soon.
    pub(crate) fn quit(&mut self, run: RunId, now: Instant) {
        if let Some(live) = self.live.get_mut(&Job::Tell(run)) {
            live.ask(now, GRACE_AT_QUIT);
        }
    }

    pub(crate) fn kill_all(&mut self) {
        self.live.values_mut().for_each(Live::kill);
    }
}

impl Live {
    /// Once; who was asked already has his time.
    fn ask(&mut self, now: Instant, grace: Duration) {
        if matches!(self.stage, Stage::Running { .. }) {
            let _ = killpg(self.process.pid, Signal::SIGTERM);
            self.stage = Stage::Overdue { until: now.plus(grace) };
        }
    }

    fn kill(&mut self) {
        let _ = killpg(self.process.pid, Signal::SIGKILL);
        self.stage = Stage::Killed { said: self.is_said() };
    }

    fn prints(&self) -> bool {
        self.output.as_ref().is_some_and(Output::has_more)
    }

    /// What a notify command that ends by itself has started may be what it is for.
    fn leaves_in_peace(&self) -> bool {
        let by_itself = matches!(self.stage, Stage::Running { .. });
        by_itself && matches!(self.kind, Kind::Notify { .. })
    }

    /// Buries the process. `None` if it has not ended.
    fn outcome(&self) -> Option<Outcome> {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG;
        let status = waitid(Id::PIDFd(self.process.pidfd.as_fd()), flags);
        let mut errno = [0; 4];
        if read(&self.process.failure, &mut errno) == Ok(errno.len()) {
            return Some(Outcome::NotStarted(i32::from_ne_bytes(errno)));
        }
        match status {
            Ok(WaitStatus::Exited(_, status)) => Some(Outcome::Exited(status)),
            Ok(WaitStatus::Signaled(_, signal, _)) => Some(Outcome::Signalled(signal as i32)),
            Ok(_) => None,
            Err(errno) => Some(Outcome::NotStarted(errno as i32)),
        }
    }

    /// Its outcome has been told.
    fn is_said(&self) -> bool {
        let is_check = matches!(self.kind, Kind::Check(_));
        match self.stage {
            Stage::Running { .. } => false,
            Stage::Overdue { .. } => is_check,
            Stage::Killed { said } => said,
        }
    }
}

impl Stage {
    fn until(self) -> Option<Instant> {
        match self {
            Self::Running { until } => until,
            Self::Overdue { until } => Some(until),
            Self::Killed { .. } => None,
        }
    }
}
