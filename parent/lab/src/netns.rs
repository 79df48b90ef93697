//! Work inside another network namespace: a thread of this process enters it and does the work.
//! The calling thread never changes its own namespace.

use crate::error::{Context, Error, Result};
use nix::sched::{CloneFlags, setns};
use std::fs::File;
use std::sync::Arc;
use std::thread;

/// Keeps a network namespace alive for as long as it, or a clone of it, exists.
#[derive(Debug, Clone)]
pub struct NetNs(Arc<File>);

impl NetNs {
    /// The namespace that process `pid` (as this process sees it) lives in.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn of(pid: i32) -> Result<Self> {
        let path = format!("/proc/{pid}/ns/net");
        Ok(Self(Arc::new(File::open(&path).during(path)?)))
    }

    /// Does `work` inside and returns what it returns. Programs started by it are inside, too.
    ///
    /// # Errors
    /// Those of `work`, and when the namespace cannot be entered (not root).
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        thread::scope(|scope| {
            let worker = scope.spawn(|| {
                self.stay()?;
                work()
            });
            worker.join().unwrap_or_else(|_| Err(Error::new("the work in the namespace panicked")))
        })
    }

    /// Moves the calling thread inside for good: for threads made for that.
    ///
    /// # Errors
    /// When the namespace cannot be entered (not root).
    pub fn stay(&self) -> Result<()> {
        setns(&*self.0, CloneFlags::CLONE_NEWNET).during("entering a network namespace")
    }
}
