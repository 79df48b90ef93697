//! The processes of one node, found in /proc by its process namespace. Must never touch one
//! outside it.

use crate::error::{Context, Error, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// One process, as it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// As this process sees it: for signals and /proc.
    pub pid: i32,
    /// As the node sees it: what its pid files and logs say.
    pub inner_pid: i32,
    /// Parent, as this process sees it.
    pub parent: i32,
    /// At most 15 bytes.
    pub name: String,
    /// `S`, `R`, `T`, `Z`, ...
    pub state: char,
    /// Words joined by blanks; empty for a zombie.
    pub command: String,
}

impl Process {
    /// # Errors
    /// When it is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill(Pid::from_raw(self.pid), signal)
            .during(format_args!("{signal} to {} ({})", self.name, self.pid))
    }

    /// A zombie is dead.
    pub fn alive(&self) -> bool {
        self.state != 'Z' && self.state != 'X'
    }

    /// The processor time it has used, all threads together, in user mode and in the kernel; that
    /// of children it has waited for counts. In steps of 10 ms.
    ///
    /// # Errors
    /// When it is gone.
    pub fn cpu_time(&self) -> Result<Duration> {
        let path = self.proc_dir().join("stat");
        let stat = fs::read_to_string(&path).during(path.display())?;
        let unknown = || Error::new(format!("{}: {stat}", path.display()));
        // The name in brackets may hold anything; the fields after it are counted from the third.
        let (_, fields) = stat.rsplit_once(") ").ok_or_else(unknown)?;
        let times = fields.split_whitespace().skip(14 - 3).take(4);
        let ticks: Option<u64> = times.map(|word| word.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(ticks.ok_or_else(unknown)?.saturating_mul(10)))
    }

    /// Its directory in this process's /proc.
    pub fn proc_dir(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}", self.pid))
    }
}

/// Names the process namespace of `pid`.
pub(crate) fn namespace_of(pid: i32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/pid")).ok()
}

/// All processes of that namespace, zombies included, by number.
pub(crate) fn processes_in(namespace: &PathBuf) -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let mut found: Vec<Process> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| look_at(pid, namespace))
        .collect();
    found.sort_by_key(|process| process.inner_pid);
    found
}

fn look_at(pid: i32, namespace: &PathBuf) -> Option<Process> {
    if namespace_of(pid)? != *namespace {
        return None;
    }
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
    };
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let command = String::from_utf8_lossy(&command).replace('\0', " ");
    Some(Process {
        pid,
        inner_pid: field("NSpid")?.split_whitespace().last()?.parse().ok()?,
        parent: field("PPid")?.parse().ok()?,
        name: field("Name")?.to_owned(),
        state: field("State")?.chars().next()?,
        command: command.trim_end().to_owned(),
    })
}
