//! `global_defs`: settings of the daemon and the defaults that instances take over.

use super::value::{flag, interface, lease, number, one, switch, text, user};
use super::{garp, host, notify, options, vmac, walk};
use crate::config::{Garp, Globals, Lease};
use crate::diagnostic::Say;
use crate::keywords::Context;
use crate::reader::check_named;
use crate::tree::Item;
use std::net::IpAddr;
use vipd_types::{Family, IfName, Version};

/// What an instance starts from.
pub(super) struct Defaults {
    pub(super) globals: Globals,
    pub(super) version: Version,
    group4: IpAddr,
    group6: IpAddr,
    pub(super) options: options::Wishes,
    pub(super) strict: bool,
    pub(super) garp: Garp,
    pub(super) check_unicast_src: bool,
    pub(super) lease: Lease,
    pub(super) fast_handover: bool,
    pub(super) vmac_prefix: String,
    pub(super) priority_changes: bool,
    /// Of static addresses.
    pub(super) default_interface: Option<IfName>,
}

impl Defaults {
    pub(super) fn group(&self, family: Family) -> IpAddr {
        match family {
            Family::V4 => self.group4,
            Family::V6 => self.group6,
        }
    }
}

pub(super) fn read(blocks: &[&Item], say: &mut Say) -> Defaults {
    let mut d = Defaults {
        globals: Globals::default(),
        version: Version::V2,
        group4: host::default_group(Family::V4),
        group6: host::default_group(Family::V6),
        options: options::Wishes::default(),
        strict: false,
        garp: Garp::default(),
        check_unicast_src: true,
        lease: Lease::Default,
        fast_handover: true,
        vmac_prefix: "vrrp".to_owned(),
        priority_changes: false,
        default_interface: None,
    };
    let mut garp = garp::Wishes::default();
    let mut told = notify::Global::default();
    for block in blocks {
        let items = block.block.as_deref().unwrap_or_default();
        walk(items, Context::Globals, say, |name, item, say| {
            if !told.keyword(&mut d.globals, name, item, say) {
                keyword(&mut d, &mut garp, name, item, say);
            }
        });
    }
    d.priority_changes = told.priority_changes;
    d.globals.fifos = told.settle(say);
    d.garp = garp.of_globals();
    d
}

fn keyword(d: &mut Defaults, garp: &mut garp::Wishes, name: &str, item: &Item, say: &mut Say) {
    match name {
        "router_id" => d.globals.router_id = one(item, say).map(|word| text(word, say)),
        "script_user" => d.globals.script_user = user(item, say),
        "enable_script_security" => d.globals.enable_script_security = flag(item, say),
        "vrrp_version" => set(&mut d.version, version(item, "2 is used", say)),
        "vrrp_mcast_group4" => set(&mut d.group4, group(item, Family::V4, say)),
        "vrrp_mcast_group6" => set(&mut d.group6, group(item, Family::V6, say)),
        "vrrp_strict" => set(&mut d.strict, switch(item, say)),
        "vrrp_check_unicast_src" => set(&mut d.check_unicast_src, switch(item, say)),
        "script_capabilities" => d.globals.script_capabilities = capabilities(item, say),
        "native_checks" => set(&mut d.globals.native_checks, switch(item, say)),
        "vip_lease" => set(&mut d.lease, lease(item, say)),
        "fast_handover" => set(&mut d.fast_handover, switch(item, say)),
        // They have had their effect when the lines were read.
        "include_check" => include_check(item, say),
        "random_seed" => drop(number::<u64>(item, 0..=i64::from(u32::MAX), 0, say)),
        "default_interface" => {
            d.default_interface = one(item, say).and_then(|word| {
                let found = interface(word);
                if found.is_none() {
                    let message = format!("`{}` is no interface name; ignored", word.show());
                    say.warn(word.span, message, "write the name of an interface");
                }
                found
            });
        }
        "vmac_prefix" => set(&mut d.vmac_prefix, vmac::prefix(item, say)),
        name => {
            let bare = name.trim_start_matches("vrrp_");
            if !d.options.keyword(bare, item, say) {
                garp.keyword(bare, item, say);
            } else if name == "v3_checksum_as_v2" {
                speak_of_checksum(d, say);
            }
        }
    }
}

/// Names of capabilities(7), with or without `cap_`.
fn capabilities(item: &Item, say: &mut Say) -> Vec<&'static str> {
    let mut named = Vec::new();
    for word in &item.words {
        let text = word.show().to_lowercase();
        let known = Globals::CAPABILITIES.iter().find(|name| {
            **name == text || name.strip_prefix("cap_").is_some_and(|rest| rest == text)
        });
        match known {
            Some(name) => named.push(*name),
            None => {
                let message = format!("`{}` is no capability; it is ignored", word.show());
                say.warn(word.span, message, "write names as in capabilities(7), cap_net_admin");
            }
        }
    }
    if item.words.is_empty() {
        say.warn(item.span(), "`script_capabilities` names none", "write cap_net_admin behind it");
    }
    named
}

fn include_check(item: &Item, say: &mut Say) {
    for word in &item.words {
        let name = word.bytes.strip_prefix(b"+").or(word.bytes.strip_prefix(b"-"));
        if check_named(name.unwrap_or(&word.bytes)).is_none() {
            let message = format!("`include_check` knows no `{}`; it is ignored", word.show());
            let remedy = "write readable, match, wildcard_match or brace_match";
            say.warn(word.span, message, remedy);
        }
    }
}

fn speak_of_checksum(d: &Defaults, say: &mut Say) {
    if let Some((false, at)) = d.options.checksum_as_v2 {
        let message =
            "keepalived takes `v3_checksum_as_v2` in global_defs for on, whatever follows";
        say.warn(at, message, "remove the line");
    }
}

fn group(item: &Item, family: Family, say: &mut Say) -> Option<IpAddr> {
    host::group(item, Some(family), say).map(|(group, _)| group)
}

pub(super) fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// 2 or 3.
pub(super) fn version(item: &Item, instead: &str, say: &mut Say) -> Option<Version> {
    let word = one(item, say)?;
    match word.bytes.as_slice() {
        b"2" => Some(Version::V2),
        b"3" => Some(Version::V3),
        _ => {
            let message = format!("there is no VRRP version `{}`; {instead}", word.show());
            say.warn(word.span, message, "write `2` or `3`");
            None
        }
    }
}
