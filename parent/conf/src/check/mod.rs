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
mod named;
mod native;
mod notify;
mod options;
mod peer;
mod process;
mod script;
mod settle;
mod strict;
mod sync;
mod track;
mod transport;
pub(crate) mod value;
pub(crate) mod vmac;

use crate::config::Config;
use crate::diagnostic::{Say, Span};
use crate::keywords::{Context, Keyword, Served, Shape, find};
use crate::suggest;
use crate::tree::Item;
use script::Scripts;
use std::collections::HashMap;

/// Globals and scripts come first, whatever their place in the file.
pub(crate) fn check(items: &[Item], say: &mut Say) -> Config {
    let mut globals = Vec::new();
    let mut scripts = Vec::new();
    let (mut processes, mut files, mut checks) = (Vec::new(), Vec::new(), Vec::new());
    let mut instances = Vec::new();
    let mut groups = Vec::new();
    let mut net_namespace = None;
    walk(items, Context::TopLevel, say, |name, item, say| match name {
        "net_namespace" => net_namespace = host::namespace(item, say),
        "global_defs" => globals.push(item),
        "vrrp_script" => scripts.push(item),
        "vrrp_track_process" => processes.push(item),
        "track_file" | "vrrp_track_file" => files.push(item),
        "vrrp_check" => checks.push(item),
        "vrrp_sync_group" => groups.push(item),
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
    cross::check(&mut instances, &scripts, say);
    if defaults.globals.enable_script_security {
        cross::security(&scripts, say);
    }
    Config {
        globals: defaults.globals,
        instances: instances.into_iter().map(|i| i.instance).collect(),
        scripts: scripts.scripts.list,
        processes: scripts.processes.list,
        files: scripts.files.list,
        checks: scripts.checks.list,
        groups,
    }
}

/// Keywords that may stand more than once in a block.
const REPEATABLE: [&str; 22] = [
    "global_defs",
    "vrrp_instance",
    "vrrp_script",
    "vrrp_sync_group",
    "group",
    "track_script",
    "track_interface",
    "track_process",
    "vrrp_track_process",
    "track_file",
    "vrrp_track_file",
    "vrrp_check",
    // A list may go on on another line.
    "status_code",
    "virtual_ipaddress",
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
fn speak_of(keyword: &Keyword, item: &Item, say: &mut Say) -> bool {
    let name = keyword.name;
    match keyword.served {
        Served::Accepted => return false,
        Served::NotYet => {
            let message = format!("`{name}` is not served by vipd yet: {}", keyword.summary);
            say.warn(item.span(), message, "remove it, or keep it for a later vipd");
            return false;
        }
        Served::Refused => {
            let (message, remedy) = refusal(keyword);
            say.error(item.span(), message, remedy);
            return false;
        }
        Served::Served => {}
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

fn refusal(keyword: &Keyword) -> (String, &'static str) {
    if keyword.name.starts_with("virtual_server") {
        let message = format!("`{}`: the load balancer half is not served", keyword.name);
        return (message, "remove the block; let HAProxy, nginx or IPVS's own tools balance");
    }
    let message = format!("`{}` is not served by vipd yet: {}", keyword.name, keyword.summary);
    (message, "remove it if the node may run without it")
}

fn unknown(item: &Item, context: Context, say: &mut Say) {
    let written = item.keyword.bytes.as_slice();
    let mut message = format!("unknown keyword `{}` in {}", item.keyword.show(), context.name());
    message.push_str(match &item.block {
        Some(_) => ", its block is skipped (keepalived would read the block's lines as its own)",
        None => ", the line is ignored",
    });
    let glued = written.split(|b| matches!(b, b'=' | b':' | b';')).next().unwrap_or(written);
    let remedy = if let Some(near) = suggest::keyword(context, written) {
        format!("write `{near}` if that was meant")
    } else if glued != written && find(context, glued).is_some() {
        format!("write `{}` and a blank before the value", glued.escape_ascii())
    } else if let Some(place) = suggest::place(written) {
        format!("it belongs into {}", place.name())
    } else if context == Context::SyncGroup {
        "write the names of members into `group { … }`".to_owned()
    } else {
        "remove it, or put `#` before it".to_owned()
    };
    say.warn(item.span(), message, remedy);
}
