//! `advert_int` and `vip_lease`: how often a MASTER is heard, and how long its addresses outlive it.
//! A lease is renewed after each advert, so it must outlive the gap between two; and it should end
//! before a peer takes over.

use super::value::{one, seconds, show_seconds};
use crate::config::Lease;
use crate::diagnostic::{Say, Span};
use crate::tree::Item;
use std::time::Duration;
use vipd_types::Version;

const SECOND: Duration = Duration::from_secs(1);
/// VRRPv3 counts hundredths of a second in twelve bits (RFC 9568 5.2.7).
const LONGEST_V3: Duration = Duration::from_millis(40_950);

pub(super) fn advert_int(item: Option<&Item>, version: Version, say: &mut Say) -> Duration {
    let word = item.and_then(|item| one(item, say));
    let Some(word) = word else { return SECOND };
    let range = Duration::from_millis(10)..=Duration::from_secs(255);
    let Some(value) = seconds(word).filter(|value| range.contains(value)) else {
        let wants = match version {
            Version::V2 => "1 to 255 seconds",
            Version::V3 => "0.01 to 40.95 seconds with version 3",
        };
        let message = format!("`advert_int` is {wants}, not `{}`: 1 is used", word.show());
        say.warn(word.span, message, "write `advert_int 1`, the same on all nodes");
        return SECOND;
    };
    let (rounded, why) = match version {
        Version::V2 => (whole(value), "VRRPv2 counts whole seconds"),
        Version::V3 if value > LONGEST_V3 => (LONGEST_V3, "VRRPv3 ends at 40.95 seconds"),
        Version::V3 => (hundredths(value), "VRRPv3 counts hundredths of a second"),
    };
    if rounded != value {
        let shown = show_seconds(rounded);
        say.warn(
            word.span,
            format!("{why}: {shown} is used"),
            format!("write `advert_int {shown}`"),
        );
    }
    rounded
}

/// Half a second and more is rounded up.
fn whole(value: Duration) -> Duration {
    let up = u64::from(value.subsec_micros() >= 500_000);
    Duration::from_secs(value.as_secs().saturating_add(up).clamp(1, 255))
}

fn hundredths(value: Duration) -> Duration {
    let millis = value.saturating_add(Duration::from_millis(5)).as_millis();
    let cut = millis.saturating_sub(millis.checked_rem(10).unwrap_or(0));
    Duration::from_millis(u64::try_from(cut).unwrap_or(0))
}

/// `adverts` is down_timer_adverts.
pub(super) fn lease(lease: Lease, advert_int: Duration, adverts: u8, at: Span, say: &mut Say) {
    let takeover = advert_int.saturating_mul(adverts.into());
    let least = ceiling(advert_int.saturating_mul(2));
    let most = takeover.as_secs().max(least);
    let (seconds, asked) = match lease {
        Lease::Off => return,
        Lease::Default => (Lease::usual(advert_int, adverts), false),
        Lease::Seconds(seconds) => (u64::from(seconds), true),
    };
    let shown = show_seconds(advert_int);
    let after = show_seconds(takeover);
    if seconds < least {
        let message = format!(
            "vip_lease {seconds} with advert_int {shown}: it is renewed with the adverts, and one \
             that is late would cost the address"
        );
        say.error(at, message, format!("write at least `vip_lease {least}`, or remove the line"));
    } else if asked && seconds > most {
        let message = format!(
            "vip_lease {seconds} with advert_int {shown}: when all of vipd dies at once, a peer \
             takes over {after} s later, and the address may still be here"
        );
        say.warn(at, message, format!("write `vip_lease {most}`, or remove the line"));
    } else if Duration::from_secs(seconds) > takeover {
        let message = format!(
            "when all of vipd dies at once, its addresses stay for up to {seconds} s, and a peer \
             takes over after {after} s: until they are gone, both have them"
        );
        say.hint(at, message, shorter(advert_int, least, adverts));
    }
}

/// How the lease could end before a peer takes over.
fn shorter(advert_int: Duration, least: u64, adverts: u8) -> String {
    let takeover = advert_int.saturating_mul(adverts.into());
    let Some(per_second) = SECOND.checked_div(adverts.into()).filter(|_| adverts > 1) else {
        return "live with it, or write `down_timer_adverts 3`".to_owned();
    };
    if takeover.as_secs() >= least {
        return format!("write `vip_lease {}`", takeover.as_secs());
    }
    // A lease of whole seconds must hold two intervals and no more than `adverts`.
    let fits = if takeover < SECOND {
        hundredths(per_second.saturating_add(Duration::from_micros(4999)))
    } else {
        let two = advert_int.saturating_mul(2).as_secs();
        Duration::from_secs(two).checked_div(2).unwrap_or(SECOND)
    };
    format!("live with it, or write `advert_int {}`", show_seconds(fits))
}

fn ceiling(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}
