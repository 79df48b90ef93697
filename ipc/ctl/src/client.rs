//! Exchanges on the control socket: a line out, a line back, or lines as long as vipd has them; all
//! bounded, the first within a time limit. It does not look into the answer.

use crate::failure::Failure;
use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result as IoResult, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

pub(crate) const SHOW_LIMIT: Duration = Duration::from_secs(5);
/// vipd itself gives up on a reload after a minute.
pub(crate) const RELOAD_LIMIT: Duration = Duration::from_secs(65);
/// Longest answer, in bytes.
const ANSWER_MAX: u64 = 16 << 20;

/// Returns the answer with its newline.
///
/// The exchange runs in a thread of its own, because connecting to a socket whose queue is full
/// blocks and has no time limit. An exchange that overruns ends with the process.
pub(crate) fn ask(socket: &Path, request: &str, limit: Duration) -> Result<Vec<u8>, Failure> {
    let (to_main, from_thread) = sync_channel(1);
    let (path, line) = (socket.to_owned(), format!("{request}\n"));
    let exchange = move || {
        // Main is gone only if it has given up.
        let _ = to_main.send(exchange(&path, &line));
    };
    std::thread::Builder::new()
        .spawn(exchange)
        .map_err(|error| Failure::Refused(format!("cannot start a thread: {error}")))?;
    match from_thread.recv_timeout(limit) {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(explain(&error, socket)),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            let (path, seconds) = (socket.display(), limit.as_secs());
            Err(Failure::Absent(format!("vipd did not answer within {seconds} s at {path}")))
        }
    }
}

/// Hands each line of a lasting answer to `each`, until it returns false or vipd ends.
pub(crate) fn listen(
    socket: &Path,
    request: &str,
    mut each: impl FnMut(&[u8]) -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let begin = || -> IoResult<UnixStream> {
        let mut stream = UnixStream::connect(socket)?;
        stream.write_all(format!("{request}\n").as_bytes())?;
        stream.set_read_timeout(Some(SHOW_LIMIT))?;
        Ok(stream)
    };
    let mut lines = BufReader::new(begin().map_err(|error| explain(&error, socket))?);
    loop {
        let mut line = Vec::new();
        let read = (&mut lines).take(ANSWER_MAX).read_until(b'\n', &mut line);
        read.map_err(|error| explain(&error, socket))?;
        if line.last() != Some(&b'\n') {
            return Err(explain(&Error::from(ErrorKind::UnexpectedEof), socket));
        }
        if !each(&line)? {
            return Ok(());
        }
        // Only the first answer is owed in time.
        lines.get_ref().set_read_timeout(None).map_err(|error| explain(&error, socket))?;
    }
}

fn exchange(socket: &Path, line: &str) -> IoResult<Vec<u8>> {
    let mut stream = UnixStream::connect(socket)?;
    // A daemon that refuses the client before reading may have answered and closed already.
    let sent = stream.write_all(line.as_bytes());
    let mut answer = Vec::new();
    BufReader::new(stream.take(ANSWER_MAX)).read_until(b'\n', &mut answer)?;
    if answer.last() == Some(&b'\n') {
        return Ok(answer);
    }
    sent?;
    Err(if u64::try_from(answer.len()).is_ok_and(|length| length >= ANSWER_MAX) {
        Error::from(ErrorKind::FileTooLarge)
    } else {
        Error::from(ErrorKind::UnexpectedEof)
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "ErrorKind is open-ended")]
fn explain(error: &Error, socket: &Path) -> Failure {
    let path = socket.display();
    match error.kind() {
        ErrorKind::NotFound => {
            Failure::Absent(format!("vipd is not running (no socket at {path})"))
        }
        ErrorKind::ConnectionRefused => {
            Failure::Absent(format!("vipd is not running (nobody listens at {path})"))
        }
        ErrorKind::PermissionDenied => Failure::Forbidden(format!(
            "not permitted to use {path}: you need to be in group vipctl or root"
        )),
        ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => {
            Failure::Absent(format!("vipd closed the connection at {path}"))
        }
        ErrorKind::FileTooLarge => {
            Failure::Refused(format!("the answer is longer than {} MiB", ANSWER_MAX >> 20))
        }
        ErrorKind::InvalidInput => Failure::Usage(format!("{path} cannot be a socket: {error}")),
        _ => Failure::Absent(format!("cannot talk to vipd at {path}: {error}")),
    }
}
