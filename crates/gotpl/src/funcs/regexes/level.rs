//! Pure. An open group of an expression: what it costs, and how long its match may be.

#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) fold: bool,
    pub(super) multi_line: bool,
    pub(super) dot_all: bool,
    pub(super) lazy: bool,
}

/// What a repetition operator may stand behind.
pub(super) struct Piece {
    pub(super) cost: u64,
    pub(super) longest: Option<u64>,
    /// The counts of counts inside, multiplied.
    pub(super) repeats: u32,
    pub(super) repeated: bool,
}

/// An open group.
pub(super) struct Level {
    pub(super) flags: Flags,
    pub(super) cost: u64,
    pub(super) repeats: u32,
    /// Bytes of the longest match of the alternatives before this one, and of this one so far.
    pub(super) longest: Option<u64>,
    pub(super) current: Option<u64>,
    pub(super) last: Option<Piece>,
}

impl Level {
    pub(super) fn new(flags: Flags) -> Self {
        Self {
            flags,
            cost: 0,
            repeats: 1,
            longest: Some(0),
            current: Some(0),
            last: None,
        }
    }

    pub(super) fn settle(&mut self) {
        if let Some(piece) = self.last.take() {
            self.cost = self.cost.saturating_add(piece.cost);
            self.repeats = self.repeats.max(piece.repeats);
            let both = self.current.zip(piece.longest);
            self.current = both.map(|(a, b)| a.saturating_add(b));
        }
    }

    pub(super) fn alternative(&mut self) {
        self.settle();
        let both = self.longest.zip(self.current);
        self.longest = both.map(|(a, b)| a.max(b));
        self.current = Some(0);
    }

    pub(super) fn push(&mut self, cost: u64, longest: Option<u64>, repeats: u32) {
        self.settle();
        self.last = Some(Piece {
            cost,
            longest,
            repeats,
            repeated: false,
        });
    }
}
