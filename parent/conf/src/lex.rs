//! Bytes to words and braces, each with its place. Knows comments, quotes, escapes and where a
//! line ends; knows no keyword but those after which words are read the way a shell reads them.

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

/// keepalived's line buffer; it drops longer lines.
const KEEPALIVED_LINE: usize = 1023;

/// Splits the whole text. Comments, blank lines and lines that cannot be read are gone.
pub(crate) fn lex(text: &[u8], say: &mut Say) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut in_definition = false;
    for (index, line) in text.split(|b| *b == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let number = index.saturating_add(1);
        if in_definition {
            in_definition = line.trim_ascii_end().ends_with(b"\\");
            continue;
        }
        let place = Place { number };
        let mut kept = strip(line, place, say);
        if index == 0 {
            drop_bom(&mut kept, place, say);
        }
        let Some(start) = kept.first() else { continue };
        if line.len() >= KEEPALIVED_LINE {
            let message = "keepalived would drop this line, it is longer than 1022 bytes";
            say.warn(place.at(start.column, 1), message, "vipd reads it; split it for keepalived");
        }
        if is_definition(&kept) {
            let message = "`$` definitions are not served yet";
            say.error(place.to_end(&kept), message, "write the value where it is used");
            in_definition = line.trim_ascii_end().ends_with(b"\\");
            continue;
        }
        let mut rest: &[Byte] = &kept;
        if let Some(after) = conditional(&kept, place, say) {
            if !after.iter().any(|b| matches!(b.value, b'{' | b'}')) {
                continue;
            }
            rest = after;
        }
        split(rest, place, say, &mut pieces);
    }
    pieces
}

#[derive(Clone, Copy)]
struct Place {
    number: usize,
}

impl Place {
    fn at(self, column: usize, length: usize) -> Span {
        Span { line: self.number, column, length }
    }

    fn to_end(self, bytes: &[Byte]) -> Span {
        let first = bytes.first().map_or(1, |b| b.column);
        let last = bytes.last().map_or(first, |b| b.column);
        self.at(first, last.saturating_sub(first).saturating_add(1))
    }
}

/// One byte that is left of a line, and what was known about it when it was read.
#[derive(Clone, Copy)]
struct Byte {
    value: u8,
    column: usize,
    /// Inside double quotes; the quotes themselves are not.
    quoted: bool,
    /// Behind a backslash, so no quote (but a brace is one all the same).
    escaped: bool,
    /// The last one before a comment.
    cut: bool,
    /// The last one before a comment that is not blank.
    commented: bool,
}

impl Byte {
    fn is_blank(self) -> bool {
        !self.quoted && matches!(self.value, b' ' | b'\t')
    }

    fn is_quote(self) -> bool {
        self.value == b'"' && !self.escaped
    }
}

/// A byte order mark is no part of the first word.
fn drop_bom(kept: &mut Vec<Byte>, place: Place, say: &mut Say) {
    if kept.iter().take(BOM.len()).map(|b| b.value).eq(BOM) {
        let message =
            "the file begins with a byte order mark, which spoils keepalived's first line";
        say.warn(place.at(1, BOM.len()), message, "save the file as UTF-8 without it");
        kept.drain(..BOM.len());
    }
}

const BOM: [u8; 3] = [0xef, 0xbb, 0xbf];

/// Removes white space at both ends, comments, and the backslash that protects a comment sign.
fn strip(line: &[u8], place: Place, say: &mut Say) -> Vec<Byte> {
    let mut kept: Vec<Byte> = Vec::new();
    let mut shell = is_script_line(line);
    let mut quoted = false;
    let mut opened_at = 0;
    let mut bytes = line.iter().copied().enumerate().peekable();
    while let Some((index, value)) = bytes.next() {
        let column = index.saturating_add(1);
        let mut push = |value, quoted, escaped| {
            kept.push(Byte { value, column, quoted, escaped, cut: false, commented: false });
        };
        match value {
            0 => {
                let message = "this line holds a NUL byte and is skipped";
                say.warn(place.at(column, 1), message, "remove the byte");
                return Vec::new();
            }
            b'"' => {
                quoted = !quoted;
                opened_at = column;
                push(value, false, false);
            }
            // Inside quotes a backslash is itself, but for words that are split twice.
            b'\\' if !quoted || shell => match bytes.peek().copied() {
                Some((_, next @ (b'#' | b'!'))) if !quoted => {
                    push(next, quoted, true);
                    bytes.next();
                }
                Some((_, b'"')) if !shell => {
                    let message = "a plain word cannot hold a double quote";
                    say.error(place.at(column, 2), message, "remove it");
                    return Vec::new();
                }
                Some((_, next)) => {
                    push(value, quoted, true);
                    push(next, quoted, true);
                    bytes.next();
                }
                None if line.trim_ascii_start().starts_with(b"$") => {}
                None => {
                    let message = "a backslash at the end continues a `$` definition only";
                    say.warn(place.at(column, 1), message, "write it on one line");
                }
            },
            b'#' | b'!' if !quoted => {
                if let Some(last) = kept.last_mut() {
                    last.cut = !last.is_blank();
                }
                if let Some(last) = kept.iter_mut().rfind(|b| !b.is_blank()) {
                    last.commented = true;
                }
                break;
            }
            _ => {
                push(value, quoted, false);
                if value == b'{' && !quoted {
                    shell = is_script_line(line.get(column..).unwrap_or(&[]));
                }
            }
        }
    }
    if quoted {
        let length = line.len().saturating_add(1).saturating_sub(opened_at);
        let message = "this quote is not closed";
        say.error(place.at(opened_at, length), message, "close it with `\"` on the same line");
        return Vec::new();
    }
    let lead = kept.iter().take_while(|b| b.is_blank()).count();
    kept.drain(..lead);
    while kept.pop_if(|b| b.is_blank() && !b.escaped).is_some() {}
    kept
}

/// `$NAME=`
fn is_definition(kept: &[Byte]) -> bool {
    let mut bytes = kept.iter().map(|b| b.value);
    bytes.next() == Some(b'$')
        && bytes.find(|b| !(b.is_ascii_alphanumeric() || *b == b'_')) == Some(b'=')
}

/// `@id …` and `~SEQ…`: says that they are not served and gives the rest of the line.
fn conditional<'a>(kept: &'a [Byte], place: Place, say: &mut Say) -> Option<&'a [Byte]> {
    let text: Vec<u8> = kept.iter().take(4).map(|b| b.value).collect();
    let (message, remedy) = match text.as_slice() {
        [b'@', ..] => ("conditional lines (`@id`) are not served yet", "write one file a node"),
        b"~SEQ" | b"~LST" => {
            ("sequences (`~SEQ`, `~LST`) are not served yet", "write the lines out")
        }
        _ => return None,
    };
    say.error(place.to_end(kept), message, remedy);
    let end = kept.iter().position(|b| b.is_blank()).unwrap_or(kept.len());
    kept.get(end..)
}

/// They begin like those whose value is a command.
const NO_SCRIPT: [&str; 4] =
    ["notify_fifo", "notify_priority_changes", "notify_timeout", "notify_stop_timeout"];

/// Keywords whose words are read by shell-like rules: the command is split a second time.
fn is_script_line(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    let end = line.iter().position(|b| !(b.is_ascii_lowercase() || *b == b'_'));
    let first = line.get(..end.unwrap_or(line.len())).unwrap_or(line);
    let word: &str = std::str::from_utf8(first).unwrap_or("");
    matches!(word, "script" | "process" | "misc_path" | "quorum_up" | "quorum_down")
        || (word.starts_with("notify") && !NO_SCRIPT.contains(&word))
        || (word.ends_with("_script") && word != "track_script" && word != "vrrp_script")
}

/// Cuts a line at its braces and the parts into words.
fn split(line: &[Byte], place: Place, say: &mut Say, pieces: &mut Vec<Piece>) {
    let is_brace = |b: &Byte| matches!(b.value, b'{' | b'}') && !b.quoted;
    let mut rest = line;
    while !rest.is_empty() {
        let end = rest.iter().position(is_brace).unwrap_or(rest.len());
        let (text, from_brace) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        let values: Vec<u8> = text.iter().map(|b| b.value).collect();
        let found = if is_script_line(&values) {
            shell_words(text, place, say)
        } else {
            words(text, place)
        };
        if !found.is_empty() {
            pieces.push(Piece::Words(found));
        }
        let Some((brace, after)) = from_brace.split_first() else { break };
        let span = place.at(brace.column, 1);
        pieces.push(if brace.value == b'{' { Piece::Open(span) } else { Piece::Close(span) });
        rest = after;
    }
}

/// Plain words: a quote beside other text ends the word.
fn words(text: &[Byte], place: Place) -> Vec<Word> {
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
            found.push(word(taken, first.is_quote(), |b| !b.is_quote(), place));
        }
        rest = after;
    }
    found
}

/// Words in which both kinds of quotes and the backslash protect blanks, adjacent pieces make one
/// word, and escapes are undone.
fn shell_words(text: &[Byte], place: Place, say: &mut Say) -> Vec<Word> {
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
        let raw: Vec<u8> = taken.iter().map(|b| b.value).collect();
        match shell::split(&raw) {
            Ok(pieces) => {
                let whole = word(taken, quoted, |_| false, place);
                found.push(Word { bytes: pieces.concat(), ..whole });
            }
            Err(why) => {
                say.error(place.to_end(taken), why.message(), "quote the whole command with `\"`");
                return Vec::new();
            }
        }
        rest = after;
    }
    found
}

fn word(taken: &[Byte], quoted: bool, keep: impl Fn(&Byte) -> bool, place: Place) -> Word {
    Word {
        bytes: taken.iter().filter(|b| keep(b)).map(|b| b.value).collect(),
        span: place.to_end(taken),
        quoted,
        cut: taken.last().is_some_and(|b| b.cut),
        commented: taken.last().is_some_and(|b| b.commented),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces with their places: `line:column+length text`.
    fn pieces(text: &str) -> Vec<String> {
        let mut say = Say::new("x", false);
        let show = |at: &Span| format!("{}:{}+{}", at.line, at.column, at.length);
        let pieces = lex(text.as_bytes(), &mut say);
        let shown = pieces.iter().flat_map(|piece| match piece {
            Piece::Words(words) => {
                words.iter().map(|w| format!("{} {}", show(&w.span), w.show())).collect()
            }
            Piece::Open(at) => vec![format!("{} {{", show(at))],
            Piece::Close(at) => vec![format!("{} }}", show(at))],
        });
        shown.collect()
    }

    #[test]
    fn every_word_knows_its_place() {
        assert_eq!(
            pieces("a{b \"c d\"#x\r\n\n }"),
            ["1:1+1 a", "1:2+1 {", "1:3+1 b", "1:5+5 c d", "3:2+1 }"]
        );
        assert_eq!(pieces("x \\#y\tab\"c\""), ["1:1+1 x", "1:3+3 #y", "1:7+2 ab", "1:9+3 c"]);
    }

    #[test]
    fn a_script_line_is_read_like_a_shell() {
        assert_eq!(pieces("script 'a b'c d"), ["1:1+6 script", "1:8+6 a bc", "1:15+1 d"]);
        assert_eq!(
            pieces("x { notify a\\ b }"),
            ["1:1+1 x", "1:3+1 {", "1:5+6 notify", "1:12+4 a b", "1:17+1 }"]
        );
    }

    #[test]
    fn track_script_is_no_script_line() {
        assert_eq!(pieces("track_script 'a b'"), ["1:1+12 track_script", "1:14+2 'a", "1:17+2 b'"]);
    }
}
