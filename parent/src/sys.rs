//! System calls for which no crate offers a safe one. The only unsafe code of this package beside
//! the moment between fork and exec in `spawn`.
#![expect(unsafe_code, reason = "see the module comment; each use has its SAFETY line")]

use nix::sys::signal::SigSet;
use nix::sys::socket::{LinkAddr, SockaddrLike};
use std::ffi::c_int;
use std::io;
use std::mem::size_of;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use vipd_types::Family;

fn set<T>(socket: &impl AsRawFd, level: c_int, option: c_int, value: &T) -> io::Result<()> {
    let length = u32::try_from(size_of::<T>()).map_err(io::Error::other)?;
    let place: *const T = value;
    // SAFETY: the kernel reads `length` bytes from a live value of that size and keeps nothing.
    let result =
        unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, place.cast(), length) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// From now on nobody can detach or exchange the socket's filter, whatever his rights.
pub(crate) fn lock_filter(socket: &impl AsRawFd) -> io::Result<()> {
    set::<c_int>(socket, libc::SOL_SOCKET, libc::SO_LOCK_FILTER, &1)
}

/// Beyond net.core.rmem_max; without the right to do so, up to it.
pub(crate) fn force_receive_buffer(socket: &impl AsRawFd, bytes: usize) -> io::Result<()> {
    let bytes = c_int::try_from(bytes).map_err(io::Error::other)?;
    set(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &bytes)
        .or_else(|_| set(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, &bytes))
}

/// Beyond net.core.wmem_max; without the right to do so, up to it.
pub(crate) fn force_send_buffer(socket: &impl AsRawFd, bytes: usize) -> io::Result<()> {
    let bytes = c_int::try_from(bytes).map_err(io::Error::other)?;
    set(socket, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, &bytes)
        .or_else(|_| set(socket, libc::SOL_SOCKET, libc::SO_SNDBUF, &bytes))
}

/// A datagram that came in fragments comes with the size of the largest one.
pub(crate) fn receive_fragment_size(socket: &impl AsRawFd, family: Family) -> io::Result<()> {
    match family {
        Family::V4 => set::<c_int>(socket, libc::IPPROTO_IP, libc::IP_RECVFRAGSIZE, &1),
        Family::V6 => set::<c_int>(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVFRAGSIZE, &1),
    }
}

/// The kernel fills in and checks the checksum that begins at this byte (RFC 3542 3.1).
pub(crate) fn checksum_at(socket: &impl AsRawFd, offset: c_int) -> io::Result<()> {
    set(socket, libc::IPPROTO_IPV6, libc::IPV6_CHECKSUM, &offset)
}

/// The flow label of what is sent is 0, not one that the kernel thinks of.
pub(crate) fn no_flow_label(socket: &impl AsRawFd) -> io::Result<()> {
    set::<c_int>(socket, libc::IPPROTO_IPV6, libc::IPV6_AUTOFLOWLABEL, &0)
}

/// Where multicast leaves.
pub(crate) fn multicast_interface(socket: &impl AsRawFd, index: u32) -> io::Result<()> {
    let any = libc::in_addr { s_addr: 0 };
    let request = libc::ip_mreqn {
        imr_multiaddr: any,
        imr_address: any,
        imr_ifindex: c_int::try_from(index).map_err(io::Error::other)?,
    };
    set(socket, libc::IPPROTO_IP, libc::IP_MULTICAST_IF, &request)
}

/// Chooses the source address of one datagram.
pub(crate) fn packet_info(source: Ipv4Addr) -> libc::in_pktinfo {
    libc::in_pktinfo {
        ipi_ifindex: 0,
        ipi_spec_dst: libc::in_addr { s_addr: u32::from(source).to_be() },
        ipi_addr: libc::in_addr { s_addr: 0 },
    }
}

pub(crate) fn link_address(raw: &libc::sockaddr_ll) -> Option<LinkAddr> {
    let place: *const libc::sockaddr_ll = raw;
    let length = u32::try_from(size_of::<libc::sockaddr_ll>()).ok()?;
    // SAFETY: `place` is a live sockaddr_ll and `length` is its size; nix copies it.
    unsafe { LinkAddr::from_raw(place.cast(), Some(length)) }
}

/// Takes a descriptor that a system call has just returned.
pub(crate) fn own(raw: c_int) -> OwnedFd {
    // SAFETY: callers pass what accept4 or the like gave them a moment ago; nobody else owns it.
    unsafe { OwnedFd::from_raw_fd(raw) }
}

/// Closes everything but the standard streams; before anything of ours is open.
pub(crate) fn close_inherited() {
    // SAFETY: runs first in `main`: no descriptor above 2 belongs to anyone in this process.
    let _ = unsafe { libc::close_range(3, u32::MAX, 0) };
}

/// Closes every descriptor of this process but these.
pub(crate) fn close_all_but(keep: &mut [c_int]) {
    keep.sort_unstable();
    let mut from = 0_u32;
    for fd in keep.iter().filter_map(|fd| u32::try_from(*fd).ok()) {
        if let Some(last) = fd.checked_sub(1).filter(|last| *last >= from) {
            // SAFETY: the caller is a process that goes on with the descriptors in `keep` only.
            let _ = unsafe { libc::close_range(from, last, 0) };
        }
        from = fd.saturating_add(1);
    }
    // SAFETY: as above.
    let _ = unsafe { libc::close_range(from, u32::MAX, 0) };
}

/// Adds real-time signals, for which nix has no names, to a set.
pub(crate) fn add_signals(set: &SigSet, numbers: &[c_int]) -> SigSet {
    let mut raw = *set.as_ref();
    for number in numbers {
        // SAFETY: changes a live set of our own; a number that is no signal changes nothing.
        let _ = unsafe { libc::sigaddset(&raw mut raw, *number) };
    }
    // SAFETY: it was a valid set, and sigaddset keeps it one.
    unsafe { SigSet::from_sigset_t_unchecked(raw) }
}

/// The clock on the wall, in the host's time zone.
pub(crate) fn local_time(seconds: i64) -> Option<libc::tm> {
    let mut parts = std::mem::MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: reads a live number and fills the struct behind the pointer, or returns null.
    let found = unsafe { libc::localtime_r(&raw const seconds, parts.as_mut_ptr()) };
    // SAFETY: all bytes zero is a valid tm, and localtime_r has filled it besides.
    (!found.is_null()).then(|| unsafe { parts.assume_init() })
}

/// Does this process have a real-time schedule?
pub(crate) fn is_realtime(pid: nix::unistd::Pid) -> bool {
    // SAFETY: asks the kernel about a process by number.
    let policy = unsafe { libc::sched_getscheduler(pid.as_raw()) };
    policy & !libc::SCHED_RESET_ON_FORK == libc::SCHED_RR
}
