//! From a plan to a process: fork, shed everything, exec. The only place where this program forks,
//! and it waits for nothing: what goes wrong before exec comes back through a pipe.
#![expect(unsafe_code, reason = "fork and signal dispositions; see SAFETY")]

use crate::book::Plan;
use caps::CapSet;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{
    ForkResult, Pid, chdir, dup2_stderr, dup2_stdin, dup2_stdout, execve, fork, pipe2, setgroups,
    setpgid, setresgid, setresuid, write,
};
use std::convert::Infallible;
use std::ffi::CString;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Descriptors above the standard ones.
const FIRST_OTHER: libc::c_uint = 3;
/// Bytes in the kernel's set of signals.
const MASK_SIZE: libc::size_t = 8;

#[derive(Debug)]
pub(crate) struct Spawned {
    /// Also its process group.
    pub(crate) pid: Pid,
    /// Readable when the process has ended.
    pub(crate) pidfd: OwnedFd,
    /// Holds an errno in four bytes if it never came to exec.
    pub(crate) failure: OwnedFd,
}

/// `null` is /dev/null, open for reading and writing; `output` is where standard output and error
/// go.
pub(crate) fn spawn(plan: &Plan, null: &File, output: impl AsFd) -> Result<Spawned, Errno> {
    let (failure, tell) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
    // SAFETY: this process has one thread, so that the child finds no lock held by another.
    match unsafe { fork() }? {
        ForkResult::Child => {
            let Err(errno) = become_script(plan, null, output.as_fd());
            let _ = write(&tell, &(errno as i32).to_ne_bytes());
            // SAFETY: ends at once, without running what the parent process has registered.
            unsafe { libc::_exit(127) }
        }
        ForkResult::Parent { child } => {
            // Both sides do it, so that the group is there whoever comes first; EACCES after exec.
            let _ = setpgid(child, child);
            match pidfd_open(child) {
                Ok(pidfd) => Ok(Spawned { pid: child, pidfd, failure }),
                Err(errno) => {
                    let _ = nix::sys::signal::kill(child, Signal::SIGKILL);
                    let _ = nix::sys::wait::waitpid(child, None);
                    Err(errno)
                }
            }
        }
    }
}

/// Returns only if it fails. The order matters: capabilities last a uid change only as root, and
/// the parent-death signal does not last it at all.
fn become_script(plan: &Plan, null: &File, output: BorrowedFd<'_>) -> Result<Infallible, Errno> {
    setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    dup2_stdin(null)?;
    dup2_stdout(output)?;
    dup2_stderr(output)?;
    chdir("/")?;
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    if let Some(ids) = &plan.account.ids {
        setgroups(&ids.groups)?;
        setresgid(ids.gid, ids.gid, ids.gid)?;
        setresuid(ids.uid, ids.uid, ids.uid)?;
    }
    if !plan.account.is_root {
        for set in [CapSet::Ambient, CapSet::Effective, CapSet::Permitted, CapSet::Inheritable] {
            caps::clear(None, set).map_err(|_| Errno::EPERM)?;
        }
    }
    prctl::set_no_new_privs()?;
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    default_signals();
    close_others_at_exec()?;
    let failed = execve(&plan.program, &plan.arguments, &plan.environment);
    if failed == Err(Errno::ENOEXEC) {
        // Text without a first line that names its interpreter: the shell's, as everywhere.
        let mut arguments = vec![c"/bin/sh".to_owned(), plan.program.clone()];
        arguments.extend(plan.arguments.iter().skip(1).cloned());
        return execve::<CString, CString>(c"/bin/sh", &arguments, &plan.environment);
    }
    failed
}

/// Nothing ignored, nothing blocked. By system call, because the C library keeps two of the
/// numbers to itself, and these too may have been ignored by whoever started us.
fn default_signals() {
    // Handler SIG_DFL, no flags, no restorer, empty mask.
    let default = [0u64; 4];
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: the kernel reads no more than these 32 bytes and writes nothing. KILL and STOP
        // are refused, and are as they should be anyway.
        unsafe {
            let null = std::ptr::null_mut::<libc::c_void>();
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), null, MASK_SIZE);
        }
    }
    let _ = SigSet::empty().thread_set_mask();
}

fn close_others_at_exec() -> Result<(), Errno> {
    let flags = libc::CLOSE_RANGE_CLOEXEC.cast_signed();
    // SAFETY: marks descriptors, touches no memory; they stay open until exec.
    Errno::result(unsafe { libc::close_range(FIRST_OTHER, libc::c_uint::MAX, flags) }).map(drop)
}

fn pidfd_open(pid: Pid) -> Result<OwnedFd, Errno> {
    let pid = libc::c_long::from(pid.as_raw());
    // SAFETY: two integers in, a descriptor or an error out; no memory is passed.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let raw = RawFd::try_from(Errno::result(result)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}
