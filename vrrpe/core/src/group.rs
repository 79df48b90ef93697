//! Sync groups: what the members do together, computed from where each of them stands. Pure; it
//! steps no router. Whoever owns the routers asks after each step of a member, and tells all of
//! them (`Input::Group`), again and again until no standing changes: four times at most.

use vipd_types::State;

/// Where one member stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub state: State,
    /// A BACKUP whose timer has run out: it would be MASTER by itself.
    pub wants: bool,
    /// A BACKUP that hears a MASTER it accepts.
    pub follows: bool,
    /// Something of its own stands in the way: link, source, tracker, addresses.
    pub obstructed: bool,
}

/// What the group does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Each member for itself, but none becomes MASTER alone.
    Wait,
    /// All are MASTER or would be: become it.
    Lead,
    /// One has found a better MASTER: whoever is MASTER yields.
    Yield,
    /// One cannot serve, so none does.
    Fault,
}

/// The order for a group; `Wait` for one without members.
pub fn order(members: impl IntoIterator<Item = Standing> + Clone) -> Order {
    let all = || members.clone().into_iter();
    let leads = |m: Standing| m.state == State::Master || m.wants;
    if all().any(|m| m.obstructed) {
        Order::Fault
    } else if all().next().is_some() && all().all(leads) {
        Order::Lead
    } else if all().any(|m| m.follows) && all().any(|m| m.state == State::Master) {
        Order::Yield
    } else {
        Order::Wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKUP: Standing =
        Standing { state: State::Backup, wants: false, follows: false, obstructed: false };
    const WANTS: Standing = Standing { wants: true, ..BACKUP };
    const FOLLOWS: Standing = Standing { follows: true, ..BACKUP };
    const MASTER: Standing = Standing { state: State::Master, ..BACKUP };
    const FAULT: Standing = Standing { state: State::Fault, obstructed: true, ..BACKUP };

    #[test]
    fn nobody_leads_alone() {
        assert_eq!(order([WANTS, BACKUP]), Order::Wait);
        assert_eq!(order([WANTS, FOLLOWS]), Order::Wait);
        assert_eq!(order([WANTS, WANTS]), Order::Lead);
        assert_eq!(order([MASTER, WANTS]), Order::Lead);
        assert_eq!(order([]), Order::Wait);
    }

    #[test]
    fn one_that_follows_takes_the_others_along() {
        assert_eq!(order([MASTER, FOLLOWS]), Order::Yield);
        assert_eq!(order([FOLLOWS, FOLLOWS]), Order::Wait);
    }

    #[test]
    fn a_new_member_does_not_stop_a_master() {
        assert_eq!(order([MASTER, BACKUP]), Order::Wait);
    }

    #[test]
    fn one_fault_is_the_fault_of_all() {
        assert_eq!(order([MASTER, FAULT]), Order::Fault);
        assert_eq!(order([FAULT, WANTS]), Order::Fault);
    }
}
