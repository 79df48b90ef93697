//! Two network namespaces joined by a veth pair: the test's thread lives in the near one, the far
//! one lives as long as the sockets that were opened in it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that cannot go on has failed"
)]

use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn6, recvmsg, setsockopt, sockopt};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockAddr, Socket, Type};
use std::io::IoSliceMut;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use crate::advert::advert_v2;
use crate::harness::{FAR, FAR6, GROUP, GROUP6, NEAR, NEAR6};

/// The far router's raw sockets.
pub(crate) struct Far {
    v4: Socket,
    v6: Socket,
    index: u32,
    namespace: std::fs::File,
}

/// An advert as the far end sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    /// Or Hop Limit.
    pub(crate) ttl: u8,
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
        let path = format!("/proc/{}/task/{tid}/ns/net", std::process::id());
        path_out.send(path.clone()).unwrap();
        go_in.recv().unwrap();
        set_up("far", FAR, FAR6);
        let index = index_of("far");
        let namespace = std::fs::File::open(path).unwrap();
        Far { v4: raw_v4("far"), v6: raw_v6("far"), index, namespace }
    });
    let path = path_in.recv().unwrap();
    ip(&format!("link add near type veth peer name far netns {path}"));
    set_up("near", NEAR, NEAR6);
    go_out.send(()).unwrap();
    let far = far.join().unwrap();
    far.v4.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    far.v6.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    (far, near_socket())
}

/// Only the given addresses: a link-local one of the kernel's own choice would be tentative at
/// first.
fn set_up(device: &str, v4: Ipv4Addr, v6: Ipv6Addr) {
    ip(&format!("link set {device} addrgenmode none"));
    ip(&format!("addr add {v4}/24 dev {device}"));
    ip(&format!("link set {device} up"));
    ip(&format!("addr add {v6}/64 dev {device} nodad"));
}

/// Another socket like the first.
pub(crate) fn near_socket() -> OwnedFd {
    for_engine(raw_v4("near"))
}

pub(crate) fn near_socket_v6() -> OwnedFd {
    for_engine(raw_v6("near"))
}

pub(crate) fn index() -> u32 {
    index_of("near")
}

fn index_of(device: &str) -> u32 {
    nix::net::if_::if_nametoindex(device).unwrap()
}

impl Far {
    /// The next IPv4 advert, or nothing for now.
    pub(crate) fn hear(&self) -> Option<Seen> {
        use std::io::Read;
        let mut packet = [0; 8192];
        let used = (&self.v4).read(&mut packet).ok()?;
        let header = usize::from(packet[0] & 0x0f) * 4;
        let address = |at: usize| IpAddr::from(<[u8; 4]>::try_from(&packet[at..at + 4]).unwrap());
        let bytes = packet[header..used].to_vec();
        let (source, destination, ttl) = (address(12), address(16), packet[8]);
        Some(Seen { source, destination, ttl, vrid: bytes[1], priority: bytes[2], bytes })
    }

    /// The next IPv6 advert, or nothing for now.
    pub(crate) fn hear_v6(&self) -> Option<Seen> {
        let mut packet = [0; 8192];
        let mut room = nix::cmsg_space!(libc::in6_pktinfo, libc::c_int);
        let mut parts = [IoSliceMut::new(&mut packet)];
        let fd = self.v6.as_raw_fd();
        let got =
            recvmsg::<SockaddrIn6>(fd, &mut parts, Some(&mut room), MsgFlags::empty()).ok()?;
        let (mut destination, mut ttl) = (None, None);
        for control in got.cmsgs().unwrap() {
            if let ControlMessageOwned::Ipv6PacketInfo(info) = control {
                destination = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into());
            } else if let ControlMessageOwned::Ipv6HopLimit(limit) = control {
                ttl = u8::try_from(limit).ok();
            }
        }
        let (source, used) = (got.address.unwrap().ip().into(), got.bytes);
        let bytes = packet[..used].to_vec();
        let (destination, ttl) = (destination.unwrap(), ttl.unwrap());
        Some(Seen { source, destination, ttl, vrid: bytes[1], priority: bytes[2], bytes })
    }

    /// Forgets what has arrived.
    pub(crate) fn forget(&self) {
        while self.hear().is_some() || self.hear_v6().is_some() {}
    }

    pub(crate) fn say(&self, to: impl Into<IpAddr>, bytes: &[u8]) {
        self.try_say(to, bytes).unwrap();
    }

    /// As `say`, where the queue of the interface may be full.
    pub(crate) fn try_say(&self, to: impl Into<IpAddr>, bytes: &[u8]) -> std::io::Result<usize> {
        match to.into() {
            IpAddr::V4(to) => self.v4.send_to(bytes, &SockAddr::from(SocketAddrV4::new(to, 0))),
            IpAddr::V6(to) => {
                let to = SocketAddrV6::new(to, 0, 0, self.index);
                self.v6.send_to(bytes, &SockAddr::from(to))
            }
        }
    }

    /// An advert with one address, interval 1 s, no authentication.
    pub(crate) fn advertise(&self, to: Ipv4Addr, vrid: u8, priority: u8) {
        self.say(to, &advert_v2(vrid, priority));
    }

    /// Sends with this TTL or Hop Limit from now on.
    pub(crate) fn set_ttl(&self, ttl: u32) {
        self.v4.set_ttl_v4(ttl).unwrap();
        self.v4.set_multicast_ttl_v4(ttl).unwrap();
        self.v6.set_unicast_hops_v6(ttl).unwrap();
        self.v6.set_multicast_hops_v6(ttl).unwrap();
    }

    /// Runs `ip` on the far side.
    pub(crate) fn ip(&self, arguments: &str) {
        let (namespace, arguments) = (&self.namespace, arguments.to_owned());
        std::thread::scope(|scope| {
            scope
                .spawn(move || {
                    setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
                    ip(&arguments);
                })
                .join()
                .unwrap();
        });
    }
}

fn fresh_namespace() {
    unshare(CloneFlags::CLONE_NEWNET).expect("these tests need root");
    ip("link set lo up");
}

pub(crate) fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status().expect("iproute2");
    assert!(status.success(), "ip {arguments}");
}

/// Raw sockets as the parent makes them, without its filter: what is wrong must get to the engine.
fn raw_v4(device: &str) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(112))).unwrap();
    let index = InterfaceIndexOrAddress::Index(index_of(device));
    socket.bind_device(Some(device.as_bytes())).unwrap();
    socket.set_multicast_ttl_v4(255).unwrap();
    socket.set_ttl_v4(255).unwrap();
    socket.set_multicast_loop_v4(false).unwrap();
    socket.join_multicast_v4_n(&GROUP, &index).unwrap();
    setsockopt(&socket, sockopt::Ipv4PacketInfo, &true).unwrap();
    set(&socket, libc::IPPROTO_IP, libc::IP_RECVFRAGSIZE);
    socket
}

fn raw_v6(device: &str) -> Socket {
    let socket = Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::from(112))).unwrap();
    let index = index_of(device);
    socket.bind_device(Some(device.as_bytes())).unwrap();
    socket.set_multicast_hops_v6(255).unwrap();
    socket.set_unicast_hops_v6(255).unwrap();
    socket.set_multicast_loop_v6(false).unwrap();
    socket.set_multicast_if_v6(index).unwrap();
    socket.join_multicast_v6(&GROUP6, index).unwrap();
    socket.set_recv_hoplimit_v6(true).unwrap();
    setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true).unwrap();
    set(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVFRAGSIZE);
    socket
}

fn for_engine(socket: Socket) -> OwnedFd {
    setsockopt(&socket, sockopt::RcvBufForce, &(1 << 20)).unwrap();
    setsockopt(&socket, sockopt::ReceiveTimestampns, &true).unwrap();
    socket.into()
}

/// Sets an option that nix does not know to 1.
#[expect(unsafe_code, reason = "no crate has these options")]
fn set(socket: &Socket, level: i32, option: i32) {
    let (one, size) = (1_i32, libc::socklen_t::try_from(size_of::<i32>()).unwrap());
    // SAFETY: the kernel reads `size` bytes of `one`.
    let result = unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const one).cast(), size)
    };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}
