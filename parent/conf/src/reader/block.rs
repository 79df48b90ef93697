//! Words and braces on their way out, and as much of the blocks as it takes to know the settings
//! that change how the lines after them are read. What the blocks mean is not known here.

use super::{Reader, predefined};
use crate::lex::{Piece, Word};

/// Enough of the blocks to know the settings that change how the rest is read.
#[derive(Default)]
pub(super) struct Block {
    depth: usize,
    last_is_globals: bool,
    in_globals: bool,
}

impl Reader<'_> {
    pub(super) fn emit(&mut self, piece: Piece) {
        let block = &mut self.block;
        match &piece {
            Piece::Words(words) => {
                let first = words.first();
                if block.depth == 0 {
                    block.last_is_globals = first.is_some_and(|word| word.is("global_defs"));
                } else if block.depth == 1 && block.in_globals {
                    self.setting(words);
                }
            }
            Piece::Open(_) => {
                block.in_globals |= block.depth == 0 && block.last_is_globals;
                block.depth = block.depth.saturating_add(1);
            }
            Piece::Close(_) => {
                block.depth = block.depth.saturating_sub(1);
                block.in_globals &= block.depth > 0;
            }
        }
        self.pieces.push(piece);
    }

    /// Settings that change how the lines after them are read.
    fn setting(&mut self, words: &[Word]) {
        let Some((keyword, rest)) = words.split_first() else { return };
        if keyword.is("include_check") {
            self.checks.change(rest);
        } else if keyword.is("random_seed")
            && let Some(seed) = rest.first().and_then(predefined::seed)
        {
            self.definitions.random.seed = Some(seed);
        }
    }
}
