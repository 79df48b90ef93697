//! Notification from outside: the real programs, scripts that write down what they are told and when,
//! and readers of FIFOs. Split by what is told and to whom; the stage is in `rig`.
#![cfg(test)]

mod ends;
mod fifo;
mod groups;
mod reload;
mod rig;
mod scripts;
