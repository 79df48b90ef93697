//! Answers of servers, whole and in pieces, good and bad.

use super::*;
use proptest::prelude::*;

fn slice(body: Option<&str>) -> HttpSlice {
    HttpSlice {
        target: "/health".into(),
        host: "web".into(),
        status: vec![(200, 299), (304, 304)],
        body: body.map(|text| text.as_bytes().to_vec()),
        tls: None,
    }
}

/// Fed in pieces of `size`, then closed.
fn verdict(body: Option<&str>, answer: &[u8], size: usize) -> Verdict {
    let mut reader = Answer::new(&slice(body));
    let mut pieces = answer.chunks(size);
    pieces.find_map(|piece| reader.take(piece)).unwrap_or_else(|| reader.ended())
}

#[test]
fn the_request_is_one_that_ends_with_its_answer() {
    let request = String::from_utf8(request(&slice(None))).unwrap();
    assert!(request.starts_with("GET /health HTTP/1.1\r\nHost: web\r\n"), "{request}");
    assert!(request.ends_with("Connection: close\r\n\r\n"), "{request}");
}

#[test]
fn status_and_body_decide() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n\
                   5;x=y\r\nall i\r\n6\r\ns well\r\n0\r\nTrailer: x\r\n\r\n";
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
    let long = format!("HTTP/1.0 200 OK\r\n\r\n{}is well", "x".repeat(BODY_MAX));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(65));
    let endless = format!("HTTP/1.1 200 OK\r\nA: {}", "b".repeat(HEAD_MAX));
    let cases: [(Option<&str>, &str, bool, &str); 17] = [
        (None, "HTTP/1.1 200 OK\r\n\r\n", true, "status 200"),
        (None, "HTTP/1.0 304 Not Modified\n\n", true, "status 304"),
        (None, "HTTP/1.1 503 Service Unavailable\r\n\r\n", false, "status 503, wanted 200-299 304"),
        (None, interim, true, "status 204"),
        (None, "", false, "it closed the connection without an answer"),
        (None, "HTTP/1.1 200 OK\r\nA: b\r\n", false, "in the answer's headers"),
        (None, "SSH-2.0-OpenSSH", false, "the answer is no HTTP"),
        (None, "\x15\x03\x01\x02", false, "the answer is no HTTP"),
        (None, &many, false, "more than 64 headers"),
        (None, &endless, false, "longer than 16 KiB"),
        (Some("is well"), chunked, true, "status 200, and the body is as wanted"),
        (Some("is bad"), chunked, false, "status 200, but \"is bad\" is not in the body"),
        (Some("b"), "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab", false, "not in the body"),
        (Some("ab"), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", true, "as wanted"),
        (Some("ab"), "HTTP/1.1 200 OK\r\n\r\nxab", true, "as wanted"),
        (Some("is well"), &long, false, "not in the first 64 KiB of the body"),
        (
            Some("x"),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            false,
            "a chunk without a size",
        ),
    ];
    for (body, answer, success, reason) in cases {
        for size in [1, 2, 7, 1 << 20] {
            let verdict = verdict(body, answer.as_bytes(), size);
            let shown = answer.get(..60).unwrap_or(answer);
            assert_eq!(verdict.success, success, "{shown:?} by {size}: {verdict:?}");
            assert!(verdict.reason.contains(reason), "{shown:?} by {size}: {verdict:?}");
        }
    }
}

#[test]
fn a_verdict_does_not_wait_for_the_end() {
    let mut reader = Answer::new(&slice(None));
    assert!(reader.take(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").is_some());
    let mut reader = Answer::new(&slice(Some("OK")));
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n";
    assert_eq!(reader.take(head), None);
    let piece = [b'x'; 4096];
    let bad = std::iter::repeat_with(|| reader.take(&piece)).take(100).flatten().next();
    assert!(!bad.unwrap().success);
}

proptest! {
    /// Whatever comes, in whatever pieces: no panic, little memory, and the pieces do not matter.
    #[test]
    fn pieces_do_not_matter(
        parts in proptest::collection::vec(prop::sample::select(vec![
            "HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 Go\r\n\r\n", "Content-Length: 5\r\n", "\r\n", "OK",
            "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n", "0\r\n\r\n", "x", "A: b\n", "\u{0}",
        ]), 0..12),
        wanted in prop::option::of(Just("OK")),
        size in 1usize..9,
    ) {
        let answer = parts.concat();
        let whole = verdict(wanted, answer.as_bytes(), 1 << 20);
        let pieces = verdict(wanted, answer.as_bytes(), size);
        prop_assert_eq!(pieces.success, whole.success, "{:?} {:?}", pieces, whole);
    }
}
