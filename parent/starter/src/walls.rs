//! The walls this process puts around itself before it hears the first order. Its scripts inherit
//! the filter; its other limits are its own.

use crate::confine;
use caps::{CapSet, Capability, CapsHashSet};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};

/// To become a script's user, and to end a script then.
const KEPT: [Capability; 3] =
    [Capability::CAP_SETUID, Capability::CAP_SETGID, Capability::CAP_KILL];

#[derive(Debug)]
pub(crate) struct Walls {
    /// By name, for the log.
    pub(crate) missing: Vec<String>,
    /// Scripts can be run as somebody else.
    pub(crate) may_switch: bool,
}

/// `more` is for scripts that run as root.
pub(crate) fn build(more: &[&str]) -> Walls {
    let mut missing = Vec::new();
    // A terminal's ^C and a service manager's TERM go to every process of the group; only the
    // parent's word or end ends this one.
    let mut orders = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
        orders.add(signal);
    }
    note(&mut missing, "signal mask", orders.thread_block());
    note(&mut missing, "not dumpable", prctl::set_dumpable(false));
    let kept = kept(more, &mut missing);
    note(&mut missing, "bounding set", shrink_bounding(&kept));
    for (name, set) in [("ambient set", CapSet::Ambient), ("inheritable set", CapSet::Inheritable)]
    {
        note(&mut missing, name, caps::clear(None, set));
    }
    // Effective before permitted: it must always be a part of it.
    for (name, set) in [("effective set", CapSet::Effective), ("permitted set", CapSet::Permitted)]
    {
        note(&mut missing, name, caps::set(None, set, &kept));
    }
    note(&mut missing, "no_new_privs", prctl::set_no_new_privs());
    note(&mut missing, "system call filter", confine::apply());
    let may_switch =
        kept.contains(&Capability::CAP_SETUID) && kept.contains(&Capability::CAP_SETGID);
    Walls { missing, may_switch }
}

fn kept(more: &[&str], missing: &mut Vec<String>) -> CapsHashSet {
    let held = caps::read(None, CapSet::Permitted).unwrap_or_default();
    let mut kept: CapsHashSet = KEPT.into_iter().filter(|cap| held.contains(cap)).collect();
    for name in more {
        match name.to_uppercase().parse::<Capability>() {
            Ok(cap) if held.contains(&cap) => drop(kept.insert(cap)),
            Ok(_) => missing.push(format!("{name} of script_capabilities (not held)")),
            Err(error) => missing.push(format!("{name} of script_capabilities ({error})")),
        }
    }
    kept
}

fn shrink_bounding(kept: &CapsHashSet) -> Result<(), caps::errors::CapsError> {
    for cap in caps::read(None, CapSet::Bounding)?.difference(kept) {
        caps::drop(None, CapSet::Bounding, *cap)?;
    }
    Ok(())
}

fn note<E: std::fmt::Display>(missing: &mut Vec<String>, name: &str, done: Result<(), E>) {
    if let Err(error) = done {
        missing.push(format!("{name} ({error})"));
    }
}
