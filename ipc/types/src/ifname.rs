//! The name of a network interface, by the kernel's rules (dev_valid_name): 1 to 15 bytes, no
//! slash, no colon, no white space, neither "." nor "..".

use crate::OutOfRange;
use core::fmt;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "(u8, [u8; 15])", into = "(u8, [u8; 15])")]
pub struct IfName {
    len: u8,
    bytes: [u8; 15],
}

impl IfName {
    pub fn new(name: &[u8]) -> Result<Self, OutOfRange> {
        let forbidden =
            |b: &u8| matches!(b, 0 | b'/' | b':') || b.is_ascii_whitespace() || *b == 11;
        let len = u8::try_from(name.len()).map_err(|_| OutOfRange)?;
        if name.is_empty() || name == b"." || name == b".." || name.iter().any(forbidden) {
            return Err(OutOfRange);
        }
        let mut bytes = [0; 15];
        bytes.get_mut(..name.len()).ok_or(OutOfRange)?.copy_from_slice(name);
        Ok(Self { len, bytes })
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&[])
    }
}

impl TryFrom<(u8, [u8; 15])> for IfName {
    type Error = OutOfRange;
    fn try_from((len, bytes): (u8, [u8; 15])) -> Result<Self, OutOfRange> {
        let (name, rest) = bytes.split_at_checked(usize::from(len)).ok_or(OutOfRange)?;
        if rest.iter().any(|b| *b != 0) { Err(OutOfRange) } else { Self::new(name) }
    }
}

impl From<IfName> for (u8, [u8; 15]) {
    fn from(name: IfName) -> Self {
        (name.len, name.bytes)
    }
}

impl fmt::Display for IfName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_bytes().escape_ascii())
    }
}

impl fmt::Debug for IfName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_kernel() {
        for good in [&b"eth0"[..], b"enp0s25", b"vrrp.51", b"a23456789012345", b"\xc3\xa9"] {
            assert_eq!(IfName::new(good).unwrap().as_bytes(), good);
        }
        for bad in [&b""[..], b".", b"..", b"a/b", b"a:b", b"a b", b"a2345678901234567", b"a\0"] {
            assert!(IfName::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn refuses_a_forged_message() {
        assert!(IfName::try_from((16, [b'a'; 15])).is_err());
        assert!(IfName::try_from((1, *b"ab\0\0\0\0\0\0\0\0\0\0\0\0\0")).is_err());
    }
}
