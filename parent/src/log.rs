//! The operators' log of all processes: formats lines, sends them to the log daemon over a socket
//! of our own that never blocks, and to the console or a file when asked. What a slow log daemon does not take
//! waits in a bounded backlog; one that stalls, dies or comes back costs lines, which are counted,
//! and nothing else.

use crate::args::LogArgs;
use crate::date;
use crate::identity::{Identity, Idents};
use log::{Level, LevelFilter, Log, Metadata, Record};
use nix::fcntl::OFlag;
use nix::unistd::Uid;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;
use syslog::{Facility, Formatter3164, LogFormat, Severity};
use vipd_ipc::msg;

const DEVICE: &str = "/dev/log";
/// The longest line that every log daemon takes (RFC 3164 4.1), less its head.
const LINE_MAX: usize = 900;
/// Of the audit trail, and of the daemon before it has a log.
const IDENT: &str = "vipd";
/// Lines that may wait. The kernel's queue of a log socket holds ten.
const BACKLOG: usize = 2048;
/// Lines of the audit trail may wait for longer than others.
const BACKLOG_AUDIT: usize = 16_384;
/// A log daemon that takes some of what waits is asked again after the first, one that takes
/// nothing less and less often.
const AGAIN: Duration = Duration::from_millis(5);
const AGAIN_MAX: Duration = Duration::from_millis(320);

static SINK: OnceLock<Mutex<Sink>> = OnceLock::new();

struct Sink {
    /// Lines go to the log daemon.
    syslog: bool,
    socket: Option<UnixDatagram>,
    facility: Facility,
    idents: &'static Idents,
    console: bool,
    file: Option<File>,
    waiting: VecDeque<Vec<u8>>,
    /// Lines that found no room since the last time that all was sent.
    lost: u64,
    again: Duration,
}

struct Facade;

/// From here on `log::info!` and its kin write the operators' log of this process.
pub(crate) fn start(args: &LogArgs, identity: Identity) -> io::Result<()> {
    let sink = Sink {
        syslog: args.syslog,
        socket: args.syslog.then(connect).flatten(),
        facility: args.facility,
        idents: identity.idents(),
        console: args.console,
        file: args.file.as_deref().map(open).transpose()?,
        waiting: VecDeque::new(),
        lost: 0,
        again: AGAIN,
    };
    let _ = SINK.set(Mutex::new(sink));
    let level = if args.detail { LevelFilter::Debug } else { LevelFilter::Info };
    if log::set_logger(&Facade).is_ok() {
        // Never Trace: netlink-proto would write out every message.
        log::set_max_level(level);
    }
    Ok(())
}

/// Others may write to the folder: only a file that is ours alone is written to.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600).custom_flags(flags.bits());
    let file = options.open(path)?;
    let meta = file.metadata()?;
    let ours = meta.is_file() && meta.nlink() == 1 && meta.uid() == Uid::effective().as_raw();
    if ours { Ok(file) } else { Err(io::Error::other("it is no file of this user")) }
}

/// A line of the audit trail. Only `audit` calls this.
pub(crate) fn audit(line: &str) {
    write(Kind::Audit, Severity::LOG_NOTICE, None, std::process::id(), line);
}

/// A line that a child sent; its words are cleaned and cannot look like another process's.
pub(crate) fn relay(ident: &'static str, pid: u32, level: msg::Level, text: &str) {
    let level = match level {
        msg::Level::Error => Level::Error,
        msg::Level::Warning => Level::Warn,
        msg::Level::Info => Level::Info,
        msg::Level::Debug => Level::Debug,
    };
    if level <= log::max_level() {
        write(Kind::Operators, severity(level), Some(ident), pid, text);
    }
}

impl Log for Facade {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Libraries speak only when something is wrong.
        metadata.target().starts_with("vipd") || metadata.level() <= Level::Warn
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let text = record.args().to_string();
            write(Kind::Operators, severity(record.level()), None, std::process::id(), &text);
        }
    }

    fn flush(&self) {}
}

fn severity(level: Level) -> Severity {
    match level {
        Level::Error => Severity::LOG_ERR,
        Level::Warn => Severity::LOG_WARNING,
        Level::Info => Severity::LOG_INFO,
        Level::Debug | Level::Trace => Severity::LOG_DEBUG,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Operators,
    Audit,
}

/// `child` speaks, or the parent.
fn write(kind: Kind, severity: Severity, child: Option<&'static str>, pid: u32, text: &str) {
    let Some(Ok(mut sink)) = SINK.get().map(Mutex::lock) else { return };
    let (facility, ident, limit) = match (kind, child) {
        (Kind::Audit, _) => (Facility::LOG_AUTHPRIV, IDENT, BACKLOG_AUDIT),
        (Kind::Operators, Some(name)) => (sink.facility, sink.idents.of_child(name), BACKLOG),
        (Kind::Operators, None) => (sink.facility, sink.idents.parent, BACKLOG),
    };
    for line in text.lines() {
        let line = clean(line);
        if sink.console {
            let _ = writeln!(io::stderr(), "{ident}[{pid}]: {line}");
        }
        if let Some(file) = &mut sink.file {
            let line = format!("{}: {ident}[{pid}]: {line}\n", date::short(date::now()));
            let _ = file.write_all(line.as_bytes());
        }
        if sink.syslog {
            sink.push(frame(facility, severity, ident, pid, &line), limit);
        }
    }
    sink.flush();
}

/// Sends what waits; says after what time to try again when something is left.
pub(crate) fn flush() -> Option<Duration> {
    let Some(Ok(mut sink)) = SINK.get().map(Mutex::lock) else { return None };
    let before = sink.waiting.len();
    sink.flush();
    let left = sink.waiting.len();
    let stuck = left > 0 && left >= before;
    sink.again = if stuck { sink.again.saturating_mul(2).min(AGAIN_MAX) } else { AGAIN };
    (left > 0).then_some(sink.again)
}

/// The last words: waits for a slow log daemon, but not for long.
pub(crate) fn finish() {
    for _ in 0..200 {
        if flush().is_none() || is_alone() {
            return;
        }
        std::thread::sleep(AGAIN);
    }
}

/// There is no log daemon, not even one that is being restarted: nobody to wait for.
fn is_alone() -> bool {
    !Path::new(DEVICE).exists()
}

fn frame(facility: Facility, severity: Severity, ident: &str, pid: u32, line: &str) -> Vec<u8> {
    let formatter = Formatter3164 { facility, hostname: None, process: ident.to_owned(), pid };
    let mut frame = Vec::with_capacity(LINE_MAX);
    let _ = formatter.format(&mut frame, severity, line);
    frame
}

impl Sink {
    fn push(&mut self, frame: Vec<u8>, limit: usize) {
        if self.waiting.len() < limit {
            self.waiting.push_back(frame);
        } else {
            self.lost = self.lost.saturating_add(1);
        }
    }

    fn flush(&mut self) {
        while let Some(frame) = self.waiting.pop_front() {
            if !self.send(&frame) {
                self.waiting.push_front(frame);
                return;
            }
        }
        if self.lost > 0 {
            let text =
                format!("{} log lines were lost: the log daemon did not take them", self.lost);
            let (facility, severity) = (self.facility, Severity::LOG_WARNING);
            let frame = frame(facility, severity, self.idents.parent, std::process::id(), &text);
            if self.send(&frame) {
                self.lost = 0;
            }
        }
    }

    /// True if the log daemon took the line. One that was restarted is found again.
    fn send(&mut self, frame: &[u8]) -> bool {
        if let Some(socket) = &self.socket {
            match socket.send(frame) {
                Ok(_) => return true,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(_) => self.socket = None,
            }
        }
        self.socket = connect();
        self.socket.as_ref().is_some_and(|socket| socket.send(frame).is_ok())
    }
}

fn connect() -> Option<UnixDatagram> {
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    socket.connect(DEVICE).ok()?;
    Some(socket)
}

/// One printable line of bounded length, whatever was in the text.
pub(crate) fn clean(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if line.len() > LINE_MAX {
            line.push_str("...");
            break;
        }
        if c.is_control() { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_printable_bounded_line() {
        assert_eq!(clean("a\nb\x1b[2Jc"), "a\\nb\\u{1b}[2Jc");
        assert!(clean(&"x".repeat(5000)).len() < 1000);
    }
}
