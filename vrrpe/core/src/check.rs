//! Checks 10 to 16 of the receive order: is this advert meant for this router, and may it be
//! believed? Judges only; the router counts.

use crate::config::{Auth, Config, Transport};
use crate::encode::interval_secs;
use crate::wire::{Advert, Discard};
use core::net::{IpAddr, Ipv4Addr};
use vipd_types::Version;

/// `own` is the address our adverts leave from.
pub(crate) fn advert(
    config: &Config,
    own: Option<IpAddr>,
    advert: &Advert<'_>,
) -> Result<(), Discard> {
    if advert.vrid != config.vrid {
        return Err(Discard::Vrid);
    }
    match config.version {
        Version::V2 => {}
        Version::V3 => return Err(Discard::Version),
    }
    addresses(config, own, advert)?;
    authentication(&config.auth, advert)?;
    // RFC 3768 7.1: must be the same as the local one.
    if advert.body.interval_secs() != interval_secs(config) {
        return Err(Discard::Interval);
    }
    if config.priority.is_owner() {
        return Err(Discard::Owner);
    }
    Ok(())
}

/// Whether the advert lists the configured addresses, in any order (RFC 3768 7.1, the MAY).
pub(crate) fn same_addresses(config: &Config, advert: &Advert<'_>) -> bool {
    let heard = advert.body.addresses();
    heard.len() == config.addresses.len()
        && heard.map(IpAddr::V4).all(|address| config.addresses.contains(&address))
}

fn addresses(config: &Config, own: Option<IpAddr>, advert: &Advert<'_>) -> Result<(), Discard> {
    let meta = advert.meta;
    let (IpAddr::V4(source), IpAddr::V4(destination)) = (meta.source, meta.destination) else {
        return Err(Discard::Source);
    };
    let (to_us, from_peer) = match &config.transport {
        Transport::Multicast { group } => (meta.destination == *group, true),
        Transport::Unicast { peers, check_source } => (
            is_host(destination),
            !check_source || peers.iter().any(|peer| peer.address == meta.source),
        ),
    };
    if !to_us {
        return Err(Discard::Destination);
    }
    if own == Some(meta.source) {
        return Err(Discard::OwnAddress);
    }
    // A virtual address is a source for its owner only, also in the owner's good-bye.
    let borrowed = config.addresses.contains(&meta.source) && !matches!(advert.priority, 0 | 255);
    if !is_host(source) || !from_peer || borrowed {
        return Err(Discard::Source);
    }
    Ok(())
}

fn is_host(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    first != 0 && first < 224 && !address.is_loopback()
}

fn authentication(ours: &Auth, advert: &Advert<'_>) -> Result<(), Discard> {
    let password = match (ours, advert.body.auth_type()) {
        (Auth::None, 0) => return Ok(()),
        (Auth::Pass(password), 1) => password,
        // RFC 2338 5.3.6: 2 is the IP Authentication Header, more do not exist.
        (Auth::None, 1 | 2) | (Auth::Pass(_), 0 | 2) => return Err(Discard::AuthMismatch),
        (Auth::None | Auth::Pass(_), _) => return Err(Discard::AuthType),
    };
    // All eight bytes always, so that the time tells nothing about the first wrong one.
    let heard = advert.body.auth_data();
    let difference = password.iter().zip(heard).fold(0, |all, (a, b)| all | (a ^ b));
    if core::hint::black_box(difference) == 0 { Ok(()) } else { Err(Discard::AuthFailure) }
}
