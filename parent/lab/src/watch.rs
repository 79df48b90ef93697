//! Witness of a node's addresses and links: the kernel's own events, with their time. Only listens
//! and asks; changes nothing.

use crate::clock::{self, Stamp};
use crate::error::{Error, Result};
use crate::netlink::{self, Address, Change, Event, Link, LinkEvent};
use crate::netns::NetNs;
use crate::owner;
use crate::witness::be_punctual;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// Listens until it is stopped or dropped; starts with what is there.
#[derive(Debug)]
pub struct AddressWatch {
    namespace: Option<NetNs>,
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Seen {
    changes: Vec<Change>,
    lost: bool,
}

impl AddressWatch {
    /// # Errors
    /// When the namespace or the socket cannot be opened.
    pub fn start(namespace: &NetNs) -> Result<Self> {
        let (seen, stop) = (Arc::<Mutex<Seen>>::default(), Arc::<AtomicBool>::default());
        let (socket, links, addresses) = namespace
            .enter(|| Ok((netlink::listener()?, netlink::links()?, netlink::addresses()?)))?;
        let at = Stamp::now();
        let links = links.into_iter().map(|what| LinkEvent { at, there: true, what });
        let addresses = addresses.into_iter().map(|what| Event { at, added: true, what });
        let first = links.map(Change::Link).chain(addresses.map(Change::Address));
        seen.lock().unwrap_or_else(PoisonError::into_inner).changes.extend(first);
        let (inside, to, until) = (namespace.clone(), Arc::clone(&seen), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            // Interface names are looked up by the thread, so it must be inside.
            if inside.stay().is_ok() {
                be_punctual();
                listen(&socket, &to, &until);
            }
        });
        Ok(Self { namespace: Some(namespace.clone()), seen, stop, thread: Some(thread) })
    }

    /// What happened to addresses so far, oldest first.
    pub fn events(&self) -> Vec<Event> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let addresses = seen.changes.iter().filter_map(|change| match change {
            Change::Address(event) => Some(event.clone()),
            Change::Link(_) => None,
        });
        addresses.collect()
    }

    /// What happened to links so far, oldest first.
    pub fn link_events(&self) -> Vec<LinkEvent> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let links = seen.changes.iter().filter_map(|change| match change {
            Change::Link(event) => Some(event.clone()),
            Change::Address(_) => None,
        });
        links.collect()
    }

    /// Both in the kernel's order.
    pub fn changes(&self) -> Vec<Change> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).changes.clone()
    }

    /// The kernel could not deliver all events: the list has a gap.
    pub fn lost_events(&self) -> bool {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).lost
    }

    /// Asks the kernel.
    ///
    /// # Errors
    /// When the watch was stopped, or the kernel does not answer.
    pub fn addresses_now(&self) -> Result<Vec<Address>> {
        self.inside()?.enter(netlink::addresses)
    }

    /// Asks the kernel.
    ///
    /// # Errors
    /// When the watch was stopped, or the kernel does not answer.
    pub fn links_now(&self) -> Result<Vec<Link>> {
        self.inside()?.enter(netlink::links)
    }

    /// Whether `address` is in use, by the events so far: on some interface that nobody keeps down
    /// for it ([`Link::proto_down`]).
    pub fn holds(&self, address: IpAddr) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        owner::held_at_end(&seen.changes, address)
    }

    /// The first time at or after `since` that `address` was held.
    pub fn held_since(&self, since: Stamp, address: IpAddr) -> Option<Stamp> {
        let held = owner::holdings(&self.changes(), address, None);
        held.iter().find(|window| window.to > since).map(|window| window.from.max(since))
    }

    fn inside(&self) -> Result<&NetNs> {
        self.namespace.as_ref().ok_or_else(|| Error::new("the node is off"))
    }

    /// Ends the witness and lets go of the namespace; what was seen stays.
    pub fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
        self.namespace = None;
    }
}

impl Drop for AddressWatch {
    fn drop(&mut self) {
        self.stop();
    }
}

fn listen(socket: &OwnedFd, to: &Mutex<Seen>, until: &AtomicBool) {
    let mut buffer = vec![0; 65536];
    while !until.load(Ordering::Relaxed) {
        if !netlink::readable(socket, 50) {
            continue;
        }
        let result = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty());
        let at = Stamp::now();
        let mut seen = to.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(length) => {
                let datagram = buffer.get(..length).unwrap_or_default();
                seen.changes.extend(netlink::changes(at, datagram));
            }
            Err(Errno::ENOBUFS) => seen.lost = true,
            Err(_) => {}
        }
        drop(seen);
        clock::ring();
    }
}
