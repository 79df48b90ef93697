//! A body in chunks (RFC 9112 7.1), as its bytes come: says which of them are the body's. Keeps no
//! more than one line.

/// Longest line between chunks: a size with its extensions, or a trailer.
const LINE_MAX: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Chunks {
    at: At,
    line: Vec<u8>,
}

#[derive(Debug, Default)]
enum At {
    #[default]
    Size,
    /// With so much of the chunk to come.
    Data(u64),
    /// The line end behind the chunk.
    After,
    Trailer,
    End,
}

impl Chunks {
    /// The pieces of the body in `bytes`, and whether it is over.
    pub(super) fn take<'a>(
        &mut self,
        mut bytes: &'a [u8],
    ) -> Result<(Vec<&'a [u8]>, bool), String> {
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            if let At::Data(left) = &mut self.at {
                let most = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                let (piece, rest) = bytes.split_at_checked(most).unwrap_or((bytes, &[]));
                *left = left.saturating_sub(u64::try_from(piece.len()).unwrap_or(u64::MAX));
                pieces.push(piece);
                bytes = rest;
                if *left == 0 {
                    self.at = At::After;
                }
                continue;
            }
            if matches!(self.at, At::End) {
                break;
            }
            let end = bytes.iter().position(|b| *b == b'\n').map(|end| end.saturating_add(1));
            let (part, rest) =
                bytes.split_at_checked(end.unwrap_or(bytes.len())).unwrap_or((bytes, &[]));
            bytes = rest;
            self.line.extend_from_slice(part);
            if self.line.len() > LINE_MAX {
                return Err("a line between chunks of the body is longer than 4 KiB".to_owned());
            }
            if end.is_some() {
                self.at = self.next()?;
                self.line.clear();
            }
        }
        Ok((pieces, matches!(self.at, At::End)))
    }

    /// The line is whole.
    fn next(&self) -> Result<At, String> {
        let is_blank = self.line.iter().all(u8::is_ascii_whitespace);
        match self.at {
            At::Size => match httparse::parse_chunk_size(&self.line) {
                Ok(httparse::Status::Complete((_, 0))) => Ok(At::Trailer),
                Ok(httparse::Status::Complete((_, size))) => Ok(At::Data(size)),
                Ok(httparse::Status::Partial) | Err(_) => {
                    Err("the body has a chunk without a size".to_owned())
                }
            },
            At::After if is_blank => Ok(At::Size),
            At::After => Err("a chunk of the body is longer than it says".to_owned()),
            At::Trailer if is_blank => Ok(At::End),
            At::Trailer => Ok(At::Trailer),
            At::Data(_) | At::End => Ok(At::End),
        }
    }
}
