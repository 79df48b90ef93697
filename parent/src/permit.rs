//! May the engine say this now? A pure table over what the parent knows: is it configured, is it
//! its turn, once only, not too fast. Any other message is the work of a broken engine.

mod notify;

use notify::Notices;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use vipd_ipc::msg::{Act, EngineToParent as Said};
use vipd_ipc::report::Part;
use vipd_types::{ClientId, Epoch, Generation, InstanceId, Instant, Object, TrackerId};

/// How far the engine's clock may be ahead: both read the same one, so only by nothing.
const AHEAD: Duration = Duration::from_millis(1);

/// Clients that may act and are remembered.
pub(crate) const CLIENTS: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Violation {
    #[error("it said Hello twice")]
    HelloAgain,
    #[error("it named an instance that is not configured")]
    UnknownInstance,
    #[error("it acquired an instance that it holds")]
    AlreadyHeld,
    #[error("it acquired with an epoch that is not new")]
    OldEpoch,
    #[error("it named a term that is not its own")]
    NotItsTerm,
    #[error("it acknowledged a configuration that it was not given")]
    StagedOutOfTurn,
    #[error("its proof of life is from the future")]
    FromTheFuture,
    #[error("it asked faster than it may")]
    TooFast,
    #[error("it asked for a client that may not ask, or has no answer yet")]
    NotAllowed,
    #[error("its last will is too short for an advert")]
    ShortWill,
    #[error("its last will is for a peer that is not there")]
    StrangeWill,
    #[error("it asked for what no client may ask")]
    StrangeAct,
    #[error("it told of what it does not decide")]
    StrangeNews,
    #[error("it reported what it was not asked for, or once more")]
    NotAsked,
}

#[derive(Debug)]
pub(crate) struct Permits {
    instances: BTreeMap<InstanceId, Known>,
    notices: Notices,
    staging: Option<Generation>,
    /// Clients that may act, and wait for no answer.
    actors: BTreeSet<ClientId>,
    /// A report was asked for and has not ended.
    report: Option<Reported>,
    /// Clients below this are too many to be remembered; what they ask is refused, not punished.
    forgotten: ClientId,
}

impl Default for Permits {
    fn default() -> Self {
        let (instances, actors) = (BTreeMap::new(), BTreeSet::new());
        let (notices, report) = (Notices::default(), None);
        Self { instances, notices, staging: None, actors, report, forgotten: ClientId(0) }
    }
}

/// What has come of a report: everything comes in order, and once.
#[derive(Debug, Default)]
struct Reported {
    instance: Option<InstanceId>,
    tracker: Option<TrackerId>,
}

#[derive(Debug)]
struct Known {
    /// Gone from the configuration: may still give back what it has.
    retired: bool,
    term: Option<Epoch>,
    /// The engine has the term: acquired, not yet given back nor taken away.
    open: bool,
    released: bool,
    acquires: Bucket,
    announces: Bucket,
    deposits: Bucket,
    /// To how many destinations its adverts go.
    copies: u16,
}

impl Permits {
    pub(crate) fn check(&mut self, now: Instant, said: &Said) -> Result<(), Violation> {
        match said {
            Said::Hello { .. } => Err(Violation::HelloAgain),
            Said::Log { .. } | Said::Orphaned => Ok(()),
            Said::Staged { generation } => {
                let expected = self.staging.take_if(|staging| *staging == *generation);
                expected.map(|_| ()).ok_or(Violation::StagedOutOfTurn)
            }
            Said::Alive { at, advertised } => {
                if *at > now.plus(AHEAD) {
                    return Err(Violation::FromTheFuture);
                }
                advertised.iter().try_for_each(|id| self.known(*id).map(|_| ()))
            }
            Said::Acquire { instance, epoch } => self.known(*instance)?.acquire(now, *epoch),
            Said::Release { instance, epoch, .. } => self.known(*instance)?.release(*epoch),
            Said::Announce { instance, epoch } => self.known(*instance)?.announce(now, *epoch),
            Said::Deposit { instance, copy, last_will } => {
                self.known(*instance)?.deposit(now, *copy)?;
                // RFC 3768 5.1, RFC 9568 5.1: the fixed part of an advert has eight bytes.
                if last_will.len() < 8 { Err(Violation::ShortWill) } else { Ok(()) }
            }
            Said::Notify { object, news, priority } => {
                self.notices.check(now, *object, *news, *priority)
            }
            Said::Reload { client } => self.actor(*client),
            Said::Act { client, act, seconds } => {
                let known = match act {
                    Act::Failover { object: Object::Instance(id), .. }
                    | Act::Priority { instance: id, .. } => self.known(*id).map(|_| ()),
                    // One that a reload has just removed has no name any more, and is refused.
                    Act::Failover { object: Object::Group(_), .. } | Act::Maintenance { .. } => {
                        Ok(())
                    }
                };
                let sane = !matches!(act, Act::Priority { adds, .. } if adds.unsigned_abs() > 253);
                if !sane || *seconds == Some(0) {
                    return Err(Violation::StrangeAct);
                }
                known.and_then(|()| self.actor(*client))
            }
            Said::Report(part) => self.report(part),
        }
    }

    fn actor(&mut self, client: ClientId) -> Result<(), Violation> {
        if self.actors.remove(&client) || client < self.forgotten {
            Ok(())
        } else {
            Err(Violation::NotAllowed)
        }
    }

    fn report(&mut self, part: &Part) -> Result<(), Violation> {
        let report = self.report.as_mut().ok_or(Violation::NotAsked)?;
        match part {
            Part::Instances(list) => {
                let mut ids = list.iter().map(|status| status.instance);
                let is_next = report.tracker.is_none() && rises(&mut report.instance, ids.clone());
                is_next.then_some(()).ok_or(Violation::NotAsked)?;
                ids.try_for_each(|id| self.known(id).map(|_| ()))
            }
            Part::Trackers(list) => {
                let is_next = rises(&mut report.tracker, list.iter().map(|s| s.tracker));
                is_next.then_some(()).ok_or(Violation::NotAsked)
            }
            Part::End => {
                self.report = None;
                Ok(())
            }
        }
    }

    fn known(&mut self, instance: InstanceId) -> Result<&mut Known, Violation> {
        self.instances.get_mut(&instance).ok_or(Violation::UnknownInstance)
    }

    /// A configuration was sent; the engine owes one Staged for it.
    pub(crate) fn expect_staged(&mut self, generation: Generation) {
        self.staging = Some(generation);
    }

    /// The engine was asked how things stand; it owes one answer.
    pub(crate) fn expect_report(&mut self) {
        self.report = Some(Reported::default());
    }

    /// The instances of the configuration that is now in force.
    pub(crate) fn set_instances(&mut self, now: Instant, instances: &BTreeMap<InstanceId, u16>) {
        // One that has just gone is known for one configuration more: messages may have crossed.
        let stays = |id: &InstanceId, known: &Known| {
            instances.contains_key(id) || known.open || !known.retired
        };
        self.instances.retain(|id, known| stays(id, known));
        for (id, known) in &mut self.instances {
            let configured = instances.contains_key(id);
            if known.retired && configured && !known.open {
                // It comes back as a new router, which counts its terms from the start.
                *known = Known::new(now, 0);
            }
            known.retired = !configured;
        }
        for (id, copies) in instances {
            let known = self.instances.entry(*id).or_insert_with(|| Known::new(now, *copies));
            if known.copies != *copies {
                known.copies = *copies;
                known.deposits = deposits(now, *copies);
            }
        }
    }

    /// Whom the engine may tell of.
    pub(crate) fn set_objects(&mut self, now: Instant, objects: impl Iterator<Item = Object>) {
        self.notices.set(now, objects);
    }

    /// The parent has taken the term away, or never gave it.
    pub(crate) fn closed(&mut self, instance: InstanceId) {
        if let Some(known) = self.instances.get_mut(&instance) {
            known.open = false;
        }
    }

    /// A client that may act was passed on, or has its answer: it may ask for one thing at a time.
    pub(crate) fn allow(&mut self, client: ClientId) {
        self.actors.insert(client);
        while self.actors.len() > CLIENTS {
            if let Some(ClientId(oldest)) = self.actors.pop_first() {
                self.forgotten = ClientId(oldest.saturating_add(1));
            }
        }
    }
}

impl Known {
    fn new(now: Instant, copies: u16) -> Self {
        Self {
            retired: false,
            term: None,
            open: false,
            released: false,
            acquires: Bucket::new(now, 100, 20),
            announces: Bucket::new(now, 100, 20),
            deposits: deposits(now, copies),
            copies,
        }
    }

    fn acquire(&mut self, now: Instant, epoch: Epoch) -> Result<(), Violation> {
        if self.retired {
            return Err(Violation::UnknownInstance);
        }
        if self.open {
            return Err(Violation::AlreadyHeld);
        }
        if self.term.is_some_and(|term| epoch <= term) {
            return Err(Violation::OldEpoch);
        }
        self.acquires.take(now)?;
        (self.term, self.open, self.released) = (Some(epoch), true, false);
        Ok(())
    }

    /// Also legal when the parent has just taken the term away: the messages crossed.
    fn release(&mut self, epoch: Epoch) -> Result<(), Violation> {
        if self.term != Some(epoch) || self.released {
            return Err(Violation::NotItsTerm);
        }
        (self.open, self.released) = (false, true);
        Ok(())
    }

    fn deposit(&mut self, now: Instant, copy: u16) -> Result<(), Violation> {
        if copy >= self.copies {
            return Err(Violation::StrangeWill);
        }
        self.deposits.take(now)
    }

    fn announce(&mut self, now: Instant, epoch: Epoch) -> Result<(), Violation> {
        if self.term != Some(epoch) || self.released {
            return Err(Violation::NotItsTerm);
        }
        self.announces.take(now)
    }
}

/// A new configuration or another source address renews the will for every destination.
fn deposits(now: Instant, copies: u16) -> Bucket {
    let copies = u64::from(copies).max(1);
    Bucket::new(now, copies.saturating_mul(100), copies.saturating_mul(20))
}

/// True if there is one more at least, and each is above those before it.
fn rises<T: Ord + Copy>(last: &mut Option<T>, list: impl ExactSizeIterator<Item = T>) -> bool {
    list.len() > 0 && { list }.all(|one| last.replace(one).is_none_or(|before| before < one))
}

/// Lets `burst` through at once and `rate` a second after that.
#[derive(Debug)]
struct Bucket {
    tokens: u64,
    burst: u64,
    rate: u64,
    filled: Instant,
}

impl Bucket {
    fn new(now: Instant, burst: u64, rate: u64) -> Self {
        Self { tokens: burst, burst, rate, filled: now }
    }

    fn take(&mut self, now: Instant) -> Result<(), Violation> {
        let passed = u64::try_from(now.since(self.filled).as_millis()).unwrap_or(u64::MAX);
        let new = passed.saturating_mul(self.rate).checked_div(1000).unwrap_or(0);
        if new > 0 {
            self.tokens = self.tokens.saturating_add(new).min(self.burst);
            self.filled = now;
        }
        self.tokens = self.tokens.checked_sub(1).ok_or(Violation::TooFast)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vipd_ipc::msg::Why;
    use vipd_ipc::report::{Counts, InstanceStatus, TrackerStatus};
    use vipd_types::{Priority, State};

    const VI: InstanceId = InstanceId(1);

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis.saturating_mul(1_000_000))
    }

    fn permits() -> Permits {
        let mut permits = Permits::default();
        permits.set_instances(at(0), &BTreeMap::from([(VI, 1)]));
        permits
    }

    fn acquire(epoch: u64) -> Said {
        Said::Acquire { instance: VI, epoch: Epoch(epoch) }
    }

    fn release(epoch: u64) -> Said {
        Said::Release { instance: VI, epoch: Epoch(epoch), why: Why::Yield }
    }

    #[test]
    fn an_honest_engine_is_never_stopped() {
        let mut p = permits();
        for epoch in 1..50 {
            assert_eq!(p.check(at(epoch), &acquire(epoch)), Ok(()));
            assert_eq!(p.check(at(epoch), &release(epoch)), Ok(()));
        }
    }

    #[test]
    fn a_term_is_had_once_and_given_back_once() {
        let mut p = permits();
        assert_eq!(p.check(at(0), &release(1)), Err(Violation::NotItsTerm));
        assert_eq!(p.check(at(0), &acquire(5)), Ok(()));
        assert_eq!(p.check(at(0), &acquire(6)), Err(Violation::AlreadyHeld));
        assert_eq!(p.check(at(0), &release(4)), Err(Violation::NotItsTerm));
        assert_eq!(p.check(at(0), &release(5)), Ok(()));
        assert_eq!(p.check(at(0), &release(5)), Err(Violation::NotItsTerm));
        assert_eq!(p.check(at(0), &acquire(5)), Err(Violation::OldEpoch));
    }

    #[test]
    fn messages_that_cross_are_legal() {
        let mut p = permits();
        assert_eq!(p.check(at(0), &acquire(1)), Ok(()));
        p.closed(VI);
        assert_eq!(p.check(at(0), &release(1)), Ok(()));
        assert_eq!(p.check(at(0), &acquire(2)), Ok(()));
    }

    #[test]
    fn a_retired_instance_may_only_give_back() {
        let mut p = permits();
        assert_eq!(p.check(at(0), &acquire(1)), Ok(()));
        p.set_instances(at(0), &BTreeMap::new());
        assert_eq!(p.check(at(0), &release(1)), Ok(()));
        assert_eq!(p.check(at(0), &acquire(2)), Err(Violation::UnknownInstance));
        let alive = Said::Alive { at: at(0), advertised: vec![VI] };
        assert_eq!(p.check(at(0), &alive), Ok(()));
        p.set_instances(at(0), &BTreeMap::new());
        assert_eq!(p.check(at(0), &release(2)), Err(Violation::UnknownInstance));
    }

    #[test]
    fn an_instance_that_comes_back_counts_anew() {
        let mut p = permits();
        assert_eq!(p.check(at(0), &acquire(1)), Ok(()));
        p.set_instances(at(0), &BTreeMap::new());
        assert_eq!(p.check(at(0), &release(1)), Ok(()));
        p.set_instances(at(0), &BTreeMap::from([(VI, 1)]));
        assert_eq!(p.check(at(0), &acquire(1)), Ok(()));
    }

    #[test]
    fn a_storm_is_stopped() {
        let mut p = permits();
        let storm = (1..1000).find_map(|n| {
            p.check(at(0), &acquire(n)).and_then(|()| p.check(at(0), &release(n))).err()
        });
        assert_eq!(storm, Some(Violation::TooFast));
    }

    #[test]
    fn a_will_is_for_a_destination_that_is_there() {
        let mut p = permits();
        let will = |copy, len| Said::Deposit { instance: VI, copy, last_will: vec![0; len] };
        assert_eq!(p.check(at(0), &will(0, 8)), Ok(()));
        assert_eq!(p.check(at(0), &will(0, 7)), Err(Violation::ShortWill));
        assert_eq!(p.check(at(0), &will(1, 8)), Err(Violation::StrangeWill));
        p.set_instances(at(0), &BTreeMap::from([(VI, 3)]));
        assert_eq!(p.check(at(0), &will(2, 8)), Ok(()));
    }

    #[test]
    fn nothing_out_of_turn() {
        let mut p = permits();
        let staged = Said::Staged { generation: Generation(1) };
        assert_eq!(p.check(at(0), &staged), Err(Violation::StagedOutOfTurn));
        p.expect_staged(Generation(1));
        assert_eq!(p.check(at(0), &staged), Ok(()));
        assert_eq!(p.check(at(0), &staged), Err(Violation::StagedOutOfTurn));
        let reload = Said::Reload { client: ClientId(3) };
        assert_eq!(p.check(at(0), &reload), Err(Violation::NotAllowed));
        p.allow(ClientId(3));
        assert_eq!(p.check(at(0), &reload), Ok(()));
        for client in 10..10_000 {
            p.allow(ClientId(client));
        }
        assert_eq!(p.check(at(0), &Said::Reload { client: ClientId(11) }), Ok(()));
        let never = Said::Reload { client: ClientId(10_001) };
        assert_eq!(p.check(at(0), &never), Err(Violation::NotAllowed));
        let act = |act, seconds| Said::Act { client: ClientId(20_000), act, seconds };
        let client = ClientId(20_000);
        p.allow(client);
        for (wrong, seconds) in [
            (Act::Priority { instance: InstanceId(1), adds: 254 }, None),
            (Act::Maintenance { on: true }, Some(0)),
        ] {
            assert_eq!(p.check(at(0), &act(wrong, seconds)), Err(Violation::StrangeAct));
        }
        let strange = Act::Failover { object: Object::Instance(InstanceId(9)), on: true };
        assert_eq!(p.check(at(0), &act(strange, None)), Err(Violation::UnknownInstance));
        let sane = act(Act::Maintenance { on: true }, Some(60));
        assert_eq!(p.check(at(0), &sane), Ok(()));
        // One thing at a time.
        assert_eq!(p.check(at(0), &sane), Err(Violation::NotAllowed));
        let alive = Said::Alive { at: at(5), advertised: vec![] };
        assert_eq!(p.check(at(0), &alive), Err(Violation::FromTheFuture));
        let alive = Said::Alive { at: at(0), advertised: vec![InstanceId(9)] };
        assert_eq!(p.check(at(0), &alive), Err(Violation::UnknownInstance));
    }

    fn status(id: u16) -> InstanceStatus {
        InstanceStatus {
            instance: InstanceId(id),
            state: State::Backup,
            since: at(0),
            effective: Priority::DEFAULT,
            held: false,
            master: None,
            interval: Duration::ZERO,
            down_after: Duration::ZERO,
            deadline: None,
            last_sent: None,
            counts: Counts::default(),
        }
    }

    fn instances(ids: &[u16]) -> Said {
        Said::Report(Part::Instances(ids.iter().copied().map(status).collect()))
    }

    fn trackers(ids: &[u16]) -> Said {
        let one = |id: &u16| TrackerStatus { tracker: TrackerId(*id), up: None };
        Said::Report(Part::Trackers(ids.iter().map(one).collect()))
    }

    #[test]
    fn a_report_comes_when_asked_for_and_each_object_once() {
        let end = Said::Report(Part::End);
        let two = BTreeMap::from([(InstanceId(1), 1), (InstanceId(2), 1)]);
        let not = Err(Violation::NotAsked);
        let stories: [(&[Said], Result<(), Violation>); 7] = [
            (&[instances(&[1]), instances(&[2]), trackers(&[0, 3]), end.clone()], Ok(())),
            (&[instances(&[2, 1])], not),
            (&[instances(&[1]), instances(&[1])], not),
            (&[instances(&[])], not),
            (&[trackers(&[4]), instances(&[1])], not),
            (&[instances(&[9])], Err(Violation::UnknownInstance)),
            (&[end.clone(), end.clone()], not),
        ];
        for (story, verdict) in stories {
            let mut p = permits();
            p.set_instances(at(0), &two);
            assert_eq!(p.check(at(0), &story[0]), not);
            p.expect_report();
            assert_eq!(story.iter().try_for_each(|said| p.check(at(0), said)), verdict);
        }
    }
}
