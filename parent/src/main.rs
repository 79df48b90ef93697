//! vipd, the parent: the privileged process. It reads the configuration, moves addresses, opens
//! sockets for the others and writes the audit trail. It never parses a packet from the network.
//! This file is the order of start-up, top to bottom.

mod act;
mod announce;
mod args;
mod audit;
mod children;
mod confine;
mod daemon;
mod date;
mod disk;
mod dump;
mod engine;
mod flags;
mod held;
mod helpers;
mod identity;
mod initfile;
mod kernel;
mod launch;
mod links;
mod listener;
mod load;
mod log;
mod netns;
mod notify;
mod owner;
mod paths;
mod permit;
mod pidfile;
mod plan;
mod prove;
mod reload;
mod report;
mod rights;
mod run;
mod signals;
mod spawn;
mod start;
mod statics;
mod sweeper;
mod sys;
mod tracked;
mod vmacs;
mod watch;

use args::Command;
use identity::Identity;
use std::process::ExitCode;

/// Exit codes; vipd(8) lists them.
mod exit {
    pub(crate) const FATAL: u8 = 1;
    pub(crate) const CONFIGURATION: u8 = 2;
    pub(crate) const PERMISSION: u8 = 4;
    pub(crate) const TEST_FAILED: u8 = 5;
    pub(crate) const NO_FILE: u8 = 6;
    pub(crate) const USAGE: u8 = 64;
}

fn main() -> ExitCode {
    // Whatever the caller left open is none of this daemon's business.
    sys::close_inherited();
    let mut words = std::env::args_os();
    let identity = Identity::of(words.next().as_deref());
    let arguments = match args::parse(identity, words) {
        Ok(Command::Run(arguments)) => arguments,
        Ok(Command::Help) => return report::help(identity),
        Ok(Command::Version) => return report::version(identity),
        Ok(Command::Signal(name)) => return report::signal(identity, &name),
        Err(error) => return report::usage(identity, &error),
    };
    if arguments.test {
        return report::test(&arguments);
    }
    ExitCode::from(match start::start(&arguments) {
        Ok(code) => code,
        Err(failure) => report::failure(identity, &failure),
    })
}
