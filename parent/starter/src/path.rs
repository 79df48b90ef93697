//! Who can change a program: every directory, symbolic link and file on the way to it, one after the
//! other by descriptor, and the same for the interpreter that its first line names. Only looks; what
//! follows is decided by the book.

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use nix::unistd::{Gid, Group, Uid, User};
use std::collections::VecDeque;
use std::ffi::{CStr, OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

/// As many as the kernel follows.
const LINKS_MAX: usize = 40;
/// So much of a first line the kernel reads.
const LINE_MAX: u64 = 256;

/// What others can change.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Open {
    /// The component, and who can change it.
    To(PathBuf, String),
    /// It cannot be told: what the kernel says of the component.
    Unknown(PathBuf, Errno),
}

impl Open {
    pub(crate) fn why(&self) -> String {
        match self {
            Self::To(path, why) => format!("{} {why}", path.display()),
            Self::Unknown(path, errno) => format!("{}: {}", path.display(), errno.desc()),
        }
    }
}

/// Ok if nobody but root and `who` can change what is run under this absolute path.
pub(crate) fn check(program: &CStr, who: Uid) -> Result<(), Open> {
    let path = Path::new(OsStr::from_bytes(program.to_bytes()));
    let found = walk(path, who)?;
    match interpreter(&found) {
        Some(interpreter) => walk(&interpreter, who).map(drop),
        None => Ok(()),
    }
}

/// The file at the end of the path, without a symbolic link in its name.
fn walk(path: &Path, who: Uid) -> Result<PathBuf, Open> {
    let mut rest: VecDeque<OsString> = names(path);
    let mut place = PathBuf::from("/");
    let mut dir = open(AT_FDCWD, OsStr::new("/")).map_err(|e| Open::Unknown(place.clone(), e))?;
    judge(&dir, &place, who)?;
    let mut links = 0_usize;
    while let Some(name) = rest.pop_front() {
        if name == ".." {
            place.pop();
            dir = open(&dir, &name).map_err(|e| Open::Unknown(place.clone(), e))?;
            continue;
        }
        let here = place.join(&name);
        let unknown = |errno| Open::Unknown(here.clone(), errno);
        let found = open(&dir, &name).map_err(unknown)?;
        match judge(&found, &here, who)? {
            SFlag::S_IFLNK => {
                links = links.saturating_add(1);
                if links > LINKS_MAX {
                    return Err(unknown(Errno::ELOOP));
                }
                let target = PathBuf::from(readlinkat(&found, "").map_err(unknown)?);
                if target.is_absolute() {
                    place = PathBuf::from("/");
                    dir = open(AT_FDCWD, OsStr::new("/")).map_err(unknown)?;
                }
                for name in names(&target).into_iter().rev() {
                    rest.push_front(name);
                }
            }
            SFlag::S_IFDIR => {
                place = here;
                dir = found;
            }
            _ if rest.is_empty() => return Ok(here),
            _ => return Err(unknown(Errno::ENOTDIR)),
        }
    }
    Err(Open::Unknown(place, Errno::EISDIR))
}

/// Without what leads nowhere; `..` stays, because it follows what a link led to.
fn names(path: &Path) -> VecDeque<OsString> {
    let name = |part: Component<'_>| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().filter_map(name).collect()
}

fn open(dir: impl AsFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(dir, name, flags, Mode::empty())
}

/// What it is, if only root and `who` can change it. In a sticky directory everybody may make files,
/// and nobody can replace those of others.
fn judge(file: &OwnedFd, place: &Path, who: Uid) -> Result<SFlag, Open> {
    let stat = fstat(file).map_err(|errno| Open::Unknown(place.to_owned(), errno))?;
    let kind = SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits());
    let refused = |why| Err(Open::To(place.to_owned(), why));
    let owner = Uid::from_raw(stat.st_uid);
    if !owner.is_root() && owner != who {
        return refused(format!("belongs to {}", user(owner)));
    }
    // The mode of a symbolic link means nothing.
    let sticky = kind == SFlag::S_IFDIR && has(&stat, Mode::S_ISVTX);
    if kind == SFlag::S_IFLNK || sticky {
        return Ok(kind);
    }
    let mode = stat.st_mode & 0o7777;
    if has(&stat, Mode::S_IWOTH) {
        return refused(format!("can be written by everybody (mode {mode:04o})"));
    }
    let group = Gid::from_raw(stat.st_gid);
    if has(&stat, Mode::S_IWGRP) && group.as_raw() != 0 {
        return refused(format!("can be written by group {} (mode {mode:04o})", group_name(group)));
    }
    Ok(kind)
}

fn has(stat: &FileStat, bit: Mode) -> bool {
    stat.st_mode & bit.bits() != 0
}

fn user(uid: Uid) -> String {
    let name = User::from_uid(uid).ok().flatten().map(|user| user.name);
    name.map_or_else(|| format!("uid {uid}"), |name| format!("user {name}"))
}

fn group_name(gid: Gid) -> String {
    let name = Group::from_gid(gid).ok().flatten().map(|group| group.name);
    name.unwrap_or_else(|| gid.to_string())
}

/// `#!`: a file that cannot be read has none that we could know of.
fn interpreter(file: &Path) -> Option<PathBuf> {
    let mut first = Vec::new();
    File::open(file).ok()?.take(LINE_MAX).read_to_end(&mut first).ok()?;
    let line = first.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let mut words = line.split(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
    let word = words.find(|word| !word.is_empty())?;
    let path = PathBuf::from(OsString::from_vec(word.to_vec()));
    path.is_absolute().then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    const ROOT: Uid = Uid::from_raw(0);
    const OTHER: Uid = Uid::from_raw(1);

    /// Below /run, where no directory on the way is anybody's.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let path = PathBuf::from(format!("/run/vipd-path-{name}-{}", std::process::id()));
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
            let place = Self(path);
            place.file("script", "#!/bin/sh\n", 0o755);
            place
        }

        fn file(&self, name: &str, text: &str, mode: u32) {
            fs::write(self.0.join(name), text).unwrap();
            self.mode(name, mode);
        }

        fn mode(&self, name: &str, mode: u32) {
            fs::set_permissions(self.0.join(name), Permissions::from_mode(mode)).unwrap();
        }

        fn check(&self, name: &str, who: Uid) -> Result<(), String> {
            let path = self.0.join(name).into_os_string().into_vec();
            check(&CString::new(path).unwrap(), who)
                .map_err(|open| open.why().replace(self.0.to_str().unwrap(), ""))
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn no(text: &str) -> Result<(), String> {
        Err(text.to_owned())
    }

    #[test]
    fn the_component_and_its_mode_are_named() {
        let place = Place::new("modes");
        assert_eq!(place.check("script", ROOT), Ok(()));
        place.mode("script", 0o757);
        assert_eq!(
            place.check("script", ROOT),
            no("/script can be written by everybody (mode 0757)")
        );
        place.mode("script", 0o775);
        assert_eq!(place.check("script", ROOT), Ok(()));
        chown(place.0.join("script"), None, Some(1)).unwrap();
        let group = "/script can be written by group daemon (mode 0775)";
        assert_eq!(place.check("script", ROOT), no(group));
        chown(place.0.join("script"), Some(1), Some(0)).unwrap();
        assert_eq!(place.check("script", ROOT), no("/script belongs to user daemon"));
        assert_eq!(place.check("script", OTHER), Ok(()));
    }

    #[test]
    fn a_directory_others_can_write_is_found_and_a_sticky_one_is_none() {
        let place = Place::new("dirs");
        fs::create_dir(place.0.join("d")).unwrap();
        place.file("d/script", "#!/bin/sh\n", 0o755);
        place.mode("d", 0o777);
        assert_eq!(place.check("d/script", ROOT), no("/d can be written by everybody (mode 0777)"));
        place.mode("d", 0o1777);
        assert_eq!(place.check("d/script", ROOT), Ok(()));
        assert_eq!(place.check("d/../script", ROOT), Ok(()));
        assert_eq!(place.check("d/none", ROOT), no("/d/none: No such file or directory"));
        assert_eq!(place.check("script/x", ROOT), no("/script: Not a directory"));
    }

    #[test]
    fn links_are_followed_by_what_they_are() {
        let place = Place::new("links");
        symlink("script", place.0.join("near")).unwrap();
        symlink(place.0.join("near"), place.0.join("far")).unwrap();
        assert_eq!(place.check("far", ROOT), Ok(()));
        std::os::unix::fs::lchown(place.0.join("near"), Some(1), None).unwrap();
        assert_eq!(place.check("far", ROOT), no("/near belongs to user daemon"));
        symlink("circle", place.0.join("circle")).unwrap();
        let circle = place.check("circle", ROOT).unwrap_err();
        assert!(circle.contains("symbolic links"), "{circle}");
    }

    #[test]
    fn an_interpreter_is_a_program_too() {
        let place = Place::new("interpreter");
        place.file("python", "", 0o777);
        let line = format!("#! {}/python -E\n", place.0.display());
        place.file("script", &line, 0o755);
        assert_eq!(
            place.check("script", ROOT),
            no("/python can be written by everybody (mode 0777)")
        );
    }
}
