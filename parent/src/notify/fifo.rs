//! A FIFO that changes are written to: made while the rights are there, never waited for. When nobody
//! reads it and it is full, lines are lost and counted, and whoever reads again is told how things
//! stand now.

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, SFlag, fchmod, fstat, lstat};
use nix::unistd::{Gid, Uid, fchown, mkfifo, unlink, write};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use vipd_types::Object;

/// Everybody may read, as with keepalived.
const MODE: Mode = Mode::from_bits_truncate(0o644);

#[derive(Debug)]
pub(crate) struct Pipe {
    pub(super) path: PathBuf,
    file: OwnedFd,
    /// It was not there before.
    made: bool,
    lost: u64,
    /// Whose state a reader must be told again.
    owed: BTreeSet<Object>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum PipeError {
    #[error("there is something else, which is no FIFO; remove it or write another path")]
    NoFifo,
    #[error("the FIFO there belongs to another user ({0}); remove it or name the user behind it")]
    Stranger(Uid),
    #[error("{0}: {1}")]
    Failed(&'static str, &'static str),
}

fn failed(what: &'static str) -> impl Fn(Errno) -> PipeError {
    move |errno| PipeError::Failed(what, errno.desc())
}

impl Pipe {
    /// Makes the FIFO for `owner`, or takes one that is there. Open for both directions, so that no
    /// reader is needed, and none is ever waited for.
    pub(crate) fn open(path: &[u8], owner: Option<(Uid, Gid)>) -> Result<Self, PipeError> {
        let path: &Path = OsStr::from_bytes(path).as_ref();
        let made = match mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR) {
            Ok(()) => true,
            Err(Errno::EEXIST) => false,
            Err(errno) => return Err(failed("it cannot be made")(errno)),
        };
        // Looked at first: to open a device may do something.
        let is_fifo = |mode| SFlag::from_bits_truncate(mode) & SFlag::S_IFMT == SFlag::S_IFIFO;
        if !is_fifo(lstat(path).map_err(failed("it is gone again"))?.st_mode) {
            return Err(PipeError::NoFifo);
        }
        let flags = OFlag::O_RDWR | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let file = open(path, flags, Mode::empty()).map_err(failed("it cannot be opened"))?;
        let there = fstat(&file).map_err(failed("it cannot be looked at"))?;
        if !is_fifo(there.st_mode) {
            return Err(PipeError::NoFifo);
        }
        if made {
            if let Some((uid, gid)) = owner {
                fchown(&file, Some(uid), Some(gid)).map_err(failed("it cannot be given away"))?;
            }
            fchmod(&file, MODE).map_err(failed("its mode cannot be set"))?;
        } else {
            let uid = Uid::from_raw(there.st_uid);
            let ours = [Some(Uid::effective()), owner.map(|(uid, _)| uid)];
            if !uid.is_root() && !ours.contains(&Some(uid)) {
                return Err(PipeError::Stranger(uid));
            }
        }
        let path = path.to_owned();
        Ok(Self { path, file, made, lost: 0, owed: BTreeSet::new() })
    }

    /// Writes a line about `object`, or remembers that it is owed. `all` are those whose state a
    /// reader that has missed something must know.
    pub(super) fn tell(&mut self, object: Object, line: &str, all: impl Iterator<Item = Object>) {
        if self.owed.is_empty() {
            match write(&self.file, line.as_bytes()) {
                Ok(_) => return,
                Err(Errno::EAGAIN) => {
                    log::warn!("{}: nobody reads it, lines are lost", self.path.display());
                    self.owed.extend(all);
                }
                Err(errno) => log::error!("{}: {}", self.path.display(), errno.desc()),
            }
        }
        self.lost = self.lost.saturating_add(1);
        self.owed.insert(object);
    }

    /// Tells what is owed, as far as there is room.
    pub(super) fn settle(&mut self, line: impl Fn(Object) -> Option<String>) {
        if self.owed.is_empty() {
            return;
        }
        while let Some(object) = self.owed.first().copied() {
            if let Some(line) = line(object)
                && write(&self.file, line.as_bytes()).is_err()
            {
                return;
            }
            self.owed.pop_first();
        }
        log::warn!(
            "{}: it is read again; {} lines were lost, all states were told anew",
            self.path.display(),
            self.lost
        );
        self.lost = 0;
    }

    /// Readers see its end. It stays where the folder is not ours to change any more, and is used
    /// again by the next start.
    pub(super) fn close(self) {
        if self.lost > 0 {
            log::warn!("{}: {} lines were not read by anybody", self.path.display(), self.lost);
        }
        if self.made {
            let _ = unlink(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::fs::OpenOptionsExt;
    use vipd_types::InstanceId;

    const ONE: Object = Object::Instance(InstanceId(1));

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("vipd-fifo-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).unwrap();
        folder
    }

    fn bytes(path: &Path) -> &[u8] {
        path.as_os_str().as_bytes()
    }

    #[test]
    fn a_full_fifo_blocks_nothing_and_the_state_is_told_again() {
        let folder = folder("full");
        let path = folder.join("f");
        let mut pipe = Pipe::open(bytes(&path), None).unwrap();
        let mut told = 0u64;
        while pipe.lost == 0 {
            pipe.tell(ONE, "INSTANCE \"a\" MASTER 100\n", [ONE].into_iter());
            told += 1;
        }
        pipe.tell(ONE, "INSTANCE \"a\" BACKUP 100\n", [ONE].into_iter());
        // No shorter than the lines before: one that is may find room.
        pipe.settle(|_| Some("INSTANCE \"a\" BACKUP 100\n".to_owned()));
        assert_eq!(pipe.lost, 2);
        let nonblock = OFlag::O_NONBLOCK.bits();
        let options = || std::fs::File::options().read(true).custom_flags(nonblock).open(&path);
        let mut text = vec![0; 1 << 20];
        let mut reader = options().unwrap();
        let mut all = String::new();
        while let Ok(count) = reader.read(&mut text) {
            all.push_str(std::str::from_utf8(&text[..count]).unwrap());
        }
        assert_eq!(all.lines().count() as u64, told - 1);
        pipe.settle(|_| Some("INSTANCE \"a\" BACKUP 100\n".to_owned()));
        assert_eq!((pipe.lost, pipe.owed.len()), (0, 0));
        let count = reader.read(&mut text).unwrap();
        assert_eq!(&text[..count], b"INSTANCE \"a\" BACKUP 100\n");
        pipe.close();
        assert!(!path.exists());
        std::fs::remove_dir(folder).unwrap();
    }

    #[test]
    fn only_a_fifo_is_a_fifo() {
        let folder = folder("other");
        let plain = folder.join("plain");
        std::fs::write(&plain, "mine").unwrap();
        assert!(matches!(Pipe::open(bytes(&plain), None), Err(PipeError::NoFifo)));
        assert_eq!(std::fs::read(&plain).unwrap(), b"mine");
        let real = folder.join("real");
        let pipe = Pipe::open(bytes(&real), None).unwrap();
        let link = folder.join("link");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert!(matches!(Pipe::open(bytes(&link), None), Err(PipeError::NoFifo)));
        // One that is there is used, and stays.
        let again = Pipe::open(bytes(&real), None).unwrap();
        assert!(pipe.made && !again.made);
        again.close();
        assert!(real.exists());
        let missing = folder.join("no/where");
        assert!(matches!(Pipe::open(bytes(&missing), None), Err(PipeError::Failed(..))));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
