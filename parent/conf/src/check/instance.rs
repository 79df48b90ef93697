//! `vrrp_instance`: reads the block in any order, each line by itself. What depends on what is
//! settled in the file beside this one.

use super::address;
use super::globals::{Defaults, set, version};
use super::options::Said;
use super::peer::{self, Peers};
use super::route::{self, FoundRoute};
use super::rule::{self, FoundRule};
use super::script::Scripts;
use super::value::{flag, integer, interface, lease, number, one, switch};
use super::{auth, garp, host, notify, options, track, vmac, walk};
use crate::config::{Instance, Lease, Track, Vip};
use crate::diagnostic::{Say, Span};
use crate::keywords::Context;
use crate::tree::Item;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;
use vipd_types::{Family, IfName, Priority, Version, Vrid};

/// An instance and where things of it stand, for checks that look at all instances.
pub(super) struct Found {
    pub(super) instance: Instance,
    pub(super) name_at: Span,
    pub(super) vrid_at: Span,
    pub(super) source_at: Span,
    pub(super) strict: bool,
    /// Beside `instance.addresses`.
    pub(super) addresses_at: Vec<Span>,
    /// Beside `instance.excluded`.
    pub(super) excluded_at: Vec<Span>,
    /// Beside `instance.routes`.
    pub(super) routes_at: Vec<Span>,
    /// Beside `instance.rules`.
    pub(super) rules_at: Vec<Span>,
    /// Beside `instance.peers`.
    pub(super) peers_at: Vec<Span>,
    /// Beside `instance.tracks`.
    pub(super) tracks_at: Vec<Span>,
}

/// What other lines of an instance depend on.
pub(super) struct Facts {
    pub(super) family: Family,
    pub(super) version: Version,
    pub(super) priority: Priority,
    pub(super) wants_master: bool,
    pub(super) preempt: bool,
    pub(super) unicast: bool,
    pub(super) advert_int: Duration,
}

/// All instances, and the names of those that cannot exist.
pub(super) fn read(
    blocks: &[&Item],
    defaults: &Defaults,
    scripts: &Scripts,
    say: &mut Say,
) -> (Vec<Found>, HashSet<String>) {
    let mut names: HashMap<String, Span> = HashMap::new();
    let mut found = Vec::new();
    let mut broken = HashSet::new();
    for block in blocks {
        let Some(name) = one(block, say) else { continue };
        let named = String::from_utf8_lossy(&name.bytes).into_owned();
        if let Some(first) = names.get(&named) {
            let line = say.line_of(*first, name.span);
            let message = format!("an instance named `{}` is on {line}", name.show());
            let remedy = "give it another name, or remove it";
            say.warn(name.span, format!("{message}; this one is skipped"), remedy);
            continue;
        }
        let mut draft = Draft::new(defaults);
        let items = block.block.as_deref().unwrap_or_default();
        walk(items, Context::Instance, say, |keyword, item, say| {
            draft.keyword(keyword, item, scripts, say);
        });
        match draft.settle(name, defaults, say) {
            Some(one) => found.push(one),
            None => {
                broken.insert(named.clone());
            }
        }
        names.insert(named, name.span);
    }
    (found, broken)
}

/// What the lines of a block say, each by itself.
pub(super) struct Draft<'a> {
    pub(super) state: Said<bool>,
    pub(super) interface: Option<IfName>,
    /// Spoken of already, so that its absence is not spoken of too.
    pub(super) bad_interface: bool,
    pub(super) vrid: Said<Vrid>,
    pub(super) bad_vrid: bool,
    pub(super) priority: Said<Priority>,
    pub(super) version: Said<Version>,
    pub(super) native_ipv6: Option<Span>,
    /// Read when the version is known.
    pub(super) advert_int: Option<&'a Item>,
    pub(super) preempt: (bool, Span),
    pub(super) strict: Said<bool>,
    pub(super) wishes: options::Wishes,
    pub(super) accept: Said<bool>,
    pub(super) fast_handover: Said<bool>,
    pub(super) lease: Lease,
    pub(super) auth: Said<auth::Wish>,
    pub(super) vmac: vmac::Wishes,
    /// With the line.
    pub(super) source: Option<(IpAddr, Span, &'a Item)>,
    pub(super) group: Said<IpAddr>,
    pub(super) peers: Option<Peers>,
    /// `unicast_fault_no_peer`
    pub(super) wants_peers: Option<Span>,
    /// `no_virtual_ipaddress`
    pub(super) wants_no_address: Option<Span>,
    pub(super) check_unicast_src: bool,
    pub(super) addresses: Vec<(Vip, Span)>,
    pub(super) excluded: Vec<(Vip, Span)>,
    pub(super) routes: Vec<FoundRoute>,
    pub(super) rules: Vec<FoundRule>,
    pub(super) tracks: Vec<(Track, Span)>,
    pub(super) track_primary: bool,
    /// `track_src_ip`
    pub(super) track_source: Option<Span>,
    pub(super) garp: garp::Wishes,
    pub(super) notify: notify::Wishes,
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
            version: None,
            native_ipv6: None,
            advert_int: None,
            preempt: (true, Span::default()),
            strict: None,
            wishes: options::Wishes::default(),
            accept: None,
            fast_handover: None,
            lease: defaults.lease,
            auth: None,
            vmac: vmac::Wishes::default(),
            source: None,
            group: None,
            peers: None,
            wants_peers: None,
            wants_no_address: None,
            check_unicast_src: defaults.check_unicast_src,
            addresses: Vec::new(),
            excluded: Vec::new(),
            routes: Vec::new(),
            rules: Vec::new(),
            tracks: Vec::new(),
            track_primary: true,
            track_source: None,
            garp: garp::Wishes::default(),
            notify: notify::Wishes::default(),
        }
    }

    fn keyword(&mut self, name: &str, item: &'a Item, scripts: &Scripts, say: &mut Say) {
        let at = item.span();
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
                self.priority = priority.map(|p| (p, at));
            }
            "advert_int" => self.advert_int = Some(item),
            "version" => {
                self.version = version(item, "the default is used", say).map(|v| (v, at));
            }
            "native_ipv6" => self.native_ipv6 = flag(item, say).then_some(at),
            "virtual_ipaddress" => address::addresses(item, &mut self.addresses, say),
            "virtual_ipaddress_excluded" => address::addresses(item, &mut self.excluded, say),
            "virtual_routes" => route::routes(item, &mut self.routes, say),
            "virtual_rules" => rule::rules(item, &mut self.rules, say),
            "nopreempt" => self.preempt = (!flag(item, say), at),
            "preempt" => self.preempt = (flag(item, say), at),
            "strict_mode" => self.strict = switch(item, say).map(|on| (on, at)),
            "accept" => self.accept = Some((flag(item, say), at)),
            "no_accept" => self.accept = Some((!flag(item, say), at)),
            "authentication" => self.auth = auth::read(item, say),
            "unicast_src_ip" | "mcast_src_ip" => {
                let source = host::source(item, say);
                set(&mut self.source, source.map(|(a, at)| Some((a, at, item))));
            }
            "mcast_dst_ip" => self.group = host::group(item, None, say),
            "unicast_peer" => peer::peers(item, self.peers.get_or_insert_default(), say),
            "unicast_fault_no_peer" => self.wants_peers = flag(item, say).then_some(at),
            "no_virtual_ipaddress" => self.wants_no_address = flag(item, say).then_some(at),
            "check_unicast_src" => set(&mut self.check_unicast_src, switch(item, say)),
            "track_script" => {
                track::scripts(item, "this instance", scripts, &mut self.tracks, say);
            }
            "track_process" => {
                track::processes(item, "this instance", scripts, &mut self.tracks, say);
            }
            "track_file" => {
                track::files(item, "this instance", scripts, &mut self.tracks, say);
            }
            "track_interface" => {
                track::interfaces(item, "this instance", &mut self.tracks, say);
            }
            "dont_track_primary" => self.track_primary = !flag(item, say),
            "track_src_ip" => self.track_source = flag(item, say).then_some(at),
            "fast_handover" => self.fast_handover = switch(item, say).map(|on| (on, at)),
            "vip_lease" => set(&mut self.lease, lease(item, say)),
            "use_vmac" => vmac::read(item, &mut self.vmac, say),
            "vmac_xmit_base" => self.vmac.xmit_base = flag(item, say).then_some(at),
            name => {
                if !self.notify.keyword(name, item, say) && !self.wishes.keyword(name, item, say) {
                    self.garp.keyword(name, item, say);
                }
            }
        }
    }
}

fn state(item: &Item, say: &mut Say) -> Option<(bool, Span)> {
    let word = one(item, say)?;
    if !word.is("MASTER") && !word.is("BACKUP") {
        let message =
            format!("there is no state `{}`, BACKUP is used, as in keepalived", word.show());
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
    } else if word.bytes.iter().any(|b| b"<>{}$%".contains(b)) {
        let message = format!("`{}` looks like a placeholder that nobody filled in", word.show());
        say.warn(word.span, message, "write the name of the interface, as `ip link` shows it");
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
