//! `keepalived.data`: the state for people and for programs that read it line by line. Headings
//! have one leading blank and fields three, as keepalived writes them; of its fields those are left
//! out that describe what vipd does not have.

use super::address;
use super::record::{Record, command};
use crate::date;
use std::fmt::{Display, Write};
use std::time::Duration;
use vipd_conf::Config;
use vipd_conf::config::{Auth, Script, SyncGroup, Target};
use vipd_types::{Family, State, Version};

#[derive(Default)]
struct Page(String);

impl Page {
    fn heading(&mut self, name: &str, value: impl Display) {
        let _ = writeln!(self.0, " {name} = {value}");
    }

    fn field(&mut self, name: &str, value: impl Display) {
        let _ = writeln!(self.0, "   {name} = {value}");
    }

    fn line(&mut self, text: impl Display) {
        let _ = writeln!(self.0, "   {text}");
    }

    fn item(&mut self, text: impl Display) {
        let _ = writeln!(self.0, "     {text}");
    }

    /// Left out when empty.
    fn list(&mut self, name: &str, items: impl IntoIterator<Item = impl Display>) {
        let mut items = items.into_iter().peekable();
        if items.peek().is_some() {
            self.line(format_args!("{name} :"));
            items.for_each(|item| self.item(item));
        }
    }
}

pub(super) fn section(title: &str) -> String {
    format!("------< {title} >------\n")
}

fn enabled(on: bool) -> &'static str {
    if on { "enabled" } else { "disabled" }
}

fn seconds(time: Duration) -> String {
    super::json::seconds(time)
}

pub(super) fn head(config: &Config) -> String {
    let mut page = Page(section("Global definitions"));
    let namespace = config.globals.net_namespace.as_deref();
    page.heading("Network namespace", namespace.unwrap_or("(default)"));
    if let Some(id) = &config.globals.router_id {
        page.heading("Router ID", id);
    }
    page.0.push_str(&section("VRRP Topology"));
    page.0
}

pub(super) fn instance(record: &Record<'_>) -> String {
    let mut page = Page::default();
    page.heading("VRRP Instance", &record.config.name);
    state(&mut page, record);
    place(&mut page, record);
    announcements(&mut page, record);
    rules(&mut page, record);
    lists(&mut page, record);
    page.0
}

fn state(page: &mut Page, record: &Record<'_>) {
    let (config, status) = (record.config, record.status);
    page.field("VRRP Version", if config.version == Version::V2 { 2 } else { 3 });
    if let Some(group) = record.group {
        page.field("Sync group", group);
    }
    if config.family == Family::V6 {
        page.line("Using Native IPv6");
    }
    page.field("State", status.state);
    if let Some((address, priority)) = status.master.filter(|_| status.state == State::Backup) {
        page.field("Master router", address);
        page.field("Master priority", priority);
        page.field("Master advert interval", interval(status.interval, config.version));
    }
    if config.peers.is_empty() {
        page.line("Flags: none");
    } else {
        page.line("Flags:");
        page.item("Using unicast");
    }
    page.field("Wantstate", record.wanted());
    page.field("Last transition", moment(record.transition()));
    if let Some(at) = status.deadline {
        page.field("Read timeout", moment(record.on_wall(at)));
    }
    page.field("Master down timer", format_args!("{} usecs", status.down_after.as_micros()));
}

/// As keepalived: whole seconds with version 2, thousandths with version 3.
fn interval(time: Duration, version: Version) -> String {
    match version {
        Version::V2 => format!("{} sec", time.as_secs()),
        Version::V3 => format!("{} milli-sec", time.as_millis()),
    }
}

fn moment(at: Duration) -> String {
    format!("{}.{:06} ({})", at.as_secs(), at.subsec_micros(), date::long(at))
}

fn place(page: &mut Page, record: &Record<'_>) {
    let config = record.config;
    match &record.plan.vmac {
        None => page.field("Interface", config.interface),
        Some(vmac) => {
            let base = config.vmac.as_ref().is_some_and(|vmac| vmac.xmit_base);
            let base = if base { "yes" } else { "no" };
            page.line(format_args!("Use VMAC, i/f name {}, xmit_base = {base}", vmac.name));
            page.field("Interface", format_args!("{}, vmac on {}", vmac.name, vmac.base));
        }
    }
    if let Some(source) = record.source {
        let why = if config.source.is_some() { " (from configuration)" } else { "" };
        page.field("Using src_ip", format_args!("{source}{why}"));
    }
    if config.peers.is_empty() {
        page.line(format_args!("Multicast address {}", config.group));
    }
}

fn announcements(page: &mut Page, record: &Record<'_>) {
    let garp = &record.config.garp;
    page.field("Gratuitous ARP delay", seconds(garp.master_delay));
    page.field("Gratuitous ARP repeat", garp.master_repeat);
    page.field("Gratuitous ARP refresh", seconds(garp.master_refresh));
    page.field("Gratuitous ARP refresh repeat", garp.master_refresh_repeat);
    page.field("Gratuitous ARP lower priority delay", seconds(garp.lower_prio_delay));
    page.field("Gratuitous ARP lower priority repeat", garp.lower_prio_repeat);
}

fn rules(page: &mut Page, record: &Record<'_>) {
    let (config, status) = (record.config, record.status);
    let options = &config.options;
    page.field("Down timer adverts", options.down_timer_adverts);
    page.field("Send advert after receive lower priority advert", !options.lower_prio_no_advert);
    page.field("Send advert after receive higher priority advert", options.higher_prio_send_advert);
    page.field("Virtual Router ID", config.vrid);
    page.field("Priority", config.priority);
    page.field("Effective priority", status.effective);
    page.field("Total priority", status.effective);
    page.field("Advert interval", interval(config.advert_int, config.version));
    if let Some(at) = status.last_sent {
        page.field("Last advert sent", moment(record.on_wall(at)));
    }
    page.field("Accept", enabled(record.plan.is_open));
    page.field("Preempt", enabled(config.preempt));
    if !options.preempt_delay.is_zero() {
        page.field("Preempt delay", format_args!("{} secs", seconds(options.preempt_delay)));
    }
    if matches!(config.auth, Auth::Pass(_)) {
        page.field("Authentication type", "SIMPLE_PASSWORD");
        page.field("Password", "********");
    }
}

fn lists(page: &mut Page, record: &Record<'_>) {
    let config = record.config;
    page.line(format_args!("Virtual IP ({}):", config.addresses.len()));
    for vip in &config.addresses {
        page.item(address::line(vip, config, record.status.held));
    }
    let excluded = config.excluded.iter().map(|vip| address::line(vip, config, record.status.held));
    page.list("Virtual IP Excluded", excluded);
    if !config.peers.is_empty() {
        page.field("Unicast TTL", config.options.unicast_ttl);
        let check = if config.check_unicast_src { "yes" } else { "no" };
        page.line(format_args!("Check unicast src : {check}"));
        page.line("Unicast Peer :");
        for peer in &config.peers {
            let (least, most) = (peer.min_ttl, peer.max_ttl);
            page.item(format_args!("{} min_ttl {least} max_ttl {most}", peer.address));
        }
    }
    page.list("Virtual Routes", &config.routes);
    page.list("Virtual Rules", &config.rules);
    if record.scripts().next().is_some() {
        page.line("Tracked scripts :");
        for (script, track) in record.scripts() {
            let reverse = if track.reverse { " reverse" } else { "" };
            page.item(format_args!("{} weight {}{reverse}", script.name, track.weight));
        }
    }
    page.field("Using smtp notification", "no");
}

/// What all members are, if they are the same.
pub(super) fn group(group: &SyncGroup, config: &Config, states: &[State]) -> String {
    let mut page = Page::default();
    let first = states.first().copied().unwrap_or(State::Init);
    let state = if states.iter().all(|state| *state == first) { first } else { State::Fault };
    page.heading("VRRP Sync Group", format_args!("{}, {state}", group.name));
    page.line("VRRP member instances :");
    for member in group.members.iter().filter_map(|place| config.instances.get(*place)) {
        page.item(&member.name);
    }
    page.0
}

/// `up` is its state after rise and fall.
pub(super) fn script(script: &Script, place: usize, config: &Config, up: Option<bool>) -> String {
    let mut page = Page::default();
    page.heading("VRRP Script", &script.name);
    page.field("Command", command(script));
    page.field("Interval", format_args!("{} sec", seconds(script.interval)));
    page.field("Timeout", format_args!("{} sec", seconds(script.timeout)));
    let reverse = if script.reverse { " reverse" } else { "" };
    page.field("Weight", format_args!("{}{reverse}", script.weight));
    page.field("Rise", script.rise);
    page.field("Fall", script.fall);
    page.field("Init state", if script.init_fail { "failed" } else { "unknown" });
    page.field("Status", if up == Some(true) { "GOOD" } else { "BAD" });
    let users = config.instances.iter().filter(|instance| {
        let is_it = |target| matches!(target, Target::Script(id) if usize::from(id.0) == place);
        instance.tracks.iter().any(|track| is_it(track.target))
    });
    page.line("VRRP instances :");
    users.for_each(|instance| page.item(&instance.name));
    page.field("State", "idle");
    page.0
}
