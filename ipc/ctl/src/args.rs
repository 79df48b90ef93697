//! The command line, and nothing else: what is asked and where. Reads no environment.

use crate::failure::Failure;
use lexopt::{Arg, Parser, ValueExt};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

const DEFAULT_SOCKET: &str = "/run/vipd/vipd.sock";

pub(crate) const HELP: &str = "\
usage: vipctl [-s PATH] show [INSTANCE] [--json]
       vipctl [-s PATH] explain INSTANCE [--json]
       vipctl [-s PATH] monitor [--json]
       vipctl [-s PATH] metrics
       vipctl [-s PATH] failover NAME [for TIME | off]
       vipctl [-s PATH] maintenance on [for TIME] | off
       vipctl [-s PATH] priority INSTANCE {+N | -N} [for TIME] | off
       vipctl [-s PATH] reload
       vipctl check FILE [PEERFILE] [--json]

commands:
  show               every instance in a table
  show INSTANCE      everything about one instance
  explain INSTANCE   why it is in its state, and what would change that
  monitor            how things are, and then each change until interrupted
  metrics            the same in numbers, as OpenMetrics text
  failover NAME      have another node serve an instance or a sync group
  maintenance        take this node out of service, or put it back
  priority INSTANCE  add to its priority, or no longer
  reload             have vipd read its configuration again
  check FILE         check a configuration, running or not
  check FILE PEER    and compare it with that of the other node

TIME is a number of seconds, or has a unit: 90s, 10m, 2h, 1d.

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
    Show {
        instance: Option<String>,
        json: bool,
    },
    Explain {
        instance: String,
        json: bool,
    },
    Monitor {
        json: bool,
    },
    Metrics,
    /// The request as it is sent.
    Act(String),
    Reload,
    Check {
        file: OsString,
        peer: Option<OsString>,
        json: bool,
    },
}

pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Parsed, Failure> {
    let mut socket = PathBuf::from(DEFAULT_SOCKET);
    let mut json = false;
    let mut words = Vec::new();
    let mut parser = Parser::from_args(args);
    loop {
        // `-10` is a number, not an option.
        if let Some(word) = parser.try_raw_args().and_then(|mut raw| raw.next_if(is_number)) {
            words.push(word.string().map_err(usage)?);
            continue;
        }
        let Some(arg) = parser.next().map_err(usage)? else { break };
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
        ["explain", name] if is_name(name) => {
            Ok(Command::Explain { instance: (*name).to_owned(), json })
        }
        ["explain"] => Err(usage("explain needs the name of an instance")),
        ["monitor"] => Ok(Command::Monitor { json }),
        ["failover" | "maintenance" | "priority", ..] if json => {
            Err(usage("what acts takes no --json"))
        }
        ["failover", name, rest @ ..] if is_name(name) => {
            Ok(Command::Act(format!("failover {} {name}", when(rest)?)))
        }
        ["failover"] => Err(usage("failover needs the name of an instance or a sync group")),
        ["maintenance", "on", rest @ ..] => {
            Ok(Command::Act(format!("maintenance {}", when(rest)?)))
        }
        ["maintenance", "off"] => Ok(Command::Act("maintenance off".to_owned())),
        ["maintenance", ..] => Err(usage("maintenance is on or off")),
        ["priority", name, "off"] if is_name(name) => {
            Ok(Command::Act(format!("priority 0 off {name}")))
        }
        ["priority", name, adds, rest @ ..] if is_name(name) => {
            let number: Option<i16> = adds.parse().ok().filter(|n| (-253..=253).contains(n));
            let number = number.filter(|_| adds.starts_with(['+', '-']));
            let adds =
                number.ok_or_else(|| usage(format!("{adds}: write +1 to +253 or -1 to -253")))?;
            Ok(Command::Act(format!("priority {adds} {} {name}", when(rest)?)))
        }
        ["priority", ..] => Err(usage("priority needs an instance, and what to add")),
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
        ["show" | "explain" | "monitor" | "metrics" | "reload" | "failover", _, ..] => {
            Err(usage("too many arguments"))
        }
        [other, ..] => Err(usage(format!("unknown command \"{other}\""))),
        [] => Err(usage("no command given")),
    }
}

/// `on`, `off` or the seconds of `for TIME`.
fn when(words: &[&str]) -> Result<String, Failure> {
    match words {
        [] => Ok("on".to_owned()),
        ["off"] => Ok("off".to_owned()),
        ["for", time] => {
            seconds(time).map(|n| n.to_string()).ok_or_else(|| usage(format!("{time} is no time")))
        }
        [other, ..] => Err(usage(format!("\"{other}\" is not understood; write: for 10m"))),
    }
}

/// At most a year.
fn seconds(time: &str) -> Option<u32> {
    let digits = time.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match time.strip_prefix(digits)? {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let number: u32 = digits.parse().ok()?;
    number.checked_mul(unit).filter(|n| (1..=31_536_000).contains(n))
}

fn is_number(word: &OsStr) -> bool {
    let word = word.as_encoded_bytes();
    word.strip_prefix(b"-").and_then(|rest| rest.first()).is_some_and(u8::is_ascii_digit)
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
    fn what_acts_is_a_request() {
        let act = |line| match parsed(line) {
            Ok(Parsed::Run(Invocation { command: Command::Act(request), .. })) => request,
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(act("failover VI_1"), "failover on VI_1");
        assert_eq!(act("failover VI_1 for 10m"), "failover 600 VI_1");
        assert_eq!(act("failover VI_1 off"), "failover off VI_1");
        assert_eq!(act("maintenance on"), "maintenance on");
        assert_eq!(act("maintenance on for 90"), "maintenance 90");
        assert_eq!(act("maintenance off"), "maintenance off");
        assert_eq!(act("priority VI_1 -20 for 2h"), "priority -20 7200 VI_1");
        assert_eq!(act("priority VI_1 +20 -s /x"), "priority 20 on VI_1");
        assert_eq!(act("priority VI_1 off"), "priority 0 off VI_1");
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
            "explain",
            "monitor x",
            "failover",
            "failover VI_1 for",
            "failover VI_1 for 0",
            "failover VI_1 for 10y",
            "failover VI_1 for 99999d",
            "maintenance",
            "maintenance off for 10",
            "priority VI_1",
            "priority VI_1 20",
            "priority VI_1 +254",
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
