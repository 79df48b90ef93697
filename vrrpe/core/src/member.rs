//! A router as a member of a sync group: it never becomes MASTER alone, says where it stands and
//! does what the group does. What that is, is computed in `group`.

use crate::action::{Actions, Cause};
use crate::group::{Order, Standing};
use crate::machine::Event as Happening;
use crate::router::Router;
use vipd_types::{Instant, State};

impl Router {
    /// Where this router stands, for `group::order`.
    pub fn standing(&self) -> Standing {
        Standing {
            state: self.state,
            wants: self.backup.wants.is_some(),
            follows: self.backup.followed.is_some_and(|followed| followed.is_accepted()),
            obstructed: matches!(self.own_obstacle(), Ok(Some(_))),
        }
    }

    /// `None`: in no group any more, so what it waited for alone is enough.
    pub(crate) fn obey(&mut self, order: Option<Order>, now: Instant, out: &mut Actions) {
        self.group = order;
        match order {
            None | Some(Order::Lead) => self.react(Happening::Lead, now, out),
            Some(Order::Yield) => self.react(Happening::GroupYields, now, out),
            Some(Order::Wait | Order::Fault) => {}
        }
        self.review(now, out);
    }

    /// A BACKUP has waited long enough.
    pub(crate) fn claim(&mut self, why: Cause, now: Instant, out: &mut Actions) {
        if self.group.is_none() {
            self.become_master(why, now, out);
            return;
        }
        self.timers.master_down = None;
        self.timers.handover = None;
        self.backup.wants = self.backup.wants.or(Some(why));
        // One that was accepted has been waited for in vain; one that is refused is still there.
        self.backup.followed = self.backup.followed.filter(|followed| !followed.is_accepted());
    }

    /// What stands in the way of being BACKUP or MASTER. `Err` while it is too early to say.
    pub(crate) fn obstacle(&self) -> Result<Option<Cause>, ()> {
        let group = || (self.group == Some(Order::Fault)).then_some(Cause::Group);
        self.own_obstacle().map(|own| own.or_else(group))
    }

    /// The group has claimed for all.
    pub(crate) fn lead(&mut self, now: Instant, out: &mut Actions) {
        if let (State::Backup, Some(why)) = (self.state, self.backup.wants) {
            self.become_master(why, now, out);
        }
    }
}
