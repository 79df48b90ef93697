//! Files as an engine hears of them: a real checker, real files, and what Landlock leaves of them.

use crate::rig::{Folder, Rig, check};
use std::time::{Duration, Instant};
use vipd_ipc::slice::{CheckSlice, FileSlice, ProbeSlice, Reach};

const AT_ONCE: Duration = Duration::from_millis(500);
const LONG: Duration = Duration::from_secs(3600);

fn rig(folder: &Folder) -> Rig {
    Rig::start().allow(vec![Reach::Watch, Reach::Read(folder.bytes(""))])
}

/// Looked at so seldom that only a watch can tell.
fn number(folder: &Folder, file: &str) -> CheckSlice {
    let probe = ProbeSlice::Number { path: folder.bytes(file) };
    CheckSlice { interval: LONG, ..check(1, probe) }
}

#[test]
fn every_way_to_change_a_file_is_seen_at_once() {
    let folder = Folder::new("ways");
    let mut rig = rig(&folder);
    rig.configure(1, vec![number(&folder, "n")]);
    assert_eq!(rig.number(1), (0, "No such file or directory, which counts as 0".to_owned()));
    let begun = Instant::now();
    folder.write("n", "5\n");
    assert_eq!(rig.number(1), (5, "5".to_owned()));
    folder.replace("n", "-0x10 by hand");
    assert_eq!(rig.number(1).0, -16);
    folder.write("n", "7");
    assert_eq!(rig.number(1).0, 7);
    folder.write("n", "");
    assert_eq!(rig.number(1), (0, "the file is empty, which counts as 0".to_owned()));
    folder.write("n", "8");
    assert_eq!(rig.number(1).0, 8);
    std::fs::remove_file(folder.0.join("n")).unwrap();
    assert_eq!(rig.number(1).0, 0);
    assert!(begun.elapsed() < AT_ONCE * 6, "{:?}", begun.elapsed());
}

#[test]
fn a_folder_may_come_later_and_be_made_anew() {
    let above = Folder::new("later");
    let mut rig = Rig::start().allow(vec![Reach::Watch, Reach::Read(above.bytes("sub"))]);
    let often = Duration::from_millis(50);
    let slice = CheckSlice { interval: often, ..number(&above, "sub/n") };
    rig.configure(1, vec![slice]);
    assert_eq!(rig.number(1).0, 0);
    for value in [3, 4] {
        std::fs::create_dir(above.0.join("sub")).unwrap();
        above.write("sub/n", &value.to_string());
        assert_eq!(rig.number(1).0, value);
        std::fs::remove_dir_all(above.0.join("sub")).unwrap();
        assert_eq!(rig.number(1).0, 0);
    }
}

#[test]
fn a_writer_in_haste_is_followed_to_his_last_word() {
    let folder = Folder::new("haste");
    let mut rig = rig(&folder);
    rig.configure(1, vec![number(&folder, "n")]);
    rig.number(1);
    for value in 1..=2000 {
        folder.replace("n", &value.to_string());
    }
    while rig.number(1).0 != 2000 {}
}

#[test]
fn other_files_are_out_of_reach() {
    let (folder, other) = (Folder::new("mine"), Folder::new("other"));
    other.write("n", "5");
    let mut rig = rig(&folder);
    rig.configure(1, vec![number(&other, "n")]);
    assert_eq!(rig.number(1), (0, "Permission denied, which counts as 0".to_owned()));
}

#[test]
fn a_file_check_goes_by_age_and_content() {
    let folder = Folder::new("check");
    let mut rig = rig(&folder);
    let wanted = FileSlice {
        path: folder.bytes("ready"),
        max_age: Some(Duration::from_secs(60)),
        content: Some(b"OK".to_vec()),
    };
    rig.configure(1, vec![check(1, ProbeSlice::File(wanted))]);
    assert_eq!(rig.state(1), (false, "No such file or directory".to_owned()));
    folder.replace("ready", "all OK");
    assert!(rig.state(1).0);
    folder.replace("ready", "all bad");
    assert_eq!(rig.state(1), (false, "\"OK\" is not in the file (its first 64 KiB)".to_owned()));
    folder.replace("ready", "OK");
    assert!(rig.state(1).0);
    let file = std::fs::File::options().write(true).open(folder.0.join("ready")).unwrap();
    file.set_modified(std::time::SystemTime::now() - Duration::from_secs(600)).unwrap();
    let (up, why) = rig.state(1);
    assert!(!up && why.starts_with("not written to for 60"), "{why}");
}
