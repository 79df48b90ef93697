//! What runs as root, and with what: nothing that others can change, and only what the configuration
//! says beyond the starter's own capabilities.

use crate::rig::{Rig, configuration, directory, file};
use nix::errno::Errno;
use nix::unistd::chown;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering};
use vipd_ipc::msg::ParentToStarter;
use vipd_types::{Generation, Outcome};

const REFUSED: Outcome = Outcome::NotStarted(Errno::EACCES as i32);

#[test]
fn what_others_can_change_does_not_run_as_root() {
    let dir = directory();
    let mine = file(&dir, "mine", "#!/bin/sh\nexit 0\n", 0o755);
    let theirs = file(&dir, "theirs", "#!/bin/sh\nexit 0\n", 0o755);
    chown(theirs.as_str(), Some(1.into()), None).unwrap();
    // Everybody may write into the folder.
    let mut rig = Rig::start(dir, Some("root"), &[mine, theirs]);
    assert_eq!(rig.run(0), REFUSED);
    rig.logged("script s0 cannot be started: it would run as root, and ");
    rig.logged("can be written by everybody (mode 0777)");
    let closed = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&rig.dir, closed).unwrap();
    assert_eq!(rig.run(0), Outcome::Exited(0));
    assert_eq!(rig.run(1), REFUSED);
    rig.logged("/theirs belongs to user daemon");
}

/// Others decide what runs as somebody else too; that is for the administrator to know.
#[test]
fn what_others_can_change_is_named_and_runs_as_its_user() {
    let dir = directory();
    let mine = file(&dir, "mine", "#!/bin/sh\nexit 0\n", 0o755);
    let mut rig = Rig::start(dir, Some("daemon"), &[mine]);
    rig.logged(
        "can be written by everybody (mode 0777): whoever that is decides what runs as daemon",
    );
    assert_eq!(rig.run(0), Outcome::Exited(0));
}

/// A link in a folder of somebody else that is now one thing and now another, as fast as can be.
#[test]
fn a_link_that_is_swapped_meanwhile_gains_nothing() {
    let dir = directory();
    let good = file(&dir, "good", "#!/bin/sh\nexit 0\n", 0o755);
    let evil = format!("#!/bin/sh\nid -u >> {}/evil.ran\n", dir.display());
    let evil = file(&dir, "evil", &evil, 0o755);
    let folder = dir.join("folder");
    std::fs::create_dir(&folder).unwrap();
    chown(&folder, Some(1.into()), None).unwrap();
    let link = folder.join("link");
    symlink(&good, &link).unwrap();
    let closed = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&dir, closed).unwrap();
    let mut rig = Rig::start(dir.clone(), Some("root"), &[link.display().to_string()]);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let new = folder.join("new");
            for target in [&evil, &good].into_iter().cycle() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                symlink(target, &new).unwrap();
                std::fs::rename(&new, &link).unwrap();
            }
        });
        let outcomes: Vec<Outcome> = (0..200).map(|_| rig.run(0)).collect();
        stop.store(true, Ordering::Relaxed);
        assert!(outcomes.iter().all(|outcome| *outcome == REFUSED), "{outcomes:?}");
    });
    assert!(!dir.join("evil.ran").exists());
}

#[test]
fn root_keeps_what_the_configuration_says_and_a_reload_adds_nothing() {
    let dir = directory();
    let closed = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&dir, closed).unwrap();
    let look = format!("/bin/sh -c 'grep CapEff /proc/self/status > {}/caps'", dir.display());
    let plain = configuration(Some("root"), &[look]);
    let asked = |what: &str| plain.replace("global_defs {", &format!("global_defs {{\n{what}\n"));
    let text = asked("script_capabilities net_admin");
    let mut rig = Rig::greeted(dir, &text);
    rig.stage(1, &text);
    rig.say(&ParentToStarter::Commit { generation: Generation(1) });
    assert_eq!(rig.run(0), Outcome::Exited(0));
    // NET_ADMIN, and KILL, SETGID and SETUID.
    assert_eq!(rig.written("caps"), "CapEff:\t00000000000010e0\n");
    let more = asked("script_capabilities net_admin net_raw");
    std::fs::write(rig.dir.join("keepalived.conf"), &more).unwrap();
    let why = rig.refused(2, &more);
    assert!(why.contains("cap_net_raw was given up at the start"), "{why}");
}
