//! Blocks with names: reads all of a kind and finds them again. A name counts once, and where it
//! stands first; what is in a block is for others to read.

use super::value::one;
use crate::diagnostic::{Say, Span};
use crate::lex::Word;
use crate::tree::Item;
use std::collections::HashMap;

/// In the order of the file.
pub(super) struct Named<T> {
    pub(super) list: Vec<T>,
    /// Beside `list`: the names in the file.
    pub(super) places: Vec<Span>,
    ids: HashMap<String, u16>,
}

impl<T> Named<T> {
    /// `what` is one of them in words. `make` says what of a block is wrong, and may leave it out.
    pub(super) fn read(
        blocks: &[&Item],
        what: &str,
        say: &mut Say,
        mut make: impl FnMut(&Word, &Item, &mut Say) -> Option<T>,
    ) -> Self {
        let mut found = Self { list: Vec::new(), places: Vec::new(), ids: HashMap::new() };
        for block in blocks {
            let Some(name) = one(block, say) else { continue };
            if found.find(name).is_some() {
                let message = format!("a {what} named `{}` is already there", name.show());
                let remedy = "give it another name";
                say.warn(name.span, format!("{message}; this one is skipped"), remedy);
                continue;
            }
            let Ok(id) = u16::try_from(found.list.len()) else {
                say.error(name.span, format!("more than 65536 times a {what}"), "remove some");
                continue;
            };
            let Some(made) = make(name, block, say) else { continue };
            found.ids.insert(key(name), id);
            found.list.push(made);
            found.places.push(name.span);
        }
        found
    }

    /// Its number, which is its place in the list.
    pub(super) fn find(&self, name: &Word) -> Option<(u16, &T)> {
        let id = *self.ids.get(&key(name))?;
        Some((id, self.list.get(usize::from(id))?))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.ids.keys()
    }

    pub(super) fn places(&self) -> impl Iterator<Item = (u16, &T, Span)> {
        let all = self.list.iter().zip(&self.places);
        (0..).zip(all).map(|(id, (one, at))| (id, one, *at))
    }
}

fn key(name: &Word) -> String {
    String::from_utf8_lossy(&name.bytes).into_owned()
}
