//! A neighbour that sends wrong adverts as fast as one core can, and what that costs the others.
//! The program `flood` does the sending; this builds its packets, starts it and reads its account.

use crate::error::{Context, Error, Result};
use crate::forge::Forged;
use crate::node::Node;
use crate::spawned::Spawned;
use std::net::IpAddr;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

/// What is wrong with the packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Checksum,
    /// Right in itself, for another virtual router.
    Vrid,
    Ttl,
    Version,
    /// Not an advert.
    Type,
    /// Cut short at each length.
    Truncated,
    /// In version 2 a password where none is wanted; in version 3 bytes where none may be.
    Auth,
    /// Two seconds in version 2, zero in version 3.
    Interval,
    /// Right, with priority 1: whoever is MASTER may answer.
    Lower,
    /// Bytes without sense in an IP packet of protocol 112.
    Random,
    /// Each of the others in turn.
    All,
}

const NAMES: [(&str, Kind); 11] = [
    ("checksum", Kind::Checksum),
    ("vrid", Kind::Vrid),
    ("ttl", Kind::Ttl),
    ("version", Kind::Version),
    ("type", Kind::Type),
    ("truncated", Kind::Truncated),
    ("auth", Kind::Auth),
    ("interval", Kind::Interval),
    ("lower", Kind::Lower),
    ("random", Kind::Random),
    ("all", Kind::All),
];

impl FromStr for Kind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = NAMES.iter().find(|(name, _)| *name == text);
        found.map(|(_, kind)| *kind).ok_or_else(|| Error::new(format!("no such kind: {text}")))
    }
}

impl Kind {
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| *name)
    }
}

/// The packets of one kind, each an IP packet, made from a right advert.
pub fn packets(kind: Kind, right: &Forged) -> Vec<Vec<u8>> {
    let with = |change: &dyn Fn(&mut Forged)| {
        let mut forged = Forged { priority: 254, ..right.clone() };
        change(&mut forged);
        vec![forged.packet()]
    };
    match kind {
        Kind::Checksum => with(&|one| one.checksum_error = 1),
        Kind::Vrid => with(&|one| one.vrid = one.vrid.wrapping_add(1).max(1)),
        Kind::Ttl => with(&|one| one.ttl = 254),
        Kind::Version => with(&|one| one.version = 4),
        Kind::Type => with(&|one| one.kind = 2),
        Kind::Interval => with(&|one| one.interval = if one.version == 2 { 2 } else { 0 }),
        Kind::Lower => with(&|one| one.priority = 1),
        Kind::Auth => with(&|one| {
            if one.version == 2 {
                (one.auth_type, one.authentication) = (1, *b"password");
            } else {
                one.trailer = b"password".to_vec();
            }
        }),
        Kind::Truncated => {
            let whole = right.message().len();
            let cut = |length| Forged { cut_at: Some(length), ..right.clone() }.packet();
            (0..whole).map(cut).collect()
        }
        Kind::Random => random(right),
        Kind::All => {
            let others = NAMES.iter().filter(|(_, kind)| *kind != Kind::All);
            others.flat_map(|(_, kind)| packets(*kind, right)).collect()
        }
    }
}

/// The same ones each time (xorshift). None has the version and type of an advert, so that none is
/// right by chance.
fn random(right: &Forged) -> Vec<Vec<u8>> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut packet = || {
        let words = usize::from(next()[0] % 12);
        let mut bytes: Vec<u8> = (0..words).flat_map(|_| next()).collect();
        if let Some(first) = bytes.first_mut().filter(|first| matches!(**first, 0x21 | 0x31)) {
            *first = 0;
        }
        right.packet_with(&bytes)
    };
    (0..512).map(|_| packet()).collect()
}

/// A running flood. Dropped, it ends.
#[derive(Debug)]
pub struct Flood {
    program: Spawned,
    lasts: Duration,
}

impl Flood {
    /// Starts `program` (the built `flood`) on `neighbour` for `lasts`. `right` is what the packets
    /// are made from; only its addresses, version, VRID and list of addresses count.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(
        program: &Path,
        neighbour: &Node,
        kind: Kind,
        right: &Forged,
        lasts: Duration,
    ) -> Result<Self> {
        let own = neighbour.address().split('/').next().unwrap_or_default();
        let mut words: Vec<String> = vec![
            format!("--kind={}", kind.name()),
            format!("--own={own}"),
            format!("--source={}", right.source),
            format!("--destination={}", right.destination),
            format!("--version={}", right.version),
            format!("--vrid={}", right.vrid),
            format!("--interval={}", right.interval),
            format!("--seconds={}", lasts.as_secs_f64()),
        ];
        words.extend(right.addresses.iter().map(IpAddr::to_string));
        Ok(Self { program: neighbour.spawn(program, &words)?, lasts })
    }

    /// Waits for its end. Returns how many packets the kernel took from it.
    ///
    /// # Errors
    /// When it fails, or does not end 10 s after its time.
    pub fn finish(mut self) -> Result<u64> {
        let status = self.program.wait(self.lasts.saturating_add(Duration::from_secs(10)))?;
        let said = self.program.stdout();
        if !status.success() {
            return Err(Error::new(format!("flood: {} ({status})", self.program.stderr().trim())));
        }
        said.trim().parse().during(format_args!("flood said {said:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_one_that_is_not_right() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let v2 = Forged::new(ip("10.0.0.1"), ip("224.0.0.18"), 255, 100, ip("10.0.0.9"));
        let v6 = Forged::new(ip("fe80::1"), ip("ff02::12"), 255, 100, ip("fe80::9"));
        for right in [v2, v6] {
            let best = Forged { priority: 254, ..right.clone() }.packet();
            for (name, kind) in NAMES {
                assert_eq!(name.parse::<Kind>().unwrap(), kind);
                let all = packets(kind, &right);
                assert!(!all.is_empty() && !all.contains(&best), "{name}");
            }
        }
        assert!("none".parse::<Kind>().is_err());
    }
}
