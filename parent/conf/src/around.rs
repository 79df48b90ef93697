//! What the language asks of the world around it, as one trait: files, names in folders, the
//! node's own name and its environment. Whoever reads a configuration says what is there; this
//! package opens nothing.

use std::path::Path;

/// Why a file or a folder was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// Not there, or below what is no folder.
    Missing,
    /// No right to read it, or to look into a folder above it.
    Denied,
    /// A folder in the place of a file.
    Folder,
    /// A FIFO, a device, a socket.
    NotRegular,
    /// With an execute bit: keepalived takes such a file for a program.
    Executable,
    /// In bytes, what is the most.
    TooLarge(u64),
    /// In the kernel's words.
    Failed(String),
}

impl Unread {
    /// Completes "NAME …".
    pub fn why(&self) -> String {
        match self {
            Self::Missing => "is not there".to_owned(),
            Self::Denied => "cannot be read: no permission".to_owned(),
            Self::Folder => "is a folder".to_owned(),
            Self::NotRegular => "is no regular file".to_owned(),
            Self::Executable => "is executable, which a configuration must not be".to_owned(),
            Self::TooLarge(most) => format!("is larger than {most} bytes"),
            Self::Failed(text) => format!("cannot be read: {text}"),
        }
    }
}

pub trait Around {
    /// The name that `@NAME` lines and `${_INSTANCE}` are about.
    fn config_id(&self) -> &str;

    /// What belongs to keepalived's balancer half is skipped with a warning, and no error.
    fn vrrp_only(&self) -> bool {
        false
    }

    /// A variable of the environment, for `${_ENV NAME}`.
    fn variable(&self, name: &str) -> Option<Vec<u8>>;

    /// The whole text of an included file.
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, Unread>;

    /// The names in a folder, in any order, for patterns.
    fn names(&mut self, folder: &Path) -> Result<Vec<Vec<u8>>, Unread>;

    /// The most lines that definitions, sequences and repeated includes may make.
    fn most_lines(&self) -> usize {
        1_000_000
    }
}

/// Nothing: no file, no variable, no name.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nowhere {
    pub vrrp_only: bool,
}

impl Around for Nowhere {
    fn config_id(&self) -> &str {
        ""
    }

    fn vrrp_only(&self) -> bool {
        self.vrrp_only
    }

    fn variable(&self, _name: &str) -> Option<Vec<u8>> {
        None
    }

    fn read(&mut self, _path: &Path) -> Result<Vec<u8>, Unread> {
        Err(Unread::Missing)
    }

    fn names(&mut self, _folder: &Path) -> Result<Vec<Vec<u8>>, Unread> {
        Err(Unread::Missing)
    }
}
