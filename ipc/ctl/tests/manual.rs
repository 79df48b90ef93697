//! The manual pages: well-formed, and vipctl(8) says what `vipctl --help` says. Needs mandoc.
#![cfg(test)]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

const PAGES: [&str; 4] = ["vipd.8", "vipctl.8", "vipd.conf.5", "vipd-privsep.7"];

fn page(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../man").join(name)
}

#[test]
fn mandoc_finds_nothing_to_warn_of() {
    for name in PAGES {
        let mut mandoc = Command::new("mandoc");
        mandoc.args(["-T", "lint", "-W", "warning"]).arg(page(name));
        let output = mandoc.output().expect("mandoc is needed: apt-get install mandoc");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn vipctl_8_has_every_long_option_and_no_other() {
    let help = Command::new(env!("CARGO_BIN_EXE_vipctl")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let word = |text: &str| -> String {
        text.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect()
    };
    let helped: BTreeSet<String> = help
        .lines()
        .filter(|line| line.starts_with("  "))
        .flat_map(|line| line.split("--").skip(1).map(word))
        .collect();
    let text = std::fs::read_to_string(page("vipctl.8")).unwrap();
    let documented: BTreeSet<String> = text
        .lines()
        .filter(|line| line.starts_with(".It Fl"))
        .flat_map(|line| line.split(" -").skip(1).map(word))
        .collect();
    assert_eq!(helped, documented);
    for command in ["show", "metrics", "reload", "check Ar file Op Ar peerfile"] {
        assert!(text.contains(&format!("\n.It Cm {command}\n")), "{command}");
    }
}
