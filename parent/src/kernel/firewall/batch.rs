//! A transaction of nf_tables as datagrams: numbered messages between a begin and an end, which the
//! kernel takes as a whole or not at all, and its answers. Knows nothing of rules.

use super::super::errno;
use super::super::netlink::verdict;
use netlink_packet_netfilter::nftables::NfTablesMessage;
use netlink_packet_netfilter::none::ControlMessage;
use netlink_packet_netfilter::{
    NetfilterHeader, NetfilterMessage, NetfilterMessageInner, NetfilterProtoFamily,
};
use nix::errno::Errno;
use rtnetlink::packet_core::{NLM_F_ACK, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use rtnetlink::sys::protocols::NETLINK_NETFILTER;
use rtnetlink::sys::{Socket as Netlink, SocketAddr};

/// NFNL_SUBSYS_NFTABLES, which the begin of a batch names.
const NFTABLES: u16 = 10;

/// The kernel takes a batch as one datagram.
const SEND_BUFFER: usize = 8 << 20;

#[derive(Debug)]
pub(super) struct Batch {
    messages: Vec<NetlinkMessage<NetfilterMessage>>,
    next: u32,
}

/// The first message that the kernel refused, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) at: u32,
    pub(super) errno: Errno,
}

/// Nothing that a message was about.
impl From<Errno> for Refused {
    fn from(errno: Errno) -> Self {
        Self { at: Batch::BEGIN, errno }
    }
}

impl Batch {
    const BEGIN: u32 = 0;
    pub(super) const FIRST: u32 = 1;

    pub(super) fn new() -> Self {
        let mut new = Self { messages: Vec::new(), next: Self::BEGIN };
        new.push(NetfilterProtoFamily::Unspec, NFTABLES, ControlMessage::BatchBegin.into(), 0);
        new
    }

    /// `flags` beyond NLM_F_REQUEST.
    pub(super) fn add(&mut self, message: NfTablesMessage, flags: u16) {
        self.push(NetfilterProtoFamily::Inet, 0, message.into(), flags);
    }

    fn push(
        &mut self,
        family: NetfilterProtoFamily,
        resource: u16,
        inner: NetfilterMessageInner,
        flags: u16,
    ) {
        let header = NetfilterHeader::new(family, 0, resource);
        let mut message = NetlinkMessage::from(NetfilterMessage::new(header, inner));
        message.header.flags = NLM_F_REQUEST | flags;
        message.header.sequence_number = self.next;
        self.next = self.next.saturating_add(1);
        self.messages.push(message);
    }

    /// The bytes, and the number of the message whose acknowledgement comes after the commit.
    fn finish(mut self) -> (Vec<u8>, u32) {
        let mut last = Self::BEGIN;
        if let Some(message) = self.messages.last_mut() {
            message.header.flags |= NLM_F_ACK;
            last = message.header.sequence_number;
        }
        self.push(NetfilterProtoFamily::Unspec, NFTABLES, ControlMessage::BatchEnd.into(), 0);
        let mut bytes = Vec::new();
        for message in &mut self.messages {
            message.finalize();
            let mut one = vec![0; message.buffer_len().next_multiple_of(4)];
            message.serialize(&mut one);
            bytes.extend(one);
        }
        (bytes, last)
    }
}

#[derive(Debug)]
pub(super) struct Socket(Netlink);

impl Socket {
    pub(super) fn open() -> Result<Self, Errno> {
        let socket = Netlink::new(NETLINK_NETFILTER).map_err(|e| errno(&e))?;
        let prepare = || {
            socket.set_non_blocking(true)?;
            // Answers without a copy of the question.
            socket.set_cap_ack(true)?;
            crate::sys::force_send_buffer(&socket, SEND_BUFFER)
        };
        prepare().map_err(|e| errno(&e))?;
        Ok(Self(socket))
    }

    /// The kernel does the work inside the call that sends, and its answers wait when it returns.
    pub(super) fn commit(&mut self, batch: Batch) -> Result<(), Refused> {
        let (bytes, last) = batch.finish();
        self.answers();
        self.0.send_to(&bytes, &SocketAddr::new(0, 0), 0).map_err(|e| errno(&e))?;
        let answers = self.answers();
        if let Some(refused) = answers.iter().find_map(|(_, verdict)| verdict.err()) {
            return Err(refused);
        }
        if answers.iter().any(|(at, _)| *at == last) { Ok(()) } else { Err(Errno::EPROTO.into()) }
    }

    /// All that waits; first what was left from a call that failed half-way.
    fn answers(&mut self) -> Vec<(u32, Result<(), Refused>)> {
        let mut found = Vec::new();
        loop {
            match self.0.recv_from_full() {
                // Port 0 is the kernel; any process may send to a netlink socket.
                Ok((datagram, from)) if from.port_number() == 0 => found.extend(answer(&datagram)),
                Ok(_) => {}
                Err(error) if error.raw_os_error() == Some(Errno::ENOBUFS as i32) => {
                    found.push((Batch::BEGIN, Err(Errno::ENOBUFS.into())));
                }
                Err(_) => return found,
            }
        }
    }
}

fn answer(datagram: &[u8]) -> Option<(u32, Result<(), Refused>)> {
    let message = NetlinkMessage::<NetfilterMessage>::deserialize(datagram).ok()?;
    let at = message.header.sequence_number;
    let NetlinkPayload::Error(error) = message.payload else { return None };
    Some((at, verdict(&error).map_err(|errno| Refused { at, errno })))
}
