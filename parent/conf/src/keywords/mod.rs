//! Every keyword of keepalived.conf and of our own in one table: where it may stand, whether vipd
//! serves it, and what it does (or what does not happen). Reads and decides nothing.

mod balancer;
mod inside;
pub(crate) mod instead;
mod lines;
mod no_effect;
mod not_yet;
mod served;

use std::collections::HashMap;
use std::sync::OnceLock;

/// The block in which a keyword stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    TopLevel,
    Globals,
    Instance,
    Authentication,
    Script,
    Process,
    File,
    Check,
    SyncGroup,
    TrackGroup,
    /// Behind an address of `virtual_ipaddress`.
    AddressLine,
    /// In a line of `virtual_routes`.
    RouteLine,
    /// In a line of `virtual_rules`.
    RuleLine,
    /// Behind an address of `unicast_peer`.
    PeerLine,
    /// Behind a name of `track_script`.
    TrackLine,
    /// Behind `use_vmac`.
    VmacLine,
    TrackFile,
    GarpGroup,
    Bfd,
    Hmac,
    VirtualServer,
    RealServer,
    /// TCP_CHECK, HTTP_GET and so on.
    Checker,
    Url,
    Ssl,
}

impl Context {
    /// The block's own keyword, as users know it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TopLevel => "the top level",
            Self::Globals => "global_defs",
            Self::Instance => "vrrp_instance",
            Self::Authentication => "authentication",
            Self::Script => "vrrp_script",
            Self::Process => "vrrp_track_process",
            Self::File => "track_file",
            Self::Check => "vrrp_check",
            Self::SyncGroup => "vrrp_sync_group",
            Self::TrackGroup => "track_group",
            Self::AddressLine => "virtual_ipaddress",
            Self::RouteLine => "virtual_routes",
            Self::RuleLine => "virtual_rules",
            Self::PeerLine => "unicast_peer",
            Self::TrackLine => "track_script",
            Self::VmacLine => "use_vmac",
            Self::TrackFile => "track_file",
            Self::GarpGroup => "garp_group",
            Self::Bfd => "bfd_instance",
            Self::Hmac => "auth_hmac",
            Self::VirtualServer => "virtual_server",
            Self::RealServer => "real_server",
            Self::Checker => "a check of a real_server",
            Self::Url => "url",
            Self::Ssl => "SSL",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// Does what it says.
    Served,
    /// Nothing depends on it: a hint says why.
    Accepted,
    /// keepalived knows it, vipd does not yet: a warning, the rest of the file counts.
    NotYet,
    /// What it asks for cannot be left out safely: an error.
    Refused,
    /// Of the balancer half: an error, or a warning if that half is not wanted.
    Balancer,
}

/// What follows the keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Nothing but words on its line, or nothing at all.
    Line,
    /// A block.
    Block,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keyword {
    pub name: &'static str,
    pub context: Context,
    pub served: Served,
    pub shape: Shape,
    /// What it does; for `Accepted`, why it has no effect; for the others, what does
    /// not happen.
    pub summary: &'static str,
}

/// The whole table.
pub fn keywords() -> &'static [Keyword] {
    static TABLE: OnceLock<Vec<Keyword>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let one = |row: &Row| {
            let (served, context, shape, names, summary) = *row;
            let make = move |name| Keyword { name, context, served, shape, summary };
            names.split_whitespace().map(make)
        };
        let rows = served::ROWS.iter().chain(no_effect::ROWS).chain(not_yet::ROWS);
        rows.chain(lines::ROWS).chain(inside::ROWS).chain(balancer::ROWS).flat_map(one).collect()
    })
}

pub(crate) fn find(context: Context, name: &[u8]) -> Option<&'static Keyword> {
    type Index = HashMap<(Context, &'static [u8]), &'static Keyword>;
    static INDEX: OnceLock<Index> = OnceLock::new();
    let make = || keywords().iter().map(|k| ((k.context, k.name.as_bytes()), k)).collect();
    INDEX.get_or_init(make).get(&(context, name)).copied()
}

/// Names separated by white space share everything else.
type Row = (Served, Context, Shape, &'static str, &'static str);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_keyword_is_listed_twice() {
        let mut seen = HashMap::new();
        for keyword in keywords() {
            let old = seen.insert((keyword.context, keyword.name), keyword);
            assert!(old.is_none(), "{keyword:?}");
            assert!(!keyword.summary.contains('\n'), "{keyword:?}");
        }
        assert!(seen.len() > 200);
    }
}
