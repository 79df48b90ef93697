//! A virtual address in the words of keepalived's dumps. Programs split such a line at its blanks
//! and take the first and the third word.

use std::fmt::Write;
use std::net::IpAddr;
use vipd_conf::config::{Instance, Vip};

/// `10.8.0.100/24 dev d0 scope global set`; the last word says that it is in the kernel.
pub(super) fn line(vip: &Vip, of: &Instance, set: bool) -> String {
    let mut text = vip.address.to_string();
    let (full, is_v6) = match vip.address {
        IpAddr::V4(_) => (32, false),
        IpAddr::V6(_) => (128, true),
    };
    if vip.prefix != full {
        let _ = write!(text, "/{}", vip.prefix);
    }
    let on = of.vmac.as_ref().and_then(|vmac| vmac.name).unwrap_or(of.interface);
    let _ = write!(text, " dev {} scope {}", vip.dev.unwrap_or(on), scope(vip.scope));
    if let Some(broadcast) = vip.broadcast {
        let _ = write!(text, " brd {broadcast}");
    }
    if let Some(label) = &vip.label {
        let _ = write!(text, " label {label}");
    }
    match vip.preferred_lft {
        None if is_v6 && vip.prefix == full => text.push_str(" preferred_lft 0"),
        None if is_v6 => text.push_str(" preferred_lft forever"),
        None => {}
        Some(u32::MAX) => text.push_str(" preferred_lft forever"),
        Some(seconds) => {
            let _ = write!(text, " preferred_lft {seconds}");
        }
    }
    if vip.dad {
        text.push_str(" -nodad");
    }
    if set {
        text.push_str(" set");
    }
    text
}

fn scope(number: u8) -> String {
    match number {
        0 => "global".to_owned(),
        200 => "site".to_owned(),
        253 => "link".to_owned(),
        254 => "host".to_owned(),
        other => other.to_string(),
    }
}
