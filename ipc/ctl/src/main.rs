//! vipctl: asks a running vipd one question over its control socket and shows the answer. It has
//! no privilege, changes nothing by itself and trusts no text that it receives.
#![forbid(unsafe_code)]

mod answer;
mod args;
mod client;
mod failure;
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
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Refused(format!("cannot write to standard output: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
