//! What can be proved of a configuration beyond its language: of one file, and of the files of two
//! nodes together. Pure; a finding is a diagnostic like those of the parser.

mod match_up;
mod pair;
mod single;
mod transport;
mod weigh;

use crate::config::{Config, Instance, Target};
use crate::diagnostic::{Diagnostic, Severity, printable};
use crate::places::{Block, Place};
use crate::{Parsed, check};

/// What two files say together.
#[derive(Debug, Default)]
pub struct Comparison {
    pub diagnostics: Vec<Diagnostic>,
    /// What was proved and is as it should be, a line each.
    pub facts: Vec<String>,
}

/// Of a file without errors.
pub fn lint(parsed: &Parsed) -> Vec<Diagnostic> {
    let mut found = Findings::default();
    for router in routers(parsed) {
        single::check(&router, &mut found);
    }
    found.sorted()
}

/// Of the files of two nodes, both without errors.
pub fn compare(ours: &Parsed, theirs: &Parsed) -> Comparison {
    let mut found = Findings::default();
    match_up::check(&routers(ours), &routers(theirs), &mut found);
    let facts = std::mem::take(&mut found.facts);
    Comparison { diagnostics: found.sorted(), facts }
}

/// An instance, where it stands, and what it refers to.
#[derive(Clone, Copy)]
struct Router<'a> {
    config: &'a Config,
    i: &'a Instance,
    block: &'a Block,
}

fn routers(parsed: &Parsed) -> Vec<Router<'_>> {
    let config = &parsed.config;
    let block = |i: &Instance| parsed.places.block("vrrp_instance", i.name.as_bytes());

    let all = config.instances.iter().filter_map(|i| Some(Router { config, i, block: block(i)? }));
    all.collect()
}

impl<'a> Router<'a> {
    fn name(&self) -> String {
        self.i.name.escape_debug().to_string()
    }

    /// The line of the first keyword that there is, else the name of the instance.
    fn near(&self, keywords: &[&str]) -> &'a Place {
        self.block.near(keywords)
    }

    fn target(&self, target: Target) -> String {
        let name = match target {
            Target::Script(id) => {
                self.config.scripts.get(usize::from(id.0)).map(|s| s.name.clone())
            }
            Target::Process(id) => {
                self.config.processes.get(usize::from(id.0)).map(|p| p.name.clone())
            }
            Target::File(id) => self.config.files.get(usize::from(id.0)).map(|f| f.name.clone()),
            Target::Check(id) => self.config.checks.get(usize::from(id.0)).map(|c| c.name.clone()),
            Target::Interface(name) => Some(name.to_string()),
        };
        name.unwrap_or_default()
    }

    /// Where the target is tracked; in a group of the instance, that is the name of the instance.
    fn tracked_at(&self, target: Target) -> &'a Place {
        let list = match target {
            Target::Script(_) | Target::Check(_) => "track_script",
            Target::File(_) => "track_file",
            Target::Process(_) => "track_process",
            Target::Interface(_) => "track_interface",
        };
        self.block.item(list, self.target(target).as_bytes()).unwrap_or(&self.block.at)
    }
}

#[derive(Default)]
struct Findings {
    list: Vec<Diagnostic>,
    facts: Vec<String>,
}

impl Findings {
    fn warn(&mut self, at: &Place, message: String, remedy: &str) {
        self.add(Severity::Warning, at, &message, remedy);
    }

    fn hint(&mut self, at: &Place, message: String, remedy: &str) {
        self.add(Severity::Hint, at, &message, remedy);
    }

    fn add(&mut self, severity: Severity, at: &Place, message: &str, remedy: &str) {
        self.list.push(Diagnostic {
            severity,
            file: at.file.to_string(),
            text: at.text,
            line: at.line,
            column: at.column,
            length: at.length,
            message: printable(message.as_bytes()),
            origin: None,
            remedy: Some(printable(remedy.as_bytes())).filter(|text| !text.is_empty()),
        });
    }

    fn fact(&mut self, text: &str) {
        self.facts.push(printable(text.as_bytes()));
    }

    /// File after file, each in its order.
    fn sorted(self) -> Vec<Diagnostic> {
        let mut list = self.list;
        let first = list.first().map(|d| d.file.clone());
        list.sort_by_key(|d| (Some(&d.file) != first.as_ref(), d.text, d.line, d.column));
        list
    }
}

/// `at` for a message about the other file.
fn there(at: &Place) -> String {
    format!("{}:{}", at.file, at.line)
}

fn seconds(time: std::time::Duration) -> String {
    check::value::show_seconds(time)
}
