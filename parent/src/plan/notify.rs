//! Who is told of what: the notify commands of each instance and sync group by their numbers, and the
//! FIFOs. Text stays in the configuration; the starter has read it itself.

use std::collections::BTreeMap;
use std::time::Duration;
use vipd_conf::config::{Config, Fifo, FifoKind, Notify, Occasion, ScriptUser, Subject};
use vipd_types::{NotifyId, Object};

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct TellPlan {
    pub(crate) objects: BTreeMap<Object, ObjectPlan>,
    pub(crate) fifos: BTreeMap<FifoKind, Fifo>,
    pub(crate) stop_limit: Duration,
    pub(crate) states_on_reload: bool,
    /// What the starter makes of it, so that a change of it is a change.
    limit: Duration,
    /// `script_user`
    pub(crate) user: Option<ScriptUser>,
}

/// One instance or sync group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObjectPlan {
    pub(crate) name: String,
    pub(crate) commands: BTreeMap<Occasion, NotifyId>,
    /// The effective priority of an instance until another one is told.
    pub(crate) priority: u8,
    /// What the numbers mean.
    pub(crate) notify: Notify,
}

impl TellPlan {
    /// `objects` are those of the instances and of the groups, in the order of the file.
    pub(super) fn new(config: &Config, instances: &[Object], groups: &[Object]) -> Self {
        let of = |subject| match subject {
            Subject::Instance(place) => instances.get(place).copied(),
            Subject::Group(place) => groups.get(place).copied(),
        };
        let mut all = BTreeMap::new();
        for (object, one) in instances.iter().zip(&config.instances) {
            let priority = one.priority.get();
            all.insert(*object, ObjectPlan::new(&one.name, priority, &one.notify));
        }
        for (object, one) in groups.iter().zip(&config.groups) {
            all.insert(*object, ObjectPlan::new(&one.name, 0, &one.notify));
        }
        for (number, one) in (0..).map(NotifyId).zip(config.notifies()) {
            if let Some(plan) = of(one.subject).and_then(|object| all.get_mut(&object)) {
                plan.commands.insert(one.occasion, number);
            }
        }
        Self {
            objects: all,
            fifos: config.globals.fifos.clone(),
            stop_limit: config.globals.notify_stop_timeout,
            states_on_reload: config.globals.fifo_states_on_reload,
            limit: config.globals.notify_timeout,
            user: config.globals.script_user.clone(),
        }
    }

    /// The first program that only the starter can run, in words.
    pub(crate) fn needs_starter(&self) -> Option<String> {
        let command = self.objects.values().find_map(|one| {
            let (occasion, _) = one.commands.first_key_value()?;
            Some(format!("{} of {}", occasion.keyword(), one.name))
        });
        let reader = |(kind, fifo): (&FifoKind, &Fifo)| {
            fifo.script.as_ref().map(|_| format!("{}_script", kind.keyword()))
        };
        command.or_else(|| self.fifos.iter().find_map(reader))
    }

    /// A FIFO is made while the rights are there, so another one is wanted in vain.
    pub(crate) fn other_fifo(&self, old: &Self) -> Option<FifoKind> {
        let place = |plan: &Self, kind| {
            plan.fifos.get(&kind).map(|fifo| (fifo.path.clone(), fifo.owner.clone()))
        };
        let kinds = [FifoKind::All, FifoKind::Vrrp];
        kinds.into_iter().find(|kind| place(self, *kind) != place(old, *kind))
    }
}

impl ObjectPlan {
    fn new(name: &str, priority: u8, notify: &Notify) -> Self {
        let (name, notify) = (name.to_owned(), notify.clone());
        Self { name, commands: BTreeMap::new(), priority, notify }
    }
}
