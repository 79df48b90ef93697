//! Drives rtnetlink without an async run time: its socket is non-blocking, its futures are polled
//! here until they are done. The kernel answers an address request while it takes it, so this
//! returns at once; a limit keeps the parent from ever hanging on it.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rtnetlink::packet_core::NetlinkMessage;
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::proto::Connection;
use rtnetlink::sys::{AsyncSocket, Socket, SocketAddr};
use std::future::Future;
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// Longest wait for the kernel. The rtnl lock was seen held for 64 ms.
const LIMIT: Duration = Duration::from_millis(500);

/// A netlink socket that says Pending where others would wait.
#[derive(Debug)]
pub(super) struct PolledSocket(Socket);

fn polled<T>(result: io::Result<T>) -> Poll<io::Result<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
        other => Poll::Ready(other),
    }
}

impl AsyncSocket for PolledSocket {
    fn socket_ref(&self) -> &Socket {
        &self.0
    }

    fn socket_mut(&mut self) -> &mut Socket {
        &mut self.0
    }

    fn new(protocol: isize) -> io::Result<Self> {
        let socket = Socket::new(protocol)?;
        socket.set_non_blocking(true)?;
        Ok(Self(socket))
    }

    fn poll_send(&self, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        polled(self.0.send(buf, 0))
    }

    fn poll_send_to(
        &self,
        _: &mut Context<'_>,
        buf: &[u8],
        addr: &SocketAddr,
    ) -> Poll<io::Result<usize>> {
        polled(self.0.send_to(buf, addr, 0))
    }

    fn poll_recv<B: bytes::BufMut>(
        &self,
        _: &mut Context<'_>,
        buf: &mut B,
    ) -> Poll<io::Result<()>> {
        polled(self.0.recv(buf, 0).map(|_| ()))
    }

    fn poll_recv_from<B: bytes::BufMut>(
        &self,
        _: &mut Context<'_>,
        buf: &mut B,
    ) -> Poll<io::Result<SocketAddr>> {
        polled(self.0.recv_from(buf, 0).map(|(_, address)| address))
    }

    fn poll_recv_from_full(&self, _: &mut Context<'_>) -> Poll<io::Result<(Vec<u8>, SocketAddr)>> {
        polled(self.0.recv_from_full())
    }
}

#[derive(Debug, Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(super) type Route = Connection<RouteNetlinkMessage, PolledSocket>;
pub(super) type RouteMessage = NetlinkMessage<RouteNetlinkMessage>;

pub(super) struct Driver {
    connection: Pin<Box<Route>>,
    flag: Arc<Flag>,
}

impl Driver {
    pub(super) fn new(connection: Route) -> Self {
        Self { connection: Box::pin(connection), flag: Arc::default() }
    }

    /// Runs a request to its end. rtnetlink takes the end of the connection for success, so that
    /// is an error of its own here.
    pub(super) fn run<F: Future>(&mut self, request: F) -> Result<F::Output, Errno> {
        let mut request = pin!(request);
        let waker = Waker::from(self.flag.clone());
        let mut context = Context::from_waker(&waker);
        let end = Instant::now().checked_add(LIMIT).ok_or(Errno::ETIMEDOUT)?;
        loop {
            self.flag.0.store(false, Ordering::Relaxed);
            if self.connection.as_mut().poll(&mut context).is_ready() {
                return Err(Errno::ENOTCONN);
            }
            if let Poll::Ready(answer) = request.as_mut().poll(&mut context) {
                return Ok(answer);
            }
            if !self.flag.0.load(Ordering::Relaxed) {
                self.wait(end)?;
            }
        }
    }

    fn wait(&mut self, end: Instant) -> Result<(), Errno> {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Errno::ETIMEDOUT);
        }
        let socket = self.connection.socket_mut();
        let mut set = [PollFd::new(socket.socket_ref().as_fd(), PollFlags::POLLIN)];
        poll(&mut set, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX))?;
        Ok(())
    }
}
