//! `track_file` on two nodes: what is written into the file moves the address, seen on the wire and
//! in the kernel.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

use vipd_lab::clock::{Stamp, millis, wait_until};
use vipd_lab::scenario::{LIMIT, NODE1, Pair};
use vipd_lab::{Daemon, Node};

/// Both nodes with a tracked file that node 1 alone has.
fn pair(block: &str, lines: &str) -> Pair {
    let change = |text: &str| {
        let track = format!("    advert_int 1\n    track_file {{\n{lines}\n    }}\n");
        format!("{block}\n{}", text.replace("    advert_int 1\n", &track))
    };
    Pair::changed(&Daemon::vipd().unwrap(), change).unwrap()
}

/// As an administrator would: a new file takes the place of the old one.
fn replace(node: &Node, file: &str, text: &str) -> Stamp {
    let at = Stamp::now();
    node.shell(&format!("printf '{text}' > {file}.new && mv {file}.new {file}")).unwrap();
    at
}

/// Node `number` serves, and node 1 said `priority` meanwhile.
fn moved(pair: &Pair, since: Stamp, number: u8, priority: Option<u8>) {
    let at = pair.wait_served(since, number).unwrap();
    println!("node{number} serves {:.1} ms later", millis(at.since(since)));
    if let Some(priority) = priority {
        pair.capture
            .wait_advert(since, LIMIT, &format!("node 1 with priority {priority}"), |advert| {
                advert.source == NODE1 && advert.priority == priority
            })
            .unwrap();
    }
    assert!(pair.long_overlaps().is_empty(), "{:?}", pair.overlaps());
}

fn said(pair: &Pair, since: Stamp, text: &str) {
    let log = pair.one.node.syslog();
    let wait = wait_until(LIMIT, format_args!("{text}"), || log.find_since(since, text).is_some());
    wait.map_err(|error| format!("{error}\n{}", log.text())).unwrap();
}

#[test]
fn the_number_in_a_file_moves_the_address() {
    let block = "track_file load {\n    file /run/lab/load\n    weight -2\n    init_file 0\n}";
    let mut pair = pair(block, "        load");
    pair.settle().unwrap();
    let (node, file) = (&pair.one.node, "/run/lab/load");

    // The folder is not there at first, and nobody could make the file.
    assert!(node.syslog().find("cannot make /run/lab/load").is_some(), "{}", node.syslog().text());
    node.shell("mkdir /run/lab").unwrap();
    let busy = replace(node, file, "10\\n");
    moved(&pair, busy, 2, Some(91));
    said(&pair, busy, "tracked file load: 10");
    let idle = Stamp::now();
    node.shell(&format!("echo 0 > {file}")).unwrap();
    moved(&pair, idle, 1, Some(111));

    // The service that writes it restarts: its folder is made anew.
    let again = Stamp::now();
    node.shell("rm -r /run/lab && mkdir /run/lab && echo 0x0a > /run/lab/load").unwrap();
    moved(&pair, again, 2, Some(91));
    let gone = Stamp::now();
    node.shell("rm -r /run/lab").unwrap();
    moved(&pair, gone, 1, Some(111));
    said(&pair, gone, "tracked file load: No such file or directory, which counts as 0");

    // Where there is no right to read, a reload does not go.
    let elsewhere = pair.one.config.replace("/run/lab/load", "/var/lib/lab/load");
    let refused = Stamp::now();
    pair.one.daemon.as_mut().unwrap().reload(&pair.one.node, &elsewhere).unwrap();
    said(&pair, refused, "the new checks need reading files in /var/lib/lab");
}

/// Without weight, and below the range, the instance is in FAULT.
#[test]
fn a_number_can_be_a_fault() {
    let block = "vrrp_track_file drain {\n    file /run/drain\n    init_file 0\n}";
    let pair = pair(block, "        drain weight 0");
    pair.settle().unwrap();
    let node = &pair.one.node;
    assert_eq!(node.read("/run/drain").unwrap(), "0\n");
    let drained = replace(node, "/run/drain", "1");
    moved(&pair, drained, 2, None);
    said(&pair, drained, "(VI_1) Entering FAULT STATE");
    let vipctl = vipd_lab::paths::bin_dir().unwrap().join("vipctl");
    let shown = node.shell(&format!("{} show VI_1", vipctl.display())).unwrap();
    assert!(shown.contains("drain 1"), "{shown}");
    let back = replace(node, "/run/drain", "0");
    moved(&pair, back, 1, Some(111));
}
