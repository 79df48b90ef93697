//! Target: a datagram as a raw socket hands it out, IP header and all. Decoding is total; what is
//! behind the end of the datagram does not matter, and anything else does.

use crate::{message, protocol};
use std::net::{IpAddr, Ipv6Addr};
use vipd_types::Version;
use vrrp_core::wire::{self, Meta};
use vrrp_core::{Advert, Discard, Kind, RxCounters};

pub fn run(datagram: &[u8]) {
    // Over IPv6 the socket strips the header and says beside the message what was in it.
    let split = match ipv6(datagram) {
        Some(split) => Ok(split),
        None => {
            padding_is_ignored(datagram);
            wire::ipv4(datagram)
        }
    };
    match split {
        Ok((meta, message)) => {
            check(message, meta);
            // Chance finds no checksum, so the same again with a right one; in which form, the
            // wrong one says.
            let mut sealed = message.to_vec();
            let pseudo = message.get(7).is_some_and(|byte| byte & 1 == 1);
            message::seal(&mut sealed, &meta, pseudo || meta.source.is_ipv6());
            check(&sealed, meta);
        }
        Err(why) => one_counter_moves(why),
    }
}

fn check(message: &[u8], meta: Meta) {
    match protocol::decode(message, meta, None) {
        Ok(advert) => {
            exactly_this_message_is_valid(message, meta);
            what_is_heard_can_be_said(message, &advert);
        }
        Err(why) => one_counter_moves(why),
    }
}

fn ipv6(datagram: &[u8]) -> Option<(Meta, &[u8])> {
    let (header, message) = datagram.split_first_chunk::<40>()?;
    let [first, _, _, _, _, _, next_header, ttl, addresses @ ..] = *header;
    let (source, destination) = addresses.split_first_chunk::<16>()?;
    let destination = destination.first_chunk::<16>()?;
    let address = |octets: [u8; 16]| IpAddr::V6(Ipv6Addr::from(octets));
    let meta = Meta { source: address(*source), destination: address(*destination), ttl };
    (first >> 4 == 6 && next_header == wire::PROTOCOL).then_some((meta, message))
}

fn padding_is_ignored(datagram: &[u8]) {
    let split = wire::ipv4(datagram);
    if let Ok((_, message)) = split {
        assert!(message.len() < datagram.len());
        let padded = [datagram, &[0xa5; 46]].concat();
        assert_eq!(wire::ipv4(&padded), split);
    }
}

/// One byte more, one less, or one bit changed: dropped.
fn exactly_this_message_is_valid(message: &[u8], meta: Meta) {
    let mut other = [message, &[0]].concat();
    assert!(protocol::decode(&other, meta, None).is_err(), "a byte more");
    other.truncate(message.len().saturating_sub(1));
    assert!(protocol::decode(&other, meta, None).is_err(), "a byte less");
    // Where a checksum may have more than one form, there is more than one right value.
    if meta.source.is_ipv4() && message.first() == Some(&0x31) {
        return;
    }
    for at in 0..message.len().min(32) {
        let mut other = message.to_vec();
        if let Some(byte) = other.get_mut(at) {
            *byte ^= 1 << (at & 7);
        }
        assert!(protocol::decode(&other, meta, None).is_err(), "a bit of byte {at}");
    }
}

/// Both zeroes of a checksum are right, and only one of them is sent; so is any value of what is
/// reserved in VRRPv3.
fn what_is_heard_can_be_said(message: &[u8], advert: &Advert<'_>) {
    let Some(router) = protocol::sender(advert) else { return };
    let kind = if advert.priority == 0 { Kind::GoodBye } else { Kind::Advert };
    let Some(said) = protocol::encode(&router, kind, &advert.meta) else { return };
    let is_reserved = |byte: &u8| advert.version == Version::V3 && byte >> 4 != 0;
    if message.get(4).is_some_and(is_reserved) {
        assert_eq!(said.len(), message.len());
        return;
    }
    let one_zero = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        if let Some(checksum) = bytes.get_mut(6..8).filter(|sum| *sum == [0xff, 0xff]) {
            checksum.fill(0);
        }
        bytes
    };
    assert_eq!(one_zero(&said), one_zero(message), "{advert:?}");
}

fn one_counter_moves(why: Discard) {
    let mut socket = RxCounters::default();
    socket.count(why);
    assert_eq!(socket.iter().map(|(_, n)| n).sum::<u64>(), 1, "{why:?}");
}
