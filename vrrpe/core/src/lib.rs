//! VRRP as a function: what a virtual router does with what it hears, when. It cannot ask for the
//! time, open a socket or write a log; `Router::step` takes the time and an input and returns the
//! actions, `Router::next_deadline` says when it wants to be called again.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod action;
pub mod config;
pub mod input;
pub mod router;
pub mod wire;

pub use action::{Action, Actions, Event, Kind, Reason};
pub use config::{Auth, Config, Transport};
pub use input::{Health, Input};
pub use router::{Counters, MasterSeen, Router};
pub use wire::{Advert, Discard};
