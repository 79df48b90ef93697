//! May the engine tell this now? Only of what is configured, in a form that an honest engine would
//! use, and no faster than state can change. What is run for it is none of its business.

use super::{Bucket, Violation};
use std::collections::{BTreeMap, BTreeSet};
use vipd_types::{InstanceId, Instant, News, Object};

#[derive(Debug, Default)]
pub(super) struct Notices {
    known: BTreeMap<Object, Bucket>,
    /// Gone with the last configuration: their end may still be told, once, and the rest may have
    /// crossed.
    retired: BTreeMap<Object, Bucket>,
    deleted: BTreeSet<InstanceId>,
}

impl Notices {
    pub(super) fn set(&mut self, now: Instant, objects: impl Iterator<Item = Object>) {
        let mut before = std::mem::take(&mut self.known);
        let bucket = |object| {
            let kept = before.remove(&object);
            // Twice the rate at which a term can be taken: each has a begin and an end.
            (object, kept.unwrap_or_else(|| Bucket::new(now, 400, 100)))
        };
        self.known = objects.map(bucket).collect();
        self.retired = before;
        self.deleted.clear();
    }

    pub(super) fn check(
        &mut self,
        now: Instant,
        object: Object,
        news: News,
        priority: u8,
    ) -> Result<(), Violation> {
        let fits = match (object, news) {
            (_, News::Stop) => false,
            (Object::Group(_), News::Master | News::Backup | News::Fault) => priority == 0,
            (Object::Group(_), _) => false,
            (Object::Instance(_), _) => priority > 0,
        };
        if !fits {
            return Err(Violation::StrangeNews);
        }
        if let (Object::Instance(id), News::Deleted) = (object, news)
            && !(self.retired.contains_key(&object) && self.deleted.insert(id))
        {
            return Err(Violation::StrangeNews);
        }
        let bucket = self.known.get_mut(&object).or_else(|| self.retired.get_mut(&object));
        bucket.ok_or(Violation::UnknownInstance)?.take(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vipd_types::GroupId;

    const VI: Object = Object::Instance(InstanceId(1));
    const GROUP: Object = Object::Group(GroupId(1));

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis.saturating_mul(1_000_000))
    }

    fn notices() -> Notices {
        let mut notices = Notices::default();
        notices.set(at(0), [VI, GROUP].into_iter());
        notices
    }

    #[test]
    fn what_is_configured_may_be_told_of() {
        let mut n = notices();
        for news in [News::Master, News::Backup, News::Fault, News::MasterRxLowerPri] {
            assert_eq!(n.check(at(0), VI, news, 100), Ok(()));
        }
        assert_eq!(n.check(at(0), GROUP, News::Master, 0), Ok(()));
        let stranger = Object::Instance(InstanceId(2));
        assert_eq!(n.check(at(0), stranger, News::Master, 1), Err(Violation::UnknownInstance));
    }

    #[test]
    fn what_no_honest_engine_says() {
        let mut n = notices();
        for (object, news, priority) in [
            (VI, News::Stop, 100),
            (VI, News::Master, 0),
            (VI, News::Deleted, 100),
            (GROUP, News::Stop, 0),
            (GROUP, News::Master, 1),
            (GROUP, News::Deleted, 0),
            (GROUP, News::MasterPriority, 0),
            (GROUP, News::MasterRxLowerPri, 0),
        ] {
            let said = n.check(at(0), object, news, priority);
            assert_eq!(said, Err(Violation::StrangeNews), "{object:?} {news}");
        }
    }

    #[test]
    fn an_end_is_told_once_and_for_one_configuration_only() {
        let mut n = notices();
        n.set(at(0), [GROUP].into_iter());
        assert_eq!(n.check(at(0), VI, News::Backup, 100), Ok(()));
        assert_eq!(n.check(at(0), VI, News::Deleted, 100), Ok(()));
        assert_eq!(n.check(at(0), VI, News::Deleted, 100), Err(Violation::StrangeNews));
        n.set(at(0), [GROUP].into_iter());
        assert_eq!(n.check(at(0), VI, News::Backup, 100), Err(Violation::UnknownInstance));
    }

    #[test]
    fn a_storm_is_stopped() {
        let mut n = notices();
        let storm = (0..1000).find_map(|_| n.check(at(1), VI, News::Backup, 100).err());
        assert_eq!(storm, Some(Violation::TooFast));
        assert_eq!(n.check(at(1), GROUP, News::Backup, 0), Ok(()));
    }
}
