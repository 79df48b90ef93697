//! A configuration back to text, every default spelled out. Invariant: what is printed parses to
//! the value that was printed, if that value came from a file. Passwords are in it.

use crate::check::value::show_seconds;
use crate::config::{Auth, Config, Instance, Lease, Script, ScriptUser, Vip};
use crate::shell;
use std::fmt::Display;

/// The effective configuration in the language of keepalived.conf, one keyword a line. Holds
/// passwords in clear text: the caller decides who may see it.
pub fn print(config: &Config) -> Vec<u8> {
    let mut page = Page { bytes: Vec::new(), depth: 0 };
    page.block("global_defs", None, |page| globals(page, config));
    for script in &config.scripts {
        page.block("vrrp_script", Some(script.name.as_bytes()), |page| check(page, script));
    }
    for instance in &config.instances {
        let name = Some(instance.name.as_bytes());
        page.block("vrrp_instance", name, |page| router(page, instance, config));
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
    page.show("vrrp_version", 2);
    if let Some(instance) = config.instances.first() {
        page.show("vrrp_mcast_group4", instance.group);
    }
    page.switch("native_checks", config.globals.native_checks);
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

fn router(page: &mut Page, i: &Instance, config: &Config) {
    page.show("state", if i.wants_master { "MASTER" } else { "BACKUP" });
    page.word("interface", i.interface.as_bytes());
    page.show("virtual_router_id", i.vrid);
    page.show("version", 2);
    page.show("priority", i.priority);
    page.show("advert_int", show_seconds(i.advert_int));
    page.line(&[if i.preempt { b"preempt" } else { b"nopreempt" }]);
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
    transport(page, i);
    page.block("virtual_ipaddress", None, |page| i.addresses.iter().for_each(|v| vip(page, v)));
    if !i.tracks.is_empty() {
        page.block("track_script", None, |page| tracks(page, i, config));
    }
    page.show("garp_master_delay", show_seconds(i.garp.master_delay));
    page.show("garp_master_repeat", i.garp.master_repeat);
    page.show("garp_master_refresh", show_seconds(i.garp.master_refresh));
    page.show("garp_master_refresh_repeat", i.garp.master_refresh_repeat);
}

fn transport(page: &mut Page, i: &Instance) {
    if let Some(source) = i.source {
        let name = if i.peers.is_empty() { "mcast_src_ip" } else { "unicast_src_ip" };
        page.show(name, source);
    }
    if !i.peers.is_empty() {
        page.block("unicast_peer", None, |page| {
            i.peers.iter().for_each(|peer| page.line(&[peer.address.to_string().as_bytes()]));
        });
    }
    page.switch("check_unicast_src", i.check_unicast_src);
}

fn vip(page: &mut Page, vip: &Vip) {
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
    page.line(&[&text]);
}

fn tracks(page: &mut Page, i: &Instance, config: &Config) {
    for track in &i.tracks {
        let Some(script) = config.scripts.get(usize::from(track.script.0)) else { continue };
        let reverse = if track.reverse { "reverse" } else { "noreverse" };
        let rest = format!("weight {} {reverse}", track.weight);
        page.line(&[&quoted(script.name.as_bytes()), rest.as_bytes()]);
    }
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
fn quoted(word: &[u8]) -> Vec<u8> {
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
