//! The things for which no crate offers a safe call that fits: sending a datagram without an
//! allocation, and asking for what a socket has dropped. The only `unsafe` of the engine; no decision
//! is made here.
#![expect(unsafe_code, reason = "the only module that may; each block says why it is sound")]

use nix::errno::Errno;
use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, BorrowedFd};

/// One packet and its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Datagram<'a> {
    pub(crate) bytes: &'a [u8],
    /// Of the family of `to`; an unspecified one leaves the choice to the kernel.
    pub(crate) source: IpAddr,
    pub(crate) to: IpAddr,
    /// The interface it leaves from, which is also the scope of a link-local `to`.
    pub(crate) index: u32,
    /// TTL or Hop Limit, where it is not the socket's.
    pub(crate) ttl: Option<u8>,
}

/// Sends it with one system call. Errors: the kernel's; `EAFNOSUPPORT` for two families.
pub(crate) fn send(socket: BorrowedFd<'_>, datagram: &Datagram<'_>) -> Result<(), Errno> {
    match (datagram.source, datagram.to) {
        (IpAddr::V4(source), IpAddr::V4(to)) => send_v4(socket, datagram, source, to),
        (IpAddr::V6(source), IpAddr::V6(to)) => send_v6(socket, datagram, source, to),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => Err(Errno::EAFNOSUPPORT),
    }
}

/// So many packets the kernel has dropped because their checksum was wrong or there was no room. The
/// number wraps around.
pub(crate) fn dropped(socket: BorrowedFd<'_>) -> Result<u32, Errno> {
    // SK_MEMINFO_DROPS is the last of the numbers that every kernel of today knows.
    const DROPS: usize = 8;
    let mut numbers = [0_u32; DROPS + 1];
    let mut size = libc::socklen_t::try_from(size_of_val(&numbers)).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the kernel writes at most `size` bytes to `numbers`, which has so many.
    let got = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            numbers.as_mut_ptr().cast(),
            &raw mut size,
        )
    };
    Errno::result(got)?;
    Ok(numbers.last().copied().unwrap_or_default())
}

fn send_v4(
    socket: BorrowedFd<'_>,
    datagram: &Datagram<'_>,
    source: Ipv4Addr,
    to: Ipv4Addr,
) -> Result<(), Errno> {
    let in_addr = |address: Ipv4Addr| libc::in_addr { s_addr: u32::from(address).to_be() };
    let name = libc::sockaddr_in {
        sin_family: family(libc::AF_INET)?,
        sin_port: 0,
        sin_addr: in_addr(to),
        sin_zero: [0; 8],
    };
    let info = libc::in_pktinfo {
        ipi_ifindex: libc::c_int::try_from(datagram.index).map_err(|_| Errno::EINVAL)?,
        ipi_spec_dst: in_addr(source),
        ipi_addr: in_addr(Ipv4Addr::UNSPECIFIED),
    };
    let mut control = Control::default();
    control.push(libc::IPPROTO_IP, libc::IP_PKTINFO, info)?;
    if let Some(ttl) = datagram.ttl {
        control.push(libc::IPPROTO_IP, libc::IP_TTL, libc::c_int::from(ttl))?;
    }
    transmit(socket, name, datagram.bytes, control)
}

fn send_v6(
    socket: BorrowedFd<'_>,
    datagram: &Datagram<'_>,
    source: Ipv6Addr,
    to: Ipv6Addr,
) -> Result<(), Errno> {
    let in6_addr = |address: Ipv6Addr| libc::in6_addr { s6_addr: address.octets() };
    let name = libc::sockaddr_in6 {
        sin6_family: family(libc::AF_INET6)?,
        sin6_port: 0,
        sin6_flowinfo: 0,
        sin6_addr: in6_addr(to),
        sin6_scope_id: datagram.index,
    };
    let info = libc::in6_pktinfo { ipi6_addr: in6_addr(source), ipi6_ifindex: datagram.index };
    let mut control = Control::default();
    control.push(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info)?;
    if let Some(ttl) = datagram.ttl {
        control.push(libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT, libc::c_int::from(ttl))?;
    }
    transmit(socket, name, datagram.bytes, control)
}

fn family(number: libc::c_int) -> Result<libc::sa_family_t, Errno> {
    libc::sa_family_t::try_from(number).map_err(|_| Errno::EINVAL)
}

/// Room for an `in6_pktinfo` and a number as ancillary data, aligned as the kernel wants it.
#[repr(C, align(8))]
#[derive(Default)]
struct Control {
    room: [[u8; 32]; 2],
    used: usize,
}

impl Control {
    /// Appends one control message. Errors: `EINVAL` when there is no room.
    fn push<T: Copy>(
        &mut self,
        level: libc::c_int,
        kind: libc::c_int,
        value: T,
    ) -> Result<(), Errno> {
        let size = u32::try_from(size_of::<T>()).map_err(|_| Errno::EINVAL)?;
        // SAFETY: arithmetic on a length only.
        let (space, len) = unsafe { (libc::CMSG_SPACE(size), libc::CMSG_LEN(size)) };
        let space = usize::try_from(space).map_err(|_| Errno::EINVAL)?;
        let end = self.used.saturating_add(space);
        let place = self.room.as_flattened_mut().get_mut(self.used..end).ok_or(Errno::EINVAL)?;
        // SAFETY: `cmsghdr` is plain numbers; on some C libraries with padding that cannot be named.
        let mut header: libc::cmsghdr = unsafe { std::mem::zeroed() };
        header.cmsg_len = len.try_into().map_err(|_| Errno::EINVAL)?;
        header.cmsg_level = level;
        header.cmsg_type = kind;
        let start: *mut libc::cmsghdr = place.as_mut_ptr().cast();
        // SAFETY: `place` is CMSG_SPACE bytes long, which holds the header and, where CMSG_DATA
        // points, a T; both are written without regard to their alignment.
        unsafe {
            start.write_unaligned(header);
            libc::CMSG_DATA(start).cast::<T>().write_unaligned(value);
        }
        self.used = end;
        Ok(())
    }
}

/// `name` is the socket address of the receiver.
fn transmit<N: Copy>(
    socket: BorrowedFd<'_>,
    mut name: N,
    bytes: &[u8],
    mut control: Control,
) -> Result<(), Errno> {
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: `msghdr` is plain pointers and numbers, and all zero is its empty value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_name = (&raw mut name).cast();
    message.msg_namelen = libc::socklen_t::try_from(size_of::<N>()).map_err(|_| Errno::EINVAL)?;
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut control.room).cast();
    message.msg_controllen = control.used;
    // SAFETY: every pointer in `message` points to a local of the stated length that outlives the
    // call, and the kernel only reads them.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_DONTWAIT) };
    Errno::result(sent).map(|_| ())
}
