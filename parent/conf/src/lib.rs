//! The language of keepalived.conf: bytes in, checked configuration and diagnostics out. Pure: it
//! opens no file, looks up no interface and no user.
#![forbid(unsafe_code)]

mod check;
pub mod config;
pub mod diagnostic;
mod explain;
mod keywords;
mod lex;
pub mod limits;
mod lint;
mod native;
mod places;
mod print;
mod shell;
mod suggest;
mod tree;

pub use config::Config;
pub use diagnostic::{Diagnostic, Severity};
pub use explain::explain;
pub use keywords::instead::instead;
pub use keywords::{Context, Keyword, Served, Shape, keywords};
pub use lint::{Comparison, compare, lint};
pub use places::{Place, Places};
pub use print::print;

/// What a file says, and what is to be said about it.
#[derive(Debug)]
pub struct Parsed {
    /// What was understood; must not be used if a diagnostic is an error.
    pub config: Config,
    pub places: Places,
    /// In the order of the file.
    pub diagnostics: Vec<Diagnostic>,
    /// Of the bytes read: two processes that see the same digest read the same file.
    pub digest: u64,
}

impl Parsed {
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }
}

/// How a file is to be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// What belongs to keepalived's balancer half is skipped with a warning, and no error.
    pub vrrp_only: bool,
}

/// Reads the text of the file called `name`. Never stops at the first problem.
pub fn parse(name: &str, text: &[u8]) -> Parsed {
    parse_with(name, text, Options::default())
}

pub fn parse_with(name: &str, text: &[u8], options: Options) -> Parsed {
    let mut say = diagnostic::Say::new(name, options.vrrp_only);
    let pieces = lex::lex(text, &mut say);
    let items = tree::grow(pieces, &mut say);
    let config = check::check(&items, &mut say);
    let places = places::of(&items, &say);
    Parsed { config, places, diagnostics: say.finish(), digest: digest(text) }
}

/// FNV-1a. Guards against accidents, not against someone who wants two files to look the same.
pub fn digest(text: &[u8]) -> u64 {
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_fnv_1a() {
        assert_eq!(digest(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(digest(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
