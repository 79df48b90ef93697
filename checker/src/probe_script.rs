//! What a script's run says about its check, in words. The run itself is asked of the parent by
//! number; this process starts nothing.

use nix::errno::Errno;
use std::time::Duration;
use vipd_types::Outcome;

/// One line for people: why the result is what it is. `timeout` is the check's own, `output` what the
/// script has printed first: of one that has not failed, nobody's business.
pub(crate) fn reason(outcome: Outcome, timeout: Duration, output: &str) -> String {
    let reason = match outcome {
        Outcome::Exited(0) => return "exited with status 0".to_owned(),
        Outcome::Exited(status) => format!("exited with status {status}"),
        Outcome::Signalled(signal) => format!("killed by signal {signal}"),
        Outcome::TimedOut => format!("timed out after {}", seconds(timeout)),
        Outcome::NotStarted(errno) => {
            format!("cannot be started: {}", Errno::from_raw(errno).desc())
        }
    };
    if output.is_empty() { reason } else { format!("{reason}: {output}") }
}

/// True when the starter did not run it because it works by another file than the run was meant
/// for.
pub(crate) fn was_meant_for_another_file(outcome: Outcome) -> bool {
    outcome == Outcome::NotStarted(libc::EINVAL)
}

pub(crate) fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speaks_plainly() {
        let two = Duration::from_secs(2);
        assert_eq!(reason(Outcome::Exited(1), two, ""), "exited with status 1");
        assert_eq!(reason(Outcome::Exited(2), two, "no server"), "exited with status 2: no server");
        assert_eq!(reason(Outcome::Exited(0), two, "well"), "exited with status 0");
        assert_eq!(reason(Outcome::Signalled(9), two, ""), "killed by signal 9");
        assert_eq!(reason(Outcome::TimedOut, two, ""), "timed out after 2 s");
        assert_eq!(reason(Outcome::TimedOut, two / 4, ""), "timed out after 0.5 s");
        assert_eq!(
            reason(Outcome::NotStarted(libc::EACCES), two, ""),
            "cannot be started: Permission denied"
        );
    }
}
