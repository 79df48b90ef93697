//! Gratuitous ARP frames: the broadcast request form that keepalived sends, sender and target both
//! the address. The socket receives nothing.

use super::Address;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, LinkAddr, MsgFlags, SockFlag, SockType, sendto, socket};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsRawFd, OwnedFd};

const BROADCAST: [u8; 6] = [0xff; 6];
const FRAME: usize = 42;

#[derive(Debug)]
pub(super) struct Announcer {
    socket: OwnedFd,
}

impl Announcer {
    pub(super) fn open() -> Result<Self, Errno> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        // Protocol 0: nothing is ever delivered to this socket.
        let socket = socket(AddressFamily::Packet, SockType::Raw, flags, None)?;
        Ok(Self { socket })
    }

    pub(super) fn announce(&self, address: &Address, mac: [u8; 6]) -> Result<(), Errno> {
        let IpAddr::V4(ip) = address.ip else { return Err(Errno::EAFNOSUPPORT) };
        let to = destination(address.index)?;
        sendto(self.socket.as_raw_fd(), &arp(mac, ip), &to, MsgFlags::MSG_DONTWAIT)?;
        Ok(())
    }
}

fn destination(index: u32) -> Result<LinkAddr, Errno> {
    let raw = libc::sockaddr_ll {
        sll_family: u16::try_from(libc::AF_PACKET).map_err(|_| Errno::EINVAL)?,
        sll_protocol: u16::try_from(libc::ETH_P_ARP).map_err(|_| Errno::EINVAL)?.to_be(),
        sll_ifindex: i32::try_from(index).map_err(|_| Errno::ENODEV)?,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 6,
        sll_addr: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0],
    };
    crate::sys::link_address(&raw).ok_or(Errno::EINVAL)
}

fn arp(mac: [u8; 6], ip: Ipv4Addr) -> [u8; FRAME] {
    // Ethernet type ARP; hardware Ethernet, protocol IPv4, lengths 6 and 4, operation request.
    const HEADER: [u8; 10] = [0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1];
    let parts: [&[u8]; 7] =
        [&BROADCAST, &mac, &HEADER, &mac, &ip.octets(), &BROADCAST, &ip.octets()];
    let mut frame = [0; FRAME];
    for (place, byte) in frame.iter_mut().zip(parts.into_iter().flatten()) {
        *place = *byte;
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_is_keepalived_form() {
        let frame = arp([0, 0, 0x5e, 0, 1, 0x33], Ipv4Addr::new(192, 0, 2, 1));
        let hex: String = frame.iter().map(|b| format!("{b:02x}")).collect();
        let expected = "ffffffffffff00005e0001330806000108000604000100005e000133c0000201\
                        ffffffffffffc0000201";
        assert_eq!(hex, expected);
    }
}
