//! What is to be said about a place in a file: where, what is wrong, what to write. Knows how to
//! show it on one line for the log and on several lines for people; it decides nothing.

use crate::places::Place;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use std::ops::Range;
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Hint,
    /// Loaded; keepalived would have ignored it or done something else than it seems.
    Warning,
    /// Not loaded.
    Error,
}

impl Severity {
    /// `error`, `warning` or `hint`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hint => "hint",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in bytes.
    pub column: usize,
    /// In bytes, how much of the line is meant; never reaches past the end of the line.
    pub length: usize,
    /// One line: what is wrong.
    pub message: String,
    /// One line: what to write instead.
    pub remedy: Option<String>,
}

impl Diagnostic {
    /// `file:line:column: error: message; remedy`: one line, for the log. Never holds a password.
    pub fn to_line(&self) -> String {
        let mut line = format!(
            "{}:{}:{}: {}: {}",
            self.file,
            self.line,
            self.column,
            self.severity.name(),
            self.message
        );
        if let Some(remedy) = &self.remedy {
            line.push_str("; ");
            line.push_str(remedy);
        }
        line
    }

    /// Several lines with the place underlined, for people. `text` is the file; the line of the
    /// file is quoted as it is, with a password in it if it has one.
    pub fn render(&self, text: &[u8]) -> String {
        self.render_with(text, false)
    }

    /// As `render`, with terminal colours if `colour`.
    pub fn render_with(&self, text: &[u8], colour: bool) -> String {
        let (shown, span) = self.shown(text);
        let level = match self.severity {
            Severity::Hint => Level::NOTE.with_name("hint"),
            Severity::Warning => Level::WARNING,
            Severity::Error => Level::ERROR,
        };
        let place = Snippet::source(shown)
            .line_start(self.line)
            .path(self.file.as_str())
            .annotation(AnnotationKind::Primary.span(span));
        let mut group = level.primary_title(self.message.as_str()).element(place);
        if let Some(remedy) = &self.remedy {
            group = group.element(Level::HELP.message(remedy.as_str()));
        }
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }

    /// The line as text that a terminal may show, and where in it the place is.
    fn shown(&self, text: &[u8]) -> (String, Range<usize>) {
        let line = text.split(|b| *b == b'\n').nth(self.line.saturating_sub(1)).unwrap_or(&[]);
        let start = self.column.saturating_sub(1).min(line.len());
        let end = start.saturating_add(self.length).min(line.len());
        let (before, rest) = line.split_at_checked(start).unwrap_or((line, &[]));
        let (place, after) =
            rest.split_at_checked(end.saturating_sub(start)).unwrap_or((rest, &[]));
        let mut shown = printable(before);
        let from = shown.len();
        shown.push_str(&printable(place));
        let to = shown.len();
        shown.push_str(&printable(after));
        (shown, from..to)
    }
}

/// Text without control characters: tabs become one blank, bytes that are no text a mark.
pub(crate) fn printable(bytes: &[u8]) -> String {
    let clean = |c: char| match c {
        '\t' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    let text = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    String::from_utf8_lossy(text).chars().map(clean).collect()
}

/// A place in the file being read. Line and column from 1, column and length in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) length: usize,
}

/// Collects what is said while a file is read.
pub(crate) struct Say {
    file: Arc<str>,
    list: Vec<Diagnostic>,
    vrrp_only: bool,
    /// Keywords without effect, by the reason: it is said once.
    idle: Vec<(&'static str, Vec<(&'static str, Span)>)>,
}

impl Say {
    /// `vrrp_only`: the balancer half is not wanted.
    pub(crate) fn new(file: &str, vrrp_only: bool) -> Self {
        Self { file: file.into(), list: Vec::new(), vrrp_only, idle: Vec::new() }
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

    fn speak_of_idle(&mut self) {
        for (why, names) in std::mem::take(&mut self.idle) {
            let Some((_, at)) = names.first().copied() else { continue };
            let shown: Vec<String> = names
                .iter()
                .map(|(name, place)| match place.line == at.line {
                    true => format!("`{name}`"),
                    false => format!("`{name}` on line {}", place.line),
                })
                .collect();
            let have = if names.len() == 1 { "has" } else { "have" };
            self.hint(at, format!("{} {have} no effect in vipd: {why}", shown.join(", ")), "");
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

    /// In the order of the file.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        self.speak_of_idle();
        self.list.sort_by_key(|d| (d.line, d.column));
        self.list
    }

    pub(crate) fn place(&self, at: Span) -> Place {
        let Span { line, column, length } = at;
        Place { file: Arc::clone(&self.file), line, column, length }
    }

    /// An empty remedy is none. Names are quoted as they stand in the file.
    fn add(&mut self, severity: Severity, at: Span, message: String, remedy: String) {
        self.list.push(Diagnostic {
            severity,
            file: self.file.to_string(),
            line: at.line,
            column: at.column,
            length: at.length,
            message: printable(message.as_bytes()),
            remedy: Some(printable(remedy.as_bytes())).filter(|text| !text.is_empty()),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: usize, column: usize, length: usize) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            file: "x.conf".into(),
            line,
            column,
            length,
            message: "wrong".into(),
            remedy: Some("write right".into()),
        }
    }

    #[test]
    fn one_line_says_everything() {
        assert_eq!(at(2, 3, 4).to_line(), "x.conf:2:3: error: wrong; write right");
    }

    #[test]
    fn underlines_the_place_after_a_tab() {
        let shown = at(2, 2, 4).render(b"a\n\tspot here\r\n");
        let lines: Vec<&str> = shown.lines().collect();
        assert!(shown.contains("x.conf:2:2"), "{shown}");
        let source = lines.iter().position(|l| l.contains("spot here")).unwrap();
        let column = lines[source].find("spot").unwrap();
        assert_eq!(lines[source + 1].find("^^^^"), Some(column), "{shown}");
        assert!(shown.contains("write right"), "{shown}");
    }

    #[test]
    fn a_name_does_not_reach_the_terminal_as_it_is() {
        let mut say = Say::new("x.conf", false);
        say.error(Span::default(), "no instance `a\u{1b}[2J\nb`", "write `a\tb`");
        let line = say.finish().remove(0).to_line();
        assert!(
            line.ends_with("error: no instance `a\u{fffd}[2J\u{fffd}b`; write `a b`"),
            "{line}"
        );
    }

    #[test]
    fn shows_any_bytes_and_any_place() {
        for d in [at(1, 1, 1), at(1, 99, 99), at(99, 1, 1), at(0, 0, 0)] {
            for text in [&b"\xff\xfe\x00\x1b[31m"[..], b"", b"\xe4\xb8", b"\n\n"] {
                assert!(!d.render(text).contains('\x1b'));
            }
        }
    }
}
