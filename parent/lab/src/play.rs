//! What can happen to the two hosts of the main job, and what is measured when it does. The
//! benchmark's definitions are these functions.

use crate::clock::{Stamp, wait_until};
use crate::daemon::Daemon;
use crate::error::{Error, Result};
use crate::scenario::{LIMIT, NODE1, NODE2, Pair};
use std::time::Duration;

/// In the order in which one round plays them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// Scenario 2: HAProxy of the MASTER is killed (SIGKILL, all processes).
    HaproxyDies,
    /// Scenario 3: it is started again.
    HaproxyReturns,
    /// The daemon on the MASTER is told to stop (SIGTERM); HAProxy goes on.
    Stop,
    /// Scenario 1: the MASTER's host loses its power.
    PowerOff,
}

pub const ROUND: [Event; 4] =
    [Event::HaproxyDies, Event::HaproxyReturns, Event::Stop, Event::PowerOff];

impl Event {
    pub fn title(self) -> &'static str {
        match self {
            Self::HaproxyDies => "scenario 2: HAProxy on the MASTER dies",
            Self::HaproxyReturns => "scenario 3: HAProxy starts again, node 1 takes back",
            Self::Stop => "the daemon on the MASTER is stopped (SIGTERM)",
            Self::PowerOff => "scenario 1: the MASTER's host loses its power",
        }
    }
}

/// What was seen.
#[derive(Debug, Clone)]
pub struct Played {
    /// The moment before the signal, the start of the program, or the cut of the cable.
    pub at: Stamp,
    /// The longest time without an answer to the client that ended after the event: from the end
    /// of the last answered request to the end of the next one.
    pub outage: Duration,
    /// From the last answer of the old owner to the first of the new one: the takeover alone,
    /// wherever else in the time of the scenario the client had to wait.
    pub takeover: Duration,
    /// From the event until the client had its first answer from the new owner to a request that
    /// it made after the event.
    pub handover: Duration,
    /// For a power cut only: first advert of the new MASTER, minus last advert of the dead one,
    /// minus the protocol's down timer of three intervals and the skew of priority 110.
    pub beyond_bound: Option<Duration>,
    /// How long both hosts held the address at the same time, all together.
    pub overlap: Duration,
}

/// RFC 3768 section 6.1 for priority 110 and 1 s: 3 x 1 s + (256 - 110) / 256 s.
pub const DOWN_TIMER: Duration = Duration::from_nanos(3_570_312_500);

/// Lets `event` happen and waits until it has ended as it should: the right host is the only owner
/// and answers the client.
///
/// # Errors
/// When it has not within [`LIMIT`].
pub fn play(pair: &mut Pair, event: Event) -> Result<Played> {
    let at = match event {
        Event::HaproxyDies => pair.one.kill_haproxy()?,
        Event::HaproxyReturns => pair.one.start_haproxy()?,
        Event::Stop => pair.one.running()?.terminate()?,
        Event::PowerOff => pair.one.power_off()?,
    };
    let (new, old) = if event == Event::HaproxyReturns { (1, "node2") } else { (2, "node1") };
    let answer = pair.probe.wait_answer(at, &format!("node{new}"), LIMIT)?;
    let samples = pair.probe.samples();
    let before = samples.iter().filter(|s| s.by.as_deref() == Some(old) && s.ended < answer.ended);
    let last = before.map(|sample| sample.ended).max().unwrap_or(at);
    pair.wait_owner(new)?;
    let outage = pair.probe.longest_outage(at).ok_or_else(|| Error::new("no answer"))?.length();
    let beyond_bound = (event == Event::PowerOff).then(|| beyond_bound(pair, at)).transpose()?;
    let late = pair.overlaps().into_iter().filter(|window| window.to > at);
    Ok(Played {
        at,
        outage,
        takeover: answer.ended.since(last),
        handover: answer.ended.since(at),
        beyond_bound,
        overlap: late.map(|window| window.to.since(window.from.max(at))).sum(),
    })
}

/// Brings node 1 back to where it was before a stop.
///
/// # Errors
/// When it does not come back.
pub fn start_again(pair: &mut Pair, daemon: &Daemon) -> Result<()> {
    pair.one.running()?.wait(LIMIT)?;
    pair.one.daemon = None;
    pair.one.start_daemon(daemon)?;
    pair.settle().map(drop)
}

/// Waits for `part` (0 to 1) of the check interval of 2 s, so that over the rounds the events fall
/// on all phases of the timers of both hosts.
///
/// # Errors
/// Never.
pub fn shift_phase(part: f64) -> Result<Stamp> {
    let end = Stamp::now().plus(Duration::from_secs_f64(part.clamp(0.0, 1.0) * 2.0));
    wait_until(LIMIT, "the phase of a round", || Stamp::now() >= end)
}

fn beyond_bound(pair: &Pair, at: Stamp) -> Result<Duration> {
    let (first, _) = pair.capture.wait_advert(at, LIMIT, "of the new MASTER", |advert| {
        advert.source == NODE2 && advert.priority > 0
    })?;
    let all = pair.capture.adverts(Stamp::from_nanos(0));
    let last = all.iter().rfind(|(_, advert)| advert.source == NODE1);
    let (last, _) = last.ok_or_else(|| Error::new("node1 never sent an advert"))?;
    Ok(first.since(*last).saturating_sub(DOWN_TIMER))
}
