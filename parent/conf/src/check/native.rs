//! `vrrp_check`, our own: one question, when it is asked, and what its answer means. How a URL is
//! read stands in the file beside this one.

mod url;

use super::file::path;
use super::globals::set;
use super::named::Named;
use super::script::{LONGEST, weight};
use super::value::{self, flag, number, one, seconds, show_seconds, switch};
use super::walk;
use crate::config::{Get, NativeCheck, Question, Script, Tls};
use crate::diagnostic::{Say, Span};
use crate::keywords::Context;
use crate::lex::Word;
use crate::limits::{NAME_MAX, SOCKET_PATH_MAX, WORDS_MAX};
use crate::tree::Item;
use std::time::Duration;
use vipd_types::Weight;

const SHORTEST: Duration = Duration::from_millis(10);
/// Looking for a process costs milliseconds.
const OFTEN: Duration = Duration::from_millis(100);
const USUAL: Duration = Duration::from_secs(1);

/// `track_script` knows both by name.
pub(super) fn read(blocks: &[&Item], scripts: &Named<Script>, say: &mut Say) -> Named<NativeCheck> {
    Named::read(blocks, "vrrp_check", say, |name, block, say| {
        if scripts.find(name).is_some() {
            let message = format!("a vrrp_script is named `{}`; this one is skipped", name.show());
            say.warn(name.span, message, "give it another name");
            return None;
        }
        check(name, block, say)
    })
}

/// What the lines of a block say.
#[derive(Default)]
struct Draft {
    /// With the line that asks it.
    questions: Vec<(Question, Span)>,
    /// A line asks, but not so that it can be answered.
    is_broken: bool,
    interval: Option<Duration>,
    timeout: Option<Duration>,
    jitter: (Duration, Span),
    weight: (Weight, bool),
    rise: Option<u32>,
    fall: Option<u32>,
    init_fail: bool,
    status: Vec<(u16, u16)>,
    body: Option<Vec<u8>>,
    host: Option<String>,
    name: Option<String>,
    verify: Option<bool>,
    ca_file: Option<Vec<u8>>,
    max_age: Option<Duration>,
    content: Option<Vec<u8>>,
    /// The options among them, each with its line and the questions that it is for.
    options: Vec<(&'static str, Span, &'static str)>,
}

fn check(name: &Word, block: &Item, say: &mut Say) -> Option<NativeCheck> {
    let mut draft = Draft::default();
    let items = block.block.as_deref().unwrap_or_default();
    walk(items, Context::Check, say, |keyword, item, say| draft.keyword(keyword, item, say));
    draft.settle(name, say)
}

impl Draft {
    fn keyword(&mut self, keyword: &'static str, item: &Item, say: &mut Say) {
        let at = item.span();
        let question = match keyword {
            "tcp" => Some(url::tcp(item, say).map(Question::Tcp)),
            "unix" => Some(socket(item, say).map(Question::Unix)),
            "url" => Some(url::url(item, say).map(|get| Question::Url(Box::new(get)))),
            "process" => Some(process(item, say).map(Question::Process)),
            "file" => {
                let file = |path| Question::File { path, max_age: None, content: None };
                Some(path(item, say).map(file))
            }
            _ => None,
        };
        match question {
            Some(Some(question)) => self.questions.push((question, at)),
            Some(None) => self.is_broken = true,
            None => self.option(keyword, item, say),
        }
    }

    fn option(&mut self, keyword: &'static str, item: &Item, say: &mut Say) {
        let at = item.span();
        match keyword {
            "interval" => set(&mut self.interval, time(item, SHORTEST, say).map(Some)),
            "timeout" => set(&mut self.timeout, time(item, SHORTEST, say).map(Some)),
            "jitter" => {
                set(&mut self.jitter, time(item, Duration::ZERO, say).map(|time| (time, at)));
            }
            "weight" => self.weight = weight(item, say),
            "rise" => set(&mut self.rise, number(item, 1..=i64::from(u16::MAX), 1, say).map(Some)),
            "fall" => set(&mut self.fall, number(item, 1..=i64::from(u16::MAX), 1, say).map(Some)),
            "init_fail" => self.init_fail = flag(item, say),
            "max_age" | "content" => self.options.push((keyword, at, "file")),
            "verify" | "ca_file" | "sni_name" => self.options.push((keyword, at, "https")),
            _ => self.options.push((keyword, at, "url")),
        }
        match keyword {
            "max_age" => set(&mut self.max_age, time(item, Duration::ZERO, say).map(Some)),
            "content" => set(&mut self.content, words(item, say).map(Some)),
            "body" => set(&mut self.body, words(item, say).map(Some)),
            "status_code" => url::status(item, &mut self.status, say),
            "virtualhost" => set(&mut self.host, url::host(item, say).map(Some)),
            "sni_name" => set(&mut self.name, url::host(item, say).map(Some)),
            "verify" => set(&mut self.verify, switch(item, say).map(Some)),
            "ca_file" => set(&mut self.ca_file, path(item, say).map(Some)),
            _ => {}
        }
    }

    fn settle(mut self, name: &Word, say: &mut Say) -> Option<NativeCheck> {
        let mut questions = std::mem::take(&mut self.questions).into_iter();
        let Some((question, asked)) = questions.next() else {
            if !self.is_broken {
                let message = format!("`{}` asks nothing", name.show());
                say.error(
                    name.span,
                    message,
                    "write one line `tcp`, `unix`, `url`, `process` or `file`",
                );
            }
            return None;
        };
        if let Some((_, at)) = questions.next() {
            let line = say.line_of(asked, at);
            let message = format!("`{}` asks something on {line} already", name.show());
            say.error(at, message, "write a vrrp_check of its own for each question");
        }
        let question = self.complete(question, asked, say);
        let interval = self.interval.unwrap_or(USUAL);
        let (mut jitter, at) = self.jitter;
        if jitter >= interval && !jitter.is_zero() {
            jitter = interval.checked_div(2).unwrap_or_default();
            let message = "`jitter` is less than the interval, half of which is used";
            say.warn(at, message, format!("write `jitter {}`", show_seconds(jitter)));
        }
        if matches!(question, Question::Process(_)) && interval < OFTEN {
            let message = "each look goes through all processes of the host; that one has died is \
                           seen at once anyway";
            say.hint(asked, message, "write `interval 1`");
        }
        Some(NativeCheck {
            name: value::name(name, say),
            question,
            interval,
            timeout: self.timeout.unwrap_or(interval),
            jitter,
            weight: self.weight.0,
            reverse: self.weight.1,
            rise: self.rise.unwrap_or(1),
            fall: self.fall.unwrap_or(1),
            init_fail: self.init_fail,
        })
    }

    /// The question with its options; others mean nothing.
    fn complete(&mut self, question: Question, asked: Span, say: &mut Say) -> Question {
        let (kinds, question): (&[&str], _) = match question {
            Question::File { path, .. } => {
                let (max_age, content) = (self.max_age, self.content.take());
                (&["file"], Question::File { path, max_age, content })
            }
            Question::Url(get) if get.tls.is_some() => {
                (&["url", "https"], Question::Url(self.get(*get, asked, say)))
            }
            Question::Url(get) => (&["url"], Question::Url(self.get(*get, asked, say))),
            other @ (Question::Tcp(_) | Question::Unix(_) | Question::Process(_)) => (&[], other),
        };
        for (keyword, at, kind) in &self.options {
            if !kinds.contains(kind) {
                let message = format!("`{keyword}` means nothing here: it is for `{kind}`");
                say.warn(*at, message, "remove it");
            }
        }
        question
    }

    fn get(&mut self, get: Get, asked: Span, say: &mut Say) -> Box<Get> {
        if self.status.is_empty() {
            self.status.push((200, 299));
        }
        let tls = get.tls.as_ref().map(|_| Tls {
            name: self.name.take(),
            verify: self.verify.unwrap_or(true),
            ca_file: self.ca_file.take(),
        });
        let status = std::mem::take(&mut self.status);
        let get = Get { host: self.host.take(), status, body: self.body.take(), tls, ..get };
        if get.tls.as_ref().is_some_and(|tls| tls.verify)
            && get.server_name() == get.server.ip().to_string()
        {
            let message = format!("the certificate must be for the address {}", get.server.ip());
            say.hint(
                asked,
                message,
                "write `virtualhost NAME` or `sni_name NAME` if it is for a name",
            );
        }
        Box::new(get)
    }
}

fn socket(item: &Item, say: &mut Say) -> Option<Vec<u8>> {
    let path = path(item, say)?;
    if path.len() > SOCKET_PATH_MAX {
        let message = format!("the path of a socket has at most {SOCKET_PATH_MAX} bytes");
        say.error(item.span(), message, "let the server listen at a shorter one");
        return None;
    }
    Some(path)
}

fn process(item: &Item, say: &mut Say) -> Option<Vec<u8>> {
    let word = one(item, say)?;
    if word.bytes.len() > NAME_MAX || word.bytes.iter().any(|b| matches!(b, b'/' | 0)) {
        let message = format!("`{}` is no name of a process", word.show());
        say.error(word.span, message, "write the name alone, as `ps -o comm` shows it");
        return None;
    }
    Some(word.bytes.clone())
}

/// What must be somewhere in an answer or a file.
fn words(item: &Item, say: &mut Say) -> Option<Vec<u8>> {
    let word = one(item, say)?;
    if word.bytes.len() > WORDS_MAX {
        say.error(word.span, format!("more than {WORDS_MAX} bytes"), "write less of it");
        return None;
    }
    Some(word.bytes.clone())
}

/// Seconds, or a number with its unit: `0.1`, `100ms`, `10s`.
fn time(item: &Item, shortest: Duration, say: &mut Say) -> Option<Duration> {
    let word = one(item, say)?;
    let bare = |unit: &[u8]| {
        let bytes = word.bytes.strip_suffix(unit)?.to_vec();
        seconds(&Word { bytes, ..word.clone() })
    };
    // The unit makes a thousandth of it, exactly.
    let value = match bare(b"ms") {
        Some(millis) => millis.checked_div(1000),
        None => bare(b"s").or_else(|| seconds(word)),
    };
    let value =
        value.map(|value| Duration::from_micros(u64::try_from(value.as_micros()).unwrap_or(0)));
    let value = value.filter(|value| (shortest..=LONGEST).contains(value));
    if value.is_none() {
        let (name, shortest) = (item.keyword.show(), show_seconds(shortest));
        let message = format!("`{name}` wants {shortest} to 86400 seconds, not `{}`", word.show());
        let remedy = format!("write `{name} 2` or `{name} 200ms`");
        say.warn(word.span, format!("{message}; the default is used"), remedy);
    }
    value
}
