//! The first words on the channel: each side says which build it is, and different builds do not
//! talk to each other. Reads nothing beyond the first message.

use mio::{Events, Interest, Poll, Token};
use std::time::{Duration, Instant};
use vipd_ipc::msg::{ParentToStarter, StarterToParent};
use vipd_ipc::{BUILD, Chan, fd};

pub(crate) const PARENT: Token = Token(0);
const PATIENCE: Duration = Duration::from_secs(5);

/// The channel, registered with the poll, after the greeting.
#[derive(Debug)]
pub(crate) struct Parent {
    pub(crate) poll: Poll,
    pub(crate) chan: Chan<StarterToParent, ParentToStarter>,
}

/// Fails with one line that says what went wrong.
pub(crate) fn greet() -> Result<Parent, String> {
    let fd = vipd_ipc::inherited(fd::PARENT).map_err(|e| format!("no channel: {e}"))?;
    let mut chan = Chan::new(fd).map_err(|e| format!("no channel: {e}"))?;
    let mut poll = Poll::new().map_err(|e| format!("no poll: {e}"))?;
    poll.registry()
        .register(&mut chan, PARENT, Interest::READABLE | Interest::WRITABLE)
        .map_err(|e| format!("no poll: {e}"))?;
    let hello = StarterToParent::Hello { build: BUILD.to_string() };
    chan.send(&hello).map_err(|e| format!("parent: {e}"))?;
    let deadline = Instant::now().checked_add(PATIENCE);
    let mut events = Events::with_capacity(4);
    loop {
        match chan.recv().map_err(|e| format!("parent: {e}"))? {
            Some(ParentToStarter::Hello { build }) if build == BUILD => {
                return Ok(Parent { poll, chan });
            }
            Some(ParentToStarter::Hello { build }) => {
                return Err(format!("builds differ: {build} and {BUILD}"));
            }
            Some(_) => return Err("the first message was no greeting".to_string()),
            None => {}
        }
        let left = deadline.map_or(Duration::ZERO, |d| d.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            return Err("not greeted within 5 s".to_string());
        }
        if let Err(error) = poll.poll(&mut events, Some(left))
            && error.kind() != std::io::ErrorKind::Interrupted
        {
            return Err(format!("cannot wait for events: {error}"));
        }
    }
}
