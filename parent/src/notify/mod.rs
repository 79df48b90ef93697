//! Tells whoever the configuration names: notify commands in one ordered queue per instance and sync
//! group, and FIFOs. The engine says what has happened; what is run for it stands in the plan, and the
//! starter runs it. Nothing here waits for anybody but the end of the daemon, and that not for long.

mod farewell;
mod fifo;
mod owner;
mod queue;
mod readers;

pub(crate) use owner::open_pipes;

use crate::daemon::{Daemon, Fatal};
use crate::plan::{ObjectPlan, TellPlan};
use fifo::Pipe;
use queue::{Item, Queue};
use readers::Reader;
use std::collections::{BTreeMap, VecDeque};
use vipd_conf::config::{FifoKind, Occasion};
use vipd_ipc::msg::ParentToStarter;
use vipd_types::{Generation, News, Object, Outcome, RunId};

/// Commands that run at a time, of all instances and groups. The starter takes no more than 64.
const RUNNING: usize = 32;

#[derive(Debug, Default)]
pub(crate) struct Notifier {
    queues: BTreeMap<Object, Queue>,
    /// Those whose next command waits for a place, first come first served.
    ready: VecDeque<Object>,
    runs: BTreeMap<RunId, Runs>,
    last_run: u64,
    /// The last state that was told, with the priority as it is now.
    states: BTreeMap<Object, (News, u8)>,
    /// Instances that the last reload removed, and the configuration they were in.
    departed: BTreeMap<Object, (Generation, ObjectPlan)>,
    pipes: BTreeMap<FifoKind, Pipe>,
    readers: BTreeMap<FifoKind, Reader>,
    /// The daemon ends: nobody else is served any more.
    last: bool,
}

/// Whose run it is.
#[derive(Debug, Clone, Copy)]
enum Runs {
    Command(Object),
    Reader(FifoKind),
}

/// A line of a FIFO.
fn line(object: Object, name: &str, news: News, priority: u8) -> String {
    let kind = match object {
        Object::Instance(_) => "INSTANCE",
        Object::Group(_) => "GROUP",
    };
    format!("{kind} \"{name}\" {news} {priority}\n")
}

/// The keyword whose command is for this news alone.
fn occasion(news: News) -> Option<Occasion> {
    match news {
        News::Master => Some(Occasion::Master),
        News::Backup => Some(Occasion::Backup),
        News::Fault => Some(Occasion::Fault),
        News::Stop => Some(Occasion::Stop),
        News::Deleted => Some(Occasion::Deleted),
        News::MasterRxLowerPri => Some(Occasion::RxLowerPri),
        News::MasterPriority | News::BackupPriority => None,
    }
}

impl Daemon {
    /// The engine's news, which the permit table has let through.
    pub(crate) fn tell(&mut self, object: Object, news: News, priority: u8) -> Result<(), Fatal> {
        let known = if news == News::Deleted {
            self.notifier.departed.remove(&object)
        } else {
            let plan = self.plan.tell.objects.get(&object);
            plan.map(|plan| (self.plan.generation, plan.clone()))
        };
        // What is told of an instance that a reload has just removed has crossed with it.
        let Some((generation, plan)) = known else { return Ok(()) };
        // As keepalived: whoever does not ask for DELETED is told of a FAULT.
        let asks = plan.commands.contains_key(&Occasion::Deleted);
        let news = if news == News::Deleted && !asks { News::Fault } else { news };
        if !news.is_state() && news != News::MasterRxLowerPri {
            if let Some(state) = self.notifier.states.get_mut(&object) {
                state.1 = priority;
            }
            if !plan.notify.priority_changes {
                return Ok(());
            }
        }
        self.notifier.tell(object, &plan, generation, news, priority, &self.plan.tell);
        self.advance_notifications()
    }

    /// Starts what may be started.
    fn advance_notifications(&mut self) -> Result<(), Fatal> {
        let Some(starter) = &mut self.starter else { return Ok(()) };
        while let Some((run, order)) = self.notifier.next() {
            let queue::Order { generation, command, news, priority } = order;
            let message = ParentToStarter::Notify { generation, command, run, news, priority };
            starter.send(&message).map_err(Fatal::channel("vipd-starter"))?;
        }
        Ok(())
    }

    /// The starter says that a command or a reader is gone.
    pub(crate) fn told(&mut self, run: RunId, outcome: Outcome) -> Result<(), Fatal> {
        match self.notifier.runs.remove(&run) {
            None => Err(Fatal::new("vipd-starter", "it ended what was not begun")),
            Some(Runs::Reader(kind)) => {
                self.reader_ended(kind, outcome);
                Ok(())
            }
            Some(Runs::Command(object)) => {
                self.notifier.ended(object);
                if let Some(count) = self.notifier.left_out(object) {
                    let name = self.name_of(object);
                    log::warn!(
                        "({name}) {count} changes were not told to notify commands, which took \
                         longer than the changes; the last one was"
                    );
                }
                self.advance_notifications()
            }
        }
    }

    /// Some time has passed.
    pub(crate) fn follow_notifications(&mut self) -> Result<(), Fatal> {
        let plan = &self.plan.tell;
        let Notifier { pipes, states, .. } = &mut self.notifier;
        let again = |object| state_line(plan, states, object);
        pipes.values_mut().for_each(|pipe| pipe.settle(again));
        self.start_readers()
    }

    /// A new configuration is in force; `old` was.
    pub(crate) fn notify_as_planned(
        &mut self,
        old: &TellPlan,
        was: Generation,
    ) -> Result<(), Fatal> {
        let new = &self.plan.tell;
        let gone = old.objects.iter().filter(|(object, _)| !new.objects.contains_key(object));
        let gone = gone.map(|(object, plan)| (*object, (was, plan.clone())));
        self.notifier.departed = gone.collect();
        let notifier = &mut self.notifier;
        notifier.states.retain(|object, _| new.objects.contains_key(object));
        let known = |object: &Object| new.objects.contains_key(object);
        notifier.queues.retain(|object, queue| known(object) || !queue.is_idle());
        if new.states_on_reload && was.0 > 0 {
            let Notifier { pipes, states, .. } = notifier;
            for object in new.objects.keys() {
                let Some(line) = state_line(new, states, *object) else { continue };
                let all = || new.objects.keys().copied();
                pipes.values_mut().for_each(|pipe| pipe.tell(*object, &line, all()));
            }
        }
        let changed = |kind: &FifoKind| {
            let script = |plan: &TellPlan| plan.fifos.get(kind).map(|fifo| fifo.script.clone());
            script(new) != script(old)
        };
        let changed: Vec<FifoKind> = notifier.pipes.keys().copied().filter(changed).collect();
        for kind in changed {
            self.exchange_reader(kind)?;
        }
        self.start_readers()
    }

    fn name_of(&self, object: Object) -> String {
        let plan = self.plan.tell.objects.get(&object);
        match (plan, object) {
            (Some(plan), _) => plan.name.clone(),
            (None, Object::Instance(id)) => self.name(id),
            (None, Object::Group(id)) => format!("group {id}"),
        }
    }
}

/// How an object stands, for a reader that has missed it.
fn state_line(
    plan: &TellPlan,
    states: &BTreeMap<Object, (News, u8)>,
    object: Object,
) -> Option<String> {
    let (news, priority) = states.get(&object)?;
    Some(line(object, &plan.objects.get(&object)?.name, *news, *priority))
}

impl Notifier {
    pub(crate) fn new(pipes: BTreeMap<FifoKind, Pipe>) -> Self {
        Self { pipes, ..Self::default() }
    }

    /// Into the FIFOs at once, into the queue of the commands.
    fn tell(
        &mut self,
        object: Object,
        plan: &ObjectPlan,
        generation: Generation,
        news: News,
        priority: u8,
        all: &TellPlan,
    ) {
        if news.is_state() {
            self.states.insert(object, (news, priority));
        }
        let line = line(object, &plan.name, news, priority);
        for pipe in self.pipes.values_mut() {
            pipe.tell(object, &line, all.objects.keys().copied());
        }
        let Some(item) = item(plan, generation, news, priority) else { return };
        let queue = self.queues.entry(object).or_default();
        let left_out = if self.last { queue.overtake(item) } else { queue.push(item) };
        if left_out > 0 {
            log::debug!("({}) changes left out for {news}: {left_out}", plan.name);
        }
        self.make_ready(object);
    }

    fn make_ready(&mut self, object: Object) {
        let waits = self.queues.get(&object).is_some_and(|q| q.running.is_none() && !q.is_idle());
        if waits && !self.ready.contains(&object) {
            self.ready.push_back(object);
        }
    }

    fn next(&mut self) -> Option<(RunId, queue::Order)> {
        let commands = self.runs.values().filter(|run| matches!(run, Runs::Command(_))).count();
        if commands >= RUNNING {
            return None;
        }
        loop {
            let object = self.ready.pop_front()?;
            let Some(queue) = self.queues.get_mut(&object) else { continue };
            let Some(order) = queue.next() else { continue };
            self.last_run = self.last_run.wrapping_add(1);
            let run = RunId(self.last_run);
            queue.begin(run, order.news);
            self.runs.insert(run, Runs::Command(object));
            return Some((run, order));
        }
    }

    fn ended(&mut self, object: Object) {
        if let Some(queue) = self.queues.get_mut(&object) {
            queue.ended();
        }
        self.make_ready(object);
    }

    fn left_out(&mut self, object: Object) -> Option<u64> {
        self.queues.get_mut(&object)?.take_left_out()
    }

    /// Checks are not served any more.
    pub(crate) fn is_last(&self) -> bool {
        self.last
    }
}

/// The specific command first, then the one for everything, as keepalived starts them. `None` if
/// there is neither.
fn item(plan: &ObjectPlan, generation: Generation, news: News, priority: u8) -> Option<Item> {
    let specific = occasion(news).and_then(|occasion| plan.commands.get(&occasion));
    let any = plan.commands.get(&Occasion::Any).filter(|_| news != News::MasterRxLowerPri);
    let commands: VecDeque<_> =
        specific.into_iter().chain(any).map(|command| (generation, *command)).collect();
    (!commands.is_empty()).then_some(Item { news, priority, commands })
}
