//! Mutations of inputs, for a brief look without a fuzzer's engine: always the same, from a seed.

/// Makes inputs from inputs.
#[derive(Debug)]
pub struct Mutator {
    state: u64,
    words: &'static [&'static [u8]],
}

/// Inputs do not grow beyond this.
const LONGEST: usize = 4_096;
/// Numbers that lengths and counts go wrong at.
const NUMBERS: [u32; 12] = [0, 1, 3, 4, 5, 8, 0x7f, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_fffb, 0xffff_ffff];

impl Mutator {
    pub fn new(seed: u64, words: &'static [&'static [u8]]) -> Self {
        Self { state: seed, words }
    }

    /// An input that differs from one of the seeds in a few places.
    pub fn next(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut input = self.one_of(seeds).cloned().unwrap_or_default();
        for _ in 0..=self.below(4) {
            self.change(&mut input, seeds);
        }
        input.truncate(LONGEST);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.below(input.len() + 1);
        match self.below(8) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = u8::try_from(self.below(256)).unwrap_or_default(),
            2 => input.truncate(at),
            3 => {
                let end = (at + self.below(16)).min(input.len());
                input.drain(at..end);
            }
            4 => {
                let end = (at + self.below(64)).min(input.len());
                let part = input[at..end].to_vec();
                input.splice(at..at, part);
            }
            5 => {
                let number = NUMBERS[self.below(NUMBERS.len())].to_be_bytes();
                // The last bytes of it are a shorter number.
                let number = &number[self.below(4)..];
                let end = (at + number.len()).min(input.len());
                input.splice(at..end, number.iter().copied());
            }
            6 => {
                if let Some(word) = self.one_of(self.words) {
                    input.splice(at..at, word.iter().copied());
                }
            }
            _ => {
                let other = self.one_of(seeds).cloned().unwrap_or_default();
                let from = self.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
        }
    }

    fn one_of<'t, T>(&mut self, of: &'t [T]) -> Option<&'t T> {
        if of.is_empty() { None } else { of.get(self.below(of.len())) }
    }

    /// A random number (splitmix64) below the bound.
    fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound.max(1) as u64).unwrap_or_default()
    }
}
