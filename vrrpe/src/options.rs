//! How an instance differs from the RFC's defaults, under the keywords of the configuration, for
//! `show`. Formats only.

use crate::show::seconds;
use serde_json::{Map, Value, json};
use vipd_ipc::slice::InstanceSlice;
use vipd_types::{Checksum, Family, Options, Peer, Version};

/// The options that are not at their default.
pub(crate) fn changed(options: &Options) -> Value {
    let Options {
        preempt_delay,
        down_timer_adverts,
        lower_prio_no_advert,
        higher_prio_send_advert,
        owner_ignore_adverts,
        skip_check_adv_addr,
        drop_adv_addr_mismatch,
        // It has a field of its own.
        checksum: _,
        strict_checksum,
        max_learned_interval,
        unicast_ttl,
    } = *options;
    let default = Options::default();
    let flag = |set: bool| set.then_some(Value::Bool(true));
    let adverts = Some(down_timer_adverts).filter(|n| *n != default.down_timer_adverts);
    let ttl = Some(unicast_ttl).filter(|ttl| *ttl != default.unicast_ttl);
    let all = [
        ("preempt_delay", (!preempt_delay.is_zero()).then(|| seconds(preempt_delay))),
        ("down_timer_adverts", adverts.map(Value::from)),
        ("lower_prio_no_advert", flag(lower_prio_no_advert)),
        ("higher_prio_send_advert", flag(higher_prio_send_advert)),
        ("owner_ignore_adverts", flag(owner_ignore_adverts)),
        ("skip_check_adv_addr", flag(skip_check_adv_addr)),
        ("drop_adv_addr_mismatch", flag(drop_adv_addr_mismatch)),
        ("v3_checksum_strict", flag(strict_checksum)),
        ("max_learned_interval", max_learned_interval.map(seconds)),
        ("unicast_ttl", ttl.map(Value::from)),
    ];
    let set = all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(set.collect::<Map<String, Value>>())
}

/// The form of the checksum where there is a choice.
pub(crate) fn checksum(slice: &InstanceSlice) -> Option<&'static str> {
    match (slice.version, slice.family, slice.options.checksum) {
        (Version::V2, ..) | (Version::V3, Family::V6, _) => None,
        (Version::V3, Family::V4, Checksum::Plain) => Some("plain"),
        (Version::V3, Family::V4, Checksum::Pseudo) => Some("pseudo"),
    }
}

/// The peers that may be more than one hop away.
pub(crate) fn peer_ttl(peers: &[Peer]) -> Vec<Value> {
    let far = peers.iter().filter(|peer| **peer != Peer::new(peer.address));
    far.map(|peer| json!({ "address": peer.address, "min": peer.min_ttl, "max": peer.max_ttl }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn only_what_differs_is_named() {
        assert_eq!(changed(&Options::default()), json!({}));
        let options = Options {
            preempt_delay: Duration::from_millis(1500),
            down_timer_adverts: 5,
            skip_check_adv_addr: true,
            unicast_ttl: 64,
            ..Options::default()
        };
        let expected = json!({
            "preempt_delay": 1.5, "down_timer_adverts": 5, "skip_check_adv_addr": true,
            "unicast_ttl": 64,
        });
        assert_eq!(changed(&options), expected);
    }
}
