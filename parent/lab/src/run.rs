//! Runs short programs of the host with a time limit. Must not leave one behind.

use crate::clock::wait_until;
use crate::error::{Context, Error, Result};
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

/// Long enough for the slowest tool on a busy machine.
pub const TOOL_LIMIT: Duration = Duration::from_secs(60);

/// What a program that ended has said.
#[derive(Debug, Clone)]
pub struct Output {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    pub fn ok(&self) -> bool {
        self.status.success()
    }
}

/// Runs `command` with `input` on its standard input.
///
/// # Errors
/// When it cannot be started or does not end within `limit` (it is killed then). A failure of the
/// program itself is not an error here.
pub fn output(mut command: Command, input: &str, limit: Duration) -> Result<Output> {
    let name = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .during(&name)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input is not thereby wrong.
        drop(stdin.write_all(input.as_bytes()));
    }
    let stdout = child.stdout.take().map(collect);
    let stderr = child.stderr.take().map(collect);
    let status = status_within(&mut child, limit).during(&name)?;
    let text = |reader: Option<thread::JoinHandle<Vec<u8>>>| {
        let bytes = reader.and_then(|reader| reader.join().ok()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    Ok(Output { status, stdout: text(stdout), stderr: text(stderr) })
}

/// Runs a tool that must succeed; returns what it printed.
///
/// # Errors
/// As [`output`], and when the exit status is not 0: with what it wrote to standard error.
pub fn tool(program: &str, arguments: &[&str], input: &str) -> Result<String> {
    let mut command = Command::new(program);
    command.args(arguments);
    let result = output(command, input, TOOL_LIMIT)?;
    if result.ok() {
        return Ok(result.stdout);
    }
    let said = result.stderr.trim();
    Err(Error::new(format!("{program} {}: {said} ({})", arguments.join(" "), result.status)))
}

/// Waits for the end of `child`; kills it when `limit` has passed.
///
/// # Errors
/// When it had to be killed.
pub fn status_within(child: &mut Child, limit: Duration) -> Result<ExitStatus> {
    let mut status = None;
    let waited = wait_until(limit, "the end of the program", || {
        status = child.try_wait().ok().flatten();
        status.is_some()
    });
    match (status, waited) {
        (Some(status), _) => Ok(status),
        (None, waited) => {
            drop(child.kill());
            drop(child.wait());
            waited?;
            Err(Error::new("its exit status cannot be read"))
        }
    }
}

fn collect(mut from: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        drop(from.read_to_end(&mut bytes));
        bytes
    })
}
