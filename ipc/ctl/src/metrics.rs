//! The answer to `show` as OpenMetrics text: what keepalived's exporters tell, under their names, and
//! what vipd can tell beside it. Pure; a field that was not told is left out.

use crate::answer::View;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Family, help text, and the counter it shows; those of an interface begin with `interface_`.
const COUNTERS: [(&str, &str, &str); 15] = [
    ("keepalived_advertisements_received", "Advertisements received", "advert_rcvd"),
    ("keepalived_advertisements_sent", "Advertisements sent", "advert_sent"),
    ("keepalived_become_master", "Times this router became MASTER", "become_master"),
    ("keepalived_release_master", "Times this router stopped being MASTER", "release_master"),
    (
        "keepalived_packet_length_errors",
        "Packets of a wrong length, on the interface",
        "interface_packet_len_err",
    ),
    (
        "keepalived_advertisements_interval_errors",
        "Advertisements with another interval",
        "advert_interval_err",
    ),
    ("keepalived_ip_ttl_errors", "Advertisements with a wrong TTL", "ip_ttl_err"),
    (
        "keepalived_invalid_type_received",
        "Packets of an unknown type, on the interface",
        "interface_invalid_type_rcvd",
    ),
    ("keepalived_address_list_errors", "Other address lists", "addr_list_err"),
    ("keepalived_authentication_invalid", "Unknown authentication types", "invalid_authtype"),
    ("keepalived_authentication_mismatch", "Other authentication types", "authtype_mismatch"),
    ("keepalived_authentication_failure", "Wrong passwords", "auth_failure"),
    ("keepalived_priority_zero_received", "Good-byes received", "pri_zero_rcvd"),
    ("keepalived_priority_zero_sent", "Good-byes sent", "pri_zero_sent"),
    ("vipd_send_errors", "Advertisements that could not be sent", "send_errors"),
];

/// What a packet was dropped for; the counters above are among them.
const DROPS: [&str; 11] = [
    "checksum_err",
    "version_err",
    "vrid_err",
    "destination_err",
    "source_err",
    "own_address_err",
    "interface_header_err",
    "interface_fragment_err",
    "interface_ip_ttl_err",
    "interface_version_err",
    "interface_checksum_err",
];

type Labels = Vec<(&'static str, String)>;

struct Page {
    text: String,
}

pub(crate) fn render(answer: View<'_>) -> String {
    let instances = answer.list("instances");
    let mut page = Page { text: String::new() };
    page.family("keepalived_up", "gauge", "vipd answers", [(Labels::new(), 1.0)]);
    states(&mut page, &instances);
    for (family, help, counter) in COUNTERS {
        let value = |instance: &View<'_>| count(*instance, counter);
        let samples = instances.iter().filter_map(|one| Some((labels(*one), value(one)?)));
        page.family(family, "counter", help, samples);
    }
    let drops = instances.iter().flat_map(|one| {
        DROPS.iter().filter_map(|reason| {
            let mut labels = labels(*one);
            labels.push(("reason", (*reason).to_owned()));
            Some((labels, count(*one, reason)?))
        })
    });
    page.family("vipd_dropped_packets", "counter", "Packets that were not believed", drops);
    priorities(&mut page, &instances);
    trackers(&mut page, &instances);
    addresses(&mut page, &instances);
    let late = answer.number("timer_lateness_max_microseconds").map(|micros| micros / 1e6);
    let samples = late.map(|seconds| (Labels::new(), seconds));
    let help = "How late a timer was served at most since the start";
    page.family("vipd_timer_lateness_max_seconds", "gauge", help, samples);
    let build = answer.raw("build").map(|build| (vec![("version", build.to_owned())], 1.0));
    page.family("vipd_build_info", "gauge", "The build of vipd", build);
    page.text.push_str("# EOF\n");
    page.text
}

/// 0 INIT, 1 BACKUP, 2 MASTER, 3 FAULT, as in keepalived; one sample for each address.
fn states(page: &mut Page, instances: &[View<'_>]) {
    let number = |one: &View<'_>| match one.raw("state")? {
        "INIT" => Some(0.0),
        "BACKUP" => Some(1.0),
        "MASTER" => Some(2.0),
        "FAULT" => Some(3.0),
        _ => None,
    };
    let samples = instances.iter().flat_map(|one| {
        let addresses = one.list("addresses");
        addresses.into_iter().filter_map(move |address| {
            let mut labels = labels(*one);
            labels.push(("ip_address", address.raw("address")?.to_owned()));
            Some((labels, number(one)?))
        })
    });
    let help = "State: 0 INIT, 1 BACKUP, 2 MASTER, 3 FAULT";
    page.family("keepalived_vrrp_state", "gauge", help, samples);
    let since =
        instances.iter().filter_map(|one| Some((labels(*one), one.number("since_seconds")?)));
    page.family("vipd_state_age_seconds", "gauge", "Time in this state", since);
}

fn priorities(page: &mut Page, instances: &[View<'_>]) {
    let of = |field: &'static str| {
        instances
            .iter()
            .filter_map(move |one| Some((labels(*one), one.object("priority")?.number(field)?)))
    };
    page.family("vipd_priority_base", "gauge", "Configured priority", of("base"));
    let help = "Priority with what the trackers add";
    page.family("vipd_priority_effective", "gauge", help, of("effective"));
}

fn trackers(page: &mut Page, instances: &[View<'_>]) {
    // A script is one, however many instances track it.
    let mut told = BTreeSet::new();
    let scripts: Vec<_> = instances
        .iter()
        .flat_map(trackers_of)
        .filter(|tracker| tracker.raw("kind") == Some("script"))
        .filter_map(|tracker| Some((tracker.raw("name")?.to_owned(), is_up(&tracker)?)))
        .filter(|(name, _)| told.insert(name.clone()))
        .map(|(name, up)| (vec![("name", name)], up))
        .collect();
    let help = "Whether the script is up: 1, or down: 0";
    page.family("keepalived_script_status", "gauge", help, scripts);
    let all = |value: fn(&View<'_>) -> Option<f64>| {
        let samples: Vec<_> = instances
            .iter()
            .flat_map(|one| {
                trackers_of(one).into_iter().map(move |tracker| (labels(*one), tracker))
            })
            .filter_map(|(mut labels, tracker)| {
                let text = |key| Some(tracker.raw(key)?.to_owned());
                labels.extend([("tracker", text("name")?), ("kind", text("kind")?)]);
                Some((labels, value(&tracker)?))
            })
            .collect();
        samples
    };
    page.family("vipd_tracker_up", "gauge", "Whether a tracker is up", all(is_up));
    let help = "What a tracker adds to the priority";
    page.family("vipd_tracker_adds", "gauge", help, all(|tracker| tracker.number("adds")));
    let help = "The number in a tracked file";
    page.family("vipd_tracker_value", "gauge", help, all(|tracker| tracker.number("value")));
}

fn trackers_of<'a>(instance: &View<'a>) -> Vec<View<'a>> {
    instance.object("priority").map(|priority| priority.list("trackers")).unwrap_or_default()
}

fn is_up(tracker: &View<'_>) -> Option<f64> {
    match tracker.raw("state")? {
        "up" => Some(1.0),
        "down" => Some(0.0),
        _ => None,
    }
}

fn addresses(page: &mut Page, instances: &[View<'_>]) {
    let samples = instances.iter().flat_map(|one| {
        one.list("addresses").into_iter().filter_map(move |address| {
            let mut labels = labels(*one);
            labels.push(("ip_address", address.raw("address")?.to_owned()));
            Some((labels, f64::from(u8::from(address.flag("installed")?))))
        })
    });
    let help = "Whether the address is on this host";
    page.family("vipd_address_installed", "gauge", help, samples);
}

fn labels(instance: View<'_>) -> Labels {
    let text = |key| instance.raw(key).unwrap_or_default().to_owned();
    let vrid = instance.number("vrid").map_or_else(String::new, |vrid| vrid.to_string());
    vec![("iname", text("name")), ("intf", text("interface")), ("vrid", vrid)]
}

fn count(instance: View<'_>, name: &str) -> Option<f64> {
    instance.object("counters")?.number(name)
}

impl Page {
    /// Nothing at all without a sample.
    fn family(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels, f64)>,
    ) {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "# TYPE {name} {kind}");
        if name.ends_with("_seconds") {
            let _ = writeln!(self.text, "# UNIT {name} seconds");
        }
        let _ = writeln!(self.text, "# HELP {name} {help}");
        let suffix = if kind == "counter" { "_total" } else { "" };
        for (labels, value) in samples {
            let labels: Vec<String> = labels.iter().map(label).collect();
            let braces =
                if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ = writeln!(self.text, "{name}{suffix}{braces} {value}");
        }
    }
}

fn label((name, value): &(&'static str, String)) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    // The format knows no other escapes: what is left of control characters is not text.
    let value = value.replace(char::is_control, "\u{fffd}");
    format!("{name}=\"{value}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_instance_is_told_under_the_names_of_keepalived() {
        let answer = json!({
            "build": "0.1.0", "timer_lateness_max_microseconds": 250,
            "instances": [{
                "name": "VI \"1\"\n\\\u{7}", "state": "MASTER", "interface": "eth0", "vrid": 51,
                "since_seconds": 12.5,
                "priority": { "base": 101, "effective": 111, "trackers": [
                    { "name": "chk", "kind": "script", "state": "up", "adds": 10 },
                    { "name": "eth1", "kind": "interface", "state": "unknown", "adds": 0 },
                    { "name": "load", "kind": "file", "state": "number", "value": -7, "adds": -7 },
                ]},
                "addresses": [{ "address": "10.0.0.1", "installed": true }],
                "counters": { "advert_sent": 7, "interface_packet_len_err": 2, "checksum_err": 3 },
            }],
        });
        let text = render(View::of(&answer));
        let all = r#"{iname="VI \"1\"\n\\"#.to_owned() + "\u{fffd}" + r#"",intf="eth0",vrid="51""#;
        for line in [
            "keepalived_up 1",
            &format!("keepalived_vrrp_state{all},ip_address=\"10.0.0.1\"}} 2"),
            &format!("keepalived_advertisements_sent_total{all}}} 7"),
            &format!("keepalived_packet_length_errors_total{all}}} 2"),
            &format!("vipd_dropped_packets_total{all},reason=\"checksum_err\"}} 3"),
            &format!("vipd_state_age_seconds{all}}} 12.5"),
            &format!("vipd_priority_effective{all}}} 111"),
            "keepalived_script_status{name=\"chk\"} 1",
            &format!("vipd_tracker_up{all},tracker=\"chk\",kind=\"script\"}} 1"),
            &format!("vipd_tracker_adds{all},tracker=\"eth1\",kind=\"interface\"}} 0"),
            &format!("vipd_tracker_value{all},tracker=\"load\",kind=\"file\"}} -7"),
            &format!("vipd_address_installed{all},ip_address=\"10.0.0.1\"}} 1"),
            "vipd_timer_lateness_max_seconds 0.00025",
            "vipd_build_info{version=\"0.1.0\"} 1",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
        assert!(!text.contains("keepalived_become_master"), "what was not told is not made up");
        assert!(!text.contains("vipd_tracker_up{iname=\"eth1"), "unknown is neither");
        assert_eq!(text.matches("vipd_tracker_value{").count(), 1, "others have no number");
    }
}
