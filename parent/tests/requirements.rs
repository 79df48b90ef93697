//! Every requirement of vrrpe/requirements.tsv is met and tested, or STANDARDS of vipd(8) says what
//! we do instead. Compares the list with the names of the tests and with the page, and holds
//! vrrpe/REQUIREMENTS.md, which this test writes with VIPD_REWRITE=1.
#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

struct Row {
    id: String,
    level: String,
    source: String,
    text: String,
}

fn rows() -> Vec<Row> {
    let list = read(&root().join("vrrpe/requirements.tsv"));
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [id, level, source, text] = fields[..] else { panic!("not four fields: {line}") };
            Row { id: id.into(), level: level.into(), source: source.into(), text: text.into() }
        })
        .collect()
}

/// All Rust files of the repository but those of a build.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && !name.starts_with("target") {
            sources(&path, found);
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
}

/// The name of the function that a line opens.
fn function(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("pub ").or(line.strip_prefix("pub(crate) ")).unwrap_or(line);
    line.strip_prefix("fn ")?.split(['(', '<']).next()
}

/// Names of the functions that are tests: the attribute stands at most a few lines above.
fn tests(text: &str) -> Vec<&str> {
    let mut is_test = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("#[test]") {
            is_test = true;
        } else if let Some(name) = function(line) {
            if is_test {
                found.push(name);
            }
            is_test = false;
        }
    }
    found
}

/// `v3_sm_12` for `V3-SM-12`, followed by the end of the name or another word.
fn names(test: &str, id: &str) -> bool {
    let wanted = id.to_lowercase().replace('-', "_");
    format!("_{test}_").contains(&format!("_{wanted}_"))
}

/// Ids in the two lists of STANDARDS: deviations, and what is left to others.
fn page() -> (BTreeSet<String>, BTreeSet<String>) {
    let page = read(&root().join("man/vipd.8"));
    let standards = page.split(".Sh STANDARDS").nth(1).unwrap().split("\n.Sh ").next().unwrap();
    let (deviations, others) = standards.split_once(".Ss Left to others").unwrap();
    let ids = |text: &str| -> BTreeSet<String> {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
        let is_id = |word: &&str| {
            let (group, number) = word.rsplit_once('-').unwrap_or_default();
            let groups = ["V2", "V3", "IOP", "MIB", "YANG", "UNI", "HARD"];
            number.len() == 2
                && number.chars().all(|c| c.is_ascii_digit())
                && groups.contains(&group.split('-').next().unwrap_or_default())
        };
        words.filter(is_id).map(str::to_owned).collect()
    };
    (ids(deviations), ids(others))
}

#[test]
fn every_requirement_has_an_outcome() {
    let rows = rows();
    let ids: BTreeSet<String> = rows.iter().map(|row| row.id.clone()).collect();
    assert_eq!((rows.len(), ids.len()), (236, 236), "a requirement is lost or doubled");
    let mut files = Vec::new();
    sources(&root(), &mut files);
    files.sort();
    let mut of: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for file in &files {
        let text = read(file);
        let place = file.strip_prefix(root()).unwrap().display().to_string();
        for test in tests(&text) {
            for row in rows.iter().filter(|row| names(test, &row.id)) {
                of.entry(&row.id).or_default().push(format!("{place}: {test}"));
            }
        }
    }
    let (deviations, others) = page();
    let strangers: Vec<&String> =
        deviations.union(&others).filter(|id| !ids.contains(*id)).collect();
    assert!(strangers.is_empty(), "vipd(8) names requirements that do not exist: {strangers:?}");
    let lost: Vec<&str> = rows
        .iter()
        .map(|row| row.id.as_str())
        .filter(|id| !of.contains_key(id) && !deviations.contains(*id) && !others.contains(*id))
        .collect();
    assert!(lost.is_empty(), "{} requirements without test or word: {lost:?}", lost.len());
    let table = table(&rows, &of, &deviations, &others);
    let path = root().join("vrrpe/REQUIREMENTS.md");
    if std::env::var_os("VIPD_REWRITE").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == table, "vrrpe/REQUIREMENTS.md is not up to date: run with VIPD_REWRITE=1");
}

fn table(
    rows: &[Row],
    of: &BTreeMap<&str, Vec<String>>,
    deviations: &BTreeSet<String>,
    others: &BTreeSet<String>,
) -> String {
    let count = |set: &dyn Fn(&str) -> bool| rows.iter().filter(|row| set(&row.id)).count();
    let tested = count(&|id| of.contains_key(id) && !deviations.contains(id));
    let partly = count(&|id| of.contains_key(id) && deviations.contains(id));
    let deviates = count(&|id| !of.contains_key(id) && deviations.contains(id));
    let left = count(&|id| !of.contains_key(id) && !deviations.contains(id));
    let mut page = format!(
        "# Requirements and their outcome\n\n\
         Written by `VIPD_REWRITE=1 cargo test -p vipd --test requirements`, and compared by\n\
         `make test`. The sources of the ids stand in requirements.tsv. What we do instead, where\n\
         we deviate, and what is left to the kernel, to other programs or to the administrator\n\
         stands in STANDARDS of vipd(8).\n\n\
         | outcome | requirements |\n|---|---|\n\
         | met, with a test | {tested} |\n\
         | met where the configuration asks for it, with a test; the default deviates | {partly} |\n\
         | deviation | {deviates} |\n\
         | left to others | {left} |\n\
         | all | {} |\n\n\
         | id | level | source | requirement | outcome |\n|---|---|---|---|---|\n",
        rows.len()
    );
    for Row { id, level, source, text } in rows {
        let mut outcome = Vec::new();
        if deviations.contains(id) {
            outcome.push("deviation, vipd(8)".to_owned());
        }
        if others.contains(id) {
            outcome.push("left to others, vipd(8)".to_owned());
        }
        outcome.extend(of.get(id.as_str()).into_iter().flatten().map(|test| format!("`{test}`")));
        let outcome = outcome.join("<br>");
        writeln!(page, "| {id} | {level} | {source} | {text} | {outcome} |").unwrap();
    }
    page
}
