//! A configuration back to text, every default spelled out. Invariant: what is printed parses to
//! the value that was printed, if that value came from a file. Passwords are in it.

mod held;
mod watched;

use crate::check::value::show_seconds;
use crate::check::vmac::default_mac;
use crate::config::{
    Auth, Command, Config, Globals, Instance, Lease, Notify, ParamMatch, Script, ScriptUser,
    SyncGroup, Target, Track, TrackedProcess, Vmac,
};
use crate::shell;
pub(crate) use held::vip_text;
use held::{held, statics};
use std::fmt::Display;
use vipd_types::{Checksum, Family, Version};

/// The effective configuration in the language of keepalived.conf, one keyword a line. Holds
/// passwords in clear text: the caller decides who may see it.
pub fn print(config: &Config) -> Vec<u8> {
    let mut page = Page { bytes: Vec::new(), depth: 0 };
    if let Some(name) = &config.globals.net_namespace {
        page.word("net_namespace", name.as_bytes());
    }
    page.block("global_defs", None, |page| globals(page, config));
    statics(&mut page, config);
    for script in &config.scripts {
        page.block("vrrp_script", Some(script.name.as_bytes()), |page| check(page, script));
    }
    for process in &config.processes {
        let name = Some(process.name.as_bytes());
        page.block("vrrp_track_process", name, |page| tracked_process(page, process));
    }
    for check in &config.checks {
        let name = Some(check.name.as_bytes());
        page.block("vrrp_check", name, |page| watched::native_check(page, check));
    }
    for file in &config.files {
        let name = Some(file.name.as_bytes());
        page.block("track_file", name, |page| watched::tracked_file(page, file));
    }
    for instance in &config.instances {
        let name = Some(instance.name.as_bytes());
        page.block("vrrp_instance", name, |page| router(page, instance, config));
    }
    for group in &config.groups {
        let name = Some(group.name.as_bytes());
        page.block("vrrp_sync_group", name, |page| members(page, group, config));
    }
    page.bytes
}

fn globals(page: &mut Page, config: &Config) {
    if let Some(id) = &config.globals.router_id {
        page.word("router_id", id.as_bytes());
    }
    if let Some(who) = &config.globals.script_user {
        user(page, "script_user", who);
    }
    if config.globals.enable_script_security {
        page.line(&[b"enable_script_security"]);
    }
    if !config.globals.script_capabilities.is_empty() {
        let names = config.globals.script_capabilities.iter().map(|name| name.as_bytes());
        let line: Vec<&[u8]> = std::iter::once(&b"script_capabilities"[..]).chain(names).collect();
        page.line(&line);
    }
    page.switch("native_checks", config.globals.native_checks);
    told(page, &config.globals, config.notifies().next().is_some());
    if let Some(instance) = config.instances.first() {
        page.show("vrrp_garp_interval", show_seconds(instance.garp.interval));
        page.show("vrrp_gna_interval", show_seconds(instance.garp.gna_interval));
    }
    let mut with_vmac = config.instances.iter().filter_map(|i| i.vmac.as_ref());
    if let Some(vmac) = with_vmac.next() {
        page.word("vmac_prefix", vmac.prefix.as_bytes());
    }
}

/// Who is told in general. `some` says whether there is a command that the limits are for.
fn told(page: &mut Page, globals: &Globals, some: bool) {
    for (name, limit, usual) in [
        ("notify_timeout", globals.notify_timeout, Globals::NOTIFY_TIMEOUT),
        ("notify_stop_timeout", globals.notify_stop_timeout, Globals::NOTIFY_STOP_TIMEOUT),
    ] {
        if some || limit != usual {
            page.show(name, show_seconds(limit));
        }
    }
    for (kind, fifo) in &globals.fifos {
        let mut words = vec![kind.keyword().as_bytes().to_vec(), quoted(&fifo.path)];
        if let Some(ScriptUser { user, group }) = &fifo.owner {
            let names = std::iter::once(user).chain(group);
            words.extend(names.map(|name| quoted(name.as_bytes())));
        }
        page.words(&words);
        if let Some(script) = &fifo.script {
            command(page, &format!("{}_script", kind.keyword()), script);
        }
    }
    if globals.fifo_states_on_reload {
        page.line(&[b"fifo_write_vrrp_states_on_reload"]);
    }
}

fn notify(page: &mut Page, notify: &Notify) {
    for (occasion, run) in &notify.commands {
        command(page, occasion.keyword(), run);
    }
}

/// On a line that is read like a shell's.
fn command(page: &mut Page, name: &str, command: &Command) {
    let mut words = vec![name.as_bytes().to_vec(), shell::join(&command.argv)];
    if let Some(ScriptUser { user, group }) = &command.user {
        let names = std::iter::once(user).chain(group);
        words.extend(names.map(|name| shell::word(name.as_bytes())));
    }
    page.words(&words);
}

fn check(page: &mut Page, script: &Script) {
    page.line(&[b"script", &shell::join(&script.argv)]);
    if let Some(who) = &script.user {
        user(page, "user", who);
    }
    page.show("interval", show_seconds(script.interval));
    page.show("timeout", show_seconds(script.timeout));
    let reverse = if script.reverse { " reverse" } else { "" };
    page.show("weight", format_args!("{}{reverse}", script.weight));
    page.show("rise", script.rise);
    page.show("fall", script.fall);
    if script.init_fail {
        page.line(&[b"init_fail"]);
    }
}

fn tracked_process(page: &mut Page, p: &TrackedProcess) {
    let argv: Vec<Vec<u8>> =
        std::iter::once(&p.process).chain(p.arguments.iter().flatten()).cloned().collect();
    page.line(&[b"process", &shell::join(&argv)]);
    if p.arguments.is_some() {
        page.show(
            "param_match",
            match p.param_match {
                ParamMatch::Exact => "exact",
                ParamMatch::Initial => "initial",
                ParamMatch::Partial => "partial",
            },
        );
    }
    if p.full_command {
        page.line(&[b"full_command"]);
    }
    let reverse = if p.reverse { " reverse" } else { "" };
    page.show("weight", format!("{}{reverse}", p.weight));
    if p.quorum > 0 {
        page.show("quorum", p.quorum);
    }
    if let Some(most) = p.quorum_max {
        page.show("quorum_max", most);
    }
    page.show("fork_delay", show_seconds(p.fork_delay));
    page.show("terminate_delay", show_seconds(p.terminate_delay));
}

fn router(page: &mut Page, i: &Instance, config: &Config) {
    page.show("state", if i.wants_master { "MASTER" } else { "BACKUP" });
    page.word("interface", i.interface.as_bytes());
    page.show("virtual_router_id", i.vrid);
    page.show("version", if i.version == Version::V2 { 2 } else { 3 });
    page.show("priority", i.priority);
    page.show("advert_int", show_seconds(i.advert_int));
    page.line(&[if i.preempt { b"preempt" } else { b"nopreempt" }]);
    options(page, i);
    page.line(&[if i.accept { b"accept" } else { b"no_accept" }]);
    page.switch("fast_handover", i.fast_handover);
    match i.lease {
        Lease::Default => page.show("vip_lease", "default"),
        Lease::Seconds(seconds) => page.show("vip_lease", seconds),
        Lease::Off => page.show("vip_lease", "off"),
    }
    if let Auth::Pass(password) = i.auth {
        page.block("authentication", None, |page| {
            page.show("auth_type", "PASS");
            let bytes: Vec<u8> = password.into_iter().take_while(|b| *b != 0).collect();
            page.word("auth_pass", &bytes);
        });
    }
    if let Some(vmac) = &i.vmac {
        virtual_mac(page, vmac, i);
    }
    transport(page, i);
    held(page, i);
    tracks(page, i, config);
    page.show("garp_master_delay", show_seconds(i.garp.master_delay));
    page.show("garp_master_repeat", i.garp.master_repeat);
    page.show("garp_master_refresh", show_seconds(i.garp.master_refresh));
    page.show("garp_master_refresh_repeat", i.garp.master_refresh_repeat);
    page.show("garp_lower_prio_delay", show_seconds(i.garp.lower_prio_delay));
    page.show("garp_lower_prio_repeat", i.garp.lower_prio_repeat);
    notify(page, &i.notify);
    if i.notify.priority_changes {
        page.switch("notify_priority_changes", true);
    }
}

/// Those that mean something to this router.
fn options(page: &mut Page, i: &Instance) {
    let o = &i.options;
    page.show("preempt_delay", show_seconds(o.preempt_delay));
    page.show("down_timer_adverts", o.down_timer_adverts);
    page.switch("lower_prio_no_advert", o.lower_prio_no_advert);
    page.switch("higher_prio_send_advert", o.higher_prio_send_advert);
    page.switch("owner_ignore_adverts", o.owner_ignore_adverts);
    page.switch("skip_check_adv_addr", o.skip_check_adv_addr);
    if i.version == Version::V2 {
        page.switch("drop_adv_addr_mismatch", o.drop_adv_addr_mismatch);
        return;
    }
    if i.family == Family::V4 {
        page.switch("v3_checksum_as_v2", o.checksum == Checksum::Plain);
        page.switch("v3_checksum_strict", o.strict_checksum);
    }
    match o.max_learned_interval {
        Some(limit) => page.show("max_learned_interval", show_seconds(limit)),
        None => page.show("max_learned_interval", "off"),
    }
}

fn virtual_mac(page: &mut Page, vmac: &Vmac, i: &Instance) {
    let mut words = vec![b"use_vmac".to_vec()];
    if let Some(name) = vmac.name {
        words.extend([b"name".to_vec(), quoted(name.as_bytes())]);
    }
    if vmac.mac != default_mac(i.vrid, i.family) {
        let octets: Vec<String> = vmac.mac.iter().map(|b| format!("{b:02x}")).collect();
        words.push(octets.join(":").into_bytes());
    }
    page.words(&words);
    if vmac.xmit_base {
        page.line(&[b"vmac_xmit_base"]);
    }
}

fn transport(page: &mut Page, i: &Instance) {
    if let Some(source) = i.source {
        let name = if i.peers.is_empty() { "mcast_src_ip" } else { "unicast_src_ip" };
        page.show(name, source);
    }
    if i.peers.is_empty() {
        page.show("mcast_dst_ip", i.group);
    } else {
        page.block("unicast_peer", None, |page| {
            for peer in &i.peers {
                let ttl = format!("min_ttl {} max_ttl {}", peer.min_ttl, peer.max_ttl);
                page.show(&peer.address.to_string(), ttl);
            }
        });
        page.show("unicast_ttl", i.options.unicast_ttl);
    }
    page.switch("check_unicast_src", i.check_unicast_src);
}

/// The checks of the group stand in its members, with their weights.
fn members(page: &mut Page, group: &SyncGroup, config: &Config) {
    let members = || group.members.iter().filter_map(|index| config.instances.get(*index));
    page.block("group", None, |page| {
        members().for_each(|member| page.line(&[&quoted(member.name.as_bytes())]));
    });
    if members().any(|member| member.tracks.iter().any(|track| track.weight.get() != 0)) {
        page.line(&[b"sync_group_tracking_weight"]);
    }
    notify(page, &group.notify);
}

fn tracks(page: &mut Page, i: &Instance, config: &Config) {
    let name = |track: &Track| -> Option<(&str, Vec<u8>)> {
        let place = |id: u16| usize::from(id);
        let (block, name) = match track.target {
            Target::Script(id) => ("track_script", &config.scripts.get(place(id.0))?.name),
            Target::Check(id) => ("track_script", &config.checks.get(place(id.0))?.name),
            Target::Process(id) => ("track_process", &config.processes.get(place(id.0))?.name),
            Target::File(id) => ("track_file", &config.files.get(place(id.0))?.name),
            Target::Interface(name) => return Some(("track_interface", quoted(name.as_bytes()))),
        };
        Some((block, quoted(name.as_bytes())))
    };
    for block in ["track_script", "track_process", "track_file", "track_interface"] {
        let of_block = |track: &Track| Some(name(track)?).filter(|(its, _)| *its == block);
        tracks_in(page, block, i, |track| of_block(track).map(|(_, name)| name));
    }
    if !i.track_primary {
        page.line(&[b"dont_track_primary"]);
    }
    if i.track_source {
        page.line(&[b"track_src_ip"]);
    }
}

fn tracks_in(page: &mut Page, block: &str, i: &Instance, name: impl Fn(&Track) -> Option<Vec<u8>>) {
    let of_block: Vec<_> = i.tracks.iter().filter_map(|it| Some((name(it)?, it))).collect();
    if of_block.is_empty() {
        return;
    }
    page.block(block, None, |page| {
        for (name, track) in of_block {
            let reverse = if track.reverse { "reverse" } else { "noreverse" };
            let rest = format!("weight {} {reverse}", track.weight);
            page.line(&[&name, rest.as_bytes()]);
        }
    });
}

fn user(page: &mut Page, name: &str, who: &ScriptUser) {
    let group = who.group.as_ref().map(|group| quoted(group.as_bytes()));
    let user = quoted(who.user.as_bytes());
    match group {
        Some(group) => page.line(&[name.as_bytes(), &user, &group]),
        None => page.line(&[name.as_bytes(), &user]),
    }
}

/// As it is if nothing in it means something to the language, else in double quotes.
pub(crate) fn quoted(word: &[u8]) -> Vec<u8> {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"_./:-,+".contains(b);
    if !word.is_empty() && word.iter().all(plain) && !word.starts_with(b"include") {
        return word.to_vec();
    }
    [b"\"", word, b"\""].concat()
}

struct Page {
    bytes: Vec<u8>,
    depth: usize,
}

impl Page {
    fn line(&mut self, words: &[&[u8]]) {
        self.bytes.extend(std::iter::repeat_n(b"    ", self.depth).flatten());
        self.bytes.extend(words.join(&b' '));
        self.bytes.push(b'\n');
    }

    fn words(&mut self, words: &[Vec<u8>]) {
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        self.line(&words);
    }

    fn word(&mut self, name: &str, value: &[u8]) {
        self.line(&[name.as_bytes(), &quoted(value)]);
    }

    fn show(&mut self, name: &str, value: impl Display) {
        self.line(&[name.as_bytes(), value.to_string().as_bytes()]);
    }

    fn switch(&mut self, name: &str, on: bool) {
        self.show(name, if on { "on" } else { "off" });
    }

    fn block(&mut self, keyword: &str, name: Option<&[u8]>, inside: impl FnOnce(&mut Self)) {
        match name {
            Some(name) => self.line(&[keyword.as_bytes(), &quoted(name), b"{"]),
            None => self.line(&[keyword.as_bytes(), b"{"]),
        }
        self.depth = self.depth.saturating_add(1);
        inside(self);
        self.depth = self.depth.saturating_sub(1);
        self.line(&[b"}"]);
    }
}
