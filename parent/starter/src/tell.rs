//! Notify commands and the readers of FIFOs: what each is told beside its own arguments, and what
//! the log is told of its end. Which are run, and in which order, is the parent's business.

use crate::book::{Entry, Plan};
use nix::errno::Errno;
use std::ffi::CString;
use std::time::Duration;
use vipd_types::{News, Outcome};

/// The plan of a command with the words that belong to this call. `notify` alone is told what has
/// happened: INSTANCE or GROUP, its name, the state, the priority.
pub(crate) fn plan(entry: &Entry, news: News, priority: u8) -> Result<Plan, Errno> {
    let Ok(plan) = &entry.plan else { return Err(Errno::EINVAL) };
    let mut plan = plan.clone();
    if let Some((kind, name)) = &entry.told_of {
        let words = [(*kind).to_owned(), name.clone(), news.to_string(), priority.to_string()];
        for word in words {
            plan.arguments.push(CString::new(word).map_err(|_| Errno::EINVAL)?);
        }
    }
    Ok(plan)
}

/// For the log: what is run, and for whom.
pub(crate) fn label(entry: &Entry) -> String {
    match &entry.plan {
        Ok(plan) => format!("{} {}", entry.name, plan.program.to_bytes().escape_ascii()),
        Err(_) => entry.name.clone(),
    }
}

/// One line for what did not go well.
pub(crate) fn log_end(label: &str, outcome: Outcome, limit: Duration) {
    match outcome {
        Outcome::Exited(0) => {}
        Outcome::Exited(status) => log::warn!("{label} exited with status {status}"),
        Outcome::Signalled(signal) => log::warn!("{label} was ended by signal {signal}"),
        Outcome::TimedOut => log::error!(
            "{label} did not end within {} s (notify_timeout): it was ended, with all that it \
             started",
            limit.as_secs_f64()
        ),
        Outcome::NotStarted(errno) => {
            log::error!("{label} cannot be started: {}", Errno::from_raw(errno).desc());
        }
    }
}
