//! The command line: keepalived's flags, in their short and long forms, and some of our own. Turns
//! words into values by the table in `flags`; prints and opens nothing.

use crate::flags::{self, Effect, Flag, Takes};
use crate::identity::{Identity, Places};
use lexopt::prelude::{Long, Short, Value};
use nix::sys::stat::Mode;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use syslog::Facility;

#[derive(Debug, Clone)]
pub(crate) struct Args {
    pub(crate) identity: Identity,
    pub(crate) file: PathBuf,
    /// Without it the host's name counts.
    pub(crate) config_id: Option<String>,
    pub(crate) foreground: bool,
    pub(crate) log: LogArgs,
    pub(crate) dump: bool,
    /// Check the file and exit.
    pub(crate) test: bool,
    /// Where the result of the check goes instead of standard error.
    pub(crate) test_log: Option<PathBuf>,
    pub(crate) places: Places,
    pub(crate) namespace: Option<String>,
    pub(crate) umask: Option<Mode>,
    pub(crate) ignore_sigint: bool,
    /// Where dumps are written, if not in the usual place.
    pub(crate) dump_dir: Option<PathBuf>,
    /// Without keepalived's balancer half.
    pub(crate) vrrp_only: bool,
    /// What is compared with, with `test`.
    pub(crate) peer: Option<PathBuf>,
    pub(crate) json: bool,
    /// Flags that change nothing, in the order of the command line.
    pub(crate) idle: Vec<&'static Flag>,
}

#[derive(Debug, Clone)]
pub(crate) struct LogArgs {
    pub(crate) console: bool,
    pub(crate) detail: bool,
    pub(crate) syslog: bool,
    pub(crate) facility: Facility,
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug)]
pub(crate) enum Command {
    Run(Box<Args>),
    Help,
    Version,
    /// Print the number of a signal.
    Signal(OsString),
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ArgError {
    #[error("{0}")]
    Form(#[from] lexopt::Error),
    #[error("--{long} is refused: {text}")]
    Refused { long: &'static str, text: &'static str },
    #[error("--{long} wants {wants}, not {found:?}")]
    Value { long: &'static str, wants: &'static str, found: OsString },
}

pub(crate) fn parse(
    identity: Identity,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Command, ArgError> {
    let mut args = Args::new(identity);
    let mut operand = None;
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        // keepalived has no such thing.
        if let (Value(file), None, Identity::Vipd) = (&argument, &operand, identity) {
            operand = Some(file.clone());
            continue;
        }
        let found = match argument {
            Short(letter) => flags::by_letter(letter),
            Long(name) => flags::by_name(name),
            Value(_) => None,
        };
        let Some(flag) = found else { return Err(argument.unexpected().into()) };
        let value = match flag.takes {
            Takes::Nothing => None,
            Takes::Value(_) => Some(parser.value()?),
            Takes::Maybe(_) => parser.optional_value(),
        };
        match flag.effect {
            Effect::Refused => {
                return Err(ArgError::Refused { long: flag.long, text: flag.text });
            }
            Effect::Accepted => args.idle.push(flag),
            Effect::Served => match flag.long {
                "help" => return Ok(Command::Help),
                "version" => return Ok(Command::Version),
                "signum" => return Ok(Command::Signal(value.unwrap_or_default())),
                _ => args.take(flag, value)?,
            },
        }
    }
    for_test_only(&mut args, operand)?;
    Ok(Command::Run(Box::new(args)))
}

/// `-t FILE` and what else belongs to `-t`.
fn for_test_only(args: &mut Args, operand: Option<OsString>) -> Result<(), lexopt::Error> {
    if !args.test && (args.json || args.peer.is_some()) {
        return Err("--json and --peer go with -t".into());
    }
    if args.json && args.dump {
        return Err("--json and -d exclude each other".into());
    }
    match operand {
        Some(file) if !args.test => return Err(lexopt::Error::UnexpectedArgument(file)),
        Some(file) => args.file = file.into(),
        None => {}
    }
    Ok(())
}

impl Args {
    fn new(identity: Identity) -> Self {
        let log = LogArgs {
            console: false,
            detail: false,
            syslog: true,
            facility: Facility::LOG_DAEMON,
            file: None,
        };
        Self {
            identity,
            file: identity.default_file().into(),
            foreground: false,
            log,
            dump: false,
            test: false,
            test_log: None,
            places: Places::default(),
            namespace: None,
            umask: None,
            ignore_sigint: false,
            dump_dir: None,
            config_id: None,
            vrrp_only: false,
            peer: None,
            json: false,
            idle: Vec::new(),
        }
    }

    /// A flag that is served and does not end the parsing.
    fn take(&mut self, flag: &'static Flag, value: Option<OsString>) -> Result<(), ArgError> {
        // A daemon changes its working directory.
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        let path = value.clone().map(PathBuf::from).map(absolute);
        let wrong = |wants| {
            let found = value.clone().unwrap_or_default();
            ArgError::Value { long: flag.long, wants, found }
        };
        let text = value.as_ref().and_then(|value| value.to_str()).unwrap_or_default();
        match flag.long {
            "use-file" => self.file = value.unwrap_or_default().into(),
            "config-id" => {
                let name = value.as_ref().and_then(|value| value.to_str());
                self.config_id = Some(name.ok_or_else(|| wrong("a name"))?.to_owned());
            }
            "dont-fork" => self.foreground = true,
            "config-test" => (self.test, self.test_log) = (true, path),
            "dump-conf" => self.dump = true,
            "pid" => self.places.parent = path,
            "vrrp_pid" => self.places.engine = path,
            "checkers_pid" => self.places.checker = path,
            "socket" => self.places.socket = path,
            "dump-dir" => self.dump_dir = path,
            "namespace" => {
                let name = namespace(text).ok_or_else(|| wrong("the name of a namespace"))?;
                self.namespace = Some(name);
            }
            "log-console" => self.log.console = true,
            "log-detail" => self.log.detail = true,
            "no-syslog" => self.log.syslog = false,
            "log-file" => {
                self.log.file = Some(path.unwrap_or_else(|| "/tmp/keepalived.log".into()));
            }
            "log-facility" => {
                self.log.facility = facility(text)
                    .ok_or_else(|| wrong("0 to 7, local0 to local7, user or daemon"))?;
            }
            "umask" => {
                self.umask = Some(umask(text).ok_or_else(|| wrong("an octal number up to 0777"))?);
            }
            "ignore-sigint" => self.ignore_sigint = true,
            "vrrp" => self.vrrp_only = true,
            "peer" => self.peer = value.map(PathBuf::from),
            "json" => self.json = true,
            // Not reached: the tests look that every served flag does something.
            _ => return Err(lexopt::Error::UnexpectedOption(flag.long.to_owned()).into()),
        }
        Ok(())
    }
}

/// A name that cannot lead out of the folder of namespaces.
pub(crate) fn namespace(text: &str) -> Option<String> {
    let mut parts = Path::new(text).components();
    let only = parts.next().is_some_and(|part| matches!(part, std::path::Component::Normal(_)));
    (only && parts.next().is_none() && !text.ends_with('/')).then(|| text.to_owned())
}

fn facility(text: &str) -> Option<Facility> {
    const LOCAL: [Facility; 8] = [
        Facility::LOG_LOCAL0,
        Facility::LOG_LOCAL1,
        Facility::LOG_LOCAL2,
        Facility::LOG_LOCAL3,
        Facility::LOG_LOCAL4,
        Facility::LOG_LOCAL5,
        Facility::LOG_LOCAL6,
        Facility::LOG_LOCAL7,
    ];
    match text {
        "user" => Some(Facility::LOG_USER),
        "daemon" => Some(Facility::LOG_DAEMON),
        _ => {
            let number: usize = text.strip_prefix("local").unwrap_or(text).parse().ok()?;
            LOCAL.get(number).copied()
        }
    }
}

/// As in C: `022` and `0o22` are not the same spelling, both are octal here.
fn umask(text: &str) -> Option<Mode> {
    let bits = u32::from_str_radix(text.trim_start_matches("0o"), 8).ok()?;
    (bits <= 0o777).then(|| Mode::from_bits_truncate(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn as_name(identity: Identity, line: &str) -> Result<Command, ArgError> {
        parse(identity, line.split_whitespace().map(OsString::from))
    }

    fn run(line: &str) -> Result<Args, ArgError> {
        let command = as_name(Identity::Vipd, line)?;
        let Command::Run(args) = command else { panic!("{command:?}") };
        Ok(*args)
    }

    #[test]
    fn short_and_long_forms_are_one() {
        let short = "-n -l -D -d -G -t -f /x -p /y -r /z -c /w -s ns -S 3 -u 022 -g/l";
        let long = "--dont-fork --log-console --log-detail --dump-conf --no-syslog --config-test \
                    --use-file=/x --pid /y --vrrp_pid /z --checkers_pid=/w --namespace ns \
                    --log-facility=local3 --umask 22 --log-file=/l";
        let [short, long] = [short, long].map(|line| format!("{:?}", run(line).unwrap()));
        assert_eq!(short, long);
    }

    #[test]
    fn the_log_of_a_test_is_glued_to_its_flag() {
        for line in ["-t=/x", "-t/x", "--config-test=/x"] {
            assert_eq!(run(line).unwrap().test_log, Some("/x".into()), "{line}");
        }
        assert_eq!(run("-t -f /x").unwrap().test_log, None);
        // As in keepalived.
        assert!(as_name(Identity::Keepalived, "-t /x").is_err());
    }

    #[test]
    fn the_test_takes_a_file() {
        let [short, long] = ["-t /x -P", "--vrrp --config-test -f /x"]
            .map(|line| format!("{:?}", run(line).unwrap()));
        assert_eq!(short, long);
    }

    /// A row of the table that nobody reads would be a flag without effect.
    #[test]
    fn every_flag_of_the_table_is_read() {
        for flag in flags::FLAGS {
            let value = match (flag.long, flag.takes) {
                (_, Takes::Nothing | Takes::Maybe(_)) => "",
                ("log-facility", _) => "=daemon",
                ("umask", _) => "=077",
                _ => "=x",
            };
            let test = if matches!(flag.long, "json" | "peer") { "-t " } else { "" };
            let line = format!("{test}--{}{value}", flag.long);
            let read = as_name(Identity::Keepalived, &line);
            let refused = matches!(read, Err(ArgError::Refused { .. }));
            assert_eq!(refused, flag.effect == Effect::Refused, "{}: {read:?}", flag.long);
            assert_eq!(read.is_ok(), !refused, "{}: {read:?}", flag.long);
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for line in [
            "--nonsense",
            "file.conf",
            "-f",
            "-C",
            "--umask 9",
            "-S kern",
            "-s ../x",
            "-s a/b",
            "-s .",
            "--dont",
            "--dont-fork=x",
            "--json",
            "--peer x",
            "-t a b",
            "-t -d --json",
        ] {
            assert!(run(line).is_err(), "{line}");
        }
    }

    #[test]
    fn flags_without_effect_are_remembered() {
        let args = run("-B --snmp -M=x -n").unwrap();
        let names: Vec<_> = args.idle.iter().map(|flag| flag.long).collect();
        assert_eq!(names, ["no_bfd", "snmp", "core-dump-pattern"]);
    }
}
