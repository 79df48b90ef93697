//! The state for other programs: on a signal the engine is asked how things stand, and what it says
//! about the instances of this configuration is written into keepalived's files, in keepalived's
//! form. Everything but numbers and states comes from the parent's own configuration; a password
//! is never among it.

mod address;
mod draft;
mod json;
mod record;
mod stats;
mod text;

use crate::daemon::{Daemon, Fatal};
use crate::kernel::Kernel;
use crate::signals::Order;
use draft::Draft;
use json::Json;
use record::Record;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use vipd_ipc::msg::ParentToEngine;
use vipd_ipc::report::{Counts, InstanceStatus, Part, TrackerStatus};
use vipd_ipc::slice::{TrackerKind, TrackerSlice};
use vipd_types::{InstanceId, State};

/// What is written on which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Data,
    Stats,
    Json,
}

const KINDS: [Kind; 3] = [Kind::Data, Kind::Stats, Kind::Json];

impl Kind {
    fn file_name(self) -> &'static str {
        match self {
            Self::Data => "keepalived.data",
            Self::Stats => "keepalived.stats",
            Self::Json => "keepalived.json",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Dumps {
    folder: PathBuf,
    wanted: BTreeSet<Kind>,
    /// The counters start anew after the next dump.
    clear: bool,
    running: Option<Run>,
    /// What had been counted when the counters were cleared.
    cleared: BTreeMap<InstanceId, Counts>,
}

/// A report on its way from the engine into files.
#[derive(Debug)]
struct Run {
    drafts: BTreeMap<Kind, Draft>,
    clear: bool,
    states: BTreeMap<InstanceId, State>,
    counts: BTreeMap<InstanceId, Counts>,
    /// Something of this section has been written.
    groups_told: bool,
    scripts_told: bool,
}

impl Dumps {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        let folder = folder.unwrap_or_else(|| {
            let named = std::env::var_os("TMPDIR").map(PathBuf::from);
            named.filter(|path| path.is_absolute()).unwrap_or_else(|| "/tmp".into())
        });
        Self {
            folder,
            wanted: BTreeSet::new(),
            clear: false,
            running: None,
            cleared: BTreeMap::new(),
        }
    }

    /// While there is the right to do so: in a folder like /tmp nobody can replace what another user
    /// has left there, and a keepalived before us was root.
    pub(crate) fn make_way(&self, user: Option<nix::unistd::Uid>) {
        use std::os::unix::fs::MetadataExt;
        let Some(user) = user else { return };
        for kind in KINDS {
            let path = self.folder.join(kind.file_name());
            let stale = std::fs::symlink_metadata(&path)
                .is_ok_and(|meta| !meta.is_dir() && meta.uid() != user.as_raw());
            if stale && let Err(error) = std::fs::remove_file(&path) {
                log::warn!("{}, left by an earlier run: {error}", path.display());
            }
        }
    }

    fn complain(&self, path: &Path, error: &std::io::Error) {
        let hint = if error.kind() == std::io::ErrorKind::PermissionDenied {
            "; if another user's file is there, remove it, or name a folder of _vipd's with \
             --dump-dir"
        } else {
            ""
        };
        log::error!("cannot write {}: {error}{hint}", path.display());
    }
}

impl Daemon {
    /// A signal asks for files. One that comes while they are written has them written once more.
    pub(crate) fn order_dump(&mut self, order: Order) -> Result<(), Fatal> {
        let kind = match order {
            Order::Data => Kind::Data,
            Order::Stats | Order::ClearStats => Kind::Stats,
            Order::Json => Kind::Json,
            Order::Stop | Order::Interrupt | Order::Reload | Order::Child => return Ok(()),
        };
        self.dumps.wanted.insert(kind);
        self.dumps.clear |= order == Order::ClearStats;
        self.begin_dump()
    }

    fn begin_dump(&mut self) -> Result<(), Fatal> {
        if self.dumps.running.is_some() || self.dumps.wanted.is_empty() {
            return Ok(());
        }
        let mut drafts = BTreeMap::new();
        for kind in std::mem::take(&mut self.dumps.wanted) {
            let path = self.dumps.folder.join(kind.file_name());
            match Draft::open(&path) {
                Ok(draft) => drop(drafts.insert(kind, draft)),
                Err(error) => self.dumps.complain(&path, &error),
            }
        }
        let mut run = Run {
            drafts,
            clear: std::mem::take(&mut self.dumps.clear),
            states: BTreeMap::new(),
            counts: BTreeMap::new(),
            groups_told: false,
            scripts_told: false,
        };
        run.put(Kind::Data, &text::head(&self.config));
        run.put(Kind::Json, "[");
        self.dumps.running = Some(run);
        self.permits.expect_report();
        self.tell_engine(&ParentToEngine::Report)
    }

    /// The permit table has seen to it that the part was asked for.
    pub(crate) fn take_report(&mut self, part: &Part) -> Result<(), Fatal> {
        let Some(mut run) = self.dumps.running.take() else { return Ok(()) };
        match part {
            Part::Instances(list) => list.iter().for_each(|one| self.write_instance(&mut run, one)),
            Part::Trackers(list) => list.iter().for_each(|one| self.write_script(&mut run, one)),
            Part::End => {
                self.end_dump(run);
                return self.begin_dump();
            }
        }
        self.dumps.running = Some(run);
        Ok(())
    }

    /// One that a reload has just removed is left out.
    fn write_instance(&mut self, run: &mut Run, status: &InstanceStatus) {
        let Some(place) = self.plan.instances.iter().position(|i| i.slice.id == status.instance)
        else {
            return;
        };
        let (Some(plan), Some(config)) =
            (self.plan.instances.get(place), self.config.instances.get(place))
        else {
            return;
        };
        let cleared = self.dumps.cleared.get(&status.instance).copied().unwrap_or_default();
        let group = self.config.groups.iter().find(|group| group.members.contains(&place));
        let link = self.links.get(&plan.slice.socket).and_then(|(_, source)| *source);
        let record = Record {
            config,
            all: &self.config,
            plan,
            status,
            counts: status.counts.since(&cleared),
            group: group.map(|group| group.name.as_str()),
            source: config.source.or(link),
            now: self.kernel.now(),
            wall: crate::date::now(),
        };
        run.states.insert(status.instance, status.state);
        run.counts.insert(status.instance, status.counts);
        run.put(Kind::Data, &text::instance(&record));
        run.put(Kind::Stats, &stats::instance(&config.name, &record.counts));
        let comma = if run.states.len() > 1 { "," } else { "" };
        run.put(Kind::Json, &format!("{comma}{}", json::instance(&record)));
    }

    fn write_script(&mut self, run: &mut Run, status: &TrackerStatus) {
        self.write_groups(run);
        let is_it =
            |slice: &&TrackerSlice| slice.id == status.tracker && slice.kind == TrackerKind::Script;
        let slice = self.plan.trackers.iter().find(is_it);
        let named = slice.and_then(|slice| {
            self.config.scripts.iter().position(|script| script.name == slice.name)
        });
        let Some((place, script)) = named.and_then(|n| Some((n, self.config.scripts.get(n)?)))
        else {
            return;
        };
        if !std::mem::replace(&mut run.scripts_told, true) {
            run.put(Kind::Data, &text::section("VRRP Scripts"));
        }
        run.put(Kind::Data, &text::script(script, place, &self.config, status.up));
    }

    fn write_groups(&self, run: &mut Run) {
        if std::mem::replace(&mut run.groups_told, true) || self.config.groups.is_empty() {
            return;
        }
        run.put(Kind::Data, &text::section("VRRP Sync groups"));
        for group in &self.config.groups {
            let state_of = |place: &usize| {
                let id = self.plan.instances.get(*place)?.slice.id;
                run.states.get(&id).copied()
            };
            let states: Vec<State> = group.members.iter().filter_map(state_of).collect();
            run.put(Kind::Data, &text::group(group, &self.config, &states));
        }
    }

    fn end_dump(&mut self, mut run: Run) {
        self.write_groups(&mut run);
        run.put(Kind::Json, "]\n");
        if run.clear {
            self.dumps.cleared = std::mem::take(&mut run.counts);
            log::info!("Statistics are counted from now on");
        }
        for draft in run.drafts.into_values() {
            let path = draft.path().to_owned();
            match draft.publish() {
                Ok(()) => log::debug!("wrote {}", path.display()),
                Err(error) => self.dumps.complain(&path, &error),
            }
        }
    }
}

impl Run {
    fn put(&mut self, kind: Kind, text: &str) {
        if let Some(draft) = self.drafts.get_mut(&kind) {
            draft.put(text);
        }
    }
}

impl Json {
    /// For the files beside this one.
    fn object(fill: impl FnOnce(&mut Self)) -> String {
        let mut json = Self::default();
        fill(&mut json);
        json.finish()
    }
}
