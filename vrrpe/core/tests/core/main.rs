//! Tests of the protocol as a function: requirements by their ids, packet vectors, recorded
//! cases, properties and the simulator of several routers.
#![cfg(test)]
#![expect(clippy::arithmetic_side_effects, reason = "small numbers of the tests' own")]

mod cases;
mod changes;
mod common;
mod handover;
mod network;
mod properties;
mod random;
mod requirements;
mod rx;
mod simulator;
mod terms;
mod vectors;
mod witness;
mod world;
