//! The language of keepalived.conf: bytes in, checked configuration and diagnostics out. Pure: it
//! opens no file, looks up no interface and no user.
#![forbid(unsafe_code)]

pub mod config;
pub mod diagnostic;

pub use config::Config;
pub use diagnostic::{Diagnostic, Severity};

/// What a file says, and what is to be said about it.
#[derive(Debug)]
pub struct Parsed {
    /// What was understood; must not be used if a diagnostic is an error.
    pub config: Config,
    pub diagnostics: Vec<Diagnostic>,
    /// Of the bytes read: two processes that see the same digest read the same file.
    pub digest: u64,
}

impl Parsed {
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }
}

/// Reads the text of the file called `name`. Never stops at the first problem.
pub fn parse(name: &str, text: &[u8]) -> Parsed {
    let _ = (name, text);
    Parsed { config: Config::default(), diagnostics: Vec::new(), digest: 0 }
}
pub fn print(_c: &Config) -> Vec<u8> { Vec::new() }
