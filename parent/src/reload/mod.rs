//! From one configuration to the next, as a transaction: read all, check all, stage in every
//! process, commit. A configuration that is not good, or that one process refuses, changes nothing.
//! The first configuration of a run goes the same way.

mod commit;
mod stage;

use crate::daemon::{Daemon, Fatal};
use crate::kernel::Receiver;
use crate::load;
use crate::plan::{Numbers, Plan, reach};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use vipd_conf::Config;
use vipd_ipc::msg::ParentToEngine;
use vipd_types::{ClientId, Generation, IfName, Instant, SocketId};

/// A configuration that waits for the other processes.
pub(crate) struct Reloading {
    next: Next,
    receivers: BTreeMap<SocketId, Receiver>,
    by: Asker,
    waits_for: Waits,
    pub(crate) until: Instant,
}

/// A configuration that is not in force yet.
pub(crate) struct Next {
    pub(crate) config: Rc<Config>,
    pub(crate) plan: Plan,
    pub(crate) numbers: Numbers,
    /// Interfaces that were made for it.
    pub(crate) made: Vec<IfName>,
}

/// Who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asker {
    Start,
    Signal,
    /// An interface of ours was removed by somebody.
    Restore,
    Client(ClientId, Option<u32>),
}

#[derive(Debug, Clone, Copy)]
struct Waits {
    engine: bool,
    checker: bool,
    starter: bool,
}

impl Daemon {
    /// SIGHUP, or a client that may act.
    pub(crate) fn reload(&mut self, client: Option<ClientId>) -> Result<(), Fatal> {
        let by = match client {
            None => Asker::Signal,
            Some(client) => Asker::Client(client, self.listener.uid_of(client)),
        };
        if self.reloading.is_some() || self.ending.is_some() {
            return self.answer(by, false, "another reload, or the end, is under way");
        }
        if matches!(by, Asker::Client(_, None)) {
            return self.answer(by, false, "this connection is too old; connect again");
        }
        log::info!("Reloading ...");
        match self.read_plan() {
            Ok(next) => self.change_to(next, by),
            Err(text) => self.answer(by, false, &text),
        }
    }

    /// The configuration in force once more, because the kernel has lost something of it. It is
    /// still the same generation, and only the engine needs to know.
    pub(crate) fn restore(&mut self) -> Result<(), Fatal> {
        // What is under way looks at the kernel itself, or ends everything.
        if self.reloading.is_some() || self.ending.is_some() {
            return Ok(());
        }
        match self.plan_for(self.config.clone(), self.plan.digest, self.plan.generation) {
            Ok(next) => self.change_to(next, Asker::Restore),
            Err(text) => self.answer(Asker::Restore, false, &text),
        }
    }

    fn change_to(&mut self, next: Next, by: Asker) -> Result<(), Fatal> {
        if next.plan.is_same_as(&self.plan) {
            return self.answer(by, true, "nothing has changed");
        }
        let made = next.made.clone();
        let prepared = match self.lacks_right(&next.plan) {
            Some(text) => Err(text),
            None => self.prepare(next, by),
        };
        match prepared {
            Ok(staged) => self.stage(staged),
            Err(text) => {
                self.unmake_vmacs(&made);
                self.answer(by, false, &text)
            }
        }
    }

    /// What the new configuration wants and only a start can give.
    fn lacks_right(&self, plan: &Plan) -> Option<String> {
        if let Some(what) = plan.needs_starter().filter(|_| self.starter.is_none()) {
            return Some(format!(
                "the first script ({what}) needs a right (CAP_SETUID) that was given up at start \
                 because no script was configured then; restart vipd instead"
            ));
        }
        if let Some(fifo) = plan.tell.other_fifo(&self.plan.tell) {
            return Some(format!(
                "{}: a FIFO is made at the start, with rights that were given up then; restart \
                 vipd instead",
                fifo.keyword()
            ));
        }
        // What is checked already stays, also where a file has become a link to elsewhere.
        let known: BTreeSet<_> = self.plan.checks.iter().map(|check| check.tracker).collect();
        let new = plan.checks.iter().filter(|check| !known.contains(&check.tracker));
        let beyond = reach::beyond(&reach::reach(new), self.reach.as_ref()?)?;
        Some(format!(
            "the new checks need {beyond}, which the checker has shut itself out of at the start \
             because no check needed it then; restart vipd instead"
        ))
    }

    /// The configuration with which the daemon starts.
    pub(crate) fn stage_first(&mut self, next: Next) -> Result<(), Fatal> {
        let staged = self.prepare(next, Asker::Start);
        self.stage(staged.map_err(|text| Fatal::new("vipd", text))?)
    }

    fn read_plan(&mut self) -> Result<Next, String> {
        let loaded = load::read(&self.file, self.identity, &mut self.around)
            .map_err(|error| error.to_string())?;
        for diagnostic in &loaded.parsed.diagnostics {
            load::log(diagnostic);
        }
        if loaded.parsed.has_errors() {
            return Err(load::errors_of(&loaded.parsed));
        }
        let parsed = loaded.parsed;
        if parsed.config.globals.net_namespace != self.config.globals.net_namespace {
            return Err(
                "net_namespace has changed, and a running vipd stays where it is; restart \
                        it instead"
                    .to_owned(),
            );
        }
        let generation = Generation(self.plan.generation.0.wrapping_add(1));
        self.plan_for(Rc::new(parsed.config), parsed.digest, generation)
    }

    fn plan_for(
        &mut self,
        config: Rc<Config>,
        digest: u64,
        generation: Generation,
    ) -> Result<Next, String> {
        let mut numbers = self.numbers.clone();
        let wanted =
            numbers.name_vmacs(&config, &mut self.kernel).map_err(|error| error.to_string())?;
        let made = self.make_vmacs(&config, &wanted)?;
        match numbers.plan(&config, digest, generation, &mut self.kernel) {
            Ok(plan) => Ok(Next { config, plan, numbers, made }),
            Err(error) => {
                self.unmake_vmacs(&made);
                Err(error.to_string())
            }
        }
    }

    /// Tells whoever asked, the log and the audit trail how it ended.
    fn answer(&mut self, by: Asker, done: bool, text: &str) -> Result<(), Fatal> {
        if matches!(by, Asker::Start) {
            self.ready();
            return Ok(());
        }
        if by == Asker::Restore && done {
            log::info!("What was lost is back");
        } else if done {
            log::info!("Reload complete: {text}");
        } else {
            log::error!("Reload refused, nothing has changed: {text}");
        }
        match by {
            Asker::Start | Asker::Restore => Ok(()),
            Asker::Signal => {
                self.audit.reload("by=signal", done);
                Ok(())
            }
            Asker::Client(client, uid) => {
                let uid = uid.map_or_else(|| "unknown".to_owned(), |uid| uid.to_string());
                self.audit.reload(&format!("by=control uid={uid}"), done);
                self.permits.allow(client);
                let mut text = text.to_owned();
                text.truncate(text.floor_char_boundary(4000));
                self.tell_engine(&ParentToEngine::Reloaded { client, done, text })
            }
        }
    }
}
