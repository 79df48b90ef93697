//! The table of keywords against `keepalived-keywords.txt`, both ways, and what the parser says of
//! each keyword where it stands: nothing is forgotten, nothing is passed over in silence.
#![cfg(test)]

use std::collections::BTreeSet;
use std::path::Path;
use vipd_conf::{Context, Keyword, Nowhere, Served, Severity, Shape, keywords, parse, parse_in};

const LIST: &str = include_str!("keepalived-keywords.txt");

fn listed() -> BTreeSet<(String, String)> {
    let mut context = String::new();
    let mut found = BTreeSet::new();
    for line in LIST.lines().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.trim_start_matches('+').strip_prefix('[') {
            context = name.trim_end_matches(']').to_owned();
            continue;
        }
        for word in line.split_whitespace() {
            assert!(found.insert((context.clone(), word.to_owned())), "{context}: {word} twice");
        }
    }
    found
}

#[test]
fn the_table_is_the_list() {
    let known: BTreeSet<(String, String)> =
        keywords().iter().map(|k| (k.context.name().to_owned(), k.name.to_owned())).collect();
    let listed = listed();
    let forgotten: Vec<_> = listed.difference(&known).collect();
    let unlisted: Vec<_> = known.difference(&listed).collect();
    assert!(forgotten.is_empty(), "in the list, and not in the parser's table: {forgotten:?}");
    assert!(unlisted.is_empty(), "in the parser's table, and not in the list: {unlisted:?}");
}

/// A file with the keyword at its place, and nothing else that is worth a word.
#[expect(clippy::wildcard_enum_match_arm, reason = "a new block needs no word here")]
fn file(keyword: &Keyword) -> Option<String> {
    let line = match keyword.shape {
        Shape::Block => format!("{} x {{\n}}\n", keyword.name),
        Shape::Line => format!("{} 1\n", keyword.name),
    };
    let instance = |more: &str, behind: &str| {
        format!(
            "vrrp_instance A {{\ninterface eth0\nvirtual_router_id 7\n{more}\
             virtual_ipaddress {{\n10.0.0.1/24 {behind}\n}}\n}}\n"
        )
    };
    Some(match keyword.context {
        Context::TopLevel => line,
        Context::Globals => format!("global_defs {{\n{line}}}\n"),
        Context::Instance => instance(&line, ""),
        Context::AddressLine => instance("", keyword.name),
        Context::RouteLine => {
            let route = format!("virtual_routes {{\n10.1.0.0/16 dev eth0 {}\n}}\n", keyword.name);
            instance(&route, "")
        }
        Context::VmacLine => instance(&format!("use_vmac vip {}\n", keyword.name), ""),
        Context::SyncGroup => format!("vrrp_sync_group G {{\n{line}}}\n"),
        // Skipped with their blocks, or served to the last.
        _ => return None,
    })
}

#[test]
fn what_is_not_served_is_said_by_name() {
    for keyword in keywords().iter().filter(|k| k.served != Served::Served) {
        let Some(text) = file(keyword) else { continue };
        let expected = match keyword.served {
            Served::Served | Served::Accepted => Severity::Hint,
            Served::NotYet => Severity::Warning,
            Served::Refused | Served::Balancer => Severity::Error,
        };
        let quoted = format!("`{}`", keyword.name);
        let all = parse("x", text.as_bytes()).diagnostics;
        let said = all.iter().find(|d| d.message.starts_with(&quoted));
        let said = said.unwrap_or_else(|| panic!("{keyword:?}: {all:?}"));
        assert_eq!(said.severity, expected, "{said:?}");
        assert!(said.message.contains(keyword.summary), "{said:?}");
        assert_eq!(said.length, keyword.name.len(), "{said:?}");
        let helps = said.remedy.is_some() || keyword.served == Served::Accepted;
        assert!(helps, "no remedy: {said:?}");
    }
}

#[test]
fn without_the_balancer_half_its_blocks_are_skipped_whole() {
    let text = include_bytes!("cases/balancer.conf");
    let half = parse_in("x", Path::new("x"), text, &mut Nowhere { vrrp_only: true });
    assert!(!half.has_errors(), "{:?}", half.diagnostics);
    let told: Vec<usize> = half
        .diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Warning)
        .map(|d| d.line)
        .collect();
    let whole = parse("x", text);
    let refused: Vec<usize> = whole
        .diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .map(|d| d.line)
        .collect();
    assert!(refused.len() > 3, "{refused:?}");
    assert_eq!(told, refused);
    assert_eq!(half.config, whole.config);
    assert_eq!(half.config.instances.len(), 1);
}
