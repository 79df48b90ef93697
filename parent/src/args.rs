//! The command line: keepalived's flags where they make sense here, in their short and long forms.
//! Prints nothing but help and version.

use lexopt::prelude::{Long, Short, Value, ValueExt};
use std::ffi::OsString;
use std::path::PathBuf;

pub(crate) const DEFAULT_FILE: &str = "/etc/vipd/vipd.conf";
pub(crate) const DEFAULT_SOCKET: &str = "/run/vipd/vipd.sock";

pub(crate) const HELP: &str = "\
usage: vipd [-dDhlntv] [-f file] [-i name] [-p file] [--socket path]

  -f, --use-file FILE     configuration (default /etc/vipd/vipd.conf)
  -i, --config-id NAME    name of this node in `@NAME` lines (default: the host's)
  -n, --dont-fork         stay in the foreground
  -l, --log-console       log to standard error too
  -D, --log-detail        log more
  -d, --dump-conf         print the configuration with all defaults; with -t, to standard output
  -t, --config-test       check the configuration and exit
  -p, --pid FILE          write the process id there
      --socket PATH       control socket (default /run/vipd/vipd.sock)
  -v, --version           print the version and exit
  -h, --help              print this and exit

vipd(8) describes them, vipd.conf(5) the configuration.
";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Args {
    pub(crate) file: PathBuf,
    /// Without it the host's name counts.
    pub(crate) config_id: Option<String>,
    pub(crate) foreground: bool,
    pub(crate) console: bool,
    pub(crate) detail: bool,
    pub(crate) dump: bool,
    pub(crate) test: bool,
    pub(crate) pid_file: Option<PathBuf>,
    pub(crate) socket: PathBuf,
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
        config_id: None,
        foreground: false,
        console: false,
        detail: false,
        dump: false,
        test: false,
        pid_file: None,
        socket: DEFAULT_SOCKET.into(),
    };
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('f') | Long("use-file") => args.file = parser.value()?.into(),
            Short('i') | Long("config-id") => args.config_id = Some(parser.value()?.string()?),
            Short('n') | Long("dont-fork") => args.foreground = true,
            Short('l') | Long("log-console") => args.console = true,
            Short('D') | Long("log-detail") => args.detail = true,
            Short('d') | Long("dump-conf") => args.dump = true,
            Short('t') | Long("config-test") => args.test = true,
            Short('p') | Long("pid") => args.pid_file = Some(parser.value()?.into()),
            Long("socket") => args.socket = parser.value()?.parse()?,
            Short('v') | Long("version") => return Ok(Command::Version),
            Short('h') | Long("help") => return Ok(Command::Help),
            Short(_) | Long(_) | Value(_) => return Err(argument.unexpected()),
        }
    }
    Ok(Command::Run(args))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(line: &str) -> Result<Command, lexopt::Error> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn short_and_long_forms_are_one() {
        let short = run("-n -l -D -d -t -f /x -p /y -i a").unwrap();
        let long = run(
            "--dont-fork --log-console --log-detail --dump-conf --config-test --use-file=/x --pid /y \
             --config-id a",
        );
        assert_eq!(short, long.unwrap());
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert!(run("--nonsense").is_err());
        assert!(run("file.conf").is_err());
        assert!(run("-f").is_err());
    }
}
