//! The two calls on descriptors that no crate offers safely: owning what the parent left open for
//! us, and opening a pidfd. Nothing else may be unsafe in this program.
#![expect(unsafe_code, reason = "descriptor numbers from the parent and the kernel; see SAFETY")]

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Owns the descriptor that the parent placed at `raw`. To be called once per number, at start.
pub(crate) fn inherited(raw: RawFd) -> Result<OwnedFd, Errno> {
    // SAFETY: only borrowed for one call, which reports EBADF if nothing is open there.
    let borrowed = unsafe { BorrowedFd::borrow_raw(raw) };
    fcntl(borrowed, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    // SAFETY: it is open, the parent made it for us, and nobody else in this process owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// A descriptor that becomes readable when process `pid` is dead.
pub(crate) fn pidfd_open(pid: i32) -> Result<OwnedFd, Errno> {
    // SAFETY: two integers in, a descriptor or an error out; no memory is passed.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_open, libc::c_long::from(pid), 0) };
    let raw = Errno::result(result)?;
    let raw = RawFd::try_from(raw).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}
