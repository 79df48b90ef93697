//! A neighbour on the LAN who sends what he likes. A packet that fails any check changes a counter
//! and nothing else: no state, no timer, no missed advert; and the log stays short.
#![cfg(test)]

use nix::sys::socket::{MsgFlags, SockaddrIn, sendto};
use serde_json::Value;
use socket2::{Domain, Protocol, Socket, Type};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd;
use std::time::Duration;
use vipd_lab::clock::{Stamp, wait_until};
use vipd_lab::scenario::{LIMIT, NODE1, NODE2, Pair, VIP};
use vipd_lab::{Daemon, packages, paths};

const STRANGER: Ipv4Addr = Ipv4Addr::new(10, 88, 88, 10);

/// An advert, right in every point that the test does not change.
#[derive(Clone, Copy)]
struct Forged {
    source: Ipv4Addr,
    to: Ipv4Addr,
    ttl: u8,
    version_type: u8,
    vrid: u8,
    priority: u8,
    auth_type: u8,
    interval: u8,
    /// Added to the right checksum.
    checksum_off: u16,
    cut_to: usize,
}

impl Forged {
    fn new(source: Ipv4Addr, to: Ipv4Addr) -> Self {
        let (ttl, version_type, vrid) = (255, 0x21, 51);
        let (priority, auth_type, interval) = (254, 0, 1);
        let (checksum_off, cut_to) = (0, usize::MAX);
        Self {
            source,
            to,
            ttl,
            version_type,
            vrid,
            priority,
            auth_type,
            interval,
            checksum_off,
            cut_to,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut vrrp = vec![self.version_type, self.vrid, self.priority, 1, self.auth_type];
        vrrp.extend([self.interval, 0, 0]);
        vrrp.extend(VIP.octets());
        vrrp.extend([0; 8]);
        let sum: u32 = vrrp.chunks(2).map(|p| u32::from(u16::from_be_bytes([p[0], p[1]]))).sum();
        let folded = (sum & 0xffff) + (sum >> 16);
        let checksum = !(folded as u16) ^ self.checksum_off;
        vrrp[6..8].copy_from_slice(&checksum.to_be_bytes());
        vrrp.truncate(self.cut_to);
        let length = (20 + vrrp.len()) as u16;
        let mut packet = vec![0x45, 0xc0];
        packet.extend(length.to_be_bytes());
        // The kernel fills in the header's checksum.
        packet.extend([0, 0, 0, 0, self.ttl, 112, 0, 0]);
        packet.extend(self.source.octets());
        packet.extend(self.to.octets());
        packet.extend(vrrp);
        packet
    }
}

/// Sends each packet `times` times from the client's namespace.
fn send(pair: &Pair, packets: &[Forged], times: usize) {
    let work = || {
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(255))).unwrap();
        for _ in 0..times {
            for packet in packets {
                let to = SockaddrIn::from(SocketAddrV4::new(packet.to, 0));
                sendto(socket.as_raw_fd(), &packet.bytes(), &to, MsgFlags::empty()).unwrap();
            }
        }
        Ok(())
    };
    pair.client.namespace().enter(work).unwrap();
}

fn counters(pair: &Pair, two: bool) -> Value {
    let ctl = paths::bin_dir().unwrap().join("vipctl");
    let host = if two { &pair.two } else { &pair.one };
    let output = host.node.exec(&[ctl.to_str().unwrap(), "show", "--json"], LIMIT).unwrap();
    let all: Value = serde_json::from_str(&output.stdout).unwrap();
    all["instances"][0]["counters"].clone()
}

fn pair() -> Pair {
    packages::ensure().unwrap();
    let vipd = Daemon::vipd().unwrap();
    Pair::running(&vipd, &vipd).unwrap()
}

/// Everything a neighbour can get wrong, at both hosts.
fn attacks(to: Ipv4Addr, peer: Ipv4Addr) -> Vec<Forged> {
    let good = Forged::new(peer, to);
    vec![
        Forged::new(STRANGER, to),
        Forged { priority: 0, ..Forged::new(STRANGER, to) },
        Forged { ttl: 254, ..good },
        Forged { ttl: 1, priority: 0, ..good },
        Forged { checksum_off: 1, ..good },
        Forged { vrid: 52, ..good },
        Forged { version_type: 0x31, ..good },
        Forged { version_type: 0x41, ..good },
        Forged { version_type: 0x22, ..good },
        Forged { auth_type: 1, ..good },
        Forged { auth_type: 3, ..good },
        Forged { interval: 3, ..good },
        Forged { cut_to: 19, ..good },
        Forged { cut_to: 7, ..good },
        // Its own address as the source.
        Forged::new(to, to),
    ]
}

#[test]
fn nothing_that_a_neighbour_sends_wrongly_has_an_effect() {
    let pair = pair();
    let before = [counters(&pair, false), counters(&pair, true)];
    let since = Stamp::now();
    let mut packets = attacks(NODE1, NODE2);
    packets.extend(attacks(NODE2, NODE1));
    // For longer than a down timer, so that a timer that was touched would show.
    let end = since.plus(Duration::from_secs(5));
    wait_until(LIMIT, "the end of the attack", || {
        send(&pair, &packets, 20);
        Stamp::now() >= end
    })
    .unwrap();

    assert_eq!(pair.owners(), [1]);
    for host in [&pair.one, &pair.two] {
        let log = host.node.syslog();
        assert!(log.find_since(since, "Entering").is_none(), "{}", log.text());
        let lines = log.lines().iter().filter(|line| line.at >= since).count();
        assert!(lines < 60, "{lines} lines\n{}", log.text());
    }
    let adverts = pair.capture.adverts(since);
    let own: Vec<Stamp> = adverts
        .iter()
        .filter(|(_, a)| a.source == NODE1 && a.priority == 111)
        .map(|(at, _)| *at)
        .collect();
    assert!(own.len() >= 4, "adverts of the MASTER: {own:?}");
    for pair in own.windows(2) {
        let gap = pair[1].since(pair[0]);
        assert!(gap > Duration::from_millis(900) && gap < Duration::from_millis(1100), "{gap:?}");
    }
    let after = [counters(&pair, false), counters(&pair, true)];
    for (before, after) in before.iter().zip(&after) {
        for counter in ["advert_interval_err", "authtype_mismatch", "invalid_authtype"] {
            assert!(after[counter].as_u64() > before[counter].as_u64(), "{counter}: {after}");
        }
        let errors = |counters: &Value| {
            let all = counters.as_object().unwrap().iter();
            all.filter(|(name, _)| name.ends_with("_err")).filter_map(|(_, n)| n.as_u64()).sum()
        };
        let (was, is): (u64, u64) = (errors(before), errors(after));
        assert!(is > was + 100, "{before} {after}");
    }
}

/// 30 000 bad packets as fast as one core sends them.
#[test]
fn a_flood_does_not_delay_an_advert_nor_fill_the_log() {
    let pair = pair();
    let since = Stamp::now();
    let bad = Forged { checksum_off: 7, ..Forged::new(NODE2, NODE1) };
    send(&pair, &[bad], 30_000);
    let flooded = Stamp::now();
    pair.capture
        .wait_advert(flooded, LIMIT, "of node1 after the flood", |advert| {
            advert.source == NODE1 && advert.priority == 111
        })
        .unwrap();
    assert_eq!(pair.owners(), [1]);
    let own: Vec<Stamp> = pair
        .capture
        .adverts(since)
        .iter()
        .filter(|(_, a)| a.source == NODE1)
        .map(|(at, _)| *at)
        .collect();
    assert!(own.windows(2).all(|w| w[1].since(w[0]) < Duration::from_millis(1200)), "{own:?}");
    let log = pair.one.node.syslog();
    let lines = log.lines().iter().filter(|line| line.at >= since).count();
    assert!(lines < 20, "{lines} lines\n{}", log.text());
}
