//! Lines that are read more than once: the bodies of definitions, and what a sequence repeats. Keeps
//! count of what that costs, and ends it when it is too much.

use super::define::Tail;
use super::{DEEPEST, Here, Reader, sequence};
use crate::bytes::{Byte, Line, span};
use crate::diagnostic::Span;
use crate::say::How;
use std::rc::Rc;

/// What expansions have cost; no file may ask for more work than it is worth.
#[derive(Default)]
pub(super) struct Spent {
    lines: usize,
    bytes: usize,
    said: bool,
}

/// Bytes that expansions may make.
const MOST_BYTES: usize = 256 << 20;

impl Reader<'_> {
    /// The rest of a definition of several lines, behind what its use has begun.
    pub(super) fn body(&mut self, here: &Here, tail: Tail) {
        if self.inside.contains(&tail.name) || self.depth >= DEEPEST {
            let chain = self.inside.join("` > `$");
            let message =
                format!("`${}` leads to itself: `${chain}` > `${}`", tail.name, tail.name);
            self.say.error(tail.used, message, "break the circle");
            return;
        }
        self.inside.push(tail.name.clone());
        self.depth = self.depth.saturating_add(1);
        for line in tail.lines.iter().skip(1) {
            if !self.spend(1, line.len(), tail.used) {
                break;
            }
            let bytes = line.iter().map(|b| tail.retag(*b)).collect();
            self.line(here, Line { bytes, ..Line::default() });
        }
        self.depth = self.depth.saturating_sub(1);
        self.inside.pop();
    }

    /// The rest of the line once for each turn.
    pub(super) fn sequence(&mut self, here: &Here, line: &[Byte]) {
        let Some((kind, length)) = sequence::keyword(line) else { return };
        let Some((arguments, rest)) = sequence::cut(line, length) else {
            let message = "the bracket of this sequence is not closed";
            self.say.error(span(line), message, "close it with `)`");
            return;
        };
        let at = sequence::place(line, rest);
        if self.depth >= DEEPEST {
            self.say.error(at, "sequences are nested too deeply here", "use fewer of them");
            return;
        }
        let arguments = self.substitute_all(here, arguments);
        let Some(found) = sequence::read(kind, &arguments, at, rest, self.say) else { return };
        self.depth = self.depth.saturating_add(1);
        let saved = self.definitions.save(&found.names);
        for turn in found.turns {
            if !self.spend(1, found.rest.len(), at) {
                break;
            }
            let what = self.definitions.set(&found.names, turn, at);
            let bytes = self.retag_turn(found.rest, &what);
            self.line(here, Line { bytes, ..Line::default() });
        }
        self.definitions.restore(saved);
        self.depth = self.depth.saturating_sub(1);
    }

    fn retag_turn(&mut self, line: &[Byte], what: &Rc<str>) -> Vec<Byte> {
        let mut known = Vec::new();
        let mut tagged = line.to_vec();
        for byte in &mut tagged {
            let old = byte.spot.source;
            let new = known.iter().find(|(from, _)| *from == old).map(|(_, to)| *to);
            byte.spot.source = new.unwrap_or_else(|| {
                let text = self.say.text_of(old);
                let new = self.say.add_source(text, How::Turn(what.clone(), old));
                known.push((old, new));
                new
            });
        }
        tagged
    }

    /// False when expansions have made too much; that is an error, said once.
    pub(super) fn spend(&mut self, lines: usize, bytes: usize, at: Span) -> bool {
        let spent = &mut self.spent;
        spent.lines = spent.lines.saturating_add(lines);
        spent.bytes = spent.bytes.saturating_add(bytes);
        let most = self.around.most_lines();
        if spent.lines <= most && spent.bytes <= MOST_BYTES {
            return true;
        }
        if !spent.said {
            spent.said = true;
            let message = format!(
                "definitions, sequences and includes make more than {most} lines or {} MiB",
                MOST_BYTES >> 20
            );
            self.say.error(at, message, "make fewer of them");
        }
        false
    }
}
