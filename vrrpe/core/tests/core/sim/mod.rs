//! The simulator: several routers, each with its own clock, engine, parent and kernel, on a network
//! that does whatever networks do. A `plan` says what goes wrong and when, the `world` plays it,
//! `oracle` and `witness` judge every step. A seed gives the same run everywhere.

mod bounds;
mod clock;
mod comparisons;
mod draw;
mod events;
mod faults;
mod network;
mod node;
mod oracle;
mod plan;
pub(crate) mod random;
mod runs;
mod scenarios;
mod shrink;
mod stay;
mod text;
mod view;
mod witness;
mod world;
