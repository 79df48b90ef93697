//! Any files that include one another, with any definitions, conditions and sequences: reading
//! ends, every place is in the file that it names, and what is read prints itself.

use proptest::collection::vec;
use proptest::prelude::*;
use std::path::Path;
use vipd_conf::{Around, Parsed, Unread, parse_in, print};

/// Files called 0, 1 and 2, of which 0 is the main file.
struct Tree(Vec<Vec<u8>>);

impl Around for Tree {
    fn config_id(&self) -> &str {
        "a"
    }

    fn variable(&self, name: &str) -> Option<Vec<u8>> {
        (name == "E").then(|| b"e\" #{".to_vec())
    }

    fn read(&mut self, path: &Path) -> Result<Vec<u8>, Unread> {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
        match name {
            "x" => Err(Unread::Executable),
            name => {
                let number = name.parse().unwrap_or(usize::MAX);
                self.0.get(number).cloned().ok_or(Unread::Missing)
            }
        }
    }

    fn names(&mut self, _folder: &Path) -> Result<Vec<Vec<u8>>, Unread> {
        Ok(["0", "1", "2", "x"].map(|name| name.as_bytes().to_vec()).into())
    }

    fn most_lines(&self) -> usize {
        500
    }
}

fn read(tree: Vec<Vec<u8>>) -> Parsed {
    let main = tree.first().cloned().unwrap_or_default();
    parse_in("0", Path::new("/t/0"), &main, &mut Tree(tree))
}

/// A file alone.
pub(crate) fn read_one(text: &str) -> Parsed {
    read(vec![text.as_bytes().to_vec()])
}

fn check(tree: Vec<Vec<u8>>) -> Result<(), TestCaseError> {
    let parsed = read(tree.clone());
    prop_assert_eq!(parsed.digest, read(tree).digest);
    for d in &parsed.diagnostics {
        let text = parsed.texts.bytes(d.text).unwrap();
        let line = text.split(|b| *b == b'\n').nth(d.line - 1);
        prop_assert!(line.is_some_and(|l| d.column - 1 + d.length <= l.len().max(1)), "{:?}", d);
        prop_assert!(!d.to_line().contains(char::is_control), "{:?}", d);
    }
    for d in parsed.diagnostics.iter().take(3) {
        prop_assert!(!parsed.texts.draw(d, false).is_empty());
    }
    if !parsed.has_errors() {
        let again = vipd_conf::parse("y", &print(&parsed.config));
        prop_assert_eq!(again.config, parsed.config);
    }
    Ok(())
}

const WORDS: [&str; 61] = [
    "vrrp_instance A {\ninterface eth0\nvirtual_router_id $n\n",
    "vrrp_instance B${n} {\n",
    "interface eth0\n",
    "virtual_router_id 7\n",
    "virtual_ipaddress {\n",
    "10.0.0.$n\n",
    "10.0.0.${n}/24 ",
    "global_defs {\n",
    "router_id ",
    "include_check ",
    "readable match\n",
    "random_seed 1\n",
    "vrrp_script s {\n",
    "script \"/bin/sh -c 'echo $HOME ${n} \\$n'\"\n",
    "}\n",
    "}",
    "{",
    " ",
    "\n",
    "\\",
    " \\\n",
    "\"",
    "#",
    "\\#",
    "\r\n",
    "\0",
    "$n=1\n",
    "$n=$m\n",
    "$m=${n}${n}\n",
    "$m=$k\n",
    "$k= \\\n",
    "$k=${k}x \\\n",
    "$k=\"a b\"\n",
    "$k\n",
    "$k ",
    "${m}",
    "$m,",
    "${_PWD}",
    "${_RANDOM 1 9}",
    "${_RANDOM",
    "${_ENV E}",
    "${_HASH}",
    "${_BANG}",
    "${_INSTANCE} ",
    "$",
    "${",
    "@a ",
    "@^a ",
    "@",
    "~SEQ(n,1,3) ",
    "~SEQx(m,9,11) ",
    "~SEQ(n,$m) ",
    "~LST(n,1,2) ",
    "~LST({n,m},{1,a},{2}) ",
    "~LST(k,~SEQ(n,1,99)) ",
    "include 1\n",
    "include 2\n",
    "include ../t/1\n",
    "includea {0,1}\n",
    "include *\n",
    "include ",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_tree_is_survived(tree in vec(vec(prop::sample::select(WORDS.to_vec()), 0..40), 3)) {
        check(tree.iter().map(|words| words.concat().into_bytes()).collect())?;
    }

    #[test]
    fn any_bytes_in_a_tree_are_survived(mut tree in vec(vec(any::<u8>(), 0..200), 3)) {
        tree[0].extend(b"\ninclude 1\ninclude *\n");
        check(tree)?;
    }
}

/// Input: two files, one of which is read by two orders of the same words. Expected: the order of
/// what is read, and what is read, are in the digest; the node's name is if something depends on it.
#[test]
fn the_digest_covers_all_that_is_read() {
    let digest = |tree: [&str; 3]| read(tree.map(|t| t.as_bytes().to_vec()).into()).digest;
    let main = "include 1\ninclude 2\n";
    let all = [
        digest([main, "a", "b"]),
        digest([main, "b", "a"]),
        digest([main, "ab", ""]),
        digest(["include 1\n", "a", "b"]),
        digest(["include 1\n", "a\n@a b", ""]),
    ];
    for (index, one) in all.iter().enumerate() {
        assert!(!all[..index].contains(one), "{index}");
    }
    assert_eq!(digest(["include 1\n", "a", "b"]), digest(["include 1\n", "a", "c"]));
}
