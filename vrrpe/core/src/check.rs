//! What is left of the receive order once the virtual router is known: is this advert meant for it,
//! may it be believed, and what about it is odd? Judges only; the router counts.

use crate::action::Notice;
use crate::config::{Auth, Config, Transport};
use crate::timers::interval;
use crate::wire::{Advert, Discard, TTL};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use vipd_types::{Family, Priority, Version};

/// Checks 9 to 16, before them what needs the configuration of 1, 3 and 8. `own` is the address
/// our adverts leave from, `followed` that of the MASTER whose address list is known already.
pub(crate) fn advert(
    config: &Config,
    own: Option<IpAddr>,
    followed: Option<IpAddr>,
    advert: &Advert<'_>,
) -> Result<(), Discard> {
    let family = Family::from(&advert.meta.source);
    // IPv4 and IPv6 of one VRID are two virtual routers (RFC 9568 5.2.3).
    if advert.vrid != config.vrid || family != config.family {
        return Err(Discard::Vrid);
    }
    transport(&config.transport, advert)?;
    if has_forms(advert) && config.options.strict_checksum && !advert.fits(config.options.checksum)
    {
        return Err(Discard::Checksum);
    }
    if advert.version != config.version {
        return Err(Discard::Version);
    }
    source(config, own, advert)?;
    authentication(&config.auth, advert)?;
    let theirs = advert.body.interval();
    match config.version {
        // RFC 3768 7.1: must be the same as the local one.
        Version::V2 if theirs != interval(config) => return Err(Discard::Interval),
        // RFC 9568 7.1, erratum 8301.
        Version::V3 if theirs.is_zero() => return Err(Discard::Interval),
        Version::V2 | Version::V3 => {}
    }
    if !begins_link_local(advert.body.addresses()) && begins_link_local(config.listed()) {
        return Err(Discard::FirstAddress);
    }
    if config.priority.is_owner() && ignores_adverts(config) {
        return Err(Discard::Owner);
    }
    // RFC 3768 7.1: dropped unless the sender owns the addresses.
    let drops = config.version == Version::V2 && config.options.drop_adv_addr_mismatch;
    if drops && advert.priority != 255 && has_other_list(config, followed, advert) {
        return Err(Discard::AddressList);
    }
    Ok(())
}

/// What is odd about an advert that passed.
pub(crate) fn oddities(
    config: &Config,
    effective: Priority,
    followed: Option<IpAddr>,
    advert: &Advert<'_>,
) -> impl Iterator<Item = Notice> {
    let from = advert.meta.source;
    let theirs = advert.body.interval();
    let says_owner = advert.priority == 255;
    let other_checksum = has_forms(advert) && !advert.fits(config.options.checksum);
    let has_ours = advert.priority == effective.get() && followed != Some(from);
    [
        (theirs != interval(config)).then_some(Notice::Interval { from, theirs }),
        has_other_list(config, followed, advert).then_some(Notice::AddressList { from }),
        other_checksum.then_some(Notice::OtherChecksum { from }),
        (!begins_link_local(advert.body.addresses())).then_some(Notice::FirstAddress { from }),
        (says_owner && !advert.body.addresses().any(|address| address == from))
            .then_some(Notice::NotOwner { from }),
        (says_owner && effective.is_owner()).then_some(Notice::OwnerHeard { from }),
        (has_ours && !says_owner).then_some(Notice::SamePriority { from }),
    ]
    .into_iter()
    .flatten()
}

/// Check 1, and 3 as far as it depends on the peer.
fn transport(ours: &Transport, advert: &Advert<'_>) -> Result<(), Discard> {
    let meta = advert.meta;
    let (to_us, ttl) = match ours {
        Transport::Multicast { group } => (meta.destination == *group, TTL..=TTL),
        Transport::Unicast { peers, .. } => {
            let peer = peers.iter().find(|peer| peer.address == meta.source);
            (is_host(meta.destination), peer.map_or(TTL..=TTL, |peer| peer.min_ttl..=peer.max_ttl))
        }
    };
    if !to_us {
        return Err(Discard::Destination);
    }
    if !ttl.contains(&meta.ttl) {
        return Err(Discard::Ttl);
    }
    Ok(())
}

/// Check 11.
fn source(config: &Config, own: Option<IpAddr>, advert: &Advert<'_>) -> Result<(), Discard> {
    let from = advert.meta.source;
    if own == Some(from) {
        return Err(Discard::OwnAddress);
    }
    let expected = match &config.transport {
        // RFC 9568 5.1.2.1: over IPv6 the link-local address of the interface.
        Transport::Multicast { .. } => from.is_ipv4() || is_link_local(from),
        Transport::Unicast { peers, check_source } => {
            !check_source || peers.iter().any(|peer| peer.address == from)
        }
    };
    // A virtual address is a source for its owner only, also in the owner's good-bye.
    let borrowed = config.addresses.contains(&from) && !matches!(advert.priority, 0 | 255);
    if !is_host(from) || !expected || borrowed {
        return Err(Discard::Source);
    }
    Ok(())
}

fn is_host(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_host_v4(v4),
        IpAddr::V6(v6) => !v6.is_multicast() && !v6.is_unspecified() && !v6.is_loopback(),
    }
}

fn is_host_v4(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    first != 0 && first < 224 && !address.is_loopback()
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if Ipv6Addr::is_unicast_link_local(&v6))
}

/// Whether the first address is as RFC 9568 5.2.9 wants it: any for IPv4, a link-local one for
/// IPv6.
fn begins_link_local(mut list: impl Iterator<Item = IpAddr>) -> bool {
    list.next().is_none_or(|first| first.is_ipv4() || is_link_local(first))
}

/// Only VRRPv3 over IPv4 has more than one form of the checksum.
fn has_forms(advert: &Advert<'_>) -> bool {
    advert.version == Version::V3 && advert.meta.source.is_ipv4()
}

/// RFC 3768 7.1 lets an owner listen to nobody; RFC 9568 7.1 as well, but not its erratum 8298.
fn ignores_adverts(config: &Config) -> bool {
    config.version == Version::V2 || config.options.owner_ignore_adverts
}

/// Compared as sets: the order means nothing to a receiver.
fn has_other_list(config: &Config, followed: Option<IpAddr>, advert: &Advert<'_>) -> bool {
    if config.options.skip_check_adv_addr && followed == Some(advert.meta.source) {
        return false;
    }
    let (ours, theirs) = (config.listed(), advert.body.addresses());
    if ours.clone().eq(theirs.clone()) {
        return false;
    }
    ours.clone().count() != advert.body.count()
        || !are_among(theirs.clone(), &ours)
        || !are_among(ours, &theirs)
}

fn are_among(
    mut these: impl Iterator<Item = IpAddr>,
    those: &(impl Iterator<Item = IpAddr> + Clone),
) -> bool {
    these.all(|this| those.clone().any(|that| that == this))
}

fn authentication(ours: &Auth, advert: &Advert<'_>) -> Result<(), Discard> {
    // VRRPv3 has none.
    let Some((auth_type, heard)) = advert.body.auth() else { return Ok(()) };
    let password = match (ours, auth_type) {
        (Auth::None, 0) => return Ok(()),
        (Auth::Pass(password), 1) => password,
        // RFC 2338 5.3.6: 2 is the IP Authentication Header, more do not exist.
        (Auth::None, 1 | 2) | (Auth::Pass(_), 0 | 2) => return Err(Discard::AuthMismatch),
        (Auth::None | Auth::Pass(_), _) => return Err(Discard::AuthType),
    };
    // All eight bytes always, so that the time tells nothing about the first wrong one.
    let difference = password.iter().zip(heard).fold(0, |all, (a, b)| all | (a ^ b));
    if core::hint::black_box(difference) == 0 { Ok(()) } else { Err(Discard::AuthFailure) }
}
