//! The command line: keepalived's flags where they make sense here, in their short and long forms.
//! Prints nothing but help and version.

use lexopt::prelude::{Long, Short, Value, ValueExt};
use std::ffi::OsString;
use std::path::PathBuf;

pub(crate) const DEFAULT_FILE: &str = "/etc/vipd/vipd.conf";
pub(crate) const DEFAULT_SOCKET: &str = "/run/vipd/vipd.sock";

pub(crate) const HELP: &str = "\
usage: vipd [-dDhlnPv] [-f file] [-p file] [--socket path]
       vipd -t [-dP] [--json] [--peer file] [-f file | file]

  -f, --use-file FILE     configuration (default /etc/vipd/vipd.conf)
  -n, --dont-fork         stay in the foreground
  -l, --log-console       log to standard error too
  -D, --log-detail        log more
  -d, --dump-conf         print the configuration with all defaults; with -t, to standard output
  -t, --config-test       check the configuration and exit
  -P, --vrrp              run the VRRP half of the file only, skip what is to be balanced
  -p, --pid FILE          write the process id there
      --peer FILE         with -t, compare with the configuration of the other node
      --json              with -t, print what is found as JSON
      --socket PATH       control socket (default /run/vipd/vipd.sock)
  -v, --version           print the version and exit
  -h, --help              print this and exit

vipd(8) describes them, vipd.conf(5) the configuration.
";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Args {
    pub(crate) file: PathBuf,
    pub(crate) foreground: bool,
    pub(crate) console: bool,
    pub(crate) detail: bool,
    pub(crate) dump: bool,
    pub(crate) test: bool,
    pub(crate) pid_file: Option<PathBuf>,
    pub(crate) socket: PathBuf,
    /// Without keepalived's balancer half.
    pub(crate) vrrp_only: bool,
    /// What is compared with, with `test`.
    pub(crate) peer: Option<PathBuf>,
    pub(crate) json: bool,
}

impl Args {
    pub(crate) fn options(&self) -> vipd_conf::Options {
        vipd_conf::Options { vrrp_only: self.vrrp_only }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Run(Args),
    Help,
    Version,
}

pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Command, lexopt::Error> {
    let mut args = Args {
        file: DEFAULT_FILE.into(),
        foreground: false,
        console: false,
        detail: false,
        dump: false,
        test: false,
        pid_file: None,
        socket: DEFAULT_SOCKET.into(),
        vrrp_only: false,
        peer: None,
        json: false,
    };
    let mut operand = None;
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('f') | Long("use-file") => args.file = parser.value()?.into(),
            Short('n') | Long("dont-fork") => args.foreground = true,
            Short('l') | Long("log-console") => args.console = true,
            Short('D') | Long("log-detail") => args.detail = true,
            Short('d') | Long("dump-conf") => args.dump = true,
            Short('t') | Long("config-test") => args.test = true,
            Short('P') | Long("vrrp") => args.vrrp_only = true,
            Long("peer") => args.peer = Some(parser.value()?.into()),
            Long("json") => args.json = true,
            Value(file) if operand.is_none() => operand = Some(file),
            Short('p') | Long("pid") => args.pid_file = Some(parser.value()?.into()),
            Long("socket") => args.socket = parser.value()?.parse()?,
            Short('v') | Long("version") => return Ok(Command::Version),
            Short('h') | Long("help") => return Ok(Command::Help),
            Short(_) | Long(_) | Value(_) => return Err(argument.unexpected()),
        }
    }
    for_test_only(&mut args, operand)?;
    Ok(Command::Run(args))
}

/// `-t FILE` and what else belongs to `-t`.
fn for_test_only(args: &mut Args, operand: Option<OsString>) -> Result<(), lexopt::Error> {
    let alone = args.json || args.peer.is_some();
    match operand {
        Some(file) if !args.test => return Err(lexopt::Error::UnexpectedArgument(file)),
        _ if args.json && args.dump => return Err("--json and -d exclude each other".into()),
        Some(file) => args.file = file.into(),
        None if alone && !args.test => return Err("--json and --peer go with -t".into()),
        None => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(line: &str) -> Result<Command, lexopt::Error> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn short_and_long_forms_are_one() {
        let short = run("-n -l -D -d -t -f /x -p /y").unwrap();
        let long = run(
            "--dont-fork --log-console --log-detail --dump-conf --config-test --use-file=/x --pid /y",
        );
        assert_eq!(short, long.unwrap());
    }

    #[test]
    fn the_test_takes_a_file() {
        assert_eq!(run("-t /x -P").unwrap(), run("--vrrp --config-test -f /x").unwrap());
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert!(run("--nonsense").is_err());
        assert!(run("file.conf").is_err());
        assert!(run("-f").is_err());
        assert!(run("--json").is_err());
        assert!(run("--peer x").is_err());
        assert!(run("-t a b").is_err());
    }
}
