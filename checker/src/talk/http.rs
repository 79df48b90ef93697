//! What is asked over HTTP, and what the answer means: fed with bytes as they come, it says its
//! verdict as soon as it can. Keeps little of them, however many come. Knows no connection.

use super::Verdict;
use super::chunks::Chunks;
use httparse::{EMPTY_HEADER, Error, Response, Status};
use vipd_ipc::slice::HttpSlice;

/// Status line and headers, with those of interim answers.
const HEAD_MAX: usize = 16 << 10;
const HEADERS_MAX: usize = 64;
/// So much of a body is searched.
const BODY_MAX: usize = 64 << 10;

pub(super) fn request(http: &HttpSlice) -> Vec<u8> {
    let HttpSlice { target, host, .. } = http;
    format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: vipd\r\nAccept: */*\r\n\
         Connection: close\r\n\r\n"
    )
    .into_bytes()
}

#[derive(Debug)]
pub(super) struct Answer {
    status: Vec<(u16, u16)>,
    wanted: Option<Vec<u8>>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// What has come of it.
    Head {
        text: Vec<u8>,
        dropped: usize,
    },
    Body(Body),
}

#[derive(Debug)]
struct Body {
    code: u16,
    framing: Framing,
    searched: usize,
    /// What the wanted words may have begun in.
    tail: Vec<u8>,
}

#[derive(Debug)]
enum Framing {
    Length(u64),
    Chunked(Chunks),
    UntilTheEnd,
}

impl Answer {
    pub(super) fn new(http: &HttpSlice) -> Self {
        let stage = Stage::Head { text: Vec::new(), dropped: 0 };
        Self { status: http.status.clone(), wanted: http.body.clone(), stage }
    }

    /// What has not come yet.
    pub(super) fn missing(&self) -> &'static str {
        match &self.stage {
            Stage::Head { text, .. } if text.is_empty() => "no answer",
            Stage::Head { .. } => "no whole answer",
            Stage::Body(_) => "no wanted words in the body",
        }
    }

    /// The server has closed the connection.
    pub(super) fn ended(&mut self) -> Verdict {
        match &self.stage {
            Stage::Head { text, .. } if text.is_empty() => {
                Verdict::bad("it closed the connection without an answer")
            }
            Stage::Head { .. } => Verdict::bad("it closed the connection in the answer's headers"),
            Stage::Body(body) => body.without(self.wanted.as_deref().unwrap_or_default()),
        }
    }

    pub(super) fn take(&mut self, bytes: &[u8]) -> Option<Verdict> {
        match &mut self.stage {
            Stage::Head { text, dropped } => {
                let has_line = bytes.contains(&b'\n');
                text.extend_from_slice(bytes);
                let is_too_long = text.len().saturating_add(*dropped) > HEAD_MAX;
                if !has_line && !is_too_long && begins_well(text) {
                    return None;
                }
                self.read_head(is_too_long)
            }
            Stage::Body(body) => {
                let wanted = self.wanted.as_deref().unwrap_or_default();
                body.take(bytes, wanted)
            }
        }
    }

    fn read_head(&mut self, is_too_long: bool) -> Option<Verdict> {
        loop {
            let Stage::Head { text, dropped } = &mut self.stage else { return None };
            let mut headers = [EMPTY_HEADER; HEADERS_MAX];
            let mut response = Response::new(&mut headers);
            let length = match response.parse(text) {
                Ok(Status::Complete(length)) => length,
                Ok(Status::Partial) if is_too_long => {
                    return Some(Verdict::bad("the answer's headers are longer than 16 KiB"));
                }
                Ok(Status::Partial) => return None,
                Err(Error::TooManyHeaders) => {
                    let most = format!("the answer has more than {HEADERS_MAX} headers");
                    return Some(Verdict::bad(most));
                }
                Err(error) => {
                    return Some(Verdict::bad(format!("the answer is no HTTP: {error}")));
                }
            };
            let code = response.code.unwrap_or(0);
            if (100..200).contains(&code) && code != 101 {
                // Another answer follows.
                text.drain(..length);
                *dropped = dropped.saturating_add(length);
                continue;
            }
            if !self.status.iter().any(|(low, high)| (*low..=*high).contains(&code)) {
                return Some(Verdict::bad(format!("status {code}, wanted {}", show(&self.status))));
            }
            let Some(wanted) = self.wanted.as_deref() else {
                return Some(Verdict::good(format!("status {code}")));
            };
            let framing = framing(&response);
            let rest = text.split_off(length);
            let mut body = Body { code, framing, searched: 0, tail: Vec::new() };
            let verdict = body.take(&rest, wanted);
            self.stage = Stage::Body(body);
            return verdict;
        }
    }
}

/// What cannot be the beginning of an answer is not waited for.
fn begins_well(text: &[u8]) -> bool {
    let name = b"HTTP/1.";
    text.iter().zip(name).all(|(a, b)| a == b)
}

fn framing(response: &Response<'_, '_>) -> Framing {
    let value = |name: &str| {
        let all = response.headers.iter();
        let mut its = all.rev().filter(|header| header.name.eq_ignore_ascii_case(name));
        its.next().map(|header| header.value)
    };
    if value("transfer-encoding").is_some_and(|v| v.to_ascii_lowercase().ends_with(b"chunked")) {
        return Framing::Chunked(Chunks::default());
    }
    let length = value("content-length").and_then(|v| std::str::from_utf8(v).ok()?.parse().ok());
    length.map_or(Framing::UntilTheEnd, Framing::Length)
}

impl Body {
    fn take(&mut self, bytes: &[u8], wanted: &[u8]) -> Option<Verdict> {
        let (pieces, is_over) = match &mut self.framing {
            Framing::UntilTheEnd => (vec![bytes], false),
            Framing::Length(left) => {
                let most = usize::try_from(*left).unwrap_or(usize::MAX);
                let piece = bytes.get(..most).unwrap_or(bytes);
                *left = left.saturating_sub(u64::try_from(piece.len()).unwrap_or(u64::MAX));
                (vec![piece], *left == 0)
            }
            Framing::Chunked(chunks) => match chunks.take(bytes) {
                Ok(taken) => taken,
                Err(why) => return Some(Verdict::bad(why)),
            },
        };
        for piece in pieces {
            let left = BODY_MAX.saturating_sub(self.searched);
            let piece = piece.get(..left).unwrap_or(piece);
            self.searched = self.searched.saturating_add(piece.len());
            self.tail.extend_from_slice(piece);
            if crate::probe_file::contains(&self.tail, wanted) {
                let code = self.code;
                return Some(Verdict::good(format!("status {code}, and the body is as wanted")));
            }
            let useless = self.tail.len().saturating_sub(wanted.len().saturating_sub(1));
            self.tail.drain(..useless);
        }
        (is_over || self.searched >= BODY_MAX).then(|| self.without(wanted))
    }

    fn without(&self, wanted: &[u8]) -> Verdict {
        let (code, wanted) = (self.code, wanted.escape_ascii());
        let place =
            if self.searched >= BODY_MAX { "the first 64 KiB of the body" } else { "the body" };
        Verdict::bad(format!("status {code}, but \"{wanted}\" is not in {place}"))
    }
}

fn show(status: &[(u16, u16)]) -> String {
    let one = |(low, high): &(u16, u16)| {
        if low == high { low.to_string() } else { format!("{low}-{high}") }
    };
    status.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
