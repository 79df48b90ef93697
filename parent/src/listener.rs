//! The control socket: makes it, accepts, reads who is there, audits, and passes the connection to
//! the engine. Reads nothing that a client says.

use crate::daemon::{Daemon, Fatal};
use crate::permit::CLIENTS;
use nix::sys::socket::sockopt::PeerCredentials;
use nix::sys::socket::{SockFlag, accept4, getsockopt};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Uid, chown};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;
use vipd_ipc::msg::ParentToEngine;
use vipd_types::{ClientId, Instant};

/// Connections accepted in one second; more are closed unread, so that nobody can fill the audit
/// trail.
const PER_SECOND: u32 = 50;

#[derive(Debug)]
pub(crate) struct Listener {
    socket: UnixListener,
    path: PathBuf,
    next: u32,
    /// Uid of each client that may act.
    actors: BTreeMap<ClientId, u32>,
    second: Instant,
    accepted: u32,
}

impl Listener {
    /// Makes the socket for `readers` to speak to. It stays the caller's, and so does its folder:
    /// what a captured parent could exchange there, the next start would trust.
    pub(crate) fn open(path: &Path, readers: Option<Gid>) -> io::Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.is_dir()) {
            std::fs::create_dir(folder)?;
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))?;
        }
        remove_stale(path)?;
        // Nobody may connect before group and mode are right.
        let before = umask(Mode::from_bits_truncate(0o177));
        let socket = UnixListener::bind(path);
        umask(before);
        let socket = socket?;
        // The mode first: it is the owner's to set.
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
        if let Err(errno) = chown(path, None, readers) {
            log::warn!(
                "a wall is missing: only root and the user who started vipd can use vipctl, because the \
                 control socket cannot be given to the group vipctl ({})",
                errno.desc()
            );
        }
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            path: path.to_owned(),
            next: 0,
            actors: BTreeMap::new(),
            second: Instant::from_nanos(0),
            accepted: 0,
        })
    }

    fn accept(&mut self, now: Instant) -> Option<OwnedFd> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        loop {
            let raw = accept4(self.socket.as_raw_fd(), flags).ok()?;
            let stream = crate::sys::own(raw);
            if now.since(self.second) >= Duration::from_secs(1) {
                (self.second, self.accepted) = (now, 0);
            }
            self.accepted = self.accepted.saturating_add(1);
            if self.accepted <= PER_SECOND {
                return Some(stream);
            }
        }
    }

    pub(crate) fn uid_of(&self, client: ClientId) -> Option<u32> {
        self.actors.get(&client).copied()
    }

    /// Where the folder is root's it stays behind, and the next start replaces it.
    pub(crate) fn remove(&self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            log::debug!("{}: {error}", self.path.display());
        }
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> i32 {
        self.socket.as_raw_fd()
    }
}

impl Daemon {
    pub(crate) fn accept_clients(&mut self, starter: Uid) -> Result<(), Fatal> {
        let now = vipd_ipc::clock::now();
        while let Some(stream) = self.listener.accept(now) {
            let Ok(peer) = getsockopt(&stream.as_fd(), PeerCredentials) else { continue };
            let may_act = peer.uid() == 0 || peer.uid() == starter.as_raw();
            self.audit.client(peer.uid(), peer.pid(), may_act);
            let client = ClientId(self.listener.next);
            self.listener.next = self.listener.next.wrapping_add(1);
            if may_act {
                // The oldest go first: a client that never asks must not be remembered for ever.
                while self.listener.actors.len() >= CLIENTS {
                    self.listener.actors.pop_first();
                }
                self.listener.actors.insert(client, peer.uid());
                self.permits.allow(client);
            }
            let message = ParentToEngine::Client { client, uid: peer.uid(), may_act };
            self.engine
                .chan
                .send_with(&message, Some(stream))
                .map_err(Fatal::channel("vipd-vrrpe"))?;
        }
        Ok(())
    }
}

/// Removes the socket of a daemon that is gone; one that answers is another daemon's.
fn remove_stale(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::new(ErrorKind::AlreadyExists, "it exists and is no socket"));
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(io::Error::new(ErrorKind::AddrInUse, "another vipd is running there")),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        Err(error) => Err(error),
    }
}
