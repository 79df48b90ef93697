//! The log daemon of a node: what its programs write to /dev/log, with the time of arrival. Keeps
//! every line for the test; writes nothing itself.

use crate::clock::{self, Stamp};
use crate::error::{Context, Result};
use crate::witness::be_punctual;
use std::fmt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// One datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub at: Stamp,
    /// As in syslog.h without the shift: 3 is daemon, 10 authpriv.
    pub facility: u8,
    /// 0 is emergency, 3 error, 4 warning, 6 info, 7 debug.
    pub severity: u8,
    /// All that follows the `<N>`, as it was sent.
    pub text: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}.{} {}", self.at, self.facility, self.severity, self.text)
    }
}

#[derive(Debug)]
pub struct Syslog {
    lines: Arc<Mutex<Vec<Line>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Syslog {
    /// Listens on `path`, which the node mounts as /dev/log.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub(crate) fn listen(path: &Path) -> Result<Self> {
        let socket = UnixDatagram::bind(path).during(path.display())?;
        let everyone = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        std::fs::set_permissions(path, everyone).during(path.display())?;
        socket.set_read_timeout(Some(Duration::from_millis(100))).during("/dev/log")?;
        let (lines, stop) = (Arc::default(), Arc::<AtomicBool>::default());
        let (to, until) = (Arc::clone(&lines), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            be_punctual();
            listen(&socket, &to, &until);
        });
        Ok(Self { lines, stop, thread: Some(thread) })
    }

    /// Everything so far.
    pub fn lines(&self) -> Vec<Line> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Those of facility authpriv.
    pub fn audit(&self) -> Vec<Line> {
        self.lines().into_iter().filter(|line| line.facility == 10).collect()
    }

    /// The first line that contains `part`.
    pub fn find(&self, part: &str) -> Option<Line> {
        self.find_since(Stamp::from_nanos(0), part)
    }

    /// The first line at or after `since` that contains `part`.
    pub fn find_since(&self, since: Stamp, part: &str) -> Option<Line> {
        self.lines().into_iter().find(|line| line.at >= since && line.text.contains(part))
    }

    /// One line each, for the message of a failed test.
    pub fn text(&self) -> String {
        self.lines().iter().map(|line| format!("{line}\n")).collect()
    }
}

impl Drop for Syslog {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn listen(socket: &UnixDatagram, to: &Mutex<Vec<Line>>, until: &AtomicBool) {
    let mut buffer = vec![0; 65536];
    while !until.load(Ordering::Relaxed) {
        let Ok(length) = socket.recv(&mut buffer) else { continue };
        let line = decode(Stamp::now(), buffer.get(..length).unwrap_or_default());
        to.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        clock::ring();
    }
}

fn decode(at: Stamp, datagram: &[u8]) -> Line {
    let text = String::from_utf8_lossy(datagram);
    let text = text.trim_end_matches(['\n', '\0']);
    let split = text.strip_prefix('<').and_then(|rest| rest.split_once('>'));
    // RFC 3164: no number means user.notice, which is 13.
    let (number, text) = split
        .and_then(|(number, rest)| Some((number.parse::<u8>().ok()?, rest)))
        .unwrap_or((13, text));
    Line { at, facility: number >> 3, severity: number & 7, text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priority_is_decoded() {
        // 86 = authpriv (10) times 8 plus info (6).
        let line = decode(Stamp::now(), b"<86>Nov 24 vipd[7]: address=added\n");
        assert_eq!((line.facility, line.severity), (10, 6));
        assert_eq!(line.text, "Nov 24 vipd[7]: address=added");
    }

    #[test]
    fn without_priority_it_is_user_notice() {
        let line = decode(Stamp::now(), b"bare <x> text");
        assert_eq!((line.facility, line.severity, line.text.as_str()), (1, 5, "bare <x> text"));
    }
}
