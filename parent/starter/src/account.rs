//! Who runs a script: from names in the configuration to numbers, looked up once when the
//! configuration is read. Changes nothing of this process.

use nix::unistd::{Gid, Group, Uid, User, getgid, getgrouplist, getuid};
use std::ffi::CString;
use vipd_conf::config::ScriptUser;

/// Tried in this order when the configuration names nobody.
const DEFAULTS: [&str; 2] = ["keepalived_script", "_vipd_script"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) user: String,
    pub(crate) home: String,
    pub(crate) shell: String,
    /// `None`: the script stays what the starter is.
    pub(crate) ids: Option<Ids>,
    /// The configuration says root in so many words.
    pub(crate) is_root: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ids {
    pub(crate) uid: Uid,
    pub(crate) gid: Gid,
    pub(crate) groups: Vec<Gid>,
}

/// `own` is the script's `user`, `global` is `script_user`. The error is for people.
pub(crate) fn find(
    own: Option<&ScriptUser>,
    global: Option<&ScriptUser>,
    may_switch: bool,
) -> Result<Account, String> {
    if !may_switch {
        return Ok(myself());
    }
    if let Some(named) = own.or(global) {
        let user = by_name(&named.user)?.ok_or_else(|| format!("no user {}", named.user))?;
        return account(user, named.group.as_deref());
    }
    for name in DEFAULTS {
        if let Some(user) = by_name(name)? {
            return account(user, None);
        }
    }
    Err(format!(
        "nobody to run it as: write script_user in global_defs, or create the account {}",
        DEFAULTS.join(" or ")
    ))
}

fn by_name(name: &str) -> Result<Option<User>, String> {
    User::from_name(name).map_err(|e| format!("user {name}: {}", e.desc()))
}

fn account(user: User, group: Option<&str>) -> Result<Account, String> {
    let gid = match group {
        None => user.gid,
        Some(name) => {
            let group =
                Group::from_name(name).map_err(|e| format!("group {name}: {}", e.desc()))?;
            group.ok_or_else(|| format!("no group {name}"))?.gid
        }
    };
    let name = CString::new(user.name.as_str()).map_err(|_| "no user name".to_string())?;
    let groups =
        getgrouplist(&name, gid).map_err(|e| format!("groups of {}: {}", user.name, e.desc()))?;
    let ids = Some(Ids { uid: user.uid, gid, groups });
    Ok(Account { is_root: user.uid.is_root(), ids, ..described(user) })
}

fn described(user: User) -> Account {
    Account {
        user: user.name,
        home: user.dir.to_string_lossy().into_owned(),
        shell: user.shell.to_string_lossy().into_owned(),
        ids: None,
        is_root: false,
    }
}

fn myself() -> Account {
    let uid = getuid();
    match User::from_uid(uid) {
        Ok(Some(user)) => described(user),
        _ => Account {
            user: format!("{uid}:{}", getgid()),
            home: "/".to_string(),
            shell: "/bin/sh".to_string(),
            ids: None,
            is_root: false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(user: &str, group: Option<&str>) -> ScriptUser {
        ScriptUser { user: user.into(), group: group.map(Into::into) }
    }

    #[test]
    fn the_scripts_own_user_goes_before_the_global_one() {
        let (daemon, root) = (named("daemon", None), named("root", Some("daemon")));
        let found = find(Some(&daemon), Some(&root), true).unwrap();
        assert_eq!((found.user.as_str(), found.is_root), ("daemon", false));
        let found = find(None, Some(&root), true).unwrap();
        assert!(found.is_root);
        assert_eq!(found.ids.unwrap().gid, Gid::from_raw(1));
    }

    #[test]
    fn unknown_names_are_refused_with_the_name() {
        let nobody = named("no-such-user-here", None);
        let error = find(Some(&nobody), None, true).unwrap_err();
        assert!(error.contains("no-such-user-here"), "{error}");
        let group = named("daemon", Some("no-such-group-here"));
        assert!(find(None, Some(&group), true).unwrap_err().contains("no-such-group-here"));
    }

    #[test]
    fn without_the_right_to_switch_nobody_is_looked_up() {
        let nobody = named("no-such-user-here", None);
        assert_eq!(find(Some(&nobody), None, false).unwrap().ids, None);
    }
}
