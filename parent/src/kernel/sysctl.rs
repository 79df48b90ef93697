//! The kernel's settings that instances depend on, under /proc/sys/net. Sets only what it is told.

use std::io;
use std::path::{Path, PathBuf};
use vipd_types::{Family, IfName};

pub(super) fn folder(family: Family) -> &'static Path {
    Path::new(match family {
        Family::V4 => "/proc/sys/net/ipv4/conf",
        Family::V6 => "/proc/sys/net/ipv6/conf",
    })
}

/// Without it the kernel removes every other address of a subnet together with the first one.
/// Returns whether it had to be switched on.
pub(crate) fn promote_secondaries(interface: &IfName) -> io::Result<bool> {
    switch(interface, "promote_secondaries", true)
}

/// Without it the kernel drops an IPv4 packet whose source is an address of this host: the adverts
/// of the router that owns the addresses, once they are here too. Returns whether something had
/// to be changed.
pub(crate) fn accept_local(interface: &IfName, on: bool) -> io::Result<bool> {
    switch(interface, "accept_local", on)
}

fn switch(interface: &IfName, key: &str, on: bool) -> io::Result<bool> {
    let name = std::str::from_utf8(interface.as_bytes()).map_err(io::Error::other)?;
    if (read(Family::V4, name, key)? != 0) == on {
        return Ok(false);
    }
    write(Family::V4, name, key, i32::from(on))?;
    Ok(true)
}

/// `interface` may be `all` or `default`.
pub(super) fn path(family: Family, interface: &str, key: &str) -> PathBuf {
    folder(family).join(interface).join(key)
}

pub(super) fn read(family: Family, interface: &str, key: &str) -> io::Result<i32> {
    let text = std::fs::read_to_string(path(family, interface, key))?;
    text.trim().parse().map_err(io::Error::other)
}

/// Verified, because some settings are refused in silence.
pub(super) fn write(family: Family, interface: &str, key: &str, value: i32) -> io::Result<()> {
    std::fs::write(path(family, interface, key), format!("{value}\n"))?;
    if read(family, interface, key)? == value {
        Ok(())
    } else {
        Err(io::Error::other("the setting did not stay"))
    }
}

/// All that have settings, with `all` and `default`.
pub(super) fn interfaces(family: Family) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder(family))? {
        names.extend(entry?.file_name().into_string());
    }
    Ok(names)
}
