//! Static addresses, routes and rules: there while the daemon runs, whoever is MASTER. They have no
//! lease, because they are this host's alone. What somebody removes is put back; if that does not
//! help, the instances that depend on it cannot be MASTER.

use crate::audit::{By, Reason, Subject};
use crate::daemon::{Daemon, Fatal};
use crate::held::Restores;
use crate::kernel::{Adding, Change, Kernel, Path};
use crate::paths::comes_back;
use crate::plan::{StaticPlan, Thing};
use nix::errno::Errno;
use std::collections::BTreeSet;
use vipd_types::{Generation, InstanceId};

#[derive(Debug)]
pub(crate) struct Static {
    plan: StaticPlan,
    state: State,
    restores: Restores,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Held,
    /// There, and not ours: left alone, and as good.
    Foreign,
    /// It could not be added: tried again whenever something has changed.
    Missing,
    /// It does not stay: until the next configuration.
    GivenUp,
    /// Somebody removed it, and it has `no_track`.
    LetGo,
}

impl Daemon {
    /// A new configuration: what differs, and nothing else.
    pub(crate) fn change_statics(&mut self, new: &[StaticPlan]) -> Result<(), Fatal> {
        let first = self.plan.generation == Generation(0);
        let reason = if first { Reason::Start } else { Reason::Reload };
        let old = std::mem::take(&mut self.statics);
        let stays = |one: &Static| new.iter().any(|plan| plan.thing.is_same_as(&one.plan.thing));
        let (mut old, gone): (Vec<Static>, Vec<Static>) = old.into_iter().partition(stays);
        self.remove_these(Reason::Reload, gone);
        for plan in new {
            let known = old.iter().position(|one| one.plan.thing.is_same_as(&plan.thing));
            let mut one = match known {
                Some(place) => old.swap_remove(place),
                None => Static {
                    plan: plan.clone(),
                    state: State::Missing,
                    restores: Restores::default(),
                },
            };
            one.plan = plan.clone();
            if known.is_none() || one.state == State::GivenUp {
                one.state = self.put(&plan.thing, reason, Adding::New);
            }
            self.statics.push(one);
        }
        // What stays may have gone with an address that does not.
        self.restore_statics()
    }

    /// The end.
    pub(crate) fn remove_statics(&mut self) {
        let all = std::mem::take(&mut self.statics);
        self.remove_these(Reason::Undo, all);
    }

    fn remove_these(&mut self, reason: Reason, statics: Vec<Static>) {
        for one in statics.into_iter().rev().filter(|one| one.state == State::Held) {
            self.take_thing(&one.plan.thing, reason);
        }
    }

    /// Adds it, or says why not. What could not be added again is not spoken of each time.
    fn put(&mut self, thing: &Thing, reason: Reason, adding: Adding) -> State {
        let result = self.add_thing(thing, adding);
        if result.is_ok() || reason != Reason::Restore {
            let who = subject(reason);
            match thing {
                Thing::Address(address) => self.audit.added(&who, address, result),
                Thing::Path(path) => self.audit.path_added(&who, path, result),
            }
        }
        match result {
            Ok(()) => State::Held,
            Err(Errno::EEXIST) => {
                if reason != Reason::Restore {
                    log::warn!("static {thing} is there already and is not ours: left alone");
                }
                State::Foreign
            }
            Err(errno) => {
                if reason != Reason::Restore {
                    log::error!("cannot add static {thing}: {errno}");
                }
                State::Missing
            }
        }
    }

    fn add_thing(&mut self, thing: &Thing, adding: Adding) -> Result<(), Errno> {
        let mut results = match thing {
            Thing::Address(address) => {
                let address = std::slice::from_ref(address);
                if let Err(why) = self.keep_neighbours(address) {
                    log::error!("{why}");
                    return Err(Errno::EPERM);
                }
                self.kernel.add(address, None)
            }
            Thing::Path(path) => self.kernel.add_paths(std::slice::from_ref(path), adding),
        };
        results.pop().unwrap_or(Err(Errno::ENOTCONN))
    }

    /// Something has changed in the kernel: whatever is missing is added again.
    pub(crate) fn restore_statics(&mut self) -> Result<(), Fatal> {
        let mut statics = std::mem::take(&mut self.statics);
        let mut lost = Vec::new();
        for one in &mut statics {
            let before = one.state;
            self.restore_static(one);
            let is_lost = matches!(one.state, State::Missing | State::GivenUp);
            if is_lost && matches!(before, State::Held | State::Foreign) {
                lost.push(one.plan.clone());
            }
        }
        self.statics = statics;
        for plan in lost {
            log::error!("static {} does not stay", plan.thing);
            for instance in plan.dependants {
                self.give_up(instance, &format!("it depends on static {}", plan.thing))?;
            }
        }
        Ok(())
    }

    fn restore_static(&mut self, one: &mut Static) {
        let thing = &one.plan.thing;
        // What the kernel takes with a link comes back with it.
        if one.state == State::Held && self.waits(thing) {
            return;
        }
        match one.state {
            State::GivenUp | State::LetGo => return,
            State::Held | State::Foreign => {
                let there = match thing {
                    Thing::Address(a) => self.absent(std::slice::from_ref(a)).is_empty(),
                    // Adding it again shows whether it is.
                    Thing::Path(path) => !comes_back(path),
                };
                if there {
                    return;
                }
            }
            State::Missing => {}
        }
        match self.put(thing, Reason::Restore, Adding::Again) {
            State::Held if one.state == State::Missing => one.state = State::Held,
            State::Held => {
                log::warn!("static {thing} had been removed, and is back");
                one.state = State::Held;
                if !one.restores.once_more(self.kernel.now()) {
                    self.take_thing(thing, Reason::Undo);
                    one.state = State::GivenUp;
                }
            }
            // It has been there all the time.
            State::Foreign if one.state == State::Held => {}
            other @ (State::Foreign | State::Missing | State::GivenUp | State::LetGo) => {
                one.state = other;
            }
        }
    }

    fn waits(&mut self, thing: &Thing) -> bool {
        match thing {
            Thing::Address(address) => !self.is_up((address.interface, address.index)),
            Thing::Path(path) => self.waits_for_link(path),
        }
    }

    fn take_thing(&mut self, thing: &Thing, reason: Reason) {
        let who = subject(reason);
        match thing {
            // What it fails with is in the log.
            Thing::Address(address) => drop(self.remove(&who, std::slice::from_ref(address))),
            Thing::Path(path) => self.remove_paths(&who, std::slice::from_ref(path)),
        }
    }

    /// After all changes of a turn.
    pub(crate) fn statics_heard(&mut self, changes: &[Change]) -> Result<(), Fatal> {
        if self.statics.is_empty() || !changes.iter().any(|one| self.concerns_statics(one)) {
            return Ok(());
        }
        self.restore_statics()
    }

    /// Renewals of leases, which come all the time, do not.
    fn concerns_statics(&self, change: &Change) -> bool {
        match change {
            Change::Link { state, .. } => state.up,
            Change::Added(present) => self.holder_of(present).is_none(),
            Change::LinkGone { .. }
            | Change::Removed(_)
            | Change::RouteGone(_)
            | Change::RuleGone
            | Change::Lost => true,
        }
    }

    /// Why this instance cannot be MASTER.
    pub(crate) fn lacks_static(&self, instance: InstanceId) -> Option<String> {
        let lacks = |one: &&Static| {
            let lacks = matches!(one.state, State::Missing | State::GivenUp);
            lacks && one.plan.dependants.contains(&instance)
        };
        let one = self.statics.iter().find(lacks)?;
        Some(format!("it depends on static {}, which is not there", one.plan.thing))
    }

    /// What somebody removes is his with `no_track`, unless it went with a link that is `down`.
    pub(crate) fn let_statics_go(&mut self, change: &Change, down: &BTreeSet<u32>) {
        let is = |thing: &Thing| match (change, thing) {
            (Change::Removed(present), Thing::Address(address)) => {
                present.is(address) && !down.contains(&present.index)
            }
            (Change::RouteGone(gone), Thing::Path(Path::Route(route))) => {
                gone.may_be(route) && down.is_empty()
            }
            _ => false,
        };
        for one in &mut self.statics {
            if one.state == State::Held && !one.plan.thing.track() && is(&one.plan.thing) {
                log::info!("static {} was removed, and has no_track", one.plan.thing);
                one.state = State::LetGo;
            }
        }
    }
}

fn subject(reason: Reason) -> Subject<'static> {
    Subject { instance: "", epoch: None, by: By::Parent, reason }
}
