//! `strict_mode`: what it forces on a router (the tables of keepalived, except where RFC 9568 says
//! the opposite), each with a word about the line that it overrules.

use super::instance::{Draft, Facts};
use super::options::Said;
use crate::diagnostic::{Say, Span};
use std::time::Duration;
use vipd_types::Version;

/// Before the draft is settled. `at` is where strict mode is asked for.
pub(super) fn apply(draft: &mut Draft, facts: &Facts, at: Span, say: &mut Say) {
    let owner = facts.priority.is_owner();
    if let Some((true, line)) = draft.state.filter(|_| !owner) {
        let message =
            "`state MASTER` has no effect in strict_mode: only priority 255 starts as MASTER";
        say.warn(line, message, "write `state BACKUP`");
        draft.state = Some((false, line));
    }
    if facts.unicast {
        let message = "strict_mode knows multicast only: no RFC has unicast peers";
        let place = draft.peers.as_ref().map_or(at, |peers| peers.at);
        say.error(place, message, "remove `unicast_peer` or `strict_mode` (`vrrp_strict`)");
    }
    let wishes = &mut draft.wishes;
    forced(&mut wishes.preempt_delay, Duration::ZERO, "preempt_delay", at, say);
    forced(&mut wishes.down_timer_adverts, 3, "down_timer_adverts", at, say);
    // RFC 3768 6.4.3 discards the lower advert, RFC 9568 6.4.3 answers it. keepalived is silent in
    // both versions.
    let silent = facts.version == Version::V2;
    forced(&mut wishes.lower_prio_no_advert, silent, "lower_prio_no_advert", at, say);
    forced(&mut wishes.higher_prio_send_advert, false, "higher_prio_send_advert", at, say);
    if owner {
        forced(&mut wishes.owner_ignore_adverts, true, "owner_ignore_adverts", at, say);
    }
    let garp = &mut draft.garp;
    forced(&mut garp.lower_prio_repeat, 0, "garp_lower_prio_repeat", at, say);
    forced(&mut garp.lower_prio_delay, Duration::ZERO, "garp_lower_prio_delay", at, say);
    forced(&mut draft.fast_handover, false, "fast_handover", at, say);
    if let Some((_, line)) = draft.vmac.mac.take() {
        let message = "strict_mode knows the RFC's hardware address only: it is used";
        say.warn(line, message, "remove the address");
    }
    if let Some(line) = draft.vmac.xmit_base.take() {
        let message = "`vmac_xmit_base` has no effect in strict_mode";
        say.warn(line, message, "remove the line");
    }
}

/// A line that says something else is overruled.
fn forced<T: PartialEq>(place: &mut Said<T>, value: T, name: &str, at: Span, say: &mut Say) {
    if let Some((_, line)) = place.as_ref().filter(|(said, _)| *said != value) {
        say.warn(*line, format!("`{name}` has no effect in strict_mode"), "remove the line");
    }
    *place = Some((value, at));
}

/// Whether others than the owner answer for the addresses (RFC 9568 6.1, Accept_Mode): with version 2
/// never (RFC 3768 6.4.3), with version 3 if `accept` says so.
pub(super) fn accept(said: Said<bool>, facts: &Facts, at: Span, name: &str, say: &mut Say) -> bool {
    if facts.version == Version::V3 && said.is_some_and(|(accept, _)| accept) {
        return true;
    }
    if let Some((true, line)) = said {
        let message = "`accept` has no effect in strict_mode with version 2 (RFC 3768 6.4.3)";
        say.warn(line, message, "write `version 3` on all nodes, or remove `strict_mode`");
    }
    // Who writes `no_accept` knows.
    if said.is_none_or(|(accept, _)| accept) {
        let message = format!(
            "strict_mode: the addresses of `{name}` ANSWER NOTHING on this node, neither ping nor \
             TCP, because it does not own them (its priority is not 255)"
        );
        let remedy = match facts.version {
            Version::V2 => "remove `strict_mode` (`vrrp_strict`) if a service listens on them",
            Version::V3 => "write `accept` if a service listens on them",
        };
        say.warn(at, message, remedy);
    }
    false
}
