//! The inputs that are kept: `corpus/TARGET/`, a file each. Those named `seed-*` are made from
//! values in the language of the code; the others are vectors, finds and former failures.

use std::fs;
use std::path::{Path, PathBuf};

/// Set to write the seeds anew when what they are made of has changed.
const REWRITE: &str = "VIPD_FUZZ_REWRITE";

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

/// Name and content of every input of a target, in the order of their names.
pub(crate) fn inputs(target: &str) -> Vec<(String, Vec<u8>)> {
    let mut all = files(&folder(target));
    if target == "conf" {
        let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../parent/conf/tests/cases");
        all.extend(files(&cases));
        all.retain(|(name, _)| !name.ends_with(".expected"));
    }
    assert!(all.len() > 8, "{target}: {} inputs", all.len());
    all
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    // What a case of the configuration includes lies in folders.
    paths.retain(|path| path.is_file());
    paths.sort();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), fs::read(path).unwrap())).collect()
}

/// The seeds of a target are these and no others.
pub(crate) fn compare(target: &str, seeds: &[(String, Vec<u8>)]) {
    let mut made: Vec<(String, Vec<u8>)> =
        seeds.iter().map(|(name, bytes)| (format!("seed-{name}"), bytes.clone())).collect();
    made.sort();
    assert!(made.is_sorted_by(|(a, _), (b, _)| a < b), "{target}: a name twice");
    let mut kept = files(&folder(target));
    kept.retain(|(name, _)| name.starts_with("seed-"));
    if std::env::var_os(REWRITE).is_some() {
        for (name, _) in kept {
            fs::remove_file(folder(target).join(name)).unwrap();
        }
        for (name, bytes) in made {
            fs::write(folder(target).join(name), bytes).unwrap();
        }
        return;
    }
    let differs = |(name, bytes): &&(String, Vec<u8>), others: &[(String, Vec<u8>)]| {
        !others.iter().any(|(other, theirs)| name == other && bytes == theirs)
    };
    let made_only = made.iter().filter(|seed| differs(seed, &kept));
    let kept_only = kept.iter().filter(|seed| differs(seed, &made));
    let names: Vec<&str> = made_only.chain(kept_only).map(|(name, _)| name.as_str()).collect();
    assert!(names.is_empty(), "{target}: {REWRITE}=1 writes these seeds anew: {names:?}");
}
