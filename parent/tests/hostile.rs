//! A neighbour on the LAN who sends what he likes: nothing he says changes a state, delays an advert
//! or floods the log; the counters tell what he sent.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "a test"
)]

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, sendto, socket,
};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd;
use vipd_lab::clock::{Stamp, wait_until};
use vipd_lab::scenario::{LIMIT, NODE1, Pair};
use vipd_lab::{Daemon, Error, packages, paths};

const STRANGER: Ipv4Addr = Ipv4Addr::new(10, 88, 88, 10);
const PEER: Ipv4Addr = Ipv4Addr::new(10, 88, 88, 30);

/// A packet as it may be, before something is made wrong.
#[derive(Debug, Clone)]
struct Packet {
    source: Ipv4Addr,
    ttl: u8,
    message: Vec<u8>,
}

impl Packet {
    fn new(source: Ipv4Addr, priority: u8) -> Self {
        let mut message = vec![0x21, 51, priority, 1, 0, 1, 0, 0, 10, 88, 88, 100];
        message.extend([0; 8]);
        Self { source, ttl: 255, message }.summed()
    }

    fn with(mut self, at: usize, value: u8) -> Self {
        self.message[at] = value;
        self.summed()
    }

    fn summed(mut self) -> Self {
        self.message[6..8].fill(0);
        let words = self.message.chunks(2).map(|w| u32::from(w[0]) << 8 | u32::from(w[1]));
        let sum: u32 = words.sum();
        let sum = !((sum >> 16) + (sum & 0xffff)) as u16;
        self.message[6..8].copy_from_slice(&sum.to_be_bytes());
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let length = (20 + self.message.len()) as u16;
        let mut bytes = vec![0x45, 0xc0];
        bytes.extend(length.to_be_bytes());
        // The kernel fills in identification and checksum.
        bytes.extend([0, 0, 0, 0, self.ttl, 112, 0, 0]);
        bytes.extend(self.source.octets());
        bytes.extend(NODE1.octets());
        bytes.extend(&self.message);
        bytes
    }
}

/// Sends to node 1 from the client's host, each `times` times.
fn send(pair: &Pair, packets: &[Packet], times: usize) {
    let all: Vec<Vec<u8>> = packets.iter().map(Packet::bytes).collect();
    let work = || {
        let failed = |e: nix::errno::Errno| Error::new(e.desc());
        let raw = (AddressFamily::Inet, SockType::Raw, SockProtocol::Raw);
        let socket = socket(raw.0, raw.1, SockFlag::SOCK_CLOEXEC, raw.2).map_err(failed)?;
        let to = SockaddrIn::from(SocketAddrV4::new(NODE1, 0));
        for bytes in all.iter().cycle().take(all.len() * times) {
            sendto(socket.as_raw_fd(), bytes, &to, MsgFlags::empty()).map_err(failed)?;
        }
        Ok(())
    };
    pair.client.namespace().enter(work).unwrap();
}

fn pair() -> Pair {
    packages::ensure().unwrap();
    let vipd = Daemon::vipd().unwrap();
    let pair = Pair::running(&vipd, &vipd).unwrap();
    let said = || pair.one.node.syslog().find("Entering MASTER STATE").is_some();
    wait_until(LIMIT, "the line of the first change of state", said).unwrap();
    pair
}

fn show(pair: &Pair) -> serde_json::Value {
    let vipctl = paths::bin_dir().unwrap().join("vipctl");
    let words = [&vipctl.to_string_lossy(), "show", "--json"];
    let said = pair.one.node.exec(&words, LIMIT).unwrap();
    let answer: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    answer["instances"][0].clone()
}

fn counter(pair: &Pair, name: &str) -> u64 {
    let all = show(pair)["counters"].clone();
    let count = |name: &str| all[name].as_u64().unwrap_or(0);
    count(name) + count(&format!("interface_{name}"))
}

/// Node 1 has gone on as if nothing had been sent, and says so itself.
fn undisturbed(pair: &Pair, since: Stamp, what: &str) {
    pair.undisturbed(since, what).unwrap();
    assert_eq!(show(pair)["state"], "MASTER", "{what}");
}

#[test]
fn v2_rx_08_bad_packets_change_a_counter_and_nothing_else() {
    let pair = pair();
    let good = Packet::new(PEER, 254);
    let mut cut = good.clone();
    cut.message.truncate(6);
    let mut sum = good.clone();
    sum.message[2] = 253;
    let cases = [
        ("ip_ttl_err", Packet { ttl: 254, ..good.clone() }),
        ("checksum_err", sum),
        ("vrid_err", good.clone().with(1, 52)),
        ("authtype_mismatch", good.clone().with(4, 1)),
        ("version_err", good.clone().with(0, 0x41)),
        ("invalid_type_rcvd", good.clone().with(0, 0x22)),
        ("packet_len_err", cut),
        ("advert_interval_err", good.with(5, 7)),
        ("source_err", Packet::new(STRANGER, 254)),
        ("source_err", Packet::new(STRANGER, 0)),
    ];
    let since = Stamp::now();
    for (name, packet) in cases {
        let before = counter(&pair, name);
        // The kernel filter passes one in eight of what is no whole advert with TTL 255.
        send(&pair, &[packet], 200);
        let moved = || counter(&pair, name) > before;
        wait_until(LIMIT, format_args!("the counter {name}"), moved).unwrap();
    }
    // The kernel does not pass its own address on when it comes from outside.
    send(&pair, &[Packet::new(NODE1, 254)], 20);
    undisturbed(&pair, since, "bad packets");
}

#[test]
fn v2_rx_08_hard_08_flood_does_not_flood_the_log() {
    let pair = pair();
    let good = Packet::new(PEER, 254);
    let kinds = [
        Packet { ttl: 1, ..good.clone() },
        good.clone().with(1, 52),
        good.clone().with(4, 1),
        good.with(5, 7),
        Packet::new(STRANGER, 254),
    ];
    let since = Stamp::now();
    let lines = pair.one.node.syslog().lines().len();
    send(&pair, &kinds, 2000);
    undisturbed(&pair, since, "10 000 packets");
    let log = pair.one.node.syslog().lines();
    let new: Vec<String> = log.iter().skip(lines).map(ToString::to_string).collect();
    let audit = new.iter().filter(|line| line.contains("event=control")).count();
    assert!(new.len() - audit <= 8, "{} lines: {new:#?}", new.len());
}
