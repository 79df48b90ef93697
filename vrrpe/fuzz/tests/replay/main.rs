//! Every promise against the corpus and against what a few seconds of blind mutation make of it:
//! the part of fuzzing that needs no tool and finds again what was found once.
#![cfg(test)]
#![expect(clippy::arithmetic_side_effects, reason = "small numbers of the tests' own")]

mod corpus;
mod messages;
mod mutate;
mod seeds;
mod stories;
mod targets;
mod variants;
