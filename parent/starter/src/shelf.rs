//! The configuration file and the books made of it: the one in force and the one that waits for
//! Commit. Reads the file itself; runs nothing.

use crate::book::Book;
use crate::disk::{Disk, FILE_MAX};
use nix::fcntl::OFlag;
use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use vipd_conf::{Parsed, Severity};
use vipd_types::Generation;

/// Former configurations whose notify commands can still be run: an instance that a reload removes
/// is told of afterwards, and what it has queued may take its time.
const FORMER: usize = 4;

#[derive(Debug)]
pub(crate) struct Shelf {
    file: PathBuf,
    around: Disk,
    pub(crate) may_switch: bool,
    /// What scripts of root keep, by the first configuration: what was given up does not come back.
    pub(crate) capabilities: Vec<&'static str>,
    /// What the file said when this process started: it and the parent read it at the same time.
    at_start: Option<Parsed>,
    staged: Option<Book>,
    in_force: Option<Book>,
    former: VecDeque<Book>,
}

impl Shelf {
    pub(crate) fn new(file: PathBuf, mut around: Disk) -> Self {
        let at_start = read(&file, &mut around).ok();
        let asked =
            at_start.as_ref().map(|parsed| parsed.config.globals.script_capabilities.clone());
        Self {
            file,
            around,
            may_switch: false,
            capabilities: asked.unwrap_or_default(),
            at_start,
            staged: None,
            in_force: None,
            former: VecDeque::new(),
        }
    }

    /// The error says why for people; the book in force stays.
    pub(crate) fn stage(&mut self, generation: Generation, digest: u64) -> Result<(), String> {
        self.staged = None;
        let parsed = match self.at_start.take().filter(|parsed| parsed.digest == digest) {
            Some(parsed) => parsed,
            None => read(&self.file, &mut self.around)?,
        };
        // First: it may be why the digests differ.
        if let Some(first) = parsed.diagnostics.iter().find(|d| d.severity == Severity::Error) {
            return Err(first.to_line());
        }
        if parsed.digest != digest {
            let others =
                if parsed.texts.paths().nth(1).is_some() { ", or what it includes," } else { "" };
            return Err(format!("{}{others} has changed meanwhile", self.file.display()));
        }
        let more = &parsed.config.globals.script_capabilities;
        if let Some(name) = more.iter().find(|name| !self.capabilities.contains(name)) {
            return Err(format!(
                "script_capabilities: {name} was given up at the start; restart vipd to have it"
            ));
        }
        let book = Book::write(generation, &parsed.config, self.may_switch);
        self.staged = Some(book);
        Ok(())
    }

    /// False if nothing of that number is staged.
    pub(crate) fn commit(&mut self, generation: Generation) -> bool {
        match self.staged.take().filter(|book| book.generation == generation) {
            Some(book) => {
                book.warnings().for_each(|warning| log::warn!("{warning}"));
                self.former.extend(self.in_force.replace(book));
                while self.former.len() > FORMER {
                    self.former.pop_front();
                }
                true
            }
            None => false,
        }
    }

    pub(crate) fn abort(&mut self) {
        self.staged = None;
    }

    pub(crate) fn in_force(&mut self) -> Option<&mut Book> {
        self.in_force.as_mut()
    }

    /// In force, or not for long enough to be forgotten.
    pub(crate) fn book(&mut self, generation: Generation) -> Option<&mut Book> {
        let books = self.in_force.iter_mut().chain(&mut self.former);
        books.into_iter().find(|book| book.generation == generation)
    }
}

fn read(file: &Path, around: &mut Disk) -> Result<Parsed, String> {
    let because = |error: std::io::Error| format!("{}: {error}", file.display());
    let mut text = Vec::new();
    // A FIFO in its place must not hold us up.
    let flags = (OFlag::O_NONBLOCK | OFlag::O_CLOEXEC).bits();
    let open = File::options().read(true).custom_flags(flags).open(file).map_err(because)?;
    open.take(FILE_MAX).read_to_end(&mut text).map_err(because)?;
    Ok(vipd_conf::parse_in(&file.to_string_lossy(), file, &text, around))
}
