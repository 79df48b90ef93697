//! One virtual router with what surrounds its state machine: its slice, the trackers it uses,
//! what the kernel holds for it, and how often the log was told the same. Sends nothing.

use crate::orders::Orders;
use crate::tell::Told;
use crate::trackers::Trackers;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;
use vipd_ipc::msg::ADVERT_MAX;
use vipd_ipc::slice::{AuthSlice, InstanceSlice, TrackSlice};
use vipd_types::{GroupId, Instant, Peer};
use vrrp_core::action::Cause;
use vrrp_core::health::{Tracked, health};
use vrrp_core::{Auth, Config, Discard, Health, Kind, Notice, Router, Transport};

/// The same complaint about the same instance reaches the log once in this time.
const REPEAT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) slice: InstanceSlice,
    pub(crate) router: Router,
    pub(crate) group: Option<GroupId>,
    pub(crate) source: Option<IpAddr>,
    pub(crate) since: Instant,
    pub(crate) cause: Option<Cause>,
    /// The parent said that the addresses are in the kernel.
    pub(crate) held: bool,
    /// Why they are not, when that was not our wish.
    pub(crate) refusal: Option<String>,
    /// Its lease is in doubt: nothing is sent.
    pub(crate) quiet: bool,
    /// Not in the configuration any more; goes when the router is done.
    pub(crate) leaving: bool,
    /// Has advertised since the last `Alive`.
    pub(crate) advertised: bool,
    pub(crate) last_sent: Option<Instant>,
    pub(crate) send_errors: u64,
    pub(crate) complaints: Complaints,
    pub(crate) health: Health,
    pub(crate) orders: Orders,
    pub(crate) told: Told,
    /// By the number of the destination.
    last_wills: BTreeMap<u16, Vec<u8>>,
}

impl Instance {
    pub(crate) fn new(slice: InstanceSlice, now: Instant) -> Self {
        Self {
            router: Router::new(config(&slice)),
            slice,
            group: None,
            source: None,
            since: now,
            cause: None,
            held: false,
            refusal: None,
            quiet: false,
            leaving: false,
            advertised: false,
            last_sent: None,
            send_errors: 0,
            complaints: Complaints::default(),
            health: Health::default(),
            orders: Orders::default(),
            told: Told::default(),
            last_wills: BTreeMap::new(),
        }
    }

    /// Where adverts go: to each peer, in the order of the configuration, or to the group.
    pub(crate) fn destinations(&self) -> impl Iterator<Item = IpAddr> {
        let (peers, group): (&[Peer], _) = match &self.router.config().transport {
            Transport::Multicast { group } => (&[], Some(*group)),
            Transport::Unicast { peers, .. } => (peers, None),
        };
        group.into_iter().chain(peers.iter().map(|peer| peer.address))
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.router.next_deadline().filter(|_| !self.quiet)
    }

    /// The good-bye adverts that are not what was deposited last, with the number of the
    /// destination. Without a source there may be none; the earlier one is then left.
    pub(crate) fn new_wills(&mut self) -> Vec<(u16, Vec<u8>)> {
        let mut buffer = [0; ADVERT_MAX];
        let mut new = Vec::new();
        for (copy, to) in (0..).zip(self.destinations()) {
            let Some(bytes) = self.router.encode(Kind::GoodBye, to, &mut buffer) else { continue };
            if self.last_wills.get(&copy).is_none_or(|before| before != bytes) {
                new.push((copy, bytes.to_vec()));
            }
        }
        let copies = self.destinations().count();
        self.last_wills.retain(|copy, _| usize::from(*copy) < copies);
        self.last_wills.extend(new.iter().cloned());
        new
    }

    /// The sum of the trackers of this instance, and what the operator makes of it.
    pub(crate) fn health(&self, trackers: &Trackers) -> Health {
        self.orders.apply(health(self.slice.tracks.iter().map(|track| tracked(track, trackers))))
    }

    /// The tracker that holds the instance in FAULT, or keeps it from starting.
    pub(crate) fn fault_name<'t>(&self, trackers: &'t Trackers) -> Option<&'t str> {
        let mut tracks = self.slice.tracks.iter();
        let stops = |health: Health| health.fault || health.unproven;
        let track = tracks.find(|track| stops(health([tracked(track, trackers)])))?;
        trackers.view(track.tracker).map(|view| view.name)
    }
}

/// A tracker as the protocol sees it.
pub(crate) fn tracked(track: &TrackSlice, trackers: &Trackers) -> Tracked {
    let reading = trackers.view(track.tracker).and_then(|view| view.reading);
    Tracked { weight: track.weight, reverse: track.reverse, reading }
}

/// The slice in the words of the protocol.
pub(crate) fn config(slice: &InstanceSlice) -> Config {
    let transport = if slice.peers.is_empty() {
        Transport::Multicast { group: slice.group }
    } else {
        Transport::Unicast { peers: slice.peers.clone(), check_source: slice.check_unicast_src }
    };
    Config {
        vrid: slice.vrid,
        version: slice.version,
        family: slice.family,
        priority: slice.priority,
        advert_int: slice.advert_int,
        preempt: slice.preempt,
        fast_handover: slice.fast_handover,
        options: slice.options,
        auth: match slice.auth {
            AuthSlice::None => Auth::None,
            AuthSlice::Pass(data) => Auth::Pass(data),
        },
        transport,
        addresses: slice.addresses.clone(),
    }
}

/// What may be repeated by a peer or a broken network as often as it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Complaint {
    Discarded(Discard),
    Lower,
    Election,
    Odd(std::mem::Discriminant<Notice>),
    Send(nix::errno::Errno),
}

#[derive(Debug, Default)]
pub(crate) struct Complaints(Vec<(Complaint, Instant, u64)>);

impl Complaints {
    /// `Some(n)`: say it, and that it was kept back n times. The first one at once, then at most
    /// one in `REPEAT`.
    pub(crate) fn may_say(&mut self, what: Complaint, now: Instant) -> Option<u64> {
        let Some((_, said, kept)) = self.0.iter_mut().find(|(other, ..)| *other == what) else {
            self.0.push((what, now, 0));
            return Some(0);
        };
        if now.since(*said) < REPEAT {
            *kept = kept.saturating_add(1);
            return None;
        }
        *said = now;
        Some(std::mem::take(kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_complaint_is_said_at_once_and_then_once_a_minute() {
        let second = |n: u64| Instant::from_nanos(n * 1_000_000_000);
        let mut complaints = Complaints::default();
        assert_eq!(complaints.may_say(Complaint::Lower, second(1)), Some(0));
        assert_eq!(complaints.may_say(Complaint::Lower, second(2)), None);
        assert_eq!(complaints.may_say(Complaint::Election, second(2)), Some(0));
        assert_eq!(complaints.may_say(Complaint::Lower, second(60)), None);
        assert_eq!(complaints.may_say(Complaint::Lower, second(61)), Some(2));
    }
}
