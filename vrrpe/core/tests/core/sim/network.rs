//! The network between the routers of a `World`: it loses, delays, doubles and cuts, and notes
//! when a pair has missed something. An ordinary link keeps the order.

use super::bounds::FLIGHT_NANOS;
use super::clock::{MICRO, Time};
use super::node::Packet;
use super::plan::{Plan, Setup};
use super::world::{Event, World};
use crate::common::{LOCAL, LOCAL_V6, Message, host, host_v6, to_group};
use crate::packets::V3;
use std::net::IpAddr;
use vipd_types::{Family, Version};
use vrrp_core::wire::{self, Meta};
use vrrp_core::{Input, Transport};

/// Somebody who is no router of ours.
pub(crate) const STRANGER: usize = 190;
/// The link of forged adverts, which is nobody's.
const NO_LINK: usize = usize::MAX;
/// Adverts that wait for a stopped engine; a receive queue is not endless.
const QUEUE_MAX: usize = 200;
/// Adverts of one socket in one wake-up.
pub(crate) const BURST: usize = 64;

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
        let Setup { host, wire, .. } = self.nodes[from].setup;
        let name = address(self.plan.family, host);
        let sent = self.next_serial();
        let weather = self.weather[self.nodes[from].setup.network()];
        for to in 0..self.nodes.len() {
            if to == from || self.nodes[to].setup.wire != wire {
                continue;
            }
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

    pub(crate) fn deliver_forged(&mut self, from: IpAddr, to: usize, after: Time, what: Packet) {
        let (at, late) = (self.now + after, true);
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
            self.witness.late(self.nodes[to].setup.host);
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
        let node = &self.nodes[to];
        if !node.up || node.router.is_none() {
            return;
        }
        let host = &mut self.hosts[node.setup.host];
        if !host.frozen {
            self.hear(from, to, &packet);
        } else if host.inbox.len() < QUEUE_MAX {
            host.inbox.push_back((to, from, packet));
        }
    }

    pub(crate) fn hear(&mut self, from: IpAddr, to: usize, packet: &Packet) {
        let Some(router) = &self.nodes[to].router else { return };
        let destination = match router.config().transport {
            Transport::Multicast { group } => group,
            Transport::Unicast { .. } => address(self.plan.family, self.nodes[to].setup.host),
        };
        let meta = Meta { source: from, destination, ttl: 255 };
        let advert = wire::decode(packet.bytes(), meta, wire::TTL).unwrap();
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

    pub(crate) fn disturb_host(&mut self, host: usize) {
        for at in self.members(host) {
            self.disturb_all(at);
        }
    }
}

/// Of the n-th host, on every network.
pub(crate) fn address(family: Family, n: usize) -> IpAddr {
    let last = |first: u16| first + u16::try_from(n).unwrap();
    match family {
        Family::V4 => host(u8::try_from(last(LOCAL.octets()[3].into())).unwrap()).into(),
        Family::V6 => host_v6(last(LOCAL_V6.segments()[7])).into(),
    }
}

/// A valid advert that no router of ours has sent.
pub(crate) fn forged(plan: &Plan, from: IpAddr, priority: u8, interval: u32) -> Packet {
    let centis = u16::try_from(interval / 10).unwrap();
    let seconds = u8::try_from(interval / 1_000).unwrap();
    let bytes = match (plan.version, plan.family) {
        (Version::V2, _) => Message { interval: seconds, ..Message::new(priority) }.bytes(),
        (Version::V3, Family::V4) => V3::v4(priority).every(centis).bytes(&to_group(from)),
        (Version::V3, Family::V6) => V3::v6(priority).every(centis).bytes(&to_group(from)),
    };
    Packet::new(&bytes)
}
