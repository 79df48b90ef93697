//! Moments as ctime(3) writes them, in the host's time zone: for the log file and the dumps, in the
//! form that keepalived's readers know.

use crate::sys;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Since 1970; zero for a clock that stands before it.
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// `Tue Nov 24 15:11:56 2026`, with `fraction` behind the seconds.
fn text(at: Duration, fraction: &str) -> String {
    let parts = i64::try_from(at.as_secs()).ok().and_then(sys::local_time);
    let Some(tm) = parts else { return "?".to_owned() };
    let word = |list: &[&'static str], index: libc::c_int| {
        usize::try_from(index).ok().and_then(|index| list.get(index).copied()).unwrap_or("?")
    };
    format!(
        "{} {} {:2} {:02}:{:02}:{:02}{fraction} {}",
        word(&DAYS, tm.tm_wday),
        word(&MONTHS, tm.tm_mon),
        tm.tm_mday,
        tm.tm_hour,
        tm.tm_min,
        tm.tm_sec,
        tm.tm_year.saturating_add(1900),
    )
}

pub(crate) fn short(at: Duration) -> String {
    text(at, "")
}

pub(crate) fn long(at: Duration) -> String {
    text(at, &format!(".{:06}", at.subsec_micros()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_the_form_of_ctime() {
        let at = Duration::new(1_795_533_116, 220_139_000);
        let (short, long) = (short(at), long(at));
        assert!(short.ends_with(" 2026") && short.contains(" Nov 24 "), "{short}");
        assert_eq!(short.len(), 24);
        assert_eq!(long, short.replace(" 2026", ".220139 2026"));
    }
}
