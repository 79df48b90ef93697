//! The network between the routers of a `World`: it loses, delays, doubles and cuts, and notes
//! when a pair has missed something. An ordinary link keeps the order.

use super::bounds::FLIGHT_NANOS;
use super::clock::{MICRO, Time};
use super::node::Packet;
use super::world::{Event, World};
use crate::common::{Message, host, meta};
use std::net::{IpAddr, Ipv4Addr};
use vrrp_core::wire::{self, GROUP_V4};
use vrrp_core::{Input, Transport};

/// Somebody who is no router of ours.
pub(crate) const STRANGER: Ipv4Addr = host(200);
/// The link of forged adverts, which is nobody's.
const NO_LINK: usize = usize::MAX;
/// Adverts that wait for a stopped engine; a receive queue is not endless.
const QUEUE_MAX: usize = 200;

impl World {
    pub(crate) fn block(&mut self, from: usize, to: usize, blocked: bool) {
        if self.blocked[from][to] != blocked {
            self.blocked[from][to] = blocked;
            self.disturb(from, to);
            self.witness.links_changed();
        }
    }

    pub(crate) fn flight(&mut self) -> Time {
        self.random.between(50 * MICRO, FLIGHT_NANOS)
    }

    pub(crate) fn broadcast(&mut self, from: usize, packet: Packet) {
        if !self.nodes[from].up {
            return;
        }
        let name = IpAddr::V4(Self::address(from));
        let sent = self.next_serial();
        let weather = self.weather;
        for to in (0..self.nodes.len()).filter(|to| *to != from) {
            let copies = 1 + u8::from(self.random.chance(weather.double.into()));
            for copy in 0..copies {
                if self.blocked[from][to] || self.random.chance(weather.loss.into()) {
                    self.disturb(from, to);
                    continue;
                }
                let mut at = self.now + self.flight();
                let late = copy == 1 || self.random.chance(weather.late.into());
                if late {
                    at += self.random.below(weather.reach + 1);
                    self.disturb(from, to);
                } else {
                    at = at.max(self.arrived[from][to]);
                    self.arrived[from][to] = at;
                }
                let event = Event::Arrive { from: name, link: from, to, sent, late, packet };
                self.enqueue(at, event);
            }
        }
    }

    pub(crate) fn deliver_forged(&mut self, from: Ipv4Addr, to: usize, after: Time, what: Packet) {
        let (from, at) = (IpAddr::V4(from), self.now + after);
        let late = true;
        self.enqueue(at, Event::Arrive { from, link: NO_LINK, to, sent: 0, late, packet: what });
    }

    pub(crate) fn arrive(
        &mut self,
        from: IpAddr,
        link: usize,
        to: usize,
        sent: u64,
        late: bool,
        packet: Packet,
    ) {
        if late {
            self.witness.late(to);
            if link == NO_LINK {
                self.disturb_all(to);
            } else {
                self.disturb(link, to);
            }
        }
        if link != NO_LINK {
            let newest = &mut self.newest[link][to];
            self.witness.stale += u64::from(sent < *newest);
            *newest = sent.max(*newest);
        }
        let node = &mut self.nodes[to];
        if !node.up || node.router.is_none() {
            return;
        }
        if !node.frozen {
            self.hear(from, to, &packet);
        } else if node.inbox.len() < QUEUE_MAX {
            node.inbox.push_back((from, packet));
        }
    }

    pub(crate) fn hear(&mut self, from: IpAddr, to: usize, packet: &Packet) {
        let destination = match &self.nodes[to].router.as_ref().map(|r| &r.config().transport) {
            Some(Transport::Multicast { .. }) => GROUP_V4,
            Some(Transport::Unicast { .. }) => Self::address(to),
            None => return,
        };
        let IpAddr::V4(source) = from else { return };
        let advert =
            wire::decode(packet.bytes(), meta(source, destination, 255), wire::TTL).unwrap();
        self.step(to, Input::Packet(&advert));
    }

    /// The two do not know all of each other.
    pub(crate) fn disturb(&mut self, a: usize, b: usize) {
        self.witness.disturb(a, b, self.now);
    }

    pub(crate) fn disturb_all(&mut self, node: usize) {
        for other in 0..self.nodes.len() {
            self.disturb(node, other);
        }
    }
}

/// A valid advert that no router of ours has sent.
pub(crate) fn forged(priority: u8, interval: u8) -> Vec<u8> {
    Message { interval, ..Message::new(priority) }.bytes()
}
