//! One enum per direction of each channel: what a process can say is what its enum lets it say.
//! Requests are imperatives, answers participles. Meaning only: no address, interface, path or
//! user ever goes from a child to the parent that the parent would act on.

mod starter;

pub use starter::{ParentToStarter, StarterToParent};

use crate::report::Part;
use crate::slice::{CheckSlice, GroupSlice, InstanceSlice, Reach, SocketSlice, TrackerSlice};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use vipd_types::{
    ClientId, Epoch, Generation, InstanceId, Instant, News, Object, Outcome, RunId, ScriptId,
    SocketId, TrackerId,
};

/// Bounds that a decoder enforces on what a peer may put into a message.
pub trait Message: Serialize + serde::de::DeserializeOwned {
    /// False if a count or a length is beyond what an honest peer sends.
    fn is_bounded(&self) -> bool;
}

/// Longest text in a message, in bytes.
pub const TEXT_MAX: usize = 1024;
/// Longest advert: VRRPv3 with 255 IPv6 addresses is 8 + 16 * 255 bytes.
pub const ADVERT_MAX: usize = 4088;
/// Instances listed in one `Alive`.
pub const ADVERTISED_MAX: usize = 256;
/// Instances listed in one `Leasing` or `Leased`.
pub const LEASES_MAX: usize = 64;
/// Addresses in one `Excluded`.
pub const EXCLUDED_MAX: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Level {
    Error,
    Warning,
    Info,
    Debug,
}

/// Why the engine gives an address up; goes into the audit trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    /// A better router is MASTER.
    Yield,
    /// A fault: the link, a tracker without weight, a lost address.
    Fault,
    /// A control client wants it.
    Operator,
    /// The daemon or the instance ends.
    Stop,
}

/// What an operator may want of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
    /// Step back as MASTER and wait at the lowest priority, or no more.
    Failover { object: Object, on: bool },
    /// Added to what configuration and trackers make; 0 is nothing.
    Priority { instance: InstanceId, adds: i16 },
    /// The whole node is out of service, or no more.
    Maintenance { on: bool },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EngineToParent {
    Hello {
        build: String,
    },
    Log {
        level: Level,
        text: String,
    },
    /// Everything from Begin on is understood and waits for Commit.
    Staged {
        generation: Generation,
    },
    /// Proof of life, and which instances have advertised since the last one: only their leases
    /// are renewed, so that a lease always runs from an advert.
    Alive {
        at: Instant,
        advertised: Vec<InstanceId>,
    },
    Acquire {
        instance: InstanceId,
        epoch: Epoch,
    },
    Release {
        instance: InstanceId,
        epoch: Epoch,
        why: Why,
    },
    /// Send gratuitous ARP for the addresses again.
    Announce {
        instance: InstanceId,
        epoch: Epoch,
    },
    /// The advert with priority 0 that the parent sends if the engine dies as MASTER: to the group,
    /// or, one of them each, to the peers in their order.
    Deposit {
        instance: InstanceId,
        copy: u16,
        last_will: Vec<u8>,
    },
    /// Tell whoever the configuration names. `priority` is the effective one, 0 for a group.
    Notify {
        object: Object,
        news: News,
        priority: u8,
    },
    /// A client that the parent marked `may_act` asks for the configuration to be read again.
    Reload {
        client: ClientId,
    },
    /// A client that the parent marked `may_act` wants this done, for so many seconds or until it is
    /// recalled. The engine does it when the parent has put it into the audit trail.
    Act {
        client: ClientId,
        act: Act,
        seconds: Option<u32>,
    },
    /// A lease has ended without an answer: some instance is not served any more, the others will
    /// follow. A parent that still hears this ends.
    Orphaned,
    /// Answers ParentToEngine::Report, in parts.
    Report(Part),
}

impl Message for EngineToParent {
    fn is_bounded(&self) -> bool {
        match self {
            Self::Hello { build: text } | Self::Log { text, .. } => text.len() <= TEXT_MAX,
            Self::Alive { advertised, .. } => advertised.len() <= ADVERTISED_MAX,
            Self::Deposit { last_will, .. } => last_will.len() <= ADVERT_MAX,
            Self::Report(part) => part.is_bounded(),
            Self::Staged { .. }
            | Self::Acquire { .. }
            | Self::Release { .. }
            | Self::Announce { .. }
            | Self::Notify { .. }
            | Self::Reload { .. }
            | Self::Act { .. }
            | Self::Orphaned => true,
        }
    }
}

/// When the kernel removes the addresses of an instance, if nobody renews them; `None`: never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseEnd {
    pub instance: InstanceId,
    pub end: Option<Instant>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParentToEngine {
    Hello {
        build: String,
    },
    /// A whole configuration follows: sockets, trackers, instances, groups; then Commit or Abort.
    Begin {
        generation: Generation,
    },
    /// With a descriptor when fresh.
    Socket(SocketSlice),
    Tracker(TrackerSlice),
    Instance(Box<InstanceSlice>),
    /// More of the addresses that are not in the adverts of an instance, which was sent before.
    Excluded {
        instance: InstanceId,
        addresses: Vec<IpAddr>,
    },
    /// After its members.
    Group(GroupSlice),
    /// All slices were sent; answer Staged.
    End {
        generation: Generation,
    },
    Commit {
        generation: Generation,
    },
    Abort {
        generation: Generation,
    },
    /// The addresses are in the kernel and verified.
    Acquired {
        instance: InstanceId,
        epoch: Epoch,
    },
    /// An address is there and not ours, or the kernel refused; nothing of this instance is held.
    NotAcquired {
        instance: InstanceId,
        epoch: Epoch,
        reason: String,
    },
    /// The addresses are gone from the kernel.
    Released {
        instance: InstanceId,
        epoch: Epoch,
    },
    /// Somebody took the addresses away, and putting them back did not help.
    Lost {
        instance: InstanceId,
        epoch: Epoch,
    },
    /// The lease of the addresses has ended while the parent or the engine was not there to renew it,
    /// and the kernel has removed them.
    Lapsed {
        instance: InstanceId,
        epoch: Epoch,
    },
    /// The kernel is about to be asked for addresses of these instances. Said first, so that an
    /// engine whose parent then ends or stops knows how long they may be there.
    Leasing {
        leases: Vec<LeaseEnd>,
    },
    /// The addresses of these instances are there until the end of their leases. What holds no
    /// address or holds it for ever goes by `until`: so long the parent's word is good.
    Leased {
        until: Instant,
        leases: Vec<LeaseEnd>,
    },
    /// The state of a socket's interface and its primary address.
    Link {
        socket: SocketId,
        up: bool,
        source: Option<IpAddr>,
    },
    /// What a tracker of the parent's is now; may come before Commit.
    Tracked {
        tracker: TrackerId,
        up: bool,
        reason: String,
    },
    /// A connection to the control socket; its descriptor comes with the message.
    Client {
        client: ClientId,
        uid: u32,
        may_act: bool,
    },
    Reloaded {
        client: ClientId,
        done: bool,
        text: String,
    },
    /// Answers Act: it is in the audit trail and may be done, or not, because the client is not known
    /// any more.
    Act {
        client: ClientId,
        act: Act,
        seconds: Option<u32>,
        granted: bool,
    },
    /// How do things stand? Once more only after the last answer has ended.
    Report,
    /// Leave MASTER everywhere, say so, exit.
    Stop,
}

impl Message for ParentToEngine {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the parent is trusted")]
    fn is_bounded(&self) -> bool {
        match self {
            Self::Leasing { leases } | Self::Leased { leases, .. } => leases.len() <= LEASES_MAX,
            Self::Excluded { addresses, .. } => addresses.len() <= EXCLUDED_MAX,
            _ => true,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CheckerToParent {
    Hello {
        build: String,
    },
    Log {
        level: Level,
        text: String,
    },
    Staged {
        generation: Generation,
    },
    Alive {
        at: Instant,
    },
    /// `generation` says by which file the number is meant.
    Run {
        generation: Generation,
        script: ScriptId,
        run: RunId,
    },
}

impl Message for CheckerToParent {
    fn is_bounded(&self) -> bool {
        match self {
            Self::Hello { build: text } | Self::Log { text, .. } => text.len() <= TEXT_MAX,
            Self::Staged { .. } | Self::Alive { .. } | Self::Run { .. } => true,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParentToChecker {
    Hello {
        build: String,
    },
    /// What the walls must leave open. Only before the first Begin, with which they close.
    Allow(Reach),
    Begin {
        generation: Generation,
    },
    Check(Box<CheckSlice>),
    End {
        generation: Generation,
    },
    Commit {
        generation: Generation,
    },
    Abort {
        generation: Generation,
    },
    /// With the first that the script has printed, on one line.
    Done {
        run: RunId,
        outcome: Outcome,
        output: String,
    },
    Stop,
}

impl Message for ParentToChecker {
    fn is_bounded(&self) -> bool {
        true
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CheckerToEngine {
    Hello {
        build: String,
    },
    /// Heartbeat, four times a second; a checker silent for one second has failed.
    Alive {
        at: Instant,
    },
    /// The state of a tracker after rise and fall; sent when it changes and for the first result,
    /// and when it is down for another reason.
    Tracker {
        tracker: TrackerId,
        up: bool,
        reason: String,
    },
    /// The number that a tracker has now; sent when it changes and for the first one.
    Number {
        tracker: TrackerId,
        value: i32,
        reason: String,
    },
}

impl Message for CheckerToEngine {
    fn is_bounded(&self) -> bool {
        match self {
            Self::Hello { build: text }
            | Self::Tracker { reason: text, .. }
            | Self::Number { reason: text, .. } => text.len() <= TEXT_MAX,
            Self::Alive { .. } => true,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EngineToChecker {
    Hello { build: String },
}

impl Message for EngineToChecker {
    fn is_bounded(&self) -> bool {
        let Self::Hello { build } = self;
        build.len() <= TEXT_MAX
    }
}
