//! Each `cases/NAME.conf` is read, and what comes out is compared with `cases/NAME.expected`:
//! the diagnostics, one a line, and, if none is an error, the effective configuration. With
//! `VIPD_CONF_REWRITE=1` the expectations are written anew. What a case includes lies in folders
//! beside it; the node is `node1`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a test that fails may panic"
)]

use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use vipd_conf::{Around, Parsed, Unread, explain, parse, parse_in, print};

/// The folder of the cases as `/cases`. What cannot lie in a source tree is told by its name.
struct Cases;

impl Cases {
    fn place(path: &Path) -> PathBuf {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
        path.strip_prefix("/cases").map_or_else(|_| "/nonexistent".into(), |p| folder.join(p))
    }
}

impl Around for Cases {
    fn config_id(&self) -> &str {
        "node1"
    }

    fn variable(&self, name: &str) -> Option<Vec<u8>> {
        match name {
            "VRID" => Some(b"77".to_vec()),
            "SIGN" => Some(b"ab!cd".to_vec()),
            "LINES" => Some(b"a\nb".to_vec()),
            "EMPTY" => Some(Vec::new()),
            _ => None,
        }
    }

    fn read(&mut self, path: &Path) -> Result<Vec<u8>, Unread> {
        let place = Self::place(path);
        match path.extension().and_then(|e| e.to_str()) {
            Some("executable") => return Err(Unread::Executable),
            Some("denied") => return Err(Unread::Denied),
            Some("fifo") => return Err(Unread::NotRegular),
            _ if place.is_dir() => return Err(Unread::Folder),
            _ => {}
        }
        let failed = |error: std::io::Error| match place.exists() {
            true => Unread::Failed(error.to_string()),
            false => Unread::Missing,
        };
        fs::read(&place).map_err(failed)
    }

    fn most_lines(&self) -> usize {
        2000
    }

    fn names(&mut self, folder: &Path) -> Result<Vec<Vec<u8>>, Unread> {
        if folder.ends_with("closed") {
            return Err(Unread::Denied);
        }
        let entries = fs::read_dir(Self::place(folder)).map_err(|_| Unread::Missing)?;
        Ok(entries.map(|entry| entry.unwrap().file_name().into_vec()).collect())
    }
}

fn read_case(name: &str, text: &[u8]) -> Parsed {
    parse_in(name, &Path::new("/cases").join(name), text, &mut Cases)
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "conf"))
        .collect();
    found.sort();
    found
}

/// What a case is expected to say.
fn shown(parsed: &Parsed) -> Vec<u8> {
    let mut out = Vec::new();
    for diagnostic in &parsed.diagnostics {
        out.extend(format!("{}\n", diagnostic.to_line()).into_bytes());
    }
    if !parsed.has_errors() {
        out.extend(b"--\n");
        out.extend(print(&parsed.config));
        for script in parsed.config.scripts.iter().filter(|s| s.native.is_some()) {
            out.extend(format!("# {} natively: {:?}\n", script.name, native(script)).into_bytes());
        }
    }
    out
}

fn native(script: &vipd_conf::config::Script) -> Option<(String, vipd_conf::config::ProcessTool)> {
    let native = script.native.as_ref()?;
    Some((String::from_utf8_lossy(&native.name).into_owned(), native.asked_by))
}

#[test]
fn every_case_says_what_is_expected() {
    let rewrite = std::env::var_os("VIPD_CONF_REWRITE").is_some();
    let mut wrong = Vec::new();
    let cases = cases();
    assert!(cases.len() >= 270, "{} cases", cases.len());
    for path in &cases {
        let text = fs::read(path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy();
        let got = shown(&read_case(&name, &text));
        let expected = path.with_extension("expected");
        if rewrite {
            fs::write(&expected, &got).unwrap();
        } else if fs::read(&expected).unwrap_or_default() != got {
            wrong.push(format!("{name}:\n{}", String::from_utf8_lossy(&got)));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// The two nodes of the demonstration are read without a word.
#[test]
fn the_pair_is_clean() {
    for name in ["pair-node1.conf", "pair-node2.conf"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name);
        let parsed = parse(name, &fs::read(path).unwrap());
        assert_eq!(parsed.diagnostics, []);
        assert_eq!(parsed.config.instances.len(), 1);
        assert_eq!(parsed.config.instances[0].peers.len(), 1);
        assert!(parsed.config.scripts[0].native.is_some());
    }
}

/// Whatever a case says, what is printed of it reads back as the same value and without error.
#[test]
fn every_case_prints_itself() {
    for path in cases() {
        let parsed = read_case("x", &fs::read(&path).unwrap());
        if parsed.has_errors() {
            continue;
        }
        let again = parse("printed", &print(&parsed.config));
        assert!(!again.has_errors(), "{path:?}: {:?}", again.diagnostics);
        let natives = parsed.config.globals.native_checks;
        assert_eq!(again.config, parsed.config, "{path:?} {natives}");
    }
}

/// Every prefix of every case is read without a panic, and every place shown lies in the text.
#[test]
fn every_prefix_is_survived() {
    for path in cases() {
        let text = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let whole = name.starts_with("pair") || name.starts_with("instance-everything");
        for end in (0..=text.len()).step_by(if whole { 1 } else { 11 }) {
            check_places(&text[..end]);
        }
    }
}

fn check_places(text: &[u8]) {
    let parsed = read_case("x", text);
    let lines: Vec<&[u8]> = text.split(|b| *b == b'\n').collect();
    for d in &parsed.diagnostics {
        assert!(!parsed.texts.draw(d, true).is_empty());
        // Only the main file is at hand here.
        if d.text > 0 {
            continue;
        }
        let line = lines.get(d.line - 1).unwrap_or_else(|| panic!("{d:?}"));
        assert!(d.column >= 1 && d.column - 1 + d.length <= line.len().max(1), "{d:?}");
        assert!(!d.message.contains('\n') && !d.to_line().contains('\n'));
    }
}

/// Where each value came from is a comment, and changes nothing.
#[test]
fn every_case_explains_itself() {
    for path in cases() {
        let parsed = read_case("x", &fs::read(&path).unwrap());
        if parsed.has_errors() {
            continue;
        }
        let text = explain(&parsed);
        let again = parse("printed", &text);
        assert!(!again.has_errors(), "{path:?}: {:?}", again.diagnostics);
        assert_eq!(again.config, parsed.config, "{path:?}");
        let text = String::from_utf8_lossy(&text).into_owned();
        for line in text.lines().filter(|line| line.starts_with("    ") && !line.ends_with('}')) {
            let told = line.contains("  # ") || line.ends_with('{');
            assert!(told, "{path:?}: {line}\n{text}");
        }
    }
}
