//! Connections to servers, one for each check whose turn it is: opens them, moves bytes when the
//! kernel says so, and closes them with a verdict. Waits for nothing; how long one may take is for
//! the schedule to say, and what an answer means for the files beside this one.

mod chunks;
mod http;
mod line;
mod tls;

use crate::probe_file::say;
use http::Answer;
use line::Line;
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use socket2::SockRef;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::time::Duration;
use vipd_ipc::clock;
use vipd_ipc::slice::{HttpSlice, Place, TalkSlice, Trust};
use vipd_types::{Instant, TrackerId};

/// Tokens from here on are connections'.
const FIRST: usize = 1 << (usize::BITS - 1);
/// So long a file of certificates is taken for what it was.
const FRESH: Duration = Duration::from_secs(60);
/// What is read at a time.
const PIECE: usize = 16 << 10;

/// Whether the server answered as wanted, and what it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) success: bool,
    pub(crate) reason: String,
}

impl Verdict {
    fn good(reason: impl Into<String>) -> Self {
        Self { success: true, reason: reason.into() }
    }

    fn bad(reason: impl Into<String>) -> Self {
        Self { success: false, reason: reason.into() }
    }
}

#[derive(Debug)]
pub(crate) struct Talks {
    open: BTreeMap<TrackerId, Talk>,
    tokens: BTreeMap<Token, TrackerId>,
    last: usize,
    /// With the time at which it was read.
    trusts: BTreeMap<Trust, (Instant, tls::Trusted)>,
    piece: Box<[u8; PIECE]>,
}

#[derive(Debug)]
struct Talk {
    token: Token,
    stream: TcpStream,
    is_connected: bool,
    /// What is said once there is a connection, if anything.
    line: Option<(Line, Answer)>,
}

impl Talks {
    pub(crate) fn new() -> Self {
        Self {
            open: BTreeMap::new(),
            tokens: BTreeMap::new(),
            last: FIRST,
            trusts: BTreeMap::new(),
            piece: Box::new([0; PIECE]),
        }
    }

    /// The certificates that count are read again.
    pub(crate) fn trust_anew(&mut self) {
        self.trusts.clear();
    }

    pub(crate) fn is_one(token: Token) -> bool {
        token.0 >= FIRST
    }

    /// Calls the server. A verdict now if there is nothing to wait for.
    pub(crate) fn begin(
        &mut self,
        registry: &Registry,
        tracker: TrackerId,
        slice: &TalkSlice,
    ) -> Option<Verdict> {
        let address = match &slice.to {
            Place::Unix(path) => return Some(knock(path)),
            Place::Tcp(address) => *address,
        };
        let line = match slice.http.as_ref().map(|http| self.line(http)).transpose() {
            Ok(line) => line,
            Err(why) => return Some(Verdict::bad(why)),
        };
        let mut stream = match TcpStream::connect(address) {
            Ok(stream) => stream,
            Err(error) => return Some(Verdict::bad(no_connection(&error))),
        };
        if line.is_none() {
            // Closed without ceremony: nothing was said, and thousands of such connections would
            // each leave their address taken for a minute.
            let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
        self.last = self.last.wrapping_add(1).max(FIRST);
        let token = Token(self.last);
        let both = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = registry.register(&mut stream, token, both) {
            return Some(Verdict::bad(no_connection(&error)));
        }
        self.tokens.insert(token, tracker);
        self.open.insert(tracker, Talk { token, stream, is_connected: false, line });
        None
    }

    fn line(&mut self, http: &HttpSlice) -> Result<(Line, Answer), String> {
        let request = http::request(http);
        let line = match &http.tls {
            None => Line::plain(request),
            Some(tls) => Line::secret(self.trusted(&tls.trust), tls, &request)?,
        };
        Ok((line, Answer::new(http)))
    }

    fn trusted(&mut self, trust: &Trust) -> &tls::Trusted {
        let now = clock::now();
        let known = self.trusts.remove(trust).filter(|(read, _)| now.since(*read) < FRESH);
        let known = known.unwrap_or_else(|| (now, tls::trusted(trust)));
        &self.trusts.entry(trust.clone()).or_insert(known).1
    }

    /// Something has come, or something may go.
    pub(crate) fn go_on(&mut self, token: Token) -> Option<(TrackerId, Verdict)> {
        let tracker = *self.tokens.get(&token)?;
        let verdict = self.open.get_mut(&tracker)?.go_on(&mut *self.piece)?;
        self.close(tracker);
        Some((tracker, verdict))
    }

    /// Closes the connection whose time is over; what had not happened by then.
    pub(crate) fn late(&mut self, tracker: TrackerId) -> &'static str {
        match self.close(tracker) {
            Some(Talk { is_connected: false, .. }) | None => "no connection",
            Some(Talk { line: Some((line, answer)), .. }) => {
                if line.is_shaking_hands() {
                    "no TLS handshake"
                } else {
                    answer.missing()
                }
            }
            Some(Talk { line: None, .. }) => "no answer",
        }
    }

    /// Closes it without a word.
    pub(crate) fn hang_up(&mut self, tracker: TrackerId) {
        self.close(tracker);
    }

    fn close(&mut self, tracker: TrackerId) -> Option<Talk> {
        let talk = self.open.remove(&tracker)?;
        self.tokens.remove(&talk.token);
        Some(talk)
    }
}

impl Talk {
    fn go_on(&mut self, piece: &mut [u8]) -> Option<Verdict> {
        if !self.is_connected {
            match self.stream.take_error() {
                Ok(None) => self.is_connected = true,
                Ok(Some(error)) | Err(error) => return Some(Verdict::bad(no_connection(&error))),
            }
        }
        let Some((line, answer)) = &mut self.line else {
            return Some(Verdict::good("it takes connections"));
        };
        if let Err(why) = line.send(&mut self.stream) {
            return Some(Verdict::bad(why));
        }
        loop {
            match line.receive(&mut self.stream, piece) {
                Ok(Some(0)) => return Some(answer.ended()),
                Ok(Some(length)) => {
                    if let Some(verdict) = answer.take(piece.get(..length).unwrap_or_default()) {
                        return Some(verdict);
                    }
                }
                Ok(None) => return None,
                Err(why) => return Some(Verdict::bad(why)),
            }
        }
    }
}

/// A UNIX socket takes or refuses a connection at once.
fn knock(path: &[u8]) -> Verdict {
    match UnixStream::connect(crate::probe_file::path(path)) {
        Ok(_) => Verdict::good("it takes connections"),
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            Verdict::bad("no connection: its queue is full")
        }
        Err(error) => Verdict::bad(no_connection(&error)),
    }
}

fn no_connection(error: &io::Error) -> String {
    format!("no connection: {}", say(error))
}
