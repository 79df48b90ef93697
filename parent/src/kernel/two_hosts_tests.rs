//! Two hosts for the tests of this folder: network namespaces with one cable between them, and a
//! witness that sees each frame that comes out of it at the far end. Touches nothing of the real
//! host, and both are gone when it is dropped.
#![cfg(test)]

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, LinkAddr, SockFlag, SockProtocol, SockType, recvfrom, setsockopt, socket,
    sockopt,
};
use socket2::{Domain, Protocol, Socket, Type};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Mutex;
use std::time::Duration;
use vipd_lab::holder::Holder;
use vipd_lab::run::tool;
use vipd_lab::wait_until;

pub(super) const LIMIT: Duration = Duration::from_secs(10);

/// Their own addresses; 10.9.8.0/24 and fd09::/64 are the network.
pub(super) const NEAR: Ipv4Addr = Ipv4Addr::new(10, 9, 8, 1);
pub(super) const NEAR6: Ipv6Addr = Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 1);

/// `base`, index 10, is the near host's interface; `$1` is a process of the far one.
const SETUP: &str = "\
ip link set lo up
for key in default all; do echo 0 > /proc/sys/net/ipv6/conf/$key/accept_dad; done
ip link add base index 10 type veth peer name far index 20 netns $1
ip link set base address 02:00:00:00:00:01 up
ip addr add 10.9.8.1/24 dev base
ip addr add fd09::1/64 dev base
";

const SETUP_FAR: &str = "\
ip link set lo up
for key in default all; do echo 0 > /proc/sys/net/ipv6/conf/$key/accept_dad; done
";

/// The MAC of `base`.
pub(super) const PHYSICAL: [u8; 6] = [2, 0, 0, 0, 0, 1];

pub(super) struct Hosts {
    near: Holder,
    far: Holder,
    witness: OwnedFd,
    seen: Mutex<Vec<Frame>>,
}

impl Hosts {
    pub(super) fn new() -> Self {
        let far = Holder::start(&["--net"], SETUP_FAR, &[]).unwrap();
        let near = Holder::start(&["--net"], SETUP, &[&far.init().to_string()]).unwrap();
        let witness = far.net().enter(|| Ok(open_witness())).unwrap();
        let hosts = Self { near, far, witness, seen: Mutex::default() };
        hosts.far(|| {
            ip("link set far up");
            ip("addr add 10.9.8.2/24 dev far");
            ip("addr add fd09::2/64 dev far");
        });
        hosts.near(|| wait_ready("base"));
        hosts.far(|| wait_ready("far"));
        hosts
    }

    /// Does `work` on the near host.
    pub(super) fn near<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.near.net().enter(|| Ok(work())).unwrap()
    }

    pub(super) fn far<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.far.net().enter(|| Ok(work())).unwrap()
    }

    /// What the far host was sent so far.
    pub(super) fn frames(&self) -> Vec<Frame> {
        let mut seen = self.seen.lock().unwrap();
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = recvfrom::<LinkAddr>(self.witness.as_raw_fd(), &mut buffer) {
            if from.is_some_and(|from| from.pkttype() != OUTGOING && from.ifindex() == 20) {
                seen.push(Frame(buffer[..length].to_vec()));
            }
        }
        seen.clone()
    }

    pub(super) fn forget(&self) {
        self.frames();
        self.seen.lock().unwrap().clear();
    }

    pub(super) fn wait_frame(&self, what: &str, wanted: impl Fn(&Frame) -> bool) -> Frame {
        let mut found = None;
        let waited = wait_until(LIMIT, what, || {
            found = self.frames().into_iter().find(&wanted);
            found.is_some()
        });
        if waited.is_err() {
            let all: Vec<_> = self.frames().iter().map(Frame::describe).collect();
            panic!("{waited:?}; there came {all:#?}");
        }
        found.unwrap()
    }

    /// The far host asks anew who has `address`, and gets its answer: ARP, or a neighbour advertisement.
    pub(super) fn resolve(&self, address: IpAddr) -> Frame {
        self.far(|| {
            ip(&format!("neigh flush to {address}"));
            echo(address);
        });
        let frame = self.wait_frame(&format!("the neighbour {address}"), |frame| match address {
            IpAddr::V4(ip) => frame.arp_reply() == Some(ip),
            IpAddr::V6(ip) => frame.advertisement() == Some(ip),
        });
        let known = || self.far(|| ip(&format!("neigh show {address}")).contains("lladdr"));
        wait_until(LIMIT, "the entry of the neighbour", known).unwrap();
        frame
    }

    /// The far host sends a ping, the start of a TCP connection and a datagram to `address`, and
    /// all of it has been dealt with when this returns.
    pub(super) fn knock(&self, address: IpAddr) {
        self.resolve(address);
        self.far(|| {
            echo(address);
            let domain = Domain::for_address(SocketAddr::new(address, 0));
            let tcp = Socket::new(domain, Type::STREAM, None).unwrap();
            tcp.set_nonblocking(true).unwrap();
            let started = tcp.connect(&SocketAddr::new(address, 81).into()).unwrap_err();
            assert_eq!(started.raw_os_error(), Some(Errno::EINPROGRESS as i32), "{started}");
            let udp = Socket::new(domain, Type::DGRAM, None).unwrap();
            udp.send_to(b"x", &SocketAddr::new(address, 82).into()).unwrap();
        });
        self.settle();
    }

    /// The near host has dealt with everything that was sent to it before: it answers a ping to an
    /// address of its own, and cables and hosts keep the order.
    pub(super) fn settle(&self) {
        for own in [IpAddr::from(NEAR), IpAddr::from(NEAR6)] {
            let is_reply = |frame: &Frame| frame.is_echo_reply() && frame.source() == Some(own);
            let replies = || self.frames().iter().filter(|frame| is_reply(frame)).count();
            let before = replies();
            self.far(|| echo(own));
            wait_until(LIMIT, "the answer of the host", || replies() > before).unwrap();
        }
    }
}

/// Without a link-local address there is no IPv6 yet.
fn wait_ready(interface: &str) {
    let show = format!("addr show {interface}");
    let is_ready = |shown: String| shown.contains("state UP") && shown.contains("fe80");
    wait_until(LIMIT, "a link that is ready", || is_ready(ip(&show))).unwrap();
}

/// PACKET_OUTGOING
const OUTGOING: u8 = 4;

fn open_witness() -> OwnedFd {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthAll).unwrap();
    setsockopt(&socket, sockopt::RcvBufForce, &(16 << 20)).unwrap();
    socket
}

pub(super) fn ip(arguments: &str) -> String {
    tool("ip", &arguments.split_whitespace().collect::<Vec<_>>(), "").unwrap()
}

pub(super) fn nft(text: &str) -> String {
    tool("nft", &text.split_whitespace().collect::<Vec<_>>(), "").unwrap()
}

/// One ping from the namespace of the caller.
pub(super) fn echo(to: IpAddr) {
    let (domain, protocol, packet) = match to {
        // Type 8 with its checksum; the kernel computes that of ICMPv6.
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4, [8, 0, 0xf7, 0xff, 0, 0, 0, 0]),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6, [128, 0, 0, 0, 0, 0, 0, 0]),
    };
    let socket = Socket::new(domain, Type::RAW, Some(protocol)).unwrap();
    socket.send_to(&packet, &SocketAddr::new(to, 0).into()).unwrap();
}

/// An Ethernet frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame(pub(super) Vec<u8>);

impl Frame {
    pub(super) fn from(&self) -> [u8; 6] {
        self.0[6..12].try_into().unwrap()
    }

    fn kind(&self) -> u16 {
        u16::from_be_bytes([self.0[12], self.0[13]])
    }

    /// Of an IP packet.
    pub(super) fn source(&self) -> Option<IpAddr> {
        let at = |place: std::ops::Range<usize>| self.0.get(place);
        match self.kind() {
            0x0800 => Some(<[u8; 4]>::try_from(at(26..30)?).ok()?.into()),
            0x86dd => Some(<[u8; 16]>::try_from(at(22..38)?).ok()?.into()),
            _ => None,
        }
    }

    /// Of an IP packet: its protocol, behind hop-by-hop options, and the first byte of that.
    pub(super) fn protocol(&self) -> Option<(u8, u8)> {
        let (protocol, body) = match self.kind() {
            0x0800 => {
                let words = usize::from(self.0.get(14)? & 15);
                (*self.0.get(23)?, self.0.get(14..)?.chunks(4).nth(words)?)
            }
            0x86dd if *self.0.get(20)? == 0 => {
                let more = usize::from(*self.0.get(55)?);
                (*self.0.get(54)?, self.0.get(62..)?.chunks(8).nth(more)?)
            }
            0x86dd => (*self.0.get(20)?, self.0.get(54..)?),
            _ => return None,
        };
        Some((protocol, *body.first()?))
    }

    pub(super) fn is_echo_reply(&self) -> bool {
        matches!(self.protocol(), Some((1, 0) | (58, 129)))
    }

    pub(super) fn is_unreachable(&self) -> bool {
        matches!(self.protocol(), Some((1, 3) | (58, 1)))
    }

    pub(super) fn is_tcp(&self) -> bool {
        matches!(self.protocol(), Some((6, _)))
    }

    /// What an ARP frame tells about its sender.
    pub(super) fn arp_sender(&self) -> Option<([u8; 6], Ipv4Addr)> {
        let mac = self.0.get(22..28)?.try_into().ok()?;
        let ip = <[u8; 4]>::try_from(self.0.get(28..32)?).ok()?;
        (self.kind() == 0x0806).then_some((mac, ip.into()))
    }

    /// The address that an ARP reply gives a hardware address to.
    pub(super) fn arp_reply(&self) -> Option<Ipv4Addr> {
        let (_, ip) = self.arp_sender()?;
        (self.0.get(20..22)? == [0, 2]).then_some(ip)
    }

    /// The same of a neighbour advertisement.
    pub(super) fn advertisement(&self) -> Option<Ipv6Addr> {
        let target = || <[u8; 16]>::try_from(self.0.get(62..78)?).ok().map(Into::into);
        (self.protocol() == Some((58, 136))).then(target)?
    }

    pub(super) fn describe(&self) -> String {
        format!(
            "{:02x?} {:04x} {:?} {:?}",
            self.from(),
            self.kind(),
            self.source(),
            self.protocol()
        )
    }
}
