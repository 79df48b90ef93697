//! The engine from outside: the real binary, confined, between a fake parent and a fake checker.

mod advert;
mod control;
mod flood;
mod groups;
mod harness;
mod lease;
mod net;
mod orders;
mod renewal;
mod report;
mod serve;
mod v3;
