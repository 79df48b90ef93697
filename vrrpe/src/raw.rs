//! The one thing for which no crate offers a safe call that fits: sending a datagram without an
//! allocation. The only `unsafe` of the engine; no decision is made here.
#![expect(unsafe_code, reason = "the only module that may; each block says why it is sound")]

use nix::errno::Errno;
use std::mem::size_of;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Room for one `in_pktinfo` as ancillary data, aligned as the kernel wants it.
#[repr(C)]
struct Control {
    header: libc::cmsghdr,
    info: libc::in_pktinfo,
}

/// Sends `bytes` as one datagram to `to`, from `source`, out of the interface with `index`.
pub(crate) fn send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    source: Ipv4Addr,
    index: u32,
    to: Ipv4Addr,
) -> Result<(), Errno> {
    let in_addr = |address: Ipv4Addr| libc::in_addr { s_addr: u32::from(address).to_be() };
    let mut name = libc::sockaddr_in {
        sin_family: libc::sa_family_t::try_from(libc::AF_INET).map_err(|_| Errno::EINVAL)?,
        sin_port: 0,
        sin_addr: in_addr(to),
        sin_zero: [0; 8],
    };
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: `cmsghdr` is plain numbers; on some C libraries with padding that cannot be named.
    let mut header: libc::cmsghdr = unsafe { std::mem::zeroed() };
    // SAFETY: arithmetic on a length only.
    header.cmsg_len = unsafe {
        libc::CMSG_LEN(u32::try_from(size_of::<libc::in_pktinfo>()).map_err(|_| Errno::EINVAL)?)
    }
    .try_into()
    .map_err(|_| Errno::EINVAL)?;
    header.cmsg_level = libc::IPPROTO_IP;
    header.cmsg_type = libc::IP_PKTINFO;
    let info = libc::in_pktinfo {
        ipi_ifindex: libc::c_int::try_from(index).map_err(|_| Errno::EINVAL)?,
        ipi_spec_dst: in_addr(source),
        ipi_addr: in_addr(Ipv4Addr::UNSPECIFIED),
    };
    let mut control = Control { header, info };
    // SAFETY: `msghdr` is plain pointers and numbers, and all zero is its empty value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_name = (&raw mut name).cast();
    message.msg_namelen =
        libc::socklen_t::try_from(size_of::<libc::sockaddr_in>()).map_err(|_| Errno::EINVAL)?;
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut control).cast();
    message.msg_controllen = size_of::<Control>();
    // SAFETY: every pointer in `message` points to a local of the stated length that outlives the
    // call, and the kernel only reads them.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_DONTWAIT) };
    Errno::result(sent).map(|_| ())
}
