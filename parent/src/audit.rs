//! The audit trail: who changed what, why, with what result; one event, one line, after the kernel
//! has answered. The only writer of such lines; children have no way to make one.

use crate::kernel::{Address, Path};
use crate::log;
use nix::errno::Errno;
use std::fmt::Write;
use vipd_ipc::msg::Why;
use vipd_types::{Epoch, IfName};

/// On whose word the parent acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// The engine asked.
    Engine,
    /// The parent's own rules: undo, restore, cleaning up.
    Parent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Acquire,
    Release(Why),
    /// The first configuration has a static one.
    Start,
    /// An address of ours from an earlier run was found at start.
    Leftover,
    /// Somebody had removed it.
    Restore,
    /// The configuration no longer has it, or has it now.
    Reload,
    /// Not all addresses of an instance could be added.
    Rollback,
    /// A child is lost or broke the rules, or the daemon ends.
    Undo,
}

#[derive(Debug)]
pub(crate) struct Audit {
    sequence: u64,
}

impl Audit {
    pub(crate) fn new() -> Self {
        Self { sequence: 0 }
    }

    pub(crate) fn added(
        &mut self,
        who: &Subject<'_>,
        address: &Address,
        result: Result<(), Errno>,
    ) {
        self.address("add", who, address, result);
    }

    pub(crate) fn removed(
        &mut self,
        who: &Subject<'_>,
        address: &Address,
        result: Result<(), Errno>,
    ) {
        self.address("remove", who, address, result);
    }

    /// A route or a rule was added, or could not be.
    pub(crate) fn path_added(&mut self, who: &Subject<'_>, path: &Path, result: Result<(), Errno>) {
        self.path("add", who, path, result);
    }

    pub(crate) fn path_removed(
        &mut self,
        who: &Subject<'_>,
        path: &Path,
        result: Result<(), Errno>,
    ) {
        self.path("remove", who, path, result);
    }

    fn path(&mut self, event: &str, who: &Subject<'_>, path: &Path, result: Result<(), Errno>) {
        let kind = path.kind();
        let what = value(&path.to_string());
        self.for_whom(format!("event={event}-{kind} {kind}={what}"), who, result);
    }

    fn address(
        &mut self,
        event: &str,
        who: &Subject<'_>,
        address: &Address,
        result: Result<(), Errno>,
    ) {
        let line = format!("event={event} address={address} interface={}", address.interface);
        self.for_whom(line, who, result);
    }

    fn for_whom(&mut self, mut line: String, who: &Subject<'_>, result: Result<(), Errno>) {
        // Static entries are nobody's.
        if !who.instance.is_empty() {
            let _ = write!(line, " instance={}", value(who.instance));
        }
        if let Some(epoch) = who.epoch {
            let _ = write!(line, " epoch={epoch}");
        }
        let by = match who.by {
            By::Engine => "vrrpe",
            By::Parent => "parent",
        };
        let _ = write!(line, " by={by} why={} result={}", who.reason.word(), outcome(result));
        self.write(&line);
    }

    /// Someone opened the control socket.
    pub(crate) fn client(&mut self, uid: u32, pid: i32, may_act: bool) {
        self.write(&format!("event=control uid={uid} pid={pid} may_act={may_act}"));
    }

    /// A configuration was read again, or not, because of a signal or of a client.
    pub(crate) fn reload(&mut self, by: &str, done: bool) {
        let result = if done { "ok" } else { "refused" };
        self.write(&format!("event=reload {by} result={result}"));
    }

    /// A client has the engine do something, or wanted to.
    pub(crate) fn act(&mut self, uid: Option<u32>, what: &str, seconds: Option<u32>, done: bool) {
        let uid = uid.map_or_else(|| "unknown".to_owned(), |uid| uid.to_string());
        let lasts = seconds.map(|seconds| format!(" seconds={seconds}")).unwrap_or_default();
        let result = if done { "ok" } else { "refused" };
        self.write(&format!("event=act by=control uid={uid} {what}{lasts} result={result}"));
    }

    /// The good-byes that a dead engine had left were sent.
    pub(crate) fn last_will(&mut self, instance: &str, packets: usize) {
        self.write(&format!("event=last-will instance={} packets={packets}", value(instance)));
    }

    /// An interface with a virtual MAC was made or removed.
    pub(crate) fn vmac(
        &mut self,
        event: &str,
        interface: &IfName,
        why: &str,
        result: Result<(), String>,
    ) {
        let outcome = result.map_or_else(|why| value(&why), |()| "ok".to_owned());
        self.write(&format!(
            "event={event} interface={interface} by=parent why={why} result={outcome}"
        ));
    }

    /// A child broke the rules or is gone.
    pub(crate) fn child(&mut self, name: &str, what: &str) {
        self.write(&format!("event=child name={name} what={}", value(what)));
    }

    pub(crate) fn daemon(&mut self, event: &str) {
        self.write(&format!("event={event} version={}", env!("CARGO_PKG_VERSION")));
    }

    fn write(&mut self, fields: &str) {
        self.sequence = self.sequence.saturating_add(1);
        log::audit(&format!("audit seq={} {fields}", self.sequence));
    }
}

/// For whom and why an address is changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) instance: &'a str,
    pub(crate) epoch: Option<Epoch>,
    pub(crate) by: By,
    pub(crate) reason: Reason,
}

impl Reason {
    fn word(self) -> &'static str {
        match self {
            Self::Acquire => "acquire",
            Self::Release(Why::Yield) => "yield",
            Self::Release(Why::Fault) => "fault",
            Self::Release(Why::Operator) => "operator",
            Self::Release(Why::Stop) => "stop",
            Self::Start => "start",
            Self::Leftover => "leftover",
            Self::Restore => "restore",
            Self::Reload => "reload",
            Self::Rollback => "rollback",
            Self::Undo => "undo",
        }
    }
}

fn outcome(result: Result<(), Errno>) -> String {
    match result {
        Ok(()) => "ok".to_owned(),
        Err(errno) => format!("{errno:?}"),
    }
}

/// A value that cannot be taken for two: quoted when it holds anything but plain characters.
pub(crate) fn value(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.:/@+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars().take(256) {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.extend(c.escape_default()),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_forge_a_field() {
        assert_eq!(value("VI_1"), "VI_1");
        assert_eq!(value("x result=ok"), "\"x result=ok\"");
        assert_eq!(value("a\"b\\c\n"), "\"a\\\"b\\\\c\\n\"");
        assert_eq!(value(""), "\"\"");
    }
}
