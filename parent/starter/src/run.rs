//! The loop: waits for an order, a deadline or the end of a script, and answers. What is run is in
//! the book, how it ends in the runs.

use crate::hello::{PARENT, Parent};
use crate::runs::{Ended, Job, Kind, Runs};
use crate::shelf::Shelf;
use crate::tell;
use mio::unix::SourceFd;
use mio::{Events, Interest, Token};
use nix::errno::Errno;
use std::time::Duration;
use vipd_ipc::ChanError;
use vipd_ipc::clock::{self, Timer};
use vipd_ipc::msg::{ParentToStarter, StarterToParent, TEXT_MAX};
use vipd_ipc::relay;
use vipd_types::{FifoId, Generation, News, NotifyId, Outcome, RunId, ScriptId};

const TIMER: Token = Token(1);

/// Runs until the parent says Stop or is gone, then ends every script. An error is one line for
/// descriptor 2.
pub(crate) fn run(parent: &mut Parent, shelf: Shelf) -> Result<(), String> {
    let mut timer = Timer::new().map_err(|e| format!("no timer: {e}"))?;
    parent
        .poll
        .registry()
        .register(&mut SourceFd(&timer.raw()), TIMER, Interest::READABLE)
        .map_err(|e| format!("no timer: {e}"))?;
    let runs = Runs::new().map_err(|e| format!("no /dev/null: {e}"))?;
    let mut turn = Turn { parent, shelf, runs };
    let result = turn.serve(&mut timer);
    turn.runs.kill_all();
    result
}

struct Turn<'p> {
    parent: &'p mut Parent,
    shelf: Shelf,
    runs: Runs,
}

impl Turn<'_> {
    fn serve(&mut self, timer: &mut Timer) -> Result<(), String> {
        let mut events = Events::with_capacity(128);
        // What came with the greeting has been signalled already.
        let mut go_on = self.hear()?;
        while go_on {
            for (run, output) in self.runs.expire(clock::now()) {
                let outcome = Outcome::TimedOut;
                self.say(&StarterToParent::Done { run, outcome, output })?;
            }
            self.say_log()?;
            if let Some(at) = self.runs.deadline() {
                timer.arm(at, clock::now()).map_err(|e| format!("timer: {e}"))?;
            }
            let pause = self.runs.has_more().then_some(Duration::ZERO);
            match self.parent.poll.poll(&mut events, pause) {
                Err(error) if error.kind() != std::io::ErrorKind::Interrupted => {
                    return Err(format!("cannot wait for events: {error}"));
                }
                _ => {}
            }
            self.runs.read_on();
            for event in &events {
                match event.token() {
                    PARENT => go_on = go_on && self.hear()?,
                    TIMER => {}
                    script => self.ended(script)?,
                }
            }
        }
        Ok(())
    }

    /// False when the parent has said Stop or is gone.
    fn hear(&mut self) -> Result<bool, String> {
        self.parent.chan.flush().map_err(broken)?;
        loop {
            match self.parent.chan.recv() {
                Ok(None) => return Ok(true),
                Ok(Some(ParentToStarter::Stop)) | Err(ChanError::Closed) => return Ok(false),
                Ok(Some(message)) => self.obey(message)?,
                Err(error) => return Err(broken(error)),
            }
        }
    }

    fn obey(&mut self, message: ParentToStarter) -> Result<(), String> {
        match message {
            ParentToStarter::Stage { generation, digest } => {
                match self.shelf.stage(generation, digest) {
                    Ok(()) => self.say(&StarterToParent::Staged { generation }),
                    Err(mut why) => {
                        relay::truncate(&mut why, TEXT_MAX);
                        self.say(&StarterToParent::Refused { generation, why })
                    }
                }
            }
            ParentToStarter::Commit { generation } => {
                if self.shelf.commit(generation) {
                    Ok(())
                } else {
                    Err(format!("commit of configuration {generation}, which is not staged"))
                }
            }
            ParentToStarter::Abort { .. } => {
                self.shelf.abort();
                Ok(())
            }
            ParentToStarter::Run { generation, script, run } => {
                match self.start(generation, script, run) {
                    Ok(()) => Ok(()),
                    Err(errno) => {
                        let outcome = Outcome::NotStarted(errno as i32);
                        self.say(&StarterToParent::Done { run, outcome, output: String::new() })
                    }
                }
            }
            ParentToStarter::Notify { generation, command, run, news, priority } => {
                let started = self.notify(generation, command, run, news, priority);
                self.say_unless_started(run, started)
            }
            ParentToStarter::Read { generation, fifo, run } => {
                let started = self.read(generation, fifo, run);
                self.say_unless_started(run, started)
            }
            ParentToStarter::Quit { run } => {
                self.runs.quit(run, clock::now());
                Ok(())
            }
            ParentToStarter::Kill { run } => {
                self.runs.kill(run);
                Ok(())
            }
            ParentToStarter::Hello { .. } | ParentToStarter::Stop => {
                Err("a second greeting".to_string())
            }
        }
    }

    fn start(&mut self, generation: Generation, script: ScriptId, run: RunId) -> Result<(), Errno> {
        let book = self.shelf.in_force().filter(|book| book.generation == generation);
        let entry = book.and_then(|book| book.entry(script)).ok_or(Errno::EINVAL)?;
        let plan = entry.fit()?;
        let (registry, kind) = (self.parent.poll.registry(), Kind::Check((generation, script)));
        self.runs.start(registry, clock::now(), Job::Check(run), kind, plan)
    }

    /// The error is in the log already.
    fn notify(
        &mut self,
        generation: Generation,
        command: NotifyId,
        run: RunId,
        news: News,
        priority: u8,
    ) -> Result<(), Errno> {
        let book = self.shelf.book(generation);
        let Some(entry) = book.and_then(|book| book.notify(command)) else {
            log::error!(
                "notify command {command} of configuration {generation} is not known any more"
            );
            return Err(Errno::EINVAL);
        };
        entry.fit()?;
        let label = tell::label(entry);
        let registry = self.parent.poll.registry();
        let (now, job) = (clock::now(), Job::Tell(run));
        let started = tell::plan(entry, news, priority).and_then(|plan| {
            let kind = Kind::Notify { label: label.clone(), limit: plan.timeout };
            self.runs.start(registry, now, job, kind, &plan)
        });
        started.inspect_err(|errno| {
            tell::log_end(&label, Outcome::NotStarted(*errno as i32), Duration::ZERO);
        })
    }

    fn read(&mut self, generation: Generation, fifo: FifoId, run: RunId) -> Result<(), Errno> {
        let book = self.shelf.book(generation);
        let entry = book.and_then(|book| book.reader(fifo)).ok_or(Errno::EINVAL)?;
        let plan = entry.fit()?;
        let registry = self.parent.poll.registry();
        self.runs.start(registry, clock::now(), Job::Tell(run), Kind::Reader, plan)
    }

    fn say_unless_started(&mut self, run: RunId, started: Result<(), Errno>) -> Result<(), String> {
        match started {
            Ok(()) => Ok(()),
            Err(errno) => {
                let outcome = Outcome::NotStarted(errno as i32);
                self.say_log()?;
                self.say(&StarterToParent::Ended { run, outcome })
            }
        }
    }

    fn ended(&mut self, process: Token) -> Result<(), String> {
        let Some(Ended { job, kind, outcome, output }) = self.runs.ended(process) else {
            return Ok(());
        };
        if let Kind::Notify { label, limit } = &kind {
            tell::log_end(label, outcome, *limit);
            // The parent may wait for nothing but this end.
            self.say_log()?;
        }
        self.say(&match job {
            Job::Check(run) => StarterToParent::Done { run, outcome, output },
            Job::Tell(run) => StarterToParent::Ended { run, outcome },
        })
    }

    fn say_log(&mut self) -> Result<(), String> {
        for (level, text) in relay::drain() {
            self.say(&StarterToParent::Log { level, text })?;
        }
        Ok(())
    }

    fn say(&mut self, message: &StarterToParent) -> Result<(), String> {
        self.parent.chan.send(message).map_err(broken)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "handed to map_err")]
fn broken(error: ChanError) -> String {
    format!("parent: {error}")
}
