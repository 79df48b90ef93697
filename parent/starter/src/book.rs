//! The scripts and notify commands of one configuration, ready to run: what, as whom, with which environment, for how
//! long. Everything that can be looked up is looked up here, before anybody asks for a run.

use crate::account::{self, Account};
use crate::path::{self, Open};
use nix::errno::Errno;
use nix::unistd::{Uid, getuid};
use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;
use vipd_conf::Config;
use vipd_conf::config::{Command, Notified, Occasion, Script, ScriptUser, Subject};
use vipd_types::{FifoId, Generation, NotifyId, ScriptId};

/// Where programs without a slash are looked for; also what scripts get as PATH.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) generation: Generation,
    scripts: Vec<Entry>,
    notifies: Vec<Entry>,
    readers: Vec<Entry>,
}

/// A script, or why it cannot be run.
#[derive(Debug)]
pub(crate) struct Entry {
    /// For the log.
    pub(crate) name: String,
    pub(crate) plan: Result<Plan, Unfit>,
    /// That it cannot be run was said: not again at every run.
    said: bool,
    /// `INSTANCE` or `GROUP` and its name, for a command that is told what has happened.
    pub(crate) told_of: Option<(&'static str, String)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) program: CString,
    pub(crate) arguments: Vec<CString>,
    pub(crate) environment: Vec<CString>,
    pub(crate) account: Account,
    pub(crate) timeout: Duration,
}

#[derive(Debug, Clone)]
pub(crate) struct Unfit {
    pub(crate) errno: Errno,
    pub(crate) why: String,
}

impl Entry {
    fn new(name: String, plan: Result<Plan, Unfit>) -> Self {
        Self { name, plan, said: false, told_of: None }
    }

    /// What to run. Why not goes to the log.
    pub(crate) fn fit(&mut self) -> Result<&Plan, Errno> {
        let unfit = match &self.plan {
            Ok(plan) => plan.check().err(),
            Err(unfit) => Some(unfit.clone()),
        };
        match (&self.plan, unfit) {
            (Ok(plan), None) => {
                self.said = false;
                Ok(plan)
            }
            (_, unfit) => {
                let Unfit { errno, why } = unfit.unwrap_or_else(no_script);
                if !std::mem::replace(&mut self.said, true) {
                    log::error!("{} cannot be started: {why}", self.name);
                }
                Err(errno)
            }
        }
    }

    fn is_root(&self) -> bool {
        self.plan.as_ref().is_ok_and(|plan| plan.account.is_root)
    }

    /// Who but root and its user can change what is run; for the log.
    fn danger(&self) -> Option<String> {
        let plan = self.plan.as_ref().ok().filter(|plan| !plan.is_roots())?;
        let Err(open @ Open::To(..)) = path::check(&plan.program, plan.uid()) else { return None };
        let (name, user) = (&self.name, &plan.account.user);
        Some(format!("{name}: {}: whoever that is decides what runs as {user}", open.why()))
    }
}

impl Plan {
    fn uid(&self) -> Uid {
        self.account.ids.as_ref().map_or_else(getuid, |ids| ids.uid)
    }

    fn is_roots(&self) -> bool {
        self.uid().is_root()
    }

    /// What others can change does not run as root. At each run, because a mode is soon changed; and
    /// what passes cannot be exchanged afterwards by anybody else.
    fn check(&self) -> Result<(), Unfit> {
        if !self.is_roots() {
            return Ok(());
        }
        match path::check(&self.program, self.uid()) {
            // That it is not there is said in the usual way.
            Ok(()) | Err(Open::Unknown(_, Errno::ENOENT | Errno::ENOTDIR)) => Ok(()),
            Err(open) => {
                let why = format!(
                    "it would run as root, and {}; make it writable for root alone, or write \
                     another user",
                    open.why()
                );
                Err(Unfit { errno: Errno::EACCES, why })
            }
        }
    }
}

fn no_script() -> Unfit {
    Unfit { errno: Errno::EINVAL, why: "no script".into() }
}

impl Book {
    pub(crate) fn write(generation: Generation, config: &Config, may_switch: bool) -> Self {
        let write = |argv: &[Vec<u8>], user: &Option<ScriptUser>, limit| {
            plan(argv, user.as_ref(), limit, config, may_switch)
        };
        let script = |script: &Script| {
            let plan = write(&script.argv, &script.user, script.timeout);
            Entry::new(format!("script {}", script.name), plan)
        };
        let limit = config.globals.notify_timeout;
        let notify = |one: Notified<'_>| {
            let plan = write(&one.command.argv, &one.command.user, limit);
            let is_any = one.occasion == Occasion::Any;
            Entry {
                told_of: is_any.then(|| (kind(one.subject), one.name.into())),
                ..Entry::new(format!("({}) {}", one.name, one.occasion.keyword()), plan)
            }
        };
        let fifos = config.globals.fifos.iter();
        let reader = |command: &Command, path: &[u8]| {
            let mut argv = command.argv.clone();
            argv.push(path.to_vec());
            write(&argv, &command.user, limit)
        };
        let readers = fifos.map(|(kind, fifo)| {
            let script = fifo.script.as_ref().ok_or_else(no_script);
            let plan = script.and_then(|script| reader(script, &fifo.path));
            Entry::new(format!("{}_script", kind.keyword()), plan)
        });
        Self {
            generation,
            scripts: config.scripts.iter().map(script).collect(),
            notifies: config.notifies().map(notify).collect(),
            readers: readers.collect(),
        }
    }

    pub(crate) fn entry(&mut self, script: ScriptId) -> Option<&mut Entry> {
        self.scripts.get_mut(usize::from(script.0))
    }

    pub(crate) fn notify(&mut self, command: NotifyId) -> Option<&mut Entry> {
        self.notifies.get_mut(usize::try_from(command.0).ok()?)
    }

    pub(crate) fn reader(&mut self, fifo: FifoId) -> Option<&mut Entry> {
        self.readers.get_mut(usize::from(fifo.0))
    }

    /// What the administrator should know before anything is run.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = String> {
        let roots = self
            .all()
            .filter(|entry| entry.is_root())
            .map(|entry| format!("{} runs as root because the configuration says so", entry.name));
        roots.chain(self.all().filter_map(Entry::danger))
    }

    fn all(&self) -> impl Iterator<Item = &Entry> {
        self.scripts.iter().chain(&self.notifies).chain(&self.readers)
    }
}

fn kind(subject: Subject) -> &'static str {
    match subject {
        Subject::Instance(_) => "INSTANCE",
        Subject::Group(_) => "GROUP",
    }
}

fn plan(
    argv: &[Vec<u8>],
    user: Option<&ScriptUser>,
    timeout: Duration,
    config: &Config,
    may_switch: bool,
) -> Result<Plan, Unfit> {
    let unfit = |errno, why: String| Unfit { errno, why };
    let global = config.globals.script_user.as_ref();
    let account =
        account::find(user, global, may_switch).map_err(|why| unfit(Errno::EACCES, why))?;
    let (Some(first), Ok(arguments)) =
        (argv.first(), argv.iter().map(|a| CString::new(a.as_slice())).collect())
    else {
        return Err(unfit(Errno::EINVAL, "no command, or one with a zero byte".to_string()));
    };
    let program = look_up(first).ok_or_else(|| {
        let why = format!("{} is not in {PATH}", first.escape_ascii());
        unfit(Errno::ENOENT, why)
    })?;
    let environment = [
        ("PATH", PATH),
        ("HOME", &account.home),
        ("USER", &account.user),
        ("LOGNAME", &account.user),
        ("SHELL", &account.shell),
    ];
    let environment = environment.iter().map(|(key, value)| CString::new(format!("{key}={value}")));
    let environment = environment.collect::<Result<_, _>>();
    let environment = environment.map_err(|_| unfit(Errno::EINVAL, "odd account".to_string()))?;
    Ok(Plan { program, arguments, environment, account, timeout })
}

/// A name with a slash stays; whether it is there is seen when it runs.
fn look_up(name: &[u8]) -> Option<CString> {
    if name.contains(&b'/') {
        return CString::new(name).ok();
    }
    let candidate = |dir| Path::new(dir).join(std::ffi::OsStr::from_bytes(name));
    let is_program = |path: &std::path::PathBuf| {
        fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
    };
    let path = PATH.split(':').map(candidate).find(is_program)?;
    CString::new(path.into_os_string().into_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vipd_conf::config::ScriptUser;
    use vipd_types::Weight;

    fn script(argv: &[&str], user: Option<&str>) -> Script {
        Script {
            name: "chk".into(),
            argv: argv.iter().map(|a| a.as_bytes().to_vec()).collect(),
            native: None,
            user: user.map(|user| ScriptUser { user: user.into(), group: None }),
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            weight: Weight::default(),
            reverse: false,
            rise: 1,
            fall: 1,
            init_fail: false,
        }
    }

    fn book(scripts: Vec<Script>) -> Book {
        let config = Config { scripts, ..Config::default() };
        Book::write(Generation(1), &config, true)
    }

    #[test]
    fn a_bare_name_is_looked_up_and_the_environment_is_the_users() {
        let mut book = book(vec![script(&["true", "-x"], Some("daemon"))]);
        let plan = book.entry(ScriptId(0)).unwrap().plan.as_ref().unwrap();
        assert!(plan.program.to_bytes().starts_with(b"/"), "{:?}", plan.program);
        assert_eq!(plan.arguments, [c"true".to_owned(), c"-x".to_owned()]);
        assert!(plan.environment.contains(&c"USER=daemon".to_owned()));
        assert_eq!(plan.environment.len(), 5);
        assert!(book.entry(ScriptId(1)).is_none());
    }

    #[test]
    fn what_cannot_run_says_why() {
        let errno = |s| book(vec![s]).entry(ScriptId(0)).unwrap().plan.as_ref().unwrap_err().errno;
        assert_eq!(errno(script(&["no-such-program"], Some("daemon"))), Errno::ENOENT);
        assert_eq!(errno(script(&["true"], Some("no-such-user"))), Errno::EACCES);
        assert_eq!(errno(script(&[], Some("daemon"))), Errno::EINVAL);
        assert_eq!(errno(script(&["a\0b"], Some("daemon"))), Errno::EINVAL);
    }

    #[test]
    fn roots_are_known() {
        let book = book(vec![script(&["true"], Some("root")), script(&["true"], Some("daemon"))]);
        let warnings: Vec<String> = book.warnings().collect();
        assert_eq!(warnings, ["script chk runs as root because the configuration says so"]);
    }
}
