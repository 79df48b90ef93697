//! What stands in the table, as a pure function of the rules. Addresses and interfaces are looked
//! up in sets, so that a packet pays the same for one address as for thousands.

use super::batch::Batch;
use super::words::{
    CHUNK, IPV4, IPV6, Key, NETWORK, TRANSPORT, accept, chain, compare, counter, drop, elements,
    equals, is_in, is_not_in, meta, payload, rule, set, table,
};
use super::{Owner, Rules, Table};
use netlink_packet_netfilter::nftables::{
    Expressions, InetHookNumber, MetaKey, NfTablesMessage, Operator, TableFlags,
};
use rtnetlink::packet_core::{NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Index of `lo` in every network namespace (LOOPBACK_IFINDEX).
const LO: u32 = 1;

const IGMP: u8 = 2;
const ICMPV6: u8 = 58;
const VRRP: u8 = 112;

/// ICMPv6: MLD query, report and done (RFC 2710), router solicitation (RFC 4861), in one range.
const MLD_AND_SOLICITATION: (u8, u8) = (130, 133);
/// ICMPv6: version 2 report (RFC 3810).
const MLD2_REPORT: u8 = 143;
/// ICMPv6: neighbour solicitation and advertisement (RFC 4861).
const NEIGHBOUR: (u8, u8) = (135, 136);

/// Where an IP header has its addresses: offset and length.
const IPV4_DESTINATION: (u32, u32) = (16, 4);
const IPV6_SOURCE: (u32, u32) = (8, 16);
const IPV6_DESTINATION: (u32, u32) = (24, 16);

/// Removes the table with all that is in it. One that has no owner may be there or not: anybody can
/// have removed it.
pub(super) fn remove(batch: &mut Batch, this: &Table) {
    if this.owner == Owner::Nobody {
        batch.add(NfTablesMessage::NewTable(table(&this.name, None)), NLM_F_CREATE);
    }
    batch.add(NfTablesMessage::DeleteTable(table(&this.name, None)), 0);
}

/// Makes the table, which is not there, with its content. The rules are not empty.
pub(super) fn make(batch: &mut Batch, this: &Table, rules: &Rules) {
    let flags = (this.owner == Owner::Socket).then_some(TableFlags::Owner);
    batch.add(NfTablesMessage::NewTable(table(&this.name, flags)), NLM_F_CREATE | NLM_F_EXCL);
    let mut content = Content { batch, table: &this.name, sets: 0 };
    if !rules.no_accept.is_empty() {
        content.input(rules);
    }
    if !rules.quiet.is_empty() {
        content.output(rules);
    }
    if !rules.shut.is_empty() {
        content.forward(rules);
    }
}

struct Content<'a> {
    batch: &'a mut Batch,
    table: &'a str,
    sets: u32,
}

impl Content<'_> {
    fn input(&mut self, rules: &Rules) {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for address in &rules.no_accept {
            match address {
                IpAddr::V4(ip) => v4.push(ip.octets().to_vec()),
                IpAddr::V6(ip) => v6.push(ip.octets().to_vec()),
            }
        }
        self.chain("input", InetHookNumber::LocalIn);
        self.rule("input", vec![meta(MetaKey::Iif), equals(&LO.to_ne_bytes()), accept()]);
        if !v4.is_empty() {
            self.set("no_accept4", Key::Ipv4, &v4);
            let to = address(IPV4, IPV4_DESTINATION, "no_accept4");
            self.rule("input", [to, vec![counter(), drop()]].concat());
        }
        if !v6.is_empty() {
            self.set("no_accept6", Key::Ipv6, &v6);
            let to = address(IPV6, IPV6_DESTINATION, "no_accept6");
            let neighbour = icmpv6(NEIGHBOUR);
            self.rule("input", [to.clone(), neighbour, vec![accept()]].concat());
            self.rule("input", [to, vec![counter(), drop()]].concat());
        }
    }

    fn output(&mut self, rules: &Rules) {
        self.chain("output", InetHookNumber::LocalOut);
        self.set("quiet", Key::Interface, &indexes(&rules.quiet));
        self.rule("output", vec![meta(MetaKey::Oif), is_not_in("quiet"), accept()]);
        let dropped = || vec![counter(), drop()];
        self.rule("output", [protocol(IGMP), dropped()].concat());
        for range in [MLD_AND_SOLICITATION, (MLD2_REPORT, MLD2_REPORT)] {
            self.rule("output", [icmpv6(range), dropped()].concat());
        }
        if rules.borrowed.is_empty() {
            return;
        }
        let borrowed: Vec<_> = rules.borrowed.iter().map(|ip| ip.octets().to_vec()).collect();
        self.set("borrowed", Key::Ipv6, &borrowed);
        let from = address(IPV6, IPV6_SOURCE, "borrowed");
        let solicitation = (NEIGHBOUR.0, NEIGHBOUR.0);
        for passes in [protocol(VRRP), icmpv6(solicitation)] {
            self.rule("output", [from.clone(), passes, vec![accept()]].concat());
        }
        self.rule("output", [from, dropped()].concat());
    }

    fn forward(&mut self, rules: &Rules) {
        self.chain("forward", InetHookNumber::Forward);
        self.set("shut", Key::Interface, &indexes(&rules.shut));
        self.rule("forward", vec![meta(MetaKey::Iif), is_in("shut"), counter(), drop()]);
    }

    fn chain(&mut self, name: &str, hook: InetHookNumber) {
        self.batch.add(chain(self.table, name, hook), NLM_F_CREATE);
    }

    fn rule(&mut self, chain: &str, expressions: Vec<Expressions>) {
        self.batch.add(rule(self.table, chain, expressions), NLM_F_CREATE | NLM_F_APPEND);
    }

    /// `keys` are there, and of one length.
    fn set(&mut self, name: &str, key: Key, keys: &[Vec<u8>]) {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let bytes = keys.first().map_or(0, |key| count(key.len()));
        self.sets = self.sets.saturating_add(1);
        let made = set(self.table, name, self.sets, key, bytes, count(keys.len()));
        self.batch.add(made, NLM_F_CREATE);
        for some in keys.chunks(CHUNK) {
            self.batch.add(elements(self.table, name, some), NLM_F_CREATE);
        }
    }
}

fn indexes(interfaces: &BTreeSet<u32>) -> Vec<Vec<u8>> {
    interfaces.iter().map(|index| index.to_ne_bytes().to_vec()).collect()
}

/// The packet is of `family` and has an address of `set` at that place of its IP header.
fn address(family: u8, (offset, length): (u32, u32), set: &str) -> Vec<Expressions> {
    let family = [meta(MetaKey::Nfproto), equals(&[family])];
    [&family[..], &[payload(NETWORK, offset, length), is_in(set)]].concat()
}

/// Behind whatever extension headers.
fn protocol(number: u8) -> Vec<Expressions> {
    vec![meta(MetaKey::L4Proto), equals(&[number])]
}

/// ICMPv6 with a type from the first to the last.
fn icmpv6((first, last): (u8, u8)) -> Vec<Expressions> {
    let mut all = [protocol(ICMPV6), vec![payload(TRANSPORT, 0, 1)]].concat();
    if first == last {
        all.push(equals(&[first]));
    } else {
        // The spelling is the crate's.
        all.push(compare(Operator::GreatherThanEqual, &[first]));
        all.push(compare(Operator::LessThanEqual, &[last]));
    }
    all
}
