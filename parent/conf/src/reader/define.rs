//! `$` definitions: what is defined, what a reference stands for, and the names that are defined
//! beforehand. Substitutes one round; whether there is another one is decided in the reader.

use super::predefined::{Random, is_predefined};
use super::sequence::Turn;
use super::{Collect, Here, LONGEST, ROUNDS, Reader};
use crate::bytes::{Byte, Spot, is_script_word, name_at, span, trim, values};
use crate::diagnostic::Span;
use crate::say::{How, Source};
use std::collections::HashMap;
use std::rc::Rc;

/// Longest text between the braces of `${…}`.
const INSIDE: usize = 256;

#[derive(Default)]
pub(super) struct Definitions {
    list: HashMap<Vec<u8>, Definition>,
    pub(super) random: Random,
}

#[derive(Clone)]
pub(super) struct Definition {
    name: Rc<str>,
    /// At least one.
    lines: Rc<Vec<Vec<Byte>>>,
    at: Span,
    /// Set by a sequence, which says so itself.
    by_turn: bool,
}

pub(super) type Saved = Vec<(Vec<u8>, Option<Definition>)>;

impl Definitions {
    fn put(&mut self, name: &[u8], lines: Vec<Vec<Byte>>, at: Span, by_turn: bool) {
        let shown = String::from_utf8_lossy(name).into();
        let definition = Definition { name: shown, lines: lines.into(), at, by_turn };
        self.list.insert(name.to_vec(), definition);
    }

    /// What the names of a sequence meant before it.
    pub(super) fn save(&self, names: &[Vec<u8>]) -> Saved {
        names.iter().map(|name| (name.clone(), self.list.get(name).cloned())).collect()
    }

    pub(super) fn restore(&mut self, saved: Saved) {
        for (name, old) in saved {
            match old {
                Some(old) => self.list.insert(name, old),
                None => self.list.remove(&name),
            };
        }
    }

    /// One turn of a sequence; returns it in words, without values that may be secret.
    pub(super) fn set(&mut self, names: &[Vec<u8>], turn: Turn, at: Span) -> Rc<str> {
        let shown = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        match turn {
            Turn::Number(text) => {
                let name = names.first().map_or(&b""[..], Vec::as_slice);
                let spot = Spot::of(at, 0);
                let bytes = text.bytes().map(|value| Byte::new(value, spot)).collect();
                self.put(name, vec![bytes], at, true);
                format!("`${}` is {text}", shown(name)).into()
            }
            Turn::Row(number, values) => {
                let mut values = values.into_iter();
                for name in names {
                    self.put(name, vec![values.next().unwrap_or_default()], at, true);
                }
                let all: Vec<_> = names.iter().map(|name| format!("`${}`", shown(name))).collect();
                let is = if all.len() > 1 { "are" } else { "is" };
                format!("{} {is} number {number} of the list", all.join(" and ")).into()
            }
        }
    }
}

/// The lines of a definition behind the one on which it is used.
pub(super) struct Tail {
    pub(super) name: Rc<str>,
    /// All lines; the first is on the line of the use.
    pub(super) lines: Rc<Vec<Vec<Byte>>>,
    pub(super) used: Span,
    /// Something stands before the use: a condition there is about all of it.
    pub(super) behind_text: bool,
    source: Source,
}

impl Tail {
    pub(super) fn retag(&self, byte: Byte) -> Byte {
        Byte { spot: Spot { source: self.source, ..byte.spot }, ..byte }
    }
}

/// A line after one round.
#[derive(Default)]
pub(super) struct Round {
    pub(super) bytes: Vec<Byte>,
    pub(super) changed: bool,
    pub(super) tail: Option<Tail>,
    pub(super) left: Vec<Left>,
}

/// What looks like a reference and was left as it is.
pub(super) struct Left {
    at: Span,
    name: String,
    why: Why,
}

enum Why {
    Undefined { assigned: bool },
    Glued,
}

/// `$NAME`, `${NAME}`, `${NAME arguments}`
pub(super) struct Reference {
    pub(super) name: Vec<u8>,
    pub(super) arguments: Vec<u8>,
    /// Bytes of the line.
    length: usize,
    /// Without braces and with something behind it that does not end the name.
    glued: bool,
}

fn reference(line: &[Byte]) -> Option<Reference> {
    let (_, behind) = line.split_first()?;
    if behind.first().is_some_and(|b| b.value == b'{') {
        let inside = behind.get(1..)?;
        let end = inside.iter().take(INSIDE).position(|b| b.value == b'}')?;
        let text = values(inside.get(..end)?);
        let name = name_at(&text)?.to_vec();
        let arguments = text.get(name.len()..)?;
        let is_blank = |b: &u8| matches!(b, b' ' | b'\t');
        if arguments.first().is_some_and(|b| !is_blank(b)) {
            return None;
        }
        let arguments = arguments.trim_ascii().to_vec();
        return Some(Reference { name, arguments, length: end.saturating_add(3), glued: false });
    }
    let letters = behind.iter().map(|b| b.value);
    let text: Vec<u8> = letters.take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').collect();
    let name = name_at(&text)?.to_vec();
    let next = behind.get(name.len()).map(|b| b.value);
    let glued = next.is_some_and(|b| !matches!(b, b' ' | b'\t' | b',' | b')'));
    let length = name.len().saturating_add(1);
    Some(Reference { name, arguments: Vec::new(), length, glued })
}

impl Spot {
    fn of(at: Span, text: usize) -> Self {
        let short = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            source: at.source,
            text: short(text),
            line: short(at.line),
            column: short(at.column),
            width: short(at.length),
        }
    }
}

impl Reader<'_> {
    /// `$NAME=VALUE`; returns the definition if it goes on on the next line.
    pub(super) fn definition(
        &mut self,
        name: Vec<u8>,
        line: &[Byte],
        continued: Option<Span>,
    ) -> Option<Collect> {
        let value = line.get(name.len().saturating_add(2)..).unwrap_or(&[]);
        let at = span(line.get(..name.len().saturating_add(1)).unwrap_or(line));
        if is_predefined(&name) {
            let message = format!("`${}` has a meaning already", name.escape_ascii());
            self.say.warn(at, format!("{message}; this line is ignored"), "choose another name");
        }
        let open = Collect { name, at, lines: vec![trim(value).to_vec()], keep: true };
        if continued.is_some() {
            return Some(open);
        }
        self.define_lines(open);
        None
    }

    pub(super) fn define_lines(&mut self, open: Collect) {
        if open.keep && !is_predefined(&open.name) {
            self.definitions.put(&open.name, open.lines, open.at, false);
        }
    }

    /// Every reference that the line has now, once.
    pub(super) fn substitute(&mut self, here: &Here, line: &[Byte]) -> Round {
        let is_dollar = |b: &Byte| b.value == b'$' && !b.escaped;
        let mut round = Round::default();
        if !line.iter().any(is_dollar) {
            return round;
        }
        let mut rest = line;
        while let Some(first) = rest.first() {
            let found = if is_dollar(first) { reference(rest) } else { None };
            let taken = found.as_ref().map_or(1, |found| found.length);
            let (text, after) = rest.split_at_checked(taken).unwrap_or((rest, &[]));
            if !found.is_some_and(|found| self.replace(here, &found, text, after, &mut round)) {
                round.bytes.extend_from_slice(text);
            }
            if round.bytes.len() > LONGEST {
                break;
            }
            rest = after;
        }
        round
    }

    /// Arguments of a sequence: as often as there is something to substitute.
    pub(super) fn substitute_all(&mut self, here: &Here, text: &[Byte]) -> Vec<Byte> {
        let mut text = text.to_vec();
        for _ in 0..ROUNDS {
            let round = self.substitute(here, &text);
            if !round.changed || round.bytes.len() > LONGEST {
                break;
            }
            text = round.bytes;
        }
        text
    }

    /// False if the reference stays as it is.
    fn replace(
        &mut self,
        here: &Here,
        found: &Reference,
        text: &[Byte],
        after: &[Byte],
        round: &mut Round,
    ) -> bool {
        let at = span(text);
        let quoted = text.first().is_some_and(|b| b.quoted);
        let spot = |source| Spot { source, ..Spot::of(at, 0) };
        let text_number = text.first().map_or(0, |b| b.spot.text);
        let known = self.definitions.list.get(&found.name).cloned();
        let shown = || String::from_utf8_lossy(&found.name).into_owned();
        if found.glued {
            if known.is_some() || is_predefined(&found.name) {
                round.left.push(Left { at, name: shown(), why: Why::Glued });
            }
            return false;
        }
        if let Some(value) = self.predefined(here, found, (at, quoted)) {
            let made = value.into_iter().map(|(value, escaped)| {
                let spot = Spot { text: text_number, ..spot(at.source) };
                Byte { escaped, ..Byte::new(value, spot) }
            });
            round.bytes.extend(made);
            round.changed = true;
            return true;
        }
        let Some(known) = known.filter(|_| found.arguments.is_empty()) else {
            let assigned = trim(after).first().is_some_and(|b| b.value == b'=');
            round.left.push(Left { at, name: shown(), why: Why::Undefined { assigned } });
            return false;
        };
        let [first, more @ ..] = known.lines.as_slice() else { return false };
        if !more.is_empty() {
            return self.begin_body(&known, at, after, round);
        }
        let source = if known.by_turn {
            at.source
        } else {
            let how = How::Value(known.name.clone(), known.at, at.source);
            self.say.add_source(self.say.text_of(at.source), how)
        };
        let spot = Spot { text: text_number, ..spot(source) };
        round.bytes.extend(first.iter().map(|b| Byte { spot, ..*b }));
        round.changed = true;
        true
    }

    fn begin_body(
        &mut self,
        known: &Definition,
        used: Span,
        after: &[Byte],
        round: &mut Round,
    ) -> bool {
        let name = known.name.clone();
        if !trim(after).is_empty() {
            let message = format!("something stands behind `${name}`, which has several lines");
            self.say.error(used, message, "let it be the last word of its line");
            round.changed = true;
            return true;
        }
        let text = self.say.text_of(known.at.source);
        let source = self.say.add_source(text, How::Body(name.clone(), used));
        let behind_text = !round.bytes.is_empty();
        let tail = Tail { name, lines: known.lines.clone(), used, behind_text, source };
        if let Some(first) = tail.lines.first() {
            round.bytes.extend(first.iter().map(|b| tail.retag(*b)));
        }
        round.tail = Some(tail);
        round.changed = true;
        true
    }

    /// About what stayed in a line that is read now. In commands `$` is often the shell's.
    pub(super) fn speak_of(&mut self, left: &[Left], line: &[Byte]) {
        if left.is_empty() {
            return;
        }
        let line = values(line);
        let mut parts = line.split(|b| matches!(b, b'{' | b'}'));
        let is_command = parts.any(is_script_word);
        for Left { at, name, why } in left {
            match why {
                Why::Glued => {
                    let message = format!(
                        "`${name}` is not replaced here: only a blank, `,`, `)` \
                                           or the end of the line may stand behind it"
                    );
                    self.say.warn(*at, message, format!("write `${{{name}}}`"));
                }
                Why::Undefined { .. } if is_command => {}
                Why::Undefined { assigned: true } => {
                    let message = format!("`${name}` is not defined by this: a blank before `=`");
                    self.say.warn(*at, message, format!("write `${name}=VALUE`"));
                }
                Why::Undefined { assigned: false } => {
                    let message = format!("`${name}` is not defined and stays as it is");
                    self.say.warn(*at, message, format!("write `${name}=VALUE` before this line"));
                }
            }
        }
    }
}
