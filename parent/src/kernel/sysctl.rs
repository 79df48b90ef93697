//! The kernel's settings that an instance depends on, under /proc/sys/net. Sets only what it names.

use std::io;
use std::path::{Path, PathBuf};
use vipd_types::IfName;

/// Without it the kernel removes every other address of a subnet together with the first one.
/// Returns whether it had to be switched on.
pub(crate) fn promote_secondaries(interface: &IfName) -> io::Result<bool> {
    switch(&conf(interface, "promote_secondaries")?, true)
}

/// Without it the kernel drops an IPv4 packet whose source is an address of this host: the adverts
/// of the router that owns the addresses, once they are here too. Returns whether something had
/// to be changed.
pub(crate) fn accept_local(interface: &IfName, on: bool) -> io::Result<bool> {
    switch(&conf(interface, "accept_local")?, on)
}

fn conf(interface: &IfName, key: &str) -> io::Result<PathBuf> {
    let name = std::str::from_utf8(interface.as_bytes()).map_err(io::Error::other)?;
    Ok(Path::new("/proc/sys/net/ipv4/conf").join(name).join(key))
}

fn switch(path: &Path, on: bool) -> io::Result<bool> {
    if is_on(path)? == on {
        return Ok(false);
    }
    std::fs::write(path, if on { "1\n" } else { "0\n" })?;
    if is_on(path)? == on { Ok(true) } else { Err(io::Error::other("the setting did not stay")) }
}

fn is_on(path: &Path) -> io::Result<bool> {
    Ok(std::fs::read_to_string(path)?.trim() != "0")
}
