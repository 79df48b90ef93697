//! The simulator: several routers, each with its own clock, engine, parent and kernel, on a network
//! that does whatever networks do. A `plan` says what goes wrong and when, the `world` plays it,
//! `oracle` and `witness` judge every step. A seed gives the same run everywhere.

/// An error with the values that are wrong.
macro_rules! ensure {
    ($holds:expr, $($what:tt)+) => {
        if !$holds {
            return Err(format!($($what)+));
        }
    };
}

mod bounds;
mod clock;
mod comparisons;
mod draw;
mod duties;
mod events;
mod faults;
mod group_scenarios;
mod groups;
mod host;
mod network;
mod node;
mod oracle;
mod plan;
mod random;
mod runs;
mod scenarios;
mod shrink;
mod stay;
mod text;
mod turn;
mod view;
mod witness;
mod world;
