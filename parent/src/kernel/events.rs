//! What the kernel tells without being asked: links and addresses that change. On a socket of its
//! own, because an overrun on a shared one could swallow the answer to a request.

use super::messages::{link_state, present};
use super::paths::{self, Gone};
use super::{LinkState, Present, filter};
use nix::errno::Errno;
use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use std::os::fd::{AsRawFd, RawFd};

/// RTNLGRP_LINK (1), RTNLGRP_IPV4_IFADDR (5) and RTNLGRP_IPV6_IFADDR (9) as bits of the bind
/// address.
const GROUPS: u32 = 0b1_0001_0001;
/// RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_ROUTE and RTNLGRP_IPV6_RULE.
const PATHS: [u32; 4] = [7, 8, 11, 19];
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
    /// A route of ours was removed, or replaced by another.
    RouteGone(Gone),
    /// Some rule was removed.
    RuleGone,
    /// Events were lost; whoever cares must look for himself.
    Lost,
}

#[derive(Debug)]
pub(crate) struct Events {
    socket: Socket,
    follows_paths: bool,
}

impl Events {
    pub(crate) fn open() -> std::io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.set_non_blocking(true)?;
        crate::sys::force_receive_buffer(&socket, BUFFER)?;
        socket.bind(&SocketAddr::new(0, GROUPS))?;
        Ok(Self { socket, follows_paths: false })
    }

    /// Also routes and rules from now on. A host with a routing daemon has many thousand events
    /// about them; the kernel lets through what may concern us.
    pub(crate) fn follow_paths(&mut self) -> std::io::Result<()> {
        if self.follows_paths {
            return Ok(());
        }
        socket2::SockRef::from(&self.socket).attach_filter(&filter::route_events())?;
        for group in PATHS {
            self.socket.add_membership(group)?;
        }
        self.follows_paths = true;
        Ok(())
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
    if let RouteNetlinkMessage::DelRule(_) = inner {
        return Some(Change::RuleGone);
    }
    if let Some(gone) = paths::gone(inner) {
        return Some(Change::RouteGone(gone));
    }
    if let Some((index, state)) = link_state(inner) {
        return Some(Change::Link { index, state });
    }
    let gone = matches!(inner, RouteNetlinkMessage::DelAddress(_));
    let change = if gone { Change::Removed } else { Change::Added };
    present(inner).map(change)
}
