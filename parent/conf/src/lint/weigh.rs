//! The priority of an instance while its checks are well or not, with the sum as people write it.
//! The rules are those of the engine.

use super::Router;
use crate::config::{Target, Track};
use std::fmt::{Display, Formatter, Result, Write};
use vipd_types::Priority;

/// `101 + 10 - 2 = 109`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) value: i32,
    text: String,
}

impl Display for Sum {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(&self.text)
    }
}

/// What the instance tracks that is well or not: a number in a file is neither.
pub(super) fn checks<'a>(router: &Router<'a>) -> impl Iterator<Item = &'a Track> {
    router.i.tracks.iter().filter(|track| !matches!(track.target, Target::File(_)))
}

/// What a check adds while it is well, or not. With `reverse` it is well while it fails.
pub(super) fn adds(track: &Track, is_well: bool) -> i32 {
    let weight = i32::from(track.weight.get());
    if (weight > 0) == is_well { weight } else { 0 }
}

/// What it does when it is not well.
pub(super) fn event(track: &Track) -> &'static str {
    if track.reverse { "succeeds" } else { "fails" }
}

/// With all checks well but those in `failed`.
pub(super) fn sum(router: &Router, failed: &[Target]) -> Sum {
    let base = i32::from(router.i.priority.get());
    if router.i.priority.is_owner() {
        return Sum { value: base, text: "255 (the owner)".to_owned() };
    }
    let mut text = base.to_string();
    let mut total = base;
    for track in checks(router) {
        let term = adds(track, !failed.contains(&track.target));
        if term != 0 {
            let sign = if term < 0 { '-' } else { '+' };
            let _ = write!(text, " {sign} {}", term.unsigned_abs());
            total = total.saturating_add(term);
        }
    }
    let value = total.clamp(1, i32::from(Priority::OWNER.get()).saturating_sub(1));
    if total != base || value != total {
        let _ = write!(text, " = {total}");
    }
    if value != total {
        let _ = write!(text, ", cut to {value}");
    }
    Sum { value, text }
}
