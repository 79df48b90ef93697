//! What the checker is told of each check: when it runs, what it asks, and whom. Checked values only.

use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::time::Duration;
use vipd_types::{ScriptId, TrackerId};

/// Checks of one configuration: as many as have descriptors for a connection each.
pub const CHECKS_MAX: usize = 8192;

/// Where hosts keep the certificates of those they trust: Debian, Fedora, SUSE, Alpine.
pub const SYSTEM_TRUST: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// A check as the checker needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckSlice {
    pub tracker: TrackerId,
    pub name: String,
    pub probe: ProbeSlice,
    /// Start to start.
    pub interval: Duration,
    /// What takes longer has failed. For a script, enforced by the starter.
    pub timeout: Duration,
    /// Each start is up to so much later than the interval says, by chance.
    pub jitter: Duration,
    pub rise: u32,
    pub fall: u32,
    /// Down until it has succeeded `rise` times.
    pub init_fail: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProbeSlice {
    /// Up while at least one process has the name. Answered from /proc and pidfds.
    Process(ProcessSlice),
    /// Up while the script exits 0. Run by the starter.
    Script(ScriptId),
    /// The number in a file, which is neither up nor down.
    Number { path: Vec<u8> },
    /// Up while the file is as wanted.
    File(FileSlice),
    /// Up while a server answers as wanted.
    Talk(Box<TalkSlice>),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSlice {
    pub path: Vec<u8>,
    /// Written to no longer ago than this.
    pub max_age: Option<Duration>,
    /// This is somewhere in its beginning.
    pub content: Option<Vec<u8>>,
}

/// A connection, and what is asked once it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TalkSlice {
    pub to: Place,
    pub http: Option<HttpSlice>,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    Tcp(SocketAddr),
    Unix(Vec<u8>),
}

/// A GET, and the answer that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpSlice {
    /// Path and query, as they go on the wire.
    pub target: String,
    /// The Host header.
    pub host: String,
    /// Any status in one of these ranges, both ends included.
    pub status: Vec<(u16, u16)>,
    /// This is somewhere in the beginning of the body.
    pub body: Option<Vec<u8>>,
    pub tls: Option<TlsSlice>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsSlice {
    /// The name or address that the certificate must be for; a name is told to the server.
    pub name: String,
    pub trust: Trust,
}

/// Whose signature under a certificate counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Trust {
    /// Those that the host's administrator trusts.
    System,
    /// Those in a file.
    File(Vec<u8>),
    /// Nobody's is needed: any certificate will do.
    Anybody,
}

/// What the checks of a configuration need and the walls must leave open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reach {
    /// Reading the files in a folder.
    Read(Vec<u8>),
    /// Being told of changes in folders.
    Watch,
    /// Connecting to the UNIX sockets in a folder.
    Unix(Vec<u8>),
    /// Connecting over TCP.
    Tcp,
}

/// What `killall -0`, `pidof` and `pgrep` ask, and `vrrp_track_process`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessSlice {
    pub name: Vec<u8>,
    pub how: ProcessMatch,
    /// Those behind argv\[0\]; `None` where they do not matter.
    pub arguments: Option<Arguments>,
    /// So many processes make it up, and no more.
    pub least: u32,
    pub most: u32,
}

impl ProcessSlice {
    /// Up while there is one.
    pub fn named(name: Vec<u8>, how: ProcessMatch) -> Self {
        Self { name, how, arguments: None, least: 1, most: u32::MAX }
    }
}

/// What the arguments of a process are compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arguments {
    pub words: Vec<Vec<u8>>,
    pub how: ArgumentMatch,
}

/// `param_match`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ArgumentMatch {
    /// These and no others.
    Exact,
    /// These come first.
    Initial,
    /// As `Initial`, and the last of them may be the beginning of one.
    Partial,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProcessMatch {
    /// `killall -0 NAME`: comm; a name of 15 bytes and more is also compared with argv\[0\]'s base.
    Killall,
    /// `pidof NAME`: argv\[0\] or its base name; comm where there is no argv\[0\] or it has a space.
    Pidof,
    /// `pgrep NAME`: NAME occurs in comm (only plain words are answered natively).
    Pgrep,
    /// `pgrep -x NAME`: comm equals NAME.
    PgrepExact,
    /// `vrrp_track_process`: comm equals the first 15 bytes of NAME.
    Comm,
    /// The same with `full_command` or arguments: argv\[0\] or its base name.
    Command,
}
