//! A packet socket on one interface of a node: all that arrives there, of whatever protocol, and
//! any frame out of it. The capture of the laboratory knows adverts and neighbours only.

use crate::frames::{Ends, Ip, arp_request, ip_of, solicitation};
use crate::rig::{LIMIT, ip, mac};
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, recvfrom, sendto,
    setsockopt, socket, sockopt,
};
use std::net::{IpAddr, Ipv6Addr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Mutex;
use vipd_lab::clock::wait_until;
use vipd_lab::frame::Mac;
use vipd_lab::net::INTERFACE;
use vipd_lab::netns::NetNs;
use vipd_lab::{Error, Net, Node};

/// Frames on their way out.
const OUTGOING: u8 = 4;

pub(crate) struct Ear {
    socket: OwnedFd,
    link: LinkAddr,
    heard: Mutex<Vec<Vec<u8>>>,
    /// Of the node: who asks in its name.
    pub(crate) mac: Mac,
    pub(crate) ipv4: IpAddr,
    pub(crate) ipv6: IpAddr,
}

fn bare(address: &str) -> IpAddr {
    ip(address.split('/').next().unwrap())
}

impl Ear {
    pub(crate) fn open(node: &Node) -> Self {
        Self::on(node.namespace(), INTERFACE, node)
    }

    /// At the switch's end of the cable of `node`: what is sent there reaches that host alone, in
    /// the name of `other`.
    pub(crate) fn at_port(net: &Net, node: &Node, other: &Node) -> Self {
        Self::on(net.namespace(), node.plug().port(), other)
    }

    fn on(namespace: &NetNs, interface: &str, node: &Node) -> Self {
        let failed = |e: nix::errno::Errno| Error::new(e.desc());
        let open = || {
            let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
            let all = SockProtocol::EthAll;
            let socket =
                socket(AddressFamily::Packet, SockType::Raw, flags, all).map_err(failed)?;
            setsockopt(&socket, sockopt::RcvBufForce, &(4 << 20)).map_err(failed)?;
            let mut links = getifaddrs().map_err(failed)?;
            let link = links.find_map(|one| {
                let link = one.address.as_ref().and_then(|a| a.as_link_addr().copied());
                link.filter(|_| one.interface_name == interface)
            });
            Ok((socket, link.ok_or_else(|| Error::new(format!("no {interface}")))?))
        };
        let (socket, link) = namespace.enter(open).unwrap();
        let (ipv4, ipv6) = (bare(node.address()), bare(node.address6()));
        Self { socket, link, heard: Mutex::default(), mac: mac(node), ipv4, ipv6 }
    }

    pub(crate) fn send(&self, frame: &[u8]) {
        sendto(self.socket.as_raw_fd(), frame, &self.link, MsgFlags::empty()).unwrap();
    }

    /// Everything so far, in order of arrival.
    pub(crate) fn heard(&self) -> Vec<Vec<u8>> {
        let mut heard = self.heard.lock().unwrap();
        let mut buffer = [0; 2048];
        while let Ok((length, Some(from))) =
            recvfrom::<LinkAddr>(self.socket.as_raw_fd(), &mut buffer)
        {
            if from.pkttype() != OUTGOING && from.ifindex() == self.link.ifindex() {
                heard.push(buffer[..length].to_vec());
            }
        }
        heard.clone()
    }

    /// Those of them that hold an IP packet that `wanted` accepts.
    pub(crate) fn packets(&self, wanted: impl Fn(&Ip<'_>) -> bool) -> Vec<Vec<u8>> {
        let mut heard = self.heard();
        heard.retain(|frame| ip_of(frame).is_some_and(|packet| wanted(&packet)));
        heard
    }

    /// The own end of a conversation with `target` behind the hardware address `to`.
    pub(crate) fn ends(&self, to: Mac, target: &str) -> Ends {
        let target = ip(target);
        let source = if target.is_ipv4() { self.ipv4 } else { self.ipv6 };
        Ends { from: self.mac, to, source, target }
    }

    /// Asks the LAN who has `target`: by ARP, or by a neighbour solicitation.
    pub(crate) fn ask(&self, target: &str) {
        match (self.ipv4, self.ipv6, ip(target)) {
            (IpAddr::V4(own), _, IpAddr::V4(target)) => {
                self.send(&arp_request(self.mac, own, target));
            }
            (_, IpAddr::V6(own), IpAddr::V6(target)) => {
                self.send(&solicitation(self.mac, own, target));
            }
            _ => panic!("{target}: no address of that family"),
        }
    }

    /// Asks as a host does that wants `target` for itself.
    pub(crate) fn probe(&self, target: Ipv6Addr) {
        self.send(&solicitation(self.mac, Ipv6Addr::UNSPECIFIED, target));
    }

    /// A ping, the start of two connections, to port 80 and to one where nobody listens, and a
    /// datagram.
    pub(crate) fn knock(&self, to: Mac, target: &str) {
        let ends = self.ends(to, target);
        for frame in [ends.echo(), ends.syn(80), ends.syn(9), ends.datagram(9)] {
            self.send(&frame);
        }
    }

    /// A host at `own` has dealt with all that was sent to `to` before: it answers a ping, and the
    /// cables keep the order.
    pub(crate) fn settle(&self, to: Mac, own: &str) {
        let own_ip = ip(own);
        let replies = || self.packets(|one| one.source == own_ip && one.is_answer()).len();
        let before = replies();
        self.send(&self.ends(to, own).echo());
        wait_until(LIMIT, format_args!("the answer of {own}"), || replies() > before).unwrap();
    }
}
