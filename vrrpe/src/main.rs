//! The VRRP engine: who is MASTER, and what is said about it on the network. This file is the
//! order of start, top to bottom; it decides nothing. The process gets everything it works with
//! as descriptors, and must never need a file, a new socket or another program.
#![deny(unsafe_code)]

mod clock;
mod commit;
mod confine;
mod control;
mod filter;
mod heard;
mod instance;
mod lease;
mod log;
mod raw;
mod routers;
mod run;
mod rx;
mod show;
mod stage;
mod start;
mod trackers;
mod tx;
mod words;

use std::process::ExitCode;

fn main() -> ExitCode {
    confine::keep_last_words();
    let end = match start::start() {
        Ok(engine) => engine.run(),
        Err(end) => end,
    };
    match end {
        run::End::Done => ExitCode::SUCCESS,
        run::End::Failed(why) => {
            confine::last_words(&why);
            ExitCode::FAILURE
        }
    }
}
