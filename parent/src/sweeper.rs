//! A process that does one thing: when the daemon ends, however it ends, it removes the pid files.
//! The parent cannot, because their folder is not its own once it has given up its rights. It hears
//! nothing but the end of a pipe, and may call nothing but what it takes to remove these names.

use crate::launch::fork_for;
use crate::pidfile::PidFile;
use crate::sys;
use caps::{CapSet, Capability, CapsHashSet};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat};
use nix::sys::prctl::{set_dumpable, set_name, set_no_new_privs};
use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
use nix::sys::stat::{FileStat, Mode, fstat, fstatat};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, UnlinkatFlags, pipe2, read, unlinkat};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};
use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

/// How long the daemon waits for its files to go.
const LIMIT: Duration = Duration::from_secs(1);

/// With the reason for each. Memory was got before; nothing is written anywhere.
const ALLOWED: &[(libc::c_long, &str)] = &[
    (libc::SYS_read, "waits for the end of the pipe"),
    (libc::SYS_restart_syscall, "goes on waiting after a stop"),
    (libc::SYS_newfstatat, "whether the name is still our file's"),
    (libc::SYS_unlinkat, "removes the name"),
    (libc::SYS_exit_group, "ends"),
];

#[derive(Debug)]
pub(crate) struct Sweeper {
    pipe: OwnedFd,
    pid: Pid,
}

/// A name to remove, if it is still this file's.
struct Mess {
    folder: OwnedFd,
    name: CString,
    is: FileStat,
}

impl Sweeper {
    pub(crate) fn start(files: &[&PidFile]) -> io::Result<Self> {
        let (theirs, pipe) = pipe2(OFlag::O_CLOEXEC)?;
        let all = files.iter().map(|file| mess(file)).collect::<io::Result<Vec<_>>>()?;
        let filter = program().map_err(io::Error::other)?;
        // The files themselves stay open: their locks shall hold until the names are gone.
        let mut keep: Vec<_> = files.iter().map(|file| file.file.as_raw_fd()).collect();
        keep.extend(all.iter().map(|one| one.folder.as_raw_fd()));
        keep.push(theirs.as_raw_fd());
        let pid = fork_for(|| {
            sys::close_all_but(&mut keep);
            if confine(&filter).is_none() {
                return 1;
            }
            loop {
                match read(&theirs, &mut [0]) {
                    Ok(0) => break sweep(&all),
                    Ok(_) | Err(Errno::EINTR) => {}
                    Err(_) => return 1,
                }
            }
            0
        })?;
        Ok(Self { pipe, pid })
    }

    /// Lets it do its work and waits for it.
    pub(crate) fn finish(self) {
        drop(self.pipe);
        let end = Instant::now().checked_add(LIMIT);
        while matches!(waitpid(self.pid, Some(WaitPidFlag::WNOHANG)), Ok(WaitStatus::StillAlive))
            && end.is_some_and(|end| Instant::now() < end)
        {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn mess(file: &PidFile) -> io::Result<Mess> {
    let (Some(folder), Some(name)) = (file.path.parent(), file.path.file_name()) else {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    };
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let folder = openat(AT_FDCWD, folder, flags, Mode::empty())?;
    Ok(Mess { folder, name: CString::new(name.as_bytes())?, is: fstat(&file.file)? })
}

fn sweep(all: &[Mess]) {
    for one in all {
        let there = fstatat(&one.folder, one.name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW);
        let is_ours =
            |there: FileStat| (there.st_dev, there.st_ino) == (one.is.st_dev, one.is.st_ino);
        if there.is_ok_and(is_ours) {
            let _ = unlinkat(&one.folder, one.name.as_c_str(), UnlinkatFlags::NoRemoveDir);
        }
    }
}

/// Gives up everything but the right to remove a name from somebody's folder. `None` if it cannot:
/// then it must not go on.
fn confine(filter: &BpfProgram) -> Option<()> {
    let _ = set_name(c"vipd-sweeper");
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None).ok()?;
    let held = caps::read(None, CapSet::Permitted).ok()?;
    let wanted = CapsHashSet::from([Capability::CAP_DAC_OVERRIDE]);
    let kept: CapsHashSet = held.intersection(&wanted).copied().collect();
    if held.contains(&Capability::CAP_SETPCAP) {
        for one in caps::all().difference(&kept) {
            caps::drop(None, CapSet::Bounding, *one).ok()?;
        }
    }
    caps::clear(None, CapSet::Ambient).ok()?;
    caps::clear(None, CapSet::Inheritable).ok()?;
    for set in [CapSet::Effective, CapSet::Permitted, CapSet::Effective] {
        caps::set(None, set, &kept).ok()?;
    }
    set_no_new_privs().ok()?;
    set_dumpable(false).ok()?;
    seccompiler::apply_filter(filter).ok()
}

fn program() -> Result<BpfProgram, String> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|e| e.to_string())?;
    let rules = ALLOWED.iter().map(|(number, _)| (*number, Vec::new())).collect();
    let (otherwise, allowed) = (SeccompAction::KillProcess, SeccompAction::Allow);
    let filter = SeccompFilter::new(rules, otherwise, allowed, arch).map_err(|e| e.to_string())?;
    filter.try_into().map_err(|e: seccompiler::BackendError| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_allowed_call_has_a_reason() {
        assert!(ALLOWED.iter().all(|(_, reason)| !reason.is_empty()));
        assert!(program().is_ok());
    }
}
