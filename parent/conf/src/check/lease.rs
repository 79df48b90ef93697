//! Whether a `vip_lease` can do its work beside an `advert_int`: it is renewed after each advert, so
//! it must outlive the gap between two; and it must end before a peer takes over.

use crate::config::Lease;
use crate::diagnostic::{Say, Span};
use std::time::Duration;

pub(super) fn check(lease: Lease, advert_int: Duration, at: Span, say: &mut Say) {
    let Lease::Seconds(seconds) = lease else { return };
    let interval = advert_int.as_secs();
    let (least, most) = (interval.saturating_mul(2), interval.saturating_mul(3));
    if u64::from(seconds) < least {
        let message = format!(
            "vip_lease {seconds} with advert_int {interval}: it is renewed with the adverts, and one \
             that is late would cost the address"
        );
        say.error(at, message, format!("write at least `vip_lease {least}`, or remove the line"));
    } else if u64::from(seconds) > most {
        let message = format!(
            "vip_lease {seconds} with advert_int {interval}: when all of vipd dies at once, a peer \
             takes over {most} s later, and the address may still be here"
        );
        say.warn(at, message, format!("write `vip_lease {most}`, or remove the line"));
    }
}
