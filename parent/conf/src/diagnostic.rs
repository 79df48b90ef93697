//! What is to be said about a place in a file: where, what is wrong, what to write. Knows how to
//! show it on one line for the log and on several lines for people; it decides nothing.

pub(crate) use crate::say::{Say, Span};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// Which of the texts that were read `file` is; 0 is the main file.
    pub text: usize,
    /// From 1.
    pub line: usize,
    /// From 1, in bytes.
    pub column: usize,
    /// In bytes, how much of the line is meant; never reaches past the end of the line.
    pub length: usize,
    /// One line: what is wrong.
    pub message: String,
    /// One line: how the text came there, if not by being written there.
    pub origin: Option<String>,
    /// One line: what to write instead.
    pub remedy: Option<String>,
}

impl Diagnostic {
    /// `file:line:column: error: message (origin); remedy`: one line, for the log. Never holds a
    /// password.
    pub fn to_line(&self) -> String {
        let mut line = format!(
            "{}:{}:{}: {}: {}",
            self.file,
            self.line,
            self.column,
            self.severity.name(),
            self.message
        );
        if let Some(origin) = &self.origin {
            line.push_str(" (");
            line.push_str(origin);
            line.push(')');
        }
        if let Some(remedy) = &self.remedy {
            line.push_str("; ");
            line.push_str(remedy);
        }
        line
    }

    /// Several lines with the place underlined, for people. `text` is the file; the line of the
    /// file is quoted as it is, with a password in it if it has one. For more than one diagnostic
    /// of a file, `Texts::draw` looks the line up faster.
    pub fn render(&self, text: &[u8]) -> String {
        let line = text.split(|b| *b == b'\n').nth(self.line.saturating_sub(1)).unwrap_or(&[]);
        crate::draw::draw(self, line, false)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: usize, column: usize, length: usize) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            file: "x.conf".into(),
            text: 0,
            line,
            column,
            length,
            message: "wrong".into(),
            origin: None,
            remedy: Some("write right".into()),
        }
    }

    #[test]
    fn one_line_says_everything() {
        assert_eq!(at(2, 3, 4).to_line(), "x.conf:2:3: error: wrong; write right");
        let from = Diagnostic { origin: Some("in `$B`".into()), ..at(2, 3, 4) };
        assert_eq!(from.to_line(), "x.conf:2:3: error: wrong (in `$B`); write right");
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
        let mut say = Say::new("x.conf");
        say.error(Span::default(), "no instance `a\u{1b}[2J\nb`", "write `a\tb`");
        let line = say.finish().0.remove(0).to_line();
        assert!(
            line.ends_with("error: no instance `a\u{fffd}[2J\u{fffd}b`; write `a b`"),
            "{line}"
        );
    }

    #[test]
    fn shows_any_bytes_and_any_place() {
        for d in [at(1, 1, 1), at(1, 99, 99), at(99, 1, 1), at(0, 0, 0), at(1, 2000, 9)] {
            for text in [&b"\xff\xfe\x00\x1b[31m"[..], b"", b"\xe4\xb8", b"\n\n", &[b'x'; 5000]] {
                assert!(!d.render(text).contains('\x1b'));
            }
        }
    }

    #[test]
    fn a_long_line_is_shown_in_part() {
        let shown = at(1, 4000, 3).render(&[b'x'; 100_000]);
        assert!(shown.len() < 3000 && shown.contains("^^^"), "{shown}");
    }
}
