//! The network between the routers of a `World`: it loses, delays, doubles and cuts, and notes
//! when a pair has missed something. An ordinary link keeps the order.

use crate::common::meta;
use crate::world::{FLIGHT, Happening, World};
use vipd_types::Instant;
use vrrp_core::wire::{self, GROUP_V4};
use vrrp_core::{Input, Transport};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Weather {
    /// Percent of adverts lost, doubled, and delayed by up to 700 ms.
    pub(crate) loss: u64,
    pub(crate) double: u64,
    pub(crate) late: u64,
}

impl World {
    pub(crate) fn block(&mut self, from: usize, to: usize, blocked: bool) {
        self.blocked[from][to] = blocked;
        self.disturb(from, to);
    }

    pub(crate) fn broadcast(&mut self, from: usize, bytes: &[u8]) {
        for to in (0..self.nodes.len()).filter(|to| *to != from) {
            let double = self.random.chance(self.weather.double);
            for copy in 0..1 + u8::from(double) {
                if self.blocked[from][to] || self.random.chance(self.weather.loss) {
                    self.disturb(from, to);
                    continue;
                }
                let late = copy == 1 || self.random.chance(self.weather.late);
                let longest = if late { 700_000 } else { FLIGHT.as_micros() };
                let flight = self.random.micros(50, u64::try_from(longest).unwrap());
                if late {
                    self.disturb(from, to);
                }
                let mut arrival = self.now.plus(flight);
                if !late {
                    // A link keeps the order.
                    arrival = arrival.max(self.arrived[from][to]);
                    self.arrived[from][to] = arrival;
                }
                let bytes = bytes.to_vec();
                self.enqueue(arrival, Happening::Arrive { from, to, bytes, disturbs: late });
            }
        }
    }

    pub(crate) fn hear(&mut self, from: usize, to: usize, bytes: &[u8]) {
        let destination = match self.nodes[to].config.transport {
            Transport::Multicast { .. } => GROUP_V4,
            Transport::Unicast { .. } => Self::address(to),
        };
        let meta = meta(Self::address(from), destination, 255);
        let advert = wire::decode(bytes, meta, wire::TTL).unwrap();
        self.step(to, Input::Packet(&advert));
    }

    pub(crate) fn disturb(&mut self, a: usize, b: usize) {
        self.disturbed[a][b] = self.now;
        self.disturbed[b][a] = self.now;
    }

    pub(crate) fn disturb_all(&mut self, node: usize) {
        for other in 0..self.nodes.len() {
            self.disturb(node, other);
        }
    }

    pub(crate) fn last_disturbance(&self) -> Instant {
        self.disturbed.iter().flatten().copied().max().unwrap()
    }
}
