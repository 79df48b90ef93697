//! What instances can depend on beside scripts and interfaces: processes, files, and the checks that
//! the checker makes itself.

use std::net::SocketAddr;
use std::time::Duration;
use vipd_types::Weight;

/// `track_file`: the number in the file times the weight is added to the priority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackedFile {
    pub name: String,
    /// Absolute.
    pub path: Vec<u8>,
    pub weight: Weight,
    pub reverse: bool,
    pub init: Option<InitFile>,
}

/// `init_file`: the file is written when the daemon starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InitFile {
    pub value: i32,
    /// Also when it is there.
    pub overwrite: bool,
}

/// `vrrp_check`, our own: a question that the checker asks itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeCheck {
    pub name: String,
    pub question: Question,
    pub interval: Duration,
    pub timeout: Duration,
    pub jitter: Duration,
    pub weight: Weight,
    pub reverse: bool,
    pub rise: u32,
    pub fall: u32,
    pub init_fail: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Does a server take connections?
    Tcp(SocketAddr),
    /// The same on a UNIX socket; an absolute path.
    Unix(Vec<u8>),
    /// Does it answer a GET as wanted?
    Url(Box<Get>),
    /// Is a process of that name there?
    Process(Vec<u8>),
    /// Is there a file, and is it as wanted?
    File { path: Vec<u8>, max_age: Option<Duration>, content: Option<Vec<u8>> },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Get {
    pub server: SocketAddr,
    /// Path and query.
    pub target: String,
    /// `virtualhost`: the Host header; the address and port when the file says nothing.
    pub host: Option<String>,
    /// Ranges with both ends included.
    pub status: Vec<(u16, u16)>,
    pub body: Option<Vec<u8>>,
    /// Of https only.
    pub tls: Option<Tls>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// `sni_name`; else what `virtualhost` names, else the address.
    pub name: Option<String>,
    pub verify: bool,
    pub ca_file: Option<Vec<u8>>,
}

impl Get {
    /// What goes into the Host header.
    pub fn host(&self) -> String {
        self.host.clone().unwrap_or_else(|| {
            let usual = if self.tls.is_some() { 443 } else { 80 };
            let SocketAddr::V6(v6) = self.server else {
                let all = self.server.to_string();
                return if self.server.port() == usual {
                    self.server.ip().to_string()
                } else {
                    all
                };
            };
            let ip = v6.ip();
            if v6.port() == usual { format!("[{ip}]") } else { format!("[{ip}]:{}", v6.port()) }
        })
    }

    /// The name or address that the certificate must be for.
    pub fn server_name(&self) -> String {
        let said = self.tls.as_ref().and_then(|tls| tls.name.clone());
        let host = || self.host.as_deref().map(without_port).map(str::to_owned);
        said.or_else(host).unwrap_or_else(|| self.server.ip().to_string())
    }
}

/// `[::1]:80`, `web.example:80`, `web.example`
fn without_port(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.split(':').next().unwrap_or(host),
    }
}
