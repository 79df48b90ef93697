//! One virtual router on two nodes: which of its settings disagree, and whether each check can move
//! the address.

use super::weigh::{adds, checks, event, sum};
use super::{Findings, Router, seconds, there, transport};
use crate::config::{Instance, Track, Vip};
use std::collections::BTreeSet;
use std::net::IpAddr;
use vipd_types::{Checksum, Family, Version};

pub(super) fn check(our: &Router, their: &Router, found: &mut Findings) {
    let before = found.list.len();
    version(our, their, found);
    advert_int(our, their, found);
    authentication(our, their, found);
    transport::check(our, their, found);
    addresses(our, their, found);
    checksum(our, their, found);
    smaller(our, their, found);
    if found.list.len() == before {
        found.fact(&format!("({}) both nodes agree", our.name()));
    }
    order(our, their, found);
}

const BOTH: &str = "both would be MASTER";
const SAME: &str = "write the same on both nodes";

fn version(our: &Router, their: &Router, found: &mut Findings) {
    if our.i.version != their.i.version {
        let number = |version| if version == Version::V2 { 2 } else { 3 };
        let message = format!(
            "version {} here and {} at {}: neither understands the other, {BOTH}",
            number(our.i.version),
            number(their.i.version),
            there(their.near(&["version"]))
        );
        found.warn(our.near(&["version"]), message, SAME);
    }
}

fn advert_int(our: &Router, their: &Router, found: &mut Findings) {
    if our.i.advert_int == their.i.advert_int || our.i.version != their.i.version {
        return;
    }
    let (here, theirs) = (seconds(our.i.advert_int), seconds(their.i.advert_int));
    let (at, other) = (our.near(&["advert_int"]), there(their.near(&["advert_int"])));
    if our.i.version == Version::V2 {
        let message = format!(
            "advert_int {here} here and {theirs} at {other}: version 2 drops adverts with another \
             interval (RFC 3768 7.1), {BOTH}"
        );
        found.warn(at, message, SAME);
    } else {
        let message = format!(
            "advert_int {here} here and {theirs} at {other}: the interval depends on which of them is \
             MASTER"
        );
        found.hint(at, message, SAME);
    }
}

/// Never shows a password.
fn authentication(our: &Router, their: &Router, found: &mut Findings) {
    if our.i.auth != their.i.auth && our.i.version == their.i.version {
        let message = format!(
            "the password is not the one at {}: each drops the adverts of the other, {BOTH}",
            there(their.near(&["authentication"]))
        );
        let remedy = "write the same `authentication` block on both nodes, or none";
        found.warn(our.near(&["authentication"]), message, remedy);
    }
}

fn addresses(our: &Router, their: &Router, found: &mut Findings) {
    let drops = [our, their].iter().any(|one| one.i.options.drop_adv_addr_mismatch);
    let advertised = List { block: "virtual_ipaddress", of: |i| &i.addresses, drops };
    let excluded = List { block: "virtual_ipaddress_excluded", of: |i| &i.excluded, drops: false };
    for list in [advertised, excluded] {
        one_sided(our, their, &list, found);
        one_sided(their, our, &list, found);
        for vip in (list.of)(our.i) {
            let same = (list.of)(their.i).iter().find(|other| other.address == vip.address);
            if let Some(other) = same.filter(|other| other.prefix != vip.prefix) {
                let text = vip.address.to_string();
                let at = our.block.item(list.block, text.as_bytes());
                let message =
                    format!("{text} has the length {} here and {} there", vip.prefix, other.prefix);
                found.hint(at.unwrap_or(&our.block.at), message, SAME);
            }
        }
    }
}

/// One of the blocks with addresses.
struct List {
    block: &'static str,
    of: fn(&Instance) -> &[Vip],
    /// The adverts of a node that differs are dropped.
    drops: bool,
}

fn one_sided(here: &Router, other: &Router, list: &List, found: &mut Findings) {
    let all = |router: &Router| -> BTreeSet<IpAddr> {
        (list.of)(router.i).iter().map(|vip| vip.address).collect()
    };
    let only: Vec<String> = all(here).difference(&all(other)).map(IpAddr::to_string).collect();
    let Some(first) = only.first() else { return };
    let consequence = if list.drops {
        format!("drop_adv_addr_mismatch drops the adverts, {BOTH}")
    } else {
        "nobody takes it over".to_owned()
    };
    let message = format!(
        "{} is not among the addresses at {}: {consequence}",
        only.join(", "),
        there(other.near(&[list.block]))
    );
    let at = here.block.item(list.block, first.as_bytes());
    found.warn(at.unwrap_or(&here.block.at), message, SAME);
}

fn checksum(our: &Router, their: &Router, found: &mut Findings) {
    let has_two_forms = |r: &Router| r.i.version == Version::V3 && r.i.family == Family::V4;
    if !has_two_forms(our) || !has_two_forms(their) {
        return;
    }
    let (here, other) = (&our.i.options, &their.i.options);
    if here.checksum == other.checksum {
        return;
    }
    let form = |sum| if sum == Checksum::Plain { "without" } else { "with" };
    let message = format!(
        "the checksum is sent {} a pseudo-header here and {} one at {}",
        form(here.checksum),
        form(other.checksum),
        there(their.near(&["v3_checksum_as_v2", "version"]))
    );
    let at = our.near(&["v3_checksum_as_v2", "v3_checksum_strict", "version"]);
    if here.strict_checksum || other.strict_checksum {
        found.warn(at, format!("{message}, and v3_checksum_strict drops the other: {BOTH}"), SAME);
    } else {
        found.hint(at, format!("{message}; vipd accepts both, other routers do not"), SAME);
    }
}

/// What does harm only at times.
fn smaller(our: &Router, their: &Router, found: &mut Findings) {
    let mut differ = |keywords: &[&str], here: String, other: String, what: &str| {
        if here != other {
            let at = there(their.near(keywords));
            let message = format!("{here} here and {other} at {at}: {what}");
            found.hint(our.near(keywords), message, SAME);
        }
    };
    let down = |r: &Router| format!("down_timer_adverts {}", r.i.options.down_timer_adverts);
    let keyword = ["down_timer_adverts"];
    differ(&keyword, down(our), down(their), "one is sooner than the other to take over");
    let preempt = |r: &Router| if r.i.preempt { "preempt" } else { "nopreempt" }.to_owned();
    let what = "only one of them waits for the other to fail";
    differ(&["nopreempt", "preempt", "state"], preempt(our), preempt(their), what);
    let accept = |r: &Router| if r.i.accept { "accept" } else { "no_accept" }.to_owned();
    let keywords = ["accept", "no_accept", "strict_mode"];
    let what = "the addresses answer on one node only";
    differ(&keywords, accept(our), accept(their), what);
    let vmac = |r: &Router| if r.i.vmac.is_some() { "use_vmac" } else { "no use_vmac" }.to_owned();
    let what = "the hardware address behind the addresses changes when they move";
    differ(&["use_vmac"], vmac(our), vmac(their), what);
}

/// Who is MASTER when all is well, and what each of its checks can do about it.
fn order(our: &Router, their: &Router, found: &mut Findings) {
    let (here, other) = (sum(our, &[]), sum(their, &[]));
    if here.value == other.value {
        let at = our.near(&["priority"]);
        let message = format!(
            "`{}` has priority {here} here and {other} at {}",
            our.name(),
            there(their.near(&["priority"]))
        );
        if our.i.priority.is_owner() {
            let message = format!("{message}: both own the addresses and start as MASTER");
            found.warn(at, message, "write 254 or less on one of them, and different numbers");
        } else {
            let message = format!("{message}: the higher source address decides at a start");
            found.hint(at, message, "write different priorities");
        }
    }
    let (first, second) = if here.value >= other.value { (our, their) } else { (their, our) };
    for track in checks(first) {
        moves(first, second, track, found);
    }
}

/// The check of the node that is MASTER while all is well. To move the address its priority must
/// fall below that of the other: an equal one is left alone (RFC 9568 6.4.2).
fn moves(first: &Router, second: &Router, track: &Track, found: &mut Findings) {
    let (name, event) = (first.target(track.target), event(track));
    if first.i.priority.is_owner() && track.weight.get() != 0 {
        return;
    }
    if track.weight.get() == 0 {
        let text = format!("({}) `{name}` {event}: FAULT, the address moves", first.name());
        return found.fact(&text);
    }
    let (failed, other) = (sum(first, &[track.target]), sum(second, &[]));
    let at = first.tracked_at(track.target);
    if failed.value >= other.value {
        let sign = if failed.value == other.value { "=" } else { ">" };
        let mut message = format!(
            "`{name}` can never cause a failover by itself: when it {event}, the priority is {failed} \
             here and {other} at {}, and {} {sign} {}",
            there(second.near(&["priority"])),
            failed.value,
            other.value
        );
        let all: Vec<_> = checks(first).map(|track| track.target).collect();
        let lowest = sum(first, &all);
        if all.len() > 1 && lowest.value < other.value {
            message.push_str("; only together with the others");
        }
        found.warn(at, message, &enough(first, second, track));
    } else if !second.i.preempt {
        let message = format!(
            "`{name}` can never cause a failover: {} < {} when it {event}, but the node at {} has \
             `nopreempt` and leaves a worse MASTER alone",
            failed.value,
            other.value,
            there(second.near(&["nopreempt"]))
        );
        found.warn(at, message, "write `weight 0` behind it, or remove `nopreempt` there");
    } else {
        let (name_of, n, m) = (first.name(), failed.value, other.value);
        found
            .fact(&format!("({name_of}) `{name}` {event}: {failed}, {n} < {m}, the address moves"));
    }
}

/// What would move the address.
fn enough(first: &Router, second: &Router, track: &Track) -> String {
    let (well, failed) = (sum(first, &[]), sum(first, &[track.target]));
    let other = sum(second, &[]);
    let reverse = if track.reverse { " reverse" } else { "" };
    let lowers = adds(track, true) == 0;
    if lowers {
        let gap = well.value.saturating_sub(other.value).saturating_add(1);
        return format!("write `weight -{gap}{reverse}` or lower");
    }
    let name = first.target(track.target);
    let twin = second.i.tracks.iter().find(|t| second.target(t.target) == name);
    let raised = twin.map_or(0, |twin| adds(twin, true));
    if raised > 0 {
        let gap = failed.value.saturating_sub(other.value.saturating_sub(raised));
        return format!(
            "write `weight {}{reverse}` or higher on both nodes",
            gap.saturating_add(1)
        );
    }
    "let the node there track it too, or write a negative weight".to_owned()
}
