//! From two inherited descriptors to a confined engine that has agreed with its peers on what
//! they speak. Everything that needs a system call of the start happens here.

use crate::confine;
use crate::run::{self, CHECKER, CheckerChan, End, Engine, PARENT, ParentChan, TIMER};
use mio::event::Source;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll};
use std::time::Duration;
use vipd_ipc::clock::{self, Timer};
use vipd_ipc::msg::{CheckerToEngine, EngineToChecker, EngineToParent, ParentToEngine};
use vipd_ipc::relay;
use vipd_ipc::{BUILD, Chan, ChanError, fd};

/// A peer that has not said Hello by then never will.
const HELLO_MAX: Duration = Duration::from_secs(5);

pub(crate) fn start() -> Result<Engine, End> {
    relay::start();
    let (mut parent, mut checker) = channels()?;
    let failed =
        |what: &str, error: &dyn std::fmt::Display| End::Failed(format!("{what}: {error}"));
    let mut poll = Poll::new().map_err(|e| failed("epoll", &e))?;
    let mut timer = Timer::new().map_err(|e| failed("timerfd", &e.desc()))?;
    let registry = poll.registry();
    parent
        .register(registry, PARENT, Interest::READABLE)
        .and_then(|()| checker.register(registry, CHECKER, Interest::READABLE))
        .and_then(|()| SourceFd(&timer.raw()).register(registry, TIMER, Interest::READABLE))
        .map_err(|e| failed("epoll", &e))?;
    let walls = confine::first(timer.raw()).map_err(|e| failed("confinement", &e))?;
    hello(&mut parent, &mut checker, &mut poll, &mut timer)
        .inspect_err(|end| run::say_why(end, &mut parent))?;
    log::info!("confined: seccomp, Landlock {}", walls.landlock);
    if let Some(missing) = walls.missing {
        log::warn!("a wall is missing: {missing}");
    }
    Ok(Engine::new(parent, checker, poll, timer))
}

fn channels() -> Result<(ParentChan, CheckerChan), End> {
    let failed = |_| End::Failed("no channels; this program is started by vipd only".into());
    let parent = vipd_ipc::inherited(fd::PARENT).map_err(failed)?;
    let checker = vipd_ipc::inherited(fd::PEER).map_err(failed)?;
    let failed = |error: ChanError| End::Failed(format!("channel: {error}"));
    Ok((Chan::new(parent).map_err(failed)?, Chan::new(checker).map_err(failed)?))
}

/// Says Hello on both channels and waits for both answers.
fn hello(
    parent: &mut ParentChan,
    checker: &mut CheckerChan,
    poll: &mut Poll,
    timer: &mut Timer,
) -> Result<(), End> {
    let lost = |who: &'static str| move |error| End::Failed(format!("{who}: {error}"));
    let build = BUILD.to_owned();
    parent.send(&EngineToParent::Hello { build: build.clone() }).map_err(lost("parent"))?;
    checker.send(&EngineToChecker::Hello { build }).map_err(lost("checker"))?;
    let deadline = clock::now().plus(HELLO_MAX);
    let mut events = Events::with_capacity(8);
    let (mut parent_said, mut checker_said) = (false, false);
    loop {
        if !parent_said && let Some(message) = parent.recv().map_err(lost("parent"))? {
            let ParentToEngine::Hello { build } = message else {
                return Err(End::Failed("the parent did not begin with Hello".into()));
            };
            same("parent", &build)?;
            parent_said = true;
        }
        if !checker_said && let Some(message) = checker.recv().map_err(lost("checker"))? {
            let CheckerToEngine::Hello { build } = message else {
                return Err(End::Failed("the checker did not begin with Hello".into()));
            };
            same("checker", &build)?;
            checker_said = true;
        }
        if parent_said && checker_said {
            return Ok(());
        }
        let now = clock::now();
        if now >= deadline {
            let who = if parent_said { "checker" } else { "parent" };
            return Err(End::Failed(format!("the {who} did not say Hello within 5 seconds")));
        }
        timer.arm(deadline, now).map_err(|e| End::Failed(format!("timer: {}", e.desc())))?;
        run::wait(poll, &mut events, None)?;
    }
}

fn same(who: &str, build: &str) -> Result<(), End> {
    if build == BUILD {
        return Ok(());
    }
    let build: String = build.chars().take(80).collect();
    Err(End::Failed(format!("the {who} is of another build ({build}, this is {BUILD})")))
}
