//! The language of the control socket: requests, a line each, and how an answer is written. Bytes
//! in, bytes out; who may ask, and what is true, is decided elsewhere.

use serde_json::{Value, json};

/// Version of the answers; rises when a field changes its meaning.
pub const VERSION: u32 = 1;
/// Longest request without its newline, in bytes.
pub const REQUEST_MAX: usize = 4096;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    Show(Option<String>),
    Explain(String),
    Monitor,
    /// Only from who may act, as `Reload`.
    Order(Order),
    Reload,
    Unknown,
}

/// What a client wants of the routers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    Failover(Term, String),
    Maintenance(Term),
    /// What is added to the priority.
    Priority(i16, Term, String),
}

/// Whether an order holds, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    On,
    Seconds(u32),
    Off,
}

/// The longest time for which something can be ordered: a year.
pub const SECONDS_MAX: u32 = 31_536_000;

/// What a client may ask, as it must be written; vipctl(8) describes each.
pub const REQUESTS: [&str; 7] =
    ["show", "explain", "monitor", "failover", "maintenance", "priority", "reload"];

pub fn parse(line: &[u8]) -> Request {
    let Ok(line) = std::str::from_utf8(line) else { return Request::Unknown };
    let line = line.trim();
    // An instance's name may hold blanks, so all that follows is the name.
    let (verb, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim_start();
    known(verb, rest).unwrap_or(Request::Unknown)
}

fn known(verb: &str, rest: &str) -> Option<Request> {
    let name = || Some(rest.to_owned()).filter(|name| !name.is_empty());
    match verb {
        "show" => Some(Request::Show(name())),
        "explain" => name().map(Request::Explain),
        "monitor" if rest.is_empty() => Some(Request::Monitor),
        "reload" if rest.is_empty() => Some(Request::Reload),
        "maintenance" => term(rest).map(Order::Maintenance).map(Request::Order),
        "failover" => {
            let (when, name) = rest.split_once(char::is_whitespace)?;
            let name = name.trim_start().to_owned();
            Some(Request::Order(Order::Failover(term(when)?, name)))
        }
        "priority" => {
            let (adds, rest) = rest.split_once(char::is_whitespace)?;
            let (when, name) = rest.trim_start().split_once(char::is_whitespace)?;
            let adds = adds.parse().ok().filter(|adds| (-253..=253).contains(adds))?;
            let name = name.trim_start().to_owned();
            Some(Request::Order(Order::Priority(adds, term(when)?, name)))
        }
        _ => None,
    }
}

/// `on`, `off` or a number of seconds.
fn term(word: &str) -> Option<Term> {
    match word {
        "on" => Some(Term::On),
        "off" => Some(Term::Off),
        number => {
            let seconds = number.parse().ok().filter(|n| (1..=SECONDS_MAX).contains(n))?;
            Some(Term::Seconds(seconds))
        }
    }
}

/// An answer to a request that failed; `code` is for programs.
pub fn refusal(code: &str, error: &str) -> Value {
    json!({ "version": VERSION, "ok": false, "code": code, "error": error })
}

/// An answer as it is sent.
pub fn line(answer: &Value) -> Vec<u8> {
    let mut bytes = answer.to_string().into_bytes();
    bytes.push(b'\n');
    bytes
}

/// What a client has written and nobody has taken yet. Who pushes at most `REQUEST_MAX` bytes at a
/// time, and only while `wants_more`, never has more than twice that here.
#[derive(Debug, Default)]
pub struct Inbox {
    bytes: Vec<u8>,
}

/// A request longer than `REQUEST_MAX`. What follows it cannot be trusted to begin a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

impl Inbox {
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// There is neither a request nor the beginning of one that is too long.
    pub fn wants_more(&self) -> bool {
        self.end().is_none() && self.bytes.len() <= REQUEST_MAX
    }

    /// The next request, whether or not it means anything; `None` if it is not complete. However
    /// the bytes were cut when they came, the same ones make the same requests.
    pub fn take(&mut self) -> Result<Option<Request>, TooLong> {
        if self.end().unwrap_or(self.bytes.len()) > REQUEST_MAX {
            return Err(TooLong);
        }
        let Some(end) = self.end() else { return Ok(None) };
        let rest = self.bytes.split_off(end.saturating_add(1));
        Ok(Some(parse(&std::mem::replace(&mut self.bytes, rest))))
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// In bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    fn end(&self) -> Option<usize> {
        self.bytes.iter().position(|byte| *byte == b'\n')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_line_of_words() {
        assert_eq!(parse(b"show\n"), Request::Show(None));
        assert_eq!(parse(b"  show  VI_1 \r\n"), Request::Show(Some("VI_1".into())));
        assert_eq!(parse(b"show a b\n"), Request::Show(Some("a b".into())));
        assert_eq!(parse(b"reload\n"), Request::Reload);
        assert_eq!(parse(b"explain a b\n"), Request::Explain("a b".into()));
        let failover = Request::Order(Order::Failover(Term::On, "VI 1".into()));
        assert_eq!(parse(b"failover on VI 1\n"), failover);
        let maintenance = Request::Order(Order::Maintenance(Term::Seconds(600)));
        assert_eq!(parse(b"maintenance 600\n"), maintenance);
        let less = Request::Order(Order::Priority(-20, Term::Off, "VI_1".into()));
        assert_eq!(parse(b"priority -20 off VI_1\n"), less);
        for unknown in [
            &b"explain\n"[..],
            b"monitor x\n",
            b"failover VI_1\n",
            b"failover 0 VI_1\n",
            b"maintenance\n",
            b"maintenance 99999999999\n",
            b"priority 254 on VI_1\n",
        ] {
            assert_eq!(parse(unknown), Request::Unknown, "{unknown:?}");
        }
        for unknown in [&b"\n"[..], b"reload now\n", b"\xff\n", b"SHOW\n"] {
            assert_eq!(parse(unknown), Request::Unknown, "{unknown:?}");
        }
    }

    /// A line may be as long as it may be, whatever the pieces it comes in.
    #[test]
    fn a_request_is_too_long_by_its_length_alone() {
        let long = |length: usize| [vec![b'x'; length], b"\nshow\n".to_vec()].concat();
        for piece in [1, 4000, 4095, 4096] {
            let first = |bytes: &[u8]| {
                let mut inbox = Inbox::default();
                for part in bytes.chunks(piece) {
                    if inbox.wants_more() {
                        inbox.push(part);
                    }
                }
                inbox.take()
            };
            assert_eq!(first(&long(REQUEST_MAX)), Ok(Some(Request::Unknown)), "{piece}");
            assert_eq!(first(&long(REQUEST_MAX + 1)), Err(TooLong), "{piece}");
        }
    }
}
