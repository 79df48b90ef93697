//! The printed configuration with a comment behind each line: where the value came from. Works on
//! the text that `print` makes, one keyword a line, so that no keyword can be forgotten here.

use crate::Parsed;
use crate::config::Instance;
use crate::places::{Block, Place, Places};
use crate::print::print;

/// As `print`; comments do not change what it means.
pub fn explain(parsed: &Parsed) -> Vec<u8> {
    let text = print(&parsed.config);
    let mut out = Vec::with_capacity(text.len().saturating_mul(2));
    let mut reader = Reader { parsed, open: Vec::new(), of: None, instance: None, instances: 0 };
    for line in text.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
        out.extend_from_slice(line);
        if let Some(origin) = reader.origin(line) {
            out.extend_from_slice(b"  # ");
            out.extend_from_slice(crate::diagnostic::printable(origin.as_bytes()).as_bytes());
        }
        out.push(b'\n');
    }
    out
}

struct Reader<'a> {
    parsed: &'a Parsed,
    /// Keywords of the blocks that are open.
    open: Vec<String>,
    /// The block of the top level.
    of: Option<&'a Block>,
    instance: Option<&'a Instance>,
    instances: usize,
}

impl<'a> Reader<'a> {
    fn origin(&mut self, line: &[u8]) -> Option<String> {
        let text = line.trim_ascii_start();
        if text == b"}" {
            self.open.pop();
            return None;
        }
        let end = text.iter().position(|b| *b == b' ').unwrap_or(text.len());
        let (first, rest) = text.split_at_checked(end)?;
        let word = first.strip_prefix(b"\"").and_then(|w| w.strip_suffix(b"\"")).unwrap_or(first);
        let keyword = String::from_utf8_lossy(word).into_owned();
        let opens = text.ends_with(b" {");
        let told = self.held(text).or_else(|| match self.open.as_slice() {
            [] => self.enter(&keyword, rest),
            [_] => self.line(&keyword, rest, opens),
            [_, list, ..] => self.item(list, word, &keyword),
        });
        if opens {
            self.open.push(keyword);
        }
        told
    }

    /// An address, a route or a rule, perhaps a static one with its group.
    fn held(&self, text: &[u8]) -> Option<String> {
        let group: &[u8] = b" track_group ";
        let end = text.windows(group.len()).position(|part| part == group);
        let line = text.get(..end.unwrap_or(text.len()))?;
        self.places().held(line).map(show)
    }

    /// A block of the top level begins.
    fn enter(&mut self, keyword: &str, rest: &[u8]) -> Option<String> {
        let name = rest.strip_suffix(b" {").unwrap_or(rest).trim_ascii();
        let name = name.strip_prefix(b"\"").and_then(|n| n.strip_suffix(b"\"")).unwrap_or(name);
        self.of = self.places().block(keyword, name);
        self.instance = None;
        if keyword == "vrrp_instance" {
            self.instance = self.parsed.config.instances.get(self.instances);
            self.instances = self.instances.saturating_add(1);
        }
        self.of.map(|block| show(&block.at))
    }

    fn places(&self) -> &'a Places {
        &self.parsed.places
    }

    fn line(&self, keyword: &str, rest: &[u8], opens: bool) -> Option<String> {
        let forced = FORCED.contains(&keyword)
            || (keyword == "owner_ignore_adverts" && rest == b" on")
            || (keyword == "no_accept" && self.of.is_none_or(|b| b.line("no_accept").is_none()));
        if let Some(strict) = self.strict().filter(|_| forced) {
            return Some(format!("strict_mode, {}", show(strict)));
        }
        let own = |block: &Block| {
            let names = std::iter::once(keyword).chain(other_names(keyword).iter().copied());
            names.filter_map(|name| block.line(name)).map(|line| show(&line.at)).next()
        };
        if let Some(at) = self.of.and_then(own) {
            return Some(at);
        }
        if let Some(at) = self.instance.and_then(|instance| self.global(keyword, instance)) {
            return Some(format!("global_defs, {}", show(at)));
        }
        (!opens).then(|| "default".to_owned())
    }

    /// Where strict mode is asked for, if it is in force.
    fn strict(&self) -> Option<&'a Place> {
        self.instance?;
        let own = self.of.and_then(|block| block.line("strict_mode"));
        let line = own.or_else(|| self.places().globals()?.line("vrrp_strict"))?;
        (!line.off).then_some(&line.at)
    }

    /// The line of `global_defs` that gives the default.
    fn global(&self, keyword: &str, instance: &Instance) -> Option<&'a Place> {
        let globals = self.places().globals()?;
        let with_prefix = format!("vrrp_{keyword}");
        let more: &[&str] = match keyword {
            "mcast_dst_ip" if instance.group.is_ipv4() => &["vrrp_mcast_group4"],
            "mcast_dst_ip" => &["vrrp_mcast_group6"],
            "garp_master_delay" | "garp_master_repeat" => &["vrrp_min_garp"],
            "garp_lower_prio_delay" => &["vrrp_garp_master_delay", "vrrp_min_garp"],
            "garp_lower_prio_repeat" => &["vrrp_garp_master_repeat", "vrrp_min_garp"],
            _ => &[],
        };
        // A version in global_defs is that of IPv4.
        if keyword == "version" && instance.family == vipd_types::Family::V6 {
            return None;
        }
        let names = [keyword, with_prefix.as_str()].into_iter().chain(more.iter().copied());
        names.filter_map(|name| globals.line(name)).map(|line| &line.at).next()
    }

    /// An item of a list, or a line of an inner block.
    fn item(&self, list: &str, word: &[u8], keyword: &str) -> Option<String> {
        let block = self.of?;
        let place = block.item(list, word).or_else(|| block.item(list, keyword.as_bytes()));
        // What the group of an instance tracks stands in its members.
        let group = || {
            let named = self.instance.map(|instance| &instance.name)?;
            let config = &self.parsed.config;
            let is_member =
                |index: &usize| config.instances.get(*index).is_some_and(|one| one.name == *named);
            let group = config.groups.iter().find(|group| group.members.iter().any(is_member))?;
            self.places().block("vrrp_sync_group", group.name.as_bytes())?.item(list, word)
        };
        place.or_else(group).map(show)
    }
}

/// Under one of these names the file says the same thing.
fn other_names(keyword: &str) -> &'static [&'static str] {
    match keyword {
        "preempt" => &["nopreempt"],
        "nopreempt" => &["preempt"],
        "accept" => &["no_accept"],
        "no_accept" => &["accept"],
        "mcast_src_ip" => &["unicast_src_ip"],
        "unicast_src_ip" => &["mcast_src_ip"],
        "fork_delay" | "terminate_delay" => &["delay"],
        "sync_group_tracking_weight" => &["global_tracking"],
        _ => &[],
    }
}

/// What strict mode sets, whatever the file says.
const FORCED: [&str; 7] = [
    "preempt_delay",
    "down_timer_adverts",
    "lower_prio_no_advert",
    "higher_prio_send_advert",
    "fast_handover",
    "garp_lower_prio_delay",
    "garp_lower_prio_repeat",
];

fn show(at: &Place) -> String {
    format!("{}:{}", at.file, at.line)
}
