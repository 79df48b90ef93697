//! Values out of the bytes of a fuzzer: what is missing at the end reads as zero, so that every
//! input means something and a longer one means the same up to where the shorter one ended.

/// What has not been read yet.
#[derive(Debug, Clone)]
pub struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    /// Bit `n` of the next byte is the `n`th.
    pub fn flags(&mut self) -> [bool; 8] {
        let byte = self.byte();
        std::array::from_fn(|n| {
            byte.checked_shr(u32::try_from(n).unwrap_or(8)).unwrap_or(0) & 1 == 1
        })
    }

    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        for (place, byte) in array.iter_mut().zip(self.take(N)) {
            *place = *byte;
        }
        array
    }

    /// At most `count` of what is left.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub fn rest(&mut self) -> &'a [u8] {
        self.take(usize::MAX)
    }
}
