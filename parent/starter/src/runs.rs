//! The scripts that are running: their deadlines and their ends. No process of a run's group
//! outlives the run, and no wait is ever made for one.

use crate::book::Plan;
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

/// Runs at a time; more are refused.
const RUNS_MAX: usize = 64;
/// From the request to end to the order to end.
const GRACE: Duration = Duration::from_secs(2);
/// Tokens below are other people's.
const FIRST_TOKEN: usize = 16;

/// Which script, of which configuration.
pub(crate) type Which = (Generation, ScriptId);

#[derive(Debug)]
pub(crate) struct Runs {
    null: File,
    live: BTreeMap<RunId, Live>,
    tokens: BTreeMap<Token, RunId>,
    last_token: usize,
}

#[derive(Debug)]
struct Live {
    which: Which,
    process: Spawned,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Running {
        until: Instant,
    },
    /// Its outcome is said; it was asked to end.
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
        Ok(Self { null, live: BTreeMap::new(), tokens: BTreeMap::new(), last_token: FIRST_TOKEN })
    }

    pub(crate) fn start(
        &mut self,
        registry: &Registry,
        now: Instant,
        run: RunId,
        which: Which,
        plan: &Plan,
    ) -> Result<(), Errno> {
        // One run of a script at a time: who asks again has given the last one up.
        for live in self.live.values_mut().filter(|live| live.which == which) {
            live.kill();
        }
        if self.live.len() >= RUNS_MAX {
            return Err(Errno::EAGAIN);
        }
        if self.live.contains_key(&run) {
            return Err(Errno::EEXIST);
        }
        let process = spawn::spawn(plan, &self.null)?;
        self.last_token = self.last_token.wrapping_add(1).max(FIRST_TOKEN);
        let token = Token(self.last_token);
        let raw = process.pidfd.as_raw_fd();
        let stage = Stage::Running { until: now.plus(plan.timeout) };
        let mut live = Live { which, process, stage };
        if registry.register(&mut SourceFd(&raw), token, Interest::READABLE).is_err() {
            live.kill();
            return Err(Errno::ENOMEM);
        }
        self.tokens.insert(token, run);
        self.live.insert(run, live);
        Ok(())
    }

    /// When `expire` is next of use.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.live.values().filter_map(|live| live.stage.until()).min()
    }

    /// Ends what is overdue. The verdict falls at the deadline, whatever the script does then.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<RunId> {
        let mut timed_out = Vec::new();
        for (run, live) in &mut self.live {
            match live.stage {
                Stage::Running { until } if until <= now => {
                    let _ = killpg(live.process.pid, Signal::SIGTERM);
                    live.stage = Stage::Overdue { until: now.plus(GRACE) };
                    timed_out.push(*run);
                }
                Stage::Overdue { until } if until <= now => live.kill(),
                Stage::Running { .. } | Stage::Overdue { .. } | Stage::Killed { .. } => {}
            }
        }
        timed_out
    }

    /// A pidfd spoke: the script has ended. Its outcome, unless that is said already.
    pub(crate) fn ended(&mut self, token: Token) -> Option<(RunId, Outcome)> {
        let run = *self.tokens.get(&token)?;
        let live = self.live.get(&run)?;
        // Before it is buried, because only so long its group's number cannot be another's.
        let _ = killpg(live.process.pid, Signal::SIGKILL);
        let outcome = live.outcome()?;
        let said = live.stage.is_said();
        self.tokens.remove(&token);
        self.live.remove(&run);
        (!said).then_some((run, outcome))
    }

    pub(crate) fn kill(&mut self, run: RunId) {
        if let Some(live) = self.live.get_mut(&run) {
            live.kill();
        }
    }

    pub(crate) fn kill_all(&mut self) {
        self.live.values_mut().for_each(Live::kill);
    }
}

impl Live {
    fn kill(&mut self) {
        let _ = killpg(self.process.pid, Signal::SIGKILL);
        self.stage = Stage::Killed { said: self.stage.is_said() };
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
}

impl Stage {
    fn until(self) -> Option<Instant> {
        match self {
            Self::Running { until } | Self::Overdue { until } => Some(until),
            Self::Killed { .. } => None,
        }
    }

    fn is_said(self) -> bool {
        match self {
            Self::Running { .. } => false,
            Self::Overdue { .. } => true,
            Self::Killed { said } => said,
        }
    }
}
