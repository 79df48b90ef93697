//! How an interface of ours is known again after a crash: its alias, which the kernel keeps. It
//! names the vipd that made it, by its control socket, and what the settings were before.

use std::path::Path;

const OURS: &str = "vipd";
/// IFALIASZ without its end.
const LONGEST: usize = 255;

/// Settings of the host before the first virtual MAC: of `net.ipv4.conf.BASE`, and `rp_filter` of
/// `net.ipv4.conf.all`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Before {
    pub(super) arp_ignore: i32,
    pub(super) arp_filter: i32,
    pub(super) arp_announce: i32,
    pub(super) rp_filter: i32,
}

/// Which vipd: two on one host have different control sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark(String);

impl Mark {
    pub(crate) fn new(control_socket: &Path) -> Self {
        Self(control_socket.to_string_lossy().into_owned())
    }

    pub(super) fn alias(&self, before: Before) -> String {
        let Before { arp_ignore, arp_filter, arp_announce, rp_filter } = before;
        let head = format!("{OURS} {arp_ignore} {arp_filter} {arp_announce} {rp_filter} ");
        format!("{head}{}", self.within(head.len()))
    }

    /// The values in an alias that this mark made.
    pub(super) fn recognise(&self, alias: &str) -> Option<Before> {
        let mut words = alias.splitn(6, ' ');
        if words.next()? != OURS {
            return None;
        }
        let mut number = || words.next()?.parse().ok();
        let before = Before {
            arp_ignore: number()?,
            arp_filter: number()?,
            arp_announce: number()?,
            rp_filter: number()?,
        };
        let name = words.next()?;
        let head = alias.len().saturating_sub(name.len());
        (name == self.within(head)).then_some(before)
    }

    /// As much as fits behind so many bytes. The end of a path tells more than its start.
    fn within(&self, head: usize) -> &str {
        let surplus = self.0.len().saturating_sub(LONGEST.saturating_sub(head));
        let cut = (surplus..=self.0.len()).find(|at| self.0.is_char_boundary(*at));
        cut.and_then(|at| self.0.get(at..)).unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: Before = Before { arp_ignore: 0, arp_filter: 1, arp_announce: 2, rp_filter: 3 };

    fn mark(path: &str) -> Mark {
        Mark::new(Path::new(path))
    }

    #[test]
    fn only_the_own_alias_is_recognised() {
        let long = format!("/{}/socket with blanks", "å".repeat(200));
        for path in ["/run/vipd/vipd.sock", "/run/a b c", &long] {
            let alias = mark(path).alias(BEFORE);
            assert!(alias.len() <= LONGEST, "{alias}");
            assert_eq!(mark(path).recognise(&alias), Some(BEFORE), "{alias}");
            assert_eq!(mark("/run/vipd/other.sock").recognise(&alias), None, "{alias}");
        }
        for alias in
            ["", "vipd", "vipd 0 0 0 0", "vipd 0 0 0 0 ", "vipd 0 x 0 0 /s", "uplink of rack 7"]
        {
            assert_eq!(mark("/s").recognise(alias), None, "{alias}");
        }
        assert_eq!(mark("/s").alias(BEFORE), "vipd 0 1 2 3 /s");
    }
}
