//! Pure. Steps through DER: one element after another, each of the tag that must stand there.
use super::super::der;
use crate::error::FuncError;

/// What is left to read.
pub(super) struct Walk<'a>(pub(super) &'a [u8]);

/// The one error of malformed stores and wrong passwords, which cannot be told apart.
pub(super) fn bad() -> FuncError {
    "pkcs12: cannot decode: wrong password or malformed".into()
}

impl<'a> Walk<'a> {
    /// The content of the next element.
    pub(super) fn take(&mut self, tag: u8) -> Result<&'a [u8], FuncError> {
        self.optional(tag).ok_or_else(bad)
    }

    /// The next element, to step through.
    pub(super) fn inside(&mut self, tag: u8) -> Result<Walk<'a>, FuncError> {
        self.take(tag).map(Walk)
    }

    /// The content of the next element if it is of this tag.
    pub(super) fn optional(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (content, rest) = der::read(tag, self.0)?;
        self.0 = rest;
        Some(content)
    }

    pub(super) fn is_done(&self) -> bool {
        self.0.is_empty()
    }
}
