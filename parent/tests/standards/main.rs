//! What the RFCs ask of a router and only its neighbours can see, with the real programs: hosts in
//! network namespaces, a neighbour that asks and sends what it likes, and as witnesses the wire and
//! the kernel's own word about its addresses. The names of the tests carry the ids of
//! vrrpe/requirements.tsv that they prove.
#![cfg(test)]
#![expect(clippy::arithmetic_side_effects, reason = "a test")]

mod accept;
mod announce;
mod ear;
mod elsewhere;
mod firewall;
mod forward;
mod frames;
mod golden;
mod neighbours;
mod refused;
mod rig;
mod roles;
mod strangers;
mod sync;
mod unicast;
mod vmac;
mod vmac_life;
mod wire;
