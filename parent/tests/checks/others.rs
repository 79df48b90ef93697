//! UNIX sockets, files, and what a reload may and may not.

use crate::rig::Stage;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

#[test]
fn sockets_and_files_are_asked() {
    let mut stage = Stage::new();
    stage.node.shell("mkdir -m 755 /run/lab").unwrap();
    let there = stage.node.file("/run/lab/there.sock");
    let listener = UnixListener::bind(&there).unwrap();
    std::fs::set_permissions(&there, std::fs::Permissions::from_mode(0o666)).unwrap();
    stage.node.write("/run/lab/ready", "state=OK\n").unwrap();
    stage.start(&[
        ("socket", "unix /run/lab/there.sock"),
        ("nothing", "unix /run/lab/nothing.sock"),
        ("ready", "file /run/lab/ready; content OK"),
        ("old", "file /run/lab/ready; max_age 0.1"),
        ("gone", "file /run/lab/gone; init_fail; rise 2"),
    ]);
    stage.wait("socket", "up", "it takes connections");
    stage.wait("nothing", "down", "no connection: No such file or directory");
    stage.wait("ready", "up", "as wanted");
    stage.wait("old", "down", "not written to for");
    stage.logged("vrrp_check gone is down: no success yet (init_fail)");
    stage.wait("gone", "down", "No such file or directory");
    stage.node.write("/run/lab/gone", "").unwrap();
    stage.wait("gone", "up", "as wanted");
    stage.node.write("/run/lab/ready", "state=BAD\n").unwrap();
    stage.wait("ready", "down", "\"OK\" is not in the file");
    drop(listener);
    stage.wait("socket", "down", "no connection: Connection refused");
}

/// What the walls leave open is settled at the start.
#[test]
fn a_reload_that_needs_more_is_refused_by_name() {
    let mut stage = Stage::new();
    stage.node.write("/run/lab/ready", "").unwrap();
    stage.start(&[("ready", "file /run/lab/ready")]);
    stage.wait("ready", "up", "");
    stage.reload(&[("port", "tcp 127.0.0.1:80")]);
    stage.logged("the new checks need connecting over TCP (this is the first such check)");
    stage.reload(&[("etc", "file /etc/lab/ready")]);
    stage.logged("the new checks need reading files in /etc/lab");
    stage.reload(&[("ready", "file /run/lab/ready"), ("other", "file /run/other/x")]);
    stage.wait("other", "down", "No such file");
    stage.wait("ready", "up", "");
    stage.node.write("/run/other/x", "").unwrap();
    stage.wait("other", "up", "");
}
