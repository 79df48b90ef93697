//! What the kernel tells without being asked: links and addresses that change. On a socket of its
//! own, because an overrun on a shared one could swallow the answer to a request.

use super::messages::{link_state, present};
use super::{LinkState, Present};
use nix::errno::Errno;
use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use std::os::fd::{AsRawFd, RawFd};

/// RTNLGRP_LINK (1), RTNLGRP_IPV4_IFADDR (5) and RTNLGRP_IPV6_IFADDR (9) as bits of the bind
/// address.
const GROUPS: u32 = 0b1_0001_0001;
const BUFFER: usize = 1 << 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    Link {
        index: u32,
        state: LinkState,
    },
    LinkGone {
        index: u32,
    },
    Added(Present),
    Removed(Present),
    /// Events were lost; whoever cares must look for himself.
    Lost,
}

#[derive(Debug)]
pub(crate) struct Events {
    socket: Socket,
}

impl Events {
    pub(crate) fn open() -> std::io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.set_non_blocking(true)?;
        crate::sys::force_receive_buffer(&socket, BUFFER)?;
        socket.bind(&SocketAddr::new(0, GROUPS))?;
        Ok(Self { socket })
    }

    /// All that has happened since the last call.
    pub(crate) fn read(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        loop {
            match self.socket.recv_from_full() {
                // Port 0 is the kernel; any process may send to a netlink socket.
                Ok((datagram, from)) if from.port_number() == 0 => parse(&datagram, &mut changes),
                Ok(_) => {}
                Err(error) if error.raw_os_error() == Some(Errno::ENOBUFS as i32) => {
                    changes.push(Change::Lost);
                }
                Err(_) => return changes,
            }
        }
    }
}

impl AsRawFd for Events {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

fn parse(datagram: &[u8], changes: &mut Vec<Change>) {
    let mut rest = datagram;
    while let Some(length) = rest.first_chunk::<4>().map(|b| u32::from_ne_bytes(*b)) {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some(one) = rest.get(..length).filter(|one| one.len() >= 16) else { return };
        if let Ok(message) = NetlinkMessage::<RouteNetlinkMessage>::deserialize(one) {
            changes.extend(change(&message));
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or(&[]);
    }
}

fn change(message: &NetlinkMessage<RouteNetlinkMessage>) -> Option<Change> {
    let NetlinkPayload::InnerMessage(inner) = &message.payload else { return None };
    if let RouteNetlinkMessage::DelLink(link) = inner {
        return Some(Change::LinkGone { index: link.header.index });
    }
    if let Some((index, state)) = link_state(inner) {
        return Some(Change::Link { index, state });
    }
    let gone = matches!(inner, RouteNetlinkMessage::DelAddress(_));
    let change = if gone { Change::Removed } else { Change::Added };
    present(inner).map(change)
}
