//! What the kernel lets through to the engine (classic BPF). Adverts for the routers of the socket
//! pass whole; of what is wrong, or for others, one in eight passes, so that the engine's counters
//! and log still see it at a bounded cost.

use super::paths::PROTOCOL;
use socket2::SockFilter;
use std::collections::{BTreeMap, BTreeSet};
use vipd_types::Vrid;

const LD_B_ABS: u16 = 0x30;
const LD_H_ABS: u16 = 0x28;
const LD_W_ABS: u16 = 0x20;
const LD_B_IND: u16 = 0x50;
const LD_IMM: u16 = 0x00;
const LD_MEM: u16 = 0x60;
const LDX_B_MSH: u16 = 0xb1;
const ST: u16 = 0x02;
const TAX: u16 = 0x07;
const JA: u16 = 0x05;
const JEQ: u16 = 0x15;
const JGE: u16 = 0x35;
const JSET: u16 = 0x45;
const AND: u16 = 0x54;
const RSH: u16 = 0x74;
const RSH_X: u16 = 0x7c;
const RET: u16 = 0x06;
/// SKF_AD_OFF + SKF_AD_RANDOM
const RANDOM: u32 = 0xffff_f000 + 56;
/// SKF_NET_OFF: from here on an offset counts from the IP header.
const NET: u32 = 0xfff0_0000;
const ALL: u32 = 0xffff;

/// What a socket is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// A packet with a lower TTL or Hop Limit is for none of its routers.
    pub(crate) least_ttl: u8,
    pub(crate) vrids: &'a BTreeSet<Vrid>,
}

/// Version 2 or 3, an advert, TTL of at least `least_ttl`, a VRID of ours. On an IPv4 raw socket
/// offset 0 is the IP header; its length is not taken for granted.
pub(super) fn ipv4(wanted: Wanted<'_>) -> Vec<SockFilter> {
    let head = [
        SockFilter::new(LD_B_ABS, 0, 0, 8),                      // 0: TTL
        SockFilter::new(JGE, 0, 5, u32::from(wanted.least_ttl)), // 1: lower -> 7
        SockFilter::new(LDX_B_MSH, 0, 0, 0),                     // 2: X = header length
        SockFilter::new(LD_B_IND, 0, 0, 0),                      // 3: version and type
        SockFilter::new(JEQ, 1, 0, 0x21),                        // 4: version 2 advert -> 6
        SockFilter::new(JEQ, 0, 1, 0x31),                        // 5: version 3 advert -> 6, else 7
    ];
    program(head, SockFilter::new(LD_B_IND, 0, 0, 1), wanted.vrids)
}

/// Version 3, an advert, Hop Limit of at least `least_ttl`, a VRID of ours. On an IPv6 raw socket
/// offset 0 is behind all headers, and nobody tells the engine what stood between: a packet with
/// extension headers, which no advert has, never passes.
pub(super) fn ipv6(wanted: Wanted<'_>) -> Vec<SockFilter> {
    let head = [
        SockFilter::new(LD_B_ABS, 0, 0, NET + 6), // 0: Next Header
        SockFilter::new(JEQ, 0, 8, 112),          // 1: not VRRP -> 10
        SockFilter::new(LD_B_ABS, 0, 0, NET + 7), // 2: Hop Limit
        SockFilter::new(JGE, 0, 3, u32::from(wanted.least_ttl)), // 3: lower -> 7
        SockFilter::new(LD_B_ABS, 0, 0, 0),       // 4: version and type
        SockFilter::new(JEQ, 0, 1, 0x31),         // 5: version 3 advert -> 6, else 7
    ];
    program(head, SockFilter::new(LD_B_ABS, 0, 0, 1), wanted.vrids)
}

/// On a netlink socket: a removed route of ours, and any that replaces another. All that is not
/// about a route passes. A message is in the host's byte order, and the filter reads in the
/// network's.
pub(super) fn route_events() -> Vec<SockFilter> {
    const NEW_ROUTE: u16 = 24;
    const DEL_ROUTE: u16 = 25;
    const REPLACE: u16 = 0x100;
    let host = |number: u16| u32::from(u16::from_be_bytes(number.to_ne_bytes()));
    vec![
        SockFilter::new(LD_H_ABS, 0, 0, 4),              // 0: nlmsg_type
        SockFilter::new(JEQ, 1, 0, host(NEW_ROUTE)),     // 1: -> 3
        SockFilter::new(JEQ, 2, 4, host(DEL_ROUTE)),     // 2: -> 5, others -> 7
        SockFilter::new(LD_H_ABS, 0, 0, 6),              // 3: nlmsg_flags
        SockFilter::new(JSET, 2, 3, host(REPLACE)),      // 4: -> 7, else 8
        SockFilter::new(LD_B_ABS, 0, 0, 16 + 5),         // 5: rtm_protocol
        SockFilter::new(JEQ, 0, 1, u32::from(PROTOCOL)), // 6: -> 7, else 8
        SockFilter::new(RET, 0, 0, u32::MAX),            // 7
        SockFilter::new(RET, 0, 0, 0),                   // 8
    ]
}

/// Both go on alike: 6 is for adverts, 7 for what is wrong, 10 for what never passes. `vrid` loads
/// the second byte of the message; where there is none, the kernel drops the packet.
fn program(head: [SockFilter; 6], vrid: SockFilter, vrids: &BTreeSet<Vrid>) -> Vec<SockFilter> {
    let mut all = Vec::from(head);
    all.push(SockFilter::new(JA, 0, 0, 4)); // 6: -> 11
    all.extend(one_in_eight()); // 7 to 10
    // X = its last five bits, A = its first three.
    all.extend([
        vrid,
        SockFilter::new(ST, 0, 0, 0),
        SockFilter::new(AND, 0, 0, 31),
        SockFilter::new(TAX, 0, 0, 0),
        SockFilter::new(LD_MEM, 0, 0, 0),
        SockFilter::new(RSH, 0, 0, 5),
    ]);
    all.extend(word_of(vrids));
    all.extend([
        SockFilter::new(RSH_X, 0, 0, 0),
        SockFilter::new(JSET, 0, 1, 1),
        SockFilter::new(RET, 0, 0, ALL),
    ]);
    all.extend(one_in_eight());
    all
}

/// The set of `vrids` as a bitmap: replaces the number of a word in A by the word. 255 VRIDs are
/// eight words, and of most sockets all are in one.
fn word_of(vrids: &BTreeSet<Vrid>) -> Vec<SockFilter> {
    let mut words: BTreeMap<u32, u32> = BTreeMap::new();
    for vrid in vrids {
        let vrid = u32::from(vrid.get());
        *words.entry(vrid >> 5).or_default() |= 1 << (vrid & 31);
    }
    // Backwards, because a jump must know how much is behind it: one for the empty word, and three
    // for each of the others.
    let mut all = vec![SockFilter::new(LD_IMM, 0, 0, 0)];
    for ((number, bits), behind) in words.into_iter().zip((1..).step_by(3)) {
        let one = [
            SockFilter::new(JEQ, 0, 2, number),
            SockFilter::new(LD_IMM, 0, 0, bits),
            SockFilter::new(JA, 0, 0, behind),
        ];
        all.splice(0..0, one);
    }
    all
}

fn one_in_eight() -> [SockFilter; 4] {
    [
        SockFilter::new(LD_W_ABS, 0, 0, RANDOM),
        SockFilter::new(JSET, 1, 0, 7), // seven in eight -> the last
        SockFilter::new(RET, 0, 0, ALL),
        SockFilter::new(RET, 0, 0, 0),
    ]
}
