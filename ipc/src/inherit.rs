//! Owning the descriptors that the parent left open for a process that it started. Nothing else is
//! done with numbers of descriptors.
#![expect(unsafe_code, reason = "descriptor numbers from the parent; see SAFETY")]

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Owns the descriptor that the parent placed at `raw`. To be called once per number, at start.
/// Errors: EBADF if nothing is open there.
pub fn inherited(raw: RawFd) -> Result<OwnedFd, Errno> {
    // SAFETY: only borrowed for one call, which reports EBADF if nothing is open there.
    let borrowed = unsafe { BorrowedFd::borrow_raw(raw) };
    fcntl(borrowed, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    // SAFETY: it is open, the parent made it for us, and nobody else in this process owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}
