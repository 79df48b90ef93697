//! What this process may do: reads it at start, says which walls it cannot build, and gives up for
//! good what it does not need once the children run.

use crate::confine;
use caps::{CapSet, Capability, CapsHashSet};
use nix::sys::prctl::{set_dumpable, set_keepcaps, set_no_new_privs};
use nix::unistd::{Gid, Group, Uid, User, setgroups, setresgid, setresuid};

/// The capabilities the parent keeps: to change addresses, and to open raw and packet sockets.
pub(crate) const KEPT: [Capability; 2] = [Capability::CAP_NET_ADMIN, Capability::CAP_NET_RAW];

/// Accounts of the processes. `None` where the caller cannot change accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accounts {
    pub(crate) parent: Option<(Uid, Gid)>,
    pub(crate) engine: Option<(Uid, Gid)>,
    pub(crate) checker: Option<(Uid, Gid)>,
    /// May read the control socket.
    pub(crate) control: Option<Gid>,
}

#[derive(Debug)]
pub(crate) struct Rights {
    held: CapsHashSet,
    /// Who started vipd; he may act on the control socket, as root may.
    pub(crate) starter: Uid,
}

impl Rights {
    pub(crate) fn read() -> Self {
        let held = caps::read(None, CapSet::Effective).unwrap_or_default();
        Self { held, starter: Uid::current() }
    }

    pub(crate) fn has(&self, capability: Capability) -> bool {
        self.held.contains(&capability)
    }

    /// The rights without which vipd can do nothing.
    pub(crate) fn missing(&self) -> Vec<Capability> {
        KEPT.into_iter().filter(|one| !self.has(*one)).collect()
    }

    pub(crate) fn may_change_accounts(&self) -> bool {
        self.has(Capability::CAP_SETUID) && self.has(Capability::CAP_SETGID)
    }

    /// Walls that cannot stand, each in a sentence that says what would let it stand.
    pub(crate) fn missing_walls(&self) -> Vec<&'static str> {
        let mut walls = Vec::new();
        if !self.may_change_accounts() {
            walls.push(
                "all processes run as the user that started vipd (no CAP_SETUID, CAP_SETGID)",
            );
        }
        if !self.has(Capability::CAP_SYS_ADMIN) {
            walls.push("the engine has no empty network namespace (no CAP_SYS_ADMIN)");
        }
        if !self.has(Capability::CAP_SETPCAP) {
            walls.push("capability bounding sets are not emptied (no CAP_SETPCAP)");
        }
        walls
    }
}

/// Looks the accounts up; an account that is missing is an error, because the next best one would
/// be root.
pub(crate) fn accounts(rights: &Rights) -> Result<Accounts, String> {
    let control = Group::from_name("vipctl").ok().flatten().map(|group| group.gid);
    if !rights.may_change_accounts() {
        return Ok(Accounts { parent: None, engine: None, checker: None, control });
    }
    let find = |name: &str| match User::from_name(name) {
        Ok(Some(user)) if user.uid.is_root() => Err(format!("the account {name} is root's")),
        Ok(Some(user)) => Ok(Some((user.uid, user.gid))),
        Ok(None) => Err(format!(
            "there is no account {name}; make it with: useradd --system --user-group \
             --home-dir /nonexistent --shell /usr/sbin/nologin {name}"
        )),
        Err(errno) => Err(format!("account {name}: {errno}")),
    };
    Ok(Accounts {
        parent: find("_vipd")?,
        engine: find("_vipd_vrrpe")?,
        checker: find("_vipd_checker")?,
        control,
    })
}

/// Gives up everything but `KEPT`, for good, and closes the system calls that are not needed.
pub(crate) fn drop_rights(rights: &Rights, accounts: &Accounts) -> Result<(), String> {
    let failed = |what: &str, error: &dyn std::fmt::Display| format!("cannot drop {what}: {error}");
    let kept: CapsHashSet = KEPT.into_iter().collect();
    if rights.has(Capability::CAP_SETPCAP) {
        for one in caps::all().difference(&kept) {
            caps::drop(None, CapSet::Bounding, *one).map_err(|e| failed("the bounding set", &e))?;
        }
    }
    caps::clear(None, CapSet::Ambient).map_err(|e| failed("ambient capabilities", &e))?;
    if let Some((uid, gid)) = accounts.parent {
        set_keepcaps(true).map_err(|e| failed("the account", &e))?;
        setgroups(&[]).map_err(|e| failed("groups", &e))?;
        setresgid(gid, gid, gid).map_err(|e| failed("the group", &e))?;
        setresuid(uid, uid, uid).map_err(|e| failed("the account", &e))?;
        set_keepcaps(false).map_err(|e| failed("the account", &e))?;
    }
    // Effective first: it may never hold what Permitted does not.
    for set in [CapSet::Effective, CapSet::Permitted, CapSet::Effective] {
        caps::set(None, set, &kept).map_err(|e| failed("capabilities", &e))?;
    }
    caps::clear(None, CapSet::Inheritable).map_err(|e| failed("inheritable capabilities", &e))?;
    set_no_new_privs().map_err(|e| failed("new privileges", &e))?;
    set_dumpable(false).map_err(|e| failed("core dumps", &e))?;
    confine::apply().map_err(|e| failed("system calls", &e))
}
