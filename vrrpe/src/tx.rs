//! Adverts out: encoded into a buffer on the stack and sent, to the group or one copy to each
//! peer. This path allocates nothing.

use crate::instance::Instance;
use crate::raw::{self, Datagram};
use crate::rx::Socket;
use nix::errno::Errno;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd;
use vipd_ipc::msg::ADVERT_MAX;
use vrrp_core::{Config, Kind, Transport, wire};

/// The only reason for which a router of a checked configuration cannot encode: the checksum covers
/// the source, and there is none.
const NO_SOURCE: Errno = Errno::EADDRNOTAVAIL;

/// Errors: the first of any copy; the other peers still get theirs.
pub(crate) fn send(instance: &Instance, socket: &Socket, kind: Kind) -> Result<(), Errno> {
    let mut buffer = [0; ADVERT_MAX];
    let mut outcome = Ok(());
    let ttl = ttl(instance.router.config());
    for to in instance.destinations() {
        let sent = send_copy(instance, socket, kind, &mut buffer, to, ttl);
        if outcome.is_ok() {
            outcome = sent;
        }
    }
    outcome
}

/// Where it is not the socket's.
fn ttl(config: &Config) -> Option<u8> {
    match config.transport {
        Transport::Multicast { .. } => None,
        Transport::Unicast { .. } => {
            Some(config.options.unicast_ttl).filter(|ttl| *ttl != wire::TTL)
        }
    }
}

/// The checksum may cover the destination, so each copy is encoded for its own.
fn send_copy(
    instance: &Instance,
    socket: &Socket,
    kind: Kind,
    buffer: &mut [u8],
    to: IpAddr,
    ttl: Option<u8>,
) -> Result<(), Errno> {
    let bytes = instance.router.encode(kind, to, buffer).ok_or(NO_SOURCE)?;
    // The kernel chooses, as it would without a choice of ours.
    let source = instance.source.unwrap_or(match to {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    });
    raw::send(socket.fd.as_fd(), &Datagram { bytes, source, to, index: socket.slice.index, ttl })
}
