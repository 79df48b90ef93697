//! Collects what is said while a configuration is read, and knows where text came from: from which
//! file, by which definition, in which turn of a sequence. Draws nothing and judges nothing.

use crate::diagnostic::{Diagnostic, Severity, printable};
use crate::places::Place;
use crate::texts::Texts;
use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;

/// A place in a file. Line and column from 1, column and length in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) length: usize,
    pub(crate) source: Source,
}

/// Where a stretch of text came from. 0 is the main file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub(crate) struct Source(u32);

#[derive(Debug)]
struct Stretch {
    /// Which of the texts.
    text: usize,
    how: How,
}

/// How text came to where it is read. Each but the first names the source of what led to it.
#[derive(Debug, Clone)]
pub(crate) enum How {
    Written,
    /// A file that is read again, or by way of an expansion.
    Included(Span),
    /// A definition of one line, used in `Source` and written at `Span`.
    Value(Rc<str>, Span, Source),
    /// A definition of several lines, used at `Span`.
    Body(Rc<str>, Span),
    /// A turn of a sequence, with what it sets.
    Turn(Rc<str>, Source),
}

/// Of what an expansion makes of one place, so many are shown.
const ALIKE: usize = 5;

/// Links of the chain that a message shows.
const LINKS: usize = 4;

/// Links that are looked at.
const FARTHEST: usize = 100;

pub(crate) struct Say {
    list: Vec<Diagnostic>,
    sources: Vec<Stretch>,
    texts: Texts,
    /// Place and severity of what expansions made, how often, and the last that is shown.
    alike: HashMap<(usize, usize, usize, Severity), (usize, usize)>,
    vrrp_only: bool,
    /// Keywords without effect, by the reason: it is said once.
    idle: Vec<(&'static str, Vec<(&'static str, Span)>)>,
}

impl Say {
    #[cfg(test)]
    pub(crate) fn new(file: &str) -> Self {
        Self::of(file, Path::new(file), Rc::default(), false)
    }

    /// About a main file and all that it leads to. `vrrp_only`: the balancer half is not wanted.
    pub(crate) fn of(name: &str, path: &Path, bytes: Rc<[u8]>, vrrp_only: bool) -> Self {
        let mut texts = Texts::default();
        texts.add(name, path, bytes);
        let sources = vec![Stretch { text: 0, how: How::Written }];
        Self {
            list: Vec::new(),
            sources,
            texts,
            alike: HashMap::new(),
            vrrp_only,
            idle: Vec::new(),
        }
    }

    /// A keyword of the balancer half.
    pub(crate) fn balancer(&mut self, at: Span, message: String, remedy: &str) {
        if self.vrrp_only {
            self.warn(at, format!("{message} (skipped because of -P)"), "");
        } else {
            self.error(at, message, remedy);
        }
    }

    /// A keyword without effect.
    pub(crate) fn idle(&mut self, at: Span, name: &'static str, why: &'static str) {
        match self.idle.iter_mut().find(|(reason, _)| *reason == why) {
            Some((_, names)) => names.push((name, at)),
            None => self.idle.push((why, vec![(name, at)])),
        }
    }

    pub(crate) fn error(
        &mut self,
        at: Span,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(Severity::Error, at, message.into(), remedy.into());
    }

    pub(crate) fn warn(&mut self, at: Span, message: impl Into<String>, remedy: impl Into<String>) {
        self.add(Severity::Warning, at, message.into(), remedy.into());
    }

    pub(crate) fn hint(&mut self, at: Span, message: impl Into<String>, remedy: impl Into<String>) {
        self.add(Severity::Hint, at, message.into(), remedy.into());
    }

    /// `line 7`, with the file's name if that is another one than the reader looks at.
    pub(crate) fn line_of(&self, place: Span, seen_from: Span) -> String {
        let (text, here) = (self.text_of(place.source), self.text_of(seen_from.source));
        if text == here {
            format!("line {}", place.line)
        } else {
            format!("line {} of {}", place.line, self.texts.name(text))
        }
    }

    pub(crate) fn texts(&self) -> &Texts {
        &self.texts
    }

    pub(crate) fn add_text(&mut self, name: &str, path: &Path, bytes: Rc<[u8]>) -> usize {
        self.texts.add(name, path, bytes)
    }

    pub(crate) fn add_folder(&mut self, folder: &Path) {
        self.texts.add_folder(folder);
    }

    pub(crate) fn add_source(&mut self, text: usize, how: How) -> Source {
        let number = u32::try_from(self.sources.len()).unwrap_or(u32::MAX);
        self.sources.push(Stretch { text, how });
        Source(number)
    }

    pub(crate) fn text_of(&self, source: Source) -> usize {
        self.stretch(source).map_or(0, |stretch| stretch.text)
    }

    /// No expansion stands between it and its file.
    pub(crate) fn is_written(&self, source: Source) -> bool {
        self.stretch(source).is_none_or(|stretch| matches!(stretch.how, How::Written))
    }

    /// In the order of the files and their lines.
    pub(crate) fn finish(mut self) -> (Vec<Diagnostic>, Texts) {
        self.speak_of_idle();
        for (count, last) in self.alike.into_values() {
            let more = count.saturating_sub(ALIKE);
            if more > 0
                && let Some(origin) = self.list.get_mut(last).and_then(|d| d.origin.as_mut())
            {
                origin.push_str(&format!("; and {more} more like it"));
            }
        }
        self.list.sort_by_key(|d| (d.text, d.line, d.column));
        (self.list, self.texts)
    }

    pub(crate) fn place(&self, at: Span) -> Place {
        let text = self.text_of(at.source);
        let (line, column) = (at.line, at.column);
        Place { file: self.texts.name(text), text, line, column, length: at.length }
    }

    fn speak_of_idle(&mut self) {
        for (why, names) in std::mem::take(&mut self.idle) {
            let Some((_, at)) = names.first().copied() else { continue };
            let shown: Vec<String> = names
                .iter()
                .map(|(name, place)| {
                    let beside = place.line == at.line && place.source == at.source;
                    match beside {
                        true => format!("`{name}`"),
                        false => format!("`{name}` on {}", self.line_of(*place, at)),
                    }
                })
                .collect();
            let have = if names.len() == 1 { "has" } else { "have" };
            self.hint(at, format!("{} {have} no effect in vipd: {why}", shown.join(", ")), "");
        }
    }

    fn stretch(&self, source: Source) -> Option<&Stretch> {
        self.sources.get(usize::try_from(source.0).unwrap_or(usize::MAX))
    }

    /// An empty remedy is none. Names are quoted as they stand in the file.
    fn add(&mut self, severity: Severity, at: Span, message: String, remedy: String) {
        let text = self.text_of(at.source);
        let origin = self.origin(at);
        if origin.is_some() {
            let next = self.list.len();
            let key = (text, at.line, at.column, severity);
            let (count, last) = self.alike.entry(key).or_insert((0, next));
            *count = count.saturating_add(1);
            if *count > ALIKE {
                return;
            }
            *last = next;
        }
        // A place made of two lines ends with the first.
        let written = self.texts.get(text).map_or(0, |text| text.line(at.line).len());
        let left = written.saturating_sub(at.column.saturating_sub(1));
        self.list.push(Diagnostic {
            severity,
            file: self.texts.name(text).to_string(),
            text,
            line: at.line,
            column: at.column,
            length: at.length.min(left),
            message: printable(message.as_bytes()),
            origin: origin.map(|text| printable(text.as_bytes())),
            remedy: Some(printable(remedy.as_bytes())).filter(|text| !text.is_empty()),
        });
    }

    /// How the text at a place came there, nearest first. Never shows a value: it may be secret.
    fn origin(&self, at: Span) -> Option<String> {
        let mut links = Vec::new();
        let mut next = at.source;
        // A definition in a circle repeats its links, and the circle may be long.
        for _ in 0..FARTHEST {
            let Some(stretch) = self.stretch(next).filter(|_| links.len() < LINKS) else { break };
            let (link, above) = match &stretch.how {
                How::Written => break,
                How::Included(by) => {
                    (format!("as included on {}", self.line_of(*by, at)), by.source)
                }
                How::Value(name, written, above) => {
                    (format!("`${name}` is from {}", self.line_of(*written, at)), *above)
                }
                How::Body(name, used) => {
                    (format!("in `${name}`, used on {}", self.line_of(*used, at)), used.source)
                }
                How::Turn(what, above) => (format!("where {what}"), *above),
            };
            if !links.contains(&link) {
                links.push(link);
            }
            next = above;
        }
        Some(links.join(", ")).filter(|text| !text.is_empty())
    }
}
