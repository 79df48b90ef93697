//! A channel between two processes of vipd: one datagram of a SOCK_SEQPACKET pair is one message.
//! Never blocks; what the kernel does not take waits in a bounded queue. A message may carry one
//! descriptor, but only to a receiver that asks for them: the parent never does.

use crate::codec::{self, CodecError, MESSAGE_MAX};
use crate::msg::Message;
use mio::event::Source;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, UnixAddr, recvmsg, sendmsg};
use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Messages that may wait for a peer that does not read: some for each of the thousands of instances
/// that may have something to say at the same moment.
const QUEUE_MAX: usize = 16_384;

#[derive(Debug)]
pub enum ChanError {
    /// The other process is gone.
    Closed,
    /// It has not read for so long that the queue is full.
    Full,
    /// It broke the rules.
    Codec(CodecError),
    Io(Errno),
}

impl std::fmt::Display for ChanError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed => f.write_str("the other end is closed"),
            Self::Full => f.write_str("the other end does not read"),
            Self::Codec(error) => error.fmt(f),
            Self::Io(errno) => f.write_str(errno.desc()),
        }
    }
}

impl std::error::Error for ChanError {}

impl From<CodecError> for ChanError {
    fn from(error: CodecError) -> Self {
        Self::Codec(error)
    }
}

/// Speaks `Out`, hears `In`.
#[derive(Debug)]
pub struct Chan<Out, In> {
    fd: OwnedFd,
    queue: VecDeque<(Vec<u8>, Option<OwnedFd>)>,
    /// For the one descriptor that may come; made once, so that a heartbeat allocates nothing.
    room: Vec<u8>,
    direction: PhantomData<fn(Out) -> In>,
}

impl<Out: Message, In: Message> Chan<Out, In> {
    pub fn new(fd: OwnedFd) -> Result<Self, ChanError> {
        let flags = fcntl(&fd, FcntlArg::F_GETFL).map_err(ChanError::Io)?;
        let flags = OFlag::from_bits_retain(flags) | OFlag::O_NONBLOCK;
        fcntl(&fd, FcntlArg::F_SETFL(flags)).map_err(ChanError::Io)?;
        let room = nix::cmsg_space!([RawFd; 1]);
        Ok(Self { fd, queue: VecDeque::new(), room, direction: PhantomData })
    }

    /// Sends, or queues behind what already waits.
    pub fn send(&mut self, message: &Out) -> Result<(), ChanError> {
        self.send_with(message, None)
    }

    /// As `send`, with a descriptor of which the receiver gets a copy.
    pub fn send_with(&mut self, message: &Out, with: Option<OwnedFd>) -> Result<(), ChanError> {
        let mut buffer = [0; MESSAGE_MAX];
        let bytes = codec::encode(message, &mut buffer)?;
        if self.flush()? && transmit(&self.fd, bytes, with.as_ref())? {
            return Ok(());
        }
        if self.queue.len() >= QUEUE_MAX {
            return Err(ChanError::Full);
        }
        self.queue.push_back((bytes.to_vec(), with));
        Ok(())
    }

    /// Sends what waits; true when nothing is left. Call when the channel becomes writable.
    pub fn flush(&mut self) -> Result<bool, ChanError> {
        while let Some((bytes, with)) = self.queue.front() {
            if !transmit(&self.fd, bytes, with.as_ref())? {
                return Ok(false);
            }
            self.queue.pop_front();
        }
        Ok(true)
    }

    /// The next message, or `None` when there is none now. A descriptor that somebody attached
    /// is dropped by the kernel because no room is offered for it.
    pub fn recv(&mut self) -> Result<Option<In>, ChanError> {
        let mut buffer = [0; MESSAGE_MAX];
        match receive(&self.fd, &mut buffer, None)? {
            None => Ok(None),
            Some((used, _)) => decode(&buffer, used).map(Some),
        }
    }

    /// As `recv`, for a child: the parent may have attached a descriptor.
    pub fn recv_with(&mut self) -> Result<Option<(In, Option<OwnedFd>)>, ChanError> {
        let mut buffer = [0; MESSAGE_MAX];
        match receive(&self.fd, &mut buffer, Some(&mut self.room[..]))? {
            None => Ok(None),
            Some((used, with)) => Ok(Some((decode(&buffer, used)?, with))),
        }
    }
}

fn decode<M: Message>(buffer: &[u8], used: usize) -> Result<M, ChanError> {
    Ok(codec::decode(buffer.get(..used).unwrap_or(&[]))?)
}

/// True when the kernel took the datagram.
fn transmit(fd: &OwnedFd, bytes: &[u8], with: Option<&OwnedFd>) -> Result<bool, ChanError> {
    let raw = with.map(|fd| [fd.as_raw_fd()]);
    let control: &[ControlMessage<'_>] = match &raw {
        Some(fds) => &[ControlMessage::ScmRights(fds)],
        None => &[],
    };
    let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
    match sendmsg::<UnixAddr>(fd.as_raw_fd(), &[IoSlice::new(bytes)], control, flags, None) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EINTR | Errno::ENOBUFS) => Ok(false),
        Err(Errno::EPIPE | Errno::ECONNRESET) => Err(ChanError::Closed),
        Err(errno) => Err(ChanError::Io(errno)),
    }
}

type Received = Option<(usize, Option<OwnedFd>)>;

fn receive(
    fd: &OwnedFd,
    buffer: &mut [u8],
    room: Option<&mut [u8]>,
) -> Result<Received, ChanError> {
    let mut parts = [IoSliceMut::new(buffer)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC | MsgFlags::MSG_DONTWAIT;
    let takes = room.is_some();
    let got = match recvmsg::<UnixAddr>(fd.as_raw_fd(), &mut parts, room, flags) {
        Ok(got) => got,
        Err(Errno::EAGAIN | Errno::EINTR) => return Ok(None),
        Err(Errno::ECONNRESET) => return Err(ChanError::Closed),
        Err(errno) => return Err(ChanError::Io(errno)),
    };
    if got.bytes == 0 {
        return Err(ChanError::Closed);
    }
    if got.flags.contains(MsgFlags::MSG_TRUNC) {
        return Err(ChanError::Codec(CodecError::TooLong));
    }
    let with = if takes { attached(&got)? } else { None };
    Ok(Some((got.bytes, with)))
}

/// Owns every descriptor that arrived and hands the only legal one on.
#[expect(unsafe_code, reason = "the kernel has just given us these numbers; see SAFETY")]
fn attached(
    got: &nix::sys::socket::RecvMsg<'_, '_, UnixAddr>,
) -> Result<Option<OwnedFd>, ChanError> {
    let mut all = Vec::new();
    for control in got.cmsgs().map_err(ChanError::Io)? {
        if let ControlMessageOwned::ScmRights(fds) = control {
            // SAFETY: SCM_RIGHTS made these descriptors for us a moment ago; nobody else owns them.
            all.extend(fds.into_iter().map(|raw| unsafe { OwnedFd::from_raw_fd(raw) }));
        }
    }
    let one = all.pop();
    if all.is_empty() { Ok(one) } else { Err(ChanError::Codec(CodecError::Surplus)) }
}

impl<Out, In> AsFd for Chan<Out, In> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl<Out, In> Source for Chan<Out, In> {
    fn register(&mut self, r: &Registry, token: Token, i: Interest) -> std::io::Result<()> {
        SourceFd(&self.fd.as_raw_fd()).register(r, token, i)
    }

    fn reregister(&mut self, r: &Registry, token: Token, i: Interest) -> std::io::Result<()> {
        SourceFd(&self.fd.as_raw_fd()).reregister(r, token, i)
    }

    fn deregister(&mut self, r: &Registry) -> std::io::Result<()> {
        SourceFd(&self.fd.as_raw_fd()).deregister(r)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msg::{EngineToParent, ParentToEngine};
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
    use vipd_types::{ClientId, Generation};

    type Parent = Chan<ParentToEngine, EngineToParent>;
    type Engine = Chan<EngineToParent, ParentToEngine>;

    fn pair() -> (Parent, Engine) {
        let kind = (AddressFamily::Unix, SockType::SeqPacket);
        let (a, b) = socketpair(kind.0, kind.1, None, SockFlag::SOCK_CLOEXEC).unwrap();
        (Chan::new(a).unwrap(), Chan::new(b).unwrap())
    }

    #[test]
    fn a_descriptor_arrives_with_its_message() {
        let (mut parent, mut engine) = pair();
        let file = std::fs::File::open("/dev/null").unwrap();
        let client = ParentToEngine::Client { client: ClientId(1), uid: 0, may_act: true };
        parent.send_with(&client, Some(file.into())).unwrap();
        let (message, with) = engine.recv_with().unwrap().unwrap();
        assert_eq!(message, client);
        assert!(with.is_some());
        assert!(engine.recv_with().unwrap().is_none());
    }

    #[test]
    fn a_peer_that_does_not_read_fills_a_bounded_queue_and_loses_nothing() {
        let (mut parent, mut engine) = pair();
        let mut sent = 0u32;
        while parent.send(&ParentToEngine::Begin { generation: Generation(sent) }).is_ok() {
            sent += 1;
        }
        assert!(sent as usize > QUEUE_MAX);
        for expected in 0..sent {
            let message = loop {
                if let Some(message) = engine.recv().unwrap() {
                    break message;
                }
                parent.flush().unwrap();
            };
            assert_eq!(message, ParentToEngine::Begin { generation: Generation(expected) });
        }
    }

    #[test]
    fn a_dead_peer_is_closed_on_both_sides() {
        let (mut parent, engine) = pair();
        drop(engine);
        assert!(matches!(parent.recv(), Err(ChanError::Closed)));
        assert!(matches!(parent.send(&ParentToEngine::Stop), Err(ChanError::Closed)));
    }
}
