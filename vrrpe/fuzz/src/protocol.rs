//! The calls into vrrp-core as a driver makes them, and what an advert says in the terms of a
//! configuration. The targets go through here, so that they stay as they are when the core learns
//! more.

use vipd_types::{Checksum, Family, Instant, Options, Priority, Version};
use vrrp_core::wire::{self, Form, MESSAGE_MAX, Meta};
use vrrp_core::{Advert, Auth, Config, Discard, Input, Kind, Router, Transport};

/// As the engine does for the socket of a router so configured.
pub fn decode<'a>(
    message: &'a [u8],
    meta: Meta,
    config: Option<&Config>,
) -> Result<Advert<'a>, Discard> {
    let least_ttl = match config.map(|config| &config.transport) {
        Some(Transport::Unicast { peers, .. }) => peers.iter().map(|peer| peer.min_ttl).min(),
        Some(Transport::Multicast { .. }) | None => None,
    };
    wire::decode(message, meta, least_ttl.unwrap_or(wire::TTL))
}

/// The message a router sends now; `None` only if it has no address to send from.
pub fn encode(router: &Router, kind: Kind, meta: &Meta) -> Option<Vec<u8>> {
    let mut buffer = [0; MESSAGE_MAX];
    let message = router.encode(kind, meta.destination, &mut buffer).map(<[u8]>::to_vec);
    assert!(message.is_some() || router.source().is_none(), "{router:?}");
    message
}

/// The router that would send this advert; `None` if none of ours would.
pub fn sender(advert: &Advert<'_>) -> Option<Router> {
    let auth = match advert.body.auth() {
        None => Auth::None,
        Some((0, data)) if data == [0; 8] => Auth::None,
        Some((1, password)) => Auth::Pass(password),
        Some(_) => return None,
    };
    let checksum = match (advert.version, advert.form) {
        (Version::V2, _) | (Version::V3, Form::Pseudo) => Checksum::Pseudo,
        (Version::V3, Form::Plain) => Checksum::Plain,
        (Version::V3, Form::PseudoMulticast) => return None,
    };
    let config = Config {
        vrid: advert.vrid,
        version: advert.version,
        family: Family::from(&advert.meta.source),
        priority: Priority::try_from(advert.priority).unwrap_or(Priority::DEFAULT),
        advert_int: advert.body.interval(),
        preempt: true,
        fast_handover: true,
        options: Options { checksum, ..Options::default() },
        auth,
        transport: Transport::Multicast { group: advert.meta.destination },
        addresses: advert.body.addresses().collect(),
    };
    let mut router = Router::new(config);
    let link = Input::Link { up: true, source: Some(advert.meta.source) };
    router.step(Instant::from_nanos(0), link);
    (!advert.body.interval().is_zero()).then_some(router)
}
