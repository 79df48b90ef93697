//! The raw sockets on which the engine hears and speaks VRRP: opened, bound to their interface,
//! joined to their groups, filtered and locked here, because the engine has no right to change a
//! socket. One per interface and family: every raw socket of a protocol is visited for each packet.

use super::filter::{self, Wanted};
use super::groups;
use nix::sys::socket::{
    ControlMessage, MsgFlags, SockaddrIn, SockaddrIn6, SockaddrLike, sendmsg, setsockopt, sockopt,
};
use socket2::{Domain, Protocol, Socket, Type};
use std::collections::BTreeSet;
use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, OwnedFd};
use vipd_types::{Family, IfName};

/// RFC 3768 5.2.4, RFC 9568 5.1.1.4, 5.1.2.4
const VRRP: i32 = 112;
/// Internetwork Control (CS6), so that adverts survive a full link.
const TRAFFIC_CLASS: u32 = 0xc0;
/// TC_PRIO_CONTROL: the same on our own side of the link.
const PRIORITY: i32 = 7;
/// Room for thousands of adverts; the kernel's default holds 256.
const BUFFER: usize = 1 << 20;
/// RFC 9568 5.2.8: the seventh byte of the message.
const CHECKSUM_AT: i32 = 6;
/// RFC 3768 5.2.3, RFC 9568 5.1.1.3, 5.1.2.3. The engine says so with each packet where it may be
/// another.
const TTL: u32 = 255;

/// The parent keeps its copy for the last will only, and never reads from it.
#[derive(Debug)]
pub(crate) struct Receiver {
    socket: Socket,
    index: u32,
}

/// `groups` are the multicast destinations of the instances on this interface, those of another
/// family not counted. They are joined on `also_join` too: the interface below one with a virtual
/// MAC, whose switch must send them here, and whose address is the source. Of packets that are not
/// `wanted`, one in eight comes.
///
/// # Errors
/// When the interface is not there, a group cannot be joined, or CAP_NET_RAW is missing.
pub(crate) fn open(
    interface: &IfName,
    index: u32,
    family: Family,
    groups: &BTreeSet<IpAddr>,
    also_join: Option<u32>,
    wanted: Wanted<'_>,
) -> io::Result<Receiver> {
    let (domain, filter) = match family {
        Family::V4 => (Domain::IPV4, filter::ipv4(wanted)),
        Family::V6 => (Domain::IPV6, filter::ipv6(wanted)),
    };
    let socket = Socket::new(domain, Type::RAW, Some(Protocol::from(VRRP)))?;
    // The filter comes first: what arrives before it is there stays in the queue.
    socket.attach_filter(&filter)?;
    crate::sys::lock_filter(&socket)?;
    socket.bind_device(Some(interface.as_bytes()))?;
    socket.set_nonblocking(true)?;
    match family {
        Family::V4 => prepare_v4(&socket, index)?,
        Family::V6 => prepare_v6(&socket, index, also_join.is_some())?,
    }
    // After the traffic class, which over IPv4 sets a priority of its own.
    setsockopt(&socket, sockopt::Priority, &PRIORITY)?;
    crate::sys::force_receive_buffer(&socket, BUFFER)?;
    // A down timer runs from when an advert came, not from when the engine has woken up.
    setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
    for index in [index].into_iter().chain(also_join) {
        for group in groups.iter().filter(|group| group.is_ipv4() == (family == Family::V4)) {
            groups::join(&socket, (index, *group))?;
        }
    }
    Ok(Receiver { socket, index })
}

fn prepare_v4(socket: &Socket, index: u32) -> io::Result<()> {
    socket.set_multicast_ttl_v4(TTL)?;
    socket.set_ttl_v4(TTL)?;
    socket.set_tos_v4(TRAFFIC_CLASS)?;
    socket.set_multicast_loop_v4(false)?;
    socket.set_multicast_all_v4(false)?;
    setsockopt(socket, sockopt::Ipv4PacketInfo, &true)?;
    crate::sys::receive_fragment_size(socket, Family::V4)?;
    crate::sys::multicast_interface(socket, index)
}

/// The kernel checks the checksum, so that a flood of wrong ones costs the engine nothing; it counts
/// them by what the kernel says that it has dropped.
fn prepare_v6(socket: &Socket, index: u32, foreign_source: bool) -> io::Result<()> {
    socket.set_multicast_hops_v6(TTL)?;
    socket.set_unicast_hops_v6(TTL)?;
    socket.set_tclass_v6(TRAFFIC_CLASS)?;
    socket.set_multicast_loop_v6(false)?;
    socket.set_multicast_all_v6(false)?;
    setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &true)?;
    socket.set_recv_hoplimit_v6(true)?;
    crate::sys::checksum_at(socket, CHECKSUM_AT)?;
    crate::sys::no_flow_label(socket)?;
    crate::sys::receive_fragment_size(socket, Family::V6)?;
    // The link-local source is an address of the interface below.
    socket.set_freebind_v6(foreign_source)?;
    socket.set_multicast_if_v6(index)
}

impl Receiver {
    /// The engine's copy.
    pub(crate) fn share(&self) -> io::Result<OwnedFd> {
        Ok(self.socket.try_clone()?.into())
    }

    /// Sends what the engine deposited, unread. Without a source of the destination's family the
    /// kernel chooses one.
    ///
    /// # Errors
    /// The kernel's, and `Unsupported` for a destination of the other family.
    pub(crate) fn send(
        &self,
        packet: &[u8],
        source: Option<IpAddr>,
        to: IpAddr,
        ttl: u8,
    ) -> io::Result<()> {
        let ttl = i32::from(ttl);
        match to {
            IpAddr::V4(to) => {
                let source = match source {
                    Some(IpAddr::V4(source)) => source,
                    Some(IpAddr::V6(_)) | None => Ipv4Addr::UNSPECIFIED,
                };
                let info = crate::sys::packet_info(source);
                let control =
                    [ControlMessage::Ipv4PacketInfo(&info), ControlMessage::Ipv4Ttl(&ttl)];
                self.send_to(packet, &control, &SockaddrIn::from(SocketAddrV4::new(to, 0)))
            }
            IpAddr::V6(to) => {
                let source = match source {
                    Some(IpAddr::V6(source)) => source,
                    Some(IpAddr::V4(_)) | None => Ipv6Addr::UNSPECIFIED,
                };
                let info = libc::in6_pktinfo {
                    ipi6_addr: libc::in6_addr { s6_addr: source.octets() },
                    ipi6_ifindex: self.index,
                };
                let control =
                    [ControlMessage::Ipv6PacketInfo(&info), ControlMessage::Ipv6HopLimit(&ttl)];
                let to = SockaddrIn6::from(SocketAddrV6::new(to, 0, 0, self.index));
                self.send_to(packet, &control, &to)
            }
        }
    }

    fn send_to<A: SockaddrLike>(
        &self,
        packet: &[u8],
        control: &[ControlMessage<'_>],
        to: &A,
    ) -> io::Result<()> {
        let parts = [IoSlice::new(packet)];
        sendmsg(self.socket.as_raw_fd(), &parts, control, MsgFlags::MSG_DONTWAIT, Some(to))?;
        Ok(())
    }
}
