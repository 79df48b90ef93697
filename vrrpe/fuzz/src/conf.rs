//! Target: the text of a configuration file. Reading is total; what is said about it can be shown
//! on a terminal and points into the file; what is read without an error can be printed, and reads
//! back as the same.

use vipd_conf::config::{Target, Vip};
use vipd_conf::limits::{MEMBERS_MAX, NAME_MAX, PEERS_MAX, TRACKS_MAX};
use vipd_conf::{Config, Diagnostic, parse, print};
use vipd_types::Family;

/// How many diagnostics of a file are drawn.
const DRAWN: usize = 2;

pub fn run(text: &[u8]) {
    let parsed = parse("fuzz.conf", text);
    let lines: Vec<usize> = text.split(|byte| *byte == b'\n').map(<[u8]>::len).collect();
    for (nth, diagnostic) in parsed.diagnostics.iter().enumerate() {
        points_into_the_file(diagnostic, &lines);
        can_be_logged(diagnostic);
        // Drawing is slow, and mostly the same.
        if nth < DRAWN {
            can_be_drawn(diagnostic, text);
        }
    }
    if !parsed.has_errors() {
        is_usable(&parsed.config);
        reads_back(&parsed.config);
    }
}

/// `lines` are the lengths of the lines.
fn points_into_the_file(diagnostic: &Diagnostic, lines: &[usize]) {
    let line = lines.get(diagnostic.line.wrapping_sub(1));
    let end = diagnostic.column.wrapping_sub(1).wrapping_add(diagnostic.length);
    assert!(line.is_some_and(|length| end <= *length), "{diagnostic:?}");
}

fn can_be_logged(diagnostic: &Diagnostic) {
    let line = diagnostic.to_line();
    assert!(!line.contains(char::is_control), "{line:?}");
}

fn can_be_drawn(diagnostic: &Diagnostic, text: &[u8]) {
    let shown = diagnostic.render(text);
    assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
}

/// What the parent and the protocol take for granted.
fn is_usable(config: &Config) {
    for instance in &config.instances {
        let tracks = instance.tracks.iter().filter_map(|track| match track.target {
            Target::Script(id) => Some(usize::from(id.0)),
            Target::Process(_) | Target::Interface(_) => None,
        });
        assert!(tracks.max().is_none_or(|last| last < config.scripts.len()), "{instance:?}");
        let (peers, tracks) = (instance.peers.len(), instance.tracks.len());
        assert!(peers <= PEERS_MAX && tracks <= TRACKS_MAX, "{peers} peers, {tracks} scripts");
        // An advert counts its addresses in a byte.
        assert!(instance.addresses.len() <= 255, "{} addresses", instance.addresses.len());
        let in_family = |vip: &Vip| Family::from(&vip.address) == instance.family;
        assert!(instance.addresses.iter().all(in_family), "{instance:?}");
    }
    for group in &config.groups {
        assert!(group.members.len() <= MEMBERS_MAX, "{} members", group.members.len());
        assert!(group.members.iter().all(|n| *n < config.instances.len()), "{group:?}");
    }
    let instances = config.instances.iter().map(|instance| &instance.name);
    let scripts = config.scripts.iter().map(|script| &script.name);
    let names = instances.chain(scripts).chain(config.groups.iter().map(|group| &group.name));
    let lengths = names.map(String::len);
    assert!(lengths.max().is_none_or(|longest| longest <= NAME_MAX));
}

fn reads_back(config: &Config) {
    let printed = print(config);
    let again = parse("printed.conf", &printed);
    let shown = || String::from_utf8_lossy(&printed).into_owned();
    assert!(!again.has_errors(), "{:?}\n{}", again.diagnostics, shown());
    assert_eq!(&again.config, config, "{}", shown());
    assert_eq!(print(&again.config), printed);
}
