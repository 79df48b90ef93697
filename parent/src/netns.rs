//! The network namespace in which the daemon runs: entered once, at the start, before anything looks
//! at the network. Knows a namespace by its name in /run/netns, as ip-netns(8) keeps it.

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use std::fs::File;
use std::path::Path;

const FOLDER: &str = "/run/netns";

/// In words why it could not be entered; true if a right is missing.
pub(crate) fn enter(name: &str) -> Result<(), (String, bool)> {
    let path = Path::new(FOLDER).join(name);
    let said = |what: String, right| (format!("network namespace {name}: {what}"), right);
    let file = File::open(&path).map_err(|error| {
        said(format!("{}: {error}; make it with: ip netns add {name}", path.display()), false)
    })?;
    setns(&file, CloneFlags::CLONE_NEWNET).map_err(|errno| {
        if errno == Errno::EPERM {
            return said("to enter it needs CAP_SYS_ADMIN".to_owned(), true);
        }
        said(errno.desc().to_owned(), false)
    })
}
