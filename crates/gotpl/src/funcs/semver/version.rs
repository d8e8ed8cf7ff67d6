//! Pure. One semantic version: lenient in parsing, strict in ordering.
use std::cmp::Ordering;
use std::fmt;

use crate::error::FuncError;

/// A version.
#[derive(Clone, Debug, Default)]
pub(super) struct Version {
    pub major: u64,
    pub minor: u64,
    pub patch: u64,
    pub prerelease: String,
    pub metadata: String,
    pub original: String,
}

fn invalid() -> FuncError {
    "Invalid Semantic Version".into()
}

/// The three number parts as written, and prerelease and metadata.
pub(super) struct Parts<'t> {
    pub numbers: [Option<&'t str>; 3],
    pub prerelease: &'t str,
    pub metadata: &'t str,
}

/// Takes a version apart; `number` says what a number part may be.
pub(super) fn split(text: &str, number: fn(&str) -> bool) -> Option<Parts<'_>> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (text, metadata) = text
        .split_once('+')
        .map_or((text, None), |(a, b)| (a, Some(b)));
    let (text, prerelease) = text
        .split_once('-')
        .map_or((text, None), |(a, b)| (a, Some(b)));
    let words = |s: &str| {
        s.split('.').all(|word| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
    };
    if !metadata.is_none_or(words) || !prerelease.is_none_or(words) {
        return None;
    }
    let mut numbers = [None; 3];
    let mut parts = text.split('.');
    for slot in &mut numbers {
        *slot = parts.next();
    }
    if parts.next().is_some() || !numbers.iter().flatten().all(|part| number(part)) {
        return None;
    }
    let (prerelease, metadata) = (prerelease.unwrap_or(""), metadata.unwrap_or(""));
    Some(Parts {
        numbers,
        prerelease,
        metadata,
    })
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

impl Version {
    /// Parses a version: a leading `v` and missing parts are fine.
    pub(super) fn parse(text: &str) -> Result<Self, FuncError> {
        let parts = split(text, digits).ok_or_else(invalid)?;
        let mut numbers = [0; 3];
        for (number, part) in numbers.iter_mut().zip(parts.numbers) {
            let part = part.unwrap_or("0");
            *number = part.parse().map_err(|_| "Error parsing version segment")?;
        }
        let zero = |word: &str| digits(word) && word.len() > 1 && word.starts_with('0');
        if parts.prerelease.split('.').any(zero) {
            return Err("Version segment starts with 0".into());
        }
        let [major, minor, patch] = numbers;
        let (prerelease, metadata) = (parts.prerelease.into(), parts.metadata.into());
        Ok(Self {
            major,
            minor,
            patch,
            prerelease,
            metadata,
            original: text.into(),
        })
    }

    fn plain(&self, major: u64, minor: u64, patch: u64) -> Self {
        let v = if self.original.starts_with('v') {
            "v"
        } else {
            ""
        };
        let original = format!("{v}{major}.{minor}.{patch}");
        Self {
            major,
            minor,
            patch,
            original,
            ..Self::default()
        }
    }

    pub(super) fn next_major(&self) -> Self {
        self.plain(self.major.wrapping_add(1), 0, 0)
    }

    pub(super) fn next_minor(&self) -> Self {
        self.plain(self.major, self.minor.wrapping_add(1), 0)
    }

    /// The patch after a prerelease is the release itself.
    pub(super) fn next_patch(&self) -> Self {
        let step = u64::from(self.prerelease.is_empty());
        self.plain(self.major, self.minor, self.patch.wrapping_add(step))
    }

    /// The order of versions; metadata does not count.
    pub(super) fn cmp(&self, other: &Self) -> Ordering {
        let numbers = |v: &Self| (v.major, v.minor, v.patch);
        numbers(self)
            .cmp(&numbers(other))
            .then_with(|| prerelease_order(&self.prerelease, &other.prerelease))
    }

    /// Whether both are the same in every part.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
            && self.metadata == other.metadata
            && self.original == other.original
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.prerelease.is_empty() {
            write!(f, "-{}", self.prerelease)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

fn prerelease_order(a: &str, b: &str) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) => match (x.parse::<u64>(), y.parse::<u64>()) {
                (Ok(x), Ok(y)) => x.cmp(&y),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => x.cmp(y),
            },
        };
        if order.is_ne() {
            return order;
        }
    }
}
