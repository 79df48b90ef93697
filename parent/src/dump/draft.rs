//! A file that appears complete or not at all: written under another name in the same folder, for
//! its owner alone, then renamed. What is in the way is replaced and never followed or written to.

use nix::fcntl::OFlag;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Names to try: only somebody who wants to be in the way makes the first fail.
const TRIES: u32 = 16;

#[derive(Debug)]
pub(crate) struct Draft {
    file: File,
    path: PathBuf,
    hidden: PathBuf,
    /// The first thing that went wrong.
    failed: Option<io::Error>,
    /// It stays in the folder.
    published: bool,
}

impl Draft {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut taken = io::Error::from(ErrorKind::AlreadyExists);
        for turn in 0..TRIES {
            let odd = crate::date::now().subsec_nanos();
            let mut hidden = path.as_os_str().to_owned();
            hidden.push(format!(".{}-{turn}-{odd:08x}", std::process::id()));
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(0o600);
            match options.custom_flags(OFlag::O_NOFOLLOW.bits()).open(&hidden) {
                Ok(file) => {
                    let (path, hidden) = (path.to_owned(), hidden.into());
                    return Ok(Self { file, path, hidden, failed: None, published: false });
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => taken = error,
                Err(error) => return Err(error),
            }
        }
        Err(taken)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn put(&mut self, text: &str) {
        if self.failed.is_none() {
            self.failed = self.file.write_all(text.as_bytes()).err();
        }
    }

    pub(crate) fn publish(mut self) -> io::Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        std::fs::rename(&self.hidden, &self.path)?;
        self.published = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.published {
            // A folder that has vanished has taken it along.
            let _ = std::fs::remove_file(&self.hidden);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_file_is_there_whole_and_replaces_a_link() {
        let dir = std::env::temp_dir().join(format!("vipd-draft-{}", std::process::id()));
        std::fs::create_dir(&dir).unwrap();
        let (victim, path) = (dir.join("victim"), dir.join("x"));
        std::fs::write(&victim, "as before").unwrap();
        symlink(&victim, &path).unwrap();
        let mut draft = Draft::open(&path).unwrap();
        draft.put("one ");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "as before");
        draft.put("two");
        draft.publish().unwrap();
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "as before");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one two");
        let meta = std::fs::symlink_metadata(&path).unwrap();
        assert!(meta.is_file() && meta.permissions().mode() & 0o777 == 0o600, "{meta:?}");
        drop(Draft::open(&path).unwrap());
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 2);
        std::fs::remove_dir_all(dir).unwrap();
    }
}
