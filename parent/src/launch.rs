//! Into the background, as daemons go: the caller waits until the daemon is ready or has failed, and
//! takes over its exit code, so that a start that fails is seen by whoever started it.
#![expect(unsafe_code, reason = "fork")]

use nix::fcntl::OFlag;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, pipe2, read, setsid, write};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

/// Writing to it, or its end, tells the process in the foreground how the start went.
#[derive(Debug)]
pub(crate) struct Foreground(Option<OwnedFd>);

impl Foreground {
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// Somebody waits for the start, and for the end of what the daemon inherited from him.
    pub(crate) fn is_waiting(&self) -> bool {
        self.0.is_some()
    }

    /// The daemon serves; the foreground may go, and standard error with it.
    pub(crate) fn release(&mut self) {
        if let Some(pipe) = self.0.take() {
            let _ = write(&pipe, b"1");
            if let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
                let _ = nix::unistd::dup2_stdin(&null);
                let _ = nix::unistd::dup2_stdout(&null);
                let _ = nix::unistd::dup2_stderr(&null);
            }
        }
    }
}

/// Returns in the background only; the foreground exits here.
pub(crate) fn to_background() -> io::Result<Foreground> {
    let (report, ready) = pipe2(OFlag::O_CLOEXEC)?;
    // SAFETY: this process has one thread.
    match unsafe { fork() }? {
        ForkResult::Child => {
            setsid()?;
            std::env::set_current_dir("/")?;
            Ok(Foreground(Some(ready)))
        }
        ForkResult::Parent { child } => {
            drop(ready);
            let started = matches!(read(&report, &mut [0]), Ok(1));
            let code = match started {
                true => 0,
                false => match waitpid(child, None) {
                    Ok(WaitStatus::Exited(_, code)) => code,
                    _ => 1,
                },
            };
            std::process::exit(code)
        }
    }
}

/// Makes a process that does `work` and no more: nothing of its parent's is cleaned up in it.
pub(crate) fn fork_for(work: impl FnOnce() -> i32) -> io::Result<Pid> {
    // SAFETY: this process has one thread.
    match unsafe { fork() }? {
        ForkResult::Child => {
            let code = work();
            // SAFETY: ends the process; no handler of the parent may run in its child.
            unsafe { libc::_exit(code) }
        }
        ForkResult::Parent { child } => Ok(child),
    }
}
