//! The real starter as a child process, driven by a false parent, running real scripts.
#![cfg(test)]
#![expect(clippy::arithmetic_side_effects, reason = "a test may fail by overflow")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a test waits for one message of many")]

#[cfg(test)]
mod confinement;
#[cfg(test)]
mod orders;
mod paths;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod scripts;
mod tells;
