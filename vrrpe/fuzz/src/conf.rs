//! Target: the text of a configuration file, and of the files that it includes. Reading is total;
//! what is said about it can be shown on a terminal and points into its file; what is read without
//! an error can be printed, and reads back as the same.

use std::path::Path;
use vipd_conf::config::{Target, Vip};
use vipd_conf::limits::{MEMBERS_MAX, NAME_MAX, PEERS_MAX, TRACKS_MAX};
use vipd_conf::{Around, Config, Diagnostic, Unread, parse, parse_in, print};
use vipd_types::Family;

/// How many diagnostics of a file are drawn.
const DRAWN: usize = 2;

/// Between the files of an input; the first is the main file.
const SEPARATOR: u8 = 0x1e;

/// The others, by the last digit of the path.
struct Others<'a>(Vec<&'a [u8]>);

impl Around for Others<'_> {
    fn config_id(&self) -> &str {
        "nfs1"
    }

    fn variable(&self, name: &str) -> Option<Vec<u8>> {
        self.0.first().filter(|_| name.len() < 3).map(|bytes| bytes.to_vec())
    }

    fn read(&mut self, path: &Path) -> Result<Vec<u8>, Unread> {
        let digit = path.to_string_lossy().chars().last().and_then(|c| c.to_digit(10));
        let number = usize::try_from(digit.unwrap_or(9)).unwrap_or(9);
        self.0.get(number).map(|bytes| bytes.to_vec()).ok_or(Unread::Missing)
    }

    fn names(&mut self, folder: &Path) -> Result<Vec<Vec<u8>>, Unread> {
        match folder.file_name() {
            Some(_) => Ok((0..self.0.len()).map(|n| format!("{n}").into_bytes()).collect()),
            None => Err(Unread::Denied),
        }
    }

    fn most_lines(&self) -> usize {
        1000
    }
}

pub fn run(input: &[u8]) {
    let mut files = input.split(|byte| *byte == SEPARATOR);
    let main = files.next().unwrap_or(&[]);
    let mut others = Others(files.take(9).collect());
    let parsed = parse_in("fuzz.conf", Path::new("/fuzz/fuzz.conf"), main, &mut others);
    let mut lines: Vec<Vec<usize>> = Vec::new();
    while let Some(text) = parsed.texts.bytes(lines.len()) {
        lines.push(text.split(|byte| *byte == b'\n').map(<[u8]>::len).collect());
    }
    for (nth, diagnostic) in parsed.diagnostics.iter().enumerate() {
        points_into_the_file(diagnostic, lines.get(diagnostic.text).map_or(&[], Vec::as_slice));
        can_be_logged(diagnostic);
        // Drawing is slow, and mostly the same.
        if nth < DRAWN {
            let shown = parsed.texts.draw(diagnostic, false);
            assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
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

/// What the parent and the protocol take for granted.
fn is_usable(config: &Config) {
    for instance in &config.instances {
        let tracks = instance.tracks.iter().filter_map(|track| match track.target {
            Target::Script(id) => Some(usize::from(id.0)),
            Target::Process(_) | Target::File(_) | Target::Check(_) | Target::Interface(_) => None,
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
