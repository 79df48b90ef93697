//! The part of the engine that reads what strangers write and needs no process around it: a
//! library, so that it can be fuzzed. The engine itself is the program; nothing else links this.
#![forbid(unsafe_code)]

pub mod request;
