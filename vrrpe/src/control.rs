//! Control clients: connections that the parent accepted and vouches for. Requests come a line
//! each, answers are one JSON object a line. A client can be slow, silent or hostile; it costs a
//! bounded amount of memory and never makes an advert wait.

use crate::monitor::Changed;
use mio::event::Source;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, UnixAddr, recvmsg, sendmsg};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::Duration;
use vipd_types::{ClientId, Instant};
use vrrpe::request::{Inbox, REQUEST_MAX, TooLong, line};

pub(crate) use vrrpe::request::{REQUESTS, Request, VERSION, refusal};

/// Of those who may act, and as many of those who may only look: these cannot keep those out.
const CLIENTS_MAX: usize = 32;
/// A client that neither asks nor reads for so long is dropped.
const IDLE_MAX: Duration = Duration::from_secs(10);
/// Tokens of clients begin here.
const FIRST_TOKEN: usize = 0x10_0000;

#[derive(Debug)]
struct Client {
    fd: OwnedFd,
    uid: u32,
    may_act: bool,
    input: Inbox,
    output: Vec<u8>,
    /// For the parent's answer.
    waiting: bool,
    /// Nothing more comes from it.
    finished: bool,
    /// It monitors, and was not told of this.
    untold: Option<Changed>,
    ready: bool,
    progress: Instant,
}

#[derive(Debug, Default)]
pub(crate) struct Clients {
    map: BTreeMap<ClientId, Client>,
}

impl Clients {
    /// A client too many is told so and closed.
    pub(crate) fn add(
        &mut self,
        id: ClientId,
        uid: u32,
        may_act: bool,
        fd: OwnedFd,
        registry: &Registry,
        now: Instant,
    ) {
        let alike = self.map.values().filter(|client| client.may_act == may_act).count();
        if alike >= CLIENTS_MAX {
            let mut bytes = line(&refusal("busy", "too many control clients"));
            // It is closed whether or not it hears why.
            let _ = transmit(fd.as_raw_fd(), &mut bytes);
            return;
        }
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = SourceFd(&fd.as_raw_fd()).register(registry, token_of(id), interest) {
            log::warn!("control client: {error}");
            return;
        }
        let client = Client {
            fd,
            uid,
            may_act,
            input: Inbox::default(),
            output: Vec::new(),
            waiting: false,
            finished: false,
            untold: None,
            ready: true,
            progress: now,
        };
        self.map.insert(id, client);
    }

    /// `closed`: whoever was there is gone.
    pub(crate) fn note(&mut self, token: Token, closed: bool) {
        let id = token.0.checked_sub(FIRST_TOKEN).and_then(|n| u32::try_from(n).ok());
        if let Some(client) = id.and_then(|id| self.map.get_mut(&ClientId(id))) {
            client.ready = true;
            if closed {
                client.end();
            }
        }
    }

    /// One request, of whichever client has one, with `may_act`. Everything a client is to be
    /// read, written or dropped for happens here, so that a call is short.
    pub(crate) fn next_request(
        &mut self,
        registry: &Registry,
        now: Instant,
    ) -> Option<(ClientId, bool, Request)> {
        let mut found = None;
        let mut dropped = Vec::new();
        for (id, client) in &mut self.map {
            let request = client.turn(now, found.is_none());
            if client.is_over(now) {
                dropped.push(*id);
            }
            if let Some(request) = request {
                found = Some((*id, client.may_act, request));
            }
        }
        for id in dropped {
            self.drop_client(id, registry);
        }
        found
    }

    pub(crate) fn answer(&mut self, id: ClientId, answer: &Value, now: Instant) {
        if let Some(client) = self.map.get_mut(&id) {
            client.say(answer, now);
        }
    }

    /// The client waits for the parent.
    pub(crate) fn wait(&mut self, id: ClientId) {
        if let Some(client) = self.map.get_mut(&id) {
            client.waiting = true;
        }
    }

    /// What the client was waiting for.
    pub(crate) fn answer_waiting(&mut self, id: ClientId, answer: &Value, now: Instant) {
        if let Some(client) = self.map.get_mut(&id).filter(|client| client.waiting) {
            client.waiting = false;
            client.say(answer, now);
        }
    }

    pub(crate) fn uid(&self, id: ClientId) -> Option<u32> {
        self.map.get(&id).map(|client| client.uid)
    }

    /// From now on the client is told of everything.
    pub(crate) fn monitors(&mut self, id: ClientId) {
        if let Some(client) = self.map.get_mut(&id) {
            client.untold = Some(Changed::everything());
        }
    }

    /// Whether anybody monitors.
    pub(crate) fn watch(&self) -> bool {
        self.map.values().any(|client| client.untold.is_some())
    }

    pub(crate) fn spread(&mut self, changed: &Changed) {
        let watching = self.map.values_mut().filter_map(|client| client.untold.as_mut());
        watching.for_each(|untold| untold.add(changed));
    }

    /// One that has read all it was told, and what it was not told.
    pub(crate) fn next_to_inform(&mut self) -> Option<(ClientId, Changed)> {
        let (id, client) = self.map.iter_mut().find(|(_, client)| client.is_curious())?;
        client.untold.as_mut().map(|untold| (*id, std::mem::take(untold)))
    }

    /// `left` is still to be told.
    pub(crate) fn inform(&mut self, id: ClientId, lines: Vec<u8>, left: Changed) {
        if let Some(client) = self.map.get_mut(&id) {
            client.untold = Some(left);
            client.output = lines;
            client.ready = true;
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.map.values().any(|client| client.ready && !client.waiting || client.is_curious())
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let busy = self.map.values().filter(|client| client.has_limit());
        busy.map(|client| client.progress.plus(IDLE_MAX)).min()
    }

    fn drop_client(&mut self, id: ClientId, registry: &Registry) {
        if let Some(client) = self.map.remove(&id)
            && let Err(error) = SourceFd(&client.fd.as_raw_fd()).deregister(registry)
        {
            log::warn!("control client: {error}");
        }
    }
}

impl Client {
    /// Writes what is to be written, then reads, then returns a request if `wanted`. A client is
    /// not read as long as it has not taken its last answer, or waits for one.
    fn turn(&mut self, now: Instant, wanted: bool) -> Option<Request> {
        if !self.ready || self.waiting {
            return None;
        }
        match transmit(self.fd.as_raw_fd(), &mut self.output) {
            Ok(0) => {}
            Ok(_) => self.progress = now,
            Err(_) => self.end(),
        }
        if self.untold.is_some() {
            self.attend();
            return None;
        }
        if !self.output.is_empty() || self.finished && self.input.is_empty() {
            self.ready = false;
            return None;
        }
        if self.input.wants_more() && !self.finished {
            self.read(now);
        }
        if self.input.wants_more() {
            // What is left after the last line is not a request.
            if self.finished {
                self.input.clear();
            }
            return None;
        }
        if !wanted {
            return None;
        }
        self.input.take().unwrap_or_else(|TooLong| {
            self.say(&refusal("too_long", "a request has at most 4096 bytes"), now);
            self.input.clear();
            self.finished = true;
            None
        })
    }

    /// Who monitors asks for nothing more, and may close its own direction.
    fn attend(&mut self) {
        self.input.clear();
        let mut buffer = [0; REQUEST_MAX];
        while !self.finished {
            match receive(self.fd.as_raw_fd(), &mut buffer) {
                Ok(0) => self.finished = true,
                Ok(_) => {}
                Err(Errno::EAGAIN) => break,
                Err(_) => self.end(),
            }
        }
        self.ready = false;
    }

    fn is_curious(&self) -> bool {
        self.output.is_empty() && self.untold.as_ref().is_some_and(|untold| !untold.is_empty())
    }

    /// Whether it must do something within `IDLE_MAX`.
    fn has_limit(&self) -> bool {
        !self.waiting && self.untold.is_none()
    }

    fn read(&mut self, now: Instant) {
        let mut buffer = [0; REQUEST_MAX];
        match receive(self.fd.as_raw_fd(), &mut buffer) {
            Ok(0) => self.finished = true,
            Ok(used) => {
                self.progress = now;
                self.input.push(buffer.get(..used).unwrap_or(&[]));
            }
            Err(Errno::EAGAIN) => self.ready = false,
            Err(_) => self.end(),
        }
    }

    fn say(&mut self, answer: &Value, now: Instant) {
        self.output.extend_from_slice(&line(answer));
        self.progress = now;
        self.ready = true;
    }

    /// The connection is of no use any more.
    fn end(&mut self) {
        self.output.clear();
        self.input.clear();
        self.untold = None;
        self.waiting = false;
        self.finished = true;
    }

    fn is_over(&self, now: Instant) -> bool {
        if !self.has_limit() {
            return false;
        }
        let idle = now.since(self.progress) >= IDLE_MAX;
        idle || self.finished && self.input.is_empty() && self.output.is_empty()
    }
}

fn token_of(id: ClientId) -> Token {
    let offset = usize::try_from(id.0).unwrap_or(usize::MAX);
    Token(offset.saturating_add(FIRST_TOKEN))
}

/// Sends what the kernel takes and removes it from `bytes`; the number of bytes sent.
fn transmit(fd: RawFd, bytes: &mut Vec<u8>) -> Result<usize, Errno> {
    if bytes.is_empty() {
        return Ok(0);
    }
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    match sendmsg::<UnixAddr>(fd, &[IoSlice::new(bytes)], &[], flags, None) {
        Ok(sent) => {
            bytes.drain(..sent.min(bytes.len()));
            Ok(sent)
        }
        Err(Errno::EAGAIN) => Ok(0),
        Err(errno) => Err(errno),
    }
}

fn receive(fd: RawFd, buffer: &mut [u8]) -> Result<usize, Errno> {
    let mut parts = [IoSliceMut::new(buffer)];
    recvmsg::<UnixAddr>(fd, &mut parts, None, MsgFlags::MSG_DONTWAIT).map(|got| got.bytes)
}
