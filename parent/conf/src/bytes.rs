//! One line as bytes that know their places: comments, quotes and backslashes are understood here,
//! words and braces are not. Can be done again to a line into which something was inserted.

use crate::diagnostic::{Say, Span};
use crate::say::Source;

/// Where a byte, or what it was made from, is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) source: Source,
    /// Which of the texts.
    pub(crate) text: u32,
    pub(crate) line: u32,
    pub(crate) column: u32,
    /// More than 1 for what stands for a whole reference.
    pub(crate) width: u32,
}

impl Spot {
    fn is_on_line_of(self, other: Self) -> bool {
        (self.text, self.line) == (other.text, other.line)
    }
}

/// One byte of a line, and what was known about it when it was read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Byte {
    pub(crate) value: u8,
    pub(crate) spot: Spot,
    /// Inside double quotes; the quotes themselves are not.
    pub(crate) quoted: bool,
    /// Behind a backslash, so no quote (but a brace is one all the same).
    pub(crate) escaped: bool,
    /// The last one before a comment.
    pub(crate) cut: bool,
    /// The last one before a comment that is not blank.
    pub(crate) commented: bool,
}

impl Byte {
    pub(crate) fn new(value: u8, spot: Spot) -> Self {
        Self { value, spot, quoted: false, escaped: false, cut: false, commented: false }
    }

    pub(crate) fn is_blank(self) -> bool {
        !self.quoted && matches!(self.value, b' ' | b'\t')
    }

    pub(crate) fn is_quote(self) -> bool {
        self.value == b'"' && !self.escaped
    }

    pub(crate) fn is_brace(self) -> bool {
        matches!(self.value, b'{' | b'}') && !self.quoted
    }
}

/// A line without its comment.
#[derive(Debug, Default)]
pub(crate) struct Line {
    pub(crate) bytes: Vec<Byte>,
    /// The backslash at its end.
    pub(crate) continued: Option<Span>,
    /// One at the end of its comment: it counts in a definition only.
    pub(crate) hidden: Option<Span>,
}

/// The bytes of a line as they are written.
pub(crate) fn raw(line: &[u8], source: Source, text: usize, number: usize) -> Vec<Byte> {
    let short = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let (text, number) = (short(text), short(number));
    let spot = |column| Spot { source, text, line: number, column, width: 1 };
    (1..).zip(line).map(|(column, value)| Byte::new(*value, spot(column))).collect()
}

pub(crate) fn values(bytes: &[Byte]) -> Vec<u8> {
    bytes.iter().map(|b| b.value).collect()
}

/// From the first byte to the last, as far as they are written on one line.
pub(crate) fn span(bytes: &[Byte]) -> Span {
    let Some(first) = bytes.first().map(|b| b.spot) else { return Span::default() };
    let on_line = bytes.iter().map(|b| b.spot).filter(|spot| spot.is_on_line_of(first));
    let (mut end, mut source) = (first.column, first.source);
    for spot in on_line {
        end = end.max(spot.column.saturating_add(spot.width));
        source = source.max(spot.source);
    }
    let long = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
    let length = long(end.saturating_sub(first.column));
    Span { line: long(first.line), column: long(first.column), length, source }
}

/// Removes blanks at both ends.
pub(crate) fn trim(mut bytes: &[Byte]) -> &[Byte] {
    while let [first, rest @ ..] = bytes
        && first.is_blank()
        && !first.escaped
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && last.is_blank()
        && !last.escaped
    {
        bytes = rest;
    }
    bytes
}

/// Removes white space at both ends, the comment, and the backslash that protects a comment sign.
/// None if the line cannot be read, which has been said then.
pub(crate) fn strip(line: &[Byte], say: &mut Say) -> Option<Line> {
    let mut kept: Vec<Byte> = Vec::with_capacity(line.len());
    let all = values(line);
    let mut shell = is_script_line(&all);
    let mut quoted = false;
    let mut opened: &[Byte] = &[];
    let mut continued = None;
    let mut rest = line;
    while let Some((byte, after)) = rest.split_first() {
        let mut push = |byte: &Byte, quoted, escaped| kept.push(Byte { quoted, escaped, ..*byte });
        let here = rest;
        rest = after;
        match byte.value {
            _ if byte.escaped => push(byte, quoted, true),
            0 => {
                let message = "this line holds a NUL byte and is skipped";
                say.warn(span(&[*byte]), message, "remove the byte");
                return None;
            }
            b'"' => {
                quoted = !quoted;
                opened = here;
                push(byte, false, false);
            }
            // Inside quotes a backslash is itself, but for words that are split twice.
            b'\\' if !quoted || shell => match after.split_first() {
                Some((next, after)) if !quoted && matches!(next.value, b'#' | b'!') => {
                    let spot = Spot { width: 2, ..byte.spot };
                    push(&Byte { spot, ..*next }, quoted, true);
                    rest = after;
                }
                Some((next, _)) if next.value == b'"' && !shell => {
                    let message = "a plain word cannot hold a double quote";
                    say.error(span(&[*byte, *next]), message, "remove it");
                    return None;
                }
                Some((next, after)) => {
                    push(byte, quoted, true);
                    push(next, quoted, true);
                    rest = after;
                }
                None => continued = Some(span(&[*byte])),
            },
            b'#' | b'!' if !quoted => {
                mark_cut(&mut kept);
                break;
            }
            // Behind a backslash it is no reference, also where a backslash is itself.
            b'$' => {
                let behind = kept.last().is_some_and(|last| last.value == b'\\');
                kept.push(Byte { quoted, escaped: behind, ..*byte });
            }
            _ => {
                push(byte, quoted, false);
                if byte.value == b'{' && !quoted {
                    let offset = all.len().saturating_sub(rest.len());
                    shell = is_script_word(all.get(offset..).unwrap_or(&[]));
                }
            }
        }
    }
    if quoted {
        let message = "this quote is not closed";
        say.error(span(opened), message, "close it with `\"` on the same line");
        return None;
    }
    continued = continued.or_else(|| backslash_before_comment(&mut kept));
    trim_ends(&mut kept);
    let hidden = line.last().filter(|b| b.value == b'\\' && !rest.is_empty());
    let hidden = hidden.filter(|_| continued.is_none()).map(|b| span(&[*b]));
    Some(Line { bytes: kept, continued, hidden })
}

/// A comment begins here.
fn mark_cut(kept: &mut [Byte]) {
    if let Some(last) = kept.last_mut() {
        last.cut = !last.is_blank();
    }
    if let Some(last) = kept.iter_mut().rfind(|b| !b.is_blank()) {
        last.commented = true;
    }
}

fn trim_ends(kept: &mut Vec<Byte>) {
    let lead = kept.iter().take_while(|b| b.is_blank()).count();
    kept.drain(..lead);
    while kept.pop_if(|b| b.is_blank() && !b.escaped).is_some() {}
}

/// `\ # comment`: the backslash is the last of the line.
fn backslash_before_comment(kept: &mut Vec<Byte>) -> Option<Span> {
    let blanks = kept.iter().rev().take_while(|b| b.is_blank()).count();
    let at = kept.len().checked_sub(blanks)?.checked_sub(1)?;
    let byte = kept.get(at).copied()?;
    let ends = blanks > 0 && byte.value == b'\\' && byte.escaped;
    // A backslash that is itself behind one is no end.
    let alone = kept.get(at.saturating_add(1)).is_some_and(|next| next.escaped);
    let commented = kept.iter().any(|b| b.commented);
    if !(ends && alone && commented) {
        return None;
    }
    kept.truncate(at);
    Some(span(&[byte]))
}

/// A line whose words are read by shell-like rules. What stands before the keyword (a condition, a
/// sequence) is passed over, and what is defined may become a command.
pub(crate) fn is_script_line(line: &[u8]) -> bool {
    let mut line = line.trim_ascii_start();
    loop {
        let end = match line.first() {
            Some(b'@') => line.iter().position(u8::is_ascii_whitespace),
            Some(b'~') => line.iter().position(|b| *b == b')'),
            Some(b'$') => return definition_name(line).is_some(),
            _ => return is_script_word(line),
        };
        let end = end.map_or(line.len(), |end| end.saturating_add(1));
        line = line.get(end..).unwrap_or(&[]).trim_ascii_start();
    }
}

/// They begin like those whose value is a command.
const NO_SCRIPT: [&str; 4] =
    ["notify_fifo", "notify_priority_changes", "notify_timeout", "notify_stop_timeout"];

/// Keywords whose line is read like a shell's: behind most of them a command stands, which is split a
/// second time; behind the others, text in which quotes may be.
pub(crate) fn is_script_word(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    let end = line.iter().position(|b| !(b.is_ascii_lowercase() || *b == b'_'));
    let first = line.get(..end.unwrap_or(line.len())).unwrap_or(line);
    let word: &str = std::str::from_utf8(first).unwrap_or("");
    matches!(word, "script" | "process" | "misc_path" | "quorum_up" | "quorum_down")
        || matches!(word, "body" | "content")
        || (word.starts_with("notify") && !NO_SCRIPT.contains(&word))
        || (word.ends_with("_script") && word != "track_script" && word != "vrrp_script")
}

/// `$NAME=`: the name.
pub(crate) fn definition_name(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"$")?;
    let name = name_at(rest)?;
    (rest.get(name.len()) == Some(&b'=')).then_some(name)
}

/// A letter or `_`, then letters, digits and `_`.
pub(crate) fn name_at(text: &[u8]) -> Option<&[u8]> {
    let length = text.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
    let name = text.get(..length)?;
    name.first().filter(|b| !b.is_ascii_digit())?;
    Some(name)
}
