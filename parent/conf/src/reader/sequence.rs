//! `~SEQ`, `~SEQx` and `~LST`: what they say, and the values that they set turn by turn. The line
//! that is repeated is the reader's business.

use crate::bytes::{Byte, name_at, span, trim, values};
use crate::diagnostic::{Say, Span};

/// What stands at the beginning of a line, and the rest of the line.
#[derive(Debug)]
pub(super) struct Sequence<'a> {
    pub(super) names: Vec<Vec<u8>>,
    pub(super) turns: Turns,
    pub(super) rest: &'a [Byte],
}

#[derive(Debug)]
pub(super) enum Turns {
    Count {
        next: Option<i64>,
        step: i64,
        end: i64,
        hex: bool,
    },
    /// One row a turn, in the order of the names.
    List {
        rows: std::vec::IntoIter<Vec<Vec<Byte>>>,
        number: usize,
    },
}

/// The values of one turn.
pub(super) enum Turn {
    Number(String),
    Row(usize, Vec<Vec<Byte>>),
}

impl Iterator for Turns {
    type Item = Turn;

    fn next(&mut self) -> Option<Turn> {
        match self {
            Self::Count { next, step, end, hex } => {
                let now = next.take()?;
                if (*step > 0 && now > *end) || (*step < 0 && now < *end) {
                    return None;
                }
                *next = now.checked_add(*step);
                Some(Turn::Number(if *hex { format!("{now:x}") } else { now.to_string() }))
            }
            Self::List { rows, number } => {
                let row = rows.next()?;
                *number = number.saturating_add(1);
                Some(Turn::Row(*number, row))
            }
        }
    }
}

/// The keyword at the beginning of a line, with its length.
pub(super) fn keyword(line: &[Byte]) -> Option<(Kind, usize)> {
    let head: Vec<u8> = line.iter().take(6).map(|b| b.value).collect();
    [(Kind::Count, "~SEQ("), (Kind::Hex, "~SEQx("), (Kind::List, "~LST(")]
        .into_iter()
        .find(|(_, word)| head.starts_with(word.as_bytes()))
        .map(|(kind, word)| (kind, word.len()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Count,
    Hex,
    List,
}

impl Kind {
    const fn form(self) -> &'static str {
        match self {
            Self::Count => "write `~SEQ(NAME, FIRST, STEP, LAST)`; FIRST and STEP may be left out",
            Self::Hex => "write `~SEQx(NAME, FIRST, STEP, LAST)` with no number below 0",
            Self::List => "write `~LST(NAME, VALUE, …)` or `~LST({A, B}, {1, 2}, …)`",
        }
    }
}

/// The arguments and the rest of the line behind the keyword. None if there is no closing bracket.
pub(super) fn cut(line: &[Byte], from: usize) -> Option<(&[Byte], &[Byte])> {
    let inside = line.get(from..)?;
    let end = inside.iter().position(|b| b.value == b')' && !b.quoted)?;
    Some((inside.get(..end)?, inside.get(end.saturating_add(1)..)?))
}

/// None if it has no sense, which has been said then.
pub(super) fn read<'a>(
    kind: Kind,
    arguments: &[Byte],
    at: Span,
    rest: &'a [Byte],
    say: &mut Say,
) -> Option<Sequence<'a>> {
    let parts = parts(arguments);
    let (names, turns) = match kind {
        Kind::List => list(&parts),
        Kind::Count | Kind::Hex => count(&parts, kind == Kind::Hex),
    }
    .map_err(|why| say.error(at, why, kind.form()))
    .ok()?;
    let is_name = |name: &Vec<u8>| name_at(name).is_some_and(|n| n.len() == name.len());
    if !names.iter().all(is_name) {
        say.error(at, "a sequence needs the name of what it sets", kind.form());
        return None;
    }
    if let Turns::Count { next: Some(first), step, end, .. } = &turns
        && ((*step > 0 && first > end) || (*step < 0 && first < end))
    {
        let message = format!("steps of {step} never lead from {first} to {end}: no line is made");
        say.warn(at, message, "turn the sign of the step round");
    }
    Some(Sequence { names, turns, rest: trim(rest) })
}

/// Between the commas that stand outside of braces and quotes.
fn parts(text: &[Byte]) -> Vec<&[Byte]> {
    let mut depth = 0_usize;
    let is_comma = |b: &Byte| {
        match b.value {
            b'{' if !b.quoted => depth = depth.saturating_add(1),
            b'}' if !b.quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        b.value == b',' && !b.quoted && depth == 0
    };
    text.split(is_comma).map(trim).collect()
}

fn count(parts: &[&[Byte]], hex: bool) -> Result<(Vec<Vec<u8>>, Turns), String> {
    let (name, numbers) = parts.split_first().ok_or("this sequence is empty")?;
    let number = |part: &&[Byte]| {
        let text = values(part);
        number(&text).ok_or_else(|| format!("`{}` is no number", text.escape_ascii()))
    };
    let numbers = numbers.iter().map(number).collect::<Result<Vec<i64>, _>>()?;
    let (first, step, end) = match *numbers.as_slice() {
        [end] => (if end < 0 { -1 } else { 1 }, None, end),
        [first, end] => (first, None, end),
        [first, step, end] => (first, Some(step), end),
        _ => return Err(format!("a sequence has 1 to 3 numbers, not {}", numbers.len())),
    };
    let step = step.unwrap_or(if end < first { -1 } else { 1 });
    if step == 0 {
        return Err("a step of 0 never ends".to_owned());
    }
    if hex && (first < 0 || end < 0) {
        return Err("a hexadecimal sequence has no number below 0".to_owned());
    }
    Ok((vec![values(name)], Turns::Count { next: Some(first), step, end, hex }))
}

/// Decimal, octal behind `0`, hexadecimal behind `0x`.
fn number(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.starts_with(['-', '+']) {
        return None;
    }
    let value = if let Some(hex) = digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        i64::from_str_radix(hex, 16)
    } else if digits.len() > 1 && digits.starts_with('0') {
        i64::from_str_radix(digits, 8)
    } else {
        digits.parse()
    };
    value.ok()?.checked_mul(sign)
}

fn list(parts: &[&[Byte]]) -> Result<(Vec<Vec<u8>>, Turns), String> {
    let (head, rows) = parts.split_first().ok_or("this list is empty")?;
    if rows.is_empty() {
        return Err("a list needs a value".to_owned());
    }
    let names: Vec<Vec<u8>> = members(head).iter().map(|name| values(name)).collect();
    let many = names.len();
    let mut table = Vec::new();
    for row in rows {
        let row = if is_group(head) { members(row) } else { vec![*row] };
        if row.len() > many {
            return Err(format!("a row has {} values, and the list sets {many}", row.len()));
        }
        table.push(row.into_iter().map(<[Byte]>::to_vec).collect());
    }
    Ok((names, Turns::List { rows: table.into_iter(), number: 0 }))
}

fn is_group(text: &[Byte]) -> bool {
    matches!(text, [open, .., close] if open.value == b'{' && close.value == b'}')
}

/// `{a,b}`, or one.
fn members(text: &[Byte]) -> Vec<&[Byte]> {
    match text {
        [_, inside @ .., _] if is_group(text) => parts(inside),
        text => vec![text],
    }
}

/// The whole of it, for messages.
pub(super) fn place(line: &[Byte], rest: &[Byte]) -> Span {
    let length = line.len().saturating_sub(rest.len());
    span(line.get(..length).unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_in_c() {
        for (text, value) in [("10", 10), ("010", 8), ("0x1F", 31), ("-3", -3), ("+7", 7), ("0", 0)]
        {
            assert_eq!(number(text.as_bytes()), Some(value), "{text}");
        }
        for text in ["", "x", "08", "1x", "--1", "+-1", "99999999999999999999", "1.5"] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
    }
}
