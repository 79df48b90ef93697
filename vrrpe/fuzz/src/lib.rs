//! What must hold for any input, one function per target: `run` panics when it does not. Used by
//! libFuzzer, which looks for such input, and by the tests, which replay the corpus and mutate it.
//! Opens nothing and knows no clock: the same bytes do the same thing.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a panic is how a fuzzer sees that a promise is broken"
)]

pub mod bytes;
pub mod conf;
pub mod config;
pub mod control;
pub mod ipc;
pub mod message;
pub mod packet;
pub mod promises;
pub mod protocol;
pub mod step;

/// A target and its name, under which its corpus stands in `corpus/`.
pub type Target = (&'static str, fn(&[u8]));

pub const TARGETS: [Target; 5] = [
    ("packet", packet::run),
    ("step", step::run),
    ("ipc", ipc::run),
    ("conf", conf::run),
    ("control", control::run),
];
