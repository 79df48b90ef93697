//! What the writer of an unknown word may have meant. Only guesses; nothing is read differently.

use crate::keywords::{Context, Served, keywords};

/// The nearest keyword of this block, if one is near.
pub(crate) fn keyword(context: Context, written: &[u8]) -> Option<&'static str> {
    let written = std::str::from_utf8(written).ok().filter(|w| w.len() <= 64)?;
    let written = &written.to_ascii_lowercase();
    let old = OLD.iter().find(|(place, old, _)| *place == context && old == written);
    if let Some((.., now)) = old {
        return Some(now);
    }
    let known = keywords().iter().filter(|k| k.context == context);
    let rank = |served| matches!(served, Served::Served | Served::Accepted);
    let near = known.clone().filter_map(|k| {
        let far = distance(written, k.name);
        (far <= allowed(written)).then_some((far, !rank(k.served), k.name))
    });
    let part = known.clone().filter(|k| written.len() >= 6 && k.name.contains(written.as_str()));
    let part = part.map(|k| (!rank(k.served), k.name)).min().map(|(_, name)| name);
    near.min().map(|(_, _, name)| name).or(part)
}

/// Old names, and names that people expect, too far from the right one to be found by their letters.
const OLD: [(Context, &str, &str); 4] = [
    (Context::Globals, "lvs_id", "router_id"),
    (Context::Instance, "interface_name", "interface"),
    (Context::Instance, "virtual_ip", "virtual_ipaddress"),
    (Context::Instance, "vrid", "virtual_router_id"),
];

/// The nearest of some names, if one is near. Capital letters do not count.
pub(crate) fn name<'a>(
    written: &[u8],
    known: impl Iterator<Item = &'a String>,
) -> Option<&'a String> {
    let written = std::str::from_utf8(written).ok().filter(|w| w.len() <= 64)?;
    let written = &written.to_ascii_lowercase();
    let near = known.filter(|name| name.len() <= 64).filter_map(|name| {
        let far = distance(written, &name.to_ascii_lowercase());
        (far <= allowed(written)).then_some((far, name))
    });
    near.min().map(|(_, name)| name)
}

/// The block in which the keyword would be right.
pub(crate) fn place(written: &[u8]) -> Option<Context> {
    let lines = [
        Context::AddressLine,
        Context::RouteLine,
        Context::RuleLine,
        Context::PeerLine,
        Context::TrackLine,
        Context::VmacLine,
    ];
    let fits = |k: &&'static crate::keywords::Keyword| {
        k.name.as_bytes() == written && !lines.contains(&k.context)
    };
    keywords().iter().find(fits).map(|k| k.context)
}

fn allowed(written: &str) -> usize {
    match written.len() {
        0..=2 => 0,
        3..=5 => 1,
        _ => 2,
    }
}

/// Insertions, deletions, substitutions and swaps of neighbours between two words.
fn distance(a: &str, b: &str) -> usize {
    if a.len().abs_diff(b.len()) > 2 {
        return usize::MAX;
    }
    let b: Vec<u8> = b.bytes().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    let mut last = None;
    for (index, x) in a.bytes().enumerate() {
        let mut next = vec![index.saturating_add(1)];
        for (column, y) in b.iter().enumerate() {
            let at = |r: &[usize], c: usize| r.get(c).copied().unwrap_or(usize::MAX);
            let left = at(&next, column).saturating_add(1);
            let up = at(&row, column.saturating_add(1)).saturating_add(1);
            let diagonal = at(&row, column).saturating_add(usize::from(x != *y));
            let mut best = left.min(up).min(diagonal);
            let earlier = column.checked_sub(1).and_then(|c| b.get(c)).copied();
            if last == Some(*y) && earlier == Some(x) {
                best = best.min(at(&before, column.saturating_sub(1)).saturating_add(1));
            }
            next.push(best);
        }
        // It never gets less from here on, but for a swap, which looks back one row further.
        let least = |row: &[usize]| row.iter().min().copied().unwrap_or(0);
        if least(&next).min(least(&row)) > 2 {
            return usize::MAX;
        }
        before = std::mem::replace(&mut row, next);
        last = Some(x);
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_people_meant() {
        for (written, meant) in [
            ("advert_in", "advert_int"),
            ("unicasti_src_ip", "unicast_src_ip"),
            ("proirity", "priority"),
            ("interfaec", "interface"),
        ] {
            assert_eq!(keyword(Context::Instance, written.as_bytes()), Some(meant));
        }
        assert_eq!(keyword(Context::TopLevel, b"vvrp_script"), Some("vrrp_script"));
        assert_eq!(keyword(Context::Script, b"fail"), Some("fall"));
        assert_eq!(keyword(Context::Globals, b"script_security"), Some("enable_script_security"));
        assert_eq!(keyword(Context::Instance, b"PRIORITY"), Some("priority"));
        let mail = keyword(Context::Globals, b"smtp_connect_time");
        assert_eq!(mail, Some("smtp_connect_timeout"));
        assert_eq!(keyword(Context::Globals, b"lvs_id"), Some("router_id"));
        for (context, _, now) in OLD {
            assert!(crate::keywords::find(context, now.as_bytes()).is_some(), "{now}");
        }
        let names = ["chk_haproxy".to_owned(), "check_nginx".to_owned()];
        let near = |written: &str| name(written.as_bytes(), names.iter()).map(String::as_str);
        assert_eq!(near("CHK_HAPROXY"), Some("chk_haproxy"));
        assert_eq!(near("chk_haprxy"), Some("chk_haproxy"));
        assert_eq!(near("mysql"), None);
        assert_eq!(keyword(Context::Instance, b"[...]"), None);
        assert_eq!(place(b"auth_pass"), Some(Context::Authentication));
    }
}
