//! vipctl: asks a running vipd one question over its control socket and shows the answer. It has
//! no privilege, changes nothing by itself and trusts no text that it receives.
#![forbid(unsafe_code)]

mod answer;
mod args;
mod check;
mod client;
mod failure;
mod metrics;
mod monitor;
mod sheet;
mod table;
mod text;

use args::{Command, Invocation};
use failure::Failure;
use std::ffi::OsString;
use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use text::Paint;

fn main() -> ExitCode {
    match run(std::env::args_os().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let mut stderr = std::io::stderr().lock();
            for line in failure.text().lines() {
                // Nobody is left to tell when standard error is gone too.
                let _ = writeln!(stderr, "vipctl: {}", text::printable(line));
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(args: impl Iterator<Item = OsString>) -> Result<(), Failure> {
    let Invocation { socket, command } = match args::parse(args)? {
        args::Parsed::Help => return print(args::HELP.as_bytes()),
        args::Parsed::Version => return print(format!("vipctl {}\n", vipd_ipc::BUILD).as_bytes()),
        args::Parsed::Run(invocation) => invocation,
    };
    match command {
        Command::Show { instance, json } => {
            let request = match &instance {
                Some(name) => format!("show {name}"),
                None => "show".to_owned(),
            };
            let line = client::ask(&socket, &request, client::SHOW_LIMIT)?;
            if json {
                print(&line)?;
                return answer::read(&line).map(drop).map_err(Failure::silent);
            }
            let value = answer::read(&line)?;
            let paint = Paint { on: wants_colour() };
            let shown = match instance {
                Some(name) => sheet::render(answer::instance(&value, &name)?, paint),
                None => table::render(&answer::instances(&value), paint),
            };
            print(shown.as_bytes())
        }
        Command::Metrics => {
            let line = client::ask(&socket, "show", client::SHOW_LIMIT)?;
            print(metrics::render(answer::View::of(&answer::read(&line)?)).as_bytes())
        }
        Command::Explain { instance, json } => {
            let line = client::ask(&socket, &format!("explain {instance}"), client::SHOW_LIMIT)?;
            if json {
                print(&line)?;
                return answer::read(&line).map(drop).map_err(Failure::silent);
            }
            let value = answer::read(&line)?;
            print(sheet::explain(answer::View::of(&value), Paint { on: wants_colour() }).as_bytes())
        }
        Command::Monitor { json } => monitor::run(&socket, json, Paint { on: wants_colour() }),
        Command::Act(request) => {
            let line = client::ask(&socket, &request, client::SHOW_LIMIT)?;
            let value = answer::read(&line)?;
            print(
                text::printable_lines(answer::View::of(&value).raw("text").unwrap_or("done"))
                    .as_bytes(),
            )
        }
        Command::Check { file, peer, json } => Err(check::run(&file, peer.as_deref(), json)),
        Command::Reload => {
            let line = client::ask(&socket, "reload", client::RELOAD_LIMIT)?;
            let value = answer::read(&line)?;
            let said = answer::View::of(&value).raw("text").unwrap_or("configuration reloaded");
            print(text::printable_lines(said).as_bytes())
        }
    }
}

fn wants_colour() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    std::io::stdout().is_terminal() && !set("NO_COLOR") && !dumb
}

/// Writes all of it. A reader that has seen enough (`vipctl show | head -1`) is no failure.
fn print(bytes: &[u8]) -> Result<(), Failure> {
    print_some(bytes).map(drop)
}

/// As `print`; false when nobody reads any more.
fn print_some(bytes: &[u8]) -> Result<bool, Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Refused(format!("cannot write to standard output: {error}")))
        }
        written => Ok(written.is_ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use answer::View;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const PLAIN: Paint = Paint { on: false };

    /// Objects with the fields of an answer, of any type and with any text.
    fn hostile() -> impl Strategy<Value = Value> {
        const FIELDS: [&str; 24] = [
            "name",
            "state",
            "since_seconds",
            "reason",
            "interface",
            "family",
            "vrid",
            "priority",
            "base",
            "effective",
            "trackers",
            "weight",
            "reverse",
            "adds",
            "transport",
            "peers",
            "master",
            "self",
            "address",
            "addresses",
            "installed",
            "lease",
            "counters",
            "ok",
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[\\x00-\\x1f\\x7f-\u{9f}\u{202e}]{0,8}".prop_map(Value::from),
            Just(json!("MASTER")),
        ];
        leaf.prop_recursive(5, 64, 8, |inner| {
            let field = (prop::sample::select(FIELDS.as_slice()), inner.clone());
            prop_oneof![
                prop::collection::vec(inner, 0..6).prop_map(Value::from),
                prop::collection::vec(field, 0..12).prop_map(|fields| {
                    Value::Object(fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
                }),
            ]
        })
    }

    proptest! {
        /// Whatever vipd says, a terminal gets nothing but text and newlines.
        #[test]
        fn no_answer_reaches_the_terminal(instance in hostile()) {
            let sheet = sheet::render(View::of(&instance), PLAIN);
            let table = table::render(&[View::of(&instance), View::of(&instance)], PLAIN);
            let metrics = metrics::render(View::of(&json!({ "instances": [instance] })));
            for shown in [sheet, table, metrics] {
                prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
            }
        }
    }

    #[test]
    fn a_long_text_does_not_make_all_lines_long() {
        let long = "x".repeat(100_000);
        let instance = json!({ "name": long, "counters": { long.as_str(): 1, "a": 1 },
                               "addresses": [{ "address": long }, { "address": "10.0.0.1" }] });
        let short = json!({ "name": "short" });
        let table = table::render(&[View::of(&instance), View::of(&short)], PLAIN);
        assert!(table.lines().filter(|line| line.len() < 300).count() >= 2);
        assert!(sheet::render(View::of(&instance), PLAIN).len() < 400_000);
    }
}
