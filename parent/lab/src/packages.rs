//! The Debian packages that the laboratory's programs come from. Installs what is missing only when
//! that is possible and not forbidden; starts no service.

use crate::error::{Error, Result};
use crate::run::output;
use std::env;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// A program and the package it comes from.
const NEEDED: [(&str, &str); 14] = [
    ("/usr/sbin/haproxy", "haproxy"),
    ("/usr/sbin/nginx", "nginx"),
    ("/usr/sbin/apache2", "apache2"),
    ("/usr/sbin/keepalived", "keepalived"),
    ("/usr/lib/frr/vrrpd", "frr"),
    ("/usr/bin/tshark", "tshark"),
    ("/usr/bin/tcpdump", "tcpdump"),
    ("/usr/bin/mandoc", "mandoc"),
    ("/usr/sbin/ip", "iproute2"),
    ("/usr/sbin/nft", "nftables"),
    ("/usr/bin/killall", "psmisc"),
    ("/usr/bin/socat", "socat"),
    ("/usr/bin/jq", "jq"),
    ("/usr/bin/strace", "strace"),
];

/// Those whose program is not there.
pub fn missing() -> Vec<&'static str> {
    let there = |program: &str| {
        let elsewhere = program.strip_prefix("/usr").unwrap_or(program);
        Path::new(program).exists() || Path::new(elsewhere).exists()
    };
    NEEDED.iter().filter(|(program, _)| !there(program)).map(|(_, package)| *package).collect()
}

/// Installs what is missing with apt-get, unless `$VIPD_LAB_INSTALL` is `no`.
///
/// # Errors
/// When something is missing and stays so: names the command to run.
pub fn ensure() -> Result<()> {
    let packages = missing();
    if packages.is_empty() {
        return Ok(());
    }
    let command = format!("apt-get install --no-install-recommends {}", packages.join(" "));
    let forbidden = env::var_os("VIPD_LAB_INSTALL").is_some_and(|answer| answer == "no");
    if forbidden || !nix::unistd::Uid::effective().is_root() {
        return Err(Error::new(format!("programs are missing; install them: {command}")));
    }
    apt_get(&["update"])?;
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    arguments.extend(&packages);
    apt_get(&arguments)?;
    match missing().as_slice() {
        [] => Ok(()),
        still => Err(Error::new(format!("still missing after {command}: {}", still.join(" ")))),
    }
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    // RUNLEVEL=1 is how invoke-rc.d is told that nothing is to be started.
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
    let result = output(command, "", Duration::from_secs(600))?;
    if result.ok() {
        return Ok(());
    }
    Err(Error::new(format!("apt-get {}: {}", arguments.join(" "), result.stderr.trim())))
}
