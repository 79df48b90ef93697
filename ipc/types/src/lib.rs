//! Numbers and names shared by all processes. Every type here can only be built from a value that
//! is valid, also when it arrives in a message. No text parsing, no messages, no std.
#![no_std]
#![forbid(unsafe_code)]

mod ifname;
mod options;
mod time;
mod word;

pub use ifname::IfName;
pub use options::{Checksum, Options, Peer};
pub use time::Instant;
pub use word::{Family, News, Object, Outcome, State, Version};

use core::fmt;
use core::num::NonZeroU8;
use serde::{Deserialize, Serialize};

/// Virtual Router Identifier, 1 to 255 (RFC 3768 5.3.3, RFC 9568 5.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Vrid(NonZeroU8);

impl Vrid {
    pub const fn get(self) -> u8 {
        self.0.get()
    }
}

impl TryFrom<u8> for Vrid {
    type Error = OutOfRange;
    fn try_from(value: u8) -> Result<Self, OutOfRange> {
        NonZeroU8::new(value).map(Self).ok_or(OutOfRange)
    }
}

impl From<Vrid> for u8 {
    fn from(vrid: Vrid) -> u8 {
        vrid.get()
    }
}

/// A priority a router may compete with: 1 to 254, or 255 for the address owner. The 0 of a
/// good-bye is a packet's business only (RFC 9568 5.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Priority(NonZeroU8);

impl Priority {
    pub const DEFAULT: Self = match NonZeroU8::new(100) {
        Some(value) => Self(value),
        None => unreachable!(),
    };
    pub const OWNER: Self = Self(NonZeroU8::MAX);
    pub const LOWEST: Self = Self(NonZeroU8::MIN);

    pub const fn get(self) -> u8 {
        self.0.get()
    }

    pub const fn is_owner(self) -> bool {
        self.get() == 255
    }

    /// Adds what the trackers contribute; the result stays within 1 to 254, and an owner stays
    /// 255 whatever is tracked (keepalived's rule).
    pub fn adjusted(self, sum: i32) -> Self {
        if self.is_owner() {
            return self;
        }
        let total = i32::from(self.get()).saturating_add(sum).clamp(1, 254);
        u8::try_from(total).ok().and_then(NonZeroU8::new).map_or(self, Self)
    }
}

impl TryFrom<u8> for Priority {
    type Error = OutOfRange;
    fn try_from(value: u8) -> Result<Self, OutOfRange> {
        NonZeroU8::new(value).map(Self).ok_or(OutOfRange)
    }
}

impl From<Priority> for u8 {
    fn from(priority: Priority) -> u8 {
        priority.get()
    }
}

/// What a tracker adds to or takes from the priority: -253 to 253, and for the number in a file, which
/// is multiplied with it, one more. 0 means that failure is a FAULT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(try_from = "i16", into = "i16")]
pub struct Weight(i16);

impl Weight {
    pub const MAX: i16 = 254;

    pub const fn get(self) -> i16 {
        self.0
    }
}

impl TryFrom<i16> for Weight {
    type Error = OutOfRange;
    fn try_from(value: i16) -> Result<Self, OutOfRange> {
        if (-Self::MAX..=Self::MAX).contains(&value) { Ok(Self(value)) } else { Err(OutOfRange) }
    }
}

impl From<Weight> for i16 {
    fn from(weight: Weight) -> i16 {
        weight.0
    }
}

/// Declares a number that one process hands out and all others only repeat.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $inner:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// One virtual router of this daemon. The parent hands the numbers out; an instance keeps its
    /// number over reloads, and a number is never given to another instance.
    InstanceId, u16);
id!(
    /// One tracker: a script, an interface, a process; whoever tracks it. Numbered like instances.
    TrackerId, u16);
id!(
    /// One script of the configuration in the order of the file: the same number in the parent and
    /// in the starter because both read the same bytes.
    ScriptId, u16);
id!(
    /// One `vrrp_track_process` of the configuration in the order of the file.
    ProcessId, u16);
id!(
    /// One `track_file` of the configuration in the order of the file.
    FileId, u16);
id!(
    /// One `vrrp_check` of the configuration in the order of the file.
    CheckId, u16);
id!(
    /// One run of a script.
    RunId, u64);
id!(
    /// One notify command, numbered like scripts.
    NotifyId, u32);
id!(
    /// One FIFO that changes are written to, numbered like scripts.
    FifoId, u8);
id!(
    /// One receive socket: an interface and an address family.
    SocketId, u16);
id!(
    /// One sync group, numbered like instances.
    GroupId, u16);
id!(
    /// One connection to the control socket.
    ClientId, u32);
id!(
    /// One configuration, counted from 1 at start.
    Generation, u32);
id!(
    /// One term as MASTER. Rises with each Acquire of an instance, so that a late answer is seen
    /// to be late.
    Epoch, u64);

/// The value is outside the range of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfRange;

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("value out of range")
    }
}

impl core::error::Error for OutOfRange {}

macro_rules! display_as_number {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.get().fmt(f)
            }
        }
    )*};
}
display_as_number!(Vrid, Priority, Weight);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_no_vrid_and_no_priority() {
        assert_eq!(Vrid::try_from(0), Err(OutOfRange));
        assert_eq!(Priority::try_from(0), Err(OutOfRange));
        assert_eq!(Vrid::try_from(255).map(Vrid::get), Ok(255));
    }

    #[test]
    fn trackers_never_make_an_owner_nor_a_good_bye() {
        let base = Priority::try_from(200).unwrap();
        assert_eq!(base.adjusted(100).get(), 254);
        assert_eq!(base.adjusted(-253).get(), 1);
        assert_eq!(base.adjusted(i32::MIN).get(), 1);
        assert_eq!(Priority::OWNER.adjusted(-100), Priority::OWNER);
    }

    #[test]
    fn weight_has_keepalived_range() {
        assert!(Weight::try_from(254).is_ok() && Weight::try_from(-254).is_ok());
        assert!(Weight::try_from(255).is_err() && Weight::try_from(-255).is_err());
    }
}
