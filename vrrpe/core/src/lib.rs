//! VRRP as a function: what a virtual router does with what it hears, when. It cannot ask for the
//! time, open a socket or write a log; `Router::step` takes the time and an input and returns the
//! actions, `Router::next_deadline` says when it wants to be called again.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod action;
pub mod config;
pub mod counters;
pub mod group;
pub mod health;
pub mod input;
pub mod router;
pub mod timers;
pub mod wire;

mod backup;
mod beat;
mod check;
mod encode;
mod handover;
mod learned;
mod machine;
mod member;
mod receive;
mod term;
mod voice;

pub use action::{Action, Actions, Cause, Event, Kind, Notice, Reason};
pub use config::{Auth, Config, Transport};
pub use counters::{Counters, RxCounters};
pub use health::{Reading, Tracked, health};
pub use input::{Health, Input};
pub use router::{MasterSeen, Router};
pub use wire::{Advert, Discard, Form, Meta};
