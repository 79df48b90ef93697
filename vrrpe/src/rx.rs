//! Adverts in: drains the raw sockets, hands each packet to the decoder and then to the router it
//! is for. Whatever is wrong with a packet changes a counter and nothing else.

use crate::instance::Complaints;
use crate::raw;
use crate::routers::Routers;
use crate::trackers::Trackers;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn6, recvmsg};
use nix::sys::time::TimeSpec;
use std::io::IoSliceMut;
use std::net::{IpAddr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;
use vipd_ipc::clock;
use vipd_ipc::slice::SocketSlice;
use vipd_types::{Family, Instant, SocketId};
use vrrp_core::counters::RxCounters;
use vrrp_core::{Discard, Input, Meta, wire};

/// Packets of one socket in one wake-up: a flood must not keep the timers waiting.
const BURST: usize = 64;
/// More than the queue of a socket holds.
const QUEUE: usize = 64 * BURST;
/// An advert that waited longer was held up with the whole process: then nobody knows what else
/// was, and it counts from now.
const WAITED: Duration = Duration::from_millis(10);
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
    /// What the kernel has said that it dropped.
    pub(crate) dropped: u32,
    pub(crate) complaints: Complaints,
    /// When the last packet came that was read.
    last: Option<TimeSpec>,
    /// What came until then was read from the descriptor before this one, which heard the same.
    /// Forgotten as soon as nothing waits any more: the wall clock may be set.
    heard_until: Option<TimeSpec>,
}

impl Socket {
    pub(crate) fn new(slice: SocketSlice, fd: OwnedFd) -> Self {
        Self {
            slice,
            fd,
            configured: true,
            ready: true,
            counters: RxCounters::default(),
            dropped: 0,
            complaints: Complaints::default(),
            last: None,
            heard_until: None,
        }
    }

    /// Another descriptor for the same routers. Both have heard since it was opened: what was read
    /// from the old one is not acted on again.
    pub(crate) fn renew(&mut self, slice: SocketSlice, fd: OwnedFd) {
        self.dropped = raw::dropped(fd.as_fd()).unwrap_or(0);
        self.heard_until = self.last;
        (self.slice, self.fd, self.configured, self.ready) = (slice, fd, true, true);
    }

    /// The kernel gives the copies of a packet one stamp.
    fn has_heard(&mut self, stamp: Option<TimeSpec>) -> bool {
        self.last = stamp.or(self.last);
        stamp.is_some() && stamp <= self.heard_until
    }
}

/// The buffers of the receive path, made once.
#[derive(Debug)]
pub(crate) struct Rx {
    packet: [u8; PACKET_MAX],
    control: Vec<u8>,
}

/// What has arrived, beside the bytes in the buffer.
struct Arrived {
    used: usize,
    /// `None` where the bytes begin with an IPv4 header, which tells it.
    meta: Option<Meta>,
    at: Instant,
}

/// What the kernel tells of a packet beside its bytes.
#[derive(Default)]
struct Told {
    used: usize,
    /// It was longer than the buffer.
    cut: bool,
    /// Over IPv6.
    source: Option<Ipv6Addr>,
    index: Option<u32>,
    destination: Option<Ipv6Addr>,
    hop_limit: Option<u8>,
    reassembled: bool,
    stamp: Option<TimeSpec>,
}

impl Rx {
    pub(crate) fn new() -> Self {
        // Twice what is asked for: a packet of which not all is told is dropped.
        let control =
            nix::cmsg_space!([libc::in6_pktinfo; 2], [libc::timespec; 2], [libc::c_int; 8]);
        Self { packet: [0; PACKET_MAX], control }
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
            let Some(socket) = routers.sockets.get_mut(&id) else { return false };
            // An error: the interface went down or away; the parent tells what it means.
            let Ok(arrived) = self.receive(socket, now) else {
                socket.heard_until = None;
                return false;
            };
            let Some(arrived) = arrived else { continue };
            let outcome = arrived.and_then(|Arrived { used, meta, at }| {
                let bytes = self.packet.get(..used).unwrap_or(&[]);
                let (meta, message) = meta.map_or_else(|| wire::ipv4(bytes), |m| Ok((m, bytes)))?;
                deliver(routers, id, message, meta, at, trackers)
            });
            if let Err(why) = outcome {
                routers.dropped(id, why, now);
            }
        }
        true
    }

    /// All that waits in a socket whose descriptor is about to be replaced.
    pub(crate) fn drain_last(
        &mut self,
        routers: &mut Routers,
        id: SocketId,
        now: Instant,
        trackers: &Trackers,
    ) {
        for _ in 0..QUEUE / BURST {
            if !self.drain_one(routers, id, now, trackers) {
                return;
            }
        }
    }

    /// The next packet; `None` if it has been read before. Errors: `EAGAIN` when there is none.
    fn receive(
        &mut self,
        socket: &mut Socket,
        now: Instant,
    ) -> Result<Option<Result<Arrived, Discard>>, Errno> {
        let mut parts = [IoSliceMut::new(&mut self.packet)];
        let room = Some(self.control.as_mut_slice());
        let fd = socket.fd.as_raw_fd();
        let got = recvmsg::<SockaddrIn6>(fd, &mut parts, room, MsgFlags::MSG_DONTWAIT)?;
        let told = Told {
            used: got.bytes,
            cut: got.flags.contains(MsgFlags::MSG_TRUNC),
            source: got.address.map(|from| from.ip()),
            ..Told::default()
        };
        let Ok(told) = got.cmsgs().map(|all| all.fold(told, Told::and)) else {
            return Ok(Some(Err(Discard::Header)));
        };
        let is_new = !socket.has_heard(told.stamp);
        Ok(is_new.then(|| told.arrived(&socket.slice, now)))
    }
}

impl Told {
    fn and(mut self, one: ControlMessageOwned) -> Self {
        if let ControlMessageOwned::Ipv4PacketInfo(info) = one {
            self.index = u32::try_from(info.ipi_ifindex).ok();
        } else if let ControlMessageOwned::Ipv6PacketInfo(info) = one {
            self.index = Some(info.ipi6_ifindex);
            self.destination = Some(info.ipi6_addr.s6_addr.into());
        } else if let ControlMessageOwned::Ipv6HopLimit(limit) = one {
            self.hop_limit = u8::try_from(limit).ok();
        } else if let ControlMessageOwned::ScmTimestampns(stamp) = one {
            self.stamp = Some(stamp);
        } else if let ControlMessageOwned::Unknown(other) = one {
            // Of a packet that came in pieces: the size of the largest.
            let what = (other.cmsg_header.cmsg_level, other.cmsg_header.cmsg_type);
            self.reassembled |= what == (libc::IPPROTO_IP, libc::IP_RECVFRAGSIZE)
                || what == (libc::IPPROTO_IPV6, libc::IPV6_RECVFRAGSIZE);
        }
        self
    }

    fn arrived(&self, slice: &SocketSlice, now: Instant) -> Result<Arrived, Discard> {
        // From another interface, or longer than any advert.
        if self.index != Some(slice.index) || self.cut {
            return Err(Discard::Header);
        }
        if self.reassembled {
            return Err(Discard::Fragment);
        }
        let meta = match slice.family {
            Family::V4 => None,
            Family::V6 => Some(self.meta().ok_or(Discard::Header)?),
        };
        // The time in which this process woke up is not the sender's.
        let at = self.stamp.map_or(now, |stamp| clock::arrival(stamp, now, WAITED));
        Ok(Arrived { used: self.used, meta, at })
    }

    /// An IPv6 socket gives the payload only. The scope of an address is the socket's interface.
    fn meta(&self) -> Option<Meta> {
        Some(Meta {
            source: IpAddr::V6(self.source?),
            destination: IpAddr::V6(self.destination?),
            ttl: self.hop_limit?,
        })
    }
}

fn deliver(
    routers: &mut Routers,
    socket: SocketId,
    message: &[u8],
    meta: Meta,
    now: Instant,
    trackers: &Trackers,
) -> Result<(), Discard> {
    let least_ttl = routers.sockets.get(&socket).map_or(wire::TTL, |at| at.slice.least_ttl);
    let advert = wire::decode(message, meta, least_ttl)?;
    let router = routers.by_vrid.get(&(socket, advert.vrid)).ok_or(Discard::Vrid)?;
    routers.step(*router, Input::Packet(&advert), now, trackers);
    Ok(())
}
