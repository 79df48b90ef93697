//! KEYWORDS OF KEEPALIVED in vipd.conf(5) is the parser's own table: what becomes of each keyword in
//! each block. This test writes it with VIPD_REWRITE=1, and compares otherwise. LIMITS there has the
//! numbers of the code.
#![cfg(test)]
#![expect(clippy::arithmetic_side_effects, reason = "a test that fails may panic")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use vipd_conf::{Context, Keyword, Served, instead, keywords, limits};

const BEGIN: &str =
    ".\\\" Written by VIPD_REWRITE=1 cargo test -p vipd --test keywords, from here\n";
const END: &str = ".\\\" to here.\n";

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("man/vipd.conf.5")
}

fn contexts() -> Vec<Context> {
    let mut found = Vec::new();
    for keyword in keywords() {
        if !found.contains(&keyword.context) {
            found.push(keyword.context);
        }
    }
    found
}

/// Text of a diagnostic as text of a page.
fn roff(text: &str) -> String {
    let mut out = String::new();
    for (index, part) in text.split('`').enumerate() {
        out.push_str(["", "\\(oq", "\\(cq"][if index == 0 { 0 } else { 2 - index % 2 }]);
        out.push_str(&part.replace('\\', "\\e").replace('-', "\\-"));
    }
    out
}

/// A line of a macro, cut where it is too long.
fn names(start: &str, list: &[&str], end: &str) -> String {
    let mut lines = vec![start.to_owned()];
    for (index, name) in list.iter().enumerate() {
        let comma = if index + 1 < list.len() { " ," } else { end };
        let word = format!(" {name}{comma}");
        if lines.last().unwrap().len() + word.len() > 96 {
            lines.last_mut().unwrap().push('\\');
            lines.push(String::new());
        }
        lines.last_mut().unwrap().push_str(&word);
    }
    lines.join("\n") + "\n"
}

fn section(context: Context) -> String {
    let all: Vec<&Keyword> = keywords().iter().filter(|k| k.context == context).collect();
    let preposition = if context == Context::TopLevel { "At" } else { "In" };
    let mut text = format!(".Ss \\&{preposition} {}\n", context.name());
    let served: Vec<&str> =
        all.iter().filter(|k| k.served == Served::Served).map(|k| k.name).collect();
    if !served.is_empty() {
        text.push_str(&names("Served:\n.Ic", &served, " ."));
    }
    let mut groups: Vec<(Served, &str, &str, Vec<&str>)> = Vec::new();
    for keyword in all.iter().filter(|k| k.served != Served::Served) {
        let key = (keyword.served, keyword.summary, instead(keyword));
        match groups.iter_mut().find(|g| (g.0, g.1, g.2) == key) {
            Some(group) => group.3.push(keyword.name),
            None => groups.push((key.0, key.1, key.2, vec![keyword.name])),
        }
    }
    if groups.is_empty() {
        return text;
    }
    text.push_str(".Bl -tag -width Ds\n");
    for (served, summary, remedy, list) in groups {
        text.push_str(&names(".It Ic", &list, ""));
        let outcome = match served {
            Served::Served => continue,
            Served::Accepted => "No effect",
            Served::NotYet => "Warning",
            Served::Refused => "Error",
            Served::Balancer => "Balancer half",
        };
        let _ = write!(text, "{outcome}: {}", roff(summary));
        let is_told_above = served == Served::Balancer || summary.contains("with its block");
        if !remedy.is_empty() && !is_told_above {
            let _ = write!(text, ";\n{}", roff(remedy));
        }
        text.push_str(".\n");
    }
    text + ".El\n"
}

#[test]
fn the_page_has_the_table() {
    let page = std::fs::read_to_string(path()).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (kept, after) = rest.split_once(END).unwrap();
    let table: String = contexts().into_iter().map(section).collect();
    if std::env::var_os("VIPD_REWRITE").is_some() {
        std::fs::write(path(), [before, BEGIN, &table, END, after].concat()).unwrap();
        return;
    }
    assert!(kept == table, "vipd.conf(5) is not up to date: run with VIPD_REWRITE=1");
}

#[test]
fn the_page_has_the_limits() {
    let page = std::fs::read_to_string(path()).unwrap();
    let section = page.split_once(".Sh LIMITS\n").unwrap().1.split_once("\n.Sh ").unwrap().0;
    let lines: Vec<&str> = section.lines().collect();
    for (number, what) in [
        (limits::NAME_MAX, "bytes in a name"),
        (limits::PEERS_MAX, "peers of an instance"),
        (limits::TRACKS_MAX, "tracked things of an instance"),
        (limits::MEMBERS_MAX, "members of a sync group"),
    ] {
        let item = lines.iter().position(|line| *line == format!(".It {number}"));
        let text = item.and_then(|index| lines.get(index + 1)).copied().unwrap_or_default();
        assert!(text.contains(what), "{number} {what}: {text:?}");
    }
}
