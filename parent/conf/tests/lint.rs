//! Each `pairs/NAME.conf` is looked at by itself and, if there is a `pairs/NAME.peer`, together with
//! that; what is found is compared with `pairs/NAME.expected`. With `VIPD_CONF_REWRITE=1` the
//! expectations are written anew.
#![cfg(test)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use vipd_conf::{Parsed, Severity, compare, lint, parse};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pairs")
}

fn read(path: &Path) -> Parsed {
    let name = path.file_name().unwrap().to_string_lossy();
    let parsed = parse(&name, &fs::read(path).unwrap());
    assert!(!parsed.has_errors(), "{name}: {:?}", parsed.diagnostics);
    parsed
}

fn shown(path: &Path) -> String {
    let ours = read(path);
    let mut text = String::new();
    for diagnostic in lint(&ours) {
        writeln!(text, "{}", diagnostic.to_line()).unwrap();
    }
    let peer = path.with_extension("peer");
    if peer.exists() {
        let comparison = compare(&ours, &read(&peer));
        text.push_str("--\n");
        for diagnostic in &comparison.diagnostics {
            writeln!(text, "{}", diagnostic.to_line()).unwrap();
        }
        for fact in &comparison.facts {
            writeln!(text, "{fact}").unwrap();
        }
    }
    text
}

#[test]
fn every_pair_says_what_is_expected() {
    let rewrite = std::env::var_os("VIPD_CONF_REWRITE").is_some();
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "conf"));
    paths.sort();
    assert!(paths.len() >= 30, "{} pairs", paths.len());
    let mut wrong = Vec::new();
    for path in paths {
        let (got, expected) = (shown(&path), path.with_extension("expected"));
        if rewrite {
            fs::write(&expected, &got).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != got {
            wrong.push(format!("{path:?}:\n{got}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// The pair of the demonstration, as two files of two hosts.
#[test]
fn the_pair_of_the_demonstration_agrees() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let nodes = ["pair-node1.conf", "pair-node2.conf"].map(|name| read(&cases.join(name)));
    let comparison = compare(&nodes[0], &nodes[1]);
    assert_eq!(comparison.diagnostics, []);
    assert!(comparison.facts.len() > 1, "{:?}", comparison.facts);
    let back = compare(&nodes[1], &nodes[0]);
    assert_eq!(back.diagnostics, []);
}

/// A file and its copy differ in nothing; only what belongs to one node alone is told.
#[test]
fn a_file_agrees_with_its_copy() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    for entry in fs::read_dir(cases).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "conf") {
            continue;
        }
        let parsed = parse("x", &fs::read(&path).unwrap());
        if parsed.has_errors() {
            continue;
        }
        lint(&parsed);
        for d in compare(&parsed, &parsed).diagnostics {
            let known =
                ["is the source here", "is no peer here", "no unicast_src_ip", "has priority"];
            let known = known.iter().any(|text| d.message.contains(text))
                || d.message.contains("can never cause a failover")
                || d.message.contains("adverts leave with TTL");
            assert!(known || d.severity == Severity::Error, "{path:?}: {}", d.to_line());
        }
    }
}
