//! What happens in a run: the routers, and what goes wrong when. A plan comes from a seed (`draw`)
//! or from a text (`text`); everything else in a run follows from it.

use super::bounds::Rhythm;
use super::clock::{Clock, MILLI, SECOND, Time};
use vipd_types::{Family, Version};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// For the network, the kernels and the lateness of timers.
    pub(crate) seed: u64,
    pub(crate) version: Version,
    pub(crate) family: Family,
    pub(crate) unicast: bool,
    pub(crate) routers: Vec<Setup>,
    /// In the order of time.
    pub(crate) faults: Vec<(Time, Fault)>,
}

/// One router as its administrator wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Setup {
    /// Several routers of one host are a sync group.
    pub(crate) host: usize,
    /// Routers on one wire are one virtual router; even wires are on one network, odd ones on
    /// another.
    pub(crate) wire: usize,
    pub(crate) priority: u8,
    /// Advertisement_Interval in milliseconds.
    pub(crate) interval: u32,
    pub(crate) preempt: bool,
    pub(crate) fast: bool,
    /// `preempt_delay` in milliseconds.
    pub(crate) delay: u32,
    /// `down_timer_adverts`.
    pub(crate) adverts: u8,
    /// `max_learned_interval` in milliseconds.
    pub(crate) cap: Option<u32>,
    /// `lower_prio_no_advert`.
    pub(crate) silent: bool,
    /// `higher_prio_send_advert`.
    pub(crate) parting: bool,
    /// `owner_ignore_adverts`.
    pub(crate) deaf: bool,
    pub(crate) clock: Clock,
}

impl Setup {
    /// By the RFC, and with a perfect clock.
    pub(crate) const fn new(priority: u8, interval: u32) -> Self {
        Self {
            host: 0,
            wire: 0,
            priority,
            interval,
            preempt: true,
            fast: true,
            delay: 0,
            adverts: 3,
            cap: None,
            silent: false,
            parting: false,
            deaf: false,
            clock: Clock { start: 0, drift: 0 },
        }
    }

    pub(crate) fn network(&self) -> usize {
        self.wire % NETWORKS
    }

    pub(crate) fn interval(&self) -> Time {
        Time::from(self.interval) * MILLI
    }

    pub(crate) fn delay(&self) -> Time {
        Time::from(self.delay) * MILLI
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A fault of a daemon names any of its routers.
    Crash(usize, Crash),
    /// A new daemon; the first results of its trackers come after so long.
    Start(usize, Time),
    /// In order: release, good-bye.
    Stop(usize),
    Freeze(usize, Frozen),
    Thaw(usize),
    /// One way only.
    Cut(usize, usize),
    Mend(usize, usize),
    /// On one network, between these hosts (a bit for each) and the others.
    Split(usize, u8),
    Weather(usize, Weather),
    /// What weighted trackers add.
    Weight(usize, i32),
    /// A tracker without weight.
    Service(usize, bool),
    /// The operator has all routers of a host step back, or takes back that wish.
    StandBy(usize, bool),
    /// The operator takes them out of service, or gives them back.
    Offline(usize, bool),
    Link(usize, bool),
    /// The address that adverts leave from.
    Source(usize, bool),
    /// The kernel refuses the addresses so many times.
    Refuse(usize, u8),
    /// Somebody takes the addresses away for good.
    Steal(usize),
    Reload(usize, Change),
    /// Valid adverts of a stranger, or in the name of a router.
    Stranger {
        priority: u8,
        name: Option<usize>,
        /// What it says its interval is, in milliseconds.
        interval: u32,
        every: Time,
        lasts: Time,
    },
    /// Everything works again and everybody is there.
    Heal,
    /// From here nothing may move any more; one router holds the addresses.
    Rest,
    /// The end of that.
    Rested,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crash {
    /// The parent removes the addresses and sends the last will.
    Engine,
    /// The engine goes on until its lease ends.
    Parent,
    /// Silence and nothing held.
    Host,
    /// Everything killed: the addresses stay until their lease ends.
    Daemon,
}

/// Who gets no processor time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frozen {
    Engine,
    Parent,
    Daemon,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Priority(u8),
    Preempt(bool),
    Fast(bool),
    /// Milliseconds.
    Interval(u32),
    /// `preempt_delay` in milliseconds.
    Delay(u32),
    /// `down_timer_adverts`.
    Adverts(u8),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Weather {
    /// Percent of adverts lost, doubled, and delayed by up to `reach`.
    pub(crate) loss: u8,
    pub(crate) double: u8,
    pub(crate) late: u8,
    pub(crate) reach: Time,
}

pub(crate) const NETWORKS: usize = 2;

/// The longest a late advert is under way.
pub(crate) const REACH_MAX: Time = 4 * SECOND;

impl Plan {
    pub(crate) fn hosts(&self) -> usize {
        self.routers.last().map_or(0, |setup| setup.host + 1)
    }

    pub(crate) fn is_grouped(&self) -> bool {
        self.hosts() < self.routers.len()
    }

    fn changes(&self) -> impl Iterator<Item = Change> {
        let change = |(_, fault): &(Time, Fault)| {
            if let Fault::Reload(_, change) = fault { Some(*change) } else { None }
        };
        self.faults.iter().filter_map(change)
    }

    /// The longest interval there may be.
    pub(crate) fn longest(&self) -> Time {
        let changed = self.changes().filter_map(|change| {
            if let Change::Interval(interval) = change { Some(interval) } else { None }
        });
        let all = self.routers.iter().map(|setup| setup.interval).chain(changed);
        all.max().map_or(SECOND, |longest| Time::from(longest) * MILLI)
    }

    pub(crate) fn shortest(&self) -> Time {
        self.routers.iter().map(Setup::interval).min().unwrap_or(SECOND)
    }

    /// The longest `preempt_delay` there may be.
    pub(crate) fn delay(&self) -> Time {
        let changed = self.changes().filter_map(|change| {
            if let Change::Delay(delay) = change { Some(delay) } else { None }
        });
        let all = self.routers.iter().map(|setup| setup.delay).chain(changed);
        Time::from(all.max().unwrap_or(0)) * MILLI
    }

    /// What it may take at most to miss a MASTER, whoever waits for whom.
    pub(crate) fn slowest(&self) -> Rhythm {
        let changed = self.changes().filter_map(|change| {
            if let Change::Adverts(adverts) = change { Some(adverts) } else { None }
        });
        let adverts = self.routers.iter().map(|setup| setup.adverts).chain(changed).max();
        Rhythm::new(self.version, self.longest(), adverts.unwrap_or(3))
    }
}
