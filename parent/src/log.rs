//! The operators' log of all processes: formats lines, sends them to the log daemon over a socket
//! of our own that never blocks, and to the console when asked. What a slow log daemon does not take
//! waits in a bounded backlog; one that stalls, dies or comes back costs lines, which are counted,
//! and nothing else.

use log::{Level, LevelFilter, Log, Metadata, Record};
use std::collections::VecDeque;
use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;
use syslog::{Facility, Formatter3164, LogFormat, Severity};
use vipd_ipc::msg;

const DEVICE: &str = "/dev/log";
/// The longest line that every log daemon takes (RFC 3164 4.1), less its head.
const LINE_MAX: usize = 900;
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

#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    pub(crate) console: bool,
    pub(crate) detail: bool,
}

struct Sink {
    socket: Option<UnixDatagram>,
    console: bool,
    waiting: VecDeque<Vec<u8>>,
    /// Lines that found no room since the last time that all was sent.
    lost: u64,
    again: Duration,
}

struct Facade;

/// From here on `log::info!` and its kin write the operators' log of this process.
pub(crate) fn start(options: Options) {
    let (socket, console, waiting) = (connect(), options.console, VecDeque::new());
    let sink = Sink { socket, console, waiting, lost: 0, again: AGAIN };
    let _ = SINK.set(Mutex::new(sink));
    let level = if options.detail { LevelFilter::Debug } else { LevelFilter::Info };
    if log::set_logger(&Facade).is_ok() {
        // Never Trace: netlink-proto would write out every message.
        log::set_max_level(level);
    }
}

/// A line of the audit trail. Only `audit` calls this.
pub(crate) fn audit(line: &str) {
    write(Facility::LOG_AUTHPRIV, Severity::LOG_NOTICE, IDENT, std::process::id(), line);
}

/// A line that a child sent; its words are cleaned and cannot look like another process's.
pub(crate) fn relay(ident: &str, pid: u32, level: msg::Level, text: &str) {
    let level = match level {
        msg::Level::Error => Level::Error,
        msg::Level::Warning => Level::Warn,
        msg::Level::Info => Level::Info,
        msg::Level::Debug => Level::Debug,
    };
    if level <= log::max_level() {
        write(Facility::LOG_DAEMON, severity(level), ident, pid, text);
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
            write(Facility::LOG_DAEMON, severity(record.level()), IDENT, std::process::id(), &text);
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

fn write(facility: Facility, severity: Severity, ident: &str, pid: u32, text: &str) {
    let Some(Ok(mut sink)) = SINK.get().map(Mutex::lock) else { return };
    for line in text.lines() {
        let line = clean(line);
        if sink.console {
            let _ = writeln!(std::io::stderr(), "{ident}[{pid}]: {line}");
        }
        let limit =
            if matches!(facility, Facility::LOG_AUTHPRIV) { BACKLOG_AUDIT } else { BACKLOG };
        sink.push(frame(facility, severity, ident, pid, &line), limit);
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
        if flush().is_none() {
            return;
        }
        std::thread::sleep(AGAIN);
    }
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
            let (facility, severity) = (Facility::LOG_DAEMON, Severity::LOG_WARNING);
            let frame = frame(facility, severity, IDENT, std::process::id(), &text);
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
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return false,
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
