//! What all witnesses that listen in a thread of their own have in common. Decides nothing about
//! what they see.

use nix::unistd::gettid;
use std::process::{Command, Stdio};

/// Gives the calling thread a real-time schedule, so that its time stamps are right on a busy
/// machine. Where that is not permitted it goes on as it is: stamps are then late under load.
pub(crate) fn be_punctual() {
    let mut chrt = Command::new("chrt");
    chrt.args(["--fifo", "--pid", "40", &gettid().to_string()]);
    drop(chrt.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status());
}
