//! What a router reports and what a socket drops: kept for `show`, and said to the log as often as is
//! good for it. Changes no state.

use crate::instance::Complaint;
use crate::routers::Routers;
use crate::rx::Socket;
use crate::trackers::Trackers;
use crate::{raw, words};
use std::mem::discriminant;
use std::os::fd::AsFd;
use vipd_types::{Family, InstanceId, Instant, SocketId};
use vrrp_core::action::Cause;
use vrrp_core::{Advert, Discard, Event};

impl Routers {
    /// `heard` is the advert that it is about, if there was one.
    pub(crate) fn event(
        &mut self,
        id: InstanceId,
        event: Event,
        heard: Option<&Advert<'_>>,
        now: Instant,
        trackers: &Trackers,
    ) {
        let Some(instance) = self.instances.get_mut(&id) else { return };
        if let Event::State { to, why, .. } = event {
            instance.since = now;
            instance.cause = Some(why);
            let culprit = match why {
                Cause::Tracker => instance.fault_name(trackers),
                Cause::Group => instance.group.and_then(|group| self.groups.name(group)),
                Cause::Startup
                | Cause::MasterDown
                | Cause::GoodBye
                | Cause::Preempt
                | Cause::Higher { .. }
                | Cause::LinkDown
                | Cause::NoSource
                | Cause::Operator
                | Cause::Addresses
                | Cause::Stop
                | Cause::LeaseEnded
                | Cause::Cleared => None,
            };
            words::log_state(instance, to, why, culprit);
            return;
        }
        self.tell_event(id, event, now);
        let Some(instance) = self.instances.get_mut(&id) else { return };
        let what = Complaint::of(event);
        let Some(kept) = what.map_or(Some(0), |what| instance.complaints.may_say(what, now)) else {
            return;
        };
        let kept = words::kept_back(kept);
        let name = instance.slice.name.as_str();
        match event {
            Event::State { .. } => {}
            Event::Priority { from, to } => {
                log::info!("({name}) Changing effective priority from {from} to {to}");
            }
            Event::Discarded(why) => {
                let from = heard.map(|advert| format!(" from {}", advert.meta.source));
                let from = from.unwrap_or_default();
                log::warn!("({name}) dropped an advert{from}: {}{kept}", words::discard(why));
            }
            Event::Noticed(odd) => {
                let text = words::notice(odd, instance, heard);
                log::log!(words::level(odd), "({name}) {text}{kept}");
            }
            Event::GoodByeHeard { from } => {
                log::debug!("({name}) Backup received priority 0 advertisement from {from}");
            }
            Event::LowerHeard { from, priority, .. } => log::info!(
                "({name}) received lower priority ({priority}) advert from {from} - discarding{kept}"
            ),
            Event::ForcingElection { from, priority, ours } => log::info!(
                "({name}) Received advert from {from} with lower priority {priority}, \
                 ours {ours}, forcing new election{kept}"
            ),
            Event::AddressesRefused => log::error!("({name}) the addresses were refused"),
            Event::AddressesLost => log::error!("({name}) the addresses were taken away"),
        }
    }

    /// What somebody may be told of beside changes of state.
    fn tell_event(&mut self, id: InstanceId, event: Event, now: Instant) {
        match event {
            Event::Priority { to, .. } => self.tell_priority(id, to),
            Event::ForcingElection { .. } | Event::LowerHeard { .. } => self.tell_lower(id, now),
            Event::State { .. }
            | Event::Discarded(_)
            | Event::Noticed(_)
            | Event::GoodByeHeard { .. }
            | Event::AddressesRefused
            | Event::AddressesLost => {}
        }
    }

    /// The interface of a socket went up or down; the first of its sockets says so for all.
    pub(crate) fn log_link(&self, id: SocketId, up: bool) {
        let Some(at) = self.sockets.get(&id) else { return };
        let same = |(other, socket): (&SocketId, &Socket)| {
            *other != id && socket.slice.interface == at.slice.interface
        };
        let others = self.sockets.iter().filter(|one| same(*one));
        let mut links = others.filter_map(|(other, _)| self.links.get(other));
        if links.all(|link| link.up != up) {
            let word = if up { "up" } else { "down" };
            log::info!("Netlink reports {} {word}", at.slice.interface);
        }
    }

    /// A packet that no router has seen was dropped on this socket.
    /// Over IPv6 the kernel itself drops what has a wrong checksum, and only says how many there
    /// were, with those for which there was no room.
    pub(crate) fn count_what_the_kernel_dropped(&mut self, now: Instant) {
        let v6 = self.sockets.iter_mut().filter(|(_, socket)| socket.slice.family == Family::V6);
        let mut some = Vec::new();
        for (id, socket) in v6 {
            let Ok(dropped) = raw::dropped(socket.fd.as_fd()) else { continue };
            let more = dropped.wrapping_sub(std::mem::replace(&mut socket.dropped, dropped));
            if let Some(others) = more.checked_sub(1) {
                let counter = &mut socket.counters.checksum_err;
                *counter = counter.saturating_add(others.into());
                some.push(*id);
            }
        }
        for id in some {
            self.dropped(id, Discard::Checksum, now);
        }
    }

    pub(crate) fn dropped(&mut self, id: SocketId, why: Discard, now: Instant) {
        let Some(socket) = self.sockets.get_mut(&id) else { return };
        socket.counters.count(why);
        if let Some(kept) = socket.complaints.may_say(Complaint::Discarded(why), now) {
            log::warn!(
                "dropped a packet on {}: {}{}",
                socket.slice.interface,
                words::discard(why),
                words::kept_back(kept)
            );
        }
    }
}

impl Complaint {
    /// What a peer may cause as often as it likes.
    fn of(event: Event) -> Option<Self> {
        match event {
            Event::Discarded(why) => Some(Self::Discarded(why)),
            Event::Noticed(odd) => Some(Self::Odd(discriminant(&odd))),
            Event::LowerHeard { .. } => Some(Self::Lower),
            Event::ForcingElection { .. } => Some(Self::Election),
            Event::State { .. }
            | Event::Priority { .. }
            | Event::GoodByeHeard { .. }
            | Event::AddressesRefused
            | Event::AddressesLost => None,
        }
    }
}
