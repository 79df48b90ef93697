//! Tests of the protocol as a function: requirements by their ids, packet vectors, recorded
//! cases, properties and the simulator of several routers.
#![cfg(test)]
#![expect(clippy::arithmetic_side_effects, reason = "small numbers of the tests' own")]

mod cases;
mod changes;
mod common;
mod derived;
mod groups;
mod handover;
mod lan;
mod options;
mod packets;
mod properties;
mod requirements;
mod rx;
mod rx_v3;
mod scenarios;
mod sim;
mod state_v3;
mod terms;
mod times;
mod vector;
mod vectors;
