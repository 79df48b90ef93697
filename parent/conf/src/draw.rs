//! A diagnostic as people see it: the line of the file, the place underlined, the remedy. Costs
//! the same for every place of a file, however long the line is.

use crate::diagnostic::{Diagnostic, Severity, printable};
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use std::ops::Range;

/// Of a line that is longer, so much is shown before and behind the beginning of the place.
const BEFORE: usize = 200;
const BEHIND: usize = 400;

pub(crate) fn draw(diagnostic: &Diagnostic, line: &[u8], colour: bool) -> String {
    let (shown, span) = shown(diagnostic, line);
    let level = match diagnostic.severity {
        Severity::Hint => Level::NOTE.with_name("hint"),
        Severity::Warning => Level::WARNING,
        Severity::Error => Level::ERROR,
    };
    let place = Snippet::source(shown)
        .line_start(diagnostic.line)
        .path(diagnostic.file.as_str())
        .annotation(AnnotationKind::Primary.span(span));
    let mut group = level.primary_title(diagnostic.message.as_str()).element(place);
    if let Some(origin) = &diagnostic.origin {
        group = group.element(Level::NOTE.message(origin.as_str()));
    }
    if let Some(remedy) = &diagnostic.remedy {
        group = group.element(Level::HELP.message(remedy.as_str()));
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group])
}

/// The line as text that a terminal may show, and where in it the place is.
fn shown(diagnostic: &Diagnostic, line: &[u8]) -> (String, Range<usize>) {
    let start = diagnostic.column.saturating_sub(1).min(line.len());
    let last = start.saturating_add(BEHIND).min(line.len());
    let end = start.saturating_add(diagnostic.length).min(last);
    let first = start.saturating_sub(BEFORE);
    let part = |range: Range<usize>| printable(line.get(range).unwrap_or(&[]));
    let mut shown = String::new();
    if first > 0 {
        shown.push('…');
    }
    shown.push_str(&part(first..start));
    let from = shown.len();
    shown.push_str(&part(start..end));
    let to = shown.len();
    shown.push_str(&part(end..last));
    if last < line.len() {
        shown.push('…');
    }
    (shown, from..to)
}
