//! `keepalived.json`: an object for each instance, with keepalived's fields in keepalived's order
//! and types. Builds values; knows no file.

use super::address;
use super::record::{Record, command};
use std::fmt::{Display, Write};
use std::time::Duration;
use vipd_conf::config::Auth;
use vipd_ipc::report::Counts;
use vipd_types::{State, Version};

/// An object under construction.
#[derive(Debug, Default)]
pub(super) struct Json {
    text: String,
}

impl Json {
    fn name(&mut self, name: &str) {
        self.text.push(if self.text.is_empty() { '{' } else { ',' });
        let _ = write!(self.text, "\"{name}\":");
    }

    /// What is written as it is: a number, or a value of JSON.
    fn raw(&mut self, name: &str, value: impl Display) {
        self.name(name);
        let _ = write!(self.text, "{value}");
    }

    /// keepalived's switches are the numbers 0 and 1 in some fields.
    fn digit(&mut self, name: &str, value: bool) {
        self.raw(name, u8::from(value));
    }

    fn string(&mut self, name: &str, value: &str) {
        self.name(name);
        quote(&mut self.text, value);
    }

    /// Left out when empty.
    fn strings(&mut self, name: &str, values: &[String]) {
        if values.is_empty() {
            return;
        }
        self.name(name);
        for (n, value) in values.iter().enumerate() {
            self.text.push(if n == 0 { '[' } else { ',' });
            quote(&mut self.text, value);
        }
        self.text.push(']');
    }

    pub(super) fn finish(mut self) -> String {
        self.text.push_str(if self.text.is_empty() { "{}" } else { "}" });
        self.text
    }
}

/// keepalived escapes the slash as well.
fn quote(text: &mut String, value: &str) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' | '/' => text.extend(['\\', c]),
            c if u32::from(c) < 0x20 => {
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
}

/// Seconds with no more digits than they need.
pub(super) fn seconds(time: Duration) -> String {
    let text = format!("{}.{:06}", time.as_secs(), time.subsec_micros());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

pub(super) fn state(state: State) -> u8 {
    match state {
        State::Init => 0,
        State::Backup => 1,
        State::Master => 2,
        State::Fault => 3,
    }
}

pub(super) fn instance(record: &Record<'_>) -> String {
    Json::object(|json| {
        json.raw("data", data(record));
        json.raw("stats", stats(&record.counts));
    })
}

fn data(record: &Record<'_>) -> String {
    Json::object(|json| {
        identity(json, record);
        times(json, record);
        rules(json, record);
        lists(json, record);
    })
}

fn identity(json: &mut Json, record: &Record<'_>) {
    let config = record.config;
    json.string("iname", &config.name);
    json.digit("dont_track_primary", false);
    json.digit("skip_check_adv_addr", config.options.skip_check_adv_addr);
    json.digit("strict_mode", false);
    let vmac = record.plan.vmac.as_ref().map(|vmac| vmac.name.to_string());
    json.string("vmac_ifname", vmac.as_deref().unwrap_or_default());
    json.string("ifp_ifname", &vmac.unwrap_or_else(|| config.interface.to_string()));
    json.raw("master_priority", record.master_priority());
    let at = record.transition();
    json.raw("last_transition", format_args!("{}.{:06}", at.as_secs(), at.subsec_micros()));
}

fn times(json: &mut Json, record: &Record<'_>) {
    let garp = &record.config.garp;
    json.raw("garp_delay", seconds(garp.master_delay));
    json.raw("garp_refresh", seconds(garp.master_refresh));
    json.raw("garp_rep", garp.master_repeat);
    json.raw("garp_refresh_rep", garp.master_refresh_repeat);
    json.raw("garp_lower_prio_delay", seconds(garp.lower_prio_delay));
    json.raw("garp_lower_prio_rep", garp.lower_prio_repeat);
}

fn rules(json: &mut Json, record: &Record<'_>) {
    let (config, status) = (record.config, record.status);
    json.digit("lower_prio_no_advert", config.options.lower_prio_no_advert);
    json.digit("higher_prio_send_advert", config.options.higher_prio_send_advert);
    json.raw("vrid", config.vrid);
    json.raw("base_priority", config.priority);
    json.raw("effective_priority", status.effective);
    json.raw("vipset", status.held);
    json.raw("promote_secondaries", false);
    json.raw("adver_int", seconds(config.advert_int));
    json.raw("master_adver_int", seconds(status.interval));
    json.digit("accept", record.plan.is_open);
    json.raw("nopreempt", !config.preempt);
    json.raw("preempt_delay", seconds(config.options.preempt_delay));
    json.raw("state", state(status.state));
    json.raw("wantstate", state(record.wanted()));
    json.raw("version", if config.version == Version::V2 { 2 } else { 3 });
    json.raw("smtp_alert", false);
    json.raw("notify_deleted", false);
}

fn lists(json: &mut Json, record: &Record<'_>) {
    let config = record.config;
    let vip = |vip| address::line(vip, config, record.status.held);
    json.strings("vips", &config.addresses.iter().map(vip).collect::<Vec<_>>());
    json.strings("evips", &config.excluded.iter().map(vip).collect::<Vec<_>>());
    json.strings("vroutes", &config.routes.iter().map(ToString::to_string).collect::<Vec<_>>());
    json.strings("vrules", &config.rules.iter().map(ToString::to_string).collect::<Vec<_>>());
    let scripts: Vec<_> = record.scripts().map(|(script, _)| command(script)).collect();
    json.strings("track_script", &scripts);
    match config.auth {
        Auth::None => json.raw("auth_type", 0),
        Auth::Pass(_) => {
            json.raw("auth_type", 1);
            json.string("auth_data", "********");
        }
    }
}

fn stats(n: &Counts) -> String {
    Json::object(|json| {
        for (name, value) in [
            ("advert_rcvd", n.advert_rcvd),
            ("advert_sent", n.advert_sent),
            ("become_master", n.become_master),
            ("release_master", n.release_master),
            ("packet_len_err", n.packet_len_err),
            ("advert_interval_err", n.advert_interval_err),
            ("ip_ttl_err", n.ip_ttl_err),
            ("invalid_type_rcvd", n.invalid_type_rcvd),
            ("addr_list_err", n.addr_list_err),
            ("invalid_authtype", n.invalid_authtype),
            ("authtype_mismatch", n.authtype_mismatch),
            ("auth_failure", n.auth_failure),
            ("pri_zero_rcvd", n.pri_zero_rcvd),
            ("pri_zero_sent", n.pri_zero_sent),
        ] {
            json.raw(name, value);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_string_is_json() {
        let hostile = "a\"b\\c/d\n\u{1}é";
        let text = Json::object(|json| json.string("x", hostile));
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["x"], hostile);
        assert!(text.contains("c\\/d"), "{text}");
        assert_eq!(Json::object(|_| {}), "{}");
    }

    #[test]
    fn seconds_are_short() {
        let text = |micros| seconds(Duration::from_micros(micros));
        assert_eq!(
            [text(1_000_000), text(500_000), text(30), text(0)],
            ["1", "0.5", "0.00003", "0"]
        );
        assert_eq!(text(10_000_000), "10");
    }
}
