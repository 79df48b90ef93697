//! `init_file`: makes the files that are tracked, with the number they shall begin with. Follows no
//! link in the last place and writes into nothing but regular files.

use nix::fcntl::OFlag;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use vipd_conf::Config;
use vipd_conf::config::InitFile;

/// Those of `config` that `old` did not have. What cannot be made is said, and counts as 0.
pub(crate) fn make(config: &Config, old: &Config) {
    for file in &config.files {
        let is_known = old.files.iter().any(|other| other.path == file.path);
        let Some(init) = file.init.filter(|_| !is_known) else { continue };
        let path = Path::new(OsStr::from_bytes(&file.path));
        match write(path, init) {
            Ok(()) => log::info!("{}: made with {} (init_file)", path.display(), init.value),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => log::warn!(
                "track_file {}: cannot make {}: {error}; make it, so that who writes to it can",
                file.name,
                path.display()
            ),
        }
    }
}

fn write(path: &Path, init: InitFile) -> io::Result<()> {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC).bits();
    let mut options = File::options();
    options.write(true).custom_flags(flags);
    let mut file = match options.clone().create_new(true).mode(0o644).open(path) {
        // Also under a mask that would keep the checker out.
        Ok(file) => {
            file.set_permissions(std::fs::Permissions::from_mode(0o644))?;
            file
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists && init.overwrite => {
            let file = options.open(path)?;
            if !file.metadata()?.is_file() {
                return Err(io::Error::other("not a regular file"));
            }
            file.set_len(0)?;
            file
        }
        Err(error) => return Err(error),
    };
    writeln!(file, "{}", init.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn files_are_made_and_links_not_followed() {
        let dir = std::env::temp_dir().join(format!("vipd-initfile-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let (file, link) = (dir.join("file"), dir.join("link"));
        let kind = |path: &Path, value, overwrite| {
            write(path, InitFile { value, overwrite }).map_err(|error| error.kind()).err()
        };
        assert_eq!(kind(&file, 100, false), None);
        assert_eq!(kind(&file, 2, false), Some(ErrorKind::AlreadyExists));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "100\n");
        assert_eq!(kind(&file, -2, true), None);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "-2\n");
        symlink(&file, &link).unwrap();
        assert!(kind(&link, 3, true).is_some());
        assert!(kind(&dir, 3, true).is_some());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "-2\n");
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
