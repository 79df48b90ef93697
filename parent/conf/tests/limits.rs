//! What does not fit into a message between the processes is an error of the file, said at the
//! place of the first too many; what just fits is none.
#![cfg(test)]

use vipd_conf::limits::{MEMBERS_MAX, NAME_MAX, PEERS_MAX, TRACKS_MAX};
use vipd_conf::{Severity, parse};

/// Lines of the errors.
fn errors(text: &str) -> Vec<usize> {
    let parsed = parse("x", text.as_bytes());
    let errors = parsed.diagnostics.iter().filter(|d| d.severity == Severity::Error);
    errors.map(|d| d.line).collect()
}

fn instance(name: &str, more: &str) -> String {
    let head = "interface eth0\nvirtual_router_id 7\nvirtual_ipaddress {\n10.0.0.1\n}\n";
    format!("vrrp_instance {name} {{\n{head}{more}}}\n")
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

#[test]
fn names() {
    let name = |length| "n".repeat(length);
    let script = |length| format!("vrrp_script {} {{\nscript \"pidof x\"\n}}\n", name(length));
    let group = |length| {
        format!("vrrp_sync_group {} {{\ngroup {{\na\n}}\n}}\n{}", name(length), instance("a", ""))
    };
    for (length, expected) in [(NAME_MAX, &[][..]), (NAME_MAX.saturating_add(1), &[1][..])] {
        assert_eq!(errors(&instance(&name(length), "")), expected);
        assert_eq!(errors(&script(length)), expected);
        assert_eq!(errors(&group(length)), expected);
    }
}

/// A longer name is for a program to look up.
#[test]
fn names_of_processes() {
    let native = |length| {
        let text = format!("vrrp_script a {{\nscript \"pidof {}\"\n}}\n", "x".repeat(length));
        parse("x", text.as_bytes()).config.scripts[0].native.is_some()
    };
    assert!(native(NAME_MAX));
    assert!(!native(NAME_MAX.saturating_add(1)));
}

#[test]
fn peers() {
    let peers = |count| {
        let list = lines(count, |n| format!("10.1.{}.{}\n", n / 200, n % 200 + 1));
        errors(&instance("a", &format!("unicast_peer {{\n{list}}}\n")))
    };
    assert_eq!(peers(PEERS_MAX), []);
    assert_eq!(peers(PEERS_MAX + 9), [PEERS_MAX + 8]);
}

#[test]
fn tracked_scripts() {
    let tracks = |count| {
        let list = lines(count, |n| format!("s{n}\n"));
        let scripts = lines(count, |n| format!("vrrp_script s{n} {{\nscript \"pidof x\"\n}}\n"));
        let text = instance("a", &format!("track_script {{\n{list}}}\n"));
        errors(&format!("{text}{scripts}"))
    };
    assert_eq!(tracks(TRACKS_MAX), []);
    assert_eq!(tracks(TRACKS_MAX + 9), [TRACKS_MAX + 8]);
}

#[test]
fn members() {
    let members = |count| {
        let list = lines(count, |n| format!("i{n}\n"));
        let instances = lines(count, |n| {
            format!(
                "vrrp_instance i{n} {{\ninterface e{}\nvirtual_router_id {}\n}}\n",
                n / 200,
                n % 200 + 1
            )
        });
        errors(&format!("vrrp_sync_group g {{\ngroup {{\n{list}}}\n}}\n{instances}"))
    };
    assert_eq!(members(MEMBERS_MAX), []);
    assert_eq!(members(MEMBERS_MAX + 1), [1]);
}
