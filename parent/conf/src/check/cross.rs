//! What can only be seen when all blocks are read: two routers that are one, an address in two
//! places, a node that is its own peer, a check that nobody looks at.

use super::host::is_link_local;
use super::instance::Found;
use super::script::Scripts;
use super::transport::no_address;
use crate::config::{Target, Track, Vip};
use crate::diagnostic::{Say, Span};
use crate::limits::{PEERS_MAX, TRACKS_MAX};
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use vipd_types::{CheckId, FileId, IfName, ProcessId, ScriptId};

/// `seen` are the static addresses.
pub(super) fn check(
    instances: &mut [Found],
    scripts: &Scripts,
    seen: HashMap<Place, Span>,
    say: &mut Say,
) {
    too_many(instances, say);
    same_address(instances, seen, say);
    same_router(instances, say);
    same_vmac(instances, say);
    own_source(instances, say);
    own_peer(instances, say);
    owner(instances, scripts, say);
    untracked(instances, scripts, say);
    own_link(instances, say);
}

fn too_many(instances: &[Found], say: &mut Say) {
    for found in instances {
        if let Some(at) = found.peers_at.get(PEERS_MAX) {
            let message = format!("more than {PEERS_MAX} peers");
            say.error(*at, message, "let the nodes of this instance share a network");
        }
        if let Some(at) = found.tracks_at.get(TRACKS_MAX) {
            let message = format!("more than {TRACKS_MAX} tracked scripts and interfaces");
            say.error(*at, message, "let one script check several things");
        }
    }
}

fn same_router(instances: &[Found], say: &mut Say) {
    let mut seen = HashMap::new();
    for found in instances {
        let i = &found.instance;
        let key = (i.vrid, i.interface, i.family);
        if let Some(other) = seen.insert(key, found) {
            let message = format!(
                "virtual_router_id {} on {} is already that of instance `{}`, {}",
                i.vrid,
                i.interface,
                other.instance.name,
                say.line_of(other.name_at, found.vrid_at)
            );
            say.error(found.vrid_at, message, "give one of them another virtual_router_id");
        }
    }
}

/// As in keepalived the second place is left out; which of two routers holds it would be chance.
fn same_address(instances: &mut [Found], mut seen: HashMap<Place, Span>, say: &mut Say) {
    for found in &mut *instances {
        let i = &mut found.instance;
        let some = !i.addresses.is_empty();
        once(&mut i.addresses, &mut found.addresses_at, i.interface, &mut seen, say);
        if i.addresses.is_empty() && some {
            let meant = !i.excluded.is_empty();
            let name = i.name.escape_debug();
            no_address(&name, found.name_at, i.version, found.strict, meant, say);
        }
    }
    for found in instances {
        let i = &mut found.instance;
        once(&mut i.excluded, &mut found.excluded_at, i.interface, &mut seen, say);
    }
}

/// A link-local address means something on its link only, and may be on several.
pub(super) type Place = (IpAddr, Option<IfName>);

fn once(
    vips: &mut Vec<Vip>,
    places: &mut Vec<Span>,
    interface: IfName,
    seen: &mut HashMap<Place, Span>,
    say: &mut Say,
) {
    let all = std::mem::take(vips).into_iter().zip(std::mem::take(places));
    for (vip, at) in all {
        let link = is_link_local(vip.address).then(|| vip.dev.unwrap_or(interface));
        if let Some(first) = seen.get(&(vip.address, link)) {
            let line = say.line_of(*first, at);
            let message = format!("address {} is already on {line}", vip.address);
            say.warn(at, format!("{message}, here it is left out"), "write each address once");
            continue;
        }
        seen.insert((vip.address, link), at);
        vips.push(vip);
        places.push(at);
    }
}

/// An interface is made once, and is not made where one is.
fn same_vmac(instances: &[Found], say: &mut Say) {
    let mut seen: HashMap<IfName, String> = HashMap::new();
    for i in instances.iter().map(|found| &found.instance) {
        seen.insert(i.interface, "the interface of adverts".to_owned());
    }
    for found in instances {
        let named = found.instance.vmac.as_ref().and_then(|vmac| vmac.name);
        let Some(name) = named else { continue };
        let what = format!("the virtual MAC of `{}`", found.instance.name.escape_debug());
        if let Some(other) = seen.insert(name, what) {
            let message = format!("`use_vmac` would make {name}, but that is {other}");
            say.error(found.name_at, message, "write another name behind `use_vmac`");
        }
    }
}

/// The address that adverts leave from must stay when the virtual ones go. Others drop adverts from
/// a virtual address whose sender does not own it.
fn own_source(instances: &[Found], say: &mut Say) {
    for found in instances.iter().filter(|found| !found.instance.priority.is_owner()) {
        let i = &found.instance;
        if let Some(vip) = i.all_addresses().find(|vip| Some(vip.address) == i.source) {
            let message = format!("the source {} is one of the virtual addresses", vip.address);
            say.error(found.source_at, message, "write an address that stays on this node");
        }
    }
}

/// An owner's priority does not move: only weight 0 means something to it.
fn owner(instances: &[Found], scripts: &Scripts, say: &mut Say) {
    for found in instances.iter().filter(|found| found.instance.priority.is_owner()) {
        let tracks = found.instance.tracks.iter().zip(&found.tracks_at);
        for (track, at) in tracks.filter(|(track, _)| track.weight.get() != 0) {
            let name = scripts.name(track.target);
            let message = format!("the weight of `{name}` has no effect on priority 255");
            say.warn(*at, message, "write a priority of 254 or less");
        }
    }
}

/// The loss of the own link is a FAULT, in which no priority counts.
fn own_link(instances: &[Found], say: &mut Say) {
    for found in instances.iter().filter(|found| found.instance.track_primary) {
        let i = &found.instance;
        let own = |track: &Track| track.target == Target::Interface(i.interface);
        let tracks = i.tracks.iter().zip(&found.tracks_at);
        for (_, at) in tracks.filter(|(track, _)| own(track) && track.weight.get() != 0) {
            let message = format!(
                "the weight has no effect: without {} this instance is in FAULT",
                i.interface
            );
            say.warn(*at, message, "write `dont_track_primary` too, or leave the weight out");
        }
    }
}

fn own_peer(instances: &[Found], say: &mut Say) {
    for found in instances {
        let i = &found.instance;
        for (peer, at) in i.peers.iter().zip(&found.peers_at) {
            if i.source == Some(peer.address) {
                let message = format!("{} is the unicast_src_ip of this node itself", peer.address);
                say.error(*at, message, "write the addresses of the other nodes only");
            } else if i.all_addresses().any(|vip| vip.address == peer.address) {
                let message = format!("peer {} is a virtual address: it moves", peer.address);
                say.warn(*at, message, "write the fixed address of the other node");
            }
        }
    }
}

fn untracked(instances: &[Found], scripts: &Scripts, say: &mut Say) {
    let tracks = instances.iter().flat_map(|found| &found.instance.tracks);
    let tracked: HashSet<Target> = tracks.map(|track| track.target).collect();
    for (id, script, at) in scripts.scripts.places() {
        if !tracked.contains(&Target::Script(ScriptId(id))) {
            let message = format!("no instance tracks script `{}`: it is never run", script.name);
            say.hint(at, message, "write its name into a `track_script` block");
        }
    }
    for (id, check, at) in scripts.checks.places() {
        if !tracked.contains(&Target::Check(CheckId(id))) {
            let message = format!("no instance tracks `{}`: it is never asked", check.name);
            say.hint(at, message, "write its name into a `track_script` block");
        }
    }
    for (id, process, at) in scripts.processes.places() {
        if !tracked.contains(&Target::Process(ProcessId(id))) {
            let message = format!("no instance tracks the process `{}`", process.name);
            say.hint(at, message, "write its name into a `track_process` block");
        }
    }
    for (id, file, at) in scripts.files.places() {
        if !tracked.contains(&Target::File(FileId(id))) {
            let message = format!("no instance tracks the file `{}`", file.name);
            say.hint(at, message, "write its name into a `track_file` block");
        }
    }
}
