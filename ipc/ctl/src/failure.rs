//! Why vipctl did not do what it was asked, and the exit code that scripts see.

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The command line is wrong.
    Usage(String),
    /// vipd said no, or something that vipctl does not understand.
    Refused(String),
    /// Nobody answers at the socket.
    Absent(String),
    /// This user may not ask that.
    Forbidden(String),
}

impl Failure {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) => 1,
            Self::Usage(_) => 2,
            Self::Absent(_) => 3,
            Self::Forbidden(_) => 4,
        }
    }

    /// May have several lines, or none when everything was said already.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Usage(text)
            | Self::Refused(text)
            | Self::Absent(text)
            | Self::Forbidden(text) => text,
        }
    }

    /// The same exit code without words: the answer itself was printed.
    pub(crate) fn silent(self) -> Self {
        match self {
            Self::Usage(_) => Self::Usage(String::new()),
            Self::Refused(_) => Self::Refused(String::new()),
            Self::Absent(_) => Self::Absent(String::new()),
            Self::Forbidden(_) => Self::Forbidden(String::new()),
        }
    }
}
