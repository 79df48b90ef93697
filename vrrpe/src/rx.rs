//! Adverts in: drains the raw sockets, hands each packet to the decoder and then to the router it
//! is for. Whatever is wrong with a packet changes a counter and nothing else.

use crate::instance::Complaints;
use crate::routers::Routers;
use crate::trackers::Trackers;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg};
use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use vipd_ipc::slice::SocketSlice;
use vipd_types::{Instant, SocketId};
use vrrp_core::counters::RxCounters;
use vrrp_core::{Discard, Input, wire};

/// Packets of one socket in one wake-up: a flood must not keep the timers waiting.
const BURST: usize = 64;
/// IP header with all options and the longest advert, and one byte to see that it was longer.
const PACKET_MAX: usize = 60 + wire::MESSAGE_MAX + 1;

/// A raw socket for one interface.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) slice: SocketSlice,
    pub(crate) fd: OwnedFd,
    /// In the present configuration.
    pub(crate) configured: bool,
    /// There may be something to read.
    pub(crate) ready: bool,
    pub(crate) counters: RxCounters,
    pub(crate) complaints: Complaints,
}

impl Socket {
    pub(crate) fn new(slice: SocketSlice, fd: OwnedFd) -> Self {
        let (counters, complaints) = (RxCounters::default(), Complaints::default());
        Self { slice, fd, configured: true, ready: true, counters, complaints }
    }
}

/// The buffers of the receive path, made once.
#[derive(Debug)]
pub(crate) struct Rx {
    packet: [u8; PACKET_MAX],
    control: Vec<u8>,
}

impl Rx {
    pub(crate) fn new() -> Self {
        Self { packet: [0; PACKET_MAX], control: nix::cmsg_space!(libc::in_pktinfo, libc::c_int) }
    }

    /// Reads what has arrived, up to `BURST` packets a socket; `all` also looks at sockets of
    /// which the kernel has said nothing.
    pub(crate) fn drain(
        &mut self,
        routers: &mut Routers,
        all: bool,
        now: Instant,
        trackers: &Trackers,
    ) {
        let mut next = routers.sockets.first_key_value().map(|(id, _)| *id);
        while let Some(id) = next {
            if routers.sockets.get(&id).is_some_and(|socket| all || socket.ready) {
                let more = self.drain_one(routers, id, now, trackers);
                if let Some(socket) = routers.sockets.get_mut(&id) {
                    socket.ready = more;
                }
            }
            let above = (std::ops::Bound::Excluded(id), std::ops::Bound::Unbounded);
            next = routers.sockets.range(above).next().map(|(id, _)| *id);
        }
    }

    /// True when there may be more.
    fn drain_one(
        &mut self,
        routers: &mut Routers,
        id: SocketId,
        now: Instant,
        trackers: &Trackers,
    ) -> bool {
        for _ in 0..BURST {
            let Some(socket) = routers.sockets.get(&id) else { return false };
            let (fd, index) = (socket.fd.as_raw_fd(), socket.slice.index);
            match self.receive(fd, index) {
                Ok(Some(used)) => {
                    let bytes = self.packet.get(..used).unwrap_or(&[]);
                    if let Err(why) = deliver(routers, id, bytes, now, trackers) {
                        routers.dropped(id, why, now);
                    }
                }
                // From another interface, or longer than any advert.
                Ok(None) => routers.dropped(id, Discard::Header, now),
                Err(Errno::EAGAIN) => return false,
                // The interface went down or away; the parent tells what it means.
                Err(_) => return false,
            }
        }
        true
    }

    /// Length of the next packet, `None` for one that cannot be an advert for this socket.
    fn receive(&mut self, fd: RawFd, index: u32) -> Result<Option<usize>, Errno> {
        let mut parts = [IoSliceMut::new(&mut self.packet)];
        let room = Some(self.control.as_mut_slice());
        let got = recvmsg::<SockaddrIn>(fd, &mut parts, room, MsgFlags::MSG_DONTWAIT)?;
        let here = match got.cmsgs() {
            Ok(mut all) => all.all(|one| {
                let ControlMessageOwned::Ipv4PacketInfo(info) = one else { return true };
                u32::try_from(info.ipi_ifindex) == Ok(index)
            }),
            // More was said about the packet than asked for; the header tells what matters.
            Err(_) => true,
        };
        let whole = !got.flags.contains(MsgFlags::MSG_TRUNC);
        Ok((here && whole).then_some(got.bytes))
    }
}

fn deliver(
    routers: &mut Routers,
    socket: SocketId,
    bytes: &[u8],
    now: Instant,
    trackers: &Trackers,
) -> Result<(), Discard> {
    let (meta, message) = wire::ipv4(bytes)?;
    let least_ttl = routers.sockets.get(&socket).map_or(wire::TTL, |at| at.slice.least_ttl);
    let advert = wire::decode(message, meta, least_ttl)?;
    let router = routers.by_vrid.get(&(socket, advert.vrid)).ok_or(Discard::Vrid)?;
    routers.step(*router, Input::Packet(&advert), now, trackers);
    Ok(())
}
