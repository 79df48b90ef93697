//! The laboratory: several hosts in one machine, each in namespaces of its own, with a LAN between
//! them, real services on them, and witnesses that see what happened and when. Used by the tests,
//! the demo and the benchmark; never part of the daemon.
//!
//! A [`Net`] holds the LAN and boots [`Node`]s on it, which speak IPv4 and IPv6. A [`Daemon`] runs
//! on a node, a [`Service`] beside it; a [`Router`] is what the daemon shall do, in its language.
//! The witnesses are [`Capture`] (the wire), [`AddressWatch`] (the kernel's addresses and links),
//! [`Syslog`] (what was logged) and [`Probe`] (what a client got). All of them stamp with the same
//! monotonic clock ([`Stamp`]), and [`wait_until`] wakes whenever one of them saw something;
//! [`tshark`] gives a second opinion on a capture. A [`Fault`] takes frames from a cable, [`forge`]
//! and [`flood`] put wrong ones there.
//!
//! ```no_run
//! use vipd_lab::{Daemon, Result, packages, scenario::{LIMIT, Pair}};
//!
//! fn node2_takes_over() -> Result<()> {
//!     packages::ensure()?;
//!     let vipd = Daemon::vipd()?;
//!     let mut pair = Pair::running(&vipd, &vipd)?;
//!     let off = pair.one.power_off()?;
//!     pair.probe.wait_answer(off, "node2", LIMIT)?;
//!     pair.wait_owner(2)?;
//!     Ok(())
//! }
//! ```
//!
//! The programs under test are found beside the test that runs ([`paths::bin_dir`]): a test in
//! `target/debug/deps` takes `target/debug/vipd` and its siblings, which `cargo build --workspace`
//! makes and `cargo test` alone does not; `VIPD_BIN_DIR` names another place. `VIPD_LAB_KEEP=1`
//! keeps the output of the nodes' programs in the temporary directory; what is in a node's own
//! /etc, /run and /var/log goes with the node.
//!
//! Helper functions of a test file count as tests for clippy when the file says `#![cfg(test)]`.

mod calm;
pub mod capture;
pub mod clock;
pub mod daemon;
pub mod error;
pub mod fault;
pub mod flood;
pub mod forge;
pub mod frame;
pub mod holder;
pub mod net;
pub mod netlink;
pub mod netns;
pub mod node;
pub mod owner;
pub mod packages;
pub mod paths;
pub mod pcap;
pub mod play;
pub mod probe;
pub mod process;
pub mod router;
pub mod run;
pub mod scenario;
pub mod service;
pub mod spawned;
pub mod syslog;
pub mod tshark;
pub mod watch;
mod witness;

pub use capture::Capture;
pub use clock::{Stamp, wait_until};
pub use daemon::{Daemon, Running};
pub use error::{Error, Result};
pub use fault::{Cut, Direction, Fault, Traffic};
pub use net::Net;
pub use node::Node;
pub use probe::Probe;
pub use router::Router;
pub use service::Service;
pub use spawned::Spawned;
pub use syslog::Syslog;
pub use watch::AddressWatch;
