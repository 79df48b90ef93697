//! Items to configuration: goes through the blocks, looks every keyword up and says what is to be
//! said about it. The meaning of each keyword is in the files beside this one.

mod address;
mod auth;
mod cross;
mod family;
mod file;
mod garp;
mod globals;
mod host;
mod instance;
mod interval;
mod metrics;
mod named;
mod native;
mod notify;
mod options;
mod outcome;
mod paths;
mod peer;
mod process;
mod route;
mod rule;
mod script;
mod settle;
mod statics;
mod strict;
mod sync;
mod track;
mod transport;
pub(crate) mod value;
pub(crate) mod vmac;
mod words;

use crate::config::Config;
use crate::diagnostic::{Say, Span};
use crate::keywords::{Context, Keyword, Shape, find};
use crate::places::HeldLines;
use crate::suggest;
use crate::tree::Item;
use script::Scripts;
use std::collections::HashMap;

/// Globals and scripts come first, whatever their place in the file.
pub(crate) fn check(items: &[Item], say: &mut Say) -> (Config, HeldLines) {
    let mut globals = Vec::new();
    let mut scripts = Vec::new();
    let (mut processes, mut files, mut checks) = (Vec::new(), Vec::new(), Vec::new());
    let mut instances = Vec::new();
    let mut groups = Vec::new();
    let mut net_namespace = None;
    let mut statics = statics::Draft::default();
    walk(items, Context::TopLevel, say, |name, item, say| match name {
        "net_namespace" => net_namespace = host::namespace(item, say),
        "global_defs" => globals.push(item),
        "vrrp_script" => scripts.push(item),
        "vrrp_track_process" => processes.push(item),
        "track_file" | "vrrp_track_file" => files.push(item),
        "vrrp_check" => checks.push(item),
        "vrrp_sync_group" => groups.push(item),
        name if statics.keyword(name, item, say) => {}
        _ => instances.push(item),
    });
    let mut defaults = globals::read(&globals, say);
    defaults.globals.net_namespace = net_namespace;
    let scripts = script::read(&scripts, defaults.globals.native_checks, say);
    let scripts = Scripts {
        checks: native::read(&checks, &scripts, say),
        processes: process::read(&processes, say),
        files: file::read(&files, say),
        scripts,
    };
    let (mut instances, broken) = instance::read(&instances, &defaults, &scripts, say);
    let groups = sync::read(&groups, &scripts, say);
    let groups = sync::settle(groups, &mut instances, &broken, &scripts, say);
    let (mut paths, mut seen) = (paths::Paths::new(), HashMap::new());
    let known = (instances.as_slice(), &broken);
    let (statics, track_groups, mut held) =
        statics.settle(defaults.default_interface, known, &mut paths, &mut seen, say);
    cross::check(&mut instances, &scripts, seen, say);
    paths.check(&mut instances, say);
    instances.iter().for_each(|found| paths::lines(found, &mut held));
    let config = Config {
        globals: defaults.globals,
        instances: instances.into_iter().map(|i| i.instance).collect(),
        scripts: scripts.scripts.list,
        processes: scripts.processes.list,
        files: scripts.files.list,
        checks: scripts.checks.list,
        groups,
        statics,
        track_groups,
    };
    (config, held)
}

/// Keywords that may stand more than once in a block.
const REPEATABLE: [&str; 29] = [
    "global_defs",
    "vrrp_instance",
    "vrrp_script",
    "vrrp_sync_group",
    "group",
    "track_script",
    "track_interface",
    "track_process",
    "vrrp_track_process",
    "static_ipaddress",
    "static_routes",
    "static_rules",
    "track_group",
    "track_file",
    "vrrp_track_file",
    "vrrp_check",
    // A list may go on on another line.
    "status_code",
    "virtual_ipaddress",
    "virtual_ipaddress_excluded",
    "virtual_routes",
    "virtual_rules",
    "unicast_peer",
    // Here the first line counts, and says so itself.
    "notify",
    "notify_master",
    "notify_backup",
    "notify_fault",
    "notify_stop",
    "notify_deleted",
    "notify_master_rx_lower_pri",
];

/// Hands every keyword of a block that vipd serves to `serve`, and speaks about all the others.
fn walk<'a>(
    items: &'a [Item],
    context: Context,
    say: &mut Say,
    mut serve: impl FnMut(&'static str, &'a Item, &mut Say),
) {
    let mut seen: HashMap<&'static str, (&'static str, Span)> = HashMap::new();
    for item in items {
        let Some(keyword) = find(context, &item.keyword.bytes) else {
            unknown(item, context, say);
            continue;
        };
        if !speak_of(keyword, item, say) {
            continue;
        }
        if !REPEATABLE.contains(&keyword.name)
            && let Some((name, first)) =
                seen.insert(subject(keyword.name), (keyword.name, item.span()))
        {
            let line = say.line_of(first, item.span());
            let message = format!("`{name}` is on {line} already, this line replaces it");
            say.warn(item.span(), message, "remove one of them");
        }
        serve(keyword.name, item, say);
    }
}

/// Two names for one thing replace each other.
fn subject(name: &'static str) -> &'static str {
    match name {
        "nopreempt" => "preempt",
        "mcast_src_ip" => "unicast_src_ip",
        "no_accept" => "accept",
        "global_tracking" => "sync_group_tracking_weight",
        name => name,
    }
}

/// True if the keyword is to be served.
fn speak_of(keyword: &'static Keyword, item: &Item, say: &mut Say) -> bool {
    let name = keyword.name;
    if !outcome::of(keyword, item.span(), say) {
        return false;
    }
    match (keyword.shape, item.block.is_some()) {
        (Shape::Block, false) => {
            let message = format!("`{name}` begins a block, but no `{{` follows");
            say.error(item.span(), message, format!("write `{name} … {{` and close it with `}}`"));
            false
        }
        (Shape::Line, true) => {
            let message = format!("`{name}` has no block; what is between the braces is skipped");
            say.warn(item.span(), message, "remove the braces");
            true
        }
        (Shape::Block, true) | (Shape::Line, false) => true,
    }
}

fn unknown(item: &Item, context: Context, say: &mut Say) {
    let written = item.keyword.bytes.as_slice();
    let mut message = format!("unknown keyword `{}` in {}", item.keyword.show(), context.name());
    message.push_str(match &item.block {
        Some(_) => ", its block is skipped (keepalived would read the block's lines as its own)",
        None => ", the line is ignored",
    });
    say.warn(item.span(), message, remedy(written, context));
}

/// What the writer of an unknown keyword may want to write.
fn remedy(written: &[u8], context: Context) -> String {
    let prefixed = [b"vrrp_", written].concat();
    let is_value = |b: &u8| matches!(b, b'=' | b':' | b';') || b.is_ascii_digit();
    let glued = written.split(is_value).next().unwrap_or(written);
    if written.starts_with(b"[..") || written.starts_with(b"...") {
        "write the lines that were left out here".to_owned()
    } else if let Some(near) = suggest::keyword(context, written) {
        format!("write `{near}` if that was meant")
    } else if glued != written && find(context, glued).is_some() {
        format!("write `{}` and a blank before the value", glued.escape_ascii())
    } else if context != Context::Globals
        && let Some(keyword) = find(Context::Globals, &prefixed)
    {
        format!("write `{}` in global_defs", keyword.name)
    } else if let Some(place) = suggest::place(written) {
        format!("it belongs into {}", place.name())
    } else if context == Context::SyncGroup {
        "write the names of members into `group { … }`".to_owned()
    } else {
        "remove it, or put `#` before it".to_owned()
    }
}
