//! Pure. The text that is searched: where it is not UTF-8, each wrong byte is U+FFFD, as in Go.
use std::borrow::Cow;
use std::ops::Range;

use crate::ctx::Ctx;
use crate::error::FuncError;
use crate::runes;

/// Text for the engine, and the way back to the bytes it was made from.
pub(super) struct Text<'t> {
    bytes: &'t [u8],
    text: Cow<'t, str>,
    /// Where the stand-ins of wrong bytes end, each two bytes longer than what it stands for.
    ends: Vec<u32>,
}

impl<'t> Text<'t> {
    /// Takes memory from the budget only where the text has to be made anew.
    pub(super) fn new(ctx: &mut Ctx<'_>, bytes: &'t [u8]) -> Result<Self, FuncError> {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return Ok(Self {
                bytes,
                text: text.into(),
                ends: Vec::new(),
            });
        }
        let wrong = runes::runes(bytes).filter(|rune| rune.char.is_none());
        let wrong = wrong.count();
        ctx.alloc(bytes.len() + 2 * wrong + 4 * wrong)?;
        let mut text = String::with_capacity(bytes.len() + 2 * wrong);
        let mut ends = Vec::with_capacity(wrong);
        for rune in runes::runes(bytes) {
            text.push(rune.value());
            if rune.char.is_none() {
                ends.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
            }
        }
        Ok(Self {
            bytes,
            text: text.into(),
            ends,
        })
    }

    /// What the engine searches.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The bytes that a range of the engine's text stands for.
    pub(super) fn original(&self, range: Range<usize>) -> Range<usize> {
        let back = |at: usize| at - 2 * self.ends.partition_point(|&end| end as usize <= at);
        back(range.start)..back(range.end)
    }

    /// The bytes of a match.
    pub(super) fn bytes(&self, range: Range<usize>) -> &'t [u8] {
        &self.bytes[self.original(range)]
    }
}
