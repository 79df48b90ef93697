//! Tests of the protocol as a function: requirements by their ids, packet vectors, recorded
//! cases, properties and the simulator of several routers.
#![cfg(test)]
#![expect(clippy::arithmetic_side_effects, reason = "small numbers of the tests' own")]

mod cases;
mod changes;
mod common;
mod handover;
mod properties;
mod requirements;
mod rx;
mod sim;
mod terms;
mod vectors;
