//! The start: read, open what needs rights, start the others, give the rights up, serve. Each step
//! that fails says which, and leaves nothing behind.

use crate::args::Args;
use crate::audit::{Audit, By, Reason, Subject};
use crate::children::{self, Checker, Engine, Programs, Starter};
use crate::daemon::{Daemon, Life};
use crate::disk::Disk;
use crate::dump::Dumps;
use crate::identity::Places;
use crate::kernel::{Address, Events, Kernel, Linux, Mark, Path as RouteOrRule};
use crate::launch::{self, Foreground};
use crate::listener::Listener;
use crate::load::{self, Loaded};
use crate::notify::{self, Notifier};
use crate::paths::is_missing;
use crate::pidfile::PidFiles;
use crate::plan::{Numbers, Plan, PlanError, Thing, no_accept};
use crate::reload::Next;
use crate::rights::{self, Accounts, Rights};
use crate::run::Loop;
use crate::vmacs::Vmacs;
use crate::{exit, initfile, netns, report, signals, sys, watch};
use caps::Capability;
use nix::sys::signal::SigSet;
use nix::sys::stat::umask;
use std::ffi::CString;
use std::fmt::Display;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use vipd_types::Generation;

/// Why vipd did not start, and with which code it exits.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) text: String,
}

fn fatal(text: impl Display) -> Failure {
    Failure { code: exit::FATAL, text: text.to_string() }
}

/// What the daemon stands on: found out before it serves.
struct Ground {
    file: PathBuf,
    around: Disk,
    /// Complete.
    places: Places,
    rights: Rights,
    accounts: Accounts,
    programs: Programs,
    foreground: Foreground,
}

/// Returns the exit code of a daemon that has served.
pub(crate) fn start(args: &Args) -> Result<u8, Failure> {
    let file = std::path::absolute(&args.file).map_err(fatal)?;
    let mut around = load::around(args);
    let loaded = read(args, &mut around)?;
    let rights = check_rights()?;
    let accounts = rights::accounts(&rights).map_err(fatal)?;
    let programs = Programs::open().map_err(fatal)?;
    let of_file = &loaded.parsed.config.globals.net_namespace;
    let namespace = args.namespace.clone().or_else(|| of_file.clone());
    let places = args.identity.fill(args.places.clone(), namespace.as_deref());
    let foreground = if args.foreground {
        Foreground::none()
    } else {
        launch::to_background().map_err(|e| fatal(format!("cannot go to the background: {e}")))?
    };
    if let Some(mask) = args.umask {
        umask(mask);
    }
    start_log(args)?;
    loaded.parsed.diagnostics.iter().for_each(load::log);
    if args.dump {
        load::log_all(&loaded.parsed.config);
    }
    let mut pid_files = PidFiles::open(&places, accounts.parent.is_some()).map_err(fatal)?;
    let ground = Ground { file, around, places, rights, accounts, programs, foreground };
    let entered = namespace.as_deref().map_or(Ok(()), enter);
    let code = entered.and_then(|()| serve(args, ground, loaded, &mut pid_files));
    pid_files.remove();
    if let Err(failure) = &code {
        log::error!("{}", failure.text);
    }
    code
}

fn start_log(args: &Args) -> Result<(), Failure> {
    let file = || args.log.file.as_deref().unwrap_or(Path::new("")).display();
    crate::log::start(&args.log, args.identity)
        .map_err(|e| fatal(format!("log file {}: {e}", file())))?;
    log::info!("Starting {}", args.identity.title());
    for flag in &args.idle {
        log::info!("--{} is without effect: {}", flag.long, flag.text);
    }
    Ok(())
}

fn enter(namespace: &str) -> Result<(), Failure> {
    let failed = |(text, right)| {
        let code = if right { exit::PERMISSION } else { exit::CONFIGURATION };
        Failure { code, text }
    };
    netns::enter(namespace).map_err(failed)?;
    log::info!("Running in network namespace {namespace}");
    Ok(())
}

fn read(args: &Args, around: &mut Disk) -> Result<Loaded, Failure> {
    let loaded = load::read(&args.file, args.identity, around)
        .map_err(|error| Failure { code: report::code_of(&error), text: error.to_string() })?;
    if loaded.parsed.has_errors() {
        report::diagnostics(&loaded);
        let text = format!("{}: not started because of the errors above", args.file.display());
        return Err(Failure { code: exit::CONFIGURATION, text });
    }
    if loaded.parsed.config.instances.is_empty() {
        let text = format!("{}: no vrrp_instance, nothing to do", args.file.display());
        return Err(Failure { code: exit::CONFIGURATION, text });
    }
    Ok(loaded)
}

fn check_rights() -> Result<Rights, Failure> {
    let rights = Rights::read();
    let missing = rights.missing();
    if missing.is_empty() {
        return Ok(rights);
    }
    let names: Vec<_> = missing.iter().map(ToString::to_string).collect();
    let text =
        format!("needs {}: start it as root or with these capabilities", names.join(" and "));
    Err(Failure { code: exit::PERMISSION, text })
}

fn serve(
    args: &Args,
    ground: Ground,
    loaded: Loaded,
    pid_files: &mut PidFiles,
) -> Result<u8, Failure> {
    let Ground { file, around, places, rights, accounts, mut programs, foreground } = ground;
    let socket = places.socket.unwrap_or_default();
    programs.quiet = foreground.is_waiting();
    let mut kernel = Linux::open().map_err(|e| fatal(format!("netlink: {e}")))?;
    let events = Events::open().map_err(|e| fatal(format!("netlink events: {e}")))?;
    let mut audit = Audit::new();
    audit.daemon("start");
    // Before anything is taken for left behind: the vipd that has it may be running.
    let listener = Listener::open(&socket, accounts.control)
        .map_err(|e| fatal(format!("control socket {}: {e}", socket.display())))?;
    let mut vmacs = Vmacs::new(Mark::new(&socket));
    let paths: Vec<PathBuf> = loaded.parsed.texts.paths().map(Path::to_owned).collect();
    let begun = first_plan(loaded, &mut kernel, &mut vmacs, &mut audit).and_then(|next| {
        let others = Others::start(&next, (&file, &around), &rights, &accounts, programs)?;
        pid_files.write(&others.engine, &others.checker).map_err(fatal)?;
        Ok((others, next))
    });
    let (Others { signals, starter, engine, checker }, next) = match begun {
        Ok(begun) => begun,
        Err(failure) => {
            vmacs.remove(&mut kernel, &mut audit);
            listener.remove();
            return Err(failure);
        }
    };
    let now = kernel.now();
    // While they can still be made, and given to whom they are for.
    let pipes = notify::open_pipes(&next.plan.tell, rights.may_change_accounts());
    let mut daemon = Daemon {
        kernel,
        events,
        file,
        around,
        config: Rc::default(),
        plan: Plan::empty(),
        numbers: Numbers::default(),
        names: Default::default(),
        held: Default::default(),
        statics: Vec::new(),
        vmacs,
        permits: Default::default(),
        audit,
        schedule: Default::default(),
        receivers: Default::default(),
        tracked: Default::default(),
        links: Default::default(),
        wills: Default::default(),
        engine,
        checker,
        reach: None,
        starter,
        listener,
        notifier: Notifier::new(pipes),
        reloading: None,
        life: Life { engine: now, checker: now, ticks: 0 },
        ending: None,
        accepting: Default::default(),
        foreground,
        dumps: Dumps::new(args.dump_dir.clone()),
        identity: args.identity,
        ignores_interrupt: args.ignore_sigint,
    };
    match begin(&mut daemon, next, &signals, rights, &accounts, &paths) {
        Ok(serving) => Ok(serving.run(&mut daemon)),
        Err(failure) => {
            daemon.remove_vmacs();
            daemon.listener.remove();
            Err(failure)
        }
    }
}

/// Gives the rights up and sends the first configuration on its way.
fn begin(
    daemon: &mut Daemon,
    next: Next,
    signals: &SigSet,
    rights: Rights,
    accounts: &Accounts,
    paths: &[PathBuf],
) -> Result<Loop, Failure> {
    daemon.dumps.make_way(accounts.parent.map(|(user, _)| user));
    initfile::make(&next.config, &daemon.config);
    rights::drop_rights(&rights, accounts).map_err(fatal)?;
    paths.iter().for_each(|path| warn_if_unreadable(path));
    daemon.stage_first(next).map_err(|f| fatal(format!("{}: {}", f.who, f.what)))?;
    Loop::new(daemon, signals, rights).map_err(fatal)
}

/// The interfaces of the first configuration, its plan, and nothing of an earlier run.
fn first_plan(
    loaded: Loaded,
    kernel: &mut Linux,
    vmacs: &mut Vmacs,
    audit: &mut Audit,
) -> Result<Next, Failure> {
    let wrong = |e: PlanError| Failure { code: exit::CONFIGURATION, text: e.to_string() };
    vmacs.clear(kernel, audit).map_err(fatal)?;
    let (config, digest) = (Rc::new(loaded.parsed.config), loaded.parsed.digest);
    let mut numbers = Numbers::default();
    let wanted = numbers.name_vmacs(&config, kernel).map_err(wrong)?;
    let made = vmacs.make(kernel, audit, &wanted, &no_accept(&config)).map_err(fatal)?;
    let plan = numbers.plan(&config, digest, Generation(1), kernel).map_err(wrong)?;
    remove_leftovers(kernel, audit, &plan);
    Ok(Next { config, plan, numbers, made })
}

/// What is started while the rights are there.
struct Others {
    signals: SigSet,
    starter: Option<Starter>,
    engine: Engine,
    checker: Checker,
}

impl Others {
    fn start(
        next: &Next,
        (file, around): (&Path, &Disk),
        rights: &Rights,
        accounts: &Accounts,
        programs: Programs,
    ) -> Result<Self, Failure> {
        let signals = signals::block().map_err(|e| fatal(format!("signals: {e}")))?;
        let starter = if next.plan.needs_starter().is_some() {
            let more = &next.config.globals.script_capabilities;
            let path = CString::new(file.as_os_str().as_bytes()).map_err(fatal)?;
            Some(children::start_starter(&programs, rights, path, around, more).map_err(fatal)?)
        } else {
            None
        };
        let (engine, checker) =
            children::start_engine_and_checker(&programs, rights, accounts).map_err(fatal)?;
        if rights.has(Capability::CAP_SYS_NICE) && !sys::is_realtime(engine.pid()) {
            log::warn!(
                "the kernel does not give the engine SCHED_RR: adverts may be late on a busy host"
            );
        }
        for wall in rights.missing_walls() {
            log::warn!("a wall is missing: {wall}");
        }
        Ok(Self { signals, starter, engine, checker })
    }
}

fn remove_leftovers(kernel: &mut Linux, audit: &mut Audit, plan: &Plan) {
    for instance in &plan.instances {
        leftovers_of(kernel, audit, &instance.slice.name, &instance.addresses, &instance.paths);
    }
    let (mut addresses, mut paths) = (Vec::new(), Vec::new());
    for one in &plan.statics {
        match &one.thing {
            Thing::Address(address) => addresses.push(address.clone()),
            Thing::Path(path) => paths.push(path.clone()),
        }
    }
    leftovers_of(kernel, audit, "", &addresses, &paths);
}

fn leftovers_of(
    kernel: &mut Linux,
    audit: &mut Audit,
    name: &str,
    addresses: &[Address],
    paths: &[RouteOrRule],
) {
    let (by, reason) = (By::Parent, Reason::Leftover);
    let shown = if name.is_empty() { "static" } else { name };
    let who = Subject { instance: name, epoch: None, by, reason };
    let paths: Vec<_> = paths.iter().rev().cloned().collect();
    for (path, result) in paths.iter().zip(kernel.remove_paths(&paths)) {
        if !is_missing(result) {
            log::info!("({shown}) removing {} {path}, left behind by an earlier run", path.kind());
            audit.path_removed(&who, path, result);
        }
    }
    let left = watch::leftovers(kernel, addresses);
    for (address, result) in left.iter().zip(kernel.remove(&left)) {
        log::info!("({shown}) removing {address}, left behind by an earlier run");
        audit.removed(&who, address, result);
    }
}

/// Said now, while it can be mended, and not at the first reload.
fn warn_if_unreadable(file: &Path) {
    if let Err(error) = std::fs::File::open(file) {
        log::warn!(
            "{}: {error}: a reload will fail; make it readable: chown root:_vipd, chmod 0640",
            file.display()
        );
    }
}
