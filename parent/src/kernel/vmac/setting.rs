//! One setting of an interface, with the virtual MAC's words for what can go wrong.

use super::super::sysctl;
use super::VmacError;
use std::io::{Error, ErrorKind};
use vipd_types::Family;

/// `net.ipv4.conf.INTERFACE.KEY`, or of ipv6; the interface may be `all` or `default`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting<'a> {
    family: Family,
    interface: &'a str,
    key: &'a str,
}

impl<'a> Setting<'a> {
    pub(super) fn v4(interface: &'a str, key: &'a str) -> Self {
        Self { family: Family::V4, interface, key }
    }

    pub(super) fn v6(interface: &'a str, key: &'a str) -> Self {
        Self { family: Family::V6, interface, key }
    }

    pub(super) fn get(self) -> Result<i32, VmacError> {
        sysctl::read(self.family, self.interface, self.key).map_err(|error| self.failed(error))
    }

    /// Also when it is so already: what was never written follows `default`, whoever changes that.
    pub(super) fn write(self, value: i32) -> Result<(), VmacError> {
        let result = sysctl::write(self.family, self.interface, self.key, value);
        result.map_err(|error| self.failed(error))
    }

    /// Returns whether it was another.
    pub(super) fn set(self, value: i32) -> Result<bool, VmacError> {
        if self.get()? == value {
            return Ok(false);
        }
        self.write(value).map(|()| true)
    }

    /// As `set`, but a greater value stays.
    pub(super) fn raise(self, value: i32) -> Result<bool, VmacError> {
        if self.get()? < value { self.set(value) } else { Ok(false) }
    }

    /// The old value, unless somebody has changed what was set here; an interface that is gone took
    /// its settings with it.
    pub(super) fn put_back(self, set: i32, old: i32) -> Result<(), VmacError> {
        let result = match self.get() {
            Ok(now) if now == set && now != old => self.write(old),
            other => other.map(drop),
        };
        if_there(result).map(drop)
    }

    fn failed(self, error: Error) -> VmacError {
        let path = sysctl::path(self.family, self.interface, self.key);
        VmacError::Setting { path, error }
    }
}

/// `None` where there is no such setting.
pub(super) fn if_there<T>(result: Result<T, VmacError>) -> Result<Option<T>, VmacError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(VmacError::Setting { error, .. }) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
