//! What is in the kernel, as lines: the addresses, routes and rules of an instance, and those that
//! are always there. Only for the printed configuration.

use super::{Page, quoted};
use crate::config::{Config, Instance, Vip};
use std::fmt::Display;

/// While the instance is MASTER.
pub(super) fn held(page: &mut Page, i: &Instance) {
    page.block("virtual_ipaddress", None, |page| i.addresses.iter().for_each(|v| vip(page, v)));
    if !i.excluded.is_empty() {
        let excluded = |page: &mut Page| i.excluded.iter().for_each(|v| vip(page, v));
        page.block("virtual_ipaddress_excluded", None, excluded);
    }
    lines(page, "virtual_routes", &i.routes);
    lines(page, "virtual_rules", &i.rules);
}

/// While the daemon runs.
pub(super) fn statics(page: &mut Page, config: &Config) {
    let group = |group: Option<usize>| {
        let group = group.and_then(|place| config.track_groups.get(place));
        group.map(|group| [b" track_group ", quoted(group.name.as_bytes()).as_slice()].concat())
    };
    let all = &config.statics;
    if !all.addresses.is_empty() {
        page.block("static_ipaddress", None, |page| {
            for one in &all.addresses {
                let more = group(one.group).unwrap_or_default();
                page.line(&[&[vip_text(&one.entry), more].concat()]);
            }
        });
    }
    let routes = all.routes.iter().map(|one| (one.entry.to_string(), group(one.group)));
    let rules = all.rules.iter().map(|one| (one.entry.to_string(), group(one.group)));
    let routes: Vec<_> = routes.collect();
    let rules: Vec<_> = rules.collect();
    for (keyword, lines) in [("static_routes", routes), ("static_rules", rules)] {
        if lines.is_empty() {
            continue;
        }
        page.block(keyword, None, |page| {
            for (text, more) in lines {
                page.line(&[&[text.into_bytes(), more.unwrap_or_default()].concat()]);
            }
        });
    }
    for group in &config.track_groups {
        let members = || group.members.iter().filter_map(|place| config.instances.get(*place));
        page.block("track_group", Some(group.name.as_bytes()), |page| {
            page.block("group", None, |page| {
                members().for_each(|member| page.line(&[&quoted(member.name.as_bytes())]));
            });
        });
    }
}

fn vip(page: &mut Page, vip: &Vip) {
    page.line(&[&vip_text(vip)]);
}

pub(crate) fn vip_text(vip: &Vip) -> Vec<u8> {
    let mut text = format!("{}/{}", vip.address, vip.prefix).into_bytes();
    let mut option = |name: &str, value: &[u8]| {
        text.extend([b" ", name.as_bytes(), b" ", value].concat());
    };
    if let Some(dev) = vip.dev {
        option("dev", &quoted(dev.as_bytes()));
    }
    if let Some(label) = &vip.label {
        option("label", &quoted(label.as_bytes()));
    }
    if let Some(broadcast) = vip.broadcast {
        option("brd", broadcast.to_string().as_bytes());
    }
    option("scope", vip.scope.to_string().as_bytes());
    match vip.preferred_lft {
        None => {}
        Some(u32::MAX) => option("preferred_lft", b"forever"),
        Some(seconds) => option("preferred_lft", seconds.to_string().as_bytes()),
    }
    if let Some(peer) = vip.peer {
        option("peer", peer.to_string().as_bytes());
    }
    for (name, on) in [
        ("-nodad", vip.dad),
        ("home", vip.home),
        ("mngtmpaddr", vip.mngtmpaddr),
        ("noprefixroute", vip.noprefixroute),
        ("autojoin", vip.autojoin),
        ("no_track", !vip.track),
    ] {
        if on {
            text.extend([b" ", name.as_bytes()].concat());
        }
    }
    text
}

fn lines(page: &mut Page, keyword: &str, all: &[impl Display]) {
    if !all.is_empty() {
        let each =
            |page: &mut Page| all.iter().for_each(|one| page.line(&[one.to_string().as_bytes()]));
        page.block(keyword, None, each);
    }
}
