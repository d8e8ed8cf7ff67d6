//! Pure. Random bytes for templates, stretched from a seed that the shell draws.

use std::fmt;

use sha3::{Digest, Sha3_256};
use zeroize::Zeroizing;

/// 32 random bytes, used up by one render.
///
/// # Guarantees
/// Zeroized on drop, never printed, and not `Clone`: what is made of one seed is made once.
pub struct Seed(Zeroizing<[u8; 32]>);

impl Seed {
    /// Takes bytes of a cryptographic source; keys and passwords are made of them.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// An endless stream of its own for each pair of numbers.
    pub(super) fn stream(&self, domain: Domain, index: u64) -> Stream<'_> {
        Stream {
            seed: self,
            domain,
            index,
            counter: 0,
            block: Zeroizing::new([0; 32]),
            left: 0,
        }
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(<redacted>)")
    }
}

/// Who draws, so that no two templates see the same bytes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Domain {
    Template = 1,
    Rewrite = 2,
}

/// SHA3-256 in counter mode, keyed by the seed.
pub(super) struct Stream<'a> {
    seed: &'a Seed,
    domain: Domain,
    index: u64,
    counter: u64,
    block: Zeroizing<[u8; 32]>,
    left: usize,
}

impl gotpl::Random for Stream<'_> {
    fn fill(&mut self, buf: &mut [u8]) {
        for byte in buf {
            if self.left == 0 {
                let mut hash = Sha3_256::new();
                hash.update(*self.seed.0);
                hash.update([self.domain as u8]);
                hash.update(self.index.to_le_bytes());
                hash.update(self.counter.to_le_bytes());
                self.block.copy_from_slice(&hash.finalize());
                self.counter += 1;
                self.left = self.block.len();
            }
            *byte = self.block[self.block.len() - self.left];
            self.left -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use gotpl::Random;

    use super::*;

    fn draw(seed: u8, domain: Domain, index: u64) -> [u8; 80] {
        let mut bytes = [0; 80];
        Seed::new([seed; 32]).stream(domain, index).fill(&mut bytes);
        bytes
    }

    #[test]
    fn streams_are_apart_and_repeat_for_the_same_seed() {
        let all = [
            draw(1, Domain::Template, 0),
            draw(2, Domain::Template, 0),
            draw(1, Domain::Template, 1),
            draw(1, Domain::Rewrite, 0),
        ];
        // Every 16 bytes of every stream, none twice: no block repeats within a stream either.
        let parts: BTreeSet<&[u8]> = all.iter().flat_map(|bytes| bytes.chunks(16)).collect();
        assert_eq!(parts.len(), 20);
        assert_eq!(draw(1, Domain::Template, 0), all[0]);
    }

    #[test]
    fn bytes_do_not_depend_on_how_they_are_asked_for() {
        let seed = Seed::new([1; 32]);
        let mut stream = seed.stream(Domain::Template, 0);
        let mut bytes = [0; 80];
        for chunk in bytes.chunks_mut(7) {
            stream.fill(chunk);
        }
        assert_eq!(bytes, draw(1, Domain::Template, 0));
        assert_eq!(format!("{seed:?}"), "Seed(<redacted>)");
    }
}
