//! Bytes to words, each with its place, by the two rules of the language: plain ones, and those of
//! commands, which are read the way a shell reads them. Lines, comments and braces are not its
//! business.

use crate::bytes::{Byte, is_script_word, span, values};
use crate::diagnostic::{Say, Span};
use crate::shell;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// Without its quotes; after a script keyword also without its escapes.
    pub(crate) bytes: Vec<u8>,
    pub(crate) span: Span,
    pub(crate) quoted: bool,
    /// A comment begins right behind it, in what looks like the same word.
    pub(crate) cut: bool,
    /// It is the last word of its line, and a comment follows.
    pub(crate) commented: bool,
}

impl Word {
    /// For messages only: one line, no control characters, not too long.
    pub(crate) fn show(&self) -> String {
        let text = match std::str::from_utf8(&self.bytes) {
            Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
            _ => self.bytes.escape_ascii().to_string(),
        };
        match text.char_indices().nth(LONGEST_SHOWN) {
            Some((end, _)) => format!("{}…", text.get(..end).unwrap_or("")),
            None => text,
        }
    }

    pub(crate) fn is(&self, text: &str) -> bool {
        self.bytes == text.as_bytes()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// At least one.
    Words(Vec<Word>),
    Open(Span),
    Close(Span),
}

/// Characters of a word in a message.
const LONGEST_SHOWN: usize = 60;

/// The words of a line, or of the part of one up to a brace.
pub(crate) fn words(text: &[Byte], say: &mut Say) -> Vec<Word> {
    if is_script_word(&values(text)) { shell_words(text, say) } else { plain_words(text) }
}

/// Plain words: a quote beside other text ends the word.
pub(crate) fn plain_words(text: &[Byte]) -> Vec<Word> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.first() {
        let end = if first.is_blank() {
            rest.iter().take_while(|b| b.is_blank()).count()
        } else if first.is_quote() {
            let inside = rest.iter().skip(1).take_while(|b| !b.is_quote()).count();
            inside.saturating_add(2).min(rest.len())
        } else {
            rest.iter().take_while(|b| !b.is_blank() && !b.is_quote()).count().max(1)
        };
        let (taken, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        if !first.is_blank() {
            found.push(word(taken, first.is_quote(), |b| !b.is_quote()));
        }
        rest = after;
    }
    found
}

/// Words in which both kinds of quotes and the backslash protect blanks, adjacent pieces make one
/// word, and escapes are undone.
fn shell_words(text: &[Byte], say: &mut Say) -> Vec<Word> {
    let ends_word = |b: &Byte| b.is_blank() && !b.escaped;
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.first() {
        if ends_word(first) {
            rest = rest.get(1..).unwrap_or(&[]);
            continue;
        }
        let mut quote = None;
        let mut quoted = false;
        let mut end = rest.len();
        for (index, byte) in rest.iter().enumerate() {
            match quote {
                Some(open) if byte.value == open && !byte.escaped => quote = None,
                Some(_) => {}
                None if ends_word(byte) => {
                    end = index;
                    break;
                }
                None if matches!(byte.value, b'"' | b'\'') && !byte.escaped => {
                    quote = Some(byte.value);
                    quoted = true;
                }
                None => {}
            }
        }
        let (taken, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        let raw = values(taken);
        match shell::split(&raw) {
            Ok(pieces) => {
                let whole = word(taken, quoted, |_| false);
                found.push(Word { bytes: pieces.concat(), ..whole });
            }
            Err(why) => {
                say.error(span(taken), why.message(), "quote the whole command with `\"`");
                return Vec::new();
            }
        }
        rest = after;
    }
    found
}

fn word(taken: &[Byte], quoted: bool, keep: impl Fn(&Byte) -> bool) -> Word {
    Word {
        bytes: taken.iter().filter(|b| keep(b)).map(|b| b.value).collect(),
        span: span(taken),
        quoted,
        cut: taken.last().is_some_and(|b| b.cut),
        commented: taken.last().is_some_and(|b| b.commented),
    }
}
