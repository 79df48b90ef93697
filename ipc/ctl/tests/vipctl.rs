//! The real vipctl against a socket that this file serves. What matters to scripts is tested here:
//! exit codes, what goes to which stream, and that a hostile answer does no harm.
#![cfg(test)]

use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const VIPCTL: &str = env!("CARGO_BIN_EXE_vipctl");
const NOBODY: u32 = 65534;

const TWO: &str = r#"{"version":1,"ok":true,"instances":[{"name":"VI_1","state":"MASTER","since_seconds":12.3,"priority":{"base":101,"effective":101,"trackers":[{"name":"chk","state":"down","reason":"no process"}]},"counters":{"ttl_errors":4}},{"name":"VI_2","state":"BACKUP"}]}"#;

/// Removed at the end, also of a failed test.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("vipctl-test-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn socket(&self) -> PathBuf {
        self.0.join("vipd.sock")
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Serves one client in a thread, which returns the request that came.
fn serve(dir: &Dir, act: impl FnOnce(&mut UnixStream) + Send + 'static) -> JoinHandle<String> {
    let listener = UnixListener::bind(dir.socket()).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = String::new();
        BufReader::new(&stream).read_line(&mut request).unwrap();
        act(&mut stream);
        request
    })
}

fn answer(line: &'static str) -> impl FnOnce(&mut UnixStream) + Send + 'static {
    move |stream| {
        // In two pieces: an answer is a line, not a segment.
        let (head, tail) = line.as_bytes().split_at(line.len() / 2);
        stream.write_all(head).unwrap();
        stream.write_all(tail).unwrap();
        stream.write_all(b"\n").unwrap();
    }
}

fn vipctl(socket: &Path, args: &[&str]) -> Output {
    Command::new(VIPCTL).arg("--socket").arg(socket).args(args).output().unwrap()
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn show_asks_one_line_and_prints_a_table_without_colour_in_a_pipe() {
    let dir = Dir::new();
    let server = serve(&dir, answer(TWO));
    let output = vipctl(&dir.socket(), &["show"]);
    assert_eq!(server.join().unwrap(), "show\n");
    let (out, err) = texts(&output);
    assert_eq!((output.status.code(), err.as_str()), (Some(0), ""));
    assert!(out.starts_with("INSTANCE  STATE"), "{out}");
    assert!(out.contains("\n! VI_1: chk is down (no process)\n"), "{out}");
    assert!(!out.contains('\x1b'), "{out:?}");
}

#[test]
fn show_instance_asks_for_it_and_prints_a_sheet() {
    let dir = Dir::new();
    let server = serve(&dir, answer(TWO));
    let output = vipctl(&dir.socket(), &["show", "VI_1"]);
    assert_eq!(server.join().unwrap(), "show VI_1\n");
    let (out, _) = texts(&output);
    assert_eq!(output.status.code(), Some(0));
    assert!(out.starts_with("VI_1 is MASTER for 12s\n"), "{out}");
    assert!(out.contains("! ttl_errors"), "{out}");
}

#[test]
fn json_is_the_line_as_it_came() {
    let dir = Dir::new();
    let server = serve(&dir, answer(TWO));
    let output = vipctl(&dir.socket(), &["show", "--json"]);
    server.join().unwrap();
    assert_eq!(texts(&output).0, format!("{TWO}\n"));
}

#[test]
fn a_no_in_json_is_printed_and_sets_the_exit_code() {
    const NO: &str = r#"{"version":1,"ok":false,"error":"no","code":"unknown_instance"}"#;
    let dir = Dir::new();
    let server = serve(&dir, answer(NO));
    let output = vipctl(&dir.socket(), &["show", "VI_9", "--json"]);
    server.join().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(texts(&output), (format!("{NO}\n"), String::new()));
}

#[test]
fn a_no_goes_to_standard_error_with_its_exit_code() {
    for (line, code, words) in [
        (
            r#"{"version":1,"ok":false,"error":"no instance VI_9","code":"unknown_instance"}"#,
            1,
            "no instance VI_9",
        ),
        (r#"{"version":1,"ok":false,"error":"not for you","code":"permission"}"#, 4, "not for you"),
        (r#"{"version":7,"ok":true}"#, 1, "version 7"),
        ("surprise", 1, "not understood"),
    ] {
        let dir = Dir::new();
        let server = serve(&dir, answer(line));
        let output = vipctl(&dir.socket(), &["show", "VI_9"]);
        server.join().unwrap();
        let (out, err) = texts(&output);
        assert_eq!((output.status.code(), out.as_str()), (Some(code), ""), "{line}: {err}");
        assert!(err.starts_with("vipctl: ") && err.contains(words), "{err}");
    }
}

#[test]
fn reload_says_what_came_of_it() {
    let dir = Dir::new();
    let server =
        serve(&dir, answer(r#"{"version":1,"ok":true,"text":"generation 2\nfine\u001b"}"#));
    let output = vipctl(&dir.socket(), &["reload"]);
    assert_eq!(server.join().unwrap(), "reload\n");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(texts(&output).0, "generation 2\nfine\\u{1b}\n");

    let dir = Dir::new();
    let server = serve(&dir, answer(r#"{"version":1,"ok":false,"text":"line 3: no\nline 4: no"}"#));
    let output = vipctl(&dir.socket(), &["reload"]);
    server.join().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(texts(&output).1, "vipctl: line 3: no\nvipctl: line 4: no\n");
}

#[test]
fn nobody_there_is_exit_3_with_the_path() {
    let dir = Dir::new();
    let socket = dir.socket();
    let output = vipctl(&socket, &["show"]);
    assert_eq!(output.status.code(), Some(3));
    let expected = format!("vipctl: vipd is not running (no socket at {})\n", socket.display());
    assert_eq!(texts(&output).1, expected);

    // A socket that a dead daemon left behind.
    drop(UnixListener::bind(&socket).unwrap());
    let output = vipctl(&socket, &["show"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(texts(&output).1.contains("nobody listens"), "{output:?}");
}

#[test]
fn a_daemon_that_closes_or_hangs_is_exit_3() {
    let dir = Dir::new();
    let server = serve(&dir, |stream| {
        stream.write_all(b"{\"version\":1,").unwrap();
        stream.shutdown(Shutdown::Both).unwrap();
    });
    let output = vipctl(&dir.socket(), &["show"]);
    server.join().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");

    let dir = Dir::new();
    let _held = UnixListener::bind(dir.socket()).unwrap();
    let start = Instant::now();
    let output = vipctl(&dir.socket(), &["show"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(texts(&output).1.contains("did not answer within 5 s"), "{output:?}");
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn an_endless_answer_is_cut_off() {
    let dir = Dir::new();
    let server = serve(&dir, |stream| {
        let chunk = vec![b'a'; 1 << 20];
        // Ends when the client has had enough.
        for _ in 0..64 {
            if stream.write_all(&chunk).is_err() {
                return;
            }
        }
        panic!("vipctl read 64 MiB");
    });
    let output = vipctl(&dir.socket(), &["show"]);
    server.join().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(texts(&output).1.contains("longer than 16 MiB"), "{output:?}");
}

#[test]
fn a_closed_door_is_exit_4_with_the_remedy() {
    let dir = Dir::new();
    let binary = dir.0.join("vipctl");
    std::fs::copy(VIPCTL, &binary).unwrap();
    let closed = dir.0.join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, PermissionsExt::from_mode(0o000)).unwrap();
    let mut command = Command::new(&binary);
    command.arg("-s").arg(closed.join("vipd.sock")).arg("show");
    // Root passes every door.
    if std::fs::metadata(&dir.0).unwrap().uid() == 0 {
        std::fs::set_permissions(&dir.0, PermissionsExt::from_mode(0o755)).unwrap();
        command.uid(NOBODY);
    }
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(texts(&output).1.contains("group vipctl or root"), "{output:?}");
}

#[test]
fn usage_is_exit_2_and_help_is_exit_0() {
    let run = |args: &[&str]| Command::new(VIPCTL).args(args).output().unwrap();
    for args in [&[][..], &["explode"], &["show", "a", "b"], &["--nonsense"]] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(texts(&output).1.contains("vipctl --help"), "{args:?}");
    }
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(texts(&help).0.starts_with("usage: vipctl"));
    assert!(texts(&run(&["--version"])).0.starts_with("vipctl 0."));
}

#[test]
fn a_reader_that_left_is_no_failure_but_a_full_disk_is() {
    let dir = Dir::new();
    let server = serve(&dir, answer(TWO));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(VIPCTL);
    command.arg("-s").arg(dir.socket()).arg("show").stdout(writer).stderr(Stdio::piped());
    let output = command.output().unwrap();
    server.join().unwrap();
    assert_eq!((output.status.code(), texts(&output).1.as_str()), (Some(0), ""));

    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = Command::new(VIPCTL).arg("--help").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}
