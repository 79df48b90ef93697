//! Witness of a node's addresses: the kernel's own events, with their time. Only listens and asks;
//! changes nothing.

use crate::clock::{self, Stamp};
use crate::error::{Context, Error, Result};
use crate::netns::NetNs;
use crate::witness::be_punctual;
use nix::errno::Errno;
use nix::net::if_::if_indextoname;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, sendto,
    setsockopt, socket, sockopt,
};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// An address on an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub interface: String,
    pub address: IpAddr,
    pub prefix: u8,
    /// Seconds that it will stay; `None` is for ever.
    pub lifetime: Option<u32>,
    /// Who installed it (`ip address ... proto`); 0 if nobody said.
    pub protocol: u8,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} on {}", self.address, self.prefix, self.interface)?;
        self.lifetime.map_or(Ok(()), |seconds| write!(f, " for {seconds} s"))
    }
}

/// What happened to an address. A renewed lifetime is an addition of one that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub at: Stamp,
    /// Else removed.
    pub added: bool,
    pub what: Address,
}

/// Listens until it is stopped or dropped; starts with the addresses that are there.
#[derive(Debug)]
pub struct AddressWatch {
    namespace: Option<NetNs>,
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Seen {
    events: Vec<Event>,
    lost: bool,
}

const NEW: u16 = 20;
const DEL: u16 = 21;
const GET: u8 = 22;
const DONE: u16 = 3;
/// IPv4 and IPv6 addresses: groups 5 and 9.
const GROUPS: u32 = 0x10 | 0x100;

impl AddressWatch {
    /// # Errors
    /// When the namespace or the socket cannot be opened.
    pub fn start(namespace: &NetNs) -> Result<Self> {
        let (seen, stop) = (Arc::<Mutex<Seen>>::default(), Arc::<AtomicBool>::default());
        let (socket, there) = namespace.enter(|| Ok((open(GROUPS)?, dump()?)))?;
        let at = Stamp::now();
        let first = there.into_iter().map(|what| Event { at, added: true, what });
        seen.lock().unwrap_or_else(PoisonError::into_inner).events.extend(first);
        let (inside, to, until) = (namespace.clone(), Arc::clone(&seen), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            // Interface names are looked up by the thread, so it must be inside.
            if inside.stay().is_ok() {
                be_punctual();
                listen(&socket, &to, &until);
            }
        });
        Ok(Self { namespace: Some(namespace.clone()), seen, stop, thread: Some(thread) })
    }

    /// Everything so far, oldest first.
    pub fn events(&self) -> Vec<Event> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).events.clone()
    }

    /// The kernel could not deliver all events: the list has a gap.
    pub fn lost_events(&self) -> bool {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).lost
    }

    /// Asks the kernel.
    ///
    /// # Errors
    /// When the watch was stopped, or the kernel does not answer.
    pub fn addresses_now(&self) -> Result<Vec<Address>> {
        let namespace = self.namespace.as_ref();
        namespace.ok_or_else(|| Error::new("the node is off"))?.enter(dump)
    }

    /// Whether `address` is there, by the events so far.
    pub fn holds(&self, address: IpAddr) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.events
            .iter()
            .rev()
            .find(|event| event.what.address == address)
            .is_some_and(|e| e.added)
    }

    /// The first time at or after `since` that `address` was there.
    pub fn held_since(&self, since: Stamp, address: IpAddr) -> Option<Stamp> {
        let held = crate::owner::holdings(&self.events(), address, None);
        held.iter().find(|window| window.to > since).map(|window| window.from.max(since))
    }

    /// Ends the witness and lets go of the namespace; what was seen stays.
    pub fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
        self.namespace = None;
    }
}

impl Drop for AddressWatch {
    fn drop(&mut self) {
        self.stop();
    }
}

fn open(groups: u32) -> Result<OwnedFd> {
    let protocol = SockProtocol::NetlinkRoute;
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket =
        socket(AddressFamily::Netlink, SockType::Raw, flags, protocol).during("netlink socket")?;
    let _ = setsockopt(&socket, sockopt::RcvBufForce, &(8 << 20));
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, groups)).during("netlink socket")?;
    Ok(socket)
}

fn listen(socket: &OwnedFd, to: &Mutex<Seen>, until: &AtomicBool) {
    let mut buffer = vec![0; 65536];
    while !until.load(Ordering::Relaxed) {
        if !readable(socket, 50) {
            continue;
        }
        let result = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty());
        let at = Stamp::now();
        let mut seen = to.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(length) => {
                let messages = Messages(buffer.get(..length).unwrap_or_default());
                seen.events.extend(messages.filter_map(|(kind, body)| {
                    let what = (kind == NEW || kind == DEL).then(|| decode(body)).flatten()?;
                    Some(Event { at, added: kind == NEW, what })
                }));
            }
            Err(Errno::ENOBUFS) => seen.lost = true,
            Err(_) => {}
        }
        drop(seen);
        clock::ring();
    }
}

/// The addresses of the calling thread's network namespace.
fn dump() -> Result<Vec<Address>> {
    let socket = open(0)?;
    let mut request = Vec::from(24_u32.to_ne_bytes());
    request.extend([GET, 0]);
    // NLM_F_REQUEST | NLM_F_DUMP, sequence 1, from whom, then an empty ifaddrmsg.
    request.extend(0x301_u16.to_ne_bytes());
    request.extend(1_u32.to_ne_bytes());
    request.resize(24, 0);
    let kernel = NetlinkAddr::new(0, 0);
    sendto(socket.as_raw_fd(), &request, &kernel, MsgFlags::empty()).during("address dump")?;
    let mut found = Vec::new();
    let mut buffer = vec![0; 65536];
    while readable(&socket, 2000) {
        let length =
            recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty()).during("address dump")?;
        for (kind, body) in Messages(buffer.get(..length).unwrap_or_default()) {
            match kind {
                DONE => return Ok(found),
                NEW => found.extend(decode(body)),
                _ => {}
            }
        }
    }
    Err(Error::new("address dump: the kernel does not answer"))
}

fn readable(socket: &OwnedFd, milliseconds: u16) -> bool {
    let mut wanted = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    poll(&mut wanted, milliseconds).is_ok_and(|ready| ready > 0)
}

/// The messages of one datagram: type and body.
struct Messages<'a>(&'a [u8]);

impl<'a> Iterator for Messages<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::try_from(u32_at(self.0, 0)?).ok()?;
        let kind = u16_at(self.0, 4)?;
        let body = self.0.get(16..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, body))
    }
}

/// One `ifaddrmsg` with its attributes.
fn decode(body: &[u8]) -> Option<Address> {
    let (family, prefix, index) = (*body.first()?, *body.get(1)?, u32_at(body, 4)?);
    let (mut address, mut local, mut lifetime, mut protocol) = (None, None, None, 0);
    let mut rest = body.get(8..)?;
    while let Some(length) = u16_at(rest, 0).map(usize::from).filter(|length| *length >= 4) {
        let value = rest.get(4..length)?;
        match u16_at(rest, 2)? {
            1 => address = ip(family, value),
            2 => local = ip(family, value),
            6 => lifetime = u32_at(value, 4).filter(|valid| *valid != u32::MAX),
            11 => protocol = *value.first()?,
            _ => {}
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    let name = if_indextoname(index).ok().and_then(|name| name.into_string().ok());
    Some(Address {
        interface: name.unwrap_or_else(|| format!("if{index}")),
        address: local.or(address)?,
        prefix,
        lifetime,
        protocol,
    })
}

fn ip(family: u8, value: &[u8]) -> Option<IpAddr> {
    match family {
        2 => value.first_chunk().map(|bytes: &[u8; 4]| Ipv4Addr::from(*bytes).into()),
        _ => value.first_chunk().map(|bytes: &[u8; 16]| Ipv6Addr::from(*bytes).into()),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}
