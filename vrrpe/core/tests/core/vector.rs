//! The packet vectors as data: what each packet is, for which receiver, and what to expect of it.
//! Judges nothing.

use crate::common::{config, config_v3, config_v6};
use serde_json::Value;
use std::net::IpAddr;
use std::time::Duration;
use vipd_types::{Checksum, Peer, Priority, Vrid};
use vrrp_core::wire::Meta;
use vrrp_core::{Auth, Config, Transport};

pub(crate) struct Vector(pub(crate) Value);

pub(crate) fn data() -> Value {
    serde_json::from_str(include_str!("../vectors/vrrp.json")).unwrap()
}

pub(crate) fn all() -> Vec<Vector> {
    data()["vectors"].as_array().unwrap().iter().cloned().map(Vector).collect()
}

pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

impl Vector {
    pub(crate) fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap_or("")
    }

    pub(crate) fn name(&self) -> &str {
        self.text("name")
    }

    pub(crate) fn is_accepted(&self) -> bool {
        self.text("verdict") == "accept"
    }

    pub(crate) fn message(&self) -> Vec<u8> {
        bytes(self.text("hex"))
    }

    /// As it lies on the wire, with the padding of a short frame.
    pub(crate) fn packet(&self) -> Vec<u8> {
        [bytes(self.text("packet_hex")), bytes(self.text("padding_hex"))].concat()
    }

    pub(crate) fn meta(&self) -> Meta {
        Meta {
            source: self.text("src").parse().unwrap(),
            destination: self.text("dst").parse().unwrap(),
            ttl: u8::try_from(self.0["ip_header_ttl"].as_u64().unwrap()).unwrap(),
        }
    }

    pub(crate) fn receiver(&self) -> Config {
        receiver(self.text("receiver"))
    }

    /// Only what could be parsed has fields.
    pub(crate) fn field(&self, name: &str) -> Option<u64> {
        self.0["decoded"][name].as_u64()
    }

    pub(crate) fn addresses(&self) -> Vec<IpAddr> {
        let list = self.0["decoded"]["addresses"].as_array().unwrap();
        list.iter().map(|address| address.as_str().unwrap().parse().unwrap()).collect()
    }

    pub(crate) fn interval(&self) -> Duration {
        match (self.field("adver_int_s"), self.field("max_adver_int_cs")) {
            (Some(seconds), _) => Duration::from_secs(seconds),
            (_, Some(centis)) => Duration::from_millis(centis * 10),
            (None, None) => panic!("{} has no interval", self.name()),
        }
    }
}

/// A receiver of the data: strict about the form of the checksum, as their verdicts are.
fn receiver(name: &str) -> Config {
    let strict = |checksum| {
        let mut config = config_v3(100);
        config.options.checksum = checksum;
        config.options.strict_checksum = true;
        config
    };
    let plain = strict(Checksum::Plain);
    let peers = vec![Peer::new("192.0.2.2".parse().unwrap())];
    let unicast = Transport::Unicast { peers, check_source: true };
    let mut v2 = config(100);
    match name {
        "v2-two" => v2.addresses.push("192.0.2.254".parse().unwrap()),
        "v2-pass" => v2.auth = Auth::Pass(*b"secret12"),
        "v2-pass-abc" => v2.auth = Auth::Pass(*b"abc\0\0\0\0\0"),
        "v2-255s" => v2.advert_int = Duration::from_secs(255),
        "v2-checklist" => v2.options.drop_adv_addr_mismatch = true,
        "v2" => {}
        "v3-4" => return plain,
        "v3-4-pseudo" => return strict(Checksum::Pseudo),
        "v3-4-two-25cs" => {
            let addresses = vec!["192.0.2.1".parse().unwrap(), "192.0.2.254".parse().unwrap()];
            return Config { addresses, advert_int: Duration::from_millis(250), ..plain };
        }
        "v3-4-owner" => return Config { priority: Priority::OWNER, ..plain },
        "v3-4-unicast" => return Config { transport: unicast, ..plain },
        "v3-4-unicast-pseudo" | "v3-4-unicast-pseudo-old" => {
            return Config { transport: unicast, ..strict(Checksum::Pseudo) };
        }
        "v3-6" => return config_v6(100),
        "v3-6-ll" => {
            return Config { addresses: vec!["fe80::1".parse().unwrap()], ..config_v6(100) };
        }
        "v3-6-vrid255-10cs" => {
            let vrid = Vrid::try_from(255).unwrap();
            return Config { vrid, advert_int: Duration::from_millis(100), ..config_v6(100) };
        }
        other => panic!("no receiver {other}"),
    }
    v2
}
