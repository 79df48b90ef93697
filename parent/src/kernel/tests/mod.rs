//! Two hosts with a cable between them, for tests of the real kernel: namespaces that go with the
//! last handle, a packet socket on the cable, and an ear that hears what the engine would hear.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::wildcard_enum_match_arm,
    reason = "a test that fails may panic"
)]

mod addresses;
mod announcements;
mod events;
mod filters;
mod fragments;
mod paths;
mod sockets;

use super::{Address, Linux, Preferred, Receiver, Wanted};
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockProtocol, SockType,
    SockaddrStorage, bind, recv, recvmsg, send, setsockopt, socket, sockopt,
};
use std::collections::BTreeSet;
use std::io::IoSliceMut;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;
use vipd_lab::netns::NetNs;
use vipd_lab::run::tool;
use vipd_types::{Family, IfName, Vrid};

/// Longest wait for what must happen.
const LIMIT: Duration = Duration::from_secs(20);
const NEAR_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0xa];
const FAR_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0xb];
/// Differ, so that the kernel announces a lost carrier at once.
const NEAR: u32 = 10;
const FAR: u32 = 20;

/// The interfaces `near` and `far` are up, with no address but the link-local fe80::a and fe80::b.
struct Wire {
    near: NetNs,
    far: NetNs,
}

const SETUP: &str = "\
link set lo up
link set NAME addrgenmode none
link set NAME up
address add fe80::HOST/64 dev NAME nodad
";

impl Wire {
    fn new() -> Self {
        let wire = Self { near: space(), far: space() };
        wire.far
            .enter(|| {
                // The namespace is named by a thread that is in it, and stays until this is done.
                let far = nix::unistd::gettid();
                let link = format!(
                    "link add near index {NEAR} address 02:00:00:00:00:0a type veth \
                     peer name far index {FAR} address 02:00:00:00:00:0b netns {far}\n"
                );
                wire.near.enter(|| tool("ip", &["-batch", "-"], &link).map(drop))
            })
            .unwrap();
        ip(&wire.near, &SETUP.replace("NAME", "near").replace("HOST", "a"));
        ip(&wire.far, &SETUP.replace("NAME", "far").replace("HOST", "b"));
        wire
    }
}

/// A network namespace of its own.
fn space() -> NetNs {
    let made = std::thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).expect("these tests need root: they make namespaces");
        NetNs::of(nix::unistd::gettid().as_raw()).unwrap()
    });
    made.join().unwrap()
}

fn ip(space: &NetNs, commands: &str) {
    space.enter(|| tool("ip", &["-batch", "-"], commands).map(drop)).unwrap();
}

/// What `ip` says, as JSON.
fn ip_says(space: &NetNs, words: &[&str]) -> serde_json::Value {
    let words: Vec<&str> = ["-json", "-details"].iter().chain(words).copied().collect();
    serde_json::from_str(&space.enter(|| tool("ip", &words, "")).unwrap()).unwrap()
}

fn write(space: &NetNs, path: &str, text: &str) {
    let written = || std::fs::write(path, text).map_err(|e| vipd_lab::Error::new(e.to_string()));
    space.enter(written).unwrap();
}

fn linux(space: &NetNs) -> Linux {
    space.enter(|| Ok(Linux::open().unwrap())).unwrap()
}

fn name(text: &str) -> IfName {
    IfName::new(text.as_bytes()).unwrap()
}

/// On `near`, as a plan makes it.
fn address(text: &str) -> Address {
    let (ip, prefix) = text.split_once('/').unwrap();
    let (ip, prefix) = (ip.parse().unwrap(), prefix.parse().unwrap());
    Address {
        ip,
        prefix,
        interface: name("near"),
        index: NEAR,
        label: None,
        broadcast: None,
        scope: 0,
        preferred: Preferred::usual(ip, prefix),
        nodad: true,
        peer: None,
        flags: super::Flags::default(),
        track: true,
    }
}

/// Sends and hears whole frames on one end of the cable.
struct Tap(OwnedFd);

impl Tap {
    fn on(space: &NetNs, index: u32) -> Self {
        let open = || {
            let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
            let all = SockProtocol::EthAll;
            Ok(socket(AddressFamily::Packet, SockType::Raw, flags, all).unwrap())
        };
        let fd = space.enter(open).unwrap();
        setsockopt(&fd, sockopt::RcvBufForce, &(8 << 20)).unwrap();
        let raw = libc::sockaddr_ll {
            sll_family: libc::AF_PACKET.try_into().unwrap(),
            sll_protocol: u16::try_from(libc::ETH_P_ALL).unwrap().to_be(),
            sll_ifindex: index.try_into().unwrap(),
            sll_hatype: 0,
            sll_pkttype: 0,
            sll_halen: 0,
            sll_addr: [0; 8],
        };
        bind(fd.as_raw_fd(), &crate::sys::link_address(&raw).unwrap()).unwrap();
        Self(fd)
    }

    fn send(&self, frame: &[u8]) {
        let sent = send(self.0.as_raw_fd(), frame, MsgFlags::empty()).unwrap();
        assert_eq!(sent, frame.len());
    }

    /// What has come from `mac` since the last call.
    fn heard(&self, mac: [u8; 6]) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(length) = recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
            frames.push(buffer[..length].to_vec());
        }
        frames.retain(|frame| frame[6..12] == mac);
        frames
    }
}

/// A datagram as the engine gets it: over IPv4 with its IP header.
#[derive(Debug, PartialEq, Eq)]
struct Heard {
    bytes: Vec<u8>,
    source: IpAddr,
    /// Over IPv6.
    hop_limit: Option<i32>,
    /// Destination and interface.
    to: Option<(IpAddr, u32)>,
    /// Size of the largest fragment, if it came in fragments.
    fragment: Option<i32>,
}

/// The engine's copy of a receiver's socket.
struct Ear(OwnedFd);

impl Ear {
    fn of(receiver: &Receiver) -> Self {
        Self(receiver.share().unwrap())
    }

    /// What has come since the last call.
    fn heard(&self) -> Vec<Heard> {
        let mut all = Vec::new();
        loop {
            let mut bytes = vec![0; 8192];
            let mut control =
                nix::cmsg_space!(libc::in6_pktinfo, libc::c_int, libc::c_int, libc::timespec);
            let mut parts = [IoSliceMut::new(&mut bytes)];
            let room = Some(control.as_mut_slice());
            let flags = MsgFlags::MSG_DONTWAIT;
            let got = match recvmsg::<SockaddrStorage>(self.0.as_raw_fd(), &mut parts, room, flags)
            {
                Ok(got) => got,
                Err(Errno::EAGAIN) => return all,
                Err(errno) => panic!("{errno}"),
            };
            let from = got.address.unwrap();
            let v4 = from.as_sockaddr_in().map(|from| IpAddr::V4(from.ip()));
            let source = v4.or_else(|| from.as_sockaddr_in6().map(|from| from.ip().into()));
            let mut heard = Heard {
                bytes: Vec::new(),
                source: source.unwrap(),
                hop_limit: None,
                to: None,
                fragment: None,
            };
            for message in got.cmsgs().unwrap() {
                heard.note(message);
            }
            let length = got.bytes;
            bytes.truncate(length);
            heard.bytes = bytes;
            all.push(heard);
        }
    }
}

impl Heard {
    fn note(&mut self, message: ControlMessageOwned) {
        match message {
            ControlMessageOwned::Ipv4PacketInfo(info) => {
                let to = Ipv4Addr::from_bits(u32::from_be(info.ipi_addr.s_addr));
                self.to = Some((to.into(), info.ipi_ifindex.try_into().unwrap()));
            }
            ControlMessageOwned::Ipv6PacketInfo(info) => {
                self.to = Some((info.ipi6_addr.s6_addr.into(), info.ipi6_ifindex));
            }
            ControlMessageOwned::Ipv6HopLimit(limit) => self.hop_limit = Some(limit),
            ControlMessageOwned::ScmTimestampns(_) => {}
            ControlMessageOwned::Unknown(other) => {
                let header = (other.cmsg_header.cmsg_level, other.cmsg_header.cmsg_type);
                assert!(
                    header == (libc::IPPROTO_IP, libc::IP_RECVFRAGSIZE)
                        || header == (libc::IPPROTO_IPV6, libc::IPV6_RECVFRAGSIZE),
                    "{header:?}"
                );
                let bytes = other.data_bytes.first_chunk().unwrap();
                self.fragment = Some(i32::from_ne_bytes(*bytes));
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A receiver on `near`, joined to the RFC's groups, for every VRID.
fn receiver(space: &NetNs, family: Family, least_ttl: u8) -> Receiver {
    receiver_on(space, (&name("near"), NEAR), family, None, least_ttl)
}

fn vrids(which: impl Fn(u8) -> bool) -> BTreeSet<Vrid> {
    (1..=255).filter(|vrid| which(*vrid)).map(|vrid| vrid.try_into().unwrap()).collect()
}

fn receiver_on(
    space: &NetNs,
    on: (&IfName, u32),
    family: Family,
    also_join: Option<u32>,
    least_ttl: u8,
) -> Receiver {
    let wanted = Wanted { least_ttl, vrids: &vrids(|_| true) };
    receiver_for(space, on, family, also_join, wanted)
}

fn receiver_for(
    space: &NetNs,
    (interface, index): (&IfName, u32),
    family: Family,
    also_join: Option<u32>,
    wanted: Wanted<'_>,
) -> Receiver {
    let groups = [GROUP_V4, GROUP_V6].map(|group| group.parse().unwrap()).into();
    let open = || {
        let open = super::open_receiver(interface, index, family, &groups, also_join, wanted);
        Ok(open.unwrap())
    };
    space.enter(open).unwrap()
}

const GROUP_V4: &str = "224.0.0.18";
const GROUP_V6: &str = "ff02::12";

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}
