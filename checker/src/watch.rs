//! Tells whose file may have changed, from what happens in the folders of the files. A folder that is
//! not there, or cannot be watched, is no error: the files are looked at from time to time anyway.

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use vipd_types::TrackerId;

#[derive(Debug, Default)]
pub(crate) struct Watches {
    inotify: Option<Inotify>,
    folders: BTreeMap<TrackerId, WatchDescriptor>,
    complained: bool,
}

/// A file is written, replaced or removed; or the folder itself goes.
fn events() -> AddWatchFlags {
    use AddWatchFlags as F;
    F::IN_CLOSE_WRITE
        | F::IN_MOVED_TO
        | F::IN_MOVED_FROM
        | F::IN_CREATE
        | F::IN_DELETE
        | F::IN_DELETE_SELF
        | F::IN_MOVE_SELF
        | F::IN_ONLYDIR
}

impl Watches {
    /// Before the last filter: it cannot be opened later.
    pub(crate) fn open(&mut self, registry: &Registry, token: Token) -> Result<(), Errno> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        let raw = inotify.as_fd().as_raw_fd();
        registry
            .register(&mut SourceFd(&raw), token, Interest::READABLE)
            .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(0)))?;
        self.inotify = Some(inotify);
        Ok(())
    }

    /// To be called at every look: the folder may be there only now, or be another one.
    pub(crate) fn keep(&mut self, tracker: TrackerId, file: &Path) {
        let (Some(inotify), Some(folder)) = (&self.inotify, file.parent()) else { return };
        let watch = match inotify.add_watch(folder, events()) {
            Ok(watch) => Some(watch),
            Err(errno @ (Errno::ENOSPC | Errno::ENOMEM)) => {
                if !std::mem::replace(&mut self.complained, true) {
                    log::warn!(
                        "files are looked at once a second only: the kernel watches no more \
                         folders (fs.inotify.max_user_watches): {}",
                        errno.desc()
                    );
                }
                None
            }
            Err(_) => None,
        };
        let old = self.folders.remove(&tracker);
        self.folders.extend(watch.map(|watch| (tracker, watch)));
        if old != watch {
            self.let_go(old);
        }
    }

    /// Whose file may have changed.
    pub(crate) fn changed(&mut self) -> BTreeSet<TrackerId> {
        let mut found = BTreeSet::new();
        let Some(inotify) = &self.inotify else { return found };
        while let Ok(events) = inotify.read_events() {
            for event in events {
                let lost_some = event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW);
                let concerned = self.folders.iter().filter(|(_, w)| lost_some || **w == event.wd);
                found.extend(concerned.map(|(tracker, _)| *tracker));
            }
        }
        found
    }

    /// Lets go of what is watched for checks that are not `wanted` any more.
    pub(crate) fn retain(&mut self, wanted: impl Fn(TrackerId) -> bool) {
        let gone: Vec<_> = self.folders.extract_if(.., |tracker, _| !wanted(*tracker)).collect();
        gone.into_iter().for_each(|(_, watch)| self.let_go(Some(watch)));
    }

    fn let_go(&self, watch: Option<WatchDescriptor>) {
        let (Some(inotify), Some(watch)) = (&self.inotify, watch) else { return };
        if self.folders.values().all(|other| *other != watch) {
            // It is gone already if the folder is.
            let _ = inotify.rm_watch(watch);
        }
    }
}
