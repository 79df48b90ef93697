//! The health checker of vipd: answers which trackers are up. Table of contents and order of the
//! start; no probe and no schedule here. Holds no privilege and asks for none.
#![deny(unsafe_code)]

mod confine;
mod fds;
mod hello;
mod judge;
mod probe_file;
mod probe_process;
mod probe_script;
mod run;
mod sched;
mod staging;
mod talk;
mod walls;
mod watch;

use std::process::ExitCode;
use vipd_ipc::relay;

fn main() -> ExitCode {
    relay::say_panics_in_one_line("vipd-checker");
    let missing = walls::before_the_first_message();
    let mut peers = match hello::greet() {
        Ok(peers) => peers,
        Err(error) => {
            relay::last_words("vipd-checker", &error);
            return ExitCode::FAILURE;
        }
    };
    relay::start();
    match run::run(&mut peers, missing) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            relay::last_words("vipd-checker", &error);
            ExitCode::FAILURE
        }
    }
}
