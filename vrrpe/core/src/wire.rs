//! VRRP packets: bytes to adverts, adverts to bytes, and the reason for every drop.

use core::net::IpAddr;
use vipd_types::Vrid;

/// What a receive socket knows about a datagram beside its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Meta {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub ttl: u8,
}

/// A well-formed advert: checks 2 to 8 of the receive order are done.
#[derive(Debug, Clone, Copy)]
pub struct Advert<'a> {
    pub meta: Meta,
    pub vrid: Vrid,
    /// 0 is a good-bye.
    pub priority: u8,
    pub body: Body<'a>,
}

#[derive(Debug, Clone, Copy)]
pub struct Body<'a>(pub &'a [u8]);

/// Why a packet was dropped; each reason has a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discard {
    Length,
}
