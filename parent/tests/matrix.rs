//! vipd beside keepalived and FRR, each way round: version, family, transport, virtual MAC. In every
//! cell the better router serves, is stopped, comes back and takes back, and then loses its power;
//! the client, the kernels' address events and the wire are the witnesses. The names of the tests
//! are the matrix.
#![cfg(test)]

use std::net::IpAddr;
use std::slice::from_ref;
use std::time::Duration;
use vipd_lab::frame::Checksum;
use vipd_lab::net::ipv6_of;
use vipd_lab::router::Router;
use vipd_lab::scenario::{NODE1, NODE2, Pair};
use vipd_lab::tshark::Reading;
use vipd_lab::{Daemon, Stamp, packages};

const BEGINNING: Stamp = Stamp::from_nanos(0);

/// What a cell differs in.
#[derive(Clone, Copy)]
struct Cell {
    version: u8,
    ipv6: bool,
    unicast: bool,
    password: bool,
    virtual_mac: bool,
}

const V2: Cell =
    Cell { version: 2, ipv6: false, unicast: false, password: false, virtual_mac: false };
const V3: Cell = Cell { version: 3, ..V2 };
const V3_IPV6: Cell = Cell { ipv6: true, ..V3 };

impl Cell {
    fn addresses(self) -> Vec<IpAddr> {
        let text: &[&str] =
            if self.ipv6 { &["fe80::88:100", "fd88:88::100"] } else { &["10.88.88.100"] };
        text.iter().map(|text| text.parse().unwrap()).collect()
    }

    /// The better router on node 1, the worse on node 2.
    fn router(self, node: u8) -> Router {
        let mut router = Router::new(if node == 1 { 200 } else { 100 }, &self.addresses());
        router.version = self.version;
        if self.version == 2 {
            router.interval = Duration::from_secs(1);
        }
        router.virtual_mac = self.virtual_mac;
        router.password = self.password.then(|| "s3cret".to_owned());
        if self.unicast {
            let (own, other) = if node == 1 { (NODE1, NODE2) } else { (NODE2, NODE1) };
            let of = |address| -> IpAddr {
                if self.ipv6 { ipv6_of(address).into() } else { address.into() }
            };
            router.source = Some(of(own));
            router.peers = vec![of(other)];
        }
        router
    }

    fn play(self, first: &Daemon, second: &Daemon) {
        packages::ensure().unwrap();
        let (better, worse) = (self.router(1), self.router(2));
        let mut pair =
            Pair::routers((first, from_ref(&better)), (second, from_ref(&worse))).unwrap();
        let at = pair.one.running().unwrap().terminate().unwrap();
        pair.wait_served(at, 2).unwrap();
        pair.one.running().unwrap().wait(vipd_lab::scenario::LIMIT).unwrap();
        pair.one.daemon = None;
        let at = Stamp::now();
        pair.one.start_daemon(first).unwrap();
        pair.wait_served(at, 1).unwrap();
        let at = pair.one.power_off().unwrap();
        pair.wait_served(at, 2).unwrap();
        self.well_formed(&pair, [first, second]);
    }

    /// tshark finds nothing wrong with anything that vipd has sent.
    fn well_formed(self, pair: &Pair, daemons: [&Daemon; 2]) {
        let ours = if matches!(daemons[0], Daemon::Vipd { .. }) { &pair.one } else { &pair.two };
        let sent = pair.capture.adverts_of(&ours.node, BEGINNING);
        assert!(sent.len() > 1, "{} sent {} adverts", ours.name(), sent.len());
        for (_, advert) in &sent {
            assert!(advert.checksum_ok && advert.checksum != Checksum::Wrong, "{advert:?}");
            assert_eq!((advert.version, advert.vrid, advert.ttl), (self.version, 51, 255));
            assert_eq!(advert.tos, 0xc0, "{advert:?}");
            assert_eq!(advert.addresses, self.addresses(), "{advert:?}");
        }
        let reading = if self.version == 3 { Reading::PseudoHeader } else { Reading::Message };
        let opinion = pair.capture.examine(reading).unwrap();
        let port = ours.node.plug().port();
        let complaints: Vec<_> = opinion.complaints.iter().filter(|c| c.port == port).collect();
        assert!(complaints.is_empty(), "{complaints:?}");
    }
}

/// One module for each cell, one test for each way round.
macro_rules! cells {
    ($($name:ident: $peer:expr, $cell:expr;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn vipd_is_the_better_one() {
                $cell.play(&Daemon::vipd().unwrap(), &$peer);
            }

            #[test]
            fn vipd_is_the_worse_one() {
                $cell.play(&$peer, &Daemon::vipd().unwrap());
            }
        }
    )*};
}

cells! {
    keepalived_v2_ipv4_multicast: Daemon::Keepalived, V2;
    keepalived_v2_ipv4_multicast_pass: Daemon::Keepalived, Cell { password: true, ..V2 };
    keepalived_v2_ipv4_multicast_vmac: Daemon::Keepalived, Cell { virtual_mac: true, ..V2 };
    keepalived_v2_ipv4_unicast: Daemon::Keepalived, Cell { unicast: true, ..V2 };
    keepalived_v2_ipv4_unicast_pass: Daemon::Keepalived,
        Cell { unicast: true, password: true, ..V2 };
    keepalived_v3_ipv4_multicast: Daemon::Keepalived, V3;
    keepalived_v3_ipv4_multicast_vmac: Daemon::Keepalived, Cell { virtual_mac: true, ..V3 };
    keepalived_v3_ipv4_unicast: Daemon::Keepalived, Cell { unicast: true, ..V3 };
    keepalived_v3_ipv6_multicast: Daemon::Keepalived, V3_IPV6;
    keepalived_v3_ipv6_multicast_vmac: Daemon::Keepalived, Cell { virtual_mac: true, ..V3_IPV6 };
    keepalived_v3_ipv6_unicast: Daemon::Keepalived, Cell { unicast: true, ..V3_IPV6 };
    frr_v2_ipv4_multicast: Daemon::Frr, V2;
    frr_v2_ipv4_multicast_vmac: Daemon::Frr, Cell { virtual_mac: true, ..V2 };
    frr_v3_ipv4_multicast: Daemon::Frr, V3;
    frr_v3_ipv4_multicast_vmac: Daemon::Frr, Cell { virtual_mac: true, ..V3 };
    frr_v3_ipv6_multicast: Daemon::Frr, V3_IPV6;
    frr_v3_ipv6_multicast_vmac: Daemon::Frr, Cell { virtual_mac: true, ..V3_IPV6 };
}
