//! `vrrp_instance`: reads the block in any order, then settles what depends on what.

use super::address::{self, Peers};
use super::globals::{Defaults, garp, set, version};
use super::script::Scripts;
use super::value::{flag, integer, interface, lease, number, one, seconds, switch, text};
use super::{track, walk};
use crate::config::{Auth, Garp, Instance};
use crate::diagnostic::{Say, Span};
use crate::keywords::Context;
use crate::lex::Word;
use crate::tree::Item;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;
use vipd_types::{Family, IfName, Options, Peer, Priority, Version, Vrid};

/// An instance and where things of it stand, for checks that look at all instances.
pub(super) struct Found {
    pub(super) instance: Instance,
    pub(super) name_at: Span,
    pub(super) vrid_at: Span,
    /// Beside `instance.addresses`.
    pub(super) addresses_at: Vec<Span>,
    /// Beside `instance.peers`.
    pub(super) peers_at: Vec<Span>,
}

pub(super) fn read(
    blocks: &[&Item],
    defaults: &Defaults,
    scripts: &Scripts,
    say: &mut Say,
) -> Vec<Found> {
    let mut names: HashMap<String, usize> = HashMap::new();
    let mut found = Vec::new();
    for block in blocks {
        let Some(name) = one(block, say) else { continue };
        let named = String::from_utf8_lossy(&name.bytes).into_owned();
        if let Some(line) = names.get(&named) {
            let message = format!("an instance named `{}` is on line {line}", name.show());
            let remedy = "give it another name, or remove it";
            say.warn(name.span, format!("{message}; this one is skipped"), remedy);
            continue;
        }
        names.insert(named, name.span.line);
        let mut draft = Draft::new(defaults);
        let items = block.block.as_deref().unwrap_or_default();
        walk(items, Context::Instance, say, |keyword, item, say| {
            draft.keyword(keyword, item, scripts, say);
        });
        found.extend(draft.settle(name, defaults, scripts, say));
    }
    found
}

/// What the lines of a block say, each by itself.
struct Draft<'a> {
    state: Option<(bool, Span)>,
    interface: Option<IfName>,
    /// Spoken of already, so that its absence is not spoken of too.
    bad_interface: bool,
    vrid: Option<(Vrid, Span)>,
    bad_vrid: bool,
    priority: Option<(Priority, Span)>,
    advert_int: Duration,
    preempt: (bool, Span),
    fast_handover: bool,
    lease: crate::config::Lease,
    auth: Auth,
    source: Option<(IpAddr, &'a Item)>,
    peers: Option<Peers>,
    check_unicast_src: bool,
    addresses: Vec<(crate::config::Vip, Span)>,
    tracks: Vec<(crate::config::Track, Span)>,
    garp: Garp,
}

impl<'a> Draft<'a> {
    fn new(defaults: &Defaults) -> Self {
        Self {
            state: None,
            interface: None,
            bad_interface: false,
            vrid: None,
            bad_vrid: false,
            priority: None,
            advert_int: Duration::from_secs(1),
            preempt: (true, Span::default()),
            fast_handover: defaults.fast_handover,
            lease: defaults.lease,
            auth: Auth::None,
            source: None,
            peers: None,
            check_unicast_src: defaults.check_unicast_src,
            addresses: Vec::new(),
            tracks: Vec::new(),
            garp: defaults.garp,
        }
    }

    fn keyword(&mut self, name: &str, item: &'a Item, scripts: &Scripts, say: &mut Say) {
        match name {
            "state" => set(&mut self.state, state(item, say).map(Some)),
            "interface" => {
                self.interface = instance_interface(item, say);
                self.bad_interface = self.interface.is_none();
            }
            "virtual_router_id" => {
                self.vrid = vrid(item, say);
                self.bad_vrid = self.vrid.is_none();
            }
            "priority" => {
                let number = number(item, 1..=255, Priority::DEFAULT.get(), say);
                let priority = number.and_then(|n| Priority::try_from(n).ok());
                self.priority = priority.map(|p| (p, item.span()));
            }
            "advert_int" => set(&mut self.advert_int, advert_int(item, say)),
            "version" => version(item, say),
            "virtual_ipaddress" => address::addresses(item, &mut self.addresses, say),
            "nopreempt" => self.preempt = (!flag(item, say), item.span()),
            "preempt" => self.preempt = (flag(item, say), item.span()),
            "authentication" => self.auth = super::auth::read(item, say),
            "unicast_src_ip" | "mcast_src_ip" => {
                set(&mut self.source, address::source(item, say).map(|a| Some((a, item))));
            }
            "unicast_peer" => address::peers(item, self.peers.get_or_insert_default(), say),
            "check_unicast_src" => set(&mut self.check_unicast_src, switch(item, say)),
            "track_script" => track::read(item, scripts, &mut self.tracks, say),
            "fast_handover" => set(&mut self.fast_handover, switch(item, say)),
            "vip_lease" => set(&mut self.lease, lease(item, say)),
            name => garp(&mut self.garp, name, item, say),
        }
    }

    /// None if the instance cannot exist; an error has then been said.
    fn settle(
        mut self,
        name: &Word,
        defaults: &Defaults,
        scripts: &Scripts,
        say: &mut Say,
    ) -> Option<Found> {
        let priority = self.priority(name, say);
        let wants_master = self.wants_master(priority, say);
        let preempt = self.preempt(wants_master, priority, say);
        if priority.is_owner() {
            track::speak_of_owner(&self.tracks, scripts, say);
        }
        self.transport(name, say);
        super::lease::check(self.lease, self.advert_int, name.span, say);
        if self.addresses.is_empty() {
            let message = format!("instance `{}` has no address: it moves nothing", name.show());
            say.warn(name.span, message, "write one in `virtual_ipaddress { … }`");
        }
        if self.interface.is_none() && !self.bad_interface {
            let message = format!("instance `{}` has no interface", name.show());
            say.error(name.span, message, "write `interface NAME` in it, for example `eth0`");
        }
        if self.vrid.is_none() && !self.bad_vrid {
            let message = format!("instance `{}` has no virtual_router_id", name.show());
            let remedy = "write `virtual_router_id N` in it, the same number on all its nodes";
            say.error(name.span, message, remedy);
        }
        let (interface, (vrid, vrid_at)) = (self.interface?, self.vrid?);
        let (addresses, addresses_at) = self.addresses.into_iter().unzip();
        let peers = self.peers.unwrap_or_default().found;
        let (peers, peers_at): (Vec<Peer>, Vec<Span>) =
            peers.into_iter().map(|(address, at)| (Peer::new(address), at)).unzip();
        super::auth::speak_of_sample(&self.auth, vrid, peers.is_empty(), vrid_at, say);
        let instance = Instance {
            name: text(name, say),
            wants_master,
            interface,
            vrid,
            version: Version::V2,
            family: Family::V4,
            priority,
            advert_int: self.advert_int,
            preempt,
            fast_handover: self.fast_handover,
            options: Options::default(),
            accept: true,
            vmac: None,
            lease: self.lease,
            auth: self.auth,
            source: self.source.map(|(address, _)| address),
            peers,
            check_unicast_src: self.check_unicast_src,
            group: IpAddr::V4(defaults.group),
            addresses,
            tracks: self.tracks.into_iter().map(|(track, _)| track).collect(),
            garp: Garp {
                lower_prio_delay: self.garp.master_delay,
                lower_prio_repeat: self.garp.master_repeat,
                ..self.garp
            },
        };
        Some(Found { instance, name_at: name.span, vrid_at, addresses_at, peers_at })
    }

    /// As keepalived: 100, or 255 for a MASTER that names none.
    fn priority(&self, name: &Word, say: &mut Say) -> Priority {
        let master = self.state.is_some_and(|(master, _)| master);
        match self.priority {
            Some((priority, at)) => {
                if priority.is_owner() {
                    let message = "priority 255 means the owner of the address: it takes over \
                                   always, and no check lowers it";
                    say.warn(at, message, "write 254 or less if that is not meant");
                }
                priority
            }
            None if master => {
                let message = format!(
                    "instance `{}` is MASTER without a priority: as in keepalived it becomes 255, \
                     the owner of the address, which no check lowers",
                    name.show()
                );
                say.warn(name.span, message, "write a priority from 1 to 254");
                Priority::OWNER
            }
            None => Priority::DEFAULT,
        }
    }

    fn wants_master(&self, priority: Priority, say: &mut Say) -> bool {
        match self.state {
            Some((false, at)) if priority.is_owner() => {
                say.warn(at, "priority 255 starts as MASTER", "write `state MASTER`");
                true
            }
            Some((master, _)) => master,
            None => priority.is_owner(),
        }
    }

    fn preempt(&self, wants_master: bool, priority: Priority, say: &mut Say) -> bool {
        let (preempt, at) = self.preempt;
        if preempt || !wants_master {
            return preempt;
        }
        let why = if priority.is_owner() { "priority 255" } else { "`state MASTER`" };
        let message = format!("`nopreempt` has no effect with {why}, as in keepalived");
        say.warn(at, message, "write `state BACKUP` on all nodes to use `nopreempt`");
        true
    }

    fn transport(&mut self, name: &Word, say: &mut Say) {
        let peers = self.peers.as_ref();
        let unicast = peers.is_some_and(|peers| !peers.found.is_empty());
        if let Some(peers) = peers.filter(|peers| peers.found.is_empty()) {
            if peers.lines == 0 {
                let message = format!("no peers: instance `{}` uses multicast", name.show());
                say.warn(peers.at, message, "write the other nodes' addresses, one a line");
            } else {
                let message = "no line here is a usable address; adverts would go to multicast";
                say.error(peers.at, message, "write the other nodes' addresses, one a line");
            }
        }
        let Some((_, item)) = self.source else { return };
        if item.keyword.is("unicast_src_ip") && peers.is_none() {
            let message = "`unicast_src_ip` without `unicast_peer`: adverts go to multicast, from \
                           this address";
            say.warn(item.span(), message, "add `unicast_peer { … }`, or write `mcast_src_ip`");
        } else if item.keyword.is("mcast_src_ip") && unicast {
            let message = "`mcast_src_ip` with `unicast_peer`: used as the source of unicast";
            say.hint(item.span(), message, "write `unicast_src_ip`");
        }
    }
}

fn state(item: &Item, say: &mut Say) -> Option<(bool, Span)> {
    let word = one(item, say)?;
    if !word.is("MASTER") && !word.is("BACKUP") {
        let message = format!("there is no state `{}`, BACKUP is used", word.show());
        let meant = if word.bytes.eq_ignore_ascii_case(b"master") { "MASTER" } else { "BACKUP" };
        say.warn(word.span, message, format!("write `state {meant}`"));
    }
    Some((word.is("MASTER"), item.span()))
}

fn instance_interface(item: &Item, say: &mut Say) -> Option<IfName> {
    let word = one(item, say)?;
    let name = interface(word).filter(|_| !word.is("lo"));
    if name.is_none() {
        let message = format!("`{}` cannot be the interface of an instance", word.show());
        say.error(word.span, message, "write the interface that the other nodes are reached on");
    }
    name
}

fn vrid(item: &Item, say: &mut Say) -> Option<(Vrid, Span)> {
    let word = one(item, say)?;
    let number = integer(word).and_then(|n| u8::try_from(n).ok());
    let vrid = number.and_then(|n| Vrid::try_from(n).ok());
    if vrid.is_none() {
        let message = format!("a virtual_router_id is 1 to 255, not `{}`", word.show());
        say.error(word.span, message, "write the number that all nodes of this router share");
    }
    vrid.map(|vrid| (vrid, word.span))
}

/// VRRPv2 counts whole seconds: half a second and more is rounded up.
fn advert_int(item: &Item, say: &mut Say) -> Option<Duration> {
    let word = one(item, say)?;
    let range = Duration::from_millis(10)..=Duration::from_secs(255);
    let Some(value) = seconds(word).filter(|value| range.contains(value)) else {
        let message = format!("`advert_int` is 1 to 255 seconds, not `{}`: 1 is used", word.show());
        say.warn(word.span, message, "write `advert_int 1`, the same on all nodes");
        return Some(Duration::from_secs(1));
    };
    let up = u64::from(value.subsec_micros() >= 500_000);
    let rounded = value.as_secs().saturating_add(up).clamp(1, 255);
    if Duration::from_secs(rounded) != value {
        let message = format!("VRRPv2 counts whole seconds: {rounded} is used");
        say.warn(word.span, message, format!("write `advert_int {rounded}`"));
    }
    Some(Duration::from_secs(rounded))
}
