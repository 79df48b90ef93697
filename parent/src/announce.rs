//! When gratuitous ARP is due: at once on becoming MASTER, again after garp_master_delay, and every
//! garp_master_refresh. Pure: a queue of deadlines; sending is the kernel module's.

use std::collections::BTreeMap;
use vipd_conf::config::Garp;
use vipd_types::{InstanceId, Instant};

#[derive(Debug, Default)]
pub(crate) struct Schedule {
    entries: BTreeMap<InstanceId, Entry>,
}

#[derive(Debug)]
struct Entry {
    garp: Garp,
    /// The block that follows the first one.
    second: Option<Instant>,
    refresh: Option<Instant>,
}

impl Schedule {
    /// Addresses were added or a rival was heard. Returns how many rounds are due at once.
    pub(crate) fn start(&mut self, instance: InstanceId, garp: Garp, now: Instant) -> u32 {
        let after = |by: std::time::Duration| (!by.is_zero()).then(|| now.plus(by));
        let refresh = after(garp.master_refresh);
        let second = after(garp.master_delay);
        self.entries.insert(instance, Entry { garp, second, refresh });
        garp.master_repeat
    }

    pub(crate) fn stop(&mut self, instance: InstanceId) {
        self.entries.remove(&instance);
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.entries.values().flat_map(|e| [e.second, e.refresh]).flatten().min()
    }

    /// Who announces now, and how many rounds.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<(InstanceId, u32)> {
        let mut due = Vec::new();
        for (instance, entry) in &mut self.entries {
            if entry.second.take_if(|at| *at <= now).is_some() {
                due.push((*instance, entry.garp.master_repeat));
            }
            if entry.refresh.is_some_and(|at| at <= now) {
                entry.refresh = Some(now.plus(entry.garp.master_refresh));
                due.push((*instance, entry.garp.master_refresh_repeat));
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(seconds.saturating_mul(1_000_000_000))
    }

    #[test]
    fn keepalived_defaults_are_two_blocks_of_five() {
        let mut schedule = Schedule::default();
        assert_eq!(schedule.start(InstanceId(0), Garp::default(), at(0)), 5);
        assert_eq!(schedule.next(), Some(at(5)));
        assert_eq!(schedule.due(at(4)), vec![]);
        assert_eq!(schedule.due(at(5)), vec![(InstanceId(0), 5)]);
        assert_eq!(schedule.next(), None);
    }

    #[test]
    fn refresh_goes_on_until_stopped() {
        let mut schedule = Schedule::default();
        let garp = Garp {
            master_delay: Duration::ZERO,
            master_refresh: Duration::from_secs(10),
            ..Garp::default()
        };
        schedule.start(InstanceId(0), garp, at(0));
        assert_eq!(schedule.due(at(10)), vec![(InstanceId(0), 1)]);
        assert_eq!(schedule.due(at(20)), vec![(InstanceId(0), 1)]);
        schedule.stop(InstanceId(0));
        assert_eq!(schedule.next(), None);
    }
}
