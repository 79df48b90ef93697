//! The manual pages against the programs, both ways: options, keywords, requests and exit codes.
//! Runs the programs for their help only.
#![cfg(test)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use vipd_conf::{Served, keywords};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

fn help(program: &str) -> String {
    let path = vipd_lab::paths::bin_dir().unwrap().join(program);
    let output = Command::new(path).arg("--help").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// `-x` and `--long` of the lines that describe one.
fn options_of_help(help: &str) -> BTreeSet<String> {
    let described = help.lines().filter(|line| line.trim_start().starts_with('-'));
    described
        .flat_map(|line| {
            line.split([' ', ',', '=', '[']).take_while(|w| w.is_empty() || is_option(w))
        })
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .chain(second_words(help))
        .collect()
}

/// `-f, --long FILE`: the long form follows the short one.
fn second_words(help: &str) -> Vec<String> {
    let lines = help.lines().filter(|line| line.trim_start().starts_with('-'));
    lines
        .filter_map(|line| line.split_whitespace().nth(1)?.split('[').next())
        .filter(|w| is_option(w))
        .map(str::to_owned)
        .collect()
}

fn is_option(word: &str) -> bool {
    word.starts_with('-') && word.len() > 1
}

/// The options in the list of a page: `.It Fl f Ar file , Fl -use-file Ar file`.
fn options_of_page(page: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for item in page.lines().filter_map(|line| line.strip_prefix(".It ")) {
        let mut on = false;
        for word in item.split_whitespace().filter(|word| *word != ",") {
            if matches!(word, "Fl" | "Ar" | "Ns" | "Oo" | "Oc") {
                on = word == "Fl";
            } else if on {
                found.insert(format!("-{}", word.replace("\\-", "-")));
            }
        }
    }
    found
}

/// Each flag stands in the list of the page that its place in the table demands, and the help says so.
#[test]
fn flags_are_the_same_in_table_help_and_page() {
    let source = read("parent/src/flags.rs");
    let page = read("man/vipd.8");
    let told = help("vipd");
    let parts: Vec<&str> = told.split("\nof keepalived, ").collect();
    let lists: Vec<&str> = page.split(".Ss Flags of keepalived ").collect();
    assert_eq!((parts.len(), lists.len()), (3, 3));
    let refused = lists[2].split_once(".Ss ").unwrap().0;
    for (n, (effect, list)) in
        ["Served", "Accepted", "Refused"].into_iter().zip([lists[0], lists[1], refused]).enumerate()
    {
        let begin = format!("flag({effect}, ");
        let table: BTreeSet<String> = source
            .split(&begin)
            .skip(1)
            .filter_map(|row| row.split('"').nth(1))
            .map(|long| format!("--{long}"))
            .collect();
        let long = |all: BTreeSet<String>| -> BTreeSet<String> {
            all.into_iter().filter(|word| word.starts_with("--")).collect()
        };
        assert!(!table.is_empty());
        assert_eq!(table, long(options_of_help(parts[n])), "{effect} in the help");
        assert_eq!(table, long(options_of_page(list)), "{effect} in the page");
    }
}

#[test]
fn options_are_the_same_in_help_and_page() {
    for program in ["vipd", "vipctl"] {
        let told = options_of_help(&help(program));
        let written = options_of_page(&read(&format!("man/{program}.8")));
        assert!(told.len() > 3, "{told:?}");
        assert_eq!(told, written, "{program}: its --help, and {program}(8)");
    }
}

/// Every word of a page behind a macro: `Ic`, `Cm`, `.It Ic a , b`.
fn marked(page: &str, kinds: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in page.replace("\\\n", " ").lines().filter(|line| line.starts_with('.')) {
        let mut on = false;
        for word in line.trim_start_matches('.').split_whitespace() {
            let is_macro = word.len() == 2 && word.starts_with(|c: char| c.is_uppercase());
            if is_macro {
                on = kinds.contains(&word);
            } else if on && word.starts_with(|c: char| c.is_lowercase() || c == '-') {
                found.insert(word.to_owned());
            }
        }
    }
    found
}

#[test]
fn every_keyword_with_a_meaning_is_described() {
    // The generated table names every keyword, and describes none.
    let page = read("man/vipd.conf.5");
    let (before, rest) = page.split_once(".Sh KEYWORDS OF KEEPALIVED\n").unwrap();
    let after = rest.split_once("\n.Sh ").unwrap().1;
    let page = marked(&[before, after].concat(), &["Ic", "Cm"]);
    for keyword in keywords() {
        let told = keyword.served != Served::Served || page.contains(keyword.name);
        assert!(told, "{} ({:?}) is not in vipd.conf(5)", keyword.name, keyword.served);
    }
}

#[test]
fn every_described_keyword_is_known() {
    let known: BTreeSet<&str> = keywords().iter().map(|keyword| keyword.name).collect();
    // Commands that are answered natively, what is no keyword of a block, a value, a prefix.
    let commands = ["killall", "pidof", "pgrep", "pkill"];
    let includes = ["include", "includer", "includem", "includew", "includeb", "includea"];
    let others = [&commands[..], &includes, &["off", "vrrp_"]].concat();
    let page: String = read("man/vipd.conf.5");
    let described = marked(&page, &["Ic"]);
    let is_known =
        |word: &&String| known.contains(word.as_str()) || others.contains(&word.as_str());
    let unknown: Vec<&String> = described.iter().filter(|word| !is_known(word)).collect();
    assert!(unknown.is_empty(), "vipd.conf(5) has keywords that the parser does not: {unknown:?}");
}

#[test]
fn every_request_is_described() {
    let source = read("vrrpe/src/request.rs");
    let source = source.split("#[cfg(test)]").next().unwrap_or("");
    let page = read("man/vipctl.8");
    let table = source.split_once("const REQUESTS: ").unwrap().1;
    let table = table.split_once("] =").unwrap().1.split_once(';').unwrap().0;
    let requests: Vec<&str> = table.split('"').skip(1).step_by(2).collect();
    assert!(requests.contains(&"show") && requests.contains(&"reload"), "{requests:?}");
    for request in requests {
        let item = format!(".It {request}");
        let has = |line: &str| {
            let line = line.replace("Ic ", "").replace("Cm ", "");
            line.strip_prefix(&item).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        assert!(page.lines().any(has), "{request} is not in vipctl(8)");
    }
    // The codes of a refusal, which programs match on.
    for file in ["control", "explain", "serve", "show"] {
        let file = &format!("vrrpe/src/{file}.rs");
        let text = read(file);
        for code in text.split("refusal(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(page.contains(code), "the refusal {code} is not in vipctl(8)");
        }
    }
}

#[test]
fn exit_codes_are_the_same_in_code_and_page() {
    let source = read("parent/src/main.rs");
    let code: BTreeSet<u8> = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub(crate) const "))
        .filter_map(|line| line.split_once(" = ")?.1.trim_end_matches(';').parse().ok())
        .chain([0])
        .collect();
    let page = read("man/vipd.8");
    let section = page.split_once(".Sh EXIT STATUS\n").unwrap().1;
    let section = section.split_once("\n.Sh ").unwrap().0;
    let written: BTreeSet<u8> = section
        .lines()
        .filter_map(|line| line.strip_prefix(".It "))
        .filter_map(|line| line.trim().parse().ok())
        .collect();
    assert!(code.len() > 4, "{code:?}");
    assert_eq!(code, written, "parent/src/main.rs, and EXIT STATUS of vipd(8)");
}

#[test]
fn pages_are_sound() {
    for page in ["vipd.8", "vipctl.8", "vipd.conf.5", "vipd-privsep.7"] {
        let path = root().join("man").join(page);
        let lint = ["-T", "lint", "-W", "warning"];
        let output = Command::new("mandoc").args(lint).arg(path).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.is_empty(), "{page}: {said}");
    }
}
