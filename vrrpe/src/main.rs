//! The VRRP engine: who is MASTER, and what is said about it on the network. This file is the
//! order of start, top to bottom; it decides nothing. The process gets everything it works with
//! as descriptors, and must never need a file, a new socket or another program.
#![deny(unsafe_code)]

mod commit;
mod confine;
mod control;
mod deadlines;
mod events;
mod explain;
mod filter;
mod groups;
mod heard;
mod instance;
mod lease;
mod monitor;
mod options;
mod orders;
mod raw;
mod report;
mod routers;
mod run;
mod rx;
mod serve;
mod show;
mod stage;
mod start;
mod tell;
mod trackers;
mod tx;
mod words;

use std::process::ExitCode;
use vipd_ipc::relay;

fn main() -> ExitCode {
    relay::say_panics_in_one_line("vipd-vrrpe");
    let end = match start::start() {
        Ok(engine) => engine.run(),
        Err(end) => {
            // There may be no channel to say it on.
            if let run::End::Failed(why) = &end {
                relay::last_words("vipd-vrrpe", why);
            }
            end
        }
    };
    match end {
        run::End::Done => ExitCode::SUCCESS,
        run::End::Failed(_) => ExitCode::FAILURE,
    }
}
