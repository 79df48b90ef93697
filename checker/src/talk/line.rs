//! The bytes of one connection, in clear or through TLS: sends the request, receives the answer, and
//! never waits. Knows nothing of what is said.

use super::tls::{self, Trusted};
use crate::probe_file::say;
use mio::net::TcpStream;
use rustls::ClientConnection;
use std::io::{self, ErrorKind, Read, Write};
use vipd_ipc::slice::TlsSlice;

#[derive(Debug)]
pub(super) enum Line {
    /// What is still to be sent.
    Plain(Vec<u8>),
    Secret(Box<ClientConnection>),
}

impl Line {
    pub(super) fn plain(request: Vec<u8>) -> Self {
        Self::Plain(request)
    }

    /// The request waits in it until both sides have agreed on keys.
    pub(super) fn secret(
        trusted: &Trusted,
        slice: &TlsSlice,
        request: &[u8],
    ) -> Result<Self, String> {
        let mut connection = tls::connection(trusted, slice)?;
        connection.writer().write_all(request).map_err(|error| error.to_string())?;
        Ok(Self::Secret(Box::new(connection)))
    }

    pub(super) fn is_shaking_hands(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Secret(connection) => connection.is_handshaking(),
        }
    }

    /// As much as goes now.
    pub(super) fn send(&mut self, stream: &mut TcpStream) -> Result<(), String> {
        loop {
            let sent = match self {
                Self::Plain(rest) if rest.is_empty() => return Ok(()),
                Self::Plain(rest) => stream.write(rest).map(|count| {
                    rest.drain(..count.min(rest.len()));
                }),
                Self::Secret(connection) if !connection.wants_write() => return Ok(()),
                Self::Secret(connection) => {
                    connection.write_tls(&mut Piecewise(stream)).map(|_| ())
                }
            };
            match sent {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // It may have said why before it stopped listening.
                Err(error) if is_closed(&error) => return Ok(()),
                Err(error) => return Err(broke(&error)),
            }
        }
    }

    /// The next bytes of the answer: none at its end, `None` when nothing is there yet.
    pub(super) fn receive(
        &mut self,
        stream: &mut TcpStream,
        piece: &mut [u8],
    ) -> Result<Option<usize>, String> {
        loop {
            let received = match self {
                Self::Plain(_) => stream.read(piece),
                Self::Secret(connection) => match connection.reader().read(piece) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        match connection.read_tls(stream) {
                            Ok(0) if connection.is_handshaking() => {
                                return Err("it closed the connection in the TLS handshake".into());
                            }
                            Ok(_) => {
                                self.understand(stream)?;
                                continue;
                            }
                            Err(error) => Err(error),
                        }
                    }
                    // Closed without saying so; whoever counts bytes sees what is missing.
                    Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(0),
                    other => other,
                },
            };
            match received {
                Ok(length) => return Ok(Some(length)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(broke(&error)),
            }
        }
    }

    /// What TLS makes of the bytes that came. It may want to answer.
    fn understand(&mut self, stream: &mut TcpStream) -> Result<(), String> {
        let Self::Secret(connection) = self else { return Ok(()) };
        let understood = connection.process_new_packets().map(|_| ());
        let sent = self.send(stream);
        understood.map_err(|error| tls::reason(&error))?;
        sent
    }
}

/// Sends one piece at a time: to send several at once is another system call.
struct Piecewise<'a>(&'a mut TcpStream);

impl Write for Piecewise<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn broke(error: &io::Error) -> String {
    format!("the connection broke: {}", say(error))
}

fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
}
