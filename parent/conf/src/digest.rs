//! A number for all that a configuration was made from, so that two processes can tell whether they
//! have read the same. FNV-1a: it guards against accidents, not against someone who wants two
//! configurations to look the same.

use std::collections::HashSet;

#[derive(Debug)]
pub(crate) struct Digest {
    value: u64,
    /// What has been added under a name.
    marked: HashSet<Vec<u8>>,
}

impl Default for Digest {
    fn default() -> Self {
        Self { value: 0xcbf2_9ce4_8422_2325, marked: HashSet::new() }
    }
}

impl Digest {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.value = bytes.iter().fold(self.value, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    }

    /// Something beside the main file; each once, whatever it is asked for how often.
    pub(crate) fn mark(&mut self, what: &str, bytes: &[u8]) {
        let whole = [b"\0", what.as_bytes(), b"\0", bytes, b"\0"].concat();
        if !self.marked.contains(&whole) {
            self.add(&whole);
            self.marked.insert(whole);
        }
    }

    pub(crate) fn value(&self) -> u64 {
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(bytes: &[u8]) -> u64 {
        let mut digest = Digest::default();
        digest.add(bytes);
        digest.value()
    }

    #[test]
    fn it_is_fnv_1a() {
        assert_eq!(digest(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(digest(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_mark_counts_once() {
        let mut digest = Digest::default();
        digest.mark("id", b"a");
        let once = digest.value();
        digest.mark("id", b"a");
        assert_eq!(digest.value(), once);
        digest.mark("id", b"b");
        assert_ne!(digest.value(), once);
    }
}
