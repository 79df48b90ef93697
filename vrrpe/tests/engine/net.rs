//! Two network namespaces joined by a veth pair: the test's thread lives in the near one, the far
//! one lives as long as the socket that was opened in it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that cannot go on has failed"
)]

use nix::sched::{CloneFlags, unshare};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use crate::harness::{FAR, GROUP, NEAR, VIP};

/// The far router's raw socket.
pub(crate) struct Far {
    socket: Socket,
}

/// An advert as the far end sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) source: Ipv4Addr,
    pub(crate) destination: Ipv4Addr,
    pub(crate) vrid: u8,
    pub(crate) priority: u8,
    pub(crate) bytes: Vec<u8>,
}

/// Moves this thread into a new namespace and returns the far end and the near engine's socket.
pub(crate) fn pair() -> (Far, OwnedFd) {
    fresh_namespace();
    let (path_out, path_in) = mpsc::channel();
    let (go_out, go_in) = mpsc::channel::<()>();
    let far = std::thread::spawn(move || {
        fresh_namespace();
        let tid = nix::unistd::gettid();
        path_out.send(format!("/proc/{}/task/{tid}/ns/net", std::process::id())).unwrap();
        go_in.recv().unwrap();
        ip(&format!("addr add {FAR}/24 dev far"));
        ip("link set far up");
        raw("far", FAR)
    });
    let path = path_in.recv().unwrap();
    ip(&format!("link add near type veth peer name far netns {path}"));
    ip(&format!("addr add {NEAR}/24 dev near"));
    ip("link set near up");
    go_out.send(()).unwrap();
    let socket = far.join().unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    (Far { socket }, raw("near", NEAR).into())
}

/// Another socket like the first.
pub(crate) fn near_socket() -> OwnedFd {
    raw("near", NEAR).into()
}

pub(crate) fn index() -> u32 {
    nix::net::if_::if_nametoindex("near").unwrap()
}

impl Far {
    /// The next advert, or nothing for now.
    pub(crate) fn hear(&self) -> Option<Seen> {
        use std::io::Read;
        let mut packet = [0; 2048];
        let used = (&self.socket).read(&mut packet).ok()?;
        let header = usize::from(packet[0] & 0x0f) * 4;
        let address = |at: usize| Ipv4Addr::from(<[u8; 4]>::try_from(&packet[at..at + 4]).unwrap());
        let bytes = packet[header..used].to_vec();
        let (source, destination) = (address(12), address(16));
        Some(Seen { source, destination, vrid: bytes[1], priority: bytes[2], bytes })
    }

    /// Forgets what has arrived.
    pub(crate) fn forget(&self) {
        while self.hear().is_some() {}
    }

    pub(crate) fn say(&self, to: Ipv4Addr, bytes: &[u8]) {
        self.socket.send_to(bytes, &SockAddr::from(SocketAddrV4::new(to, 0))).unwrap();
    }

    /// An advert with one address, interval 1 s, no authentication.
    pub(crate) fn advertise(&self, to: Ipv4Addr, vrid: u8, priority: u8) {
        self.say(to, &advert(vrid, priority));
    }
}

pub(crate) fn advert(vrid: u8, priority: u8) -> Vec<u8> {
    let mut bytes = vec![0x21, vrid, priority, 1, 0, 1, 0, 0];
    bytes.extend_from_slice(&VIP.octets());
    bytes.extend_from_slice(&[0; 8]);
    let sum: u32 = bytes.chunks(2).map(|w| u32::from(u16::from_be_bytes([w[0], w[1]]))).sum();
    let folded = u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
    bytes[6..8].copy_from_slice(&(!folded).to_be_bytes());
    bytes
}

fn fresh_namespace() {
    unshare(CloneFlags::CLONE_NEWNET).expect("these tests need root");
    ip("link set lo up");
}

fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status().expect("iproute2");
    assert!(status.success(), "ip {arguments}");
}

/// A raw socket as the parent makes it.
fn raw(device: &str, address: Ipv4Addr) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(112))).unwrap();
    socket.bind_device(Some(device.as_bytes())).unwrap();
    socket.set_multicast_ttl_v4(255).unwrap();
    socket.set_ttl_v4(255).unwrap();
    socket.set_multicast_loop_v4(false).unwrap();
    socket.set_multicast_if_v4(&address).unwrap();
    socket.join_multicast_v4(&GROUP, &address).unwrap();
    nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::Ipv4PacketInfo, &true)
        .unwrap();
    socket
}
