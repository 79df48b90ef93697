//! What is told of changes, and to whom: the notify commands of instances and sync groups, and the
//! FIFOs. Also gives each command its number, which is the same in every process that has read the
//! same bytes. Runs nothing.

use super::{Config, ScriptUser};
use std::collections::BTreeMap;

/// A program with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Bytes, because file names are.
    pub argv: Vec<Vec<u8>>,
    /// Else `script_user`.
    pub user: Option<ScriptUser>,
}

/// The `notify` keywords of an instance or a sync group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notify {
    pub commands: BTreeMap<Occasion, Command>,
    /// `notify_priority_changes`
    pub priority_changes: bool,
}

/// When a command is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Occasion {
    Master,
    Backup,
    Fault,
    Stop,
    Deleted,
    /// A MASTER has heard a router with a lower priority.
    RxLowerPri,
    /// `notify`: each of them, and it is told which.
    Any,
}

impl Occasion {
    pub const ALL: [Self; 7] = [
        Self::Master,
        Self::Backup,
        Self::Fault,
        Self::Stop,
        Self::Deleted,
        Self::RxLowerPri,
        Self::Any,
    ];

    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Master => "notify_master",
            Self::Backup => "notify_backup",
            Self::Fault => "notify_fault",
            Self::Stop => "notify_stop",
            Self::Deleted => "notify_deleted",
            Self::RxLowerPri => "notify_master_rx_lower_pri",
            Self::Any => "notify",
        }
    }

    pub(crate) fn of(keyword: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|occasion| occasion.keyword() == keyword)
    }
}

/// `notify_fifo` or `vrrp_notify_fifo`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fifo {
    /// Absolute.
    pub path: Vec<u8>,
    /// Whose it becomes if vipd makes it.
    pub owner: Option<ScriptUser>,
    /// Reads it; is run with the path as its last argument.
    pub script: Option<Command>,
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FifoKind {
    /// `notify_fifo`
    All,
    /// `vrrp_notify_fifo`
    Vrrp,
}

impl FifoKind {
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::All => "notify_fifo",
            Self::Vrrp => "vrrp_notify_fifo",
        }
    }
}

/// Whom a command is about: a place in `Config::instances` or `Config::groups`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    Instance(usize),
    Group(usize),
}

/// A notify command and what it belongs to. Its number is its place in [`Config::notifies`].
#[derive(Debug, Clone, Copy)]
pub struct Notified<'a> {
    pub subject: Subject,
    /// Of the instance or group.
    pub name: &'a str,
    pub occasion: Occasion,
    pub command: &'a Command,
}

impl Config {
    /// All notify commands, in the order of their numbers.
    pub fn notifies(&self) -> impl Iterator<Item = Notified<'_>> {
        let instances = self.instances.iter().enumerate();
        let instances =
            instances.map(|(place, one)| (Subject::Instance(place), &one.name, &one.notify));
        let groups = self.groups.iter().enumerate();
        let groups = groups.map(|(place, one)| (Subject::Group(place), &one.name, &one.notify));
        instances.chain(groups).flat_map(|(subject, name, notify)| {
            notify.commands.iter().map(move |(occasion, command)| Notified {
                subject,
                name,
                occasion: *occasion,
                command,
            })
        })
    }
}
