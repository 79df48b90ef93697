//! Which processes are there, by name, and when the last of them dies: one walk over /proc for all
//! checks that ask at a time, and a pidfd on each process found. Keeps no schedule.

mod matching;

use crate::fds;
use matching::{Facts, is_match};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use vipd_ipc::slice::{ProcessMatch, ProcessSlice};
use vipd_types::TrackerId;

/// Pidfds held for one check; processes beyond are only seen at the intervals.
const HELD_MAX: usize = 256;
/// Descriptors kept for everything else but connections, which have the other half of all.
const SPARE: usize = 64;
/// Tokens below are other people's.
const FIRST_TOKEN: usize = 16;

/// An answer for one check: alive or not, and why.
pub(crate) type Answer = (TrackerId, bool, String);

#[derive(Debug)]
pub(crate) struct Processes {
    /// Pidfds for all checks together; a walk over /proc must never run out of descriptors.
    held_max: usize,
    /// With how many must be left so that nothing has changed.
    held: BTreeMap<TrackerId, (BTreeMap<i32, Held>, usize)>,
    tokens: BTreeMap<Token, (TrackerId, i32)>,
    last_token: usize,
}

#[derive(Debug)]
struct Held {
    fd: OwnedFd,
    token: Token,
}

/// Says whether the processes of other users can be seen. They cannot if /proc is mounted with
/// `hidepid`, or not at all.
pub(crate) fn sees_others() -> Result<(), String> {
    match File::open("/proc/1/comm") {
        Ok(_) => Ok(()),
        Err(error) => Err(format!(
            "checker cannot see the processes of others (is /proc mounted with hidepid?): {}",
            Errno::from_raw(error.raw_os_error().unwrap_or(0)).desc()
        )),
    }
}

impl Processes {
    /// `descriptors` is how many this process may have open.
    pub(crate) fn new(descriptors: usize) -> Self {
        Self {
            held_max: (descriptors / 2).saturating_sub(SPARE),
            held: BTreeMap::new(),
            tokens: BTreeMap::new(),
            last_token: FIRST_TOKEN,
        }
    }

    /// Looks for the processes of all `wanted` checks and holds on to what it finds.
    pub(crate) fn scan(
        &mut self,
        registry: &Registry,
        wanted: &[(TrackerId, ProcessSlice)],
    ) -> Vec<Answer> {
        if let Err(why) = sees_others() {
            return wanted.iter().map(|(t, _)| (*t, false, why.clone())).collect();
        }
        let found = match walk(wanted) {
            Ok(found) => found,
            Err(error) => {
                let why = format!("checker could not read /proc: {error}");
                return wanted.iter().map(|(t, _)| (*t, false, why.clone())).collect();
            }
        };
        let each = wanted.iter().zip(found);
        each.map(|((tracker, slice), pids)| {
            let alive = self.hold(registry, *tracker, slice, &pids);
            let count = u32::try_from(alive.len()).unwrap_or(u32::MAX);
            (*tracker, (slice.least..=slice.most).contains(&count), reason(slice, &alive))
        })
        .collect()
    }

    /// A pidfd spoke: its process is dead. The check that now has too few, or may have had too many.
    pub(crate) fn died(&mut self, token: Token) -> Option<TrackerId> {
        let (tracker, pid) = self.tokens.remove(&token)?;
        let (held, enough) = self.held.get_mut(&tracker)?;
        held.remove(&pid);
        (held.len() < *enough).then_some(tracker)
    }

    /// Lets go of what is held for checks that are not `wanted` any more.
    pub(crate) fn retain(&mut self, wanted: impl Fn(TrackerId) -> bool) {
        self.held.retain(|tracker, _| wanted(*tracker));
        self.tokens.retain(|_, (tracker, _)| wanted(*tracker));
    }

    /// Sorts out who among `pids` is alive and still bears the name, and holds these.
    fn hold(
        &mut self,
        registry: &Registry,
        tracker: TrackerId,
        slice: &ProcessSlice,
        pids: &[i32],
    ) -> Vec<i32> {
        let (mut old, _) = self.held.remove(&tracker).unwrap_or_default();
        let mut new = BTreeMap::new();
        let mut alive = Vec::new();
        for pid in pids {
            if let Some(held) = old.remove(pid) {
                if !is_dead(&held.fd) {
                    alive.push(*pid);
                    new.insert(*pid, held);
                    continue;
                }
                self.tokens.remove(&held.token);
            }
            match confirm(*pid, slice) {
                Confirmed::Dead => continue,
                Confirmed::Unheld => {}
                Confirmed::Alive(fd)
                    if new.len() < HELD_MAX && self.tokens.len() < self.held_max =>
                {
                    if let Some(held) = self.watch(registry, tracker, *pid, fd) {
                        new.insert(*pid, held);
                    }
                }
                Confirmed::Alive(_) => {}
            }
            alive.push(*pid);
        }
        for held in old.into_values() {
            self.tokens.remove(&held.token);
        }
        let size = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        // Also when one dies of too many.
        let least = if slice.most == u32::MAX { size(slice.least) } else { usize::MAX };
        self.held.insert(tracker, (new, least));
        alive
    }

    fn watch(
        &mut self,
        registry: &Registry,
        tracker: TrackerId,
        pid: i32,
        fd: OwnedFd,
    ) -> Option<Held> {
        self.last_token = self.last_token.wrapping_add(1).max(FIRST_TOKEN);
        let token = Token(self.last_token);
        let raw = fd.as_raw_fd();
        registry.register(&mut SourceFd(&raw), token, Interest::READABLE).ok()?;
        self.tokens.insert(token, (tracker, pid));
        Some(Held { fd, token })
    }
}

enum Confirmed {
    Dead,
    Alive(OwnedFd),
    /// It lives, but no descriptor could be had.
    Unheld,
}

/// The number may have been given to another process between reading the name and opening the
/// descriptor, so the name is read again under the descriptor.
fn confirm(pid: i32, slice: &ProcessSlice) -> Confirmed {
    match fds::pidfd_open(pid) {
        Ok(fd) => {
            let same = is_match(slice, &mut Facts::new(pid));
            if same && !is_dead(&fd) { Confirmed::Alive(fd) } else { Confirmed::Dead }
        }
        Err(Errno::ESRCH) => Confirmed::Dead,
        // Out of descriptors, or a kernel before 5.3: the letter must do.
        Err(_) => {
            if matching::is_zombie(pid) {
                Confirmed::Dead
            } else {
                Confirmed::Unheld
            }
        }
    }
}

/// A zombie's pidfd is readable; that of a process whose leader thread has ended is not.
fn is_dead(fd: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
    matches!(poll(&mut fds, PollTimeout::ZERO), Ok(n) if n > 0)
}

/// For each wanted check the numbers of all processes that bear its name.
fn walk(wanted: &[(TrackerId, ProcessSlice)]) -> std::io::Result<Vec<Vec<i32>>> {
    let mut found = vec![Vec::new(); wanted.len()];
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let mut facts = Facts::new(pid);
        for ((_, slice), pids) in wanted.iter().zip(&mut found) {
            if is_match(slice, &mut facts) {
                pids.push(pid);
            }
        }
    }
    Ok(found)
}

fn reason(slice: &ProcessSlice, alive: &[i32]) -> String {
    let name = slice.name.escape_ascii();
    let found = match (alive, slice.how) {
        ([], ProcessMatch::Pgrep) => format!("no process with {name} in its name"),
        ([], _) => format!("no process named {name}"),
        ([pid], _) => format!("1 process (pid {pid})"),
        ([pid, ..], _) => format!("{} processes (pid {pid} and others)", alive.len()),
    };
    match (slice.least, slice.most) {
        (1, u32::MAX) => found,
        (least, u32::MAX) => format!("{found}, at least {least} wanted"),
        (least, most) => format!("{found}, {least} to {most} wanted"),
    }
}
