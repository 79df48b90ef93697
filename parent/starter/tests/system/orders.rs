//! What the starter does when it is told to, and what it refuses.

use crate::rig::{Rig, configuration, directory, file, is_gone, until};
use vipd_ipc::msg::{ParentToStarter, StarterToParent};
use vipd_types::{Generation, Outcome};

const USER: Option<&str> = Some("daemon");

fn refused(rig: &mut Rig, generation: u32, digest: u64) -> String {
    rig.say(&ParentToStarter::Stage { generation: Generation(generation), digest });
    rig.wait("Refused", |message| {
        if let StarterToParent::Refused { why, .. } = message { Some(why) } else { None }
    })
}

#[test]
fn only_what_is_committed_is_run() {
    let dir = directory();
    let (old, new) =
        (configuration(USER, &["true".into()]), configuration(USER, &["false".into()]));
    let mut rig = Rig::greeted(dir.clone(), &old);
    let run = rig.begin(0);
    assert_eq!(rig.done(run), Outcome::NotStarted(libc::EINVAL));
    rig.stage(1, &old);
    rig.say(&ParentToStarter::Commit { generation: Generation(1) });
    assert_eq!(rig.run(0), Outcome::Exited(0));
    assert_eq!(rig.run(1), Outcome::NotStarted(libc::EINVAL));

    file(&dir, "keepalived.conf", &new, 0o600);
    rig.stage(2, &new);
    assert_eq!(rig.run(0), Outcome::Exited(0));
    rig.say(&ParentToStarter::Abort { generation: Generation(2) });
    assert_eq!(rig.run(0), Outcome::Exited(0));
    rig.stage(3, &new);
    rig.say(&ParentToStarter::Commit { generation: Generation(3) });
    assert_eq!(rig.run(0), Outcome::NotStarted(libc::EINVAL));
    let run = rig.begin_of(3, 0);
    assert_eq!(rig.done(run), Outcome::Exited(1));
}

#[test]
fn another_file_or_a_bad_one_is_refused_and_the_old_one_stays() {
    let dir = directory();
    let mut rig = Rig::start(dir.clone(), USER, &["true".into()]);
    let why = refused(&mut rig, 2, 1);
    assert!(why.contains("changed meanwhile"), "{why}");
    let bad = "vrrp_instance one {\n  virtual_router_id 4711\n}\n";
    file(&dir, "keepalived.conf", bad, 0o600);
    let why = refused(&mut rig, 2, vipd_conf::parse("", bad.as_bytes()).digest);
    assert!(why.contains("keepalived.conf"), "{why}");
    std::fs::remove_file(dir.join("keepalived.conf")).unwrap();
    assert!(!refused(&mut rig, 2, 1).is_empty());
    assert_eq!(rig.run(0), Outcome::Exited(0));
}

#[test]
fn a_script_of_nobody_says_what_to_do() {
    // Where one of the default accounts exists, it is used.
    let exists = |name| nix::unistd::User::from_name(name).unwrap().is_some();
    if exists("keepalived_script") || exists("_vipd_script") {
        return;
    }
    let mut rig = Rig::start(directory(), None, &["true".into()]);
    let run = rig.begin(0);
    assert_eq!(rig.done(run), Outcome::NotStarted(libc::EACCES));
    rig.logged("script_user");
}

#[test]
fn it_ends_with_its_parent_and_so_do_the_scripts() {
    for by_word in [true, false] {
        let dir = directory();
        let long = format!("/bin/sh -c 'echo $$ > {}/pid; sleep 60'", dir.display());
        let mut rig = Rig::start(dir, USER, &[long]);
        rig.begin(0);
        let pid = rig.written("pid");
        if by_word {
            rig.say(&ParentToStarter::Stop);
            assert!(rig.is_closed());
        } else {
            rig.lose();
        }
        assert_eq!(rig.exit(), Some(0));
        assert!(until(|| is_gone(&pid)));
    }
}

#[test]
fn a_word_out_of_turn_ends_it() {
    let mut rig = Rig::start(directory(), USER, &["true".into()]);
    rig.say(&ParentToStarter::Commit { generation: Generation(9) });
    assert_eq!(rig.exit(), Some(1));
}

#[test]
fn more_runs_than_it_takes_are_refused() {
    let commands: Vec<String> = (0..70).map(|n| format!("sleep 6{n}")).collect();
    let mut rig = Rig::start(directory(), USER, &commands);
    let runs: Vec<_> = (0..70).map(|n| rig.begin(n)).collect();
    assert_eq!(rig.done(runs[64]), Outcome::NotStarted(libc::EAGAIN));
    assert_eq!(rig.done(runs[0]), Outcome::TimedOut);
}
