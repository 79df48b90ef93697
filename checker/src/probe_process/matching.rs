//! Does a process bear a name, as `killall`, `pidof`, `pgrep` and `vrrp_track_process` understand it. Reads the files of
//! one process and compares; whether the process is alive is not asked here.

use std::fs::File;
use std::io::Read;
use vipd_ipc::slice::{ArgumentMatch, Arguments, ProcessMatch, ProcessSlice};

/// The kernel keeps no more of a name (TASK_COMM_LEN less the final zero).
const COMM_MAX: usize = 15;
/// As much of the arguments as is looked at.
const CMDLINE_MAX: u64 = 4096;

/// What is known of a process, read when first asked for.
#[derive(Debug)]
pub(super) struct Facts {
    pid: i32,
    comm: Option<Vec<u8>>,
    cmdline: Option<Vec<u8>>,
}

impl Facts {
    pub(super) fn new(pid: i32) -> Self {
        Self { pid, comm: None, cmdline: None }
    }

    /// Empty when the process is gone.
    fn comm(&mut self) -> &[u8] {
        self.comm.get_or_insert_with(|| {
            let mut comm = read(self.pid, "comm");
            // The file ends with a line feed of its own; the name may contain others.
            if comm.last() == Some(&b'\n') {
                comm.pop();
            }
            comm
        })
    }

    /// Empty for threads of the kernel and zombies.
    fn arguments(&mut self) -> impl Iterator<Item = &[u8]> {
        self.all_arguments().filter(|argument| !argument.is_empty())
    }

    /// With those that are empty words.
    fn all_arguments(&mut self) -> impl Iterator<Item = &[u8]> {
        let all = self.cmdline.get_or_insert_with(|| read(self.pid, "cmdline"));
        // Each ends with a zero.
        let all = all.strip_suffix(b"\0").unwrap_or(all);
        all.split(|b| *b == 0)
    }
}

pub(super) fn is_match(slice: &ProcessSlice, facts: &mut Facts) -> bool {
    let name = slice.name.as_slice();
    if name.is_empty() {
        return false;
    }
    let named = match slice.how {
        ProcessMatch::Killall => killall(name, facts),
        ProcessMatch::Pidof => pidof(name, facts),
        ProcessMatch::Pgrep => facts.comm().windows(name.len()).any(|part| part == name),
        ProcessMatch::PgrepExact => facts.comm() == name,
        ProcessMatch::Comm => facts.comm() == name.get(..COMM_MAX).unwrap_or(name),
        ProcessMatch::Command => {
            let first = facts.arguments().next();
            first.is_some_and(|first| first == name || base(first) == name)
        }
    };
    named && slice.arguments.as_ref().is_none_or(|wanted| has_arguments(wanted, facts))
}

fn has_arguments(wanted: &Arguments, facts: &mut Facts) -> bool {
    let mut given = facts.all_arguments().skip(1);
    for (nth, word) in wanted.words.iter().enumerate() {
        let Some(argument) = given.next() else { return false };
        let is_last = nth.saturating_add(1) == wanted.words.len();
        let may_go_on = is_last && wanted.how == ArgumentMatch::Partial;
        if argument != word && !(may_go_on && argument.starts_with(word)) {
            return false;
        }
    }
    wanted.how != ArgumentMatch::Exact || given.next().is_none()
}

pub(super) fn is_zombie(pid: i32) -> bool {
    let stat = read(pid, "stat");
    // pid (comm) state: the name may contain anything, also parentheses.
    let after = stat.iter().rposition(|b| *b == b')').and_then(|at| stat.get(at.saturating_add(2)));
    matches!(after, None | Some(b'Z' | b'X'))
}

/// A comm of full length may be cut; the whole name then is the base name of the first argument
/// that begins with it (not always argv\[0\]: a script's is its interpreter). If there is none,
/// killall compares the first 15 bytes.
fn killall(name: &[u8], facts: &mut Facts) -> bool {
    let comm = facts.comm().to_vec();
    if comm.len() < COMM_MAX || !name.starts_with(&comm) {
        return comm == name;
    }
    let whole = facts.arguments().map(base).find(|argument| argument.starts_with(&comm));
    whole.is_none_or(|whole| whole == name)
}

/// argv\[0\] or its base name; comm only where there is no argv\[0\] (a thread of the kernel) or where
/// it has a space in it, because then the process has written a title over it.
fn pidof(name: &[u8], facts: &mut Facts) -> bool {
    let first = facts.arguments().next().map(<[u8]>::to_vec);
    match first {
        Some(first) if first == name || base(&first) == name => true,
        Some(first) => first.contains(&b' ') && facts.comm() == name,
        None => facts.comm() == name,
    }
}

fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|b| *b == b'/').next().unwrap_or(path)
}

/// Empty on any error: the process may be gone at any time.
fn read(pid: i32, file: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = File::open(format!("/proc/{pid}/{file}")) {
        let _ = file.take(CMDLINE_MAX).read_to_end(&mut bytes);
    }
    bytes
}

#[cfg(test)]
#[path = "matching_tests.rs"]
mod tests;
