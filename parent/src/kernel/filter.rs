//! What the kernel lets through to the engine (classic BPF). Adverts pass whole; of what is wrong,
//! one in eight passes, so that the engine's counters and log still see it at a bounded cost.

use super::paths::PROTOCOL;
use socket2::SockFilter;

const LD_B_ABS: u16 = 0x30;
const LD_H_ABS: u16 = 0x28;
const LD_W_ABS: u16 = 0x20;
const LD_B_IND: u16 = 0x50;
const LDX_B_MSH: u16 = 0xb1;
const JEQ: u16 = 0x15;
const JGE: u16 = 0x35;
const JSET: u16 = 0x45;
const AND: u16 = 0x54;
const RET: u16 = 0x06;
/// SKF_AD_OFF + SKF_AD_RANDOM
const RANDOM: u32 = 0xffff_f000 + 56;
/// SKF_NET_OFF: from here on an offset counts from the IP header.
const NET: u32 = 0xfff0_0000;
const ALL: u32 = 0xffff;

/// Version 2 or 3, an advert, TTL of at least `least_ttl`. On an IPv4 raw socket offset 0 is the IP
/// header; its length is not taken for granted.
pub(super) fn ipv4(least_ttl: u8) -> Vec<SockFilter> {
    ending([
        SockFilter::new(LD_B_ABS, 0, 0, 8),               // 0: TTL
        SockFilter::new(JGE, 0, 5, u32::from(least_ttl)), // 1: lower -> 7
        SockFilter::new(LDX_B_MSH, 0, 0, 0),              // 2: X = header length
        SockFilter::new(LD_B_IND, 0, 0, 0),               // 3: version and type
        SockFilter::new(JEQ, 1, 0, 0x21),                 // 4: version 2 advert -> 6
        SockFilter::new(JEQ, 0, 1, 0x31),                 // 5: version 3 advert -> 6, else 7
    ])
}

/// Version 3, an advert, Hop Limit of at least `least_ttl`. On an IPv6 raw socket offset 0 is behind
/// all headers, and nobody tells the engine what stood between: a packet with extension headers,
/// which no advert has, never passes.
pub(super) fn ipv6(least_ttl: u8) -> Vec<SockFilter> {
    ending([
        SockFilter::new(LD_B_ABS, 0, 0, NET + 6), // 0: Next Header
        SockFilter::new(JEQ, 0, 9, 112),          // 1: not VRRP -> 11
        SockFilter::new(LD_B_ABS, 0, 0, NET + 7), // 2: Hop Limit
        SockFilter::new(JGE, 0, 3, u32::from(least_ttl)), // 3: lower -> 7
        SockFilter::new(LD_B_ABS, 0, 0, 0),       // 4: version and type
        SockFilter::new(JEQ, 0, 1, 0x31),         // 5: version 3 advert -> 6, else 7
    ])
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

/// Both end alike: 6 is for adverts, 7 for what is wrong, 11 for what never passes.
fn ending(head: [SockFilter; 6]) -> Vec<SockFilter> {
    let tail = [
        SockFilter::new(RET, 0, 0, ALL),         // 6
        SockFilter::new(LD_W_ABS, 0, 0, RANDOM), // 7
        SockFilter::new(AND, 0, 0, 7),           // 8
        SockFilter::new(JSET, 1, 0, 7),          // 9: seven in eight -> 11
        SockFilter::new(RET, 0, 0, ALL),         // 10
        SockFilter::new(RET, 0, 0, 0),           // 11
    ];
    head.into_iter().chain(tail).collect()
}
