//! Sync groups: the members are told first, then the group, and both know the same in the end.

use crate::rig::{Host, VIP, globals, instance};

fn group(lines: &str) -> String {
    let lines = lines.replace(';', "\n ");
    format!("vrrp_sync_group G {{\n group {{\n  A\n  B\n }}\n {lines}\n}}\n")
}

#[test]
fn members_first_and_then_the_group() {
    let mut host = Host::boot();
    let fifo = "vrrp_notify_fifo /run/fifo";
    host.writes("group");
    host.writes("up");
    host.writes("down");
    host.writes("stop");
    let lines = "notify /run/group;notify_master \"/run/up G\";notify_fault /run/down;\
                 notify_stop \"/run/stop G\"";
    let config = globals(fifo)
        + &instance("A", 51, VIP, "")
        + &instance("B", 52, "10.88.88.101", "notify_stop \"/run/stop B\"")
        + &group(lines);
    host.node.shell("mkfifo /run/fifo").unwrap();
    host.reads("/run/fifo", "fifo");
    host.start(&config);
    host.last("group", "|GROUP|G|MASTER|0");
    assert_eq!(host.written("up"), ["|G"]);
    host.fault(true);
    host.last("group", "|GROUP|G|FAULT|0");
    assert_eq!(host.written("down"), [""]);
    host.fault(false);
    host.last("group", "|GROUP|G|MASTER|0");
    host.stop();
    let told = host.written("group");
    let states: Vec<&str> = told.iter().map(|line| line.split('|').nth(3).unwrap()).collect();
    assert_eq!(states, ["BACKUP", "MASTER", "FAULT", "BACKUP", "MASTER", "STOP"]);
    let mut stops = host.written("stop");
    stops.sort();
    assert_eq!(stops, ["|B", "|G"]);
    host.wait("the reader's end", || !host.runs("cat"));
    // What the FIFO says of the group comes after the same of both members.
    let lines = host.written("fifo");
    let mut members = Vec::new();
    let mut groups = Vec::new();
    for line in &lines {
        let words: Vec<&str> = line.split(' ').collect();
        match words[0] {
            "GROUP" => {
                assert_eq!((words[1], words[3]), ("\"G\"", "0"), "{line}");
                let same = |name: &str| {
                    members.iter().rfind(|(of, _)| of == name).map(|(_, state)| state)
                        == Some(&words[2])
                };
                assert!(same("\"A\"") && same("\"B\""), "{line} in {lines:?}");
                groups.push(words[2]);
            }
            _ => members.push((words[1].to_owned(), words[2])),
        }
    }
    assert_eq!(groups, ["BACKUP", "MASTER", "FAULT", "BACKUP", "MASTER", "STOP"], "{lines:?}");
    assert_eq!(members.len(), 12, "{lines:?}");
}
