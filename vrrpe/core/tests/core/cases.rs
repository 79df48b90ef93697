//! Recorded cases: each `tests/cases/NN-name.case` is one story of one router, what goes in and
//! what must come out, in lines that a person can read. Knows no expectation of its own.
//!
//! A line is a time in milliseconds, then `<` and an input, or `>` and an answer; `#` begins a
//! comment. Our address ends in .3, a number after `from` or `peer` is the end of another one.
//! Timers are served when they are due, except from `pause` to `deadline`; `nothing` lets time
//! pass. `VIPD_WRITE_CASES=1 cargo test -p vrrp-core recorded` writes all answers anew.

use crate::common::{GOOD_BYE, LOCAL, Message, at_nanos, config, host, meta, unicast};
use crate::packets::{Covers, V3};
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;
use vipd_types::{Epoch, Instant, Version};
use vrrp_core::group::Order;
use vrrp_core::wire::{self, GROUP_V4, MESSAGE_MAX};
use vrrp_core::{Action, Config, Event, Health, Input, Kind, Router, Transport};

#[test]
fn recorded_cases() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<PathBuf> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "case"));
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    let rewrite = std::env::var_os("VIPD_WRITE_CASES").is_some();
    let mut differences = String::new();
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("# "), "{name} does not say what it shows");
        let replayed = replay(name, &text);
        if replayed == text {
            continue;
        }
        if rewrite {
            fs::write(&file, &replayed).unwrap();
        } else {
            differences += &format!("\n{name}\n{}", difference(&text, &replayed));
        }
    }
    assert!(differences.is_empty(), "- is written, + is what happens\n{differences}");
}

#[test]
fn a_difference_is_shown_with_what_stands_around_it() {
    let shown = difference("1\n2\n3\n4\n5\n6\n7\n8\n", "1\n2\n3\n4\nfive\n6\n7\n8\n");
    assert_eq!(shown, "  line 2\n  2\n  3\n  4\n- 5\n+ five\n  6\n  7\n  8\n");
}

/// The file as it should be: its comments and inputs, and what the router says to them.
fn replay(name: &str, text: &str) -> String {
    let mut replay = Replay { router: None, now: at_nanos(0), paused: false, lines: Vec::new() };
    let mut comments = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => comments.push(line),
            [first, ..] if first.starts_with('#') => comments.push(line),
            [_, ">", ..] => {}
            [time, "<", words @ ..] => {
                replay.until(parse_time(time).unwrap_or_else(|| unreadable(name, number, line)));
                replay.lines.extend(comments.drain(..).map(str::to_owned));
                replay.line('<', &words.join(" "));
                replay.input(words).unwrap_or_else(|| unreadable(name, number, line));
            }
            [..] => unreadable(name, number, line),
        }
    }
    replay.lines.extend(comments.drain(..).map(str::to_owned));
    replay.lines.join("\n") + "\n"
}

fn unreadable<T>(name: &str, number: usize, line: &str) -> T {
    panic!("{name}:{}: not understood: {line}", number + 1)
}

struct Replay {
    router: Option<Router>,
    now: Instant,
    paused: bool,
    lines: Vec<String>,
}

impl Replay {
    fn line(&mut self, mark: char, what: &str) {
        self.lines.push(format!("{:>10} {mark} {what}", show_time(self.now)));
    }

    /// What comes at the same time as a timer is due goes before the timer.
    fn until(&mut self, end: Instant) {
        assert!(end >= self.now, "time runs backwards to {}", show_time(end));
        for _ in 0..10_000 {
            let next = self.router.as_ref().and_then(Router::next_deadline);
            match next.filter(|next| *next < end && !self.paused) {
                None => {
                    self.now = end;
                    return;
                }
                Some(next) => {
                    self.now = self.now.max(next);
                    self.step(Input::Deadline);
                }
            }
        }
        panic!("a timer that stays due at {}", show_time(self.now));
    }

    fn step(&mut self, input: Input<'_>) {
        let router = self.router.as_mut().expect("the first line is the configuration");
        let actions = router.step(self.now, input);
        let priority = encoded_priority(router);
        for action in actions.iter() {
            let said = say(action, priority);
            self.line('>', &said);
        }
    }

    /// `None` for words that mean nothing.
    fn input(&mut self, words: &[&str]) -> Option<()> {
        let epoch = |word: &str| Some(Epoch(word.parse().ok()?));
        let local = Some(IpAddr::V4(LOCAL));
        match words {
            ["nothing"] => {}
            ["pause"] => self.paused = true,
            ["deadline"] => {
                self.paused = false;
                self.step(Input::Deadline);
            }
            ["config", priority, options @ ..] => {
                let config = parse_config(priority.parse().ok()?, options)?;
                if self.router.is_some() {
                    self.step(Input::Config(Box::new(config)));
                } else {
                    self.router = Some(Router::new(config));
                }
            }
            ["advert", priority, "from", from] => {
                self.hear(from.parse().ok()?, priority.parse().ok()?, 100);
            }
            ["advert", priority, "from", from, "every", centis] => {
                self.hear(from.parse().ok()?, priority.parse().ok()?, centis.parse().ok()?);
            }
            ["good-bye", "from", from] => self.hear(from.parse().ok()?, 0, 100),
            ["group", order] => self.step(Input::Group(parse_order(order)?)),
            ["track", options @ ..] => self.step(Input::Track(parse_health(options)?)),
            ["link", "up"] => self.step(Input::Link { up: true, source: local }),
            ["link", "up", "without", "address"] => {
                self.step(Input::Link { up: true, source: None });
            }
            ["link", "down"] => self.step(Input::Link { up: false, source: local }),
            ["acquired", term] => self.step(Input::Acquired(epoch(term)?)),
            ["refused", term] => self.step(Input::NotAcquired(epoch(term)?)),
            ["released", term] => self.step(Input::Released(epoch(term)?)),
            ["lost", term] => self.step(Input::Lost(epoch(term)?)),
            ["lapsed", term] => self.step(Input::Lapsed(epoch(term)?)),
            ["stop"] => self.step(Input::Stop),
            ["lease", "ended"] => self.step(Input::LeaseEnded),
            [..] => return None,
        }
        Some(())
    }

    /// In the router's own version; VRRPv3 with this interval.
    fn hear(&mut self, from: u8, priority: u8, centis: u16) {
        let config = self.router.as_ref().expect("the first line is the configuration").config();
        let to = match config.transport {
            Transport::Unicast { .. } => LOCAL,
            Transport::Multicast { .. } => GROUP_V4,
        };
        let meta = meta(host(from), to, 255);
        let v3 = V3 { covers: Covers::Header, ..V3::v4(priority).every(centis) };
        let bytes = match config.version {
            Version::V2 => Message::new(priority).bytes(),
            Version::V3 => v3.bytes(&meta),
        };
        let advert = wire::decode(&bytes, meta, wire::TTL).unwrap();
        self.step(Input::Packet(&advert));
    }
}

/// Any of `v3`, `every N` milliseconds, `nopreempt`, `preempt-delay N` seconds, `rfc-timers`,
/// `silent`, and any number of `peer N`; the group without a peer.
fn parse_config(base: u8, options: &[&str]) -> Option<Config> {
    let mut peers = Vec::new();
    let mut given = config(base);
    let mut words = options.iter();
    while let Some(word) = words.next() {
        match *word {
            "v3" => given.version = Version::V3,
            "every" => given.advert_int = Duration::from_millis(words.next()?.parse().ok()?),
            "nopreempt" => given.preempt = false,
            "preempt-delay" => {
                given.options.preempt_delay = Duration::from_secs(words.next()?.parse().ok()?);
            }
            "rfc-timers" => given.fast_handover = false,
            "silent" => given.options.lower_prio_no_advert = true,
            "peer" => peers.push(words.next()?.parse().ok()?),
            _ => return None,
        }
    }
    if !peers.is_empty() {
        given.transport = unicast(base, &peers).transport;
    }
    Some(given)
}

fn parse_order(word: &str) -> Option<Option<Order>> {
    Some(match word {
        "wait" => Some(Order::Wait),
        "lead" => Some(Order::Lead),
        "yield" => Some(Order::Yield),
        "fault" => Some(Order::Fault),
        "left" => None,
        _ => return None,
    })
}

/// `well`, or any of `adds N`, `fault`, `unproven` and `pending`.
fn parse_health(options: &[&str]) -> Option<Health> {
    let mut health = Health::default();
    let mut words = options.iter();
    while let Some(word) = words.next() {
        match *word {
            "well" => {}
            "adds" => health.adds = words.next()?.parse().ok()?,
            "fault" => health.fault = true,
            "unproven" => health.unproven = true,
            "pending" => health.pending = true,
            "standby" => health.standby = true,
            "offline" => health.offline = true,
            _ => return None,
        }
    }
    Some(health)
}

/// As it stands in the bytes of an advert that is sent now.
fn encoded_priority(router: &Router) -> u8 {
    router.encode(Kind::Advert, GROUP_V4.into(), &mut [0; MESSAGE_MAX]).unwrap()[2]
}

fn say(action: Action, priority: u8) -> String {
    match action {
        GOOD_BYE => "send good-bye".to_owned(),
        Action::Send(_) => format!("send advert {priority}"),
        Action::Acquire(Epoch(term)) => format!("acquire {term}"),
        Action::Release(Epoch(term), reason) => format!("release {term} {reason:?}"),
        Action::Announce(Epoch(term)) => format!("announce {term}"),
        Action::Event(Event::State { from, to, why }) => format!("state {from} to {to}: {why:?}"),
        Action::Event(Event::Priority { from, to }) => format!("priority {from} to {to}"),
        Action::Event(Event::Discarded(why)) => format!("discarded: {why:?}"),
        Action::Event(Event::Noticed(notice)) => format!("noticed: {notice:?}"),
        Action::Event(Event::GoodByeHeard { from }) => format!("good-bye heard from {from}"),
        Action::Event(Event::LowerHeard { from, priority, ours }) => {
            format!("lower heard from {from}: {priority}, ours {ours}")
        }
        Action::Event(Event::ForcingElection { from, priority, ours }) => {
            format!("forcing election with {from}: {priority}, ours {ours}")
        }
        Action::Event(Event::AddressesRefused) => "addresses refused".to_owned(),
        Action::Event(Event::AddressesLost) => "addresses lost".to_owned(),
    }
}

/// Milliseconds with up to six places.
fn parse_time(word: &str) -> Option<Instant> {
    let (millis, rest) = word.split_once('.').unwrap_or((word, ""));
    let nanos: u64 = format!("{rest:0<6}").parse().ok().filter(|_| rest.len() <= 6)?;
    Some(at_nanos(millis.parse::<u64>().ok()? * 1_000_000 + nanos))
}

fn show_time(at: Instant) -> String {
    let since = Duration::from_nanos(at.as_nanos());
    let text = format!("{}.{:06}", since.as_millis(), since.as_nanos() % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// From the first line that differs to the last, with three lines on each side.
fn difference(written: &str, replayed: &str) -> String {
    let (old, new) = (lines(written), lines(replayed));
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail = old[same..].iter().rev().zip(new[same..].iter().rev());
    let tail = tail.take_while(|(a, b)| a == b).count();
    let (old_end, new_end) = (old.len() - tail, new.len() - tail);
    let begin = same.saturating_sub(3);
    let mut shown = format!("  line {}\n", begin + 1);
    let mut show = |mark: char, lines: &[&str]| {
        for line in lines {
            shown += &format!("{mark} {line}\n");
        }
    };
    show(' ', &old[begin..same]);
    show('-', &old[same..old_end]);
    show('+', &new[same..new_end]);
    show(' ', &old[old_end..old.len().min(old_end + 3)]);
    shown
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}
