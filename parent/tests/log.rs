//! The log and the audit trail from the log daemon's side: one that is absent, comes back or does
//! not read stalls nothing and what it missed is kept or counted; the trail has no gap and tells
//! every change of an address; a password is nowhere.

#![cfg(test)]

use nix::sys::signal::Signal;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::time::Duration;
use vipd_lab::clock::{Stamp, wait_until};
use vipd_lab::scenario::{CONFIG1, CONFIG2, LIMIT, NODE1, Pair, VIP};
use vipd_lab::{Daemon, Node, packages, paths};

const SOCKET: &str = "/run/vipd/vipd.sock";
const DEVICE: &str = "/dev/log";
/// What `<N>` says of facility authpriv: 10 * 8 to 10 * 8 + 7.
const AUTHPRIV: std::ops::Range<u32> = 80..88;
const DELETE: &str = "ip address delete 10.88.88.100/32 dev enp0s25";

/// A log daemon that the test starts, stops and keeps from reading.
struct LogDaemon {
    socket: UnixDatagram,
    lines: Vec<String>,
}

impl LogDaemon {
    fn start(node: &Node) -> Self {
        let path = node.file(DEVICE);
        let _ = fs::remove_file(&path);
        let socket = UnixDatagram::bind(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self { socket, lines: Vec::new() }
    }

    /// Takes what is there.
    fn read(&mut self) {
        let mut buffer = [0; 65536];
        for _ in 0..100_000 {
            let Ok(length) = self.socket.recv(&mut buffer) else { return };
            self.lines.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
        }
    }

    fn wait(&mut self, part: &str) {
        let waited = wait_until(LIMIT, part, || {
            self.read();
            self.lines.iter().any(|line| line.contains(part))
        });
        assert!(waited.is_ok(), "{waited:?}\n{}", self.lines.join("\n"));
    }

    fn count(&self, part: &str) -> usize {
        self.lines.iter().filter(|line| line.contains(part)).count()
    }
}

/// The number of each line of the trail.
fn sequence<'a>(lines: impl IntoIterator<Item = &'a String>) -> Vec<u64> {
    let number = |line: &String| {
        let (_, rest) = line.split_once("audit seq=")?;
        rest.split_whitespace().next()?.parse().ok()
    };
    lines.into_iter().filter_map(number).collect()
}

fn without_gap(numbers: &[u64]) {
    let wanted: Vec<u64> = (1..=numbers.len() as u64).collect();
    assert_eq!(numbers, wanted);
}

/// Node 1 has no log daemon of the laboratory's; `start` may start one before vipd.
fn pair(start: impl FnOnce(&Node) -> Option<LogDaemon>) -> (Pair, Option<LogDaemon>) {
    packages::ensure().unwrap();
    let vipd = Daemon::vipd().unwrap();
    let mut pair = Pair::boot().unwrap();
    pair.one.node.shell("umount /dev/log && rm /dev/log").unwrap();
    let log = start(&pair.one.node);
    let config = pair.one.config.clone();
    pair.one.daemon = Some(vipd.launch(&pair.one.node, &config, &[]).unwrap());
    pair.two.start_daemon(&vipd).unwrap();
    pair.settle().unwrap();
    (pair, log)
}

/// Somebody removes the address, which makes lines of both kinds, and it comes back at once.
fn restored(pair: &Pair) {
    let at = Stamp::now();
    pair.one.node.shell(DELETE).unwrap();
    let events = || pair.one.node.watch().events();
    let back = || {
        let late = events().into_iter().filter(|e| e.at >= at && e.what.address == IpAddr::V4(VIP));
        late.skip_while(|event| event.added).any(|event| event.added)
    };
    wait_until(LIMIT, "the address again", back).unwrap();
}

/// Asks `times` on one connection for a reload that has nothing to do: several lines each.
fn reloads(pair: &Pair, times: usize) {
    let mut stream = UnixStream::connect(pair.one.node.file(SOCKET)).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    for _ in 0..times {
        stream.write_all(b"reload\n").unwrap();
        let mut answer = String::new();
        answers.read_line(&mut answer).unwrap();
        assert!(answer.contains("nothing has changed"), "{answer}");
    }
}

#[test]
fn absent_log_daemon_misses_nothing() {
    let (pair, none) = pair(|_| None);
    assert!(none.is_none());
    let since = Stamp::now();
    restored(&pair);
    reloads(&pair, 20);
    pair.undisturbed(since, "no log daemon").unwrap();
    let mut log = LogDaemon::start(&pair.one.node);
    let at = Stamp::now();
    log.wait("why=restore result=ok");
    assert!(Stamp::now().since(at) < Duration::from_secs(2), "{:?}", Stamp::now().since(at));
    for part in ["Starting vipd", "Entering BACKUP STATE (init)", "Entering MASTER STATE"] {
        assert_eq!(log.count(part), 1, "{part}: {:#?}", log.lines);
    }
    wait_until(LIMIT, "the last line", || {
        log.read();
        log.count("event=reload") == 20
    })
    .unwrap();
    without_gap(&sequence(&log.lines));
    assert_eq!(log.count("were lost"), 0, "{:#?}", log.lines);
}

/// An absent log daemon is looked for now and then, not all the time.
#[test]
fn absent_log_daemon_costs_next_to_nothing() {
    let (pair, _) = pair(|_| None);
    let parent = pair.one.node.find("vipd");
    assert_eq!(parent.len(), 1, "{parent:?}");
    let switches = || -> u64 {
        let status = fs::read_to_string(parent[0].proc_dir().join("status")).unwrap();
        let line = status.lines().find_map(|l| l.strip_prefix("voluntary_ctxt_switches:"));
        line.unwrap().trim().parse().unwrap()
    };
    let (since, before) = (Stamp::now(), switches());
    pair.undisturbed(since, "no log daemon").unwrap();
    let each = (switches() - before) / Stamp::now().since(since).as_secs();
    assert!(each < 60, "{each} wake-ups a second");
}

#[test]
fn restarted_log_daemon_is_found_again() {
    let (pair, log) = pair(|node| Some(LogDaemon::start(node)));
    let mut log = log.unwrap();
    log.wait("Entering MASTER STATE");
    let since = Stamp::now();
    let mut all = Vec::new();
    for round in 0..3 {
        log.read();
        all.append(&mut log.lines);
        fs::remove_file(pair.one.node.file(DEVICE)).unwrap();
        drop(log);
        if round != 1 {
            restored(&pair);
        }
        reloads(&pair, 5);
        log = LogDaemon::start(&pair.one.node);
        wait_until(LIMIT, "the lines it missed", || {
            log.read();
            log.count("event=reload") == 5
        })
        .unwrap();
        assert_eq!(log.count("why=restore result=ok"), usize::from(round != 1));
    }
    pair.undisturbed(since, "a log daemon that is restarted").unwrap();
    log.read();
    all.append(&mut log.lines);
    without_gap(&sequence(&all));
    assert!(!all.iter().any(|line| line.contains("were lost")), "{all:#?}");
}

#[test]
fn deaf_log_daemon_loses_counted_lines_and_no_audit() {
    const TIMES: usize = 1500;
    let (mut pair, log) = pair(|node| Some(LogDaemon::start(node)));
    let mut log = log.unwrap();
    log.wait("Entering MASTER STATE");
    let since = Stamp::now();
    reloads(&pair, TIMES);
    restored(&pair);
    pair.undisturbed(since, "a log daemon that does not read").unwrap();
    // It wakes up.
    log.wait("log lines were lost: the log daemon did not take them");
    wait_until(LIMIT, "the rest", || {
        log.read();
        log.count("why=restore result=ok") == 1
    })
    .unwrap();
    without_gap(&sequence(&log.lines));
    assert_eq!(log.count("event=reload by=control uid=0 result=ok"), TIMES);
    let lost: usize = log
        .lines
        .iter()
        .filter_map(|line| line.split_once(" log lines were lost")?.0.rsplit(' ').next())
        .map(|number| number.parse::<usize>().unwrap())
        .sum();
    let came = log.count("]: Reloading ...") + log.count("]: Reload complete");
    // The engine's lines are among the lost ones, as far as it had not left them out itself.
    assert!(lost > 0 && came + lost >= 2 * TIMES, "{came} + {lost}");
    assert!(came + lost <= 3 * TIMES + 20, "{came} + {lost}");
    // From now on all lines come.
    let before = log.count("Reload complete");
    pair.one.running().unwrap().main.signal(Signal::SIGHUP).unwrap();
    wait_until(LIMIT, "the next line", || {
        log.read();
        log.count("Reload complete") == before + 1
    })
    .unwrap();
}

/// A stop is not held up either.
#[test]
fn deaf_log_daemon_does_not_delay_the_end() {
    let (mut pair, log) = pair(|node| Some(LogDaemon::start(node)));
    reloads(&pair, 50);
    let at = pair.one.running().unwrap().terminate().unwrap();
    pair.wait_owner(2).unwrap();
    let status = pair.one.running().unwrap().wait(LIMIT).unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(Stamp::now().since(at) < Duration::from_secs(4), "{:?}", Stamp::now().since(at));
    let zero = |a: &vipd_lab::frame::Advert| a.source == NODE1 && a.priority == 0;
    let (bye, _) = pair.capture.wait_advert(at, LIMIT, "good-bye", zero).unwrap();
    assert!(bye.since(at) < Duration::from_millis(500), "{:?}", bye.since(at));
    assert!(pair.long_overlaps().is_empty(), "{:?}", pair.overlaps());
    drop(log);
}

/// What happens in the life of a node, each change of an address in the kernel with its line.
#[test]
fn audit_trail_is_whole() {
    packages::ensure().unwrap();
    let vipd = Daemon::vipd().unwrap();
    let mut pair = Pair::running(&vipd, &vipd).unwrap();
    restored(&pair);
    let two = CONFIG1.replace("10.88.88.100\n", "10.88.88.100\n        10.88.88.101\n");
    pair.one.running().unwrap();
    for text in [two.as_str(), CONFIG1, "vrrp_instance {", CONFIG1] {
        let at = Stamp::now();
        let host = &mut pair.one;
        host.daemon.as_mut().unwrap().reload(&host.node, text).unwrap();
        let audited = || host.node.syslog().find_since(at, "event=reload by=signal").is_some();
        wait_until(LIMIT, "the reload", audited).unwrap();
    }
    pair.one.kill_haproxy().unwrap();
    pair.wait_owner(2).unwrap();
    pair.one.start_haproxy().unwrap();
    pair.wait_owner(1).unwrap();
    pair.one.daemon.as_mut().unwrap().stop(&pair.one.node).unwrap();
    let log = pair.one.node.syslog();
    wait_until(LIMIT, "the last line", || log.find("event=stop").is_some()).unwrap();
    let audit = log.audit();
    let texts: Vec<String> = audit.iter().map(|line| line.text.clone()).collect();
    without_gap(&sequence(&texts));
    for line in log.lines() {
        assert_eq!(line.facility == 10, line.text.contains("audit seq="), "{line}");
        assert_eq!(line.text.matches("event=").count(), usize::from(line.facility == 10), "{line}");
        assert!(line.facility == 10 || line.facility == 3, "{line}");
        assert!(!line.text.contains('\n') && line.text.len() < 1024, "{line}");
        assert!(line.facility != 10 || AUTHPRIV.contains(&(80 + u32::from(line.severity))));
    }
    for address in [VIP, Ipv4Addr::new(10, 88, 88, 101)] {
        let (mut there, mut added, mut removed) = (false, 0, 0);
        for event in pair.one.node.watch().events() {
            if event.what.address == IpAddr::V4(address) && event.added != there {
                there = event.added;
                *(if there { &mut added } else { &mut removed }) += 1;
            }
        }
        let lines = |event: &str| {
            let wanted = format!("event={event} address={address}/32 interface=enp0s25");
            texts.iter().filter(|t| t.contains(&wanted) && t.ends_with("result=ok")).count()
        };
        // One removal was not vipd's.
        let foreign = usize::from(address == VIP);
        assert_eq!((lines("add"), lines("remove") + foreign), (added, removed), "{texts:#?}");
    }
    assert_eq!(texts.iter().filter(|t| t.contains("result=refused")).count(), 1, "{texts:#?}");
    assert!(texts.first().is_some_and(|text| text.contains("event=start")));
    assert!(texts.last().is_some_and(|text| text.contains("event=stop")));
}

#[test]
fn password_is_nowhere() {
    const PASSWORDS: [&str; 3] = ["S3cr3tQ9", "0ther!Wd", "T00L0NGx"];
    packages::ensure().unwrap();
    let vipd = Daemon::vipd().unwrap();
    let with = |config: &str, keyword: &str, password: &str| {
        let block = format!(
            "advert_int 1\n    authentication {{\n        auth_type PASS\n        {keyword} \
             {password}\n    }}"
        );
        config.replace("advert_int 1", &block)
    };
    let (first, second) =
        (with(CONFIG1, "auth_pass", PASSWORDS[0]), with(CONFIG2, "auth_pass", PASSWORDS[0]));
    let mut pair = Pair::with_configs(&first, &second).unwrap();
    pair.one.daemon = Some(vipd.launch(&pair.one.node, &first, &["-D", "-d", "-l"]).unwrap());
    pair.two.start_daemon(&vipd).unwrap();
    pair.settle().unwrap();
    // On the wire it is in the clear: the test would see it if it were elsewhere.
    let packets = pair.capture.packets();
    let clear = |p: &vipd_lab::capture::Packet| p.bytes.windows(8).any(|w| w == b"S3cr3tQ9");
    assert!(packets.iter().any(clear));
    // Reloads with a file that has something wrong about the password.
    let long = format!("{}tail", PASSWORDS[2]);
    for (keyword, password) in
        [("auth_pass", long.as_str()), ("auth_pas", PASSWORDS[2]), ("auth_pass", PASSWORDS[1])]
    {
        for broken in ["}}", ""] {
            let text = format!("{}{broken}", with(CONFIG1, keyword, password));
            let at = Stamp::now();
            let host = &mut pair.one;
            host.daemon.as_mut().unwrap().reload(&host.node, &text).unwrap();
            let done = || host.node.syslog().find_since(at, "event=reload").is_some();
            wait_until(LIMIT, "the reload", done).unwrap();
            let program = paths::bin_dir().unwrap().join("vipctl");
            for words in [&["reload"][..], &["show"], &["show", "VI_1"], &["show", "--json"]] {
                let mut all = vec![program.to_str().unwrap()];
                all.extend(words);
                let said = host.node.exec(&all, LIMIT).unwrap();
                hidden(&format!("{}{}", said.stdout, said.stderr), &PASSWORDS);
            }
        }
    }
    assert!(pair.one.node.syslog().find("auth_pass ********").is_some(), "no dump in the log");
    // The peer has another password now, which it says.
    let heard = || pair.two.node.syslog().find("password").is_some();
    wait_until(LIMIT, "the complaint of node 2", heard).unwrap();
    for host in [&pair.one, &pair.two] {
        hidden(&host.node.syslog().text(), &PASSWORDS);
        let processes = host.node.processes();
        assert!(processes.iter().any(|process| process.name == "vipd-vrrpe"));
        for process in processes.iter().filter(|process| process.name.starts_with("vipd")) {
            hidden(&process.command, &PASSWORDS);
            let environ = fs::read(process.proc_dir().join("environ")).unwrap_or_default();
            hidden(&String::from_utf8_lossy(&environ), &PASSWORDS);
        }
    }
    let running = pair.one.running().unwrap();
    hidden(&running.main.stdout(), &PASSWORDS);
    hidden(&running.main.stderr(), &PASSWORDS);
}

fn hidden(text: &str, passwords: &[&str]) {
    for password in passwords {
        let found = text.lines().find(|line| line.contains(password));
        assert!(found.is_none(), "{found:?}");
    }
}
