//! Pure. Whose turn it is: lanes share turns in proportion to their weights.

use crate::lane::{LANES, Lane, Weights};

/// Stride scheduling by finish tags: the open lane with the least tag has the turn.
///
/// A lane's tag grows by its stride, the inverse of its weight, at each turn; so the lanes that
/// stay open share turns exactly by weight, in rounds of the sum of the weights. A lane that opens
/// starts one stride after the tag served last: it neither saves up turns nor waits longer than
/// one of its own strides.
#[derive(Debug)]
pub(crate) struct Turns {
    strides: [u64; LANES.len()],
    tags: [Option<u64>; LANES.len()],
    served: u64,
}

impl Turns {
    pub(crate) fn new(weights: Weights) -> Self {
        let weights = weights.0.map(|weight| u128::from(weight.max(1)));
        let common = weights.iter().copied().fold(1, lcm);
        // Five 16-bit weights have a common multiple below 2^80; strides of odd choices are
        // scaled down to 32 bits, which keeps proportions to one in a million.
        let scale = (common >> 32) + 1;
        Self {
            strides: weights
                .map(|weight| u64::try_from(common / weight / scale).unwrap_or(1).max(1)),
            tags: [None; LANES.len()],
            served: 0,
        }
    }

    /// The lane has work now.
    pub(crate) fn open(&mut self, lane: Lane) {
        let tag = &mut self.tags[lane.index()];
        if tag.is_none() {
            *tag = Some(self.served.saturating_add(self.strides[lane.index()]));
        }
    }

    /// The lane has no work any more.
    pub(crate) fn close(&mut self, lane: Lane) {
        self.tags[lane.index()] = None;
    }

    pub(crate) fn any(&self) -> bool {
        self.tags.iter().any(Option::is_some)
    }

    /// The open lane that has the turn, which is counted.
    pub(crate) fn take(&mut self) -> Option<Lane> {
        let (tag, lane) = LANES
            .into_iter()
            .filter_map(|lane| self.tags[lane.index()].map(|tag| (tag, lane)))
            .min()?;
        self.served = tag;
        self.tags[lane.index()] = Some(tag.saturating_add(self.strides[lane.index()]));
        Some(lane)
    }
}

fn lcm(a: u128, b: u128) -> u128 {
    a / gcd(a, b) * b
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}
