//! Plans as text that a person can read and change: `tests/runs/*.run`. A line is a router or a
//! fault with its time in milliseconds; `#` begins a comment.

use super::clock::{Clock, Time};
use super::plan::{Change, Crash, Fault, Frozen, Plan, Setup, Weather};
use std::fmt::Write;
use vipd_types::{Family, Version};

impl Plan {
    pub(crate) fn text(&self) -> String {
        let version = if self.version == Version::V2 { "v2" } else { "v3" };
        let family = if self.family == Family::V4 { "ipv4" } else { "ipv6" };
        let how = if self.unicast { "unicast" } else { "multicast" };
        let mut text = format!("seed {} {version} {family} {how}\n", self.seed);
        for setup in &self.routers {
            let _ = writeln!(text, "router {}", setup.text());
        }
        for (at, fault) in &self.faults {
            let _ = writeln!(text, "{:>12} {}", show(*at), say(*fault));
        }
        text
    }

    /// `Err` is the line that is not understood.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (version, family) = (Version::V2, Family::V4);
        let (routers, faults) = (Vec::new(), Vec::new());
        let mut plan = Self { seed: 0, version, family, unicast: false, routers, faults };
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            plan.line(&words).ok_or_else(|| line.to_owned())?;
        }
        Ok(plan)
    }

    fn line(&mut self, words: &[&str]) -> Option<()> {
        match words {
            [] => {}
            [first, ..] if first.starts_with('#') => {}
            ["seed", seed, version, family, how] => {
                self.seed = seed.parse().ok()?;
                self.version = if *version == "v2" { Version::V2 } else { Version::V3 };
                self.family = if *family == "ipv4" { Family::V4 } else { Family::V6 };
                self.unicast = *how == "unicast";
            }
            // A router is of the host before it if it is on a later wire.
            ["router", words @ ..] => {
                let mut setup = Setup::parse(words)?;
                let before = self.routers.last();
                setup.host = before.map_or(0, |it| it.host + usize::from(it.wire >= setup.wire));
                self.routers.push(setup);
            }
            [at, fault @ ..] => self.faults.push((time(at)?, parse(fault)?)),
        }
        Some(())
    }
}

impl Setup {
    /// Only what is not by the RFC has a word.
    fn text(&self) -> String {
        let Self { priority, interval, clock: Clock { start, drift }, .. } = self;
        let mut text = format!("{priority} interval {interval}");
        if self.wire > 0 {
            let _ = write!(text, " wire {}", self.wire);
        }
        let flags = [
            (!self.preempt, "nopreempt"),
            (!self.fast, "rfc-timers"),
            (self.silent, "silent"),
            (self.parting, "parting"),
            (self.deaf, "deaf"),
        ];
        for (_, word) in flags.iter().filter(|(is_set, _)| *is_set) {
            let _ = write!(text, " {word}");
        }
        let adverts = (self.adverts != 3).then_some(self.adverts.into());
        let delay = (self.delay != 0).then_some(self.delay);
        for (word, value) in [("adverts", adverts), ("delay", delay), ("cap", self.cap)] {
            let _ = value.map(|value| write!(text, " {word} {value}"));
        }
        let _ = write!(text, " clock {start} {drift}");
        text
    }

    fn parse(words: &[&str]) -> Option<Self> {
        let [priority, "interval", interval, rest @ ..] = words else { return None };
        let mut setup = Self::new(priority.parse().ok()?, interval.parse().ok()?);
        let mut words = rest.iter();
        while let Some(word) = words.next() {
            match *word {
                "nopreempt" => setup.preempt = false,
                "rfc-timers" => setup.fast = false,
                "silent" => setup.silent = true,
                "parting" => setup.parting = true,
                "deaf" => setup.deaf = true,
                "wire" => setup.wire = words.next()?.parse().ok()?,
                "adverts" => setup.adverts = words.next()?.parse().ok()?,
                "delay" => setup.delay = words.next()?.parse().ok()?,
                "cap" => setup.cap = Some(words.next()?.parse().ok()?),
                "clock" => {
                    setup.clock.start = words.next()?.parse().ok()?;
                    setup.clock.drift = words.next()?.parse().ok()?;
                }
                _ => return None,
            }
        }
        Some(setup)
    }
}

/// Milliseconds with up to six places.
fn show(at: Time) -> String {
    let text = format!("{}.{:06}", at / 1_000_000, at % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn time(word: &str) -> Option<Time> {
    let (millis, rest) = word.split_once('.').unwrap_or((word, ""));
    let nanos: Time = format!("{rest:0<6}").parse().ok().filter(|_| rest.len() <= 6)?;
    Some(millis.parse::<Time>().ok()? * 1_000_000 + nanos)
}

fn say(fault: Fault) -> String {
    let on = |on: bool| if on { "up" } else { "down" };
    match fault {
        Fault::Crash(at, how) => format!("crash {at} {}", crash(how)),
        Fault::Start(at, results) => format!("start {at} {}", show(results)),
        Fault::Stop(at) => format!("stop {at}"),
        Fault::Freeze(at, who) => format!("freeze {at} {}", frozen(who)),
        Fault::Thaw(at) => format!("thaw {at}"),
        Fault::Cut(from, to) => format!("cut {from} {to}"),
        Fault::Mend(a, b) => format!("mend {a} {b}"),
        Fault::Split(network, mask) => format!("split {network} {mask}"),
        Fault::Weather(network, Weather { loss, double, late, reach }) => {
            format!("weather {network} {loss} {double} {late} {}", show(reach))
        }
        Fault::Weight(at, adds) => format!("weight {at} {adds}"),
        Fault::StandBy(at, set) => format!("standby {at} {}", on(set)),
        Fault::Offline(at, set) => format!("offline {at} {}", on(set)),
        Fault::Service(at, well) => format!("service {at} {}", on(well)),
        Fault::Link(at, up) => format!("link {at} {}", on(up)),
        Fault::Source(at, there) => format!("source {at} {}", on(there)),
        Fault::Refuse(at, times) => format!("refuse {at} {times}"),
        Fault::Steal(at) => format!("steal {at}"),
        Fault::Reload(at, change) => match change {
            Change::Priority(value) => format!("reload {at} priority {value}"),
            Change::Preempt(value) => format!("reload {at} preempt {value}"),
            Change::Fast(value) => format!("reload {at} fast {value}"),
            Change::Interval(value) => format!("reload {at} interval {value}"),
            Change::Delay(value) => format!("reload {at} delay {value}"),
            Change::Adverts(value) => format!("reload {at} adverts {value}"),
        },
        Fault::Stranger { priority, name, interval, every, lasts } => {
            let name = name.map_or("-".to_owned(), |name| name.to_string());
            format!("stranger {priority} {name} {interval} {} {}", show(every), show(lasts))
        }
        Fault::Heal => "heal".to_owned(),
        Fault::Rest => "rest".to_owned(),
        Fault::Rested => "rested".to_owned(),
    }
}

fn crash(how: Crash) -> &'static str {
    match how {
        Crash::Engine => "engine",
        Crash::Parent => "parent",
        Crash::Host => "host",
        Crash::Daemon => "daemon",
    }
}

fn frozen(who: Frozen) -> &'static str {
    match who {
        Frozen::Engine => "engine",
        Frozen::Parent => "parent",
        Frozen::Daemon => "daemon",
    }
}

fn parse(words: &[&str]) -> Option<Fault> {
    let node = |word: &str| word.parse().ok();
    let on = |word: &str| match word {
        "up" => Some(true),
        "down" => Some(false),
        _ => None,
    };
    Some(match words {
        ["crash", at, how] => {
            let all = [Crash::Engine, Crash::Parent, Crash::Host, Crash::Daemon];
            Fault::Crash(node(at)?, all.into_iter().find(|one| crash(*one) == *how)?)
        }
        ["start", at, results] => Fault::Start(node(at)?, time(results)?),
        ["stop", at] => Fault::Stop(node(at)?),
        ["freeze", at, who] => {
            let all = [Frozen::Engine, Frozen::Parent, Frozen::Daemon];
            Fault::Freeze(node(at)?, all.into_iter().find(|one| frozen(*one) == *who)?)
        }
        ["thaw", at] => Fault::Thaw(node(at)?),
        ["cut", from, to] => Fault::Cut(node(from)?, node(to)?),
        ["mend", a, b] => Fault::Mend(node(a)?, node(b)?),
        ["split", network, mask] => Fault::Split(node(network)?, mask.parse().ok()?),
        ["weather", network, loss, double, late, reach] => {
            let weather = Weather {
                loss: loss.parse().ok()?,
                double: double.parse().ok()?,
                late: late.parse().ok()?,
                reach: time(reach)?,
            };
            Fault::Weather(node(network)?, weather)
        }
        ["weight", at, adds] => Fault::Weight(node(at)?, adds.parse().ok()?),
        ["standby", at, word] => Fault::StandBy(node(at)?, on(word)?),
        ["offline", at, word] => Fault::Offline(node(at)?, on(word)?),
        ["service", at, word] => Fault::Service(node(at)?, on(word)?),
        ["link", at, word] => Fault::Link(node(at)?, on(word)?),
        ["source", at, word] => Fault::Source(node(at)?, on(word)?),
        ["refuse", at, times] => Fault::Refuse(node(at)?, times.parse().ok()?),
        ["steal", at] => Fault::Steal(node(at)?),
        ["reload", at, what, value] => Fault::Reload(
            node(at)?,
            match *what {
                "priority" => Change::Priority(value.parse().ok()?),
                "preempt" => Change::Preempt(value.parse().ok()?),
                "fast" => Change::Fast(value.parse().ok()?),
                "interval" => Change::Interval(value.parse().ok()?),
                "delay" => Change::Delay(value.parse().ok()?),
                "adverts" => Change::Adverts(value.parse().ok()?),
                _ => return None,
            },
        ),
        ["stranger", priority, name, interval, every, lasts] => Fault::Stranger {
            priority: priority.parse().ok()?,
            name: if *name == "-" { None } else { Some(node(name)?) },
            interval: interval.parse().ok()?,
            every: time(every)?,
            lasts: time(lasts)?,
        },
        ["heal"] => Fault::Heal,
        ["rest"] => Fault::Rest,
        ["rested"] => Fault::Rested,
        _ => return None,
    })
}

#[test]
fn what_is_written_is_read_again() {
    for seed in 0..200 {
        let plan = Plan::random(seed);
        assert_eq!(Plan::parse(&plan.text()).as_ref(), Ok(&plan), "seed {seed}");
    }
    assert_eq!(
        Plan::parse("seed 1 v3 ipv4 unicast\n5 crash 0 everything"),
        Err("5 crash 0 everything".into())
    );
}
