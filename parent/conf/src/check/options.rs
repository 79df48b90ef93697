//! The keywords that say how a virtual router speaks, in instances and, with `vrrp_` before most of
//! them, as defaults in `global_defs`. Reads them, and settles what is left of them for a router
//! whose version and family are known.

use super::instance::Facts;
use super::value::{decimal, number, one, seconds, show_seconds, switch};
use crate::diagnostic::{Say, Span};
use crate::tree::Item;
use std::time::Duration;
use vipd_types::{Checksum, Family, Options, Version};

/// What is said, and where.
pub(super) type Said<T> = Option<(T, Span)>;

/// What the lines of one block say.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wishes {
    pub(super) preempt_delay: Said<Duration>,
    pub(super) down_timer_adverts: Said<u8>,
    pub(super) lower_prio_no_advert: Said<bool>,
    pub(super) higher_prio_send_advert: Said<bool>,
    pub(super) owner_ignore_adverts: Said<bool>,
    pub(super) skip_check_adv_addr: Said<bool>,
    pub(super) drop_adv_addr_mismatch: Said<bool>,
    pub(super) checksum_as_v2: Said<bool>,
    pub(super) checksum_strict: Said<bool>,
    /// None inside is `off`.
    pub(super) max_learned_interval: Said<Option<Duration>>,
    pub(super) unicast_ttl: Said<u8>,
}

/// Longer than any interval that fits into a VRRPv3 advert is no limit.
const LEARNED: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(10)..=Duration::from_millis(40_950);

impl Wishes {
    /// False if the keyword is none of these.
    pub(super) fn keyword(&mut self, name: &str, item: &Item, say: &mut Say) -> bool {
        let at = item.span();
        let place = match name {
            "preempt_delay" => {
                let most = Duration::from_secs(1000);
                let value = decimal(item, Duration::ZERO..=most, Duration::ZERO, say);
                self.preempt_delay = value.map(|v| (v, at)).or(self.preempt_delay);
                return true;
            }
            "down_timer_adverts" => {
                let value = number(item, 1..=100, 3, say);
                self.down_timer_adverts = value.map(|v| (v, at)).or(self.down_timer_adverts);
                return true;
            }
            "unicast_ttl" => {
                let value = number(item, 1..=255, 255, say);
                self.unicast_ttl = value.map(|v| (v, at)).or(self.unicast_ttl);
                return true;
            }
            "max_learned_interval" => {
                let value = learned(item, say);
                self.max_learned_interval = value.map(|v| (v, at)).or(self.max_learned_interval);
                return true;
            }
            "lower_prio_no_advert" => &mut self.lower_prio_no_advert,
            "higher_prio_send_advert" => &mut self.higher_prio_send_advert,
            "owner_ignore_adverts" => &mut self.owner_ignore_adverts,
            "skip_check_adv_addr" => &mut self.skip_check_adv_addr,
            "drop_adv_addr_mismatch" => &mut self.drop_adv_addr_mismatch,
            "v3_checksum_as_v2" => &mut self.checksum_as_v2,
            "v3_checksum_strict" => &mut self.checksum_strict,
            _ => return false,
        };
        *place = switch(item, say).map(|value| (value, at)).or(*place);
        true
    }

    /// What is said here, else there.
    fn or(&self, defaults: &Self) -> Self {
        Self {
            preempt_delay: self.preempt_delay,
            down_timer_adverts: self.down_timer_adverts.or(defaults.down_timer_adverts),
            lower_prio_no_advert: self.lower_prio_no_advert.or(defaults.lower_prio_no_advert),
            higher_prio_send_advert: self
                .higher_prio_send_advert
                .or(defaults.higher_prio_send_advert),
            owner_ignore_adverts: self.owner_ignore_adverts.or(defaults.owner_ignore_adverts),
            skip_check_adv_addr: self.skip_check_adv_addr.or(defaults.skip_check_adv_addr),
            drop_adv_addr_mismatch: self.drop_adv_addr_mismatch.or(defaults.drop_adv_addr_mismatch),
            checksum_as_v2: self.checksum_as_v2.or(defaults.checksum_as_v2),
            checksum_strict: self.checksum_strict.or(defaults.checksum_strict),
            max_learned_interval: self.max_learned_interval.or(defaults.max_learned_interval),
            unicast_ttl: self.unicast_ttl,
        }
    }

    /// What has no meaning for this router has its default, so that equal routers compare equal.
    pub(super) fn settle(&self, defaults: &Self, facts: &Facts, say: &mut Say) -> Options {
        self.speak_of_idle(facts, say);
        let said = self.or(defaults);
        let v3 = facts.version == Version::V3;
        let two_forms = v3 && facts.family == Family::V4;
        let on = |said: Said<bool>| said.is_some_and(|(on, _)| on);
        let ours = Options::default();
        Options {
            preempt_delay: self.preempt_delay(facts, say),
            down_timer_adverts: said.down_timer_adverts.map_or(ours.down_timer_adverts, |s| s.0),
            lower_prio_no_advert: on(said.lower_prio_no_advert),
            higher_prio_send_advert: on(said.higher_prio_send_advert),
            owner_ignore_adverts: on(said.owner_ignore_adverts),
            skip_check_adv_addr: on(said.skip_check_adv_addr),
            drop_adv_addr_mismatch: !v3 && on(said.drop_adv_addr_mismatch),
            checksum: if two_forms && on(said.checksum_as_v2) {
                Checksum::Plain
            } else {
                Checksum::Pseudo
            },
            strict_checksum: two_forms && on(said.checksum_strict),
            max_learned_interval: v3
                .then(|| longest(said.max_learned_interval, facts, say))
                .flatten(),
            unicast_ttl: said.unicast_ttl.filter(|_| facts.unicast).map_or(255, |s| s.0),
        }
    }

    fn preempt_delay(&self, facts: &Facts, say: &mut Say) -> Duration {
        let Some((delay, at)) = self.preempt_delay else { return Duration::ZERO };
        let why = match (facts.wants_master, facts.preempt) {
            (true, _) if facts.priority.is_owner() => "priority 255",
            (true, _) => "`state MASTER`",
            (false, false) => "`nopreempt`",
            (false, true) => return delay,
        };
        if !delay.is_zero() {
            let message = format!("`preempt_delay` has no effect with {why}, as in keepalived");
            say.warn(at, message, "remove one of the two lines");
        }
        Duration::ZERO
    }

    fn speak_of_idle(&self, facts: &Facts, say: &mut Say) {
        let v3 = facts.version == Version::V3;
        let mut idle = |said: Said<bool>, name: &str, why: &str| {
            if let Some((true, at)) = said {
                say.hint(at, format!("`{name}` has no effect {why}"), "remove it");
            }
        };
        if !v3 || facts.family == Family::V6 {
            let why = "here: only VRRPv3 over IPv4 has two forms of the checksum";
            idle(self.checksum_as_v2, "v3_checksum_as_v2", why);
            idle(self.checksum_strict, "v3_checksum_strict", why);
        }
        if v3 {
            let why =
                "with version 3, which never drops an advert for its addresses (RFC 9568 7.1)";
            idle(self.drop_adv_addr_mismatch, "drop_adv_addr_mismatch", why);
        } else {
            let limit = self.max_learned_interval.filter(|(limit, _)| limit.is_some());
            let why = "with version 2, which learns no interval";
            idle(limit.map(|(_, at)| (true, at)), "max_learned_interval", why);
        }
        if !facts.unicast {
            let ttl = self.unicast_ttl.map(|(_, at)| (true, at));
            idle(ttl, "unicast_ttl", "on multicast, which always has 255");
        }
    }
}

/// `max_learned_interval SECONDS|off`
fn learned(item: &Item, say: &mut Say) -> Option<Option<Duration>> {
    let word = one(item, say)?;
    if word.is("off") {
        return Some(None);
    }
    let value = seconds(word).filter(|value| LEARNED.contains(value));
    if value.is_none() {
        let message = format!(
            "`max_learned_interval` wants 0.01 to 40.95 seconds or `off`, not `{}`: there is no limit",
            word.show()
        );
        say.warn(word.span, message, "write `max_learned_interval 10`, ten times `advert_int`");
    }
    Some(value)
}

/// A limit below our own interval would make a MASTER that is configured as we are look dead.
fn longest(said: Said<Option<Duration>>, facts: &Facts, say: &mut Say) -> Option<Duration> {
    let (limit, at) = said?;
    let limit = limit?;
    if limit < facts.advert_int {
        let message = format!(
            "max_learned_interval {} is below advert_int {}: a MASTER with the same configuration \
             would be taken for dead between two adverts",
            show_seconds(limit),
            show_seconds(facts.advert_int)
        );
        say.error(at, message, "write ten times `advert_int`");
    }
    Some(limit)
}
