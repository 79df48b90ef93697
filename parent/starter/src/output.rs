//! What a check prints: the first of it is kept to be shown when it has failed, the rest is read and
//! dropped, so that a script that prints without end waits for nobody and fills nothing.

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::{pipe2, read};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// So much is kept, in bytes.
const KEPT: usize = 240;
/// Reads in one turn: others are waiting, too.
const READS: usize = 16;

#[derive(Debug)]
pub(crate) struct Output {
    from: OwnedFd,
    kept: Vec<u8>,
    /// There was more when the turn was over.
    more: bool,
}

impl Output {
    /// And the end for the script to write to.
    pub(crate) fn new() -> Result<(Self, OwnedFd), Errno> {
        let (from, to) = pipe2(OFlag::O_CLOEXEC)?;
        nix::fcntl::fcntl(&from, nix::fcntl::FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok((Self { from, kept: Vec::new(), more: false }, to))
    }

    pub(crate) fn raw(&self) -> RawFd {
        self.from.as_raw_fd()
    }

    pub(crate) fn has_more(&self) -> bool {
        self.more
    }

    pub(crate) fn listen(&mut self) {
        let mut buffer = [0; 4096];
        for _ in 0..READS {
            match read(&self.from, &mut buffer) {
                Ok(length) if length > 0 => {
                    let room = KEPT.saturating_sub(self.kept.len()).min(length);
                    self.kept.extend_from_slice(buffer.get(..room).unwrap_or(&[]));
                }
                Ok(_) | Err(_) => {
                    self.more = false;
                    return;
                }
            }
        }
        self.more = true;
    }

    /// One line for people: the lines that are not empty, with nothing in them that a terminal acts
    /// upon.
    pub(crate) fn text(mut self) -> String {
        self.listen();
        let text = String::from_utf8_lossy(&self.kept);
        let clean = |line: &str| -> String {
            line.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
        };
        let lines: Vec<String> = text.lines().map(clean).filter(|line| !line.is_empty()).collect();
        lines.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Write;

    #[test]
    fn the_first_lines_are_one() {
        let (output, to) = Output::new().unwrap();
        File::from(to).write_all(b"\n no \x1b[1mserver\r\n\nat 10.0.0.1\n").unwrap();
        assert_eq!(output.text(), "no  [1mserver; at 10.0.0.1");
    }

    #[test]
    fn much_is_read_and_little_is_kept() {
        let (mut output, to) = Output::new().unwrap();
        let mut to = File::from(to);
        for _ in 0..10 {
            to.write_all(&[b'x'; 60_000]).unwrap();
            output.listen();
            assert!(!output.has_more());
        }
        drop(to);
        assert_eq!(output.text().len(), KEPT);
    }
}
