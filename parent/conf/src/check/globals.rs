//! `global_defs`: settings of the daemon and the defaults that instances take over.

use super::value::{flag, lease, number, one, switch, text, user};
use super::walk;
use crate::config::{Garp, Globals, Lease};
use crate::diagnostic::Say;
use crate::keywords::Context;
use crate::tree::Item;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::time::Duration;

/// What an instance starts from.
pub(super) struct Defaults {
    pub(super) globals: Globals,
    pub(super) group: Ipv4Addr,
    pub(super) garp: Garp,
    pub(super) check_unicast_src: bool,
    pub(super) lease: Lease,
    pub(super) fast_handover: bool,
}

pub(super) fn read(blocks: &[&Item], say: &mut Say) -> Defaults {
    let mut d = Defaults {
        globals: Globals::default(),
        group: Ipv4Addr::new(224, 0, 0, 18),
        garp: Garp::default(),
        check_unicast_src: true,
        lease: Lease::Default,
        fast_handover: true,
    };
    for block in blocks {
        let items = block.block.as_deref().unwrap_or_default();
        walk(items, Context::Globals, say, |name, item, say| keyword(&mut d, name, item, say));
    }
    d
}

fn keyword(d: &mut Defaults, name: &str, item: &Item, say: &mut Say) {
    match name {
        "router_id" => d.globals.router_id = one(item, say).map(|word| text(word, say)),
        "script_user" => d.globals.script_user = user(item, say),
        "enable_script_security" => d.globals.enable_script_security = flag(item, say),
        "vrrp_version" => version(item, say),
        "vrrp_mcast_group4" => set(&mut d.group, group(item, say)),
        "vrrp_check_unicast_src" => set(&mut d.check_unicast_src, switch(item, say)),
        "native_checks" => set(&mut d.globals.native_checks, switch(item, say)),
        "vip_lease" => set(&mut d.lease, lease(item, say)),
        "fast_handover" => set(&mut d.fast_handover, switch(item, say)),
        name => garp(&mut d.garp, name.trim_start_matches("vrrp_"), item, say),
    }
}

pub(super) fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// Version 2 is served only.
pub(super) fn version(item: &Item, say: &mut Say) {
    let Some(word) = one(item, say) else { return };
    if word.is("3") {
        let message = "VRRPv3 is not served yet";
        say.error(word.span, message, "write version 2 here and on all other nodes");
    } else if !word.is("2") {
        let message = format!("there is no VRRP version `{}`; 2 is used", word.show());
        say.warn(word.span, message, "write `2`");
    }
}

fn group(item: &Item, say: &mut Say) -> Option<Ipv4Addr> {
    let word = one(item, say)?;
    let parsed = std::str::from_utf8(&word.bytes).ok().and_then(|t| t.parse::<Ipv4Addr>().ok());
    let group = parsed.filter(Ipv4Addr::is_multicast);
    if group.is_none() {
        let message = format!("`{}` is no IPv4 multicast group; 224.0.0.18 is used", word.show());
        say.warn(word.span, message, "write an address from 224.0.0.0 to 239.255.255.255");
    }
    group
}

/// Packets per address and block.
const REPEAT: RangeInclusive<i64> = 1..=255;
/// Seconds; a day.
const DELAY: RangeInclusive<i64> = 0..=86_400;

/// The four `garp_master_…` keywords, here and in instances.
pub(super) fn garp(garp: &mut Garp, name: &str, item: &Item, say: &mut Say) {
    match name {
        "garp_master_delay" => {
            set(&mut garp.master_delay, number(item, DELAY, 5, say).map(Duration::from_secs));
        }
        "garp_master_refresh" => {
            set(&mut garp.master_refresh, number(item, DELAY, 0, say).map(Duration::from_secs));
        }
        "garp_master_repeat" => {
            let instead = if item.words.first().is_some_and(|w| w.is("0")) { 1 } else { 5 };
            set(&mut garp.master_repeat, number(item, REPEAT, instead, say));
        }
        _ => set(&mut garp.master_refresh_repeat, number(item, REPEAT, 1, say)),
    }
}
