//! Reloads: other commands take effect without the routers noticing; who leaves is told of; what a
//! running daemon cannot do is refused by name.

use crate::rig::{Host, VIP, globals, instance};
use vipd_lab::Stamp;

#[test]
fn other_commands_take_effect_and_nothing_else_happens() {
    let mut host = Host::boot();
    host.writes("old");
    host.writes("new");
    let config =
        |script: &str| globals("") + &instance("VI_1", 51, VIP, &format!("notify /run/{script}"));
    host.start(&config("old"));
    host.last("old", "|INSTANCE|VI_1|MASTER|150");
    let at = host.reload(&config("new"));
    assert!(host.node.syslog().find_since(at, "(VI_1)").is_none(), "{}", host.node.syslog().text());
    assert!(host.written("new").is_empty());
    host.fault(true);
    host.last("new", "|INSTANCE|VI_1|FAULT|150");
    assert_eq!(host.written("old").len(), 2);
    host.stop();
}

/// With `notify_deleted` an instance that is removed is told of as DELETED, without it as FAULT.
#[test]
fn an_instance_that_goes_is_told_of() {
    let mut host = Host::boot();
    for name in ["deleted", "all", "fault"] {
        host.writes(name);
    }
    let stays = instance("STAYS", 50, "10.88.88.110", "");
    let goes = "notify_deleted \"/run/deleted now\";notify /run/all;notify_fault /run/fault";
    let plain = "notify_fault \"/run/fault plain\"";
    let all = globals("notify_fifo /run/fifo")
        + &stays
        + &instance("GOES", 51, VIP, goes)
        + &instance("PLAIN", 52, "10.88.88.101", plain);
    host.start(&all);
    host.reads("/run/fifo", "fifo");
    host.last("all", "|INSTANCE|GOES|MASTER|150");
    host.wait("all addresses", || host.holds(VIP) && host.holds("10.88.88.101"));
    host.reload(&(globals("notify_fifo /run/fifo") + &stays));
    host.last("deleted", "|now");
    host.last("all", "|INSTANCE|GOES|DELETED|150");
    host.last("fault", "|plain");
    assert!(!host.holds(VIP));
    let told = |line: &str| host.written("fifo").iter().any(|one| one == line);
    host.wait("both in the FIFO", || {
        told("INSTANCE \"GOES\" DELETED 150") && told("INSTANCE \"PLAIN\" FAULT 150")
    });
    assert_eq!(host.written("fault").len(), 1);
    // It comes back as a new one.
    host.reload(&all);
    host.last("all", "|INSTANCE|GOES|MASTER|150");
    host.stop();
    host.last("all", "|INSTANCE|GOES|STOP|150");
}

#[test]
fn states_are_told_again_if_asked_for() {
    let mut host = Host::boot();
    let config = |lines: &str| {
        globals("notify_fifo /run/fifo;fifo_write_vrrp_states_on_reload")
            + &instance("VI_1", 51, VIP, lines)
    };
    host.start(&config(""));
    host.reads("/run/fifo", "fifo");
    host.last("fifo", "INSTANCE \"VI_1\" MASTER 150");
    host.reload(&config("notify_stop /bin/true"));
    host.wait("the state again", || host.written("fifo").len() == 3);
    assert_eq!(host.written("fifo")[2], "INSTANCE \"VI_1\" MASTER 150");
    host.stop();
}

#[test]
fn another_reader_takes_over() {
    let mut host = Host::boot();
    let reader = "#!/bin/sh\nwhile read -r line; do echo \"$line\" >> /run/out/$1; done < \"$2\"\n";
    host.script("reader", reader);
    let config = |name: &str| {
        let script = format!("notify_fifo /run/fifo;notify_fifo_script \"/run/reader {name}\"");
        globals(&script) + &instance("VI_1", 51, VIP, "")
    };
    host.start(&config("one"));
    host.last("one", "INSTANCE \"VI_1\" MASTER 150");
    host.reload(&config("two"));
    host.wait("one reader again", || host.node.find("reader").len() == 1);
    host.wait("the second", || {
        // For a moment there is none.
        let command = host.node.find("reader").first().map(|one| one.proc_dir().join("cmdline"));
        let command = command.and_then(|file| std::fs::read_to_string(file).ok());
        command.unwrap_or_default().contains("two")
    });
    host.fault(true);
    host.last("two", "INSTANCE \"VI_1\" FAULT 150");
    assert_eq!(host.written("one").len(), 2);
    host.stop();
}

/// Without any script at the start there is no starter, and a FIFO is made at the start only.
#[test]
fn what_only_a_start_can_do_is_refused_by_name() {
    let mut host = Host::boot();
    let plain = format!(
        "vrrp_instance VI_1 {{\n interface enp0s25\n virtual_router_id 51\n virtual_ipaddress {{\n  \
         {VIP}\n }}\n"
    );
    host.start(&format!("{plain}}}\n"));
    assert!(!host.runs("vipd-starter"));
    let mut refused = |config: &str, part: &str| {
        let at = Stamp::now();
        host.daemon.as_mut().unwrap().reload(&host.node, config).unwrap();
        host.logged(at, "Reload refused, nothing has changed");
        let line = host.node.syslog().find_since(at, "Reload refused").unwrap();
        assert!(line.text.contains(part), "{}", line.text);
    };
    refused(&format!("{plain} notify_backup /bin/true\n}}\n"), "(notify_backup of VI_1)");
    let fifo = "global_defs {\n notify_fifo /run/fifo\n}\n";
    refused(&format!("{fifo}{plain}}}\n"), "notify_fifo: a FIFO is made at the start");
    host.stop();
}
