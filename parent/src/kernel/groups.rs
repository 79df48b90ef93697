//! Membership in multicast groups on behalf of virtual MACs, which may not report any: a switch
//! that listens to reports sends a group where a member's own MAC was seen. Receives nothing.

use super::errno;
use nix::errno::Errno;
use socket2::{Domain, InterfaceIndexOrAddress, Socket, Type};
use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv6Addr};

/// A group, and the index of the interface on which the host is a member.
pub(crate) type Membership = (u32, IpAddr);

#[derive(Debug, Default)]
pub(super) struct Groups {
    sockets: [Option<Socket>; 2],
    joined: BTreeSet<Membership>,
}

impl Groups {
    /// Joins and leaves until the memberships are these. Goes on whatever fails, and returns the
    /// first failure; what failed is tried again with the next call.
    pub(super) fn hold(&mut self, wanted: &BTreeSet<Membership>) -> Result<(), Errno> {
        let mut verdict = Ok(());
        for one in self.joined.clone().difference(wanted) {
            // It fails only when the interface is gone, and the membership with it.
            let _ = self.socket(one.1).and_then(|socket| leave(socket, *one));
            self.joined.remove(one);
        }
        for one in wanted.difference(&self.joined.clone()) {
            match self.socket(one.1).and_then(|socket| join(socket, *one)) {
                Ok(()) => drop(self.joined.insert(*one)),
                Err(error) => verdict = verdict.and(Err(errno(&error))),
            }
        }
        verdict
    }

    /// Of the group's family; opened with its first group.
    fn socket(&mut self, group: IpAddr) -> io::Result<&Socket> {
        let [v4, v6] = &mut self.sockets;
        let (place, domain) = match group {
            IpAddr::V4(_) => (v4, Domain::IPV4),
            IpAddr::V6(_) => (v6, Domain::IPV6),
        };
        match place {
            Some(socket) => Ok(socket),
            none @ None => Ok(none.insert(Socket::new(domain, Type::DGRAM, None)?)),
        }
    }
}

pub(super) fn join(socket: &Socket, (index, group): Membership) -> io::Result<()> {
    match group {
        IpAddr::V4(group) => {
            socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(index))
        }
        IpAddr::V6(group) => socket.join_multicast_v6(&group, index),
    }
}

fn leave(socket: &Socket, (index, group): Membership) -> io::Result<()> {
    match group {
        IpAddr::V4(group) => {
            socket.leave_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(index))
        }
        IpAddr::V6(group) => socket.leave_multicast_v6(&group, index),
    }
}

/// The group to which others send their question who has `ip` (RFC 4291 2.7.1).
pub(crate) fn solicited_node(ip: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = ip.octets();
    Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c])
}

#[cfg(test)]
mod tests {
    use super::super::two_hosts_tests::{Frame, Hosts, PHYSICAL};
    use super::super::{Kernel, Linux};
    use super::*;

    #[test]
    fn solicited_node_is_that_of_the_rfc() {
        let group = solicited_node("4037::1:800:200e:8c6c".parse().unwrap());
        assert_eq!(group, "ff02::1:ff0e:8c6c".parse::<Ipv6Addr>().unwrap());
    }

    /// The groups that a report of the base names and in which way: RFC 3810 5.2.12, RFC 3376 4.2.12.
    fn reported(frame: &Frame, group: IpAddr, record: [u8; 2]) -> bool {
        let (bytes, kinds) = match group {
            IpAddr::V4(ip) => (ip.octets().to_vec(), (2, 0x22)),
            IpAddr::V6(ip) => (ip.octets().to_vec(), (58, 143)),
        };
        // Behind the headers, the hop-by-hop options or the router alert, and the report's own; a
        // record has four bytes before its group.
        let (start, length) = if group.is_ipv4() { (14 + 24 + 8, 8) } else { (14 + 40 + 16, 20) };
        let records = frame.0.get(start..).unwrap_or_default().chunks_exact(length);
        let mut names = records.map(|one| record.contains(&one[0]) && one[4..] == bytes[..]);
        frame.from() == PHYSICAL && frame.protocol() == Some(kinds) && names.any(|it| it)
    }

    #[test]
    fn the_base_reports_what_is_held() {
        let hosts = Hosts::new();
        let groups: [IpAddr; 3] = [
            "239.1.2.3".parse().unwrap(),
            "ff02::12".parse().unwrap(),
            "ff02::1:ff00:100".parse().unwrap(),
        ];
        let mut linux = hosts.near(|| Linux::open().unwrap());
        let wanted = groups.map(|group| (10, group)).into_iter().collect();
        hosts.near(|| linux.hold_groups(&wanted)).unwrap();
        // MODE_IS_EXCLUDE or CHANGE_TO_EXCLUDE of no source: a member.
        for group in groups {
            hosts.wait_frame("a report", |frame| reported(frame, group, [2, 4]));
        }
        hosts.forget();
        hosts.near(|| linux.hold_groups(&wanted)).unwrap();
        let fewer = [(10, groups[1])].into_iter().collect();
        hosts.near(|| linux.hold_groups(&fewer)).unwrap();
        // CHANGE_TO_INCLUDE of no source: no longer.
        for group in [groups[0], groups[2]] {
            hosts.wait_frame("the end", |frame| reported(frame, group, [3, 3]));
        }
        let more = [(10, groups[1]), (4711, groups[1]), (10, groups[0])].into_iter().collect();
        assert_eq!(hosts.near(|| linux.hold_groups(&more)), Err(Errno::ENODEV));
        hosts.wait_frame("a report", |frame| reported(frame, groups[0], [2, 4]));
    }
}
