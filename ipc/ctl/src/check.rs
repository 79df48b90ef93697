//! `vipctl check` is `vipd -t`: the language is vipd's alone. Finds the program and becomes it.

use crate::failure::Failure;
use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

/// Where a package puts it; in a build tree it lies beside vipctl.
const SBINDIR: &str = match option_env!("VIPD_SBINDIR") {
    Some(path) => path,
    None => "/usr/sbin",
};

/// Returns only if there is no vipd to become. Never looks in PATH, as vipd does not.
pub(crate) fn run(file: &OsStr, peer: Option<&OsStr>, json: bool) -> Failure {
    let program = program();
    let mut command = Command::new(&program);
    command.arg("-t").arg("-f").arg(file);
    if let Some(peer) = peer {
        command.arg("--peer").arg(peer);
    }
    if json {
        command.arg("--json");
    }
    let error = command.exec();
    Failure::Absent(format!("cannot run {}: {error}", program.display()))
}

fn program() -> PathBuf {
    let exe = std::env::current_exe().ok();
    let beside = exe.and_then(|exe| Some(exe.parent()?.join("vipd")));
    beside.filter(|path| path.is_file()).unwrap_or_else(|| PathBuf::from(SBINDIR).join("vipd"))
}
