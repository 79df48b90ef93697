//! Paper and ink: where text goes and how it is coloured. Colours only on a terminal, and not when
//! NO_COLOR is set.

use std::io::{self, IsTerminal, Stdout, Write};
use vipd_lab::{Error, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    Plain,
    Faint,
    Bold,
    Node1,
    Node2,
    Client,
    Good,
    Bad,
}

impl Ink {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Faint => "2",
            Self::Bold => "1",
            Self::Node1 => "1;36",
            Self::Node2 => "1;35",
            Self::Client => "1;33",
            Self::Good => "1;32",
            Self::Bad => "1;31",
        }
    }
}

/// The terminal, or whatever standard output is.
#[derive(Debug)]
pub(crate) struct Screen {
    out: Stdout,
    terminal: bool,
    colours: bool,
    status: bool,
}

impl Screen {
    pub(crate) fn new() -> Self {
        let out = io::stdout();
        let terminal = out.is_terminal();
        let colours = terminal && std::env::var_os("NO_COLOR").is_none();
        Self { out, terminal, colours, status: false }
    }

    /// `text` in `ink`.
    pub(crate) fn ink(&self, ink: Ink, text: &str) -> String {
        if !self.colours || ink == Ink::Plain {
            return text.to_owned();
        }
        format!("\x1b[{}m{text}\x1b[0m", ink.code())
    }

    /// One line that stays.
    pub(crate) fn line(&mut self, text: &str) -> Result<()> {
        self.clear_status()?;
        writeln!(self.out, "{text}").map_err(failed)
    }

    /// One line that is overwritten by the next; nothing when this is no terminal.
    pub(crate) fn status(&mut self, text: &str) -> Result<()> {
        if !self.terminal {
            return Ok(());
        }
        self.status = true;
        write!(self.out, "\r\x1b[K{text}").and_then(|()| self.out.flush()).map_err(failed)
    }

    pub(crate) fn clear_status(&mut self) -> Result<()> {
        if !self.status {
            return Ok(());
        }
        self.status = false;
        write!(self.out, "\r\x1b[K").and_then(|()| self.out.flush()).map_err(failed)
    }
}

fn failed(error: io::Error) -> Error {
    Error::new(format!("standard output: {error}"))
}
