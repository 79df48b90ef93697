//! Whose a FIFO becomes: the user behind its path, else the one who runs scripts. Looked up once, at
//! the start, while the rights to give it away are there.

use super::fifo::Pipe;
use crate::plan::TellPlan;
use nix::unistd::{Gid, Group, Uid, User};
use std::collections::BTreeMap;
use vipd_conf::config::{Fifo, FifoKind, ScriptUser};

/// Who runs scripts when the configuration names nobody, as in the starter.
const DEFAULTS: [&str; 2] = ["keepalived_script", "_vipd_script"];

/// Those that can be had. A node that cannot tell is still a node that can serve.
pub(crate) fn open_pipes(plan: &TellPlan, may_give: bool) -> BTreeMap<FifoKind, Pipe> {
    let mut pipes = BTreeMap::new();
    for (kind, fifo) in &plan.fifos {
        let owner = if may_give { owner(fifo, plan.user.as_ref()) } else { Ok(None) };
        let pipe = owner
            .and_then(|owner| Pipe::open(&fifo.path, owner).map_err(|error| error.to_string()));
        match pipe {
            Ok(pipe) => {
                pipes.insert(*kind, pipe);
            }
            Err(why) => log::error!(
                "{} {}: {why}; nothing is written to it",
                kind.keyword(),
                fifo.path.escape_ascii()
            ),
        }
    }
    pipes
}

/// `None`: it stays the caller's.
fn owner(fifo: &Fifo, global: Option<&ScriptUser>) -> Result<Option<(Uid, Gid)>, String> {
    let Some(named) = fifo.owner.as_ref().or(global) else {
        let by_name = |name: &&str| User::from_name(name).ok().flatten();
        let usual = DEFAULTS.iter().find_map(by_name);
        return Ok(usual.map(|user| (user.uid, user.gid)));
    };
    let user = User::from_name(&named.user).map_err(|e| format!("user {}: {e}", named.user))?;
    let user = user.ok_or_else(|| format!("no user {}", named.user))?;
    let gid = match &named.group {
        None => user.gid,
        Some(name) => {
            let group = Group::from_name(name).map_err(|e| format!("group {name}: {e}"))?;
            group.ok_or_else(|| format!("no group {name}"))?.gid
        }
    };
    Ok(Some((user.uid, gid)))
}
