//! Witness of the wire: every advert, ARP and neighbour frame and group report, at the moment it
//! leaves its sender's cable, with the kernel's time. Sees what was sent also when a cut then
//! swallows it; sends nothing.

use crate::clock::{self, Stamp};
use crate::error::{Context, Result};
use crate::frame::{Advert, Announcement, Arp, Content, Frame, Membership};
use crate::netns::NetNs;
use crate::node::Node;
use crate::pcap;
use crate::tshark::{self, Opinion, Reading};
use crate::witness::be_punctual;
use nix::net::if_::if_indextoname;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType,
    recvmsg, setsockopt, socket, sockopt,
};
use socket2::{SockFilter, SockRef};
use std::collections::HashMap;
use std::io::IoSliceMut;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    pub at: Stamp,
    /// The switch port it came in by: see [`crate::net::Plug::port`].
    pub port: String,
    pub frame: Frame,
    pub bytes: Vec<u8>,
}

/// Records until dropped. At most [`LIMIT`] frames are kept.
#[derive(Debug)]
pub struct Capture {
    packets: Arc<Mutex<Vec<Packet>>>,
    dir: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

pub const LIMIT: usize = 500_000;

const OUTGOING: u8 = 4;

impl Capture {
    /// In the network of `lan`; files of short life go to `dir`.
    pub(crate) fn start(lan: &NetNs, dir: &Path) -> Result<Self> {
        let socket = lan.enter(open)?;
        let (packets, stop) = (Arc::default(), Arc::<AtomicBool>::default());
        let (inside, to, until) = (lan.clone(), Arc::clone(&packets), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            if inside.stay().is_ok() {
                be_punctual();
                listen(&socket, &to, &until);
            }
        });
        Ok(Self { packets, dir: dir.to_path_buf(), stop, thread: Some(thread) })
    }

    /// Everything so far, in order of arrival.
    pub fn packets(&self) -> Vec<Packet> {
        self.packets.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The adverts at or after `since`.
    pub fn adverts(&self, since: Stamp) -> Vec<(Stamp, Advert)> {
        self.select(since, Frame::advert)
    }

    /// Those of them that came out of one host's cable, whatever source they claim.
    pub fn adverts_of(&self, node: &Node, since: Stamp) -> Vec<(Stamp, Advert)> {
        let packets = self.packets.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = packets.iter().filter(|one| one.at >= since && one.port == node.plug().port());
        mine.filter_map(|packet| Some((packet.at, packet.frame.advert()?))).collect()
    }

    /// The ARP frames at or after `since`.
    pub fn arps(&self, since: Stamp) -> Vec<(Stamp, Arp)> {
        self.select(since, |frame| match &frame.content {
            Content::Arp(arp) => Some(arp.clone()),
            Content::Advert(_)
            | Content::Neighbour(_)
            | Content::Membership(_)
            | Content::Other => None,
        })
    }

    /// Who announced which address at or after `since`, by ARP or neighbour discovery.
    pub fn announcements(&self, since: Stamp) -> Vec<(Stamp, Announcement)> {
        self.select(since, Frame::announcement)
    }

    /// The IGMP and MLD reports at or after `since`.
    pub fn memberships(&self, since: Stamp) -> Vec<(Stamp, Membership)> {
        self.select(since, |frame| match &frame.content {
            Content::Membership(report) => Some(report.clone()),
            Content::Advert(_) | Content::Arp(_) | Content::Neighbour(_) | Content::Other => None,
        })
    }

    /// Waits for an advert at or after `since` that `wanted` accepts.
    ///
    /// # Errors
    /// When none came within `limit`.
    pub fn wait_advert(
        &self,
        since: Stamp,
        limit: Duration,
        what: &str,
        wanted: impl Fn(&Advert) -> bool,
    ) -> Result<(Stamp, Advert)> {
        let mut found = None;
        clock::wait_until(limit, format_args!("an advert: {what}"), || {
            found = self.adverts(since).into_iter().find(|(_, advert)| wanted(advert));
            found.is_some()
        })?;
        found.ok_or_else(|| crate::Error::new("no advert"))
    }

    /// # Errors
    /// When the file cannot be written.
    pub fn write_pcap(&self, path: &Path) -> Result<()> {
        pcap::write(path, &self.packets())
    }

    /// What tshark thinks of the adverts so far.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn examine(&self, reading: Reading) -> Result<Opinion> {
        tshark::examine(&self.packets(), reading, &self.dir)
    }

    fn select<T>(&self, since: Stamp, pick: impl Fn(&Frame) -> Option<T>) -> Vec<(Stamp, T)> {
        let packets = self.packets.lock().unwrap_or_else(PoisonError::into_inner);
        let late = packets.iter().filter(|packet| packet.at >= since);
        late.filter_map(|packet| Some((packet.at, pick(&packet.frame)?))).collect()
    }
}

/// The last adverts that a failed test shows.
const SHOWN: usize = 40;

#[expect(clippy::print_stderr, reason = "the harness shows it with the failure")]
impl Drop for Capture {
    fn drop(&mut self) {
        if thread::panicking() {
            let all = self.adverts(Stamp::from_nanos(0));
            for (at, advert) in all.iter().skip(all.len().saturating_sub(SHOWN)) {
                eprintln!("{at}: {advert:?}");
            }
        }
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn open() -> Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthAll)
        .during("packet socket")?;
    SockRef::from(&socket).attach_filter(&filter()).during("packet filter")?;
    setsockopt(&socket, sockopt::ReceiveTimestampns, &true).during("packet socket")?;
    let _ = setsockopt(&socket, sockopt::RcvBufForce, &(16 << 20));
    Ok(socket)
}

/// ARP; IPv4 with IGMP or VRRP; IPv6 with VRRP or ICMPv6, or with a hop-by-hop header, as MLD has.
fn filter() -> [SockFilter; 13] {
    let op = |code, yes, no, value| SockFilter::new(code, yes, no, value);
    const HALF_AT: u16 = 0x28;
    const BYTE_AT: u16 = 0x30;
    const EQUALS: u16 = 0x15;
    const RETURN: u16 = 0x06;
    [
        op(HALF_AT, 0, 0, 12),
        op(EQUALS, 10, 0, 0x0806),
        op(EQUALS, 0, 3, 0x0800),
        op(BYTE_AT, 0, 0, 23),
        op(EQUALS, 7, 0, 112),
        op(EQUALS, 6, 5, 2),
        op(EQUALS, 0, 4, 0x86dd),
        op(BYTE_AT, 0, 0, 20),
        op(EQUALS, 3, 0, 112),
        op(EQUALS, 2, 0, 58),
        op(EQUALS, 1, 0, 0),
        op(RETURN, 0, 0, 0),
        op(RETURN, 0, 0, 65535),
    ]
}

fn listen(socket: &OwnedFd, to: &Mutex<Vec<Packet>>, until: &AtomicBool) {
    let mut names = HashMap::new();
    while !until.load(Ordering::Relaxed) {
        let mut wanted = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
        if !poll(&mut wanted, 50_u16).is_ok_and(|ready| ready > 0) {
            continue;
        }
        let Some(packet) = receive(socket, &mut names) else { continue };
        let mut packets = to.lock().unwrap_or_else(PoisonError::into_inner);
        if packets.len() < LIMIT {
            packets.push(packet);
        }
        drop(packets);
        clock::ring();
    }
}

/// `None` for copies: frames on their way out of the switch, or handed to the switch itself.
fn receive(socket: &OwnedFd, names: &mut HashMap<usize, String>) -> Option<Packet> {
    let mut buffer = [0; 2048];
    let mut control = nix::cmsg_space!(nix::sys::time::TimeSpec);
    let mut parts = [IoSliceMut::new(&mut buffer)];
    let flags = MsgFlags::empty();
    let message =
        recvmsg::<LinkAddr>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags).ok()?;
    let link = message.address?;
    if link.pkttype() == OUTGOING {
        return None;
    }
    let index = link.ifindex();
    let port = names.entry(index).or_insert_with(|| {
        let name = u32::try_from(index).ok().and_then(|index| if_indextoname(index).ok());
        name.and_then(|name| name.into_string().ok()).unwrap_or_default()
    });
    if !port.starts_with('p') {
        return None;
    }
    let port = port.clone();
    let wall = message.cmsgs().ok()?.find_map(stamp);
    let length = message.bytes;
    let bytes = buffer.get(..length)?.to_vec();
    Some(Packet { at: wall.unwrap_or_else(Stamp::now), port, frame: Frame::decode(&bytes)?, bytes })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the enum of nix is open")]
fn stamp(message: ControlMessageOwned) -> Option<Stamp> {
    match message {
        ControlMessageOwned::ScmTimestampns(time) => {
            u64::try_from(Duration::from(time).as_nanos()).ok().map(Stamp::from_wall)
        }
        _ => None,
    }
}
