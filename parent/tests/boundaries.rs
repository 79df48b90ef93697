//! What the source tree promises: who depends on whom, how long a file may be, where `unsafe` may
//! stand, and that each crate is here for a stated reason. Asks cargo and reads files; starts
//! nothing of vipd.
#![cfg(test)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Package, our own packages it may use, crates of the registry it may use.
const TABLE: [(&str, &str, &str); 11] = [
    ("vipd-types", "", "serde"),
    ("vrrp-core", "vipd-types", ""),
    ("vipd-conf", "vipd-types", "annotate-snippets"),
    ("vipd-ipc", "vipd-types", "serde bincode mio nix log"),
    (
        "vipd",
        "vipd-types vipd-ipc vipd-conf",
        "nix caps mio rtnetlink socket2 syslog seccompiler lexopt log sd-notify thiserror \
         futures-util bytes netlink-packet-netfilter libc",
    ),
    (
        "vrrpe",
        "vipd-types vipd-ipc vrrp-core",
        "nix caps mio serde_json seccompiler landlock log libc",
    ),
    (
        "checker",
        "vipd-types vipd-ipc",
        "nix caps mio socket2 seccompiler landlock log libc httparse rustls",
    ),
    ("vipd-starter", "vipd-types vipd-ipc vipd-conf", "nix caps mio seccompiler log libc"),
    ("vipctl", "vipd-types vipd-ipc", "lexopt serde_json"),
    ("vipd-lab", "vipd-types vipd-ipc", "nix socket2 lexopt"),
    // Feeds all that reads what others write; no program contains it. libfuzzer-sys when asked for.
    ("vipd-fuzz", "vipd-types vipd-ipc vipd-conf vrrp-core vrrpe", "serde_json libfuzzer-sys"),
];

/// Program, and what must not be in it however deep.
const KEPT_OUT: [(&str, &[&str]); 5] = [
    ("vipd", &["vrrp-core", "vrrpe", "serde_json", "rustls", "ring", "httparse"]),
    (
        "vrrpe",
        &["rtnetlink", "netlink-", "vipd-conf", "socket2", "syslog", "rustls", "ring", "httparse"],
    ),
    ("checker", &["rtnetlink", "netlink-", "vipd-conf", "vrrp-core", "vrrpe", "syslog"]),
    (
        "vipd-starter",
        &[
            "rtnetlink",
            "netlink-",
            "vrrp-core",
            "vrrpe",
            "socket2",
            "syslog",
            "rustls",
            "ring",
            "httparse",
        ],
    ),
    (
        "vipctl",
        &["rtnetlink", "netlink-", "vrrp-core", "vrrpe", "vipd-conf", "caps", "seccompiler"],
    ),
];

const NOWHERE: [&str; 5] = ["tokio", "async-std", "smol", "openssl", "reqwest"];

/// The only files that may say `unsafe`.
const UNSAFE: [&str; 9] = [
    "parent/src/spawn.rs",
    "parent/src/sys.rs",
    "parent/src/launch.rs",
    "parent/starter/src/spawn.rs",
    "parent/lab/src/bin/vipd-liar.rs",
    "vrrpe/src/raw.rs",
    "checker/src/fds.rs",
    "ipc/src/chan.rs",
    "ipc/src/inherit.rs",
];

const LINES: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Names of what `package` uses in a build for users, at most `depth` steps away.
fn tree(package: &str, depth: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges", "normal", "--prefix", "none"])
        .args(["--package", package, "--depth", depth])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let names = text.lines().filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != package).map(str::to_owned).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace()
}

#[test]
fn packages_use_what_the_table_allows() {
    for (package, own, registry) in TABLE {
        let allowed: BTreeSet<&str> = words(own).chain(words(registry)).collect();
        for used in tree(package, "1") {
            assert!(allowed.contains(used.as_str()), "{package} may not depend on {used}");
        }
    }
    // A package that is not in the table would be bound by nothing.
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let members = manifest.split_once("members = [").unwrap().1.split_once(']').unwrap().0;
    assert_eq!(members.matches('"').count() / 2, TABLE.len(), "a package is missing in the table");
}

#[test]
fn programs_do_not_contain_what_is_not_their_business() {
    for (package, kept_out) in KEPT_OUT {
        let all = tree(package, "99");
        assert!(all.contains("vipd-ipc"), "{package}: {all:?}");
        for used in &all {
            assert!(!NOWHERE.contains(&used.as_str()), "{package} contains {used}");
            let out = kept_out.iter().any(|part| used.starts_with(*part));
            assert!(!out, "{package} contains {used}");
        }
    }
}

#[test]
fn nothing_links_the_parent() {
    for (package, ..) in TABLE.iter().filter(|(package, ..)| *package != "vipd") {
        assert!(!tree(package, "99").contains("vipd"), "{package} contains the parent");
    }
}

/// Rust files below `folder`, as paths from the root; those of tests only if wanted.
fn sources(tests: bool) -> Vec<(String, String)> {
    let (root, mut found) = (root(), Vec::new());
    let mut folders: Vec<PathBuf> =
        ["parent", "vrrpe", "checker", "ipc"].iter().map(|name| root.join(name)).collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let is_test = name == "tests" || name.ends_with("_tests.rs") || name == "tests.rs";
            if name == "target" || is_test && !tests {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".rs") {
                let short = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                found.push((short, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(found.len() > 50, "the sources were not found: {}", found.len());
    found
}

#[test]
fn files_are_short_and_say_what_they_own() {
    for (path, text) in sources(false) {
        let shipped = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or("");
        let lines = shipped.lines().count();
        assert!(lines <= LINES, "{path} has {lines} lines, more than {LINES}");
    }
    for (path, text) in sources(true) {
        assert!(text.starts_with("//!"), "{path} does not begin with what it owns");
    }
}

/// A line of code that opens something unsafe; comments and the lints that forbid it are not.
fn is_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or("");
    code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe")
}

#[test]
fn unsafe_code_stands_where_it_is_looked_for() {
    let found: BTreeSet<String> = sources(false)
        .into_iter()
        .filter(|(_, text)| text.lines().any(is_unsafe))
        .map(|(path, _)| path)
        .collect();
    let allowed: BTreeSet<String> = UNSAFE.iter().map(|path| (*path).to_owned()).collect();
    assert_eq!(found, allowed, "files with unsafe code, and files that may have it");
}

/// A comment counts for the lines up to the next blank line.
#[test]
fn each_crate_has_its_reason() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let section = manifest.split_once("[workspace.dependencies]\n").unwrap().1;
    let section = section.split_once("\n[").unwrap().0;
    let mut explained = false;
    for line in section.lines() {
        match line.chars().next() {
            Some('#') => explained = true,
            Some(_) => {
                let own = line.contains("path = ");
                assert!(explained || own, "no comment says why this is here: {line}");
            }
            None => explained = false,
        }
    }
}

/// The version of the codec that compiles, and the libraries that must not bring a run time.
#[test]
fn pins_hold() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let line = |name: &str| {
        let start = format!("{name} = ");
        manifest.lines().find(|line| line.starts_with(&start)).unwrap().to_owned()
    };
    assert!(line("bincode").contains("\"=2.0.1\""), "{}", line("bincode"));
    assert!(line("rtnetlink").contains("default-features = false"), "{}", line("rtnetlink"));
}

/// One file names the codec, so that it can be exchanged.
#[test]
fn the_codec_has_one_file() {
    let named: Vec<String> = sources(false)
        .into_iter()
        .filter(|(_, text)| text.lines().any(|line| line.contains("bincode::")))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(named, ["ipc/src/codec.rs"]);
}
