//! What virtual MACs are called when the configuration does not say: keepalived's rule, because
//! firewalls and monitoring name these interfaces.

use vipd_types::{Family, IfName, Vrid};

/// Most that an interface's name can have (IFNAMSIZ without its end).
const LONGEST: usize = 15;

/// `PREFIX.VRID`, else the first of `PREFIX1.VRID`, `PREFIX2.VRID` ... that is free; a second
/// choice for IPv6 is `PREFIX6.VRID`. A long prefix is cut. `None` when all are taken, or no
/// interface can be called so.
pub(crate) fn name(
    prefix: &str,
    vrid: Vrid,
    family: Family,
    mut is_taken: impl FnMut(&IfName) -> bool,
) -> Option<IfName> {
    let others = (1..=u8::MAX).filter(|n| family == Family::V4 || *n != 6);
    let second = Some(6).filter(|_| family == Family::V6);
    let numbers = [None].into_iter().chain(second.map(Some)).chain(others.map(Some));
    let mut names = numbers.filter_map(|number| {
        let end = match number {
            None => format!(".{}", vrid.get()),
            Some(number) => format!("{number}.{}", vrid.get()),
        };
        let start = prefix.get(..LONGEST.saturating_sub(end.len())).unwrap_or(prefix);
        IfName::new(format!("{start}{end}").as_bytes()).ok()
    });
    names.find(|name| !is_taken(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(prefix: &str, vrid: u8, family: Family, taken: &[&str]) -> Option<String> {
        let vrid = Vrid::try_from(vrid).unwrap();
        let is_taken = |name: &IfName| taken.iter().any(|t| t.as_bytes() == name.as_bytes());
        name(prefix, vrid, family, is_taken).map(|name| name.to_string())
    }

    #[test]
    fn names_are_those_of_keepalived() {
        use Family::{V4, V6};
        let cases: [(&str, u8, Family, &[&str], &str); 8] = [
            ("vrrp", 51, V4, &[], "vrrp.51"),
            ("vrrp", 51, V4, &["vrrp.51"], "vrrp1.51"),
            ("vrrp", 51, V6, &[], "vrrp.51"),
            ("vrrp", 51, V6, &["vrrp.51"], "vrrp6.51"),
            ("vrrp", 51, V6, &["vrrp.51", "vrrp6.51"], "vrrp1.51"),
            ("vm", 255, V4, &["vm.255", "vm1.255"], "vm2.255"),
            ("averylongprefix", 255, V4, &[], "averylongpr.255"),
            ("averylongprefix", 255, V4, &["averylongpr.255"], "averylongp1.255"),
        ];
        for (prefix, vrid, family, taken, expected) in cases {
            assert_eq!(first(prefix, vrid, family, taken).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_wrong_prefix_is_no_name() {
        assert_eq!(first("a/b", 51, Family::V4, &[]), None);
        assert_eq!(name("vrrp", Vrid::try_from(1).unwrap(), Family::V6, |_| true), None);
    }
}
