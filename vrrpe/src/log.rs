//! The engine's logger: lines wait here until the loop hands them to the parent, who writes them.
//! Bounded in number, rate and length, so that nothing a peer does can flood the host's log.

use crate::clock;
use log::{LevelFilter, Log, Metadata, Record};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use vipd_ipc::msg::{EngineToParent, Level, TEXT_MAX};
use vipd_types::Instant;

/// Lines per second that are passed on.
const RATE_MAX: u32 = 200;

static LOGGER: Logger = Logger {
    queue: Mutex::new(Queue {
        lines: VecDeque::new(),
        window: Instant::from_nanos(0),
        used: 0,
        suppressed: 0,
    }),
};

/// Makes the `log` macros end here.
pub(crate) fn init() {
    if log::set_logger(&LOGGER).is_ok() {
        log::set_max_level(LevelFilter::Debug);
    }
}

/// The next waiting line as a message.
pub(crate) fn next() -> Option<EngineToParent> {
    let mut queue = LOGGER.lock();
    queue.lines.pop_front().map(|(level, text)| EngineToParent::Log { level, text })
}

struct Logger {
    queue: Mutex<Queue>,
}

#[derive(Debug)]
struct Queue {
    lines: VecDeque<(Level, String)>,
    window: Instant,
    used: u32,
    suppressed: u64,
}

impl Logger {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Debug
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.lock().push(clock::now(), level(record.level()), record.args().to_string());
        }
    }

    fn flush(&self) {}
}

impl Queue {
    fn push(&mut self, now: Instant, level: Level, mut text: String) {
        if now.since(self.window) >= Duration::from_secs(1) {
            self.window = now;
            self.used = 0;
            if self.suppressed > 0 {
                let lost = format!("{} log lines suppressed", self.suppressed);
                self.lines.push_back((Level::Warning, lost));
                self.suppressed = 0;
            }
        }
        if self.used >= RATE_MAX {
            self.suppressed = self.suppressed.saturating_add(1);
            return;
        }
        self.used = self.used.saturating_add(1);
        let fits = |n: &usize| text.is_char_boundary(*n);
        let end = (0..=TEXT_MAX.min(text.len())).rev().find(fits).unwrap_or(0);
        text.truncate(end);
        self.lines.push_back((level, text));
    }
}

fn level(level: log::Level) -> Level {
    match level {
        log::Level::Error => Level::Error,
        log::Level::Warn => Level::Warning,
        log::Level::Info => Level::Info,
        log::Level::Debug | log::Level::Trace => Level::Debug,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> Queue {
        Queue { lines: VecDeque::new(), window: Instant::from_nanos(0), used: 0, suppressed: 0 }
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let mut queue = queue();
        queue.push(Instant::from_nanos(1), Level::Info, "\u{e9}".repeat(TEXT_MAX));
        let (_, text) = queue.lines.pop_front().unwrap();
        assert!(text.len() <= TEXT_MAX && text.len() >= TEXT_MAX - 1);
    }

    #[test]
    fn a_flood_is_counted_and_reported_in_the_next_second() {
        let mut queue = queue();
        for _ in 0..RATE_MAX + 5 {
            queue.push(Instant::from_nanos(1), Level::Info, "x".into());
        }
        assert_eq!(queue.lines.len(), RATE_MAX as usize);
        queue.push(Instant::from_nanos(1_100_000_000), Level::Info, "y".into());
        let texts: Vec<_> = queue.lines.iter().rev().take(2).map(|(_, t)| t.as_str()).collect();
        assert_eq!(texts, ["y", "5 log lines suppressed"]);
    }
}
