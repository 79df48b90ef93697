//! One instance as the dumps show it: what the configuration says, and what the engine has told.

use crate::plan::InstancePlan;
use std::net::IpAddr;
use std::time::Duration;
use vipd_conf::Config;
use vipd_conf::config::{Instance, Script, Target, Track};
use vipd_ipc::report::{Counts, InstanceStatus};
use vipd_types::{Instant, State};

pub(super) struct Record<'a> {
    pub(super) config: &'a Instance,
    pub(super) all: &'a Config,
    pub(super) plan: &'a InstancePlan,
    pub(super) status: &'a InstanceStatus,
    /// Since they were cleared.
    pub(super) counts: Counts,
    pub(super) group: Option<&'a str>,
    pub(super) source: Option<IpAddr>,
    pub(super) now: Instant,
    /// The same moment on the wall, since 1970.
    pub(super) wall: Duration,
}

impl Record<'_> {
    /// When the state was entered, on the wall.
    pub(super) fn transition(&self) -> Duration {
        self.wall.saturating_sub(self.now.since(self.status.since))
    }

    /// A moment of the daemon's clock on the wall.
    pub(super) fn on_wall(&self, at: Instant) -> Duration {
        let ahead = at.since(self.now);
        self.wall.saturating_add(ahead).saturating_sub(self.now.since(at))
    }

    /// What it would be if nothing stood in the way.
    pub(super) fn wanted(&self) -> State {
        match self.status.state {
            State::Master => State::Master,
            State::Init | State::Backup | State::Fault => State::Backup,
        }
    }

    pub(super) fn is_master(&self) -> bool {
        self.status.state == State::Master
    }

    /// As in keepalived: of the MASTER that was heard last, 0 if none was.
    pub(super) fn master_priority(&self) -> u8 {
        self.status.master.filter(|_| !self.is_master()).map_or(0, |(_, priority)| priority)
    }

    pub(super) fn scripts(&self) -> impl Iterator<Item = (&Script, &Track)> {
        let script = |track: &Track| match track.target {
            Target::Script(id) => self.all.scripts.get(usize::from(id.0)),
            Target::Process(_) | Target::File(_) | Target::Check(_) | Target::Interface(_) => None,
        };
        self.config.tracks.iter().filter_map(move |track| Some((script(track)?, track)))
    }
}

/// A command with each word in single quotes.
pub(super) fn command(script: &Script) -> String {
    let word = |word: &Vec<u8>| format!("'{}'", String::from_utf8_lossy(word));
    let words: Vec<String> = script.argv.iter().map(word).collect();
    words.join(" ")
}
