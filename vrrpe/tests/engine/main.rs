//! The engine from outside: the real binary, confined, between a fake parent and a fake checker.

mod control;
mod harness;
mod lease;
mod net;
mod serve;
