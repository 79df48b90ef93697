//! A second opinion on adverts: tshark decodes every one of a capture and says what it thinks is
//! wrong. Complaints are values; which of them matter is the test's business.

use crate::capture::Packet;
use crate::clock::Stamp;
use crate::error::{Context, Error, Result};
use crate::pcap;
use crate::run::output;
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// What tshark takes for the checksum of version 3 over IPv4 (its preference
/// `vrrp.v3_checksum_as_in_v2`). It knows one at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// With a pseudo-header, as keepalived and FRR read RFC 5798; tshark's default.
    PseudoHeader,
    /// The message alone, as RFC 9568 and version 2.
    Message,
}

/// What tshark said of all adverts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opinion {
    /// IP packets of protocol 112.
    pub packets: usize,
    /// Those of them that it understood as VRRP to the checksum, and found that right.
    pub good: usize,
    pub complaints: Vec<Complaint>,
}

/// One thing that is wrong with one packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    pub at: Stamp,
    /// The switch port it came from.
    pub port: String,
    pub kind: Kind,
    /// tshark's words; empty if it has none.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Of the VRRP message.
    BadChecksum,
    /// Of the IPv4 header.
    BadIpChecksum,
    /// It could not be decoded to its end.
    Malformed,
    /// Any other expert information, chats included.
    Expert,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {:?} {}", self.at, self.port, self.kind, self.text)
    }
}

const ADVERTS: &str = "ip.proto == 112 or ipv6.nxt == 112";
const FIELDS: [&str; 6] = [
    "frame.number",
    "ip.checksum.status",
    "vrrp.checksum.status",
    "_ws.malformed",
    "_ws.expert.severity",
    "_ws.expert.message",
];
const BAD: &str = "0";
const GOOD: &str = "1";
const LIMIT: Duration = Duration::from_secs(60);

/// Has tshark look at `packets`. Its file is written to `dir` and removed again.
///
/// # Errors
/// When the file cannot be written, or tshark fails or prints what is not understood.
pub fn examine(packets: &[Packet], reading: Reading, dir: &Path) -> Result<Opinion> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let file = dir.join(format!("tshark.{number}.pcap"));
    pcap::write(&file, packets)?;
    let said = run(&file, reading, dir);
    fs::remove_file(&file).during(file.display())?;
    let mut opinion = Opinion { packets: 0, good: 0, complaints: Vec::new() };
    for line in said?.lines() {
        judge(line, packets, &mut opinion)?;
    }
    Ok(opinion)
}

fn run(file: &Path, reading: Reading, dir: &Path) -> Result<String> {
    let as_in_v2 = match reading {
        Reading::PseudoHeader => "FALSE",
        Reading::Message => "TRUE",
    };
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(file).args(["-o", "ip.check_checksum:TRUE", "-o"]);
    command.arg(format!("vrrp.v3_checksum_as_in_v2:{as_in_v2}"));
    command.args(["-Y", ADVERTS, "-T", "fields", "-E", "separator=/t", "-E", "aggregator=;"]);
    for field in FIELDS {
        command.args(["-e", field]);
    }
    // The preferences of whoever runs this are no part of the opinion.
    command.env("WIRESHARK_CONFIG_DIR", dir);
    let result = output(command, "", LIMIT)?;
    if result.ok() {
        return Ok(result.stdout);
    }
    Err(Error::new(format!("tshark: {} ({})", result.stderr.trim(), result.status)))
}

fn judge(line: &str, packets: &[Packet], opinion: &mut Opinion) -> Result<()> {
    let words: Vec<&str> = line.split('\t').collect();
    let [number, ip, vrrp, malformed, severity, message] = words.as_slice() else {
        return Err(Error::new(format!("tshark said {line:?}")));
    };
    let index = number.parse::<usize>().during(line)?.checked_sub(1);
    let packet = index.and_then(|index| packets.get(index));
    let packet = packet.ok_or_else(|| Error::new(format!("tshark said {line:?}")))?;
    opinion.packets = opinion.packets.saturating_add(1);
    let mut kinds = Vec::new();
    kinds.extend((*ip == BAD).then_some(Kind::BadIpChecksum));
    kinds.extend((*vrrp == BAD).then_some(Kind::BadChecksum));
    kinds.extend((!malformed.is_empty()).then_some(Kind::Malformed));
    kinds.extend((kinds.is_empty() && !severity.is_empty()).then_some(Kind::Expert));
    if kinds.is_empty() && *vrrp == GOOD {
        opinion.good = opinion.good.saturating_add(1);
    }
    opinion.complaints.extend(kinds.into_iter().map(|kind| Complaint {
        at: packet.at,
        port: packet.port.clone(),
        kind,
        text: (*message).to_owned(),
    }));
    Ok(())
}
