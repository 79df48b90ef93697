//! A captured engine, for tests: it stands in the place of vipd-vrrpe, starts honestly, and then
//! tells the lie that the name of the configured instance asks for. Holds no right that the real
//! one would not hold, and only the descriptors that it was given.
#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::wildcard_enum_match_arm,
    reason = "a test program: to end is what it is for"
)]

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, send};
use nix::time::{ClockId, clock_gettime};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;
use vipd_ipc::codec::{MESSAGE_MAX, encode};
use vipd_ipc::msg::{CheckerToEngine, EngineToChecker, EngineToParent, Level, ParentToEngine, Why};
use vipd_ipc::{BUILD, Chan, fd};
use vipd_types::{ClientId, Epoch, Generation, GroupId, InstanceId, Instant, News, Object};

struct Liar {
    parent: Chan<EngineToParent, ParentToEngine>,
    instance: InstanceId,
    lie: String,
    seed: u64,
}

fn main() {
    let (raw_parent, raw_peer) = descriptors();
    let mut peer: Chan<EngineToChecker, CheckerToEngine> = Chan::new(raw_peer).unwrap();
    let parent = Chan::new(raw_parent).unwrap();
    peer.send(&EngineToChecker::Hello { build: BUILD.into() }).unwrap();
    let mut liar = Liar { parent, instance: InstanceId(0), lie: String::new(), seed: 1 };
    liar.say(EngineToParent::Hello { build: BUILD.into() });
    loop {
        match liar.hear() {
            ParentToEngine::Instance(slice) => {
                liar.instance = slice.id;
                liar.lie.clone_from(&slice.name);
            }
            ParentToEngine::End { generation } => liar.say(EngineToParent::Staged { generation }),
            ParentToEngine::Commit { .. } => break,
            _ => {}
        }
    }
    liar.alive();
    liar.tell();
    // What the parent does about it is its business; without a sign of life it ends this.
    loop {
        liar.hear();
    }
}

#[expect(unsafe_code, reason = "the descriptors that every engine is born with")]
fn descriptors() -> (OwnedFd, OwnedFd) {
    // SAFETY: the parent put the channels there, and nobody else has taken them.
    unsafe { (OwnedFd::from_raw_fd(fd::PARENT), OwnedFd::from_raw_fd(fd::PEER)) }
}

fn now() -> Instant {
    let time: Duration = clock_gettime(ClockId::CLOCK_BOOTTIME).unwrap().into();
    Instant::from_nanos(0).plus(time)
}

impl Liar {
    fn hear(&mut self) -> ParentToEngine {
        loop {
            match self.parent.recv_with() {
                Ok(Some((message, _))) => return message,
                Ok(None) => {
                    let fd = self.parent.as_fd();
                    let _ = poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], PollTimeout::NONE);
                }
                Err(_) => std::process::exit(0),
            }
        }
    }

    fn say(&mut self, message: EngineToParent) {
        if self.parent.send(&message).is_err() {
            std::process::exit(0);
        }
    }

    /// Waits for room, as one who really wants to be heard.
    fn raw(&self, bytes: &[u8]) {
        loop {
            match send(self.parent.as_fd().as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL) {
                Ok(_) => return,
                Err(nix::errno::Errno::EAGAIN) => {
                    let fd = self.parent.as_fd();
                    let _ = poll(&mut [PollFd::new(fd, PollFlags::POLLOUT)], PollTimeout::NONE);
                }
                Err(_) => std::process::exit(0),
            }
        }
    }

    fn alive(&mut self) {
        self.say(EngineToParent::Alive { at: now(), advertised: vec![self.instance] });
    }

    fn acquire(&mut self, epoch: u64) {
        self.say(EngineToParent::Acquire { instance: self.instance, epoch: Epoch(epoch) });
    }

    fn release(&mut self, epoch: u64) {
        let (instance, epoch) = (self.instance, Epoch(epoch));
        self.say(EngineToParent::Release { instance, epoch, why: Why::Yield });
    }

    fn notify(&mut self, object: Object, news: News, priority: u8) {
        self.say(EngineToParent::Notify { object, news, priority });
    }

    fn encoded(message: &EngineToParent) -> Vec<u8> {
        encode(message, &mut [0; MESSAGE_MAX]).unwrap().to_vec()
    }

    /// Each but the last three is one broken rule, after the address was taken legally.
    fn tell(&mut self) {
        let instance = self.instance;
        let stranger = InstanceId(60_000);
        self.acquire(1);
        let lie = self.lie.clone();
        match lie.as_str() {
            "unknown_acquire" => {
                self.say(EngineToParent::Acquire { instance: stranger, epoch: Epoch(1) });
            }
            "unknown_release" => {
                let (epoch, why) = (Epoch(1), Why::Stop);
                self.say(EngineToParent::Release { instance: stranger, epoch, why });
            }
            "unknown_alive" => {
                self.say(EngineToParent::Alive { at: now(), advertised: vec![stranger] });
            }
            "acquire_twice" => self.acquire(2),
            "release_twice" => {
                self.release(1);
                self.release(1);
            }
            "old_epoch" => {
                self.release(1);
                self.acquire(1);
            }
            "announce_other" => {
                self.say(EngineToParent::Announce { instance, epoch: Epoch(9) });
            }
            lie if lie.starts_with("notify_") => self.tell_news(lie),
            "hello_again" => self.say(EngineToParent::Hello { build: BUILD.into() }),
            "staged_again" => self.say(EngineToParent::Staged { generation: Generation(1) }),
            "future" => {
                let at = now().plus(Duration::from_secs(3600));
                self.say(EngineToParent::Alive { at, advertised: vec![instance] });
            }
            "report" => self.say(EngineToParent::Report(vipd_ipc::report::Part::End)),
            "reload" => self.say(EngineToParent::Reload { client: ClientId(0) }),
            "short_will" => {
                self.say(EngineToParent::Deposit { instance, copy: 0, last_will: vec![0x21] });
            }
            "surplus" => {
                let mut bytes =
                    Self::encoded(&EngineToParent::Acquire { instance, epoch: Epoch(2) });
                bytes.push(0);
                self.raw(&bytes);
            }
            "cut_short" => {
                let bytes = Self::encoded(&EngineToParent::Acquire { instance, epoch: Epoch(2) });
                self.raw(&bytes[..bytes.len() - 1]);
            }
            "long_text" => {
                let text = "x".repeat(5000);
                self.raw(&Self::encoded(&EngineToParent::Log { level: Level::Error, text }));
            }
            "storm" => (2..100_000).for_each(|epoch| {
                let (why, before) = (Why::Yield, Epoch(epoch - 1));
                let epoch = Epoch(epoch);
                let release = EngineToParent::Release { instance, epoch: before, why };
                self.raw(&Self::encoded(&release));
                self.raw(&Self::encoded(&EngineToParent::Acquire { instance, epoch }));
            }),
            "forged_log" => {
                let text = "x\naudit seq=1 event=add address=1.2.3.4/32 result=ok\n\x1b[2J";
                self.say(EngineToParent::Log { level: Level::Error, text: text.into() });
                self.say(EngineToParent::Hello { build: BUILD.into() });
            }
            "silence" => {}
            "exit" => std::process::exit(0),
            "plausible" => self.plausible(),
            other => self.random(other),
        }
    }

    fn tell_news(&mut self, lie: &str) {
        let own = Object::Instance(self.instance);
        match lie {
            "notify_stranger" => {
                self.notify(Object::Instance(InstanceId(60_000)), News::Master, 100);
            }
            "notify_no_group" => self.notify(Object::Group(GroupId(0)), News::Master, 0),
            "notify_stop" => self.notify(own, News::Stop, 100),
            "notify_deleted" => self.notify(own, News::Deleted, 100),
            _ => {
                let news = News::Backup;
                let message = EngineToParent::Notify { object: own, news, priority: 100 };
                (0..100_000).for_each(|_| self.raw(&Self::encoded(&message)));
            }
        }
    }

    fn next(&mut self) -> u64 {
        // xorshift64: any sequence does, as long as a seed repeats it.
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.seed
    }

    /// 100 000 messages and more that each pass the permit table, five takeovers among them; then
    /// one that does not.
    fn plausible(&mut self) {
        let (mut epoch, mut held, mut last, mut said) = (1, true, now(), 0);
        while said < 100_000 || epoch < 5 {
            said += 1;
            while matches!(self.parent.recv_with(), Ok(Some(_))) {}
            match self.next() % 4 {
                0 if now().since(last) > Duration::from_millis(100) => {
                    last = now();
                    if held {
                        self.release(epoch);
                    } else {
                        epoch += 1;
                        self.acquire(epoch);
                    }
                    held = !held;
                    // Not true, but what the configuration names is run for it, and no more.
                    let news =
                        if self.next().is_multiple_of(2) { News::Master } else { News::Fault };
                    self.notify(Object::Instance(self.instance), news, 100);
                }
                0 | 1 => self.alive_by_force(),
                _ => {
                    let text = format!("address={:x}\nevent=add", self.next());
                    let level = Level::Debug;
                    self.raw(&Self::encoded(&EngineToParent::Log { level, text }));
                }
            }
        }
        self.say(EngineToParent::Hello { build: BUILD.into() });
    }

    fn alive_by_force(&self) {
        let alive = EngineToParent::Alive { at: now(), advertised: vec![self.instance] };
        self.raw(&Self::encoded(&alive));
    }

    /// `random_SEED`: bytes that look like messages, most of them broken somewhere.
    fn random(&mut self, name: &str) {
        let seed = name.rsplit('_').next().and_then(|n| n.parse().ok()).unwrap_or(1);
        self.seed = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed);
        for _ in 0..1000 {
            let length = (self.next() % 40) as usize + 1;
            let mut bytes: Vec<u8> = (0..length).map(|_| self.next() as u8).collect();
            if length >= 4 {
                bytes[..4].copy_from_slice(&((self.next() % 11) as u32).to_le_bytes());
            }
            self.raw(&bytes);
        }
    }
}
