//! What the checks of a configuration need of the host, for the checker's walls: folders to read in,
//! sockets and servers to call. The walls are put up once, so what a later configuration needs
//! beyond that is a matter for a restart.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use vipd_ipc::slice::{CheckSlice, Place, ProbeSlice, Reach, SYSTEM_TRUST, TalkSlice, Trust};

pub(crate) fn reach<'a>(checks: impl IntoIterator<Item = &'a CheckSlice>) -> BTreeSet<Reach> {
    let mut all = BTreeSet::new();
    for check in checks {
        match &check.probe {
            ProbeSlice::Process(_) | ProbeSlice::Script(_) => {}
            ProbeSlice::Number { path } => {
                all.insert(Reach::Watch);
                all.extend(folders(path).map(Reach::Read));
            }
            ProbeSlice::File(file) => all.extend(folders(&file.path).map(Reach::Read)),
            ProbeSlice::Talk(talk) => server(talk, &mut all),
        }
    }
    all
}

fn server(talk: &TalkSlice, all: &mut BTreeSet<Reach>) {
    match &talk.to {
        Place::Unix(path) => all.extend(folders(path).map(Reach::Unix)),
        Place::Tcp(_) => {
            all.insert(Reach::Tcp);
        }
    }
    match talk.http.as_ref().and_then(|http| http.tls.as_ref()).map(|tls| &tls.trust) {
        None | Some(Trust::Anybody) => {}
        Some(Trust::File(file)) => all.extend(folders(file).map(Reach::Read)),
        Some(Trust::System) => {
            let there = SYSTEM_TRUST.iter().filter(|file| Path::new(file).exists());
            all.extend(there.flat_map(|file| folders(file.as_bytes())).map(Reach::Read));
        }
    }
}

/// Where the file is, and where it really is: both may be replaced by others of the same name.
fn folders(file: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let file = Path::new(OsStr::from_bytes(file));
    let really = file.canonicalize().ok();
    let both = [Some(file.to_owned()), really];
    both.into_iter().flatten().map(|path| folder(&path).into_os_string().into_encoded_bytes())
}

/// A folder in /run is made anew whenever its service starts, and only the one above it stays.
fn folder(file: &Path) -> PathBuf {
    let run = Path::new("/run");
    let folder = file.parent().unwrap_or(run);
    if folder.starts_with(run) { run.to_owned() } else { folder.to_owned() }
}

/// The first thing of `wanted` that `given` does not hold, in words.
pub(crate) fn beyond(wanted: &BTreeSet<Reach>, given: &BTreeSet<Reach>) -> Option<String> {
    let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
    let below = |folder: &[u8], other: &[u8]| path(folder).starts_with(path(other));
    let holds = |one: &&Reach| match one {
        Reach::Read(folder) => {
            given.iter().any(|have| matches!(have, Reach::Read(other) if below(folder, other)))
        }
        Reach::Unix(folder) => {
            given.iter().any(|have| matches!(have, Reach::Unix(other) if below(folder, other)))
        }
        Reach::Watch | Reach::Tcp => given.contains(one),
    };
    wanted.iter().find(|one| !holds(one)).map(|one| match one {
        Reach::Read(folder) => format!("reading files in {}", path(folder).display()),
        Reach::Unix(folder) => format!("connecting to sockets in {}", path(folder).display()),
        Reach::Watch => "watching files (this is the first track_file)".to_owned(),
        Reach::Tcp => "connecting over TCP (this is the first such check)".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(folder: &str) -> Reach {
        Reach::Read(folder.into())
    }

    #[test]
    fn folders_of_services_are_given_with_the_one_above() {
        assert_eq!(folder(Path::new("/run/haproxy/state")), Path::new("/run"));
        assert_eq!(folder(Path::new("/runs/a/b")), Path::new("/runs/a"));
        assert_eq!(folder(Path::new("/var/lib/x")), Path::new("/var/lib"));
    }

    #[test]
    fn what_is_beyond_is_named() {
        let given = BTreeSet::from([read("/run"), Reach::Unix(b"/run/a".to_vec()), Reach::Tcp]);
        let of = |one| beyond(&BTreeSet::from([one]), &given);
        assert_eq!(of(read("/run/x/y")), None);
        assert_eq!(of(Reach::Unix(b"/run/a/b".to_vec())), None);
        assert_eq!(of(Reach::Tcp), None);
        assert_eq!(of(read("/runs")).as_deref(), Some("reading files in /runs"));
        assert_eq!(of(Reach::Unix(b"/run".to_vec())).unwrap(), "connecting to sockets in /run");
        assert!(of(Reach::Watch).unwrap().contains("first track_file"));
    }
}
