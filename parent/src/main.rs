//! vipd, the parent: the privileged process. It reads the configuration, moves addresses, opens
//! sockets for the others and writes the audit trail. It never parses a packet from the network.
//! This file is the order of start-up, top to bottom.

mod announce;
mod args;
mod audit;
mod children;
mod confine;
mod daemon;
mod engine;
mod held;
mod helpers;
mod kernel;
mod launch;
mod listener;
mod load;
mod log;
mod notify;
mod owner;
mod permit;
mod plan;
mod prove;
mod reload;
mod report;
mod rights;
mod run;
mod spawn;
mod start;
mod sys;
mod tracked;
mod vmacs;
mod watch;

use args::Command;
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
    let arguments = match args::parse(std::env::args_os().skip(1)) {
        Ok(Command::Run(arguments)) => arguments,
        Ok(Command::Help) => return report::help(),
        Ok(Command::Version) => return report::version(),
        Err(error) => return report::usage(&error),
    };
    if arguments.test {
        return report::test(&arguments);
    }
    ExitCode::from(match start::start(&arguments) {
        Ok(code) => code,
        Err(failure) => report::failure(&failure),
    })
}
