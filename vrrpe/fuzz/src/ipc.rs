//! Target: a datagram on any channel. Decoding is total and bounded; what is decoded is what was
//! sent, byte for byte, except that a `Duration` has a second form in which its nanoseconds carry:
//! only the parent sends any.

use vipd_ipc::codec::{CodecError, MESSAGE_MAX, decode, encode};
use vipd_ipc::msg::{
    CheckerToEngine, CheckerToParent, EngineToChecker, EngineToParent, Message, ParentToChecker,
    ParentToEngine, ParentToStarter, StarterToParent,
};

/// One per direction. The first byte of an input, modulo their number, says which is read.
pub const DIRECTIONS: [fn(&[u8]); 8] = [
    exact::<EngineToParent>,
    of_parent::<ParentToEngine>,
    exact::<CheckerToParent>,
    of_parent::<ParentToChecker>,
    exact::<CheckerToEngine>,
    exact::<EngineToChecker>,
    exact::<ParentToStarter>,
    exact::<StarterToParent>,
];

pub fn run(input: &[u8]) {
    let Some((which, datagram)) = input.split_first() else { return };
    if let Some(direction) = DIRECTIONS.get(usize::from(*which) % DIRECTIONS.len()) {
        direction(datagram);
    }
}

fn exact<M: Message + PartialEq + std::fmt::Debug>(datagram: &[u8]) {
    if let Some((message, again)) = read::<M>(datagram) {
        assert_eq!(again, datagram, "{message:?}");
    }
}

fn of_parent<M: Message + PartialEq + std::fmt::Debug>(datagram: &[u8]) {
    if let Some((message, again)) = read::<M>(datagram) {
        assert_eq!(again.len(), datagram.len(), "{message:?}");
        assert_eq!(decode::<M>(&again), Ok(message));
    }
}

/// A message, and the bytes that it is sent in.
fn read<M: Message + PartialEq + std::fmt::Debug>(datagram: &[u8]) -> Option<(M, Vec<u8>)> {
    let message = decode::<M>(datagram).ok()?;
    assert!(message.is_bounded());
    let longer = [datagram, &[0]].concat();
    assert_eq!(decode::<M>(&longer), Err(CodecError::Surplus));
    if let Some((_, shorter)) = datagram.split_last() {
        assert!(decode::<M>(shorter).is_err(), "{message:?}");
    }
    let again = encode(&message, &mut [0; MESSAGE_MAX]).unwrap().to_vec();
    Some((message, again))
}
