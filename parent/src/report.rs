//! What vipd prints for people before it is a daemon: help, the result of -t, why it did not start.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the terminal is this file's business"
)]

use crate::args::{ArgError, Args};
use crate::exit;
use crate::flags;
use crate::identity::Identity;
use crate::load::{LoadError, Loaded};
use crate::prove::Proved;
use crate::signals;
use crate::start::Failure;
use nix::fcntl::OFlag;
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;
use vipd_conf::{Diagnostic, Severity, Texts};

fn summary(identity: Identity) -> String {
    format!(
        "usage: {} [options]\n\n{}\nThe configuration is {} unless -f names another. vipd(8) \
         describes the options, vipd.conf(5) the configuration.\n",
        identity.word(),
        flags::help(),
        identity.default_file(),
    )
}

pub(crate) fn help(identity: Identity) -> ExitCode {
    print!("{}", summary(identity));
    ExitCode::SUCCESS
}

/// keepalived's goes to standard error, and that is where it is read.
pub(crate) fn version(identity: Identity) -> ExitCode {
    match identity {
        Identity::Vipd => print!("{}", identity.version()),
        Identity::Keepalived => eprint!("{}", identity.version()),
    }
    ExitCode::SUCCESS
}

/// The number of the signal with keepalived's name.
pub(crate) fn signal(identity: Identity, name: &OsStr) -> ExitCode {
    let number = name.to_str().and_then(signals::number_of);
    match number {
        Some(number) => println!("{number}"),
        None => {
            let known: Vec<&str> = signals::NAMES.iter().map(|(name, _)| *name).collect();
            eprintln!(
                "{}: there is no signal {name:?}, only {}",
                identity.word(),
                known.join(", ")
            );
            return ExitCode::from(exit::FATAL);
        }
    }
    ExitCode::SUCCESS
}

pub(crate) fn usage(identity: Identity, error: &ArgError) -> ExitCode {
    let name = identity.word();
    eprintln!("{name}: {error}; {name} --help lists the flags");
    ExitCode::from(exit::USAGE)
}

pub(crate) fn failure(identity: Identity, failure: &Failure) -> u8 {
    eprintln!("{}: {}", identity.word(), failure.text);
    failure.code
}

/// What is said about the file goes to the end of another one.
fn turn_to(log: &Path) -> io::Result<()> {
    let flags = OFlag::O_NOFOLLOW.bits();
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600).custom_flags(flags);
    nix::unistd::dup2_stderr(options.open(log)?)?;
    Ok(())
}

/// `-t`: checks the file, touches nothing, needs no right but to read it.
pub(crate) fn test(args: &Args) -> ExitCode {
    if let Some(log) = &args.test_log
        && let Err(error) = turn_to(log)
    {
        eprintln!("vipd: {}: {error}", log.display());
        return ExitCode::from(exit::FATAL);
    }
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
    show(proved.diagnostics.iter().map(|d| (d, proved.texts_of(d))));
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
    let _ = io::stdout().write_all(bytes);
}

pub(crate) fn code_of(error: &LoadError) -> u8 {
    match error {
        LoadError::Missing(_) => exit::NO_FILE,
        LoadError::Unreadable { .. } => exit::PERMISSION,
        LoadError::TooLarge(_) => exit::CONFIGURATION,
    }
}

pub(crate) fn diagnostics(loaded: &Loaded) {
    let parsed = &loaded.parsed;
    show(parsed.diagnostics.iter().map(|d| (d, &parsed.texts)));
}

/// Each with its place in the file underlined.
fn show<'a>(diagnostics: impl Iterator<Item = (&'a Diagnostic, &'a Texts)>) {
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut out = BufWriter::new(io::stderr().lock());
    for (diagnostic, texts) in diagnostics {
        // Whoever closes it early has seen what he wanted.
        let _ = writeln!(out, "{}", texts.draw(diagnostic, colour));
    }
    let _ = out.flush();
}

fn native_checks(loaded: &Loaded) {
    for script in &loaded.parsed.config.scripts {
        if let Some(native) = &script.native {
            let name = native.name.escape_ascii();
            println!("{}: answered without a program: is a process {name} there?", script.name);
        }
    }
}
