//! The firewall of virtual addresses and virtual MACs: one table of nf_tables, exchanged as a whole
//! in one transaction. Touches no table that is not its own, and runs no program. What stands in
//! the table is decided in `ruleset`; the words of the kernel's language are in `words`.

mod batch;
mod ruleset;
#[cfg(test)]
mod tests;
mod words;

use batch::{Batch, Refused};
use nix::errno::Errno;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

/// What is wanted of the firewall. Empty, there is no table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Packets to these addresses that come in by an interface other than `lo` are dropped without
    /// an answer, but for neighbour solicitations and advertisements (RFC 9568 6.1, Accept_Mode).
    pub(crate) no_accept: BTreeSet<IpAddr>,
    /// Indexes of interfaces by which no membership report (IGMP, MLD) and no router solicitation
    /// leaves: from a BACKUP they would teach switches the virtual MAC at the wrong port.
    pub(crate) quiet: BTreeSet<u32>,
    /// Link-local addresses that the quiet interfaces have copied from their base. From them only
    /// adverts and neighbour solicitations leave there, for the same reason: a BACKUP would answer
    /// for such an address, and answer who asks all nodes.
    pub(crate) borrowed: BTreeSet<Ipv6Addr>,
    /// Indexes of quiet interfaces whose virtual router is not MASTER: what comes in by them for
    /// others is not forwarded (RFC 9568 6.4.2). A switch that has forgotten where the virtual MAC
    /// is sends frames for it to every port.
    pub(crate) shut: BTreeSet<u32>,
}

impl Rules {
    fn is_empty(&self) -> bool {
        self.no_accept.is_empty() && self.quiet.is_empty()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FirewallError {
    #[error("this kernel has no nf_tables for the family inet (CONFIG_NF_TABLES_INET)")]
    NoNfTables,
    #[error(
        "nf_tables may not be changed: needs CAP_NET_ADMIN in the user namespace that owns this \
         network namespace"
    )]
    Denied,
    #[error("nf_tables: tables vipd to vipd{LAST_NAME} belong to others")]
    NoName,
    #[error("nf_tables: {0}")]
    Kernel(Errno),
}

impl From<Errno> for FirewallError {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other errors have no better words")]
    fn from(errno: Errno) -> Self {
        match errno {
            // The socket's family, the subsystem, or the family of the table.
            Errno::EPROTONOSUPPORT | Errno::EOPNOTSUPP | Errno::EAFNOSUPPORT => Self::NoNfTables,
            Errno::EPERM => Self::Denied,
            other => Self::Kernel(other),
        }
    }
}

/// How many other vipd of the same network namespace get out of each other's way.
const LAST_NAME: u32 = 99;

/// Who removes the table when this process is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// The kernel, when the socket closes (NFT_TABLE_F_OWNER, Linux 5.12). Others can neither
    /// change nor flush the table.
    Socket,
    /// Nobody: whatever is called `vipd` is an earlier run's, and is replaced.
    Nobody,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Table {
    name: String,
    owner: Owner,
}

impl Table {
    fn numbered(number: u32) -> Self {
        let name = if number == 0 { "vipd".to_owned() } else { format!("vipd{number}") };
        Self { name, owner: Owner::Socket }
    }
}

/// Opens its socket with the first rule, so that a host without nf_tables serves all else.
#[derive(Debug, Default)]
pub(crate) struct Firewall {
    socket: Option<batch::Socket>,
    /// The table that stands, and what stands in it.
    loaded: Option<(Table, Rules)>,
}

impl Firewall {
    /// Exchanges what is loaded for `rules`; when that fails the old rules stand. At the end of
    /// the daemon the empty rules remove the table, after the addresses.
    ///
    /// # Errors
    /// Those of the kernel, with the usual two in words.
    pub(crate) fn apply(&mut self, rules: &Rules) -> Result<(), FirewallError> {
        match self.loaded.take() {
            Some((table, old)) => {
                let result = if old == *rules { Ok(()) } else { self.exchange(&table, rules) };
                let now = if result.is_ok() { rules.clone() } else { old };
                self.loaded = Some((table, now)).filter(|(_, rules)| !rules.is_empty());
                Ok(result.map_err(|refused| refused.errno)?)
            }
            None if rules.is_empty() => Ok(()),
            None => self.first(rules),
        }
    }

    fn exchange(&mut self, table: &Table, rules: &Rules) -> Result<(), Refused> {
        let mut batch = Batch::new();
        ruleset::remove(&mut batch, table);
        if !rules.is_empty() {
            ruleset::make(&mut batch, table, rules);
        }
        self.send(batch)
    }

    /// Finds a name that no other holds, and whether the kernel knows owners.
    fn first(&mut self, rules: &Rules) -> Result<(), FirewallError> {
        for number in 0..=LAST_NAME {
            let mut table = Table::numbered(number);
            let mut batch = Batch::new();
            ruleset::make(&mut batch, &table, rules);
            let refused = match self.send(batch) {
                Ok(()) => {
                    self.loaded = Some((table, rules.clone()));
                    return Ok(());
                }
                // The table is what the first message is about.
                Err(refused) if refused.at == Batch::FIRST => refused.errno,
                Err(refused) => return Err(refused.errno.into()),
            };
            if matches!(refused, Errno::EINVAL | Errno::EOPNOTSUPP) {
                table.owner = Owner::Nobody;
                return self.first_unowned(table, rules);
            }
            // Another's by its socket, or of nobody's making that we know.
            if !matches!(refused, Errno::EPERM | Errno::EEXIST) {
                return Err(refused.into());
            }
        }
        Err(FirewallError::NoName)
    }

    fn first_unowned(&mut self, table: Table, rules: &Rules) -> Result<(), FirewallError> {
        self.exchange(&table, rules).map_err(|refused| refused.errno)?;
        self.loaded = Some((table, rules.clone()));
        Ok(())
    }

    fn send(&mut self, batch: Batch) -> Result<(), Refused> {
        let socket = match &mut self.socket {
            Some(socket) => socket,
            none @ None => none.insert(batch::Socket::open()?),
        };
        socket.commit(batch)
    }
}
