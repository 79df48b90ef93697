//! FIFOs: the lines, who reads them, and what happens when nobody does.

use crate::rig::{Host, VIP, globals, instance};
use vipd_lab::Stamp;

fn mode_and_owner(host: &Host, path: &str) -> String {
    host.node.shell(&format!("stat -c '%F %a %U %G' {path}")).unwrap().trim().to_owned()
}

/// Two FIFOs, one made and one that is there; the lines are keepalived's to the byte.
#[test]
fn lines_are_those_of_keepalived() {
    let mut host = Host::boot();
    host.node.shell("mkfifo -m 600 /run/there && chown daemon /run/there").unwrap();
    let globals = globals("notify_fifo /run/made games tty;vrrp_notify_fifo /run/there");
    host.start(&(globals + &instance("VI_1", 51, VIP, "")));
    assert_eq!(mode_and_owner(&host, "/run/made"), "fifo 644 games tty");
    assert_eq!(mode_and_owner(&host, "/run/there"), "fifo 600 daemon root");
    host.reads("/run/made", "made");
    host.reads("/run/there", "there");
    host.last("made", "INSTANCE \"VI_1\" MASTER 150");
    host.fault(true);
    host.last("made", "INSTANCE \"VI_1\" FAULT 150");
    host.stop();
    host.wait("the readers' end", || !host.runs("cat"));
    let expected = ["BACKUP 150", "MASTER 150", "FAULT 150", "STOP 150"];
    let expected: String =
        expected.iter().map(|what| format!("INSTANCE \"VI_1\" {what}\n")).collect();
    assert_eq!(host.node.read("/run/out/made").unwrap(), expected);
    assert_eq!(host.node.read("/run/out/there").unwrap(), expected);
}

#[test]
fn changes_of_the_priority_are_told_if_asked_for() {
    let mut host = Host::boot();
    host.writes("all");
    let with_weight =
        |lines: &str| instance("VI_1", 51, VIP, lines).replace("  up\n", "  up weight -30\n");
    let quiet = instance("VI_2", 52, "10.88.88.101", "").replace("  up\n", "  up weight -30\n");
    let config = globals("notify_fifo /run/fifo")
        + &with_weight("notify_priority_changes;notify /run/all")
        + &quiet;
    host.start(&config);
    host.reads("/run/fifo", "fifo");
    host.last("all", "|INSTANCE|VI_1|MASTER|150");
    host.fault(true);
    host.last("all", "|INSTANCE|VI_1|MASTER_PRIORITY|120");
    host.stop();
    assert_eq!(host.written("all").last().unwrap(), "|INSTANCE|VI_1|STOP|120");
    let told = host.written("fifo");
    let of = |name: &str| -> Vec<&str> {
        told.iter().filter(|line| line.contains(name)).map(|line| &line[16..]).collect()
    };
    let changes = ["BACKUP 150", "MASTER 150", "MASTER_PRIORITY 120", "STOP 120"];
    assert_eq!(of("VI_1"), changes);
    // The other instance ends with the priority that it has, whether it was told or not.
    assert_eq!(of("VI_2"), ["BACKUP 150", "MASTER 150", "STOP 120"]);
}

/// A reader that is stopped blocks nothing; what it missed is counted, and when it goes on it is told
/// how things stand.
#[test]
fn a_dead_reader_blocks_nothing() {
    let mut host = Host::boot();
    host.writes("all");
    // 64 KiB hold some two hundred lines with names as long as these.
    let long = "n".repeat(250);
    let lines = "notify_priority_changes;notify /run/all";
    let config = |weight: i32| {
        let one = instance(&long, 51, VIP, lines);
        globals("notify_fifo /run/fifo")
            + &one.replace("  up\n", &format!("  up weight {weight}\n"))
    };
    host.start(&config(-30));
    let sleeps = "(sleep 1000 < /run/fifo > /dev/null 2>&1 &)";
    host.node.shell(sleeps).unwrap();
    let master = format!("|INSTANCE|{long}|MASTER|150");
    host.last("all", &master);
    let begun = Stamp::now();
    let is_full =
        || host.node.syslog().find("/run/fifo: nobody reads it, lines are lost").is_some();
    let mut down = false;
    while !is_full() {
        assert!(Stamp::now().since(begun).as_secs() < 120, "{}", host.node.syslog().text());
        down = !down;
        let since = Stamp::now();
        host.fault(down);
        let priority = if down { 120 } else { 150 };
        let entered = format!("Changing effective priority from {} to {priority}", 270 - priority);
        host.wait(&entered, || {
            host.node.syslog().find_since(since, &entered).is_some() || is_full()
        });
    }
    // It serves as before.
    let since = Stamp::now();
    host.capture.wait_advert(since, crate::rig::LIMIT, "of the MASTER", |a| a.vrid == 51).unwrap();
    assert!(host.holds(VIP));
    host.fault(true);
    host.logged(begun, "to 120");
    let since = Stamp::now();
    host.reads("/run/fifo", "fifo");
    host.logged(since, "/run/fifo: it is read again;");
    host.last("fifo", &format!("INSTANCE \"{long}\" MASTER 120"));
    host.stop();
    host.wait("the last line", || {
        host.written("fifo").last().is_some_and(|l| l.ends_with("STOP 120"))
    });
}

#[test]
fn the_reader_is_started_again_and_ended() {
    let mut host = Host::boot();
    let reader = "#!/bin/sh\necho \"$# $1 $2 $(id -un)\" >> /run/out/args\n\
                  while read -r line; do\n echo \"$line\" >> /run/out/lines\n \
                  case $line in *FAULT*) exit 5;; esac\ndone < \"$2\"\necho over >> /run/out/lines\n";
    host.script("reader", reader);
    let globals = globals("notify_fifo /run/fifo;notify_fifo_script \"/run/reader 'a b'\"");
    let begun = Stamp::now();
    host.start(&(globals + &instance("VI_1", 51, VIP, "")));
    host.last("lines", "INSTANCE \"VI_1\" MASTER 150");
    host.fault(true);
    host.logged(begun, "notify_fifo_script exited with status 5; next start in 1 s");
    host.fault(false);
    host.wait("the second reader", || host.written("args").len() == 2);
    assert_eq!(host.written("args"), ["2 a b /run/fifo daemon", "2 a b /run/fifo daemon"]);
    host.last("lines", "INSTANCE \"VI_1\" MASTER 150");
    host.stop();
    let lines = host.written("lines");
    assert_eq!(lines[lines.len() - 2..], ["INSTANCE \"VI_1\" STOP 150", "over"]);
    assert!(!host.runs("reader"));
}

/// Something else at the path, or a FIFO of a stranger, is left alone; the node serves all the same.
#[test]
fn what_is_no_fifo_of_ours_is_left_alone() {
    let mut host = Host::boot();
    host.node
        .shell("echo mine > /run/file; mkfifo /run/strange; chown games /run/strange")
        .unwrap();
    let globals = globals("notify_fifo /run/file;vrrp_notify_fifo /run/strange");
    let begun = Stamp::now();
    host.start(&(globals + &instance("VI_1", 51, VIP, "")));
    host.logged(begun, "notify_fifo /run/file: there is something else, which is no FIFO");
    host.logged(begun, "vrrp_notify_fifo /run/strange: the FIFO there belongs to another user");
    host.wait("the address", || host.holds(VIP));
    host.stop();
    assert_eq!(host.node.read("/run/file").unwrap(), "mine\n");
    assert_eq!(mode_and_owner(&host, "/run/strange").split(' ').nth(2), Some("games"));
}
