//! Messages to bytes and back. The only file that names bincode, so that the codec can be
//! exchanged in a day. Fixed-width integers (one form per value, but for a `Duration` whose
//! nanoseconds carry), a size limit that a length prefix cannot escape, and no surplus bytes.

use crate::msg::Message;
use bincode::config::{Configuration, Fixint, Limit, LittleEndian};

/// Longest message, in bytes.
pub const MESSAGE_MAX: usize = 8192;

const CONFIG: Configuration<LittleEndian, Fixint, Limit<MESSAGE_MAX>> =
    bincode::config::standard().with_fixed_int_encoding().with_limit::<MESSAGE_MAX>();

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodecError {
    /// Does not fit into a message; nothing was written.
    TooLong,
    /// Not a message of this direction.
    Malformed,
    /// A message, and then more.
    Surplus,
    /// A message with a text or a list longer than an honest peer sends.
    Unbounded,
}

impl std::fmt::Display for CodecError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::TooLong => "message too long",
            Self::Malformed => "malformed message",
            Self::Surplus => "surplus bytes after a message",
            Self::Unbounded => "text or list in a message too long",
        })
    }
}

impl std::error::Error for CodecError {}

/// Writes `message` into `buffer` and returns the used part.
pub fn encode<'b, M: Message>(message: &M, buffer: &'b mut [u8]) -> Result<&'b [u8], CodecError> {
    let used = bincode::serde::encode_into_slice(message, buffer, CONFIG)
        .map_err(|_| CodecError::TooLong)?;
    buffer.get(..used).ok_or(CodecError::TooLong)
}

pub fn decode<M: Message>(bytes: &[u8]) -> Result<M, CodecError> {
    let (message, used) = bincode::serde::decode_from_slice::<M, _>(bytes, CONFIG)
        .map_err(|_| CodecError::Malformed)?;
    if used != bytes.len() {
        return Err(CodecError::Surplus);
    }
    if message.is_bounded() { Ok(message) } else { Err(CodecError::Unbounded) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msg::{EngineToParent, Level};
    use vipd_types::{Epoch, InstanceId, Instant};

    fn bytes(message: &EngineToParent) -> Vec<u8> {
        encode(message, &mut [0; MESSAGE_MAX]).unwrap().to_vec()
    }

    #[test]
    fn what_is_sent_arrives() {
        let all = [
            EngineToParent::Acquire { instance: InstanceId(7), epoch: Epoch(u64::MAX) },
            EngineToParent::Log { level: Level::Warning, text: "a\nb".into() },
            EngineToParent::Alive {
                at: Instant::from_nanos(5),
                advertised: vec![InstanceId(1), InstanceId(2)],
            },
        ];
        for message in all {
            assert_eq!(decode::<EngineToParent>(&bytes(&message)), Ok(message));
        }
    }

    #[test]
    fn every_prefix_and_every_surplus_byte_is_refused() {
        let good = bytes(&EngineToParent::Log { level: Level::Info, text: "hello".into() });
        for n in 0..good.len() {
            assert!(decode::<EngineToParent>(&good[..n]).is_err(), "prefix of {n}");
        }
        let mut longer = good;
        longer.push(0);
        assert_eq!(decode::<EngineToParent>(&longer), Err(CodecError::Surplus));
    }

    #[test]
    fn a_length_prefix_cannot_escape_the_limit() {
        // Log { level: Info, text } with a claimed length of 2^40 bytes.
        let mut forged = vec![1, 0, 0, 0, 2, 0, 0, 0];
        forged.extend_from_slice(&(1u64 << 40).to_le_bytes());
        assert_eq!(decode::<EngineToParent>(&forged), Err(CodecError::Malformed));
    }

    #[test]
    fn text_is_bounded() {
        let long = EngineToParent::Log { level: Level::Info, text: "x".repeat(1025) };
        assert_eq!(decode::<EngineToParent>(&bytes(&long)), Err(CodecError::Unbounded));
    }
}
