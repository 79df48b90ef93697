//! What the checker and the starter say. The parent carries a script's number from the one to the
//! other and its outcome back; it knows neither the command nor the result's meaning.

use crate::daemon::{Daemon, Fatal};
use crate::kernel::Kernel;
use crate::log::relay;
use nix::errno::Errno;
use std::time::Duration;
use vipd_ipc::msg::{CheckerToParent, ParentToChecker, ParentToStarter, StarterToParent};
use vipd_types::{Generation, Outcome, RunId, ScriptId};

/// A proof of life that took longer than this to arrive proves nothing.
const STALE: Duration = Duration::from_millis(500);

impl Daemon {
    pub(crate) fn hear_checker(&mut self) -> Result<(), Fatal> {
        loop {
            match self.checker.chan.recv() {
                Ok(Some(said)) => self.obey_checker(said)?,
                Ok(None) => return Ok(()),
                Err(error) => return Err(Fatal::channel("vipd-checker")(error)),
            }
        }
    }

    fn obey_checker(&mut self, said: CheckerToParent) -> Result<(), Fatal> {
        match said {
            CheckerToParent::Hello { .. } => Err(Fatal::new("vipd-checker", "it said Hello twice")),
            CheckerToParent::Log { level, text } => {
                let pid = u32::try_from(self.checker.pid().as_raw()).unwrap_or(0);
                relay(self.checker.name(), pid, level, &text);
                Ok(())
            }
            CheckerToParent::Staged { generation } => self.staged_by_checker(generation),
            CheckerToParent::Alive { at } => {
                let now = self.kernel.now();
                if now.since(at) < STALE {
                    self.life.checker = now;
                }
                Ok(())
            }
            CheckerToParent::Run { generation, script, run } => {
                self.run_script(generation, script, run)
            }
        }
    }

    fn run_script(
        &mut self,
        generation: Generation,
        script: ScriptId,
        run: RunId,
    ) -> Result<(), Fatal> {
        if self.starter.is_some() {
            return self.tell_starter(&ParentToStarter::Run { generation, script, run });
        }
        let outcome = Outcome::NotStarted(Errno::EPERM as i32);
        let output = String::new();
        self.tell_checker(&ParentToChecker::Done { run, outcome, output })
    }

    pub(crate) fn hear_starter(&mut self) -> Result<(), Fatal> {
        loop {
            let Some(starter) = &mut self.starter else { return Ok(()) };
            starter.chan.flush().map_err(Fatal::channel("vipd-starter"))?;
            match starter.chan.recv() {
                Ok(Some(said)) => self.obey_starter(said)?,
                Ok(None) => return Ok(()),
                Err(error) => return Err(Fatal::channel("vipd-starter")(error)),
            }
        }
    }

    fn obey_starter(&mut self, said: StarterToParent) -> Result<(), Fatal> {
        match said {
            StarterToParent::Hello { .. } => Err(Fatal::new("vipd-starter", "it said Hello twice")),
            StarterToParent::Log { level, text } => {
                let Some(starter) = &self.starter else { return Ok(()) };
                let pid = u32::try_from(starter.pid().as_raw()).unwrap_or(0);
                relay(starter.name(), pid, level, &text);
                Ok(())
            }
            StarterToParent::Staged { generation } => self.staged_by_starter(generation),
            StarterToParent::Refused { generation: _, why } => self.abort(&why),
            StarterToParent::Ended { run, outcome } => self.told(run, outcome),
            // The checker has been told to stop.
            StarterToParent::Done { .. } if self.notifier.is_last() => Ok(()),
            StarterToParent::Done { run, outcome, output } => {
                self.tell_checker(&ParentToChecker::Done { run, outcome, output })
            }
        }
    }

    pub(crate) fn tell_checker(&mut self, message: &ParentToChecker) -> Result<(), Fatal> {
        self.checker.send(message).map_err(Fatal::channel("vipd-checker"))
    }

    pub(crate) fn tell_starter(&mut self, message: &ParentToStarter) -> Result<(), Fatal> {
        let Some(starter) = &mut self.starter else { return Ok(()) };
        starter.send(message).map_err(Fatal::channel("vipd-starter"))
    }
}
