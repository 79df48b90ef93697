//! The kernel's addresses and links as netlink tells them: the socket, the dumps and the decoding.
//! Only listens and asks; changes nothing.

use crate::clock::Stamp;
use crate::error::{Context, Error, Result};
use crate::frame::Mac;
use nix::net::if_::if_indextoname;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, sendto,
    setsockopt, socket, sockopt,
};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// An address on an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub interface: String,
    /// The interface's number.
    pub index: u32,
    pub address: IpAddr,
    pub prefix: u8,
    /// Seconds that it will stay; `None` is for ever.
    pub lifetime: Option<u32>,
    /// Who installed it (`ip address ... proto`); 0 if nobody said.
    pub protocol: u8,
    /// `IFA_F_*`: 0x02 is nodad, 0x20 deprecated, 0x40 tentative.
    pub flags: u32,
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

/// An interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub index: u32,
    pub name: String,
    pub mac: Option<Mac>,
    /// As its administrator wants it.
    pub up: bool,
    pub carrier: bool,
    /// A program keeps it without carrier, with its addresses on it: how FRR leaves MASTER.
    pub proto_down: bool,
}

/// What happened to an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkEvent {
    pub at: Stamp,
    /// Else it is gone.
    pub there: bool,
    pub what: Link,
}

/// Either, in the kernel's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Address(Event),
    Link(LinkEvent),
}

const NEW_LINK: u16 = 16;
const DEL_LINK: u16 = 17;
const GET_LINK: u8 = 18;
const NEW_ADDRESS: u16 = 20;
const DEL_ADDRESS: u16 = 21;
const GET_ADDRESS: u8 = 22;
const DONE: u16 = 3;
/// Links, IPv4 and IPv6 addresses: groups 1, 5 and 9.
const GROUPS: u32 = 0x1 | 0x10 | 0x100;

/// A socket that hears every change in the calling thread's network namespace.
pub(crate) fn listener() -> Result<OwnedFd> {
    open(GROUPS)
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

/// The changes that one datagram of a listener tells. For a thread inside the namespace: names of
/// interfaces are looked up.
pub(crate) fn changes(at: Stamp, datagram: &[u8]) -> Vec<Change> {
    let one = |(kind, body)| match kind {
        NEW_ADDRESS | DEL_ADDRESS => {
            let what = address(body)?;
            Some(Change::Address(Event { at, added: kind == NEW_ADDRESS, what }))
        }
        NEW_LINK | DEL_LINK => {
            let what = link(body)?;
            Some(Change::Link(LinkEvent { at, there: kind == NEW_LINK, what }))
        }
        _ => None,
    };
    Messages(datagram).filter_map(one).collect()
}

/// The addresses of the calling thread's network namespace.
pub(crate) fn addresses() -> Result<Vec<Address>> {
    dump(GET_ADDRESS, NEW_ADDRESS, address)
}

/// The links of the calling thread's network namespace.
pub(crate) fn links() -> Result<Vec<Link>> {
    dump(GET_LINK, NEW_LINK, link)
}

fn dump<T>(ask: u8, wanted: u16, decode: impl Fn(&[u8]) -> Option<T>) -> Result<Vec<T>> {
    let socket = open(0)?;
    let mut request = Vec::from(32_u32.to_ne_bytes());
    request.extend([ask, 0]);
    // NLM_F_REQUEST | NLM_F_DUMP, sequence 1, from whom, then an empty ifaddrmsg or ifinfomsg.
    request.extend(0x301_u16.to_ne_bytes());
    request.extend(1_u32.to_ne_bytes());
    request.resize(32, 0);
    let kernel = NetlinkAddr::new(0, 0);
    sendto(socket.as_raw_fd(), &request, &kernel, MsgFlags::empty()).during("netlink dump")?;
    let mut found = Vec::new();
    let mut buffer = vec![0; 65536];
    while readable(&socket, 2000) {
        let length =
            recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty()).during("netlink dump")?;
        for (kind, body) in Messages(buffer.get(..length).unwrap_or_default()) {
            if kind == DONE {
                return Ok(found);
            }
            found.extend((kind == wanted).then(|| decode(body)).flatten());
        }
    }
    Err(Error::new("netlink dump: the kernel does not answer"))
}

pub(crate) fn readable(socket: &OwnedFd, milliseconds: u16) -> bool {
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

/// The attributes of one message: type and value.
struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::from(u16_at(self.0, 0)?);
        let kind = u16_at(self.0, 2)?;
        let value = self.0.get(4..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    }
}

/// One `ifaddrmsg` with its attributes.
fn address(body: &[u8]) -> Option<Address> {
    let (family, prefix, index) = (*body.first()?, *body.get(1)?, u32_at(body, 4)?);
    let mut flags = u32::from(*body.get(2)?);
    let (mut address, mut local, mut lifetime, mut protocol) = (None, None, None, 0);
    for (kind, value) in Attributes(body.get(8..)?) {
        match kind {
            1 => address = ip(family, value),
            2 => local = ip(family, value),
            6 => lifetime = u32_at(value, 4).filter(|valid| *valid != u32::MAX),
            8 => flags = u32_at(value, 0)?,
            11 => protocol = *value.first()?,
            _ => {}
        }
    }
    let name = if_indextoname(index).ok().and_then(|name| name.into_string().ok());
    Some(Address {
        interface: name.unwrap_or_else(|| format!("if{index}")),
        index,
        address: local.or(address)?,
        prefix,
        lifetime,
        protocol,
        flags,
    })
}

/// One `ifinfomsg` with its attributes. `None` for what a bridge says of its ports (a family of
/// its own): their end is not the link's.
fn link(body: &[u8]) -> Option<Link> {
    if *body.first()? != 0 {
        return None;
    }
    let (index, flags) = (u32_at(body, 4)?, u32_at(body, 8)?);
    let (up, carrier) = (flags & 1 != 0, flags & 0x1_0000 != 0);
    let mut link = Link { index, name: String::new(), mac: None, up, carrier, proto_down: false };
    for (kind, value) in Attributes(body.get(16..)?) {
        match kind {
            1 => link.mac = value.first_chunk().map(|six| Mac(*six)),
            3 => link.name = String::from_utf8_lossy(value).trim_end_matches('\0').to_owned(),
            39 => link.proto_down = *value.first()? != 0,
            _ => {}
        }
    }
    Some(link)
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
