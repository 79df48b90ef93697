//! The real checker as a child process, driven by a false parent and a false engine.
#![cfg(test)]
#![expect(clippy::arithmetic_side_effects, reason = "a test may fail by overflow")]

#[cfg(test)]
mod channel;
#[cfg(test)]
mod confinement;
#[cfg(test)]
mod files;
#[cfg(test)]
mod process;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod talk;
