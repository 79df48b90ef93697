//! Where the built programs are and where the laboratory keeps its files. Must not guess: a missing
//! program is named with the command that builds it.

use crate::error::{Context, Error, Result};
use crate::process::namespace_of;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// The directory with `vipd` and its siblings: `$VIPD_BIN_DIR` if set, else the build tree that the
/// running program belongs to (`target/debug` for a test in `target/debug/deps`).
///
/// # Errors
/// When there is no `vipd` in it.
pub fn bin_dir() -> Result<PathBuf> {
    let directory = match env::var_os("VIPD_BIN_DIR") {
        Some(directory) => PathBuf::from(directory),
        None => {
            let program = env::current_exe().during("path of this program")?;
            let folder = program.parent().unwrap_or(Path::new("/"));
            let in_deps =
                folder.file_name().is_some_and(|name| name == "deps" || name == "examples");
            if in_deps { folder.parent().unwrap_or(folder) } else { folder }.to_path_buf()
        }
    };
    let directory = directory.canonicalize().during(directory.display())?;
    if directory.join("vipd").is_file() {
        return Ok(directory);
    }
    Err(Error::new(format!(
        "no vipd in {}: run `cargo build --workspace` first, or set VIPD_BIN_DIR",
        directory.display()
    )))
}

const PREFIX: &str = "vipd-lab.";

/// A directory for the files of one laboratory; removed when dropped, unless `$VIPD_LAB_KEEP` is
/// set. What a killed process left behind is removed by the next one.
#[derive(Debug)]
pub(crate) struct WorkDir(PathBuf);

impl WorkDir {
    pub(crate) fn new() -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let root = env::temp_dir();
        remove_orphans(&root);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = root.join(format!("{PREFIX}{}.{number}", std::process::id()));
        fs::create_dir(&path).during(path.display())?;
        // It holds a copy of /etc.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(&path, mode).during(path.display())?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for WorkDir {
    fn drop(&mut self) {
        if env::var_os("VIPD_LAB_KEEP").is_none() {
            drop(fs::remove_dir_all(&self.0));
        }
    }
}

fn remove_orphans(root: &Path) {
    if env::var_os("VIPD_LAB_KEEP").is_some() {
        return;
    }
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.split('.').next()?.parse().ok());
        if owner.is_some_and(|pid: i32| namespace_of(pid).is_none()) {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}
