//! The first words on both channels: each side says which build it is, and different builds do
//! not talk to each other. Reads nothing beyond the first message.

use mio::{Events, Interest, Poll, Token};
use std::time::{Duration, Instant};
use vipd_ipc::msg::{CheckerToEngine, CheckerToParent, EngineToChecker, Message, ParentToChecker};
use vipd_ipc::{BUILD, Chan, ChanError, fd};

pub(crate) const PARENT: Token = Token(0);
pub(crate) const ENGINE: Token = Token(1);
const PATIENCE: Duration = Duration::from_secs(5);

/// Both channels, registered with the poll, after the greeting.
#[derive(Debug)]
pub(crate) struct Peers {
    pub(crate) poll: Poll,
    pub(crate) parent: Chan<CheckerToParent, ParentToChecker>,
    pub(crate) engine: Chan<CheckerToEngine, EngineToChecker>,
}

/// Fails with one line that says who did not greet, or how.
pub(crate) fn greet() -> Result<Peers, String> {
    let mut peers = open().map_err(|error| format!("checker cannot start: {error}"))?;
    let build = BUILD.to_string();
    peers
        .parent
        .send(&CheckerToParent::Hello { build: build.clone() })
        .and_then(|()| peers.engine.send(&CheckerToEngine::Hello { build }))
        .map_err(|error| format!("checker cannot greet: {error}"))?;
    let deadline = Instant::now().checked_add(PATIENCE);
    let (mut parent, mut engine) = (false, false);
    let mut events = Events::with_capacity(16);
    while !(parent && engine) {
        parent = parent
            || heard(&mut peers.parent, |message| {
                if let ParentToChecker::Hello { build } = message { Some(build) } else { None }
            })
            .map_err(|why| format!("checker and parent: {why}"))?;
        engine = engine
            || heard(&mut peers.engine, |EngineToChecker::Hello { build }| Some(build))
                .map_err(|why| format!("checker and engine: {why}"))?;
        if parent && engine {
            break;
        }
        let left = deadline.map_or(Duration::ZERO, |d| d.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            return Err("checker was not greeted within 5 s".to_string());
        }
        if let Err(error) = peers.poll.poll(&mut events, Some(left))
            && error.kind() != std::io::ErrorKind::Interrupted
        {
            return Err(format!("checker cannot wait for events: {error}"));
        }
    }
    Ok(peers)
}

fn open() -> Result<Peers, ChanError> {
    let mut parent = Chan::new(vipd_ipc::inherited(fd::PARENT).map_err(ChanError::Io)?)?;
    let mut engine = Chan::new(vipd_ipc::inherited(fd::PEER).map_err(ChanError::Io)?)?;
    let poll = Poll::new().map_err(errno)?;
    let both = Interest::READABLE | Interest::WRITABLE;
    poll.registry().register(&mut parent, PARENT, both).map_err(errno)?;
    poll.registry().register(&mut engine, ENGINE, both).map_err(errno)?;
    Ok(Peers { poll, parent, engine })
}

#[expect(clippy::needless_pass_by_value, reason = "handed to map_err")]
fn errno(error: std::io::Error) -> ChanError {
    ChanError::Io(nix::errno::Errno::from_raw(error.raw_os_error().unwrap_or(0)))
}

/// True when the peer has greeted and is of our build; false when it has said nothing yet.
fn heard<Out: Message, In: Message>(
    chan: &mut Chan<Out, In>,
    greeting: impl Fn(In) -> Option<String>,
) -> Result<bool, String> {
    match chan.recv().map_err(|error| error.to_string())? {
        None => Ok(false),
        Some(message) => match greeting(message) {
            Some(build) if build == BUILD => Ok(true),
            Some(build) => Err(format!("builds differ: {} and {BUILD}", build.escape_default())),
            None => Err("the first message was no greeting".to_string()),
        },
    }
}
