//! Connections as a server sees them and their verdicts as an engine hears them: a real checker and
//! servers of the worst kind.

use crate::rig::{Folder, Rig, check};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};
use vipd_ipc::slice::{CheckSlice, HttpSlice, Place, ProbeSlice, Reach, TalkSlice};

/// Answers each connection by `serve`, in a thread of its own. Ends with the process.
fn server(serve: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

/// After the request, this answer; then the connection is closed.
fn answers(text: &'static str) -> SocketAddr {
    server(move |mut stream| {
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(text.as_bytes());
    })
}

fn talk(tracker: u16, to: Place, http: Option<HttpSlice>) -> CheckSlice {
    let slice = check(tracker, ProbeSlice::Talk(Box::new(TalkSlice { to, http })));
    CheckSlice {
        interval: Duration::from_millis(400),
        timeout: Duration::from_millis(300),
        ..slice
    }
}

fn get(tracker: u16, to: SocketAddr, body: Option<&str>) -> CheckSlice {
    let http = HttpSlice {
        target: "/".into(),
        host: to.to_string(),
        status: vec![(200, 299)],
        body: body.map(|text| text.as_bytes().to_vec()),
        tls: None,
    };
    talk(tracker, Place::Tcp(to), Some(http))
}

#[test]
fn a_listener_is_up_and_its_absence_down() {
    let mut rig = Rig::start().allow(vec![Reach::Tcp]);
    let listener = TcpListener::bind("[::1]:0").unwrap();
    let address = listener.local_addr().unwrap();
    rig.configure(1, vec![talk(1, Place::Tcp(address), None)]);
    assert_eq!(rig.state(1), (true, "it takes connections".to_owned()));
    drop(listener);
    assert_eq!(rig.state(1), (false, "no connection: Connection refused".to_owned()));
    let _again = TcpListener::bind(address).unwrap();
    assert!(rig.state(1).0);
}

#[test]
fn a_unix_socket_is_knocked_at() {
    let folder = Folder::new("knock");
    let path = folder.0.join("s");
    let mut rig = Rig::start().allow(vec![Reach::Unix(folder.bytes(""))]);
    rig.configure(1, vec![talk(1, Place::Unix(folder.bytes("s")), None)]);
    assert_eq!(rig.state(1), (false, "no connection: No such file or directory".to_owned()));
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    assert!(rig.state(1).0);
    drop(listener);
    assert_eq!(rig.state(1), (false, "no connection: Connection refused".to_owned()));
}

#[test]
fn every_kind_of_answer_has_its_verdict_in_time() {
    let hangs =
        server(|stream| std::thread::sleep(Duration::from_secs(stream.ttl().unwrap().into())));
    let drips = server(|mut stream| {
        for byte in b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n" {
            std::thread::sleep(Duration::from_millis(100));
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
        }
    });
    let floods = server(|mut stream| {
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'x'; 65536]).is_ok() {}
    });
    let resets = server(drop);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut rig = Rig::start().allow(vec![Reach::Tcp]);
    let ok = answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK");
    let checks = vec![
        get(1, ok, Some("OK")),
        get(2, answers("HTTP/1.1 500 No\r\n\r\n"), None),
        get(3, hangs, None),
        get(4, drips, None),
        get(5, floods, Some("OK")),
        get(6, floods, None),
        get(7, resets, None),
        get(8, closed, None),
        get(9, answers("\u{1b}[31mgarbage\n"), None),
        get(10, ok, Some("KO")),
    ];
    let begun = Instant::now();
    rig.configure(1, checks);
    let wanted: [(u16, bool, &str); 10] = [
        (1, true, "as wanted"),
        (2, false, "status 500, wanted 200-299"),
        (3, false, "no answer within 0.3 s"),
        (4, false, "no whole answer within 0.3 s"),
        (5, false, "\"OK\" is not in the first 64 KiB of the body"),
        (6, true, "status 200"),
        (7, false, "connection"),
        (8, false, "no connection: Connection refused"),
        (9, false, "the answer is no HTTP"),
        (10, false, "\"KO\" is not in the body"),
    ];
    let mut found = std::collections::BTreeMap::new();
    while found.len() < wanted.len() {
        let (tracker, state) = rig.any_state();
        found.entry(tracker).or_insert(state);
    }
    assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
    for (tracker, up, reason) in wanted {
        let state = &found[&tracker];
        assert!(state.0 == up && state.1.contains(reason), "{tracker}: {state:?}");
    }
}

/// A thousand slow ones beside a quick one, and what they leave behind when they are gone.
#[test]
fn slow_servers_delay_nobody() {
    let hangs = TcpListener::bind("127.0.0.1:0").unwrap();
    let slow = hangs.local_addr().unwrap();
    let quick = answers("HTTP/1.1 200 OK\r\n\r\n");
    let mut rig = Rig::start().allow(vec![Reach::Tcp]);
    let patient = |n| CheckSlice { timeout: Duration::from_secs(60), ..get(n, slow, None) };
    let mut checks: Vec<CheckSlice> = (2..1002).map(patient).collect();
    let (often, soon) = (Duration::from_millis(20), Duration::from_secs(1));
    checks.push(CheckSlice { interval: often, timeout: soon, ..get(1, quick, None) });
    rig.configure(1, checks);
    assert!(rig.state(1).0);
    // Many turns and none of them late: a failure would be told.
    let end = Instant::now() + Duration::from_secs(2);
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        if let Some((1, state)) = rig.state_within(left) {
            panic!("{state:?}");
        }
    }
    let open = || std::fs::read_dir(format!("/proc/{}/fd", rig.child.id())).unwrap().count();
    assert!(open() > 1000, "{}", open());
    rig.parent.chan.send(&vipd_ipc::msg::ParentToChecker::Stop).unwrap();
    assert_eq!(rig.exit().code(), Some(0));
}
