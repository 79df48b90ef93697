//! The files that were read, as they were read: names, bytes and where each line begins, so that a
//! place is found without going through the file again. Decides nothing about their contents.

use crate::diagnostic::Diagnostic;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The main file first, then the others in the order in which they were read.
#[derive(Debug, Default)]
pub struct Texts {
    list: Vec<Text>,
    folders: BTreeSet<PathBuf>,
}

#[derive(Debug)]
pub(crate) struct Text {
    /// As messages show it.
    pub(crate) name: Rc<str>,
    pub(crate) path: PathBuf,
    pub(crate) bytes: Rc<[u8]>,
    /// Where each line begins.
    starts: Vec<usize>,
}

impl Text {
    fn new(name: &str, path: &Path, bytes: Rc<[u8]>) -> Self {
        let feeds = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let starts = std::iter::once(0).chain(feeds.map(|(at, _)| at.saturating_add(1)));
        Self { name: name.into(), path: path.to_owned(), starts: starts.collect(), bytes }
    }

    pub(crate) fn lines(&self) -> usize {
        self.starts.len()
    }

    /// Counted from 1, without its line feed; empty if there is no such line.
    pub(crate) fn line(&self, number: usize) -> &[u8] {
        let index = number.saturating_sub(1);
        let Some(start) = self.starts.get(index).copied() else { return &[] };
        let next = self.starts.get(index.saturating_add(1)).map(|next| next.saturating_sub(1));
        self.bytes.get(start..next.unwrap_or(self.bytes.len())).unwrap_or(&[])
    }
}

impl Texts {
    /// Several lines with the place underlined, for people, with terminal colours if wanted. The
    /// line of the file is quoted as it is, with a password in it if it has one.
    pub fn draw(&self, diagnostic: &Diagnostic, colour: bool) -> String {
        let text = self.list.get(diagnostic.text);
        crate::draw::draw(diagnostic, text.map_or(&[], |text| text.line(diagnostic.line)), colour)
    }

    /// Whether the place of the diagnostic is in one of them.
    pub fn have(&self, diagnostic: &Diagnostic) -> bool {
        self.get(diagnostic.text).is_some_and(|text| *text.name == *diagnostic.file)
    }

    /// What was read, by the number that diagnostics have.
    pub fn bytes(&self, text: usize) -> Option<&[u8]> {
        self.get(text).map(|text| &*text.bytes)
    }

    /// The paths of all files, the main file's first, and of the folders that were looked through.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let files = self.list.iter().map(|text| text.path.as_path());
        files.chain(self.folders.iter().map(PathBuf::as_path))
    }

    pub(crate) fn add_folder(&mut self, folder: &Path) {
        self.folders.insert(folder.to_owned());
    }

    pub(crate) fn add(&mut self, name: &str, path: &Path, bytes: Rc<[u8]>) -> usize {
        self.list.push(Text::new(name, path, bytes));
        self.list.len().saturating_sub(1)
    }

    pub(crate) fn get(&self, text: usize) -> Option<&Text> {
        self.list.get(text)
    }

    pub(crate) fn name(&self, text: usize) -> Rc<str> {
        self.get(text).map_or_else(|| "".into(), |text| text.name.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found() {
        let text = Text::new("x", Path::new("x"), b"a\n\nbc\r\nlast".as_slice().into());
        let lines: Vec<_> = (0..=6).map(|n| text.line(n)).collect();
        assert_eq!(lines, [&b"a"[..], b"a", b"", b"bc\r", b"last", b"", b""]);
        assert_eq!(Text::new("x", Path::new("x"), [].into()).line(1), b"");
    }
}
