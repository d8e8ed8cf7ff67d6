//! Pure. UIDs and generated names from a seeded generator, so that a run can be repeated.

/// The letters and digits of generated names (no vowels, nothing that looks alike).
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
/// Longest generated name, and the random part of it.
const MAX_BASE: usize = 63 - SUFFIX;
const SUFFIX: usize = 5;

/// A SplitMix64 generator.
#[derive(Clone, Debug)]
pub(crate) struct Ids(u64);

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0.0..1.0`.
    pub(crate) fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A version 4 UUID.
    pub(crate) fn uid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xfff,
            0x8000 | ((b >> 48) & 0x3fff),
            b & 0xffff_ffff_ffff,
        )
    }

    /// A name from a `generateName`.
    pub(crate) fn name(&mut self, base: &str) -> String {
        let cut = base
            .char_indices()
            .map(|(i, c)| i + c.len_utf8())
            .take_while(|e| *e <= MAX_BASE);
        let mut name = base[..cut.last().unwrap_or(0)].to_owned();
        for _ in 0..SUFFIX {
            let at = usize::try_from(self.next() % 27).unwrap_or(0);
            name.push(char::from(ALPHABET[at]));
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_uids_have_their_shape_and_repeat_by_seed() {
        let mut ids = Ids::new(7);
        let uid = ids.uid();
        assert_eq!(uid.len(), 36);
        assert_eq!(&uid[14..15], "4");
        assert_ne!(uid, ids.uid());
        assert_eq!(uid, Ids::new(7).uid());
        assert_eq!(ids.name("a-").len(), 7);
        assert_eq!(ids.name(&"x".repeat(80)).len(), 63);
    }
}
