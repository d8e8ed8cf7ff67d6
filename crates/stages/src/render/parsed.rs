//! Pure. Templates as the process reads them: their delimiters, and each source parsed once.

use std::fmt;
use std::sync::Arc;

use gotpl::{Cache, Key, Limits, MissingKey, ParseError, Registry, Template};

/// What parsed templates may take: those of 10,000 objects with a short text each, or some
/// hundred long ones. What falls out is parsed again when it is next due.
const BOUND: usize = 16 << 20;

/// The delimiters of templates, and the templates parsed so far, by the hash of their source.
///
/// Shared by all renders of a process. It keeps sources and trees, never values.
pub struct Templates {
    left: Box<str>,
    right: Box<str>,
    cache: Cache,
}

impl Templates {
    /// For templates between these delimiters; an empty one means `{{` or `}}`.
    #[must_use]
    pub fn new(left: &str, right: &str) -> Self {
        let or = |given: &str, default: &str| -> Box<str> {
            if given.is_empty() { default } else { given }.into()
        };
        Self {
            left: or(left, "{{"),
            right: or(right, "}}"),
            cache: Cache::new(BOUND, Registry::eso(), Limits::default()),
        }
    }

    /// How many sources were parsed so far; executing one again parses nothing.
    #[must_use]
    pub fn parsed(&self) -> u64 {
        self.cache.parsed()
    }

    /// Whether a text has an action at all.
    #[must_use]
    pub fn has_action(&self, source: &[u8]) -> bool {
        let left = self.left.as_bytes();
        source.windows(left.len()).any(|part| part == left)
    }

    /// A text of `target.template`.
    pub(super) fn text(&self, name: &str, source: &[u8]) -> Result<Arc<Template>, ParseError> {
        let key = Key {
            name,
            left: &self.left,
            right: &self.right,
            missing_key: MissingKey::Error,
        };
        self.cache.get(&key, source)
    }

    /// A text of `rewrite.transform`: always between `{{` and `}}`, and a key that is not there
    /// is no error, as for ESO.
    pub(super) fn transform(&self, name: &str, source: &[u8]) -> Result<Arc<Template>, ParseError> {
        let key = Key {
            name,
            left: "",
            right: "",
            missing_key: MissingKey::Invalid,
        };
        self.cache.get(&key, source)
    }
}

impl Default for Templates {
    fn default() -> Self {
        Self::new("", "")
    }
}

/// Two are equal when they read a text the same way, whatever they have parsed so far.
impl PartialEq for Templates {
    fn eq(&self, other: &Self) -> bool {
        self.left == other.left && self.right == other.right
    }
}

impl Eq for Templates {}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Templates({:?}, {:?}, {:?})",
            self.left, self.right, self.cache
        )
    }
}
