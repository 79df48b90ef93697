//! Tells what the witnesses see, in order of time, while it happens. Takes part in nothing.

use crate::screen::{Ink, Screen};
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;
use vipd_lab::clock::millis;
use vipd_lab::node::Node;
use vipd_lab::scenario::{NODE1, Pair, VIP};
use vipd_lab::{Result, Stamp, wait_until};

/// A client's silence is worth a line from here on.
const NOTICED: Duration = Duration::from_millis(50);
/// Witnesses report in no order among themselves; a line waits this long for earlier ones.
const SETTLE: Duration = Duration::from_millis(60);
const STATUS_EVERY: Duration = Duration::from_millis(60);

#[derive(Debug)]
struct Told {
    at: Stamp,
    who: &'static str,
    ink: Ink,
    text: String,
}

#[derive(Debug, Default)]
struct Place {
    lines: usize,
    addresses: usize,
    holds: bool,
}

#[derive(Debug)]
pub(crate) struct Narrator {
    pub(crate) screen: Screen,
    zero: Stamp,
    quiet: bool,
    waiting: Vec<Told>,
    places: [Place; 2],
    adverts: Stamp,
    priorities: HashMap<IpAddr, u8>,
    samples: usize,
    answered: Option<(Stamp, String)>,
    silent: bool,
    shown: Stamp,
}

impl Narrator {
    pub(crate) fn new(screen: Screen) -> Self {
        let now = Stamp::now();
        Self {
            screen,
            zero: now,
            quiet: true,
            waiting: Vec::new(),
            places: [Place::default(), Place::default()],
            adverts: now,
            priorities: HashMap::new(),
            samples: 0,
            answered: None,
            silent: false,
            shown: now,
        }
    }

    /// From now on times count from here, and everything is told.
    pub(crate) fn begin(&mut self, pair: &Pair) -> Result<()> {
        self.look(pair);
        self.waiting.clear();
        self.quiet = false;
        self.zero = Stamp::now();
        Ok(())
    }

    /// What the player does.
    pub(crate) fn act(&mut self, at: Stamp, who: &'static str, ink: Ink, text: &str) {
        self.zero = at;
        self.waiting.push(Told { at, who, ink, text: text.to_owned() });
    }

    /// From now on only the status line moves.
    pub(crate) fn hush(&mut self, pair: &Pair) -> Result<()> {
        self.look(pair);
        self.print(Stamp::now().plus(SETTLE))?;
        self.quiet = true;
        self.screen.clear_status()
    }

    /// Node 1 is a new host, with a log and addresses that begin again.
    pub(crate) fn rebooted(&mut self) {
        self.places[0] = Place::default();
        self.priorities.remove(&IpAddr::V4(NODE1));
    }

    /// Waits until `condition` holds, and tells what is seen meanwhile.
    pub(crate) fn until(
        &mut self,
        pair: &Pair,
        limit: Duration,
        what: &str,
        mut condition: impl FnMut(&Pair) -> bool,
    ) -> Result<Stamp> {
        let mut told = Ok(());
        let waited = wait_until(limit, what, || {
            told = self.tell(pair);
            told.is_err() || condition(pair)
        });
        told.and(waited)
    }

    /// Goes on telling for `length`, so that the audience sees how things are now.
    pub(crate) fn linger(&mut self, pair: &Pair, length: Duration) -> Result<()> {
        let end = Stamp::now().plus(length);
        let limit = length.saturating_add(Duration::from_secs(1));
        self.until(pair, limit, "the audience", |_| Stamp::now() >= end).map(drop)
    }

    fn tell(&mut self, pair: &Pair) -> Result<()> {
        self.look(pair);
        self.print(Stamp::now())?;
        if Stamp::now().since(self.shown) >= STATUS_EVERY {
            self.shown = Stamp::now();
            let line = self.status(pair);
            self.screen.status(&line)?;
        }
        Ok(())
    }

    fn look(&mut self, pair: &Pair) {
        self.look_at_node(&pair.one.node, 0, "node1", Ink::Node1);
        self.look_at_node(&pair.two.node, 1, "node2", Ink::Node2);
        self.look_at_wire(pair);
        self.look_at_client(pair);
        if self.quiet {
            self.waiting.clear();
        }
    }

    fn look_at_node(&mut self, node: &Node, number: usize, who: &'static str, ink: Ink) {
        let Some(place) = self.places.get_mut(number) else { return };
        let lines = node.syslog().lines();
        for line in lines.iter().skip(place.lines).filter(|line| line.facility != 10) {
            let said = line.text.split_once("]: ").map_or(line.text.as_str(), |(_, said)| said);
            if ["Entering", "effective priority"].iter().any(|word| said.contains(word)) {
                self.waiting.push(Told { at: line.at, who, ink, text: format!("log: {said}") });
            }
        }
        place.lines = lines.len();
        let events = node.watch().events();
        for event in events.iter().skip(place.addresses) {
            // A renewed lease is an addition of what is there.
            if event.what.address != IpAddr::V4(VIP) || event.added == place.holds {
                continue;
            }
            place.holds = event.added;
            let what = if event.added { "has" } else { "no longer has" };
            let text = format!("{what} {VIP} on {}", event.what.interface);
            self.waiting.push(Told { at: event.at, who, ink, text });
        }
        place.addresses = events.len();
    }

    fn look_at_wire(&mut self, pair: &Pair) {
        for (at, advert) in pair.capture.adverts(self.adverts) {
            self.adverts = at.plus(Duration::from_nanos(1));
            let before = self.priorities.insert(advert.source, advert.priority);
            if before == Some(advert.priority) {
                continue;
            }
            let (who, ink) =
                if advert.source == NODE1 { ("node1", Ink::Node1) } else { ("node2", Ink::Node2) };
            let text = match advert.priority {
                0 => "says good-bye (an advert with priority 0)".to_owned(),
                priority => format!("advertises itself with priority {priority}"),
            };
            self.waiting.push(Told { at, who, ink, text });
        }
    }

    fn look_at_client(&mut self, pair: &Pair) {
        let fresh = pair.probe.samples_from(self.samples);
        self.samples = self.samples.saturating_add(fresh.len());
        for sample in fresh {
            let Some(by) = sample.by else { continue };
            let gap = self.answered.as_ref().map(|(last, before)| {
                let gap = sample.ended.since(*last);
                (gap, gap > NOTICED || *before != by)
            });
            let text = match gap {
                Some((_, false)) => None,
                Some((gap, true)) => Some(format!(
                    "is answered by {by}, after {:.0} ms without an answer",
                    millis(gap)
                )),
                None => Some(format!("is answered by {by}")),
            };
            self.silent = false;
            self.answered = Some((sample.ended, by));
            let told =
                text.map(|text| Told { at: sample.ended, who: "client", ink: Ink::Client, text });
            self.waiting.extend(told);
        }
        let last = self.answered.as_ref().map(|(last, _)| *last);
        if let Some(last) = last.filter(|last| !self.silent && Stamp::now().since(*last) > NOTICED)
        {
            self.silent = true;
            let text = "has its last answer; from here on nobody answers".to_owned();
            self.waiting.push(Told { at: last, who: "client", ink: Ink::Client, text });
        }
    }

    fn print(&mut self, now: Stamp) -> Result<()> {
        self.waiting.sort_by_key(|told| told.at);
        let ripe = self.waiting.partition_point(|told| told.at.plus(SETTLE) <= now);
        let ripe: Vec<Told> = self.waiting.drain(..ripe).collect();
        for told in ripe {
            let before = millis(self.zero.since(told.at));
            // Adding zero turns a rounded minus zero into zero.
            let time = (millis(told.at.since(self.zero)) - before).round() + 0.0;
            let time = format!("{time:>9} ms");
            let time = self.screen.ink(Ink::Faint, &time);
            let who = self.screen.ink(told.ink, &format!("{:<7}", told.who));
            let quiet = told.text.starts_with("log:");
            let text = self.screen.ink(if quiet { Ink::Faint } else { Ink::Plain }, &told.text);
            self.screen.line(&format!("{time}  {who} {text}"))?;
        }
        Ok(())
    }

    fn status(&self, pair: &Pair) -> String {
        let owner = match pair.owners().as_slice() {
            [] => self.screen.ink(Ink::Bad, "nobody"),
            [1] => self.screen.ink(Ink::Node1, "node1"),
            [2] => self.screen.ink(Ink::Node2, "node2"),
            _ => self.screen.ink(Ink::Bad, "both"),
        };
        let client = match &self.answered {
            Some((last, by)) if Stamp::now().since(*last) < NOTICED => {
                self.screen.ink(if by == "node1" { Ink::Node1 } else { Ink::Node2 }, by)
            }
            _ => self.screen.ink(Ink::Bad, "nobody"),
        };
        let time = format!("{:>9.1} s ", Stamp::now().since(self.zero).as_secs_f64());
        format!(
            "{}  {VIP} is with {owner}, the client is served by {client}",
            self.screen.ink(Ink::Faint, &time)
        )
    }
}
