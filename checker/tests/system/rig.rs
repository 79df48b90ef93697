//! A real checker between a false parent and a false engine. Waits for events, each with a
//! deadline; whatever happens, the checker ends with the test.

use mio::{Events, Interest, Poll, Token};
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use vipd_ipc::msg::{CheckerToEngine, CheckerToParent, EngineToChecker, Message, ParentToChecker};
use vipd_ipc::slice::{CheckSlice, ProbeSlice, ProcessMatch, ProcessSlice, Reach};
use vipd_ipc::{BUILD, Chan, ChanError};
use vipd_types::{Generation, ScriptId, TrackerId};

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

const NOBODY: u32 = 65534;

pub(crate) struct Peer<Out, In> {
    pub(crate) chan: Chan<Out, In>,
    poll: Poll,
}

impl<Out: Message, In: Message> Peer<Out, In> {
    fn new(fd: OwnedFd) -> Self {
        let mut chan = Chan::new(fd).unwrap();
        let poll = Poll::new().unwrap();
        poll.registry().register(&mut chan, Token(0), Interest::READABLE).unwrap();
        Self { chan, poll }
    }

    /// The next message that arrives within `patience`; `None` if there is none.
    pub(crate) fn within(&mut self, patience: Duration) -> Result<Option<In>, ChanError> {
        let deadline = Instant::now() + patience;
        let mut events = Events::with_capacity(4);
        loop {
            self.chan.flush()?;
            if let Some(message) = self.chan.recv()? {
                return Ok(Some(message));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let _ = self.poll.poll(&mut events, Some(left));
        }
    }

    /// Waits for the message that `wanted` takes, and drops those before it.
    pub(crate) fn wait<T>(&mut self, what: &str, wanted: impl Fn(In) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.within(left) {
                Ok(Some(message)) => {
                    if let Some(found) = wanted(message) {
                        return found;
                    }
                }
                Ok(None) => panic!("{what}: not within {PATIENCE:?}"),
                Err(error) => panic!("{what}: {error}"),
            }
        }
    }
}

pub(crate) struct Rig {
    pub(crate) child: Child,
    pub(crate) parent: Peer<ParentToChecker, CheckerToParent>,
    pub(crate) engine: Peer<EngineToChecker, CheckerToEngine>,
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Rig {
    /// A checker that has been greeted.
    pub(crate) fn start() -> Self {
        Self::spawn().greeted()
    }

    pub(crate) fn greeted(mut self) -> Self {
        let rig = &mut self;
        let build = BUILD.to_string();
        rig.parent.chan.send(&ParentToChecker::Hello { build: build.clone() }).unwrap();
        rig.engine.chan.send(&EngineToChecker::Hello { build }).unwrap();
        self
    }

    pub(crate) fn spawn() -> Self {
        Self::spawn_under(|| Ok(()))
    }

    /// `first` is called in the child while it is still who we are; then it becomes nobody, if we
    /// may do that.
    pub(crate) fn spawn_under(first: impl Fn() -> nix::Result<()> + Send + Sync + 'static) -> Self {
        let (parent, a) = pair();
        let (engine, b) = pair();
        let (leash, c) = pair();
        let theirs = [a, b, c].map(|fd| high(&fd));
        let raw = theirs.each_ref().map(AsRawFd::as_raw_fd);
        let mut command = Command::new(env!("CARGO_BIN_EXE_vipd-checker"));
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let root = nix::unistd::geteuid().is_root();
        // SAFETY: only system calls between fork and exec.
        unsafe {
            command.pre_exec(move || {
                first()?;
                if root {
                    nix::unistd::setgroups(&[])?;
                    nix::unistd::setresgid(NOBODY.into(), NOBODY.into(), NOBODY.into())?;
                    nix::unistd::setresuid(NOBODY.into(), NOBODY.into(), NOBODY.into())?;
                }
                for (target, raw) in (3..).zip(raw) {
                    if libc::dup2(raw, target) < 0 {
                        return Err(std::io::Error::last_os_error());
                    }
                }
                Ok(())
            });
        }
        let child = command.spawn().unwrap();
        drop(leash);
        Self { child, parent: Peer::new(parent), engine: Peer::new(engine) }
    }

    /// What the walls shall leave open; before the first configuration.
    pub(crate) fn allow(mut self, reach: Vec<Reach>) -> Self {
        for one in reach {
            self.parent.chan.send(&ParentToChecker::Allow(one)).unwrap();
        }
        self
    }

    pub(crate) fn configure(&mut self, generation: u32, checks: Vec<CheckSlice>) {
        let generation = Generation(generation);
        let mut say = |message| self.parent.chan.send(&message).unwrap();
        say(ParentToChecker::Begin { generation });
        for check in checks {
            say(ParentToChecker::Check(Box::new(check)));
        }
        say(ParentToChecker::End { generation });
        self.parent.wait("Staged", |m| (m == CheckerToParent::Staged { generation }).then_some(()));
        self.parent.chan.send(&ParentToChecker::Commit { generation }).unwrap();
    }

    /// The next state of `tracker`.
    pub(crate) fn state(&mut self, tracker: u16) -> (bool, String) {
        let is_its = |(of, state): (u16, _)| (of == tracker).then_some(state);
        self.engine.wait("a state", |message| state_of(message).and_then(is_its))
    }

    /// The next state of any tracker.
    pub(crate) fn any_state(&mut self) -> (u16, (bool, String)) {
        self.engine.wait("a state", state_of)
    }

    /// The next state of any tracker that comes in time.
    pub(crate) fn state_within(&mut self, patience: Duration) -> Option<(u16, (bool, String))> {
        self.engine.within(patience).unwrap().and_then(state_of)
    }

    /// The next number of `tracker`.
    pub(crate) fn number(&mut self, tracker: u16) -> (i32, String) {
        self.engine.wait("a number", |message| match message {
            CheckerToEngine::Number { tracker: t, value, reason } if t.0 == tracker => {
                Some((value, reason))
            }
            CheckerToEngine::Number { .. }
            | CheckerToEngine::Tracker { .. }
            | CheckerToEngine::Alive { .. }
            | CheckerToEngine::Hello { .. } => None,
        })
    }

    /// Closes the channel to the engine.
    pub(crate) fn lose_engine(&mut self) {
        self.engine = Peer::new(pair().0);
    }

    /// Closes the channel to the parent.
    pub(crate) fn lose_parent(&mut self) {
        self.parent = Peer::new(pair().0);
    }

    pub(crate) fn exit(&mut self) -> std::process::ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the checker does not end");
    }
}

fn state_of(message: CheckerToEngine) -> Option<(u16, (bool, String))> {
    match message {
        CheckerToEngine::Tracker { tracker, up, reason } => Some((tracker.0, (up, reason))),
        CheckerToEngine::Number { .. }
        | CheckerToEngine::Alive { .. }
        | CheckerToEngine::Hello { .. } => None,
    }
}

fn pair() -> (OwnedFd, OwnedFd) {
    let kind = (AddressFamily::Unix, SockType::SeqPacket);
    socketpair(kind.0, kind.1, None, SockFlag::SOCK_CLOEXEC).unwrap()
}

/// Away from the numbers that the child's descriptors get.
fn high(fd: &OwnedFd) -> OwnedFd {
    let raw = fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(64)).unwrap();
    // SAFETY: just made, nobody else's.
    unsafe { OwnedFd::from_raw_fd(raw) }
}

pub(crate) fn check(tracker: u16, probe: ProbeSlice) -> CheckSlice {
    CheckSlice {
        tracker: TrackerId(tracker),
        name: format!("chk{tracker}"),
        probe,
        interval: Duration::from_millis(200),
        timeout: Duration::from_millis(100),
        jitter: Duration::ZERO,
        rise: 1,
        fall: 1,
        init_fail: false,
    }
}

pub(crate) fn process(tracker: u16, name: &str) -> CheckSlice {
    let how = ProcessMatch::Killall;
    check(tracker, ProbeSlice::Process(ProcessSlice::named(name.into(), how)))
}

pub(crate) fn script(tracker: u16) -> CheckSlice {
    check(tracker, ProbeSlice::Script(ScriptId(tracker)))
}

/// A folder of its own that everybody may read in; removed with the test.
pub(crate) struct Folder(pub(crate) std::path::PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let path = std::env::temp_dir().join(format!("vipd-checker-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self(path)
    }

    pub(crate) fn bytes(&self, file: &str) -> Vec<u8> {
        self.0.join(file).into_os_string().into_encoded_bytes()
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        std::fs::write(self.0.join(file), text).unwrap();
    }

    /// Written beside it and renamed over it.
    pub(crate) fn replace(&self, file: &str, text: &str) {
        self.write("new", text);
        std::fs::rename(self.0.join("new"), self.0.join(file)).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A process under a name of its own, ended with the test.
pub(crate) struct Sleeper {
    pub(crate) child: Child,
    file: std::path::PathBuf,
}

impl Sleeper {
    pub(crate) fn start(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("vipd-checker-test-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let file = dir.join(name);
        // A link is enough: the kernel takes the name from the path that was executed.
        let _ = std::os::unix::fs::symlink("/bin/sleep", &file);
        let child = Command::new(&file).arg("60").spawn().unwrap();
        Self { child, file }
    }

    /// Dead, and buried: no zombie is left.
    pub(crate) fn end(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.file);
        // Goes with the last file.
        let _ = self.file.parent().map(std::fs::remove_dir);
    }
}
