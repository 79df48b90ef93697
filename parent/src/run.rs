//! The loop: waits for anybody to speak, lets him be heard, keeps the clock. How the daemon ends is
//! decided here and nowhere else.

use crate::daemon::{Daemon, Fatal};
use crate::kernel::Kernel;
use crate::listener::Listener;
use crate::rights::Rights;
use crate::signals::{self, Order};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use nix::sys::signal::SigSet;
use nix::sys::signalfd::{SfdFlags, SignalFd};
use sd_notify::NotifyState;
use std::os::fd::AsRawFd;
use std::time::Duration;
use vipd_ipc::clock::Timer;
use vipd_ipc::msg::{ParentToChecker, ParentToEngine, ParentToStarter};
use vipd_types::Instant;

const SIGNAL: Token = Token(0);
const TIMER: Token = Token(1);
const ENGINE: Token = Token(2);
const CHECKER: Token = Token(3);
const STARTER: Token = Token(4);
const KERNEL: Token = Token(5);
const CLIENTS: Token = Token(6);

/// How often the parent looks whether the others live.
const TICK: Duration = Duration::from_millis(250);
/// A tick that comes later than this says that the parent itself was asleep.
const ON_TIME: Duration = Duration::from_millis(100);
/// So many ticks on time without a proof of life: the engine hangs.
const TICKS: u32 = 4;
/// The engine treats its checks as failed after 1 s; the daemon starts anew after this.
const CHECKER_SILENT: Duration = Duration::from_secs(10);
/// From the order to stop to the engine's good-bye.
const STOP_LIMIT: Duration = Duration::from_secs(2);
/// From the end of the channels to the leash.
const EXIT_LIMIT: Duration = Duration::from_secs(1);

pub(crate) struct Loop {
    poll: Poll,
    signals: SignalFd,
    timer: Timer,
    tick: Instant,
    rights: Rights,
}

impl Loop {
    pub(crate) fn new(
        daemon: &mut Daemon,
        signals: &SigSet,
        rights: Rights,
    ) -> std::io::Result<Self> {
        let poll = Poll::new()?;
        let signals =
            SignalFd::with_flags(signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        let timer = Timer::new()?;
        let registry = poll.registry();
        let both = Interest::READABLE | Interest::WRITABLE;
        for (fd, token) in [
            (signals.as_raw_fd(), SIGNAL),
            (timer.raw(), TIMER),
            (daemon.events.as_raw_fd(), KERNEL),
            (Listener::as_raw_fd(&daemon.listener), CLIENTS),
        ] {
            registry.register(&mut SourceFd(&fd), token, Interest::READABLE)?;
        }
        registry.register(&mut daemon.engine.chan, ENGINE, both)?;
        registry.register(&mut daemon.checker.chan, CHECKER, both)?;
        if let Some(starter) = &mut daemon.starter {
            registry.register(&mut starter.chan, STARTER, both)?;
        }
        let tick = daemon.kernel.now().plus(TICK);
        Ok(Self { poll, signals, timer, tick, rights })
    }

    /// Runs until the daemon ends; returns its exit code.
    pub(crate) fn run(mut self, daemon: &mut Daemon) -> u8 {
        let verdict = self.serve(daemon);
        let code = match verdict {
            Ok(()) => 0,
            // The engine has said good-bye, as it was told.
            Err(fatal) if daemon.ending.is_some() && fatal.closed => 0,
            Err(fatal) => {
                let what = daemon.obituary(&fatal);
                log::error!("{}: {what}; taking all addresses back and ending", fatal.who);
                daemon.audit.child(fatal.who, &what);
                1
            }
        };
        daemon.undo();
        daemon.remove_vmacs();
        if code != 0 {
            // It must not go on while others are told that this is the end.
            daemon.engine.pull_leash();
        }
        daemon.say_farewell();
        daemon.end(code != 0);
        code
    }

    fn serve(&mut self, daemon: &mut Daemon) -> Result<(), Fatal> {
        let mut events = Events::with_capacity(64);
        loop {
            self.arm(daemon)?;
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                other => other.map_err(|e| Fatal::new("vipd", e))?,
            }
            let woken = |token: Token| events.iter().any(|event| event.token() == token);
            // Whoever must be heard before the clock is looked at: an engine's proof of life may
            // have been waiting for as long as this process was not running.
            daemon.engine.chan.flush().map_err(Fatal::channel("vipd-vrrpe"))?;
            daemon.hear_engine()?;
            if woken(KERNEL) {
                daemon.hear_kernel()?;
            }
            if woken(CHECKER) {
                daemon.checker.chan.flush().map_err(Fatal::channel("vipd-checker"))?;
                daemon.hear_checker()?;
            }
            if woken(STARTER) {
                daemon.hear_starter()?;
            }
            if woken(SIGNAL) {
                self.hear_signals(daemon)?;
            }
            if woken(CLIENTS) {
                daemon.accept_clients(self.rights.starter)?;
            }
            if self.keep_time(daemon)? {
                return Ok(());
            }
        }
    }

    fn hear_signals(&mut self, daemon: &mut Daemon) -> Result<(), Fatal> {
        while let Ok(Some(info)) = self.signals.read_signal() {
            match signals::order_of(info.ssi_signo) {
                Some(Order::Reload) => daemon.reload(None)?,
                Some(Order::Interrupt) if daemon.ignores_interrupt => {}
                Some(Order::Stop | Order::Interrupt) if daemon.ending.is_none() => {
                    log::info!("Stopping");
                    let _ = sd_notify::notify(&[NotifyState::Stopping]);
                    daemon.ending = Some(daemon.kernel.now().plus(STOP_LIMIT));
                    daemon.tell_engine(&ParentToEngine::Stop)?;
                }
                Some(order @ (Order::Data | Order::Stats | Order::ClearStats | Order::Json)) => {
                    daemon.order_dump(order)?;
                }
                // A dead child is known by its channel; its status is read when it is mourned.
                Some(Order::Stop | Order::Interrupt | Order::Child) | None => {}
            }
        }
        Ok(())
    }

    /// True when it is time to end.
    fn keep_time(&mut self, daemon: &mut Daemon) -> Result<bool, Fatal> {
        let now = daemon.kernel.now();
        daemon.send_announcements();
        daemon.follow_terms();
        daemon.sweep_vmacs(now);
        if daemon.ending.is_some_and(|until| until <= now) {
            log::warn!("the engine did not say good-bye in time");
            return Ok(true);
        }
        if daemon.reloading.as_ref().is_some_and(|staged| staged.until <= now) {
            daemon.abort("not all processes answered within 10 s")?;
        }
        if now >= self.tick {
            let on_time = now.since(self.tick) < ON_TIME;
            self.tick = now.plus(TICK);
            daemon.follow_notifications()?;
            daemon.watch_over(now, on_time)?;
        }
        Ok(false)
    }

    fn arm(&mut self, daemon: &Daemon) -> Result<(), Fatal> {
        let staged = daemon.reloading.as_ref().map(|staged| staged.until);
        let backlog = crate::log::flush().map(|again| daemon.kernel.now().plus(again));
        let others = [daemon.schedule.next(), daemon.vmacs.next(), daemon.ending, staged, backlog];
        let next = others.into_iter().flatten().fold(self.tick, Instant::min);
        let armed = self.timer.arm(next, daemon.kernel.now());
        armed.map_err(|e| Fatal::new("vipd", format!("timer: {e}")))
    }
}

impl Daemon {
    fn watch_over(&mut self, now: Instant, on_time: bool) -> Result<(), Fatal> {
        if !on_time {
            // Nobody is to be blamed for a silence that this process slept through.
            self.life.ticks = 0;
            self.life.checker = now;
            return Ok(());
        }
        self.life.ticks = self.life.ticks.saturating_add(1);
        if self.life.ticks > TICKS {
            return Err(Fatal::new("vipd-vrrpe", "no proof of life for 1 s"));
        }
        if now.since(self.life.checker) > CHECKER_SILENT {
            return Err(Fatal::new("vipd-checker", "no proof of life for 10 s"));
        }
        Ok(())
    }

    /// Everything is committed and every process ready.
    pub(crate) fn ready(&mut self) {
        log::info!("Startup complete");
        self.foreground.release();
        let _ = sd_notify::notify(&[NotifyState::Ready]);
    }

    /// What became of a child whose channel failed, in words.
    fn obituary(&mut self, fatal: &Fatal) -> String {
        let status = match fatal.who {
            "vipd-vrrpe" => self.engine.status(),
            "vipd-checker" => self.checker.status(),
            "vipd-starter" => self.starter.as_mut().and_then(|starter| starter.status()),
            _ => None,
        };
        status.map_or_else(|| fatal.what.clone(), |status| format!("{} ({status})", fatal.what))
    }

    /// Ends the other processes; the leash ends those that do not go.
    fn end(&mut self, at_once: bool) {
        let _ = self.engine.send(&ParentToEngine::Stop);
        let _ = self.checker.send(&ParentToChecker::Stop);
        let _ = self.tell_starter(&ParentToStarter::Stop);
        if at_once {
            self.engine.pull_leash();
        }
        let limit = self.kernel.now().plus(EXIT_LIMIT);
        while !self.all_gone() && self.kernel.now() < limit {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.engine.pull_leash();
        self.checker.pull_leash();
        if let Some(starter) = &self.starter {
            starter.pull_leash();
        }
        self.listener.remove();
        self.audit.daemon("stop");
        log::info!("{}", self.identity.last_words());
        crate::log::finish();
    }

    fn all_gone(&mut self) -> bool {
        let starter = self.starter.as_mut().is_none_or(|starter| starter.is_gone());
        self.engine.is_gone() && self.checker.is_gone() && starter
    }
}
