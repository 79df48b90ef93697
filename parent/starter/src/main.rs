//! The starter of vipd: runs the configured scripts by number. Table of contents and order of the
//! start. It reads the configuration itself, so that nobody can name a program to it, and has no
//! network code.
#![deny(unsafe_code)]

mod account;
mod book;
mod confine;
#[path = "../../src/disk.rs"]
mod disk;
mod hello;
mod output;
mod path;
mod run;
mod runs;
mod shelf;
mod spawn;
mod tell;
mod walls;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use vipd_ipc::relay;

fn main() -> ExitCode {
    relay::say_panics_in_one_line("vipd-starter");
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            relay::last_words("vipd-starter", &error);
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<(), String> {
    let mut arguments = std::env::args_os().skip(1);
    let file = arguments.next().map(PathBuf::from).filter(|file| Path::is_absolute(file));
    let file = file.ok_or("the first argument is the absolute path of the configuration")?;
    let config_id = arguments.next().and_then(|id| id.into_string().ok());
    let config_id = config_id.ok_or("the second argument is the name of this node")?;
    let vrrp_only = arguments.next().is_some_and(|word| word == "-P");
    let around = disk::Disk { config_id, vrrp_only, prefix: disk::HANDED_ON };
    let mut shelf = shelf::Shelf::new(file, around);
    let walls = walls::build(&shelf.capabilities);
    shelf.may_switch = walls.may_switch;
    let mut parent = hello::greet()?;
    relay::start();
    if !walls.missing.is_empty() {
        log::warn!("starter runs without these walls: {}", walls.missing.join(", "));
    }
    if !walls.may_switch {
        log::warn!("starter cannot change users: every script runs as its own user");
    }
    run::run(&mut parent, shelf)
}
