//! `include` and its kin: which files a pattern stands for, how strictly each is wanted, and what
//! is said about those that are not read. Files are opened by whoever asked for the reading.

use super::{DEEPEST, Here, Reader};
use crate::around::Unread;
use crate::bytes::{Byte, span, trim, values};
use crate::diagnostic::Span;
use crate::glob;
use crate::lex::Word;
use crate::say::How;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Files inside one another.
const FILES_DEEP: usize = 24;

/// What must be there; each but the first wants the first, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Checks {
    readable: bool,
    literal: bool,
    wildcard: bool,
    brace: bool,
}

const ALL: Checks = Checks { readable: true, literal: true, wildcard: true, brace: true };

impl Checks {
    /// `include_check [+|-]WORD …`; no word is all of them.
    pub(super) fn change(&mut self, words: &[Word]) {
        let first = words.first().map(|word| word.bytes.as_slice());
        match first {
            None => *self = ALL,
            Some([b'+' | b'-', ..]) => {}
            Some(_) => *self = Self::default(),
        }
        let mut on = true;
        for word in words {
            let name = match word.bytes.as_slice() {
                [b'+', name @ ..] => {
                    on = true;
                    name
                }
                [b'-', name @ ..] => {
                    on = false;
                    name
                }
                name => name,
            };
            let Some(checks) = check_named(name) else { continue };
            *self = if on { self.with(checks) } else { self.without(checks) };
        }
    }

    fn with(self, other: Self) -> Self {
        Self {
            readable: self.readable || other.readable,
            literal: self.literal || other.literal,
            wildcard: self.wildcard || other.wildcard,
            brace: self.brace || other.brace,
        }
    }

    /// Taking one of the others back leaves `readable`.
    fn without(self, other: Self) -> Self {
        let only_readable = other == Self { readable: true, ..Self::default() };
        Self {
            readable: self.readable && !only_readable,
            literal: self.literal && !other.literal,
            wildcard: self.wildcard && !other.wildcard,
            brace: self.brace && !other.brace,
        }
    }
}

/// A word of `include_check`.
pub(crate) fn check_named(name: &[u8]) -> Option<Checks> {
    let none = Checks { readable: true, ..Checks::default() };
    Some(match name {
        b"" => Checks::default(),
        b"readable" | b"read" => none,
        b"match" => Checks { literal: true, ..none },
        b"wildcard_match" => Checks { wildcard: true, ..none },
        b"brace_match" => Checks { brace: true, ..none },
        _ => return None,
    })
}

/// What each keyword adds to `include_check`.
const KEYWORDS: [(&str, Checks); 6] = [
    ("include", Checks { readable: false, literal: false, wildcard: false, brace: false }),
    ("includer", Checks { readable: true, literal: false, wildcard: false, brace: false }),
    ("includem", Checks { readable: true, literal: true, wildcard: false, brace: false }),
    ("includew", Checks { readable: true, literal: true, wildcard: true, brace: false }),
    ("includeb", Checks { readable: true, literal: false, wildcard: false, brace: true }),
    ("includea", ALL),
];

/// One line of it.
struct Wanted<'a> {
    keyword: &'static str,
    checks: Checks,
    pattern: &'a [u8],
    at: Span,
}

/// A file of a pattern: its path, and what was found there.
type Found = (PathBuf, Result<Rc<[u8]>, Unread>);

impl Reader<'_> {
    /// What follows behind it, if this is one; whatever it names has been read then.
    pub(super) fn include<'b>(&mut self, here: &Here, line: &'b [Byte]) -> Option<&'b [Byte]> {
        let (keyword, added) = keyword(line)?;
        let behind = trim(line.get(keyword.len()..)?);
        let (pattern, after) = pattern(behind);
        let word = span(line.get(..keyword.len())?);
        let bare: Vec<Byte> = pattern.iter().copied().filter(|b| !b.is_quote()).collect();
        if bare.is_empty() {
            let message = format!("`{keyword}` needs the name of a file");
            self.say.error(word, message, format!("write `{keyword} FILE`"));
            return Some(after);
        }
        let checks = self.checks.with(added);
        let wanted = Wanted { keyword, checks, pattern: &values(&bare), at: span(pattern) };
        self.read_all(here, &wanted);
        Some(after)
    }

    fn read_all(&mut self, here: &Here, wanted: &Wanted<'_>) {
        let Some(patterns) = glob::alternatives(wanted.pattern) else {
            let message = "this pattern stands for more than 1000 others";
            self.say.error(wanted.at, message, "write fewer `{…}` into it");
            return;
        };
        let in_braces = patterns.len() > 1;
        let mut files: Vec<Found> = Vec::new();
        let mut lacking: Option<Vec<u8>> = None;
        for pattern in patterns {
            let before = files.len();
            let Some(found) = self.files_of(here, &pattern, wanted) else { return };
            // What a folder lists and does not have is a link that leads nowhere.
            let last = pattern.rsplit(|b| *b == b'/').next().unwrap_or(&pattern);
            let listed = glob::has_wildcard(last);
            let is_there = |(_, read): &Found| *read != Err(Unread::Missing);
            files.extend(found.into_iter().filter(|file| listed || is_there(file)));
            if files.len() == before {
                lacking.get_or_insert(pattern);
            }
        }
        if let Some(lacking) = lacking
            && !self.goes_without(wanted, &lacking, in_braces && !files.is_empty(), in_braces)
        {
            return;
        }
        for (path, read) in files {
            match read {
                Ok(bytes) => self.read_one(here, &path, &bytes, wanted),
                Err(why) => self.unread(here, &path, &why, wanted),
            }
        }
    }

    /// The files of a pattern without braces. None if a folder cannot be looked into.
    fn files_of(&mut self, here: &Here, pattern: &[u8], wanted: &Wanted<'_>) -> Option<Vec<Found>> {
        let mut list = |folder: &Path| {
            let names = self.around.names(folder)?;
            self.say.add_folder(folder);
            Ok(names)
        };
        let paths = match glob::expand(&here.folder, pattern, &mut list) {
            Ok(paths) => paths,
            Err((folder, why)) => {
                let shown = here.show(&folder);
                let message = format!("the folder {shown} {}", why.why());
                let remedy =
                    format!("let vipd read it: chown root:_vipd {shown}; chmod 0750 {shown}");
                self.say.error(wanted.at, message, remedy);
                return None;
            }
        };
        let mut files = Vec::new();
        for path in paths {
            let known = self.read.get(&path).and_then(|text| self.say.texts().get(*text));
            let (bytes, lines) = match known {
                Some(text) => (Ok(text.bytes.clone()), text.lines()),
                None => (self.around.read(&path).map(Rc::from), 1),
            };
            let length = bytes.as_ref().map_or(0, |bytes: &Rc<[u8]>| bytes.len());
            if !self.spend(lines, length, wanted.at) {
                return None;
            }
            files.push((path, bytes));
        }
        Some(files)
    }

    /// Says that nothing fits; true if the rest is read all the same.
    fn goes_without(
        &mut self,
        wanted: &Wanted<'_>,
        lacking: &[u8],
        partly: bool,
        in_braces: bool,
    ) -> bool {
        let shown = show(lacking);
        let wildcard = glob::has_wildcard(lacking);
        let (must, what) = match (partly, wildcard) {
            (true, _) => (wanted.checks.brace, format!("nothing is there for `{shown}`")),
            (false, true) => (wanted.checks.wildcard, format!("no file fits `{shown}`")),
            (false, false) => (wanted.checks.literal, format!("`{shown}` is not there")),
        };
        let must = must || in_braces && wanted.checks.brace;
        let keyword = wanted.keyword;
        if must {
            let message = format!("{what}: nothing of this line is read");
            self.say.error(wanted.at, message, self.remedy(wanted, "put the file there"));
        } else if partly || wildcard {
            self.say.hint(wanted.at, format!("{what}, nothing is read for it"), "");
        } else {
            let message = format!("{what}: nothing is read, as in keepalived");
            let remedy = if lacking.contains(&b' ') {
                format!("write one file behind each `{keyword}`")
            } else {
                format!("write the name of a file that is there, or remove `{keyword}`")
            };
            self.say.warn(wanted.at, message, remedy);
        }
        !must
    }

    fn remedy(&self, wanted: &Wanted<'_>, first: &str) -> String {
        let own = KEYWORDS.iter().find(|(name, _)| *name == wanted.keyword);
        let by_setting = own.is_some_and(|(_, checks)| *checks != wanted.checks);
        if by_setting && wanted.keyword == "include" {
            format!("{first}, or change `include_check`")
        } else {
            format!("{first}, or write `include`, which goes on without it")
        }
    }

    fn unread(&mut self, here: &Here, path: &Path, why: &Unread, wanted: &Wanted<'_>) {
        let shown = here.show(path);
        let message = format!("{shown} {}", why.why());
        if *why == Unread::Denied {
            // keepalived goes on; here an instance would be lost because of a file's mode.
            let remedy = format!("make it readable: chown root:_vipd {shown}; chmod 0640 {shown}");
            self.say.error(wanted.at, message, remedy);
        } else if wanted.checks.readable {
            let remedy = self.remedy(wanted, "put a readable file there, mode 0640");
            self.say.error(wanted.at, message, remedy);
        } else {
            let remedy = "put a regular file without execute bits there, mode 0640";
            self.say.warn(
                wanted.at,
                format!("{message}: it is not read, as in keepalived"),
                remedy,
            );
        }
    }

    fn read_one(&mut self, here: &Here, path: &Path, bytes: &Rc<[u8]>, wanted: &Wanted<'_>) {
        if self.open.iter().any(|open| open == path)
            || self.open.len() >= FILES_DEEP
            || self.depth >= DEEPEST
        {
            self.never_ends(here, path, wanted);
            return;
        }
        let name = here.show(path);
        let known = self.read.get(path).copied();
        let (text, how) = match known {
            Some(text) => (text, How::Included(wanted.at)),
            None => {
                self.digest.mark("file", bytes);
                let text = self.say.add_text(&name, path, bytes.clone());
                self.read.insert(path.to_owned(), text);
                let plain = self.say.is_written(wanted.at.source);
                (text, if plain { How::Written } else { How::Included(wanted.at) })
            }
        };
        let source = self.say.add_source(text, how);
        let inner = Here::of(text, &name, path);
        let checks = self.checks;
        self.open.push(path.to_owned());
        self.depth = self.depth.saturating_add(1);
        self.file(&inner, bytes, source);
        self.depth = self.depth.saturating_sub(1);
        self.open.pop();
        self.checks = checks;
    }

    fn never_ends(&mut self, here: &Here, path: &Path, wanted: &Wanted<'_>) {
        let start = self.open.iter().position(|open| open == path).unwrap_or(0);
        let chain = self.open.iter().skip(start).map(PathBuf::as_path).chain([path]);
        let chain: Vec<String> = chain.map(|path| path.display().to_string()).collect();
        let message = if self.open.iter().any(|open| open == path) {
            format!("{} would be read inside itself: {}", here.show(path), chain.join(" > "))
        } else {
            format!("files are included too deeply here: {}", chain.join(" > "))
        };
        self.say.error(wanted.at, message, "remove one of these includes");
    }
}

impl Here {
    /// A path as the messages of this file show it.
    fn show(&self, path: &Path) -> String {
        match path.strip_prefix(&self.folder) {
            Ok(below) if !self.folder.as_os_str().is_empty() => {
                self.shown.join(below).display().to_string()
            }
            _ => path.display().to_string(),
        }
    }
}

fn show(pattern: &[u8]) -> String {
    OsStr::from_bytes(pattern).display().to_string()
}

fn keyword(line: &[Byte]) -> Option<(&'static str, Checks)> {
    let head = line.get(..line.len().min(9)).unwrap_or(line);
    let is_letter = |b: &&Byte| b.value.is_ascii_lowercase() && !b.quoted;
    let word: Vec<u8> = head.iter().take_while(is_letter).map(|b| b.value).collect();
    let ends = line.get(word.len()).is_none_or(|b| b.is_blank() || b.is_quote() || b.is_brace());
    let found = KEYWORDS.iter().find(|(name, _)| name.as_bytes() == word)?;
    ends.then_some(*found)
}

/// The pattern, with braces and blanks of its own, and what follows the `}` that ends it.
fn pattern(text: &[Byte]) -> (&[Byte], &[Byte]) {
    let mut depth = 0_usize;
    let ends = |byte: &Byte| {
        match byte.value {
            b'{' if !byte.quoted => depth = depth.saturating_add(1),
            b'}' if !byte.quoted && depth == 0 => return true,
            b'}' if !byte.quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        false
    };
    let end = text.iter().position(ends).unwrap_or(text.len());
    let (pattern, after) = text.split_at_checked(end).unwrap_or((text, &[]));
    (trim(pattern), after)
}
