//! The process that keeps namespaces alive: a shell that waits on a pipe from us. When we close the
//! pipe or die in whatever way, it ends, and with it everything in its process namespace.

use crate::clock::wait_until;
use crate::error::{Context, Error, Result};
use crate::netns::NetNs;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

#[derive(Debug)]
pub struct Holder {
    unshare: Child,
    /// The shell, as this process sees it; in its own process namespace it is number 1.
    init: i32,
    net: NetNs,
}

/// Reading from the pipe is all the shell does; while it does, it reaps orphans as an init must.
const HOLD: &str = "echo ready\nwhile read -r _; do :; done\nexit 0\n";

impl Holder {
    /// Starts `setup` (shell text, run with `set -eu`) in new namespaces named by the options of
    /// unshare(1) in `kinds`, with `arguments` as `$1`... Returns when it has run.
    ///
    /// # Errors
    /// When a namespace cannot be made or the script fails: with what it wrote.
    pub fn start(kinds: &[&str], setup: &str, arguments: &[&str]) -> Result<Self> {
        let mut unshare = Command::new("unshare")
            .args(kinds)
            .args(["--fork", "--kill-child=SIGKILL", "--", "bash", "-c"])
            .arg(format!("set -eu\nexec 2>&1\n{setup}\n{HOLD}"))
            .arg("vipd-lab")
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .during("unshare")?;
        match Self::when_ready(&mut unshare) {
            Ok((init, net)) => Ok(Self { unshare, init, net }),
            Err(error) => {
                drop(unshare.stdin.take());
                drop(unshare.kill());
                drop(unshare.wait());
                let mut said = String::new();
                if let Some(mut stderr) = unshare.stderr.take() {
                    drop(stderr.read_to_string(&mut said));
                }
                Err(Error::new(format!("{error} {}", said.trim())))
            }
        }
    }

    fn when_ready(unshare: &mut Child) -> Result<(i32, NetNs)> {
        let stdout = unshare.stdout.take().ok_or_else(|| Error::new("unshare: no output"))?;
        let mut said = String::new();
        // The scripts are short and end; their end closes the pipe.
        for line in BufReader::new(stdout).lines() {
            let line = line.during("output of unshare")?;
            if line == "ready" {
                let init = only_child(unshare.id())
                    .ok_or_else(|| Error::new("unshare has no child to hold the namespaces"))?;
                return Ok((init, NetNs::of(init)?));
            }
            said.push_str(&line);
            said.push('\n');
        }
        Err(Error::new(format!("cannot make namespaces (root is needed): {}", said.trim())))
    }

    /// The init process, as this process sees it.
    pub fn init(&self) -> i32 {
        self.init
    }

    pub fn net(&self) -> &NetNs {
        &self.net
    }

    /// Kills the init and with it everything in its process namespace; returns when it is gone.
    pub fn kill(&mut self) {
        let _ = kill(Pid::from_raw(self.init), Signal::SIGKILL);
        let unshare = &mut self.unshare;
        let gone = wait_until(Duration::from_secs(60), "the end of a namespace", || {
            !matches!(unshare.try_wait(), Ok(None))
        });
        if gone.is_err() {
            drop(self.unshare.kill());
            drop(self.unshare.wait());
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The child of `pid`, if it has exactly one.
pub(crate) fn only_child(pid: u32) -> Option<i32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    let mut words = children.split_whitespace();
    let child = words.next()?.parse().ok()?;
    words.next().is_none().then_some(child)
}
