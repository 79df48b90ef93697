//! The checks that need no program, from outside: the real daemon beside real services and beside
//! servers of the worst kind. Split by whom they ask; the stage is in `rig`.
#![cfg(test)]

mod odd;
mod others;
mod rig;
mod services;
mod tls;
