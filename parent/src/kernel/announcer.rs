//! The packet socket that announces addresses. It receives nothing, and sends nothing but the
//! frames of `frame`.

use super::frame::{advertisement, arp};
use super::{Announcement, errno};
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, LinkAddr, MsgFlags, SockFlag, SockType, sendto, socket};
use std::ffi::c_int;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};

/// Room for more frames than the queue of one interface holds, so that an interface that is stuck
/// does not keep the others from sending.
const BUFFER: usize = 4 << 20;

#[derive(Debug)]
pub(super) struct Announcer {
    socket: OwnedFd,
}

impl Announcer {
    pub(super) fn open() -> Result<Self, Errno> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        // Protocol 0: nothing is ever delivered to this socket.
        let socket = socket(AddressFamily::Packet, SockType::Raw, flags, None)?;
        crate::sys::force_send_buffer(&socket, BUFFER).map_err(|e| errno(&e))?;
        Ok(Self { socket })
    }

    /// `mac` is where the neighbours shall find the address.
    pub(super) fn announce(&self, what: &Announcement, mac: [u8; 6]) -> Result<(), Errno> {
        match what.ip {
            IpAddr::V4(ip) => self.send(what.index, libc::ETH_P_ARP, &arp(mac, ip)),
            IpAddr::V6(ip) => self.send(what.index, libc::ETH_P_IPV6, &advertisement(mac, ip)),
        }
    }

    fn send(&self, index: u32, protocol: c_int, frame: &[u8]) -> Result<(), Errno> {
        let to = interface(index, protocol)?;
        sendto(self.socket.as_raw_fd(), frame, &to, MsgFlags::MSG_DONTWAIT)?;
        Ok(())
    }
}

/// The frame has its own destination; the kernel wants the interface and, for its filters and
/// queues, the protocol.
fn interface(index: u32, protocol: c_int) -> Result<LinkAddr, Errno> {
    let raw = libc::sockaddr_ll {
        sll_family: u16::try_from(libc::AF_PACKET).map_err(|_| Errno::EINVAL)?,
        sll_protocol: u16::try_from(protocol).map_err(|_| Errno::EINVAL)?.to_be(),
        sll_ifindex: i32::try_from(index).map_err(|_| Errno::ENODEV)?,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    crate::sys::link_address(&raw).ok_or(Errno::EINVAL)
}
