//! The comparison with the real `killall`, `pidof` and `pgrep`, over processes with odd names.

use super::*;
use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// One at a time: a file that is being written cannot be executed, and a fork of another thread
/// would hold it open.
static ONE: Mutex<()> = Mutex::new(());

struct Zoo {
    dir: PathBuf,
    animals: Vec<Child>,
    _one: MutexGuard<'static, ()>,
}

impl Drop for Zoo {
    fn drop(&mut self) {
        for animal in &mut self.animals {
            let _ = animal.kill();
            let _ = animal.wait();
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

impl Zoo {
    fn open() -> Self {
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = std::env::temp_dir().join(format!("vipd-zoo-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Self { dir, animals: Vec::new(), _one: one }
    }

    /// A program under this name, with this argv[0] if one is given.
    fn program(&mut self, name: &str, argv0: Option<&str>) {
        let path = self.dir.join(name);
        let _ = std::os::unix::fs::symlink("/bin/sleep", &path);
        let mut command = Command::new(&path);
        if let Some(argv0) = argv0 {
            command.arg0(argv0);
        }
        self.start(command.arg("60"));
    }

    /// A script under this name.
    fn script(&mut self, name: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.dir.join(name);
        std::fs::write(&path, "#!/bin/bash\nread line\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        self.start(Command::new("/bin/bash").arg("-c").arg(format!("exec '{}'", path.display())));
        // bash becomes the script by a second exec.
        let pid = self.animals.last().map(Child::id).unwrap();
        let comm: String = name.chars().take(15).collect();
        self.wait_for_comm(pid, &comm);
    }

    /// A process that renames itself after it has started.
    fn renamed(&mut self, name: &str) {
        let rename = format!("printf %s '{name}' > /proc/self/comm; read line");
        self.start(Command::new("/bin/bash").arg("-c").arg(rename));
        let pid = self.animals.last().map(Child::id).unwrap();
        self.wait_for_comm(pid, name);
    }

    fn start(&mut self, command: &mut Command) {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        self.animals.push(command.spawn().unwrap());
    }

    fn wait_for_comm(&self, pid: u32, comm: &str) {
        let deadline = Instant::now().checked_add(Duration::from_secs(10)).unwrap();
        let path = format!("/proc/{pid}/comm");
        while std::fs::read_to_string(&path).unwrap().trim_end() != comm {
            assert!(Instant::now() < deadline, "{pid} does not become {comm}");
            std::thread::yield_now();
        }
    }

    fn pids(&self) -> BTreeSet<i32> {
        self.animals.iter().map(|a| a.id().cast_signed()).collect()
    }
}

/// The numbers of ours that the tool names.
fn tool(how: ProcessMatch, name: &str, ours: &BTreeSet<i32>) -> BTreeSet<i32> {
    let line: &[&str] = match how {
        ProcessMatch::Killall => &["killall", "-0", "-v"],
        ProcessMatch::Pidof => &["pidof"],
        ProcessMatch::Pgrep => &["pgrep"],
        ProcessMatch::PgrepExact => &["pgrep", "-x"],
        // No tool asks like that.
        ProcessMatch::Comm | ProcessMatch::Command => &["false"],
    };
    let output = Command::new(line[0]).args(&line[1..]).arg(name).output().unwrap();
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    if how == ProcessMatch::Killall {
        // "Killed name(pid) with signal 0"
        for line in String::from_utf8_lossy(&output.stderr).lines() {
            let pid = line.strip_suffix(") with signal 0").and_then(|l| l.rsplit('(').next());
            text.push_str(pid.unwrap_or(""));
            text.push(' ');
        }
    }
    text.split_whitespace().filter_map(|p| p.parse().ok()).filter(|p| ours.contains(p)).collect()
}

#[test]
fn answers_as_the_real_tools_do() {
    let mut zoo = Zoo::open();
    zoo.program("vzshort", None);
    zoo.program("vzexactlyfiftee", None);
    zoo.program("vzexactlyfifteenandmore", None);
    zoo.program("vzexactlyfifteenotherwise", Some("vzotherargv0"));
    zoo.program("vzhidden", Some("/usr/sbin/vzfancy"));
    zoo.program("vzmaster", Some("vzmaster: master process /usr/sbin/vzx"));
    zoo.program("vz) S (odd", None);
    zoo.program("vz two words", None);
    zoo.script("vzscript.sh");
    zoo.script("vzlongscriptname-check.sh");
    zoo.renamed("vzrenamed");
    zoo.renamed("vzrenamedtofift");
    let names = [
        "vzshort",
        "vzshor",
        "vzshortt",
        "vzexactlyfiftee",
        "vzexactlyfifteenandmore",
        "vzexactlyfifteenandmor",
        "vzexactlyfifteenotherwise",
        "vzexactlyfifteenX",
        "vzexactlyfifte",
        "vzotherargv0",
        "vzhidden",
        "vzfancy",
        "/usr/sbin/vzfancy",
        "vzmaster",
        "vzmaster:",
        "vzx",
        "vz) S (odd",
        "vz two words",
        "vz",
        "vzscript.sh",
        "vzlongscriptname-check.sh",
        "vzlongscriptnam",
        "vzrenamed",
        "vzrenamedtofift",
        "vzrenamedtofifteen",
        "vznobody",
    ];
    let ours = zoo.pids();
    let mut differences = Vec::new();
    for how in
        [ProcessMatch::Killall, ProcessMatch::Pidof, ProcessMatch::Pgrep, ProcessMatch::PgrepExact]
    {
        for name in names {
            // These would be patterns, or paths with a meaning of their own.
            let special = match how {
                ProcessMatch::Killall => name.contains('/'),
                ProcessMatch::Pidof => name.contains('/'),
                ProcessMatch::Pgrep | ProcessMatch::PgrepExact => name.contains(['(', ')', '.']),
                ProcessMatch::Comm | ProcessMatch::Command => true,
            };
            if special {
                continue;
            }
            let slice = ProcessSlice::named(name.into(), how);
            let native = ours.iter().copied();
            let native: BTreeSet<i32> =
                native.filter(|pid| is_match(&slice, &mut Facts::new(*pid))).collect();
            let real = tool(how, name, &ours);
            if native != real {
                differences.push(format!("{how:?} {name}: native {native:?}, real {real:?}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn nobody_is_called_nothing() {
    let own = i32::try_from(std::process::id()).unwrap();
    for how in [ProcessMatch::Killall, ProcessMatch::Pidof, ProcessMatch::Pgrep] {
        let slice = ProcessSlice::named(Vec::new(), how);
        assert!(!is_match(&slice, &mut Facts::new(own)));
    }
}

#[test]
fn the_letter_is_found_behind_any_name() {
    let mut zoo = Zoo::open();
    zoo.program("vz) Z (letter", None);
    let pid = *zoo.pids().first().unwrap();
    assert!(!is_zombie(pid));
    zoo.animals[0].kill().unwrap();
    let deadline = Instant::now().checked_add(Duration::from_secs(10)).unwrap();
    while !is_zombie(pid) {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
}

/// By `process` and `param_match` of vrrp_track_process.
#[test]
fn the_command_and_its_arguments_are_compared_as_wanted() {
    let facts = |comm: &str, argv: &[&str]| {
        let cmdline = argv.iter().flat_map(|word| [word.as_bytes(), b"\0"].concat()).collect();
        Facts { pid: 0, comm: Some(comm.into()), cmdline: Some(cmdline) }
    };
    let comm = |name: &str| ProcessSlice::named(name.into(), ProcessMatch::Comm);
    let command = |name: &str, wanted: Option<(&[&str], ArgumentMatch)>| ProcessSlice {
        arguments: wanted.map(|(words, how)| {
            let words = words.iter().map(|word| word.as_bytes().to_vec()).collect();
            Arguments { words, how }
        }),
        ..ProcessSlice::named(name.into(), ProcessMatch::Command)
    };
    let nginx = || facts("nginx", &["/usr/sbin/nginx", "-c", "", "/etc/nginx.conf"]);
    use ArgumentMatch::{Exact, Initial, Partial};
    let cases: [(ProcessSlice, bool); 15] = [
        (comm("nginx"), true),
        (comm("ngin"), false),
        (command("nginx", None), true),
        (command("/usr/sbin/nginx", None), true),
        (command("/sbin/nginx", None), false),
        (command("nginx", Some((&["-c", "", "/etc/nginx.conf"], Exact))), true),
        (command("nginx", Some((&["-c", "", "/etc/nginx.conf", "x"], Exact))), false),
        (command("nginx", Some((&["-c", ""], Exact))), false),
        (command("nginx", Some((&["-c", ""], Initial))), true),
        (command("nginx", Some((&["-c", "x"], Initial))), false),
        (command("nginx", Some((&["-c", "", "/etc/ngi"], Initial))), false),
        (command("nginx", Some((&["-c", "", "/etc/ngi"], Partial))), true),
        (command("nginx", Some((&["-"], Partial))), true),
        (command("nginx", Some((&["-", ""], Partial))), false),
        (command("other", Some((&["-c"], Partial))), false),
    ];
    for (slice, expected) in cases {
        assert_eq!(is_match(&slice, &mut nginx()), expected, "{slice:?}");
    }
    // The kernel keeps 15 bytes.
    let mut long = facts("a-very-long-nam", &["a-very-long-name"]);
    assert!(is_match(&comm("a-very-long-name"), &mut long));
    assert!(is_match(&command("a-very-long-name", None), &mut long));
    assert!(!is_match(&command("a-very-long-nam", None), &mut long));
}
