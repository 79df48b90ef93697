//! The log of a process that has no log daemon: records wait here until its loop hands them to the
//! parent, who writes them. Bounded in number, pace and length, so that nothing a peer or a failing
//! check does can flood the host's log. Opens nothing.

use crate::clock;
use crate::msg::{Level, TEXT_MAX};
use log::{LevelFilter, Log, Metadata, Record};
use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use vipd_types::Instant;

/// Records that may wait for the loop to send them.
const QUEUE_MAX: usize = 256;
/// Records at once, and how long one of them takes to be earned back.
const BURST: u32 = 200;
const PER_RECORD: Duration = Duration::from_millis(50);
/// Longest line on descriptor 2, in bytes.
const LAST_WORDS_MAX: usize = 512;

static QUEUE: Mutex<Queue> = Mutex::new(Queue::new());

/// From here on the macros of `log` end here.
pub fn start() {
    // Fails only if a logger is already there.
    if log::set_logger(&ToParent).is_ok() {
        log::set_max_level(LevelFilter::Debug);
    }
}

/// What has been logged since the last call. Allocates nothing when that is nothing.
pub fn drain() -> Vec<(Level, String)> {
    queue().take(clock::now())
}

/// One bounded line on descriptor 2, for a process that ends.
pub fn last_words(name: &str, text: &str) {
    let mut line = format!("{name}: {}", text.escape_default());
    truncate(&mut line, LAST_WORDS_MAX);
    line.push('\n');
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// A panic is one line and exit status 101: the abort that would follow needs system calls that a
/// confined process does not have.
pub fn say_panics_in_one_line(name: &'static str) {
    std::panic::set_hook(Box::new(move |info| {
        last_words(name, &info.to_string());
        std::process::exit(101)
    }));
}

/// Cuts at a character, not inside one.
pub fn truncate(text: &mut String, max: usize) {
    text.truncate(text.floor_char_boundary(max));
}

fn queue() -> MutexGuard<'static, Queue> {
    QUEUE.lock().unwrap_or_else(PoisonError::into_inner)
}

struct ToParent;

impl Log for ToParent {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let level = match record.level() {
            log::Level::Error => Level::Error,
            log::Level::Warn => Level::Warning,
            log::Level::Info => Level::Info,
            log::Level::Debug | log::Level::Trace => Level::Debug,
        };
        queue().put(clock::now(), level, record.args().to_string());
    }

    fn flush(&self) {}
}

struct Queue {
    waiting: VecDeque<(Level, String)>,
    budget: u32,
    earned: Instant,
    lost: u64,
}

impl Queue {
    const fn new() -> Self {
        let earned = Instant::from_nanos(0);
        Self { waiting: VecDeque::new(), budget: BURST, earned, lost: 0 }
    }

    fn put(&mut self, now: Instant, level: Level, mut text: String) {
        self.earn(now);
        let budget = self.budget.checked_sub(1);
        let Some(budget) = budget.filter(|_| self.waiting.len() < QUEUE_MAX) else {
            self.lost = self.lost.saturating_add(1);
            return;
        };
        self.budget = budget;
        truncate(&mut text, TEXT_MAX);
        self.waiting.push_back((level, text));
    }

    fn take(&mut self, now: Instant) -> Vec<(Level, String)> {
        self.earn(now);
        if self.lost > 0 && self.budget > 0 {
            let text = format!("{} log lines were dropped: too many", self.lost);
            self.waiting.push_back((Level::Warning, text));
            self.lost = 0;
        }
        self.waiting.drain(..).collect()
    }

    fn earn(&mut self, now: Instant) {
        let per = PER_RECORD.as_nanos().max(1);
        let records = now.since(self.earned).as_nanos().checked_div(per).unwrap_or(0);
        if records > 0 {
            self.earned = now;
            let records = u32::try_from(records).unwrap_or(u32::MAX);
            self.budget = self.budget.saturating_add(records).min(BURST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(0).plus(Duration::from_secs(seconds))
    }

    #[test]
    fn a_flood_is_cut_and_counted() {
        let mut queue = Queue::new();
        for _ in 0..500 {
            queue.put(at(1), Level::Info, "x".to_string());
        }
        assert_eq!(queue.take(at(1)).len(), 200);
        queue.put(at(2), Level::Info, "later".to_string());
        let later = queue.take(at(2));
        assert_eq!(later.len(), 2);
        assert!(later[1].1.starts_with("300 log lines"), "{later:?}");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let mut queue = Queue::new();
        queue.put(at(1), Level::Info, "é".repeat(2000));
        assert_eq!(queue.take(at(1))[0].1.len(), TEXT_MAX);
        queue.put(at(1), Level::Info, format!("x{}", "é".repeat(2000)));
        assert_eq!(queue.take(at(1))[0].1.len(), TEXT_MAX - 1);
    }
}
