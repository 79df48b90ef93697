//! The reverse path filter of the host: `net.ipv4.conf.all.rp_filter` raises that of every
//! interface, so the virtual MACs would have no word in it. While there is one, the other
//! interfaces carry its value instead, and for them nothing changes.

use super::super::sysctl;
use super::VmacError;
use super::setting::{Setting, if_there};
use std::collections::{BTreeMap, BTreeSet};
use vipd_types::Family;

const KEY: &str = "rp_filter";

#[derive(Debug, Default)]
pub(super) struct ReversePath {
    /// What `all` was; 0 while nothing had to be done.
    all: i32,
    /// The interfaces that carry its value, with their own. `default` is for those to come.
    raised: BTreeMap<String, i32>,
}

impl ReversePath {
    /// As the administrator wants it.
    pub(super) fn all(&self) -> Result<i32, VmacError> {
        if self.all == 0 { Setting::v4("all", KEY).get() } else { Ok(self.all) }
    }

    /// Returns whether anything had to be done. `vmacs` are the names of all virtual MACs.
    pub(super) fn hand_down(&mut self, vmacs: &BTreeSet<String>) -> Result<bool, VmacError> {
        let all = Setting::v4("all", KEY);
        let value = all.get()?;
        if value == 0 {
            return Ok(false);
        }
        self.all = value;
        let failed = |error| VmacError::Setting { path: sysctl::folder(Family::V4).into(), error };
        // First: those that were never written follow it, now and when it is put back.
        let default = ["default".to_owned()].into_iter();
        for interface in default.chain(sysctl::interfaces(Family::V4).map_err(failed)?) {
            if interface == "all" || vmacs.contains(&interface) {
                continue;
            }
            let one = Setting::v4(&interface, KEY);
            // Interfaces come and go.
            let Some(own) = if_there(one.get())? else { continue };
            if if_there(one.raise(value))? == Some(true) {
                self.raised.entry(interface).or_insert(own);
            }
        }
        all.set(0)
    }

    pub(super) fn put_back(&mut self) -> Result<(), VmacError> {
        let before = std::mem::take(self);
        let mut result = Setting::v4("all", KEY).put_back(0, before.all);
        for (interface, own) in &before.raised {
            result = result.and(Setting::v4(interface, KEY).put_back(before.all, *own));
        }
        result
    }
}

/// After a crash, when only the value of `all` is known: with it, those that were raised behave as
/// before.
pub(super) fn put_back_all(value: i32) -> Result<(), VmacError> {
    Setting::v4("all", KEY).put_back(0, value)
}
