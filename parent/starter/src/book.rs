//! The scripts and notify commands of one configuration, ready to run: what, as whom, with which environment, for how
//! long. Everything that can be looked up is looked up here, before anybody asks for a run.

use crate::account::{self, Account};
use nix::errno::Errno;
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

#[derive(Debug)]
pub(crate) struct Unfit {
    pub(crate) errno: Errno,
    pub(crate) why: String,
    /// Said once, not at every run.
    pub(crate) said: bool,
}

impl Book {
    pub(crate) fn write(generation: Generation, config: &Config, may_switch: bool) -> Self {
        let write = |argv: &[Vec<u8>], user: &Option<ScriptUser>, limit| {
            plan(argv, user.as_ref(), limit, config, may_switch)
        };
        let script = |script: &Script| Entry {
            name: script.name.clone(),
            plan: write(&script.argv, &script.user, script.timeout),
            told_of: None,
        };
        let limit = config.globals.notify_timeout;
        let notify = |one: Notified<'_>| Entry {
            name: format!("({}) {}", one.name, one.occasion.keyword()),
            plan: write(&one.command.argv, &one.command.user, limit),
            told_of: (one.occasion == Occasion::Any).then(|| (kind(one.subject), one.name.into())),
        };
        let fifos = config.globals.fifos.iter();
        let reader = |command: &Command, path: &[u8]| {
            let mut argv = command.argv.clone();
            argv.push(path.to_vec());
            write(&argv, &command.user, limit)
        };
        let nothing = || Err(Unfit { errno: Errno::EINVAL, why: "no script".into(), said: false });
        let readers = fifos.map(|(kind, fifo)| Entry {
            name: format!("{}_script", kind.keyword()),
            plan: fifo.script.as_ref().map_or_else(nothing, |script| reader(script, &fifo.path)),
            told_of: None,
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

    /// Scripts that the configuration lets run as root.
    pub(crate) fn roots(&self) -> impl Iterator<Item = &str> {
        let is_root = |entry: &&Entry| entry.plan.as_ref().is_ok_and(|p| p.account.is_root);
        let all = self.scripts.iter().chain(&self.notifies).chain(&self.readers);
        all.filter(is_root).map(|entry| entry.name.as_str())
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
    let unfit = |errno, why: String| Unfit { errno, why, said: false };
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
        assert_eq!(book.roots().collect::<Vec<_>>(), ["chk"]);
    }
}
