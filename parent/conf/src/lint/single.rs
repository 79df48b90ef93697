//! What one file tells: a check whose failure changes nothing, one that `nopreempt` makes idle, one
//! that is slow to notice, an address that is a host's alone.

use super::weigh::{checks, event, sum};
use super::{Findings, Router, seconds};
use crate::config::{Question, Target, Track};
use std::net::IpAddr;
use std::time::Duration;

pub(super) fn check(router: &Router, found: &mut Findings) {
    without_effect(router, found);
    nopreempt(router, found);
    slow(router, found);
    host_address(router, found);
}

fn weighted<'a>(router: &Router<'a>) -> impl Iterator<Item = &'a Track> {
    checks(router).filter(|track| track.weight.get() != 0)
}

/// A priority ends at 1 and at 254.
fn without_effect(router: &Router, found: &mut Findings) {
    if router.i.priority.is_owner() {
        return;
    }
    let well = sum(router, &[]);
    for track in weighted(router) {
        let failed = sum(router, &[track.target]);
        if failed.value != well.value {
            continue;
        }
        let name = router.target(track.target);
        let message = format!(
            "it changes nothing in `{}` when `{name}` {}: {well} before, {failed} after",
            router.name(),
            event(track)
        );
        let remedy = "write a priority that leaves room for the weight between 1 and 254";
        found.warn(router.tracked_at(track.target), message, remedy);
    }
}

/// A BACKUP with nopreempt discards what a worse MASTER says (RFC 9568 6.4.2).
fn nopreempt(router: &Router, found: &mut Findings) {
    let first = weighted(router).next().filter(|_| !router.i.preempt);
    let Some(track) = first else { return };
    let message = format!(
        "`{}` has `nopreempt`, and `{}` a weight: when it {} only the priority falls, and a node with \
         `nopreempt` leaves a worse MASTER alone, so if the other node has it too, this check never \
         releases the address",
        router.name(),
        router.target(track.target),
        event(track)
    );
    let remedy = "write `weight 0` behind it: that is a FAULT then, which always moves the address";
    found.hint(router.tracked_at(track.target), message, remedy);
}

/// Longer is slow whatever the interval of adverts is.
const PATIENCE: Duration = Duration::from_secs(10);

fn slow(router: &Router, found: &mut Findings) {
    let i = router.i;
    // The skew is one interval at most.
    let intervals = u32::from(i.options.down_timer_adverts).saturating_add(1);
    let host = i.advert_int.saturating_mul(intervals);
    for track in &i.tracks {
        let Some((interval, count)) = rhythm(router, track) else { continue };
        let late = interval.saturating_mul(count);
        if late <= PATIENCE || late <= host.saturating_mul(3) {
            continue;
        }
        let message = format!(
            "`{}` notices a failure after up to {} s ({}), while the loss of the whole host is noticed \
             after {} s at most",
            router.target(track.target),
            seconds(late),
            format_args!("interval {} x fall {count}", seconds(interval)),
            seconds(host)
        );
        let remedy = "write a shorter `interval` or a smaller `fall`";
        found.hint(router.tracked_at(track.target), message, remedy);
    }
}

/// How often it is asked, and how many failures count. The death of a process that is watched counts
/// at once, as the first.
fn rhythm(router: &Router, track: &Track) -> Option<(Duration, u32)> {
    let watched = |is_watched: bool, fall: u32| fall.saturating_sub(u32::from(is_watched));
    match track.target {
        Target::Script(id) => {
            let script = router.config.scripts.get(usize::from(id.0))?;
            Some((script.interval, watched(script.native.is_some(), script.fall)))
        }
        Target::Check(id) => {
            let check = router.config.checks.get(usize::from(id.0))?;
            let is_watched = matches!(check.question, Question::Process(_));
            Some((check.interval, watched(is_watched, check.fall)))
        }
        Target::Process(_) | Target::File(_) | Target::Interface(_) => None,
    }
}

/// Without a length it is a /32, as in keepalived, and many mean the network of the interface.
fn host_address(router: &Router, found: &mut Findings) {
    let bare = router.i.addresses.iter().find_map(|vip| {
        let IpAddr::V4(address) = vip.address else { return None };
        let text = address.to_string();
        let at = router.block.item("virtual_ipaddress", text.as_bytes())?;
        (vip.prefix == 32 && at.length == text.len()).then_some((text, at))
    });
    if let Some((address, at)) = bare {
        let message = format!(
            "{address} has no prefix length and is a /32: it brings no network with it, so the \
             interface needs an address of its own in that network"
        );
        found.hint(at, message, "write `/32` if that is meant, else for example `/24`");
    }
}
