//! Target: what a control client writes, in pieces. The same bytes are the same requests however
//! they are cut; every answer is one line of JSON.

use serde_json::Value;
use vrrpe::request::{self, Inbox, Order, REQUEST_MAX, REQUESTS, Request, Term, TooLong};

/// One byte for the size of the pieces, and what is written.
pub fn run(input: &[u8]) {
    let Some((piece, written)) = input.split_first() else { return };
    let piece = usize::from(*piece).saturating_add(1);
    let requests = serve(written, piece);
    assert_eq!(requests, serve(written, REQUEST_MAX), "in pieces of {piece}");
    for request in requests.iter().flatten() {
        is_answered(request);
        can_be_asked_for(request);
    }
}

/// As the engine does: it reads when it has no request, and stops at one that is too long.
fn serve(written: &[u8], piece: usize) -> Vec<Result<Request, TooLong>> {
    let (mut inbox, mut requests) = (Inbox::default(), Vec::new());
    let mut pieces = written.chunks(piece);
    loop {
        if inbox.wants_more() {
            let Some(piece) = pieces.next() else { return requests };
            inbox.push(piece);
            assert!(inbox.len() <= REQUEST_MAX.saturating_mul(2));
            continue;
        }
        match inbox.take() {
            Ok(Some(request)) => requests.push(Ok(request)),
            Ok(None) => panic!("it wants no more and has nothing"),
            Err(TooLong) => {
                requests.push(Err(TooLong));
                return requests;
            }
        }
    }
}

fn is_answered(request: &Request) {
    let (code, error) = match request {
        Request::Show(None) => return,
        Request::Show(Some(name)) => ("unknown_instance", format!("no instance named {name}")),
        Request::Explain(name) => ("unknown_instance", format!("no instance named {name}")),
        Request::Monitor => return,
        Request::Order(_) | Request::Reload => {
            ("permission", String::from("this client may only look"))
        }
        Request::Unknown => ("unknown_request", REQUESTS.join(", ")),
    };
    let line = request::line(&request::refusal(code, &error));
    assert_eq!(line.iter().position(|byte| *byte == b'\n'), line.len().checked_sub(1));
    let read: Value = serde_json::from_slice(&line).unwrap();
    assert_eq!((&read["ok"], &read["version"]), (&Value::Bool(false), &request::VERSION.into()));
    assert_eq!((&read["code"], &read["error"]), (&code.into(), &error.into()));
}

/// A name is what can be written in a request: it stands on one line, and blanks around it are
/// none of its own.
fn can_be_asked_for(request: &Request) {
    let line = match request {
        Request::Show(None) => String::from("show"),
        Request::Show(Some(name)) => {
            assert_eq!(name.trim(), name);
            format!("show {name}")
        }
        Request::Explain(name) => format!("explain {name}"),
        Request::Monitor => String::from("monitor"),
        Request::Order(Order::Failover(term, name)) => format!("failover {} {name}", word(*term)),
        Request::Order(Order::Maintenance(term)) => format!("maintenance {}", word(*term)),
        Request::Order(Order::Priority(adds, term, name)) => {
            format!("priority {adds} {} {name}", word(*term))
        }
        Request::Reload => String::from("reload"),
        Request::Unknown => return,
    };
    assert!(!line.contains('\n'));
    assert_eq!(&request::parse(line.as_bytes()), request, "{line:?}");
}

fn word(term: Term) -> String {
    match term {
        Term::On => String::from("on"),
        Term::Off => String::from("off"),
        Term::Seconds(seconds) => seconds.to_string(),
    }
}
