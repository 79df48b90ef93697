//! The command line, and nothing else: what is asked and where. Reads no environment.

use crate::failure::Failure;
use lexopt::{Arg, Parser, ValueExt};
use std::ffi::OsString;
use std::path::PathBuf;

const DEFAULT_SOCKET: &str = "/run/vipd/vipd.sock";

pub(crate) const HELP: &str = "\
usage: vipctl [-s PATH] show [INSTANCE] [--json]
       vipctl [-s PATH] metrics
       vipctl [-s PATH] reload
       vipctl check FILE [PEERFILE] [--json]

commands:
  show               every instance in a table
  show INSTANCE      everything about one instance
  metrics            the same in numbers, as OpenMetrics text
  reload             have vipd read its configuration again
  check FILE         check a configuration, running or not
  check FILE PEER    and compare it with that of the other node

options:
  -s, --socket PATH  control socket (default /run/vipd/vipd.sock)
      --json         print the answer, or what was found, as JSON, one line
  -h, --help         this text
      --version      version of vipctl

exit code: 0 done, 1 vipd said no, 2 usage, 3 vipd does not answer, 4 not permitted;
           check: that of vipd -t, 0 clean, 5 errors or warnings, 6 no such file
";

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    Help,
    Version,
    Run(Invocation),
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Invocation {
    pub(crate) socket: PathBuf,
    pub(crate) command: Command,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Show { instance: Option<String>, json: bool },
    Metrics,
    Reload,
    Check { file: OsString, peer: Option<OsString>, json: bool },
}

pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Parsed, Failure> {
    let mut socket = PathBuf::from(DEFAULT_SOCKET);
    let mut json = false;
    let mut words = Vec::new();
    let mut parser = Parser::from_args(args);
    while let Some(arg) = parser.next().map_err(usage)? {
        match arg {
            Arg::Short('s') | Arg::Long("socket") => {
                socket = parser.value().map_err(usage)?.into();
            }
            Arg::Long("json") => json = true,
            Arg::Short('h') | Arg::Long("help") => return Ok(Parsed::Help),
            Arg::Long("version") => return Ok(Parsed::Version),
            Arg::Value(word) => words.push(word.string().map_err(usage)?),
            Arg::Short(_) | Arg::Long(_) => return Err(usage(arg.unexpected())),
        }
    }
    let command = command(&words, json)?;
    Ok(Parsed::Run(Invocation { socket, command }))
}

fn command(words: &[String], json: bool) -> Result<Command, Failure> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["show"] => Ok(Command::Show { instance: None, json }),
        ["show", name] if is_name(name) => {
            Ok(Command::Show { instance: Some((*name).to_owned()), json })
        }
        ["show", name] => Err(usage(format!("\"{name}\" cannot be the name of an instance"))),
        ["metrics"] if json => Err(usage("metrics takes no --json")),
        ["metrics"] => Ok(Command::Metrics),
        ["check", file] => Ok(Command::Check { file: file.into(), peer: None, json }),
        ["check", file, peer] => {
            Ok(Command::Check { file: file.into(), peer: Some(peer.into()), json })
        }
        ["check"] => Err(usage("check needs a file")),
        ["check", ..] => Err(usage("too many arguments")),
        ["reload"] if json => Err(usage("reload takes no --json")),
        ["reload"] => Ok(Command::Reload),
        ["show" | "metrics" | "reload", _, ..] => Err(usage("too many arguments")),
        [other, ..] => Err(usage(format!("unknown command \"{other}\""))),
        [] => Err(usage("no command given")),
    }
}

/// The request is a line: a name must not end it early.
fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && !name.chars().any(char::is_control)
}

fn usage(why: impl std::fmt::Display) -> Failure {
    Failure::Usage(format!("{why}\ntry \"vipctl --help\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Parsed, Failure> {
        parse(line.split(' ').filter(|word| !word.is_empty()).map(OsString::from))
    }

    fn show(socket: &str, instance: Option<&str>, json: bool) -> Result<Parsed, Failure> {
        let command = Command::Show { instance: instance.map(str::to_owned), json };
        Ok(Parsed::Run(Invocation { socket: socket.into(), command }))
    }

    #[test]
    fn options_stand_anywhere() {
        assert_eq!(parsed("show"), show(DEFAULT_SOCKET, None, false));
        assert_eq!(parsed("-s /a show VI_1 --json"), show("/a", Some("VI_1"), true));
        assert_eq!(parsed("--json show VI_1 --socket=/a"), show("/a", Some("VI_1"), true));
        assert_eq!(parsed("show -- -x"), show(DEFAULT_SOCKET, Some("-x"), false));
        assert_eq!(parsed("bogus --help"), Ok(Parsed::Help));
        assert_eq!(parsed("--version"), Ok(Parsed::Version));
    }

    #[test]
    fn a_check_takes_one_file_or_two() {
        let check = |line| match parsed(line) {
            Ok(Parsed::Run(Invocation {
                command: Command::Check { file, peer, json }, ..
            })) => (file.into_string().unwrap(), peer.is_some(), json),
            other => panic!("{other:?}"),
        };
        assert_eq!(check("check a.conf"), ("a.conf".to_owned(), false, false));
        assert_eq!(check("check a.conf b.conf --json"), ("a.conf".to_owned(), true, true));
    }

    #[test]
    fn nonsense_is_a_usage_error() {
        for line in [
            "",
            "explode",
            "show a b",
            "reload x",
            "reload --json",
            "metrics x",
            "metrics --json",
            "check",
            "check a b c",
            "-x",
            "show -s",
        ] {
            assert_eq!(parsed(line).unwrap_err().exit_code(), 2, "{line}");
        }
        let newline = parse(["show", "a\nreload"].iter().map(OsString::from));
        assert_eq!(newline.unwrap_err().exit_code(), 2);
    }
}
