//! The real engine as a child between a fake parent and a fake checker, with a raw socket on a
//! veth pair in a network namespace of the test's own. Needs root.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a test that cannot go on has failed"
)]

use crate::net;

use nix::fcntl::{FcntlArg, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::time::{ClockId as Clock, clock_gettime};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant as Wall};
use vipd_ipc::msg::{CheckerToEngine, EngineToChecker, EngineToParent, LeaseEnd, ParentToEngine};
use vipd_ipc::slice::{
    AuthSlice, GroupSlice, InstanceSlice, SocketSlice, TrackSlice, TrackerKind, TrackerSlice,
};
use vipd_ipc::{BUILD, Chan, ChanError};
use vipd_types::{
    ClientId, Epoch, Family, Generation, IfName, InstanceId, Instant, Options, Peer, Priority,
    SocketId, TrackerId, Version, Vrid, Weight,
};

pub(crate) const NEAR: Ipv4Addr = Ipv4Addr::new(10, 88, 88, 20);
pub(crate) const FAR: Ipv4Addr = Ipv4Addr::new(10, 88, 88, 30);
pub(crate) const VIP: Ipv4Addr = Ipv4Addr::new(10, 88, 88, 100);
pub(crate) const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
pub(crate) const NEAR6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x20);
pub(crate) const FAR6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x30);
pub(crate) const VIP6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x100);
pub(crate) const GROUP6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);
pub(crate) const SOCKET: SocketId = SocketId(1);
pub(crate) const SOCKET6: SocketId = SocketId(2);
pub(crate) const VI_1: InstanceId = InstanceId(1);
pub(crate) const CHK: TrackerId = TrackerId(1);
/// Nothing a test waits for takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

type Parent = Chan<ParentToEngine, EngineToParent>;

pub(crate) fn now() -> Instant {
    let time = clock_gettime(Clock::CLOCK_BOOTTIME).unwrap();
    Instant::from_nanos(0).plus(time.into())
}

/// The engine and what a parent and a checker hold of it.
pub(crate) struct Engine {
    child: Child,
    parent: Option<Parent>,
    checker: Option<Chan<CheckerToEngine, EngineToChecker>>,
    parent_raw: i32,
    /// `Leased` in answer to each `Alive`, so much later than it.
    pub(crate) lease: Option<Duration>,
    /// Whether the checker's heartbeat goes on.
    pub(crate) beats: bool,
    beat_at: Wall,
    pub(crate) log: Vec<String>,
    pub(crate) alive: Vec<Vec<InstanceId>>,
    /// Of the sockets that are staged.
    pub(crate) least_ttl: u8,
    next_client: u32,
}

/// A descriptor when it is fresh.
pub(crate) type StagedSocket = (SocketId, Family, Option<OwnedFd>);

impl Drop for Engine {
    fn drop(&mut self) {
        // Both fail when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Engine {
    /// Starts the engine; Hello has not been said yet.
    pub(crate) fn spawn() -> Self {
        let pair = || {
            let kind = SockType::SeqPacket;
            socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC).unwrap()
        };
        let ((parent, three), (checker, four)) = (pair(), pair());
        let parent_raw = parent.as_raw_fd();
        let mut command = Command::new(env!("CARGO_BIN_EXE_vipd-vrrpe"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).env_clear();
        give(&mut command, three, four);
        let child = command.spawn().unwrap();
        drop(command);
        Self {
            child,
            parent: Some(Chan::new(parent).unwrap()),
            checker: Some(Chan::new(checker).unwrap()),
            parent_raw,
            lease: None,
            beats: true,
            beat_at: Wall::now(),
            log: Vec::new(),
            alive: Vec::new(),
            least_ttl: 255,
            next_client: 1,
        }
    }

    /// Spawned and greeted.
    pub(crate) fn start() -> Self {
        let mut engine = Self::spawn();
        engine.tell(ParentToEngine::Hello { build: BUILD.into() });
        engine.check(CheckerToEngine::Hello { build: BUILD.into() });
        engine.expect("Hello", |m| matches!(m, EngineToParent::Hello { .. }));
        engine
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    pub(crate) fn tell(&mut self, message: ParentToEngine) {
        self.parent.as_mut().unwrap().send(&message).unwrap();
    }

    pub(crate) fn tell_with(&mut self, message: ParentToEngine, fd: OwnedFd) {
        self.parent.as_mut().unwrap().send_with(&message, Some(fd)).unwrap();
    }

    pub(crate) fn check(&mut self, message: CheckerToEngine) {
        self.checker.as_mut().unwrap().send(&message).unwrap();
    }

    pub(crate) fn tracker(&mut self, up: bool, reason: &str) {
        self.check(CheckerToEngine::Tracker { tracker: CHK, up, reason: reason.into() });
    }

    /// Stages and commits one configuration with one socket.
    pub(crate) fn configure(
        &mut self,
        generation: u32,
        socket: Option<OwnedFd>,
        all: &[InstanceSlice],
    ) {
        self.stage(generation, socket, all);
        let generation = Generation(generation);
        self.expect("Staged", |m| *m == EngineToParent::Staged { generation });
        self.tell(ParentToEngine::Commit { generation });
    }

    /// Up to End.
    pub(crate) fn stage(
        &mut self,
        generation: u32,
        socket: Option<OwnedFd>,
        all: &[InstanceSlice],
    ) {
        self.stage_all(generation, vec![(SOCKET, Family::V4, socket)], all, &[]);
    }

    /// As `configure`, with any sockets and groups.
    pub(crate) fn configure_all(
        &mut self,
        generation: u32,
        sockets: Vec<StagedSocket>,
        all: &[InstanceSlice],
        groups: &[GroupSlice],
    ) {
        self.stage_all(generation, sockets, all, groups);
        let generation = Generation(generation);
        self.expect("Staged", |m| *m == EngineToParent::Staged { generation });
        self.tell(ParentToEngine::Commit { generation });
    }

    fn stage_all(
        &mut self,
        generation: u32,
        sockets: Vec<StagedSocket>,
        all: &[InstanceSlice],
        groups: &[GroupSlice],
    ) {
        self.stage_slices(generation, sockets, all, groups);
        self.tell(ParentToEngine::End { generation: Generation(generation) });
    }

    /// Up to the last slice.
    pub(crate) fn stage_slices(
        &mut self,
        generation: u32,
        sockets: Vec<StagedSocket>,
        all: &[InstanceSlice],
        groups: &[GroupSlice],
    ) {
        let generation = Generation(generation);
        self.tell(ParentToEngine::Begin { generation });
        for (id, family, fd) in sockets {
            let slice = SocketSlice {
                id,
                interface: IfName::new(b"near").unwrap(),
                index: net::index(),
                family,
                least_ttl: self.least_ttl,
                fresh: fd.is_some(),
            };
            match fd {
                Some(fd) => self.tell_with(ParentToEngine::Socket(slice), fd),
                None => self.tell(ParentToEngine::Socket(slice)),
            }
        }
        self.tell(ParentToEngine::Tracker(TrackerSlice {
            id: CHK,
            name: "chk".into(),
            kind: TrackerKind::Script,
        }));
        for slice in all {
            self.tell(ParentToEngine::Instance(Box::new(slice.clone())));
        }
        for slice in groups {
            self.tell(ParentToEngine::Group(slice.clone()));
        }
    }

    pub(crate) fn link(&mut self, up: bool) {
        let source = Some(IpAddr::V4(NEAR));
        self.tell(ParentToEngine::Link { socket: SOCKET, up, source });
    }

    pub(crate) fn link_v6(&mut self, source: Option<Ipv6Addr>) {
        let source = source.map(IpAddr::V6);
        self.tell(ParentToEngine::Link { socket: SOCKET6, up: true, source });
    }

    /// One socket, the given instances, link up: as the parent starts an engine.
    pub(crate) fn serve(socket: OwnedFd, all: &[InstanceSlice]) -> Self {
        let mut engine = Self::start();
        engine.configure(1, Some(socket), all);
        engine.link(true);
        engine
    }

    /// Waits for Acquire of the instance and confirms it.
    pub(crate) fn become_master(&mut self, id: InstanceId) -> Epoch {
        let wanted = |m: &EngineToParent| matches!(m, EngineToParent::Acquire { instance, .. } if *instance == id);
        let EngineToParent::Acquire { epoch, .. } = self.expect("Acquire", wanted) else {
            unreachable!()
        };
        self.tell(ParentToEngine::Acquired { instance: id, epoch });
        epoch
    }

    /// The next message that `wanted` accepts; answers heartbeats and keeps the log meanwhile.
    pub(crate) fn expect(
        &mut self,
        what: &str,
        wanted: impl Fn(&EngineToParent) -> bool,
    ) -> EngineToParent {
        if let Some(message) = self.expect_within(PATIENCE, wanted) {
            return message;
        }
        let words = self.last_words();
        panic!("no {what}; log: {:#?}; {words}", self.log)
    }

    /// As `expect`; `None` when the time is over or the engine has ended.
    pub(crate) fn expect_within(
        &mut self,
        time: Duration,
        wanted: impl Fn(&EngineToParent) -> bool,
    ) -> Option<EngineToParent> {
        let end = Wall::now() + time;
        while Wall::now() < end {
            self.beat();
            let parent = self.parent.as_mut().unwrap();
            // Fails when the engine has ended, which receiving will tell.
            let _ = parent.flush();
            match parent.recv() {
                Ok(Some(message)) => {
                    self.keep(&message);
                    if wanted(&message) {
                        return Some(message);
                    }
                }
                Ok(None) => wait_for(self.parent_raw, Duration::from_millis(20)),
                Err(ChanError::Closed) => return None,
                Err(error) => panic!("{error}"),
            }
        }
        None
    }

    pub(crate) fn expect_log(&mut self, text: &str) {
        if self.log.iter().any(|line| line.contains(text)) {
            return;
        }
        let wanted = |m: &EngineToParent| matches!(m, EngineToParent::Log { text: line, .. } if line.contains(text));
        self.expect(text, wanted);
    }

    /// Sends the checker's heartbeat when it is due. Called by everything that waits.
    pub(crate) fn beat(&mut self) {
        if self.beats && self.beat_at.elapsed() >= Duration::from_millis(200) {
            self.beat_at = Wall::now();
            if let Some(checker) = self.checker.as_mut() {
                // Fails when the engine has ended, which the test will notice.
                let _ = checker.send(&CheckerToEngine::Alive { at: now() });
            }
        }
    }

    fn keep(&mut self, message: &EngineToParent) {
        match message {
            EngineToParent::Log { text, .. } => self.log.push(text.clone()),
            EngineToParent::Alive { at, advertised } => {
                self.alive.push(advertised.clone());
                if let Some(lease) = self.lease {
                    let until = at.plus(lease);
                    let leased = |id: &InstanceId| LeaseEnd { instance: *id, end: Some(until) };
                    let leases = advertised.iter().map(leased).collect();
                    let answer = ParentToEngine::Leased { until, leases };
                    // Fails when the engine has ended, which the test will notice.
                    let _ = self.parent.as_mut().unwrap().send(&answer);
                }
            }
            EngineToParent::Hello { .. }
            | EngineToParent::Staged { .. }
            | EngineToParent::Acquire { .. }
            | EngineToParent::Release { .. }
            | EngineToParent::Announce { .. }
            | EngineToParent::Deposit { .. }
            | EngineToParent::Notify { .. }
            | EngineToParent::Reload { .. }
            | EngineToParent::Act { .. }
            | EngineToParent::Report(_)
            | EngineToParent::Orphaned => {}
        }
    }

    /// Keeps the fake parent and checker going until `done` returns something.
    pub(crate) fn until<T>(&mut self, what: &str, mut done: impl FnMut() -> Option<T>) -> T {
        let end = Wall::now() + PATIENCE;
        while Wall::now() < end {
            if let Some(result) = done() {
                return result;
            }
            self.expect_within(Duration::from_millis(5), |_| false);
        }
        panic!("no {what}; log: {:#?}", self.log)
    }

    pub(crate) fn close_parent(&mut self) {
        self.parent = None;
    }

    pub(crate) fn close_checker(&mut self) {
        self.checker = None;
    }

    /// A control client as the parent would pass it on.
    pub(crate) fn client(&mut self, may_act: bool) -> Control {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let client = ClientId(self.next_client);
        self.next_client += 1;
        self.tell_with(ParentToEngine::Client { client, uid: 0, may_act }, theirs.into());
        ours.set_read_timeout(Some(PATIENCE)).unwrap();
        Control { stream: BufReader::new(ours), id: client }
    }

    /// `show` and its answer, parsed.
    pub(crate) fn show(&mut self) -> serde_json::Value {
        self.client(false).ask("show")
    }

    /// Its exit status; panics if it does not end in time.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let end = Wall::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Wall::now() < end, "the engine does not end; log: {:#?}", self.log);
            if self.parent.is_some() {
                self.expect_within(Duration::from_millis(5), |_| false);
            }
            std::thread::yield_now();
        }
    }

    fn last_words(&mut self) -> String {
        if self.child.try_wait().unwrap().is_none() {
            return "still running".into();
        }
        let mut text = String::new();
        self.child.stderr.as_mut().unwrap().read_to_string(&mut text).unwrap();
        text
    }
}

pub(crate) struct Control {
    stream: BufReader<UnixStream>,
    pub(crate) id: ClientId,
}

impl Control {
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).unwrap();
    }

    pub(crate) fn ask(&mut self, request: &str) -> serde_json::Value {
        self.send(format!("{request}\n").as_bytes());
        serde_json::from_str(&self.line()).unwrap()
    }

    /// As `ask`, of a connection that the engine may have closed already.
    pub(crate) fn try_ask(&mut self, request: &str) -> Option<serde_json::Value> {
        self.stream.get_mut().write_all(format!("{request}\n").as_bytes()).ok()?;
        serde_json::from_str(&self.line()).ok()
    }

    /// The next line, or nothing at the end.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line
    }
}

pub(crate) fn instance(id: InstanceId, vrid: u8, priority: u8) -> InstanceSlice {
    InstanceSlice {
        id,
        name: format!("VI_{id}"),
        socket: SOCKET,
        interface: IfName::new(b"near").unwrap(),
        vrid: Vrid::try_from(vrid).unwrap(),
        vmac: None,
        version: Version::V2,
        family: Family::V4,
        options: Options::default(),
        priority: Priority::try_from(priority).unwrap(),
        advert_int: Duration::from_secs(1),
        preempt: true,
        fast_handover: true,
        auth: AuthSlice::None,
        source: None,
        group: GROUP.into(),
        peers: vec![Peer::new(FAR.into())],
        check_unicast_src: true,
        addresses: vec![VIP.into()],
        excluded: Vec::new(),
        tracks: Vec::new(),
        track_primary: true,
        lease: Some(Duration::from_secs(3)),
    }
}

/// VRRPv3, multicast.
pub(crate) fn instance_v3(id: InstanceId, vrid: u8, priority: u8) -> InstanceSlice {
    InstanceSlice { version: Version::V3, peers: Vec::new(), ..instance(id, vrid, priority) }
}

/// VRRPv3 over IPv6, multicast.
pub(crate) fn instance_v6(id: InstanceId, vrid: u8, priority: u8) -> InstanceSlice {
    InstanceSlice {
        socket: SOCKET6,
        family: Family::V6,
        group: GROUP6.into(),
        addresses: vec![VIP6.into()],
        ..instance_v3(id, vrid, priority)
    }
}

pub(crate) fn tracked(weight: i16) -> TrackSlice {
    TrackSlice { tracker: CHK, weight: Weight::try_from(weight).unwrap(), reverse: false }
}

fn wait_for(fd: i32, time: Duration) {
    #[expect(unsafe_code, reason = "the channel does not lend its descriptor")]
    // SAFETY: the channel that owns it lives in the caller.
    let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) };
    let mut fds = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::try_from(time).unwrap()).unwrap();
}

/// Puts the engine's ends on 3 and 4, as the parent does.
#[expect(unsafe_code, reason = "what happens between fork and exec is unsafe by nature")]
fn give(command: &mut Command, three: OwnedFd, four: OwnedFd) {
    // Above 4, so that putting one in place does not close the other.
    let high = |fd: &OwnedFd| fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(10)).unwrap();
    let (a, b) = (high(&three), high(&four));
    let owned = [take(a), take(b)];
    // SAFETY: dup2 and fcntl are async-signal-safe, and nothing is allocated.
    unsafe {
        command.pre_exec(move || {
            let _keep = &owned;
            for (from, to) in [(a, 3), (b, 4)] {
                if libc::dup2(from, to) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
            }
            Ok(())
        });
    }
}

#[expect(unsafe_code, reason = "a number that fcntl has just made becomes owned")]
fn take(raw: i32) -> OwnedFd {
    use std::os::fd::FromRawFd;
    // SAFETY: F_DUPFD_CLOEXEC made it a moment ago; nobody else owns it.
    unsafe { OwnedFd::from_raw_fd(raw) }
}
