//! A client that never stops asking: one new TCP connection after the other, each with a tiny HTTP
//! request, several at a time so that a lost packet does not hide a recovery. Records who answered
//! and when.

use crate::clock::{self, Stamp, millis, wait_until};
use crate::error::{Error, Result};
use crate::node::Node;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, SockaddrIn, SockaddrIn6, SockaddrLike, connect,
    getsockopt, recv, send, setsockopt, socket, sockopt,
};
use std::fmt;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A new try starts this often.
pub const EVERY: Duration = Duration::from_millis(2);
/// A try that has no answer by then has failed.
pub const PATIENCE: Duration = Duration::from_millis(100);
const TRIES_AT_ONCE: usize = 64;
const SAMPLES: usize = 2_000_000;

/// How one try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    pub started: Stamp,
    pub ended: Stamp,
    /// The first word of the body, which services of the laboratory make their node's name; `None`
    /// is a failure.
    pub by: Option<String>,
}

/// From the last answer before to the first one after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    pub from: Stamp,
    pub to: Stamp,
    /// Who answered first again.
    pub by: String,
}

impl Outage {
    pub fn length(&self) -> Duration {
        self.to.since(self.from)
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} ms without an answer, then {}", millis(self.length()), self.by)
    }
}

/// Asks until dropped.
#[derive(Debug)]
pub struct Probe {
    samples: Arc<Mutex<Vec<Sample>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Probe {
    /// Asks `target`, of either family, from `client`. A link-local address needs the scope.
    ///
    /// # Errors
    /// When the namespace cannot be entered.
    pub fn start(client: &Node, target: impl Into<SocketAddr>) -> Result<Self> {
        let target = target.into();
        let (samples, stop) = (Arc::default(), Arc::<AtomicBool>::default());
        let namespace = client.namespace().clone();
        namespace.enter(|| Ok(()))?;
        let (to, until) = (Arc::clone(&samples), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            if namespace.stay().is_ok() {
                match target {
                    SocketAddr::V4(target) => ask(&SockaddrIn::from(target), &to, &until),
                    SocketAddr::V6(target) => ask(&SockaddrIn6::from(target), &to, &until),
                }
            }
        });
        Ok(Self { samples, stop, thread: Some(thread) })
    }

    /// Everything so far, in the order of ending.
    pub fn samples(&self) -> Vec<Sample> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same without the first `skip`.
    pub fn samples_from(&self, skip: usize) -> Vec<Sample> {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        samples.get(skip..).unwrap_or_default().to_vec()
    }

    /// The first try that started at or after `since` and was answered by `name`.
    pub fn answered(&self, since: Stamp, name: &str) -> Option<Sample> {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        // Ending order is starting order to within the patience.
        let from = samples.partition_point(|sample| sample.ended < since);
        let late = samples.get(from..).unwrap_or_default().iter();
        late.filter(|sample| sample.started >= since)
            .find(|sample| sample.by.as_deref() == Some(name))
            .cloned()
    }

    /// Waits until `name` answers a try that started at or after `since`.
    ///
    /// # Errors
    /// When it has not within `limit`.
    pub fn wait_answer(&self, since: Stamp, name: &str, limit: Duration) -> Result<Sample> {
        let mut found = None;
        wait_until(limit, format_args!("an answer of {name} to the client"), || {
            found = self.answered(since, name);
            found.is_some()
        })?;
        found.ok_or_else(|| Error::new("no answer"))
    }

    /// The longest time without an answer that ended after `since`: from one answer to the next.
    /// An outage that still lasts is not counted.
    pub fn longest_outage(&self, since: Stamp) -> Option<Outage> {
        longest_outage(&self.samples(), since)
    }

    /// All times without an answer longer than `least` that ended after `since`.
    pub fn outages(&self, since: Stamp, least: Duration) -> Vec<Outage> {
        let mut all = outages(&self.samples(), since);
        all.retain(|outage| outage.length() > least);
        all
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn longest_outage(samples: &[Sample], since: Stamp) -> Option<Outage> {
    outages(samples, since).into_iter().max_by_key(Outage::length)
}

fn outages(samples: &[Sample], since: Stamp) -> Vec<Outage> {
    let answers: Vec<(&Sample, &String)> =
        samples.iter().filter_map(|sample| Some((sample, sample.by.as_ref()?))).collect();
    let pairs = answers.iter().zip(answers.iter().skip(1));
    pairs
        .filter(|(_, (after, _))| after.ended > since)
        .map(|((before, _), (after, by))| Outage {
            from: before.ended,
            to: after.ended,
            by: (*by).clone(),
        })
        .collect()
}

struct Try {
    socket: OwnedFd,
    started: Stamp,
    connected: bool,
}

enum Step {
    Wait,
    Failed,
    Answered(String),
}

fn ask(target: &impl SockaddrLike, to: &Mutex<Vec<Sample>>, until: &AtomicBool) {
    let mut tries: Vec<Try> = Vec::new();
    let mut next = Stamp::now();
    while !until.load(Ordering::Relaxed) {
        let now = Stamp::now();
        let mut done = Vec::new();
        if now >= next && tries.len() < TRIES_AT_ONCE {
            next = next.plus(EVERY).max(now);
            match begin(target, now) {
                Ok(new) => tries.push(new),
                Err(_) => done.push(Sample { started: now, ended: now, by: None }),
            }
        }
        let ready = wait_ready(&tries, next);
        let ended = Stamp::now();
        let mut ready = ready.into_iter();
        tries.retain_mut(|attempt| {
            let step = match ready.next() {
                Some(true) => advance(attempt),
                Some(false) | None if ended.since(attempt.started) > PATIENCE => Step::Failed,
                Some(false) | None => Step::Wait,
            };
            let by = match step {
                Step::Wait => return true,
                Step::Failed => None,
                Step::Answered(by) => Some(by),
            };
            done.push(Sample { started: attempt.started, ended, by });
            false
        });
        record(to, done);
    }
}

fn record(to: &Mutex<Vec<Sample>>, done: Vec<Sample>) {
    if done.is_empty() {
        return;
    }
    let mut samples = to.lock().unwrap_or_else(PoisonError::into_inner);
    if samples.len() < SAMPLES {
        samples.extend(done);
    }
    drop(samples);
    clock::ring();
}

fn begin(target: &impl SockaddrLike, started: Stamp) -> nix::Result<Try> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let family = target.family().unwrap_or(AddressFamily::Inet);
    let socket = socket(family, SockType::Stream, flags, None)?;
    // Closing resets: no port of the client is held for a minute after each try.
    setsockopt(&socket, sockopt::Linger, &nix::libc::linger { l_onoff: 1, l_linger: 0 })?;
    match connect(socket.as_raw_fd(), target) {
        Ok(()) | Err(Errno::EINPROGRESS) => Ok(Try { socket, started, connected: false }),
        Err(error) => Err(error),
    }
}

fn wait_ready(tries: &[Try], next: Stamp) -> Vec<bool> {
    let mut wanted: Vec<PollFd<'_>> = tries
        .iter()
        .map(|attempt| {
            let flags = if attempt.connected { PollFlags::POLLIN } else { PollFlags::POLLOUT };
            PollFd::new(attempt.socket.as_fd(), flags)
        })
        .collect();
    let left = next.since(Stamp::now()).as_millis().clamp(1, 10);
    if poll(&mut wanted, u8::try_from(left).unwrap_or(1)).is_err() {
        return vec![false; tries.len()];
    }
    wanted.iter().map(|fd| fd.any().unwrap_or(true)).collect()
}

fn advance(attempt: &mut Try) -> Step {
    let socket = attempt.socket.as_raw_fd();
    if !attempt.connected {
        let request = b"GET / HTTP/1.0\r\n\r\n";
        let open = getsockopt(&attempt.socket, sockopt::SocketError) == Ok(0);
        if !open || send(socket, request, MsgFlags::MSG_NOSIGNAL).is_err() {
            return Step::Failed;
        }
        attempt.connected = true;
        return Step::Wait;
    }
    let mut buffer = [0; 2048];
    match recv(socket, &mut buffer, MsgFlags::empty()) {
        Ok(length) => answer(buffer.get(..length).unwrap_or_default()),
        Err(Errno::EAGAIN) => Step::Wait,
        Err(_) => Step::Failed,
    }
}

/// The services' whole answer fits one segment.
fn answer(bytes: &[u8]) -> Step {
    let text = String::from_utf8_lossy(bytes);
    let body = text.split_once("\r\n\r\n").filter(|(head, _)| head.contains(" 200"));
    let word = body.and_then(|(_, body)| body.split_whitespace().next());
    word.map_or(Step::Failed, |word| Step::Answered(word.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at: u64, by: Option<&str>) -> Sample {
        let at = Stamp::from_nanos(at);
        Sample { started: at, ended: at, by: by.map(str::to_owned) }
    }

    #[test]
    fn outage_is_from_answer_to_answer() {
        let samples =
            [sample(1, Some("a")), sample(2, Some("a")), sample(3, None), sample(9, Some("b"))];
        let outage = longest_outage(&samples, Stamp::from_nanos(2)).unwrap();
        assert_eq!((outage.from.nanos(), outage.to.nanos(), outage.by.as_str()), (2, 9, "b"));
    }

    #[test]
    fn only_a_good_answer_counts() {
        let good = answer(b"HTTP/1.0 200 OK\r\nserver: x\r\n\r\nnode1\n");
        assert!(matches!(good, Step::Answered(name) if name == "node1"));
        let bad = answer(b"HTTP/1.0 503 Unavailable\r\n\r\nnode1\n");
        assert!(matches!(bad, Step::Failed));
    }
}
