//! The raw sockets on which the engine hears and speaks VRRP: opened, bound to their interface,
//! joined to their groups, filtered and locked here, because the engine has no right to change a
//! socket. One per interface and family: every raw socket of a protocol is visited for each packet.

use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrIn, sendmsg};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockFilter, Socket, Type};
use std::collections::BTreeSet;
use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, OwnedFd};
use vipd_types::IfName;

/// RFC 3768 5.2.4, RFC 9568 5.1.1.4
const VRRP: i32 = 112;
/// Internetwork Control (CS6), so that adverts survive a full link.
const TOS: u32 = 0xc0;
/// Room for thousands of adverts; the kernel's default holds 256.
const BUFFER: usize = 1 << 20;

/// The parent keeps its copy for the last will only, and never reads from it.
#[derive(Debug)]
pub(crate) struct Receiver {
    socket: Socket,
}

/// `groups` are the multicast destinations of the instances on this interface.
pub(crate) fn open(
    interface: &IfName,
    index: u32,
    groups: &BTreeSet<Ipv4Addr>,
) -> io::Result<Receiver> {
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(VRRP)))?;
    // The filter comes first: what arrives before it is there stays in the queue.
    socket.attach_filter(&filter())?;
    crate::sys::lock_filter(&socket)?;
    socket.bind_device(Some(interface.as_bytes()))?;
    socket.set_nonblocking(true)?;
    socket.set_multicast_ttl_v4(255)?;
    socket.set_ttl_v4(255)?;
    socket.set_tos_v4(TOS)?;
    socket.set_multicast_loop_v4(false)?;
    socket.set_multicast_all_v4(false)?;
    crate::sys::receive_packet_info(&socket)?;
    crate::sys::force_receive_buffer(&socket, BUFFER)?;
    // The index in this option also chooses the interface of outgoing multicast.
    for group in groups {
        socket.join_multicast_v4_n(group, &InterfaceIndexOrAddress::Index(index))?;
    }
    crate::sys::multicast_interface(&socket, index)?;
    Ok(Receiver { socket })
}

impl Receiver {
    /// The engine's copy.
    pub(crate) fn share(&self) -> io::Result<OwnedFd> {
        Ok(self.socket.try_clone()?.into())
    }

    /// Sends what the engine deposited, unread.
    pub(crate) fn send(&self, packet: &[u8], source: Option<IpAddr>, to: IpAddr) -> io::Result<()> {
        let IpAddr::V4(to) = to else { return Err(io::ErrorKind::Unsupported.into()) };
        let to = SockaddrIn::from(SocketAddrV4::new(to, 0));
        let info = match source {
            Some(IpAddr::V4(source)) => Some(crate::sys::packet_info(source)),
            _ => None,
        };
        let control: Vec<_> = info.iter().map(ControlMessage::Ipv4PacketInfo).collect();
        let parts = [IoSlice::new(packet)];
        sendmsg(self.socket.as_raw_fd(), &parts, &control, MsgFlags::MSG_DONTWAIT, Some(&to))?;
        Ok(())
    }
}

/// Passes every whole VRRP packet of version 2 or 3 with TTL 255. One in eight of the others
/// passes too, so that the engine's counters and log still see what is wrong, at a bounded cost.
/// On an IPv4 raw socket offset 0 is the IP header; its length is not taken for granted.
fn filter() -> Vec<SockFilter> {
    const LD_B_ABS: u16 = 0x30;
    const LD_W_ABS: u16 = 0x20;
    const LD_B_IND: u16 = 0x50;
    const LDX_B_MSH: u16 = 0xb1;
    const JEQ: u16 = 0x15;
    const JSET: u16 = 0x45;
    const AND: u16 = 0x54;
    const RET: u16 = 0x06;
    /// SKF_AD_OFF + SKF_AD_RANDOM
    const RANDOM: u32 = 0xffff_f000 + 56;
    const ALL: u32 = 0xffff;
    vec![
        SockFilter::new(LD_B_ABS, 0, 0, 8),      // 0: TTL
        SockFilter::new(JEQ, 0, 5, 255),         // 1: not 255 -> 7
        SockFilter::new(LDX_B_MSH, 0, 0, 0),     // 2: X = header length
        SockFilter::new(LD_B_IND, 0, 0, 0),      // 3: version and type
        SockFilter::new(JEQ, 1, 0, 0x21),        // 4: version 2 advert -> 6
        SockFilter::new(JEQ, 0, 1, 0x31),        // 5: version 3 advert -> 6, else 7
        SockFilter::new(RET, 0, 0, ALL),         // 6
        SockFilter::new(LD_W_ABS, 0, 0, RANDOM), // 7
        SockFilter::new(AND, 0, 0, 7),           // 8
        SockFilter::new(JSET, 1, 0, 7),          // 9: seven in eight -> 11
        SockFilter::new(RET, 0, 0, ALL),         // 10
        SockFilter::new(RET, 0, 0, 0),           // 11
    ]
}
