//! A real starter under a false parent, with a directory of scripts of its own. Waits for events,
//! each with a deadline; whatever happens, the starter and the directory end with the test.

use mio::{Events, Interest, Poll, Token};
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use std::fmt::Write as _;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use vipd_ipc::msg::{ParentToStarter, StarterToParent};
use vipd_ipc::{BUILD, Chan, ChanError};
use vipd_types::{Generation, Outcome, RunId, ScriptId};

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Rig {
    child: Child,
    pub(crate) chan: Chan<ParentToStarter, StarterToParent>,
    poll: Poll,
    pub(crate) dir: PathBuf,
    last_run: u64,
    log: Vec<String>,
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A directory that everybody may read, for the scripts and what they write.
pub(crate) fn directory() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("vipd-starter-test-{}-{number}", std::process::id());
    let dir = std::env::temp_dir().join(name);
    std::fs::create_dir(&dir).unwrap();
    std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o777)).unwrap();
    dir
}

pub(crate) fn file(dir: &Path, name: &str, text: &str, mode: u32) -> String {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    path.display().to_string()
}

/// A configuration that runs these commands, as `script_user` if that is given.
pub(crate) fn configuration(user: Option<&str>, commands: &[String]) -> String {
    let mut text = "global_defs {\n".to_string();
    if let Some(user) = user {
        writeln!(text, "  script_user {user}").unwrap();
    }
    text.push_str("}\n");
    for (n, command) in commands.iter().enumerate() {
        writeln!(
            text,
            "vrrp_script s{n} {{\n  script \"{command}\"\n  interval 2\n  timeout 1\n}}"
        )
        .unwrap();
    }
    text.push_str(
        "vrrp_instance one {\n  interface eth0\n  virtual_router_id 51\n  priority 100\n",
    );
    text.push_str("  virtual_ipaddress {\n    192.0.2.1\n  }\n  track_script {\n");
    for n in 0..commands.len() {
        writeln!(text, "    s{n}").unwrap();
    }
    text.push_str("  }\n}\n");
    text
}

impl Rig {
    /// A starter that works by these commands, as generation 1.
    pub(crate) fn start(dir: PathBuf, user: Option<&str>, commands: &[String]) -> Self {
        Self::start_as(None, dir, user, commands)
    }

    /// As `start`, with the starter itself being somebody without privilege.
    pub(crate) fn start_as(
        uid: Option<u32>,
        dir: PathBuf,
        user: Option<&str>,
        commands: &[String],
    ) -> Self {
        let text = configuration(user, commands);
        let mut rig = Self::greeted_as(uid, dir, &text);
        rig.stage(1, &text);
        rig.say(&ParentToStarter::Commit { generation: Generation(1) });
        rig
    }

    pub(crate) fn greeted(dir: PathBuf, text: &str) -> Self {
        Self::greeted_as(None, dir, text)
    }

    fn greeted_as(uid: Option<u32>, dir: PathBuf, text: &str) -> Self {
        let mode = if uid.is_some() { 0o644 } else { 0o600 };
        let file = file(&dir, "keepalived.conf", text, mode);
        let mut rig = Self::spawn(uid, dir, &file);
        rig.say(&ParentToStarter::Hello { build: BUILD.to_string() });
        rig.wait("Hello", |message| {
            (message == StarterToParent::Hello { build: BUILD.to_string() }).then_some(())
        });
        rig
    }

    fn spawn(uid: Option<u32>, dir: PathBuf, file: &str) -> Self {
        let (parent, a) = pair();
        let (leash, b) = pair();
        let (a, b) = (high(&a), high(&b));
        let (channel, leash_end) = (a.as_raw_fd(), b.as_raw_fd());
        let mut command = Command::new(env!("CARGO_BIN_EXE_vipd-starter"));
        command.arg(file).arg("node1").env_clear().env("LEAKED", "1");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
        // SAFETY: only dup2 between fork and exec.
        unsafe {
            command.pre_exec(move || {
                if libc::dup2(channel, 3) < 0 || libc::dup2(leash_end, 5) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
                if let Some(uid) = uid {
                    nix::unistd::setgroups(&[])?;
                    nix::unistd::setresgid(uid.into(), uid.into(), uid.into())?;
                    nix::unistd::setresuid(uid.into(), uid.into(), uid.into())?;
                }
                Ok(())
            });
        }
        let child = command.spawn().unwrap();
        drop(leash);
        let mut chan = Chan::new(parent).unwrap();
        let poll = Poll::new().unwrap();
        poll.registry().register(&mut chan, Token(0), Interest::READABLE).unwrap();
        Self { child, chan, poll, dir, last_run: 0, log: Vec::new() }
    }

    /// Asks for `text` to be staged and expects that it is.
    pub(crate) fn stage(&mut self, generation: u32, text: &str) {
        let digest = vipd_conf::parse("", text.as_bytes()).digest;
        let generation = Generation(generation);
        self.say(&ParentToStarter::Stage { generation, digest });
        self.wait("Staged", |message| match message {
            StarterToParent::Staged { generation: g } if g == generation => Some(()),
            StarterToParent::Refused { why, .. } => panic!("refused: {why}"),
            _ => None,
        });
    }

    /// Asks for `text` to be staged and returns why it is not.
    pub(crate) fn refused(&mut self, generation: u32, text: &str) -> String {
        let digest = vipd_conf::parse("", text.as_bytes()).digest;
        self.say(&ParentToStarter::Stage { generation: Generation(generation), digest });
        self.wait("Refused", |message| match message {
            StarterToParent::Refused { why, .. } => Some(why),
            _ => None,
        })
    }

    pub(crate) fn say(&mut self, message: &ParentToStarter) {
        self.chan.send(message).unwrap();
    }

    pub(crate) fn begin(&mut self, script: u16) -> RunId {
        self.begin_of(1, script)
    }

    pub(crate) fn begin_of(&mut self, generation: u32, script: u16) -> RunId {
        self.last_run += 1;
        let run = RunId(self.last_run);
        let (generation, script) = (Generation(generation), ScriptId(script));
        self.say(&ParentToStarter::Run { generation, script, run });
        run
    }

    pub(crate) fn done(&mut self, run: RunId) -> Outcome {
        self.wait("Done", |message| match message {
            StarterToParent::Done { run: r, outcome, .. } if r == run => Some(outcome),
            _ => None,
        })
    }

    /// What the run of a script has printed, as it is told.
    pub(crate) fn printed(&mut self, script: u16) -> String {
        let run = self.begin(script);
        self.wait("Done", |message| match message {
            StarterToParent::Done { run: r, output, .. } if r == run => Some(output),
            _ => None,
        })
    }

    pub(crate) fn run(&mut self, script: u16) -> Outcome {
        let run = self.begin(script);
        self.done(run)
    }

    /// Waits for the message that `wanted` takes, and drops those before it.
    pub(crate) fn wait<T>(
        &mut self,
        what: &str,
        wanted: impl Fn(StarterToParent) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut events = Events::with_capacity(4);
        loop {
            match self.chan.recv() {
                Ok(Some(message)) => {
                    if let StarterToParent::Log { text, .. } = &message {
                        self.log.push(text.clone());
                    }
                    if let Some(found) = wanted(message) {
                        return found;
                    }
                    continue;
                }
                Ok(None) => {}
                Err(error) => panic!("{what}: {error}"),
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{what}: not within {PATIENCE:?}");
            let _ = self.poll.poll(&mut events, Some(left));
        }
    }

    /// Waits for a line with `part` in it, unless there has been one already.
    pub(crate) fn logged(&mut self, part: &str) {
        if !self.log.iter().any(|line| line.contains(part)) {
            self.wait(part, |message| match message {
                StarterToParent::Log { text, .. } => text.contains(part).then_some(()),
                _ => None,
            });
        }
    }

    pub(crate) fn is_closed(&mut self) -> bool {
        until(|| matches!(self.chan.recv(), Err(ChanError::Closed)))
    }

    /// What the kernel says of the starter.
    pub(crate) fn status(&self) -> String {
        std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap()
    }

    /// Closes the channel.
    pub(crate) fn lose(&mut self) {
        self.chan = Chan::new(pair().0).unwrap();
    }

    pub(crate) fn exit(&mut self) -> Option<i32> {
        let mut code = None;
        assert!(until(|| match self.child.try_wait().unwrap() {
            Some(status) => {
                code = status.code();
                true
            }
            None => false,
        }));
        code
    }

    /// What a script has written into `name`, once it ends with a line feed.
    pub(crate) fn written(&self, name: &str) -> String {
        let mut text = String::new();
        assert!(
            until(|| {
                text = std::fs::read_to_string(self.dir.join(name)).unwrap_or_default();
                text.ends_with('\n')
            }),
            "{name} was not written"
        );
        text
    }
}

/// Asks again and again, for a bounded time.
pub(crate) fn until(mut done: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if done() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    false
}

/// Dead or a zombie.
pub(crate) fn is_gone(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit(')').next().is_none_or(|rest| rest.is_empty() || rest.starts_with(" Z"))
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
