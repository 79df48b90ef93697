//! Routes and rules of a term: they come after the addresses, go before them, and are put back when
//! somebody removes one. All or nothing, like the addresses.

use crate::audit::{By, Reason, Subject};
use crate::daemon::Daemon;
use crate::kernel::{Adding, Gone, Kernel, Path, Present};
use nix::errno::Errno;
use std::collections::BTreeSet;
use vipd_types::{Family, InstanceId};

impl Daemon {
    /// Adds all, or takes back what was added and says why.
    pub(crate) fn install_paths(
        &mut self,
        who: &Subject<'_>,
        paths: &[Path],
    ) -> Result<(), String> {
        let mut added = Vec::new();
        let mut refused = None;
        // One by one: a rule may need the one before it, and a gateway a route.
        for path in paths {
            let result = self.add_path(path, Adding::New);
            self.audit.path_added(who, path, result);
            match result {
                Ok(()) => added.push(path.clone()),
                Err(errno) => {
                    refused = Some(refusal(path, errno));
                    break;
                }
            }
        }
        let Some(reason) = refused else { return Ok(()) };
        let who = Subject { by: By::Parent, reason: Reason::Rollback, ..*who };
        self.remove_paths(&who, &added);
        Err(reason)
    }

    fn add_path(&mut self, path: &Path, adding: Adding) -> Result<(), Errno> {
        let mut verdicts = self.kernel.add_paths(std::slice::from_ref(path), adding);
        verdicts.pop().unwrap_or(Err(Errno::ENOTCONN))
    }

    /// The last first. One that stays is an error in the log and no more: it gives nobody an address.
    pub(crate) fn remove_paths(&mut self, who: &Subject<'_>, paths: &[Path]) {
        let backwards: Vec<Path> = paths.iter().rev().cloned().collect();
        let results = self.kernel.remove_paths(&backwards);
        for (path, result) in backwards.iter().zip(results) {
            if is_missing(result) {
                log::debug!("({}) {} {path} had gone already", who.instance, path.kind());
                continue;
            }
            self.audit.path_removed(who, path, result);
            if let Err(errno) = result {
                log::error!("({}) cannot remove {} {path}: {errno}", who.instance, path.kind());
            }
        }
    }

    /// Puts back what is missing, as far as links are up. Whether anything was, or why it cannot be
    /// there.
    pub(crate) fn restore_paths(
        &mut self,
        who: &Subject<'_>,
        paths: &[Path],
    ) -> Result<bool, String> {
        let mut restored = false;
        for path in paths.iter().filter(|path| comes_back(path)) {
            match self.add_path(path, Adding::Again) {
                Err(Errno::EEXIST) => {}
                Ok(()) => {
                    let (name, kind) = (who.instance, path.kind());
                    log::warn!("({name}) {kind} {path} had been removed, and is back");
                    self.audit.path_added(who, path, Ok(()));
                    restored = true;
                }
                // It comes back with the link.
                Err(_) if self.waits_for_link(path) => {}
                Err(errno) if !path.track() => {
                    log::info!("({}) {}", who.instance, refusal(path, errno));
                }
                Err(errno) => {
                    self.audit.path_added(who, path, Err(errno));
                    return Err(refusal(path, errno));
                }
            }
        }
        Ok(restored)
    }

    pub(crate) fn waits_for_link(&mut self, path: &Path) -> bool {
        let Path::Route(route) = path else { return false };
        let hops = route.wanted.hops.iter().zip(&route.indexes);
        let links: Vec<_> = hops.filter_map(|(hop, index)| Some((hop.dev?, (*index)?))).collect();
        links.into_iter().any(|link| !self.is_up(link))
    }

    /// Who may have lost a route with this one. One with `no_track` that went by itself is let go.
    pub(crate) fn route_gone(&mut self, gone: &Gone, link_went: bool) -> BTreeSet<InstanceId> {
        let mut doubtful = BTreeSet::new();
        for instance in self.held.instances() {
            let Some(term) = self.held.get(instance) else { continue };
            let is_it = |path: &&Path| matches!(path, Path::Route(route) if gone.may_be(route));
            let lost: Vec<Path> = term.paths.iter().filter(is_it).cloned().collect();
            for path in lost {
                if is_tracked(&path) {
                    doubtful.insert(instance);
                } else if !link_went && !self.waits_for_link(&path) {
                    let name = self.name(instance);
                    log::info!("({name}) {} {path} was removed, and is let go", path.kind());
                    self.held.let_path_go(instance, &path);
                }
            }
        }
        doubtful
    }

    /// Some rule was removed: only those that are tracked are looked for.
    pub(crate) fn holders_of_rules(&self) -> BTreeSet<InstanceId> {
        let rule = |path: &Path| matches!(path, Path::Rule(_)) && is_tracked(path);
        self.holders(rule)
    }

    /// The kernel removes routes with a link or a source address, and tells nobody.
    pub(crate) fn holders_of_routes(&self) -> BTreeSet<InstanceId> {
        self.holders(|path| matches!(path, Path::Route(_)))
    }

    /// A route that has this address as its source goes with it, and all routes of IPv4 over an
    /// interface go with its last address of IPv4. The kernel tells nobody.
    pub(crate) fn users_of(&self, present: &Present) -> BTreeSet<InstanceId> {
        let over = |index: &Option<u32>| index.is_none_or(|index| index == present.index);
        self.holders(|path| match path {
            Path::Route(route) if route.wanted.family == Family::V4 && present.ip.is_ipv4() => {
                route.wanted.source == Some(present.ip) || route.indexes.iter().any(over)
            }
            Path::Route(route) => route.wanted.source == Some(present.ip),
            Path::Rule(_) => false,
        })
    }

    fn holders(&self, is: impl Fn(&Path) -> bool) -> BTreeSet<InstanceId> {
        let has = |id: &InstanceId| self.held.get(*id).is_some_and(|t| t.paths.iter().any(&is));
        self.held.instances().into_iter().filter(has).collect()
    }

    /// Those of a new configuration for a term that goes on. `readdressed` says that an address has
    /// gone, and with it perhaps a route that stays.
    pub(crate) fn exchange_paths(
        &mut self,
        who: &Subject<'_>,
        instance: InstanceId,
        new: &[Path],
        readdressed: bool,
    ) -> Result<(), String> {
        let Some(term) = self.held.get(instance) else { return Ok(()) };
        let left = |path: &&Path| !is_in(&term.paths_let_go, path);
        let (stay, fresh): (Vec<Path>, Vec<Path>) =
            new.iter().filter(left).cloned().partition(|path| is_in(&term.paths, path));
        let all = new.iter().filter(left).cloned().collect();
        self.held.take_paths(instance, stay.clone());
        if readdressed {
            self.restore_paths(who, &stay)?;
        }
        self.install_paths(who, &fresh)?;
        self.held.take_paths(instance, all);
        Ok(())
    }
}

/// One that expires is not expected to stay.
fn is_tracked(path: &Path) -> bool {
    let expires = matches!(path, Path::Route(route) if route.wanted.expires.is_some());
    path.track() && !expires
}

/// The kernel takes routes away with a link, and they come back with it; a rule stays until somebody
/// removes it.
pub(crate) fn comes_back(path: &Path) -> bool {
    match path {
        Path::Route(route) => route.wanted.expires.is_none(),
        Path::Rule(rule) => rule.wanted.track,
    }
}

pub(crate) fn is_in(all: &[Path], one: &Path) -> bool {
    all.iter().any(|path| path.is_same_as(one))
}

pub(crate) fn is_missing(result: Result<(), Errno>) -> bool {
    matches!(result, Err(Errno::ESRCH | Errno::ENOENT | Errno::ENODEV))
}

fn refusal(path: &Path, errno: Errno) -> String {
    let kind = path.kind();
    if errno == Errno::EEXIST {
        return format!(
            "{kind} {path} is there already and is not ours; remove it, or take it out of \
             virtual_{kind}s"
        );
    }
    format!("cannot add {kind} {path}: {errno}")
}
