//! What lies around a configuration on this host: included files, folders, the environment. The one
//! way in which the parent and the starter read them, so that both see the same; used by both.

use nix::fcntl::OFlag;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use vipd_conf::{Around, Unread};

/// A configuration of 10 000 instances has about 3 MiB.
pub(crate) const FILE_MAX: u64 = 64 << 20;

/// What the starter's variables begin with: they are the parent's, told apart from its own.
pub(crate) const HANDED_ON: &str = "VIPD_ENV_";

#[derive(Debug, Clone)]
pub(crate) struct Disk {
    pub(crate) config_id: String,
    pub(crate) vrrp_only: bool,
    /// What the names of variables begin with here.
    pub(crate) prefix: &'static str,
}

impl Around for Disk {
    fn config_id(&self) -> &str {
        &self.config_id
    }

    fn vrrp_only(&self) -> bool {
        self.vrrp_only
    }

    fn variable(&self, name: &str) -> Option<Vec<u8>> {
        std::env::var_os(format!("{}{name}", self.prefix)).map(OsStringExt::into_vec)
    }

    fn read(&mut self, path: &Path) -> Result<Vec<u8>, Unread> {
        is_fit(&std::fs::metadata(path).map_err(|e| because(&e))?)?;
        // A FIFO that has just taken its place must not hold us up.
        let flags = (OFlag::O_NONBLOCK | OFlag::O_CLOEXEC).bits();
        let open = File::options().read(true).custom_flags(flags).open(path);
        let file = open.map_err(|e| because(&e))?;
        is_fit(&file.metadata().map_err(|e| because(&e))?)?;
        let mut text = Vec::new();
        file.take(FILE_MAX).read_to_end(&mut text).map_err(|e| because(&e))?;
        Ok(text)
    }

    fn names(&mut self, folder: &Path) -> Result<Vec<Vec<u8>>, Unread> {
        let entries = std::fs::read_dir(folder).map_err(|e| because(&e))?;
        let name = |entry: io::Result<std::fs::DirEntry>| {
            entry.map(|entry| OsStr::as_bytes(&entry.file_name()).to_vec())
        };
        entries.map(name).collect::<io::Result<_>>().map_err(|e| because(&e))
    }
}

fn is_fit(file: &Metadata) -> Result<(), Unread> {
    if file.is_dir() {
        Err(Unread::Folder)
    } else if !file.is_file() {
        Err(Unread::NotRegular)
    } else if file.permissions().mode() & 0o111 != 0 {
        Err(Unread::Executable)
    } else if file.len() > FILE_MAX {
        Err(Unread::TooLarge(FILE_MAX))
    } else {
        Ok(())
    }
}

fn because(error: &io::Error) -> Unread {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENOTDIR) => Unread::Missing,
        Some(libc::EACCES | libc::EPERM) => Unread::Denied,
        _ => Unread::Failed(error.to_string()),
    }
}
