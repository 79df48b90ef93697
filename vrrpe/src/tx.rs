//! Adverts out: encoded into a buffer on the stack and sent, to the group or one copy to each
//! peer. This path allocates nothing.

use crate::instance::Instance;
use crate::raw;
use crate::rx::Socket;
use nix::errno::Errno;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsFd;
use vipd_ipc::msg::ADVERT_MAX;
use vrrp_core::{Kind, Transport};

/// Errors: the first of any copy; the other peers still get theirs.
pub(crate) fn send(instance: &Instance, socket: &Socket, kind: Kind) -> Result<(), Errno> {
    let mut buffer = [0; ADVERT_MAX];
    let source = match instance.source {
        Some(IpAddr::V4(source)) => source,
        Some(IpAddr::V6(_)) => return Err(Errno::EAFNOSUPPORT),
        // The kernel chooses, as it would without a choice of ours.
        None => Ipv4Addr::UNSPECIFIED,
    };
    let mut outcome = Ok(());
    let mut copy = |to: &IpAddr| {
        let bytes = instance.router.encode(kind, *to, &mut buffer);
        let sent = match (to, bytes) {
            (IpAddr::V4(to), Some(bytes)) => {
                raw::send(socket.fd.as_fd(), bytes, source, socket.slice.index, *to)
            }
            (IpAddr::V4(_), None) => Err(Errno::EMSGSIZE),
            (IpAddr::V6(_), _) => Err(Errno::EAFNOSUPPORT),
        };
        if outcome.is_ok() {
            outcome = sent;
        }
    };
    match &instance.router.config().transport {
        Transport::Multicast { group } => copy(group),
        Transport::Unicast { peers, .. } => peers.iter().for_each(|peer| copy(&peer.address)),
    }
    outcome
}
