//! Blind mutation: what libFuzzer does, without looking where an input leads. The same seed makes
//! the same inputs.

/// SplitMix64.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Less than `end`, and 0 if that is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

/// Numbers at which something may end, in little-endian order.
const EDGES: [u64; 10] =
    [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, u64::MAX >> 1, u64::MAX];
/// Longest input, in bytes.
const LONGEST: usize = 9000;

/// One to four changes of an input out of `corpus`.
pub(crate) fn mutated(random: &mut Random, corpus: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = random.pick(corpus).1.clone();
    for _ in 0..=random.below(4) {
        let other = &random.pick(corpus).1;
        change(random, &mut bytes, other);
    }
    bytes.truncate(LONGEST);
    bytes
}

fn change(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = random.below(bytes.len());
    let end = at + random.below((bytes.len() - at).min(40) + 1);
    match random.below(8) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..end)),
        2 => {
            let copy = bytes[at..end].to_vec();
            bytes.splice(at..at, copy);
        }
        // A piece of another input, put in or written over.
        3 | 4 => {
            let from = random.below(other.len());
            let to = from + random.below((other.len() - from).min(60) + 1);
            let over = if random.below(2) == 0 { at } else { (at + to - from).min(bytes.len()) };
            bytes.splice(at..over, other[from..to].iter().copied());
        }
        5 => {
            let width = *random.pick(&[1, 2, 4, 8]);
            let edge = random.pick(&EDGES).to_le_bytes();
            for (place, byte) in bytes.iter_mut().skip(at).zip(edge.into_iter().take(width)) {
                *place = byte;
            }
        }
        _ => {
            let value = u8::try_from(random.below(256)).unwrap();
            match bytes.get_mut(at) {
                Some(byte) if random.below(2) == 0 => *byte ^= 1 << (value & 7),
                Some(byte) => *byte = value,
                None => bytes.push(value),
            }
        }
    }
}
