//! The scripts that read the FIFOs: started by the starter with the path as last argument, and again
//! when they end, sooner or later.

use super::{Notifier, Runs};
use crate::daemon::{Daemon, Fatal};
use crate::kernel::Kernel;
use std::time::Duration;
use vipd_conf::config::FifoKind;
use vipd_ipc::msg::ParentToStarter;
use vipd_types::{FifoId, Instant, Outcome, RunId};

/// From an end to the next start; doubled each time.
const AGAIN: Duration = Duration::from_secs(1);
const AGAIN_MAX: Duration = Duration::from_secs(60);
/// One that has run for so long has begun well.
const WELL: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Reader {
    run: Option<RunId>,
    began: Instant,
    again: Instant,
    pause: Duration,
    /// It was told to end, for another one.
    exchanged: bool,
}

impl Daemon {
    /// Those that are due.
    pub(super) fn start_readers(&mut self) -> Result<(), Fatal> {
        let now = self.kernel.now();
        let Self { starter: Some(starter), notifier, plan, .. } = self else { return Ok(()) };
        let Notifier { readers, runs, last_run, pipes, last, .. } = notifier;
        // Numbered as the starter does: by the place among the FIFOs.
        for (number, (kind, fifo)) in (0..).map(FifoId).zip(&plan.tell.fifos) {
            if fifo.script.is_none() || !pipes.contains_key(kind) || *last {
                continue;
            }
            let reader = readers.entry(*kind).or_insert(Reader {
                run: None,
                began: now,
                again: now,
                pause: AGAIN,
                exchanged: false,
            });
            if reader.run.is_some() || reader.again > now {
                continue;
            }
            *last_run = last_run.wrapping_add(1);
            let run = RunId(*last_run);
            (reader.run, reader.began) = (Some(run), now);
            runs.insert(run, Runs::Reader(*kind));
            let generation = plan.generation;
            let message = ParentToStarter::Read { generation, fifo: number, run };
            starter.send(&message).map_err(Fatal::channel("vipd-starter"))?;
        }
        Ok(())
    }

    pub(super) fn reader_ended(&mut self, kind: FifoKind, outcome: Outcome) {
        let now = self.kernel.now();
        let Some(reader) = self.notifier.readers.get_mut(&kind) else { return };
        reader.run = None;
        if reader.exchanged || self.notifier.last {
            (reader.exchanged, reader.again, reader.pause) = (false, now, AGAIN);
            return;
        }
        if now.since(reader.began) >= WELL {
            reader.pause = AGAIN;
        }
        reader.again = now.plus(reader.pause);
        let how = match outcome {
            Outcome::Exited(status) => format!("exited with status {status}"),
            Outcome::Signalled(signal) => format!("was ended by signal {signal}"),
            Outcome::TimedOut => "was ended".to_owned(),
            Outcome::NotStarted(errno) => {
                format!("cannot be started: {}", nix::errno::Errno::from_raw(errno).desc())
            }
        };
        let keyword = kind.keyword();
        log::warn!("{keyword}_script {how}; next start in {} s", reader.pause.as_secs());
        reader.pause = reader.pause.saturating_mul(2).min(AGAIN_MAX);
    }

    /// A reload names another script, or none.
    pub(super) fn exchange_reader(&mut self, kind: FifoKind) -> Result<(), Fatal> {
        let Some(reader) = self.notifier.readers.get_mut(&kind) else { return Ok(()) };
        (reader.again, reader.pause) = (self.kernel.now(), AGAIN);
        let Some(run) = reader.run else { return Ok(()) };
        reader.exchanged = true;
        self.tell_starter(&ParentToStarter::Quit { run })
    }
}
