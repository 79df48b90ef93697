//! What the processes of vipd say to each other: the messages (one enum per direction), each
//! role's part of the configuration, the codec and the channel; and what each of them needs to
//! begin: its descriptors, its clock, its way to the log. No decision is made here.
#![deny(unsafe_code)]

pub mod chan;
pub mod clock;
pub mod codec;
mod inherit;
pub mod msg;
pub mod relay;
pub mod report;
pub mod slice;

pub use chan::{Chan, ChanError};
pub use inherit::inherited;

/// Descriptors a child finds open when it starts; 0 and 1 are /dev/null, 2 is for a panic's last
/// words.
pub mod fd {
    pub const PARENT: i32 = 3;
    pub const PEER: i32 = 4;
    pub const LEASH: i32 = 5;
}

/// Each process says this first on every channel; different answers do not talk to each other.
pub const BUILD: &str = concat!(env!("CARGO_PKG_VERSION"), "+protocol1");
