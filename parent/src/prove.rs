//! What `-t` finds: what is said of the file, of the file of another node, and of the two together.
//! Also in the form for programs. Decides nothing and prints nothing.

use crate::args::Args;
use crate::load::{self, LoadError, Loaded};
use std::fmt::Write;
use vipd_conf::{Diagnostic, Severity, Texts};

pub(crate) struct Proved {
    pub(crate) loaded: Loaded,
    peer: Option<Loaded>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// What was shown to be right, a line each.
    pub(crate) facts: Vec<String>,
}

impl Proved {
    pub(crate) fn read(args: &Args) -> Result<Self, LoadError> {
        let mut around = load::around(args);
        let mut read = |file| load::read(file, args.identity, &mut around);
        let loaded = read(&args.file)?;
        let peer = args.peer.as_deref().map(read).transpose()?;
        let mut proved = Self {
            diagnostics: loaded.parsed.diagnostics.clone(),
            loaded,
            peer,
            facts: Vec::new(),
        };
        proved.prove();
        Ok(proved)
    }

    /// Of files with errors there is nothing to prove.
    fn prove(&mut self) {
        if !self.loaded.parsed.has_errors() {
            self.diagnostics.extend(vipd_conf::lint(&self.loaded.parsed));
            self.diagnostics.sort_by_key(|d| (d.text, d.line, d.column));
        }
        let Some(peer) = &self.peer else { return };
        let loud = peer.parsed.diagnostics.iter().filter(|d| d.severity > Severity::Hint);
        self.diagnostics.extend(loud.cloned());
        if !self.loaded.parsed.has_errors() && !peer.parsed.has_errors() {
            let comparison = vipd_conf::compare(&self.loaded.parsed, &peer.parsed);
            self.diagnostics.extend(comparison.diagnostics);
            self.facts = comparison.facts;
        }
    }

    pub(crate) fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|d| d.severity == severity).count()
    }

    /// The texts in which the diagnostic has its place.
    pub(crate) fn texts_of(&self, diagnostic: &Diagnostic) -> &Texts {
        let texts = &self.loaded.parsed.texts;
        let others = self.peer.as_ref().map(|peer| &peer.parsed.texts);
        others.filter(|_| !texts.have(diagnostic)).unwrap_or(texts)
    }

    /// One line, as vipd(8) has it.
    pub(crate) fn json(&self) -> String {
        let mut out = format!("{{\"version\":1,\"file\":{}", quoted(&self.loaded.name));
        let peer = self.peer.as_ref().map_or("null".to_owned(), |peer| quoted(&peer.name));
        let [errors, warnings, hints] =
            [Severity::Error, Severity::Warning, Severity::Hint].map(|level| self.count(level));
        let instances = self.loaded.parsed.config.instances.len();
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            ",\"peer\":{peer},\"instances\":{instances},\"errors\":{errors},\"warnings\":{warnings},\
             \"hints\":{hints},\"diagnostics\":["
        );
        for (index, d) in self.diagnostics.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let remedy = d.remedy.as_deref().map_or("null".to_owned(), quoted);
            let _ = write!(
                out,
                "{comma}{{\"severity\":\"{}\",\"file\":{},\"line\":{},\"column\":{},\"length\":{},\
                 \"message\":{},\"remedy\":{remedy}}}",
                d.severity.name(),
                quoted(&d.file),
                d.line,
                d.column,
                d.length,
                quoted(&d.message)
            );
        }
        let facts: Vec<String> = self.facts.iter().map(|fact| quoted(fact)).collect();
        let _ = writeln!(out, "],\"facts\":[{}]}}", facts.join(","));
        out
    }
}

/// A JSON string (RFC 8259 7).
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn any_text_is_a_json_string() {
        assert_eq!(quoted("a\"b\\c\n\u{7f}é"), "\"a\\\"b\\\\c\\u000a\\u007fé\"");
    }
}
