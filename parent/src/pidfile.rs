//! The files that tell others which processes run. Locked for as long as the daemon lives, so that a
//! second one with the same files does not start; gone at its end.

use crate::children::{Checker, Engine};
use crate::identity::Places;
use crate::sweeper::Sweeper;
use nix::fcntl::OFlag;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A daemon that has just ended may still be removing its files.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(crate) struct PidFile {
    pub(crate) file: File,
    pub(crate) path: PathBuf,
}

impl PidFile {
    /// The file is ours from now on, and empty.
    fn lock(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        for turn in 0..TRIES {
            if turn > 0 {
                std::thread::sleep(PAUSE);
            }
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(false).mode(0o644);
            let file = options.custom_flags(OFlag::O_NOFOLLOW.bits()).open(path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // Whoever had it may have removed it between the two steps.
            if is_at(&file, path) {
                file.set_len(0)?;
                return Ok(Self { file, path: path.to_owned() });
            }
        }
        Err(io::Error::new(
            ErrorKind::AddrInUse,
            "daemon is already running: another vipd is running (it holds the file)",
        ))
    }

    fn say(&mut self, pid: u32) -> io::Result<()> {
        writeln!(self.file, "{pid}")
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    let key = |meta: std::fs::Metadata| (meta.dev(), meta.ino());
    let found = (file.metadata().map(key), std::fs::symlink_metadata(path).map(key));
    matches!(found, (Ok(ours), Ok(there)) if ours == there)
}

/// All of them, in the order parent, engine, checker.
#[derive(Debug)]
pub(crate) struct PidFiles {
    files: [Option<PidFile>; 3],
    sweeper: Option<Sweeper>,
}

impl PidFiles {
    /// With `leaves`, the rights to remove a file will be given up, and somebody must keep them.
    pub(crate) fn open(places: &Places, leaves: bool) -> Result<Self, String> {
        let lock = |path: &Option<PathBuf>| {
            let Some(path) = path else { return Ok(None) };
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            let failed = |error: io::Error| format!("pid file {}: {error}", path.display());
            PidFile::lock(&path).map(Some).map_err(failed)
        };
        let mut all = Self {
            files: [lock(&places.parent)?, lock(&places.engine)?, lock(&places.checker)?],
            sweeper: None,
        };
        let there: Vec<&PidFile> = all.files.iter().flatten().collect();
        if leaves && !there.is_empty() {
            let sweeper = Sweeper::start(&there);
            all.sweeper =
                Some(sweeper.map_err(|error| format!("cannot watch the pid files: {error}"))?);
        }
        Ok(all)
    }

    /// Everybody runs.
    pub(crate) fn write(&mut self, engine: &Engine, checker: &Checker) -> Result<(), String> {
        let pid = |pid: nix::unistd::Pid| u32::try_from(pid.as_raw()).unwrap_or_default();
        let pids = [std::process::id(), pid(engine.pid()), pid(checker.pid())];
        for (file, pid) in self.files.iter_mut().zip(pids) {
            let Some(file) = file else { continue };
            file.say(pid).map_err(|error| format!("pid file {}: {error}", file.path.display()))?;
        }
        Ok(())
    }

    /// The end: returns when they are gone.
    pub(crate) fn remove(self) {
        if let Some(sweeper) = self.sweeper {
            sweeper.finish();
        }
        for file in self.files.iter().flatten() {
            if is_at(&file.file, &file.path) && std::fs::remove_file(&file.path).is_err() {
                // Empty at least: the number will be somebody else's.
                let _ = file.file.set_len(0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_holder_and_is_gone_after_him() {
        let dir = std::env::temp_dir().join(format!("vipd-pid-{}", std::process::id()));
        let path = dir.join("deep/x.pid");
        let places = Places { parent: Some(path.clone()), ..Places::default() };
        let first = PidFiles::open(&places, false).unwrap();
        let second = PidFiles::open(&places, false).unwrap_err();
        assert!(second.contains("already running"), "{second}");
        first.remove();
        assert!(!path.exists());
        PidFiles::open(&places, false).unwrap().remove();
        std::fs::remove_dir_all(dir).unwrap();
    }
}
