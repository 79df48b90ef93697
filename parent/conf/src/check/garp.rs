//! Gratuitous ARP and neighbour advertisements: how many, how often, when. The same keywords stand
//! in instances and, with `vrrp_` before them, in `global_defs`.

use super::options::Said;
use super::value::{decimal, number, switch};
use crate::config::Garp;
use crate::diagnostic::Say;
use crate::tree::Item;
use std::ops::RangeInclusive;
use std::time::Duration;

/// What the lines of one block say.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wishes {
    master_delay: Option<Duration>,
    master_repeat: Option<u32>,
    master_refresh: Option<Duration>,
    master_refresh_repeat: Option<u32>,
    pub(super) lower_prio_delay: Said<Duration>,
    pub(super) lower_prio_repeat: Said<u32>,
    interval: Option<Duration>,
    gna_interval: Option<Duration>,
    /// `vrrp_min_garp`
    fewest: bool,
}

/// Packets per address and block.
const REPEAT: RangeInclusive<i64> = 1..=255;
/// Seconds; a day.
const DELAY: RangeInclusive<i64> = 0..=DAY;
const DAY: i64 = 86_400;

impl Wishes {
    /// `name` without `vrrp_`.
    pub(super) fn keyword(&mut self, name: &str, item: &Item, say: &mut Say) {
        match name {
            "garp_master_delay" => self.master_delay = delay(item, 5, say),
            "garp_master_refresh" => self.master_refresh = delay(item, 0, say),
            "garp_master_repeat" => {
                let instead = if item.words.first().is_some_and(|w| w.is("0")) { 1 } else { 5 };
                self.master_repeat = number(item, REPEAT, instead, say);
            }
            "garp_lower_prio_delay" => {
                self.lower_prio_delay = delay(item, 5, say).map(|value| (value, item.span()));
            }
            "garp_lower_prio_repeat" => {
                let value = number(item, 0..=*REPEAT.end(), 5, say);
                self.lower_prio_repeat = value.map(|value| (value, item.span()));
            }
            "garp_interval" => self.interval = gap(item, say),
            "gna_interval" => self.gna_interval = gap(item, say),
            "min_garp" => self.fewest = switch(item, say).unwrap_or(self.fewest),
            _ => self.master_refresh_repeat = number(item, REPEAT, 1, say),
        }
    }

    /// The defaults of all instances. What `garp_lower_prio_…` leaves open is as the master's, what
    /// `vrrp_min_garp` finds open is the least.
    pub(super) fn of_globals(&self) -> Garp {
        let mut garp = Garp::default();
        if self.fewest {
            garp.master_delay = Duration::ZERO;
            garp.master_repeat = 1;
        }
        garp.master_delay = self.master_delay.unwrap_or(garp.master_delay);
        garp.master_repeat = self.master_repeat.unwrap_or(garp.master_repeat);
        garp.lower_prio_delay = garp.master_delay;
        garp.lower_prio_repeat = garp.master_repeat;
        garp.interval = self.interval.unwrap_or(garp.interval);
        garp.gna_interval = self.gna_interval.unwrap_or(garp.gna_interval);
        self.of_instance(garp)
    }

    pub(super) fn of_instance(&self, defaults: Garp) -> Garp {
        let repeat = self.master_refresh_repeat.unwrap_or(defaults.master_refresh_repeat);
        let value = |said: Said<Duration>, open| said.map_or(open, |(value, _)| value);
        Garp {
            master_delay: self.master_delay.unwrap_or(defaults.master_delay),
            master_repeat: self.master_repeat.unwrap_or(defaults.master_repeat),
            master_refresh: self.master_refresh.unwrap_or(defaults.master_refresh),
            master_refresh_repeat: repeat,
            lower_prio_delay: value(self.lower_prio_delay, defaults.lower_prio_delay),
            lower_prio_repeat: self
                .lower_prio_repeat
                .map_or(defaults.lower_prio_repeat, |(value, _)| value),
            interval: defaults.interval,
            gna_interval: defaults.gna_interval,
        }
    }
}

fn delay(item: &Item, instead: u64, say: &mut Say) -> Option<Duration> {
    number(item, DELAY, instead, say).map(Duration::from_secs)
}

/// Seconds between two packets on one interface.
fn gap(item: &Item, say: &mut Say) -> Option<Duration> {
    decimal(item, Duration::ZERO..=Duration::from_secs(100), Duration::ZERO, say)
}
