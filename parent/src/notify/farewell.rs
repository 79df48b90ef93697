//! The last news: everything was given back and the good-byes are sent, so STOP is true. Here the
//! daemon waits for others, for a bounded time, and for nothing else than notify commands and readers.

use super::{Notifier, Runs};
use crate::daemon::{Daemon, Fatal};
use crate::kernel::Kernel;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::AsFd;
use std::time::Duration;
use vipd_ipc::msg::{ParentToChecker, ParentToStarter};
use vipd_types::{Instant, News, Object, RunId};

/// Readers of FIFOs see the end of it, and have this long to go by themselves.
const READERS: Duration = Duration::from_secs(1);

impl Daemon {
    /// STOP for every instance and then for every group. What has not begun is left out; what runs has
    /// half the time to end.
    pub(crate) fn say_farewell(&mut self) {
        self.notifier.last = true;
        let _ = self.checker.send(&ParentToChecker::Stop);
        let objects: Vec<Object> = self.plan.tell.objects.keys().copied().collect();
        for object in objects {
            self.tell_stop(object);
        }
        let (begun, limit) = (self.kernel.now(), self.plan.tell.stop_limit);
        let (half, end) = (begun.plus(limit.checked_div(2).unwrap_or(limit)), begun.plus(limit));
        if self.starter.is_none() {
            self.close_pipes();
            return;
        }
        let verdict = self
            .wait_for_commands(half, true)
            .and_then(|()| self.quit_former())
            .and_then(|()| self.wait_for_commands(end, true))
            .and_then(|()| self.quit_late(limit));
        self.close_pipes();
        let verdict = verdict.and_then(|()| {
            let end = self.kernel.now().plus(READERS);
            self.wait_for_commands(end, false)
        });
        if let Err(Fatal { who, what, .. }) = verdict {
            log::warn!("{who}: {what}: notify commands may not have been told of the end");
        }
    }

    fn tell_stop(&mut self, object: Object) {
        let Some(plan) = self.plan.tell.objects.get(&object) else { return };
        let state = self.notifier.states.get(&object);
        let priority = state.map_or(plan.priority, |(_, priority)| *priority);
        let generation = self.plan.generation;
        self.notifier.tell(object, plan, generation, News::Stop, priority, &self.plan.tell);
    }

    /// Until all commands are done, or all runs if not only the `commands` are meant.
    fn wait_for_commands(&mut self, until: Instant, commands: bool) -> Result<(), Fatal> {
        loop {
            self.advance_notifications()?;
            self.hear_starter()?;
            let now = self.kernel.now();
            if self.notifier.is_silent(commands) || now >= until {
                return Ok(());
            }
            let Some(starter) = &self.starter else { return Ok(()) };
            let fd = starter.chan.as_fd();
            let left = until.since(now).min(Duration::from_millis(100));
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
            // An interrupted wait is one more turn.
            let _ = poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], timeout);
        }
    }

    /// What was begun before the end.
    fn quit_former(&mut self) -> Result<(), Fatal> {
        let former: Vec<RunId> = self.notifier.running(|news| news != News::Stop);
        former.into_iter().try_for_each(|run| self.tell_starter(&ParentToStarter::Quit { run }))
    }

    fn quit_late(&mut self, limit: Duration) -> Result<(), Fatal> {
        let late: Vec<RunId> = self.notifier.running(|_| true);
        if !late.is_empty() {
            log::error!(
                "notify commands that did not end within {} s (notify_stop_timeout): {}",
                limit.as_secs_f64(),
                late.len()
            );
        }
        let unheard = self.notifier.queues.values().filter(|queue| !queue.is_idle()).count();
        let never = unheard.saturating_sub(late.len());
        if never > 0 {
            log::error!(
                "instances and groups whose notify commands were not told of the end: {never}"
            );
        }
        late.into_iter().try_for_each(|run| self.tell_starter(&ParentToStarter::Quit { run }))
    }

    fn close_pipes(&mut self) {
        std::mem::take(&mut self.notifier.pipes).into_values().for_each(super::Pipe::close);
    }
}

impl Notifier {
    fn is_silent(&self, commands: bool) -> bool {
        if commands {
            self.queues.values().all(super::Queue::is_idle)
        } else {
            self.runs.is_empty()
        }
    }

    fn running(&self, wanted: impl Fn(News) -> bool) -> Vec<RunId> {
        let running = self.queues.values().filter_map(|queue| queue.running);
        let commands = |run: &RunId| matches!(self.runs.get(run), Some(Runs::Command(_)));
        running.filter(|(_, news)| wanted(*news)).map(|(run, _)| run).filter(commands).collect()
    }
}
