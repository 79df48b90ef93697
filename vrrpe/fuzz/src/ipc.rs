//! Target: a datagram on any channel. Decoding is total and bounded; what is decoded is what was
//! sent, byte for byte, but for one thing: nanoseconds of a `Duration` may carry.

use vipd_ipc::codec::{CodecError, MESSAGE_MAX, decode, encode};
use vipd_ipc::msg::{
    CheckerToEngine, CheckerToParent, EngineToChecker, EngineToParent, Message, ParentToChecker,
    ParentToEngine, ParentToStarter, StarterToParent,
};

/// One per direction. The first byte of an input, modulo their number, says which is read.
pub const DIRECTIONS: [fn(&[u8]); 8] = [
    message::<EngineToParent>,
    message::<ParentToEngine>,
    message::<CheckerToParent>,
    message::<ParentToChecker>,
    message::<CheckerToEngine>,
    message::<EngineToChecker>,
    message::<ParentToStarter>,
    message::<StarterToParent>,
];

pub fn run(input: &[u8]) {
    let Some((which, datagram)) = input.split_first() else { return };
    if let Some(direction) = DIRECTIONS.get(usize::from(*which) % DIRECTIONS.len()) {
        direction(datagram);
    }
}

fn message<M: Message + PartialEq + std::fmt::Debug>(datagram: &[u8]) {
    let Ok(message) = decode::<M>(datagram) else { return };
    assert!(message.is_bounded());
    let longer = [datagram, &[0]].concat();
    assert_eq!(decode::<M>(&longer), Err(CodecError::Surplus));
    if let Some((_, shorter)) = datagram.split_last() {
        assert!(decode::<M>(shorter).is_err(), "{message:?}");
    }
    let mut buffer = [0; MESSAGE_MAX];
    let again = encode(&message, &mut buffer).unwrap();
    assert_eq!(again, carried(datagram, again), "{message:?}");
    assert_eq!(decode::<M>(again), Ok(message));
}

/// `datagram` with every `Duration` that differs in `again` in the form that is sent.
fn carried(datagram: &[u8], again: &[u8]) -> Vec<u8> {
    let mut bytes = datagram.to_vec();
    while let Some(at) = bytes.iter().zip(again).position(|(a, b)| a != b) {
        let mut starts = at.saturating_sub(11)..=at;
        let carries = |start: &usize| carry(bytes.get(*start..)?).map(|twelve| (*start, twelve));
        let found = starts.find_map(|start| {
            carries(&start).filter(|(_, twelve)| again.get(start..start + 12) == Some(twelve))
        });
        let Some((start, twelve)) = found else { break };
        bytes[start..start + 12].copy_from_slice(&twelve);
    }
    bytes
}

/// Seconds and nanoseconds, if these are a second or more.
fn carry(bytes: &[u8]) -> Option<[u8; 12]> {
    let (secs, rest) = bytes.split_first_chunk::<8>()?;
    let nanos = u32::from_le_bytes(*rest.first_chunk::<4>()?);
    let secs = u64::from_le_bytes(*secs).checked_add(u64::from(nanos / 1_000_000_000))?;
    let mut twelve = [0; 12];
    twelve[..8].copy_from_slice(&secs.to_le_bytes());
    twelve[8..].copy_from_slice(&(nanos % 1_000_000_000).to_le_bytes());
    (nanos >= 1_000_000_000).then_some(twelve)
}
