//! `vipctl show INSTANCE`: everything about one instance, the way one would explain it. Pure:
//! answer in, text out.

use crate::answer::View;
use crate::text::{Colour, Paint, duration, interval, pad, state_colour, width};

const TITLE_WIDTH: usize = 12;

pub(crate) fn render(instance: View<'_>, paint: Paint) -> String {
    let mut sheet = Sheet { out: String::new(), paint };
    headline(&mut sheet, instance);
    sheet.rows("because", instance.text("reason"));
    sheet.rows("router", router(instance));
    sheet.rows("sync group", group(instance));
    sheet.rows("priority", ladder(instance, paint));
    sheet.rows("master", master(instance));
    sheet.rows("addresses", addresses(instance, paint));
    sheet.rows("lease", lease(instance));
    sheet.rows("adverts", adverts(instance));
    sheet.rows("far peers", far_peers(instance));
    sheet.rows("options", options(instance));
    sheet.rows("preemption", preemption(instance));
    sheet.rows("epoch", instance.text("epoch"));
    sheet.rows("counters", counters(instance, paint));
    sheet.out
}

/// `vipctl explain`: why it is so, and what would change it.
pub(crate) fn explain(answer: View<'_>, paint: Paint) -> String {
    let mut sheet = Sheet { out: String::new(), paint };
    let Some(instance) = answer.object("instance") else { return sheet.out };
    headline(&mut sheet, instance);
    sheet.rows("because", instance.text("reason"));
    sheet.rows("sync group", group(instance));
    sheet.rows("priority", ladder(instance, paint));
    sheet.rows("master", master(instance));
    sheet.rows("preemption", preemption(instance));
    let title = match instance.raw("state") {
        Some("FAULT" | "INIT") => "it needs",
        Some(_) | None => "may change",
    };
    sheet.rows(title, answer.texts("would_change"));
    sheet.out
}

struct Sheet {
    out: String,
    paint: Paint,
}

impl Sheet {
    /// The title stands before the first row; without rows there is no title.
    fn rows(&mut self, title: &str, rows: impl IntoIterator<Item = String>) {
        for (index, row) in rows.into_iter().enumerate() {
            let title = pad(if index == 0 { title } else { "" }, TITLE_WIDTH);
            let title = self.paint.apply(Colour::Bold, &title);
            self.out.push_str(&format!("  {title}{row}\n"));
        }
    }
}

fn headline(sheet: &mut Sheet, instance: View<'_>) {
    let name = instance.text("name").unwrap_or_else(|| "-".to_owned());
    let state = instance.text("state").unwrap_or_else(|| "in an untold state".to_owned());
    let state = sheet.paint.apply(state_colour(&state), &state);
    let since = instance.number("since_seconds").map(duration);
    let since = since.map(|time| format!(" for {time}")).unwrap_or_default();
    sheet.out.push_str(&format!("{name} is {state}{since}\n"));
}

fn router(instance: View<'_>) -> Option<String> {
    let family = match instance.raw("family") {
        Some("ipv4") => Some("IPv4".to_owned()),
        Some("ipv6") => Some("IPv6".to_owned()),
        _ => instance.text("family"),
    };
    join([
        instance.text("vrid").map(|vrid| format!("VRID {vrid}")),
        instance.text("interface").map(|interface| format!("on {interface}")),
        instance.text("vmac").map(|vmac| format!("virtual MAC on {vmac}")),
        instance.text("vrrp_version").map(|version| format!("VRRP version {version}")),
        family,
    ])
}

fn group(instance: View<'_>) -> Option<String> {
    let group = instance.object("sync_group")?;
    let order = match group.raw("order") {
        Some("lead") => Some("leads".to_owned()),
        Some("wait") => Some("waits".to_owned()),
        Some("yield") => Some("yields".to_owned()),
        Some("fault") => Some("is in FAULT".to_owned()),
        Some(_) | None => group.text("order"),
    };
    let name = group.text("name").unwrap_or_else(|| "-".to_owned());
    let members = group.texts("members");
    join([
        Some(order.map_or_else(|| name.clone(), |order| format!("{name} {order}"))),
        (!members.is_empty()).then(|| format!("members {}", members.join(", "))),
    ])
}

/// How the effective priority comes about, as a sum.
fn ladder(instance: View<'_>, paint: Paint) -> Vec<String> {
    let Some(priority) = instance.object("priority") else { return Vec::new() };
    let mut rows = Vec::new();
    rows.extend(priority.text("base").map(|base| format!("  {base:>4}  base")));
    for tracker in priority.list("trackers") {
        let adds = tracker.number("adds").unwrap_or(0.0);
        let name = tracker.text("name").unwrap_or_else(|| "a tracker".to_owned());
        let state = tracker.text("state").unwrap_or_else(|| "unknown".to_owned());
        let colour = match state.as_str() {
            "up" => Colour::Good,
            "down" => Colour::Bad,
            _ => Colour::Notice,
        };
        let state = paint.apply(colour, &state);
        // Of a file it is not a state that is told, but the number; and that is often all there is.
        let value = tracker.text("value");
        let state = value.clone().unwrap_or(state);
        let why = tracker.text("reason").filter(|why| Some(why) != value.as_ref());
        let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
        let since = tracker.number("since_seconds").map(duration);
        let since = since.map(|time| format!(" for {time}")).unwrap_or_default();
        let weight = weight(tracker);
        rows.push(format!("  {adds:>+4}  {name} {state}{why}{since}{weight}"));
    }
    if let Some(operator) = priority.object("operator") {
        rows.extend(by_operator(operator, paint));
    }
    rows.extend(priority.text("effective").map(|sum| format!("= {sum:>4}  effective")));
    rows
}

/// What the operator added, and whether he has the router stand by.
fn by_operator(operator: View<'_>, paint: Paint) -> Vec<String> {
    let left = |view: View<'_>, key| {
        view.number(key).map(|time| format!(", {} left", duration(time))).unwrap_or_default()
    };
    let mut rows = Vec::new();
    if let Some(adds) = operator.number("adds").filter(|adds| *adds != 0.0) {
        let left = left(operator, "adds_remaining_seconds");
        rows.push(format!("  {adds:>+4}  by the operator{left}"));
    }
    if let Some(standby) = operator.object("standby") {
        let left = left(standby, "remaining_seconds");
        rows.push(paint.apply(Colour::Notice, &format!("     1  stands by{left}")));
    }
    rows
}

/// The weight, unless the sum shows it already.
fn weight(tracker: View<'_>) -> String {
    let Some(weight) = tracker.number("weight") else { return String::new() };
    let reverse = if tracker.flag("reverse") == Some(true) { ", reverse" } else { "" };
    if weight == 0.0 && tracker.raw("state") == Some("number") {
        let fault = if reverse.is_empty() { "other than 0" } else { "0" };
        return format!(", no weight: {fault} means FAULT");
    }
    if weight == 0.0 {
        return format!(", no weight: down means FAULT{reverse}");
    }
    if tracker.number("adds") == Some(weight) && reverse.is_empty() {
        return String::new();
    }
    format!(", weight {weight:+}{reverse}")
}

fn master(instance: View<'_>) -> Option<String> {
    let Some(master) = instance.object("master") else { return Some("none known".to_owned()) };
    let own = master.flag("self") == Some(true);
    let address = master.text("address");
    let who = match (own, address) {
        (true, Some(address)) => format!("this node, {address}"),
        (true, None) => "this node".to_owned(),
        (false, Some(address)) => address,
        (false, None) => "an unnamed router".to_owned(),
    };
    let seen = master.number("seen_seconds_ago").map(duration);
    // One that is learned, and not our own.
    let learned = master
        .number("advert_int_seconds")
        .filter(|time| instance.number("advert_int_seconds") != Some(*time));
    let how = if own { "advertised" } else { "heard" };
    join([
        Some(who),
        master.text("priority").map(|priority| format!("priority {priority}")),
        learned.map(|time| format!("every {}", interval(time))),
        seen.map(|time| format!("{how} {time} ago")),
    ])
}

fn addresses(instance: View<'_>, paint: Paint) -> Vec<String> {
    let all = instance.list("addresses");
    let texts: Vec<String> =
        all.iter().map(|entry| entry.text("address").unwrap_or_else(|| "-".to_owned())).collect();
    let column = width(texts.iter().map(String::as_str));
    let should = instance.raw("state") == Some("MASTER");
    let state = |entry: &View<'_>| match (entry.flag("installed"), should) {
        (Some(true), _) => paint.apply(Colour::Good, "installed"),
        (Some(false), true) => paint.apply(Colour::Bad, "NOT INSTALLED"),
        (Some(false), false) => "not here".to_owned(),
        (None, _) => String::new(),
    };
    let row = |(text, entry): (&String, &View<'_>)| {
        let kept = if entry.flag("advertised") == Some(false) { ", not in adverts" } else { "" };
        format!("{}  {}{kept}", pad(text, column), state(entry))
    };
    texts.iter().zip(&all).map(row).collect()
}

fn lease(instance: View<'_>) -> Option<String> {
    let lease = instance.object("lease")?;
    let left = lease.number("remaining_seconds").map(duration);
    join([
        lease.number("seconds").map(duration),
        left.map(|time| format!("{time} left unless renewed")),
    ])
}

fn adverts(instance: View<'_>) -> Option<String> {
    let peers = instance.texts("peers");
    let to = if peers.is_empty() { instance.text("group") } else { Some(peers.join(", ")) };
    join([
        instance.number("advert_int_seconds").map(|time| format!("every {}", interval(time))),
        instance.text("transport"),
        instance.text("source").map(|source| format!("from {source}")),
        to.map(|to| format!("to {to}")),
        instance.text("checksum").map(|form| format!("{form} checksum")),
    ])
}

/// Peers that may be more than a hop away.
fn far_peers(instance: View<'_>) -> Vec<String> {
    let peers = instance.list("peer_ttl");
    let row = |peer: &View<'_>| {
        let text = |key| peer.text(key).unwrap_or_else(|| "-".to_owned());
        format!("{}  TTL {} to {}", text("address"), text("min"), text("max"))
    };
    peers.iter().map(row).collect()
}

/// What is not at its default, as it would stand in the configuration.
fn options(instance: View<'_>) -> Vec<String> {
    instance.object("options").map(View::pairs).unwrap_or_default()
}

fn preemption(instance: View<'_>) -> Option<String> {
    let say = |key, yes: &str, no: &str| {
        instance.flag(key).map(|flag| if flag { yes.to_owned() } else { no.to_owned() })
    };
    join([
        say("preempt", "takes over from a worse master", "leaves a worse master alone"),
        say("fast_handover", "fast handover", "no fast handover"),
    ])
}

/// What was counted at all; what speaks of trouble has a mark.
fn counters(instance: View<'_>, paint: Paint) -> Vec<String> {
    let all = instance.counters("counters");
    let counted: Vec<_> = all.iter().filter(|(_, count)| *count > 0).collect();
    let column = width(counted.iter().map(|(name, _)| name.as_str()));
    let mut rows: Vec<String> = counted
        .iter()
        .map(|(name, count)| {
            let (mark, colour) =
                if is_trouble(name) { ("! ", Colour::Bad) } else { ("  ", Colour::Plain) };
            paint.apply(colour, &format!("{mark}{}  {count:>10}", pad(name, column)))
        })
        .collect();
    let zero = all.len().saturating_sub(counted.len());
    if zero > 0 {
        rows.push(format!("  {zero} {}at 0", if rows.is_empty() { "" } else { "more " }));
    }
    rows
}

/// By the words in the name, so that counters of a younger vipd are judged too.
fn is_trouble(name: &str) -> bool {
    const WORDS: [&str; 14] = [
        "err", "bad", "fail", "invalid", "mismatch", "discard", "drop", "lost", "refused",
        "unknown", "wrong", "stranger", "late", "overrun",
    ];
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

fn join<const N: usize>(parts: [Option<String>; N]) -> Option<String> {
    let told: Vec<String> = parts.into_iter().flatten().collect();
    (!told.is_empty()).then(|| told.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn shown(instance: &Value) -> String {
        render(View::of(instance), Paint { on: false })
    }

    #[test]
    fn explains_an_instance() {
        let out = shown(&json!({
            "name": "VI_1", "state": "MASTER", "since_seconds": 12.345, "reason": "master down",
            "interface": "eth0", "family": "ipv4", "vrrp_version": 2, "vrid": 51,
            "priority": { "base": 101, "effective": 111, "trackers": [
                { "name": "chk_haproxy", "state": "up", "weight": 10, "reverse": false, "adds": 10,
                  "reason": "1 process", "since_seconds": 3.2 },
                { "name": "chk_disk", "state": "down", "weight": 5, "adds": 0 }] },
            "advert_int_seconds": 1, "transport": "unicast", "source": "10.88.88.20",
            "peers": ["10.88.88.30"], "group": "224.0.0.18", "preempt": true,
            "fast_handover": true,
            "master": { "address": "10.88.88.20", "priority": 111, "seen_seconds_ago": 0.5,
                        "self": true },
            "addresses": [{ "address": "10.88.88.100", "installed": true },
                          { "address": "10.88.88.1", "installed": false }],
            "lease": { "seconds": 3, "remaining_seconds": 2.1 }, "epoch": 1,
            "counters": { "advert_sent": 42, "checksum_err": 3, "ip_ttl_err": 0 }
        }));
        let expected = "\
VI_1 is MASTER for 12s
  because     master down
  router      VRID 51, on eth0, VRRP version 2, IPv4
  priority       101  base
                 +10  chk_haproxy up (1 process) for 3.2s
                  +0  chk_disk down, weight +5
              =  111  effective
  master      this node, 10.88.88.20, priority 111, advertised 0.5s ago
  addresses   10.88.88.100  installed
              10.88.88.1    NOT INSTALLED
  lease       3s, 2.1s left unless renewed
  adverts     every 1s, unicast, from 10.88.88.20, to 10.88.88.30
  preemption  takes over from a worse master, fast handover
  epoch       1
  counters      advert_sent           42
              ! checksum_err           3
                1 more at 0
";
        assert_eq!(out, expected);
    }

    #[test]
    fn a_backup_names_its_master_and_misses_no_address() {
        let out = shown(&json!({
            "name": "VI_1", "state": "BACKUP", "lease": null,
            "master": { "address": "10.0.0.2", "priority": 111, "seen_seconds_ago": 0.2,
                        "self": false },
            "addresses": [{ "address": "10.0.0.1", "installed": false }]
        }));
        assert!(out.contains("  master      10.0.0.2, priority 111, heard 0.2s ago\n"), "{out}");
        assert!(out.contains("10.0.0.1  not here\n"), "{out}");
    }

    #[test]
    fn a_member_of_a_group_tells_what_is_not_the_default() {
        let out = shown(&json!({
            "name": "VI_6", "state": "BACKUP", "interface": "eth0", "vmac": "vrrp.51",
            "family": "ipv6", "vrrp_version": 3, "vrid": 51, "advert_int_seconds": 1,
            "sync_group": { "name": "G1", "order": "wait", "members": ["VI_4", "VI_6"] },
            "master": { "address": "fe80::2", "priority": 200, "advert_int_seconds": 0.25,
                        "seen_seconds_ago": 0.1, "self": false },
            "checksum": null, "options": { "down_timer_adverts": 5, "v3_checksum_strict": true },
            "peer_ttl": [{ "address": "fe80::2", "min": 250, "max": 255 }],
        }));
        let expected = "\
VI_6 is BACKUP
  router      VRID 51, on eth0, virtual MAC on vrrp.51, VRRP version 3, IPv6
  sync group  G1 waits, members VI_4, VI_6
  master      fe80::2, priority 200, every 0.25s, heard 0.1s ago
  adverts     every 1s
  far peers   fe80::2  TTL 250 to 255
  options     down_timer_adverts 5
              v3_checksum_strict true
";
        assert_eq!(out, expected);
    }

    #[test]
    fn nothing_told_is_no_accident() {
        assert!(shown(&json!({})).starts_with("- is in an untold state\n"));
        assert!(shown(&json!([1])).starts_with("- is"));
        let out = shown(&json!({ "name": "\u{1b}c", "counters": { "\u{7}": 1 } }));
        assert!(!out.contains('\u{1b}') && !out.contains('\u{7}'), "{out}");
    }
}
