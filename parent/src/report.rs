//! What vipd prints for people before it is a daemon: help, the result of -t, why it did not start.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the terminal is this file's business"
)]

use crate::args::{Args, HELP};
use crate::exit;
use crate::load::{LoadError, Loaded};
use crate::prove::Proved;
use crate::start::Failure;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use vipd_conf::{Diagnostic, Severity};

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
    let proved = match Proved::read(args) {
        Ok(proved) => proved,
        Err(error) => {
            eprintln!("vipd: {error}");
            return ExitCode::from(code_of(&error));
        }
    };
    let (errors, warnings) = (proved.count(Severity::Error), proved.count(Severity::Warning));
    let code = match errors.saturating_add(warnings) {
        0 => ExitCode::SUCCESS,
        // Also for warnings, as keepalived's: whoever checks a file before he rolls it out wants to
        // know.
        _ => ExitCode::from(exit::TEST_FAILED),
    };
    if args.json {
        print_all(proved.json().as_bytes());
        return code;
    }
    for diagnostic in &proved.diagnostics {
        show(diagnostic, proved.text_of(diagnostic));
    }
    let parsed = &proved.loaded.parsed;
    if args.dump {
        print_all(&vipd_conf::explain(parsed));
    } else {
        native_checks(&proved.loaded);
        proved.facts.iter().for_each(|fact| println!("{fact}"));
    }
    let name = args.file.display();
    if errors > 0 && !parsed.has_errors() {
        eprintln!("vipd: {name}: not compared, the file of the peer has errors: {errors}");
    } else if errors > 0 {
        eprintln!("vipd: {name}: errors: {errors}, warnings: {warnings}; would not be loaded");
    } else if warnings > 0 {
        eprintln!(
            "vipd: {name}: warnings: {warnings}; would be loaded, but does not do what it says"
        );
    } else if !args.dump {
        println!("vipd: {name}: good, instances: {}", parsed.config.instances.len());
    }
    code
}

/// A reader that closes early has seen what it wanted.
fn print_all(bytes: &[u8]) {
    let _ = std::io::stdout().write_all(bytes);
}

pub(crate) fn code_of(error: &LoadError) -> u8 {
    match error {
        LoadError::Missing(_) => exit::NO_FILE,
        LoadError::Unreadable { .. } => exit::PERMISSION,
        LoadError::TooLarge(_) => exit::CONFIGURATION,
    }
}

pub(crate) fn diagnostics(loaded: &Loaded) {
    loaded.parsed.diagnostics.iter().for_each(|d| show(d, &loaded.text));
}

/// With its place in the file underlined.
fn show(diagnostic: &Diagnostic, text: &[u8]) {
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    eprintln!("{}", diagnostic.render_with(text, colour));
}

fn native_checks(loaded: &Loaded) {
    for script in &loaded.parsed.config.scripts {
        if let Some(native) = &script.native {
            let name = native.name.escape_ascii();
            println!("{}: answered without a program: is a process {name} there?", script.name);
        }
    }
}
