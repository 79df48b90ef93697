//! Adverts out: encoded into a buffer on the stack and sent, to the group or one copy to each
//! peer. This path allocates nothing.

use crate::instance::Instance;
use crate::raw::{self, Datagram};
use crate::rx::Socket;
use nix::errno::Errno;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd;
use vipd_ipc::msg::ADVERT_MAX;
use vrrp_core::{Kind, Transport};

/// What the parent has set on the socket.
const TTL: u8 = 255;

/// Errors: the first of any copy; the other peers still get theirs.
pub(crate) fn send(instance: &Instance, socket: &Socket, kind: Kind) -> Result<(), Errno> {
    let mut buffer = [0; ADVERT_MAX];
    let mut outcome = Ok(());
    let mut copy = |to: IpAddr, ttl: Option<u8>| {
        let sent = send_copy(instance, socket, kind, &mut buffer, to, ttl);
        if outcome.is_ok() {
            outcome = sent;
        }
    };
    let config = instance.router.config();
    match &config.transport {
        Transport::Multicast { group } => copy(*group, None),
        Transport::Unicast { peers, .. } => {
            let ttl = Some(config.options.unicast_ttl).filter(|ttl| *ttl != TTL);
            peers.iter().for_each(|peer| copy(peer.address, ttl));
        }
    }
    outcome
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
    let bytes = instance.router.encode(kind, to, buffer).ok_or(Errno::EMSGSIZE)?;
    // The kernel chooses, as it would without a choice of ours.
    let source = instance.source.unwrap_or(match to {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    });
    raw::send(socket.fd.as_fd(), &Datagram { bytes, source, to, index: socket.slice.index, ttl })
}
