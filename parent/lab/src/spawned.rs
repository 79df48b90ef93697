//! One program on a node, which nsenter has started there: its output, signals and end. Knows
//! nothing of what the program does.

use crate::clock::{Stamp, wait_until};
use crate::error::{Context, Error, Result};
use crate::holder::only_child;
use crate::run;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::time::Duration;

/// A program on a node. Dropped, it is killed.
#[derive(Debug)]
pub struct Spawned {
    enterer: Child,
    pid: i32,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Spawned {
    /// Waits until `enterer` has started its program, or ended.
    pub(crate) fn entered(
        enterer: Child,
        what: &str,
        stdout: PathBuf,
        stderr: PathBuf,
    ) -> Result<Self> {
        let mut spawned = Self { enterer, pid: 0, stdout, stderr };
        let enterer = spawned.enterer.id();
        let (mut pid, mut ended) = (None, None);
        wait_until(Duration::from_secs(60), format_args!("the start of {what}"), || {
            pid = only_child(enterer);
            ended = spawned.try_status();
            pid.is_some() || ended.is_some()
        })?;
        spawned.pid = pid.unwrap_or(0);
        Ok(spawned)
    }

    /// As this process sees it; 0 if it ended before it was seen.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// What it has written so far.
    pub fn stdout(&self) -> String {
        fs::read_to_string(&self.stdout).unwrap_or_default()
    }

    /// What it has written so far.
    pub fn stderr(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    /// # Errors
    /// When it has ended.
    pub fn signal(&mut self, signal: Signal) -> Result<Stamp> {
        if self.pid == 0 || self.try_status().is_some() {
            return Err(Error::new("a signal for a program that has ended"));
        }
        let at = Stamp::now();
        kill(Pid::from_raw(self.pid), signal).during(signal)?;
        Ok(at)
    }

    /// How it ended, if it has. Death by a signal is reported as such.
    pub fn try_status(&mut self) -> Option<ExitStatus> {
        // nsenter stops itself when its child is stopped, and does not see it continue.
        let enterer = i32::try_from(self.enterer.id()).map(Pid::from_raw);
        let _ = enterer.map(|pid| kill(pid, Signal::SIGCONT));
        self.enterer.try_wait().ok().flatten()
    }

    /// # Errors
    /// When it has not ended within `limit`; it is not killed then.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let mut status = None;
        wait_until(limit, "the end of a program", || {
            status = self.try_status();
            status.is_some()
        })?;
        status.ok_or_else(|| Error::new("its exit status cannot be read"))
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        if self.try_status().is_none() && self.pid != 0 {
            let _ = kill(Pid::from_raw(self.pid), Signal::SIGKILL);
        }
        drop(run::status_within(&mut self.enterer, Duration::from_secs(60)));
    }
}
