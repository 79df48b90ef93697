//! The operators' log: records become messages to the parent. Bounded and paced here, so that a
//! check that fails in every way it can does not flood anyone. Opens nothing.

use crate::clock;
use log::{LevelFilter, Log, Metadata, Record};
use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use vipd_ipc::msg::{CheckerToParent, Level, TEXT_MAX};
use vipd_types::Instant;

/// Records that may wait for the loop to send them.
const QUEUE_MAX: usize = 256;
/// Records at once, and how long one of them takes to be earned back.
const BURST: u32 = 100;
const PER_RECORD: Duration = Duration::from_millis(100);

static QUEUE: Mutex<Queue> = Mutex::new(Queue::new());

pub(crate) fn start() {
    // Fails only if a logger is already there.
    if log::set_logger(&ToParent).is_ok() {
        log::set_max_level(LevelFilter::Debug);
    }
}

/// What has been logged since the last call.
pub(crate) fn drain() -> Vec<CheckerToParent> {
    QUEUE.lock().unwrap_or_else(PoisonError::into_inner).take(clock::now())
}

/// One bounded line on descriptor 2, for a process that ends.
pub(crate) fn last_words(text: &str) {
    let mut line = format!("vipd-checker: {}", text.escape_default());
    truncate(&mut line, 512);
    line.push('\n');
    let _ = std::io::stderr().write_all(line.as_bytes());
}

pub(crate) fn say_panics_in_one_line() {
    std::panic::set_hook(Box::new(|info| last_words(&info.to_string())));
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
        let text = record.args().to_string();
        QUEUE.lock().unwrap_or_else(PoisonError::into_inner).put(clock::now(), level, text);
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
        let Some(budget) = self.budget.checked_sub(1) else {
            self.lost = self.lost.saturating_add(1);
            return;
        };
        if self.waiting.len() >= QUEUE_MAX {
            self.lost = self.lost.saturating_add(1);
            return;
        }
        self.budget = budget;
        truncate(&mut text, TEXT_MAX);
        self.waiting.push_back((level, text));
    }

    fn take(&mut self, now: Instant) -> Vec<CheckerToParent> {
        self.earn(now);
        if self.lost > 0 && self.budget > 0 {
            let text = format!("{} lines of the checker were dropped: too many", self.lost);
            self.waiting.push_back((Level::Warning, text));
            self.lost = 0;
        }
        let all = self.waiting.drain(..);
        all.map(|(level, text)| CheckerToParent::Log { level, text }).collect()
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

/// Cuts at a character, not inside one.
pub(crate) fn truncate(text: &mut String, max: usize) {
    let cut = (0..=max.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.truncate(cut.unwrap_or(0));
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
        assert_eq!(queue.take(at(1)).len(), 100);
        queue.put(at(2), Level::Info, "later".to_string());
        let later = queue.take(at(2));
        assert_eq!(later.len(), 2);
        let CheckerToParent::Log { text, .. } = &later[1] else { panic!() };
        assert!(text.starts_with("400 lines"), "{text}");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let mut queue = Queue::new();
        queue.put(at(1), Level::Info, "é".repeat(2000));
        let CheckerToParent::Log { text, .. } = &queue.take(at(1))[0] else { panic!() };
        assert_eq!(text.len(), TEXT_MAX);
    }
}
