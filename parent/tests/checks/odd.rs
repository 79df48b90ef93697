//! Servers that hang, drip, lie and flood: each check has its verdict in time, the checker stays small,
//! and the engine sends its adverts as if nothing were.

use crate::rig::Stage;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;
use vipd_lab::clock::millis;
use vipd_lab::{Error, Node};

/// Answers every connection to `port` of the node by `serve`, each in a thread of its own.
fn server(node: &Node, port: u16, serve: impl Fn(&mut TcpStream) + Copy + Send + 'static) {
    let bound = node.namespace().enter(|| {
        TcpListener::bind(("127.0.0.1", port)).map_err(|error| Error::new(error.to_string()))
    });
    let listener = bound.unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 2048]);
                serve(&mut stream);
            });
        }
    });
}

fn say(stream: &mut TcpStream, text: &[u8]) -> bool {
    stream.write_all(text).is_ok()
}

const PIECES_OF_A_GIGABYTE: usize = 1 << 14;
const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n";

fn a_gigabyte(stream: &mut TcpStream) {
    let piece = [b'x'; 1 << 16];
    let _ = say(stream, HEAD) && (0..PIECES_OF_A_GIGABYTE).all(|_| say(stream, &piece));
}

#[test]
fn odd_servers_are_judged_in_time_and_in_little_memory() {
    let mut stage = Stage::new();
    let node = &stage.node;
    // Until the other end is gone.
    server(node, 8001, |stream| drop(stream.read(&mut [0; 1])));
    server(node, 8002, |stream| {
        let slow = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";
        for byte in slow {
            std::thread::sleep(Duration::from_secs(1));
            if !say(stream, &[*byte]) {
                return;
            }
        }
    });
    server(node, 8003, a_gigabyte);
    server(node, 8004, |stream| while say(stream, &[0xff; 4096]) {});
    server(node, 8005, |stream| {
        let _ = say(stream, b"HTTP/1.1 200 OK\r\n");
        while say(stream, b"X-More: and more\r\n") {}
    });
    server(node, 8006, |_| {});
    server(node, 8007, |stream| {
        // Late, but in time.
        std::thread::sleep(Duration::from_millis(100));
        let _ = say(stream, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        std::thread::sleep(Duration::from_millis(50));
        let _ = say(stream, b"3\r\nall\r\n");
        std::thread::sleep(Duration::from_millis(50));
        let _ = say(stream, b"5\r\n well\r\n0\r\n\r\n");
    });
    server(node, 8008, |stream| {
        let _ = say(stream, b"HTTP/1.1 503 No\r\n\r\n\x1b[31mred");
    });
    let url = |port: u16| format!("url http://127.0.0.1:{port}/");
    let body = |port: u16| format!("{}; body OK", url(port));
    stage.start(&[
        ("hangs", &url(8001)),
        ("drips", &url(8002)),
        ("large", &url(8003)),
        ("searched", &body(8003)),
        ("garbage", &url(8004)),
        ("endless", &url(8005)),
        ("silent", &url(8006)),
        ("late", &format!("{}; body \"all well\"", url(8007))),
        ("busy", &url(8008)),
        ("nobody", &url(8009)),
    ]);
    let master = stage.wait_master();
    stage.wait("hangs", "down", "no answer within 0.5 s");
    stage.wait("drips", "down", "no answer within 0.5 s");
    stage.wait("large", "up", "status 200");
    stage.wait("searched", "down", "\"OK\" is not in the first 64 KiB of the body");
    stage.wait("garbage", "down", "the answer is no HTTP");
    stage.wait("endless", "down", "the answer ");
    stage.wait("silent", "down", "it closed the connection without an answer");
    stage.wait("late", "up", "the body is as wanted");
    stage.wait("busy", "down", "status 503, wanted 200-299");
    stage.wait("nobody", "down", "no connection: Connection refused");
    stage.regular(master, 5);
    let small = stage.checker_memory();
    println!("the checker has had {small} KiB at most");
    assert!(small < 16 << 10, "{small} KiB");
}

/// Many checks at a time, half of them of a server that never answers: the others hear nothing of it.
/// They have time enough for what a busy machine does to the server.
#[test]
fn many_checks_keep_their_times() {
    let mut stage = Stage::new();
    server(&stage.node, 8001, |stream| drop(stream.read(&mut [0; 1])));
    server(&stage.node, 8002, |stream| {
        let _ = say(stream, b"HTTP/1.1 204 No Content\r\n\r\n");
    });
    let block = |n: usize| {
        let (port, time) = if n.is_multiple_of(2) { (8001, "500ms") } else { (8002, "10s") };
        (format!("c{n}"), format!("url http://127.0.0.1:{port}/; jitter 100ms; timeout {time}"))
    };
    let all: Vec<(String, String)> = (0..100).map(block).collect();
    let all: Vec<(&str, &str)> = all.iter().map(|(n, l)| (n.as_str(), l.as_str())).collect();
    stage.start(&all);
    let master = stage.wait_master();
    for n in [0, 1, 98, 99] {
        let (state, why) = if n % 2 == 0 { ("down", "no answer within") } else { ("up", "204") };
        stage.wait(&format!("c{n}"), state, why);
    }
    stage.regular(master, 5);
    let took = vipd_lab::clock::Stamp::now().since(stage.since);
    println!("{} KiB, {:.0} ms", stage.checker_memory(), millis(took));
    // One that is up was never late: it would have been told.
    for n in (1..100).step_by(2) {
        let down = format!("vrrp_check c{n} is down");
        assert!(stage.node.syslog().find(&down).is_none(), "{}", stage.node.syslog().text());
    }
}
