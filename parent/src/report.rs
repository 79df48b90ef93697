//! What vipd prints for people before it is a daemon: help, the result of -t, why it did not start.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the terminal is this file's business"
)]

use crate::args::{Args, HELP};
use crate::exit;
use crate::load::{self, LoadError, Loaded};
use crate::start::Failure;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use vipd_conf::Severity;

pub(crate) fn help() -> ExitCode {
    print!("{HELP}");
    ExitCode::SUCCESS
}

pub(crate) fn version() -> ExitCode {
    println!("vipd {}", env!("CARGO_PKG_VERSION"));
    ExitCode::SUCCESS
}

pub(crate) fn usage(error: &lexopt::Error) -> ExitCode {
    eprintln!("vipd: {error}\n\n{HELP}");
    ExitCode::from(exit::USAGE)
}

pub(crate) fn failure(failure: &Failure) -> u8 {
    eprintln!("vipd: {}", failure.text);
    failure.code
}

/// `-t`: checks the file, touches nothing, needs no right but to read it.
pub(crate) fn test(args: &Args) -> ExitCode {
    let loaded = match load::read(&args.file, args.options()) {
        Ok(loaded) => loaded,
        Err(error) => {
            eprintln!("vipd: {error}");
            return ExitCode::from(code_of(&error));
        }
    };
    diagnostics(&loaded);
    let parsed = &loaded.parsed;
    if args.dump {
        let printed = vipd_conf::explain(parsed);
        // A reader that closes early has seen what it wanted.
        let _ = std::io::stdout().write_all(&printed);
    } else {
        native_checks(&loaded);
    }
    let count = |severity| parsed.diagnostics.iter().filter(|d| d.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let name = args.file.display();
    if errors > 0 {
        eprintln!("vipd: {name}: errors: {errors}, warnings: {warnings}; would not be loaded");
        return ExitCode::from(exit::TEST_FAILED);
    }
    if warnings > 0 {
        // As keepalived's: whoever checks a file before he rolls it out wants to know.
        eprintln!(
            "vipd: {name}: warnings: {warnings}; would be loaded, but does not do what it says"
        );
        return ExitCode::from(exit::TEST_FAILED);
    }
    if !args.dump {
        let instances = parsed.config.instances.len();
        println!("vipd: {name}: good, instances: {instances}");
    }
    ExitCode::SUCCESS
}

pub(crate) fn code_of(error: &LoadError) -> u8 {
    match error {
        LoadError::Missing(_) => exit::NO_FILE,
        LoadError::Unreadable { .. } => exit::PERMISSION,
        LoadError::TooLarge(_) => exit::CONFIGURATION,
    }
}

/// Each with its place in the file underlined.
pub(crate) fn diagnostics(loaded: &Loaded) {
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    for diagnostic in &loaded.parsed.diagnostics {
        eprintln!("{}", diagnostic.render_with(&loaded.text, colour));
    }
}

fn native_checks(loaded: &Loaded) {
    for script in &loaded.parsed.config.scripts {
        if let Some(native) = &script.native {
            let name = native.name.escape_ascii();
            println!("{}: answered without a program: is a process {name} there?", script.name);
        }
    }
}
