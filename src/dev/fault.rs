//! Pure. What is wrong with an input: where, what, and what to do about it.

use std::fmt;
use std::sync::Arc;

/// Where a document begins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as the user named it.
    pub file: Arc<str>,
    /// Which document of the file, from 1.
    pub document: usize,
    /// The document's first line, from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            document,
            line,
        } = self;
        if *document > 1 {
            write!(f, "{file}:{line} (document {document})")
        } else {
            write!(f, "{file}:{line}")
        }
    }
}

/// What sort of thing is wrong: it decides what may be done about the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// The text cannot be read: what the file held before stays applied.
    Unreadable,
    /// A kind that nobody serves here.
    Unserved,
    /// Anything else that keeps one object from being applied.
    Refused,
    /// Worth a word, and no failure.
    Note,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The file, and the line where there is one.
    pub at: String,
    /// What is wrong, in one line.
    pub what: String,
    /// What to do about it; may be empty.
    pub cure: String,
    /// What sort of thing it is.
    pub sort: Sort,
}

impl Fault {
    /// A fault without a cure.
    #[must_use]
    pub fn new(sort: Sort, at: impl fmt::Display, what: impl fmt::Display) -> Self {
        Self {
            at: at.to_string(),
            what: one_line(&what.to_string()),
            cure: String::new(),
            sort,
        }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = cure.into();
        self
    }

    /// Whether `--once` must not end well because of it.
    #[must_use]
    pub fn is_failure(&self, skip_unserved: bool) -> bool {
        match self.sort {
            Sort::Unreadable | Sort::Refused => true,
            Sort::Unserved => !skip_unserved,
            Sort::Note => false,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.what)?;
        if self.cure.is_empty() {
            return Ok(());
        }
        write!(f, "; {}", self.cure)
    }
}

/// Folds white space and drops control characters, so that no input can steer a terminal.
#[must_use]
pub fn one_line(text: &str) -> String {
    let words = text.split_whitespace();
    let clean = words.map(|word| word.chars().filter(|c| !c.is_control()).collect::<String>());
    clean.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_one_clean_line() {
        let place = Place {
            file: "a.yaml".into(),
            document: 2,
            line: 7,
        };
        let fault = Fault::new(Sort::Refused, place, "bad\n \x1b[2Jthing").cure("mend it");
        assert_eq!(
            fault.to_string(),
            "a.yaml:7 (document 2): bad [2Jthing; mend it"
        );
    }

    #[test]
    fn an_unserved_kind_may_be_passed_over_and_a_broken_file_may_not() {
        let fails = |sort, skip| Fault::new(sort, "a", "b").is_failure(skip);
        assert!(fails(Sort::Unserved, false) && !fails(Sort::Unserved, true));
        assert!(fails(Sort::Unreadable, true) && fails(Sort::Refused, true));
        assert!(!fails(Sort::Note, false));
    }
}
