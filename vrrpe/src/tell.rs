//! What notify commands and FIFOs are to be told: by whom, in which order, and not before it is true
//! in the kernel too. Meaning only; what is run for it, and whether anything is, the parent knows.

use crate::groups::Groups;
use crate::instance::Instance;
use crate::routers::Routers;
use std::collections::BTreeMap;
use std::time::Duration;
use vipd_ipc::msg::EngineToParent;
use vipd_types::{GroupId, InstanceId, Instant, News, Object, Priority, State};

/// A worse router that goes on advertising beside a MASTER is told of once in this time.
const LOWER: Duration = Duration::from_secs(1);

/// What an instance was told, so that nothing is told twice.
#[derive(Debug, Default)]
pub(crate) struct Told {
    state: Option<News>,
    lower: Option<Instant>,
}

impl Routers {
    /// Call after each step. MASTER is told when the addresses are there, anything else when they are
    /// gone: a command may count on what it is told.
    pub(crate) fn tell_state(&mut self, id: InstanceId) {
        let Some(instance) = self.instances.get_mut(&id).filter(|i| !i.leaving) else { return };
        let news = match (instance.router.state(), instance.held) {
            (State::Master, true) => News::Master,
            (State::Backup, false) => News::Backup,
            (State::Fault, false) => News::Fault,
            (State::Init | State::Master | State::Backup | State::Fault, _) => return,
        };
        if instance.told.state != Some(news) {
            instance.told.state = Some(news);
            let priority = instance.router.effective().get();
            self.news.push_back(notify(Object::Instance(id), news, priority));
        }
    }

    /// A group is told after its members, and when they agree.
    pub(crate) fn tell_group(&mut self, id: GroupId) {
        let Some(news) = news_of(id, &self.groups, &self.instances) else { return };
        let Some(group) = self.groups.get_mut(id).filter(|group| group.told != Some(news)) else {
            return;
        };
        group.told = Some(news);
        self.news.push_back(notify(Object::Group(id), news, 0));
    }

    /// The effective priority has changed.
    pub(crate) fn tell_priority(&mut self, id: InstanceId, to: Priority) {
        let Some(instance) = self.instances.get(&id).filter(|i| !i.leaving) else { return };
        let news = match instance.router.state() {
            State::Master => News::MasterPriority,
            State::Init | State::Backup | State::Fault => News::BackupPriority,
        };
        self.news.push_back(notify(Object::Instance(id), news, to.get()));
    }

    /// A router with a lower priority advertises.
    pub(crate) fn tell_lower(&mut self, id: InstanceId, now: Instant) {
        let Some(instance) = self.instances.get_mut(&id) else { return };
        let told = &mut instance.told;
        let recently = told.lower.is_some_and(|at| now.since(at) < LOWER);
        if told.state == Some(News::Master) && !recently {
            told.lower = Some(now);
            let priority = instance.router.effective().get();
            let object = Object::Instance(id);
            self.news.push_back(notify(object, News::MasterRxLowerPri, priority));
        }
    }

    /// An instance that a new configuration does not have has given everything back.
    pub(crate) fn tell_deleted(&mut self, id: InstanceId) {
        let Some(instance) = self.instances.get(&id) else { return };
        let priority = instance.router.effective().get();
        self.news.push_back(notify(Object::Instance(id), News::Deleted, priority));
    }
}

fn notify(object: Object, news: News, priority: u8) -> EngineToParent {
    EngineToParent::Notify { object, news, priority }
}

/// `None` while some member is on its way. One that does not know its own state yet does not hide the
/// fault of another.
fn news_of(
    id: GroupId,
    groups: &Groups,
    instances: &BTreeMap<InstanceId, Instance>,
) -> Option<News> {
    let members = || groups.get(id).into_iter().flat_map(|group| &group.slice.members);
    let states = || members().filter_map(|member| instances.get(member));
    let is_told = |one: &Instance| {
        one.told.state
            == match one.router.state() {
                State::Init => None,
                State::Master => Some(News::Master),
                State::Backup => Some(News::Backup),
                State::Fault => Some(News::Fault),
            }
    };
    let all = |state| states().all(|one| one.router.state() == state);
    if !states().all(is_told) || states().next().is_none() {
        None
    } else if states().any(|one| one.router.state() == State::Fault) {
        Some(News::Fault)
    } else if all(State::Master) {
        Some(News::Master)
    } else if all(State::Backup) {
        Some(News::Backup)
    } else {
        None
    }
}
