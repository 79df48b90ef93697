//! The language of keepalived.conf: bytes in, checked configuration and diagnostics out. Pure: it
//! opens no file (what is included is handed to it), looks up no interface and no user.
#![forbid(unsafe_code)]

pub mod around;
mod bytes;
mod check;
pub mod config;
pub mod diagnostic;
mod digest;
mod draw;
mod explain;
mod glob;
mod keywords;
mod lex;
pub mod limits;
mod lint;
mod native;
mod places;
mod print;
mod reader;
pub mod routing;
mod say;
mod shell;
mod suggest;
mod texts;
mod tree;

pub use around::{Around, Nowhere, Unread};
pub use config::Config;
pub use diagnostic::{Diagnostic, Severity};
pub use explain::explain;
pub use keywords::instead::instead;
pub use keywords::{Context, Keyword, Served, Shape, keywords};
pub use lint::{Comparison, compare, lint};
pub use places::{Place, Places};
pub use print::print;
pub use texts::Texts;

use std::path::Path;
use std::rc::Rc;

/// What a file says, and what is to be said about it.
#[derive(Debug)]
pub struct Parsed {
    /// What was understood; must not be used if a diagnostic is an error.
    pub config: Config,
    pub places: Places,
    /// In the order of the files and their lines.
    pub diagnostics: Vec<Diagnostic>,
    /// The files that were read.
    pub texts: Texts,
    /// Of all that it was made from: two processes that see the same digest read the same.
    pub digest: u64,
}

impl Parsed {
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }
}

/// Reads the text of the file called `name`, alone in the world. Never stops at the first problem.
pub fn parse(name: &str, text: &[u8]) -> Parsed {
    parse_in(name, Path::new(name), text, &mut Nowhere::default())
}

/// Reads the text of the file at `path`, called `name` in messages, and what it includes from
/// around it.
pub fn parse_in(name: &str, path: &Path, text: &[u8], around: &mut dyn Around) -> Parsed {
    let text: Rc<[u8]> = text.into();
    let mut say = say::Say::of(name, path, text.clone(), around.vrrp_only());
    let (pieces, digest) = reader::read(name, path, &text, around, &mut say);
    let items = tree::grow(pieces, &mut say);
    let (config, held) = check::check(&items, &mut say);
    let places = places::of(&items, &held, &say);
    let (diagnostics, texts) = say.finish();
    Parsed { config, places, diagnostics, texts, digest }
}

/// Of bytes that nobody wants to look like others: FNV-1a.
pub fn digest(bytes: &[u8]) -> u64 {
    let mut digest = digest::Digest::default();
    digest.add(bytes);
    digest.value()
}
