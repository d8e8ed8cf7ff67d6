//! Shell. What was asked and answered, line by line: two runs of one seed make one text.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::time::Instant;

/// Every request of every process and every call of a backend. Clones are one tape.
#[derive(Debug, Clone)]
pub struct Tape {
    began: Instant,
    /// None when nobody listens.
    lines: Option<Arc<Mutex<Vec<String>>>>,
}

impl Tape {
    /// One that keeps nothing.
    pub fn blank() -> Self {
        let (began, lines) = (Instant::now(), None);
        Self { began, lines }
    }

    /// One that keeps everything.
    pub fn running() -> Self {
        let (began, lines) = (Instant::now(), Some(Arc::default()));
        Self { began, lines }
    }

    /// Whether anything is kept.
    pub fn is_running(&self) -> bool {
        self.lines.is_some()
    }

    /// Adds what `what` tells, with the virtual time in front.
    pub fn note(&self, what: impl FnOnce() -> String) {
        if let Some(lines) = &self.lines {
            let line = format!("{:?} {}", self.began.elapsed(), what());
            lines.lock().unwrap().push(line);
        }
    }

    /// What was kept.
    pub fn lines(&self) -> Vec<String> {
        let lines = self
            .lines
            .as_ref()
            .map(|lines| lines.lock().unwrap().clone());
        lines.unwrap_or_default()
    }
}

/// One number for all lines.
pub fn digest(lines: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    lines.hash(&mut hasher);
    hasher.finish()
}

/// Panics at the first line in which two runs differ, with what came before it.
pub fn assert_same(what: &str, one: &[String], other: &[String]) {
    if digest(one) == digest(other) {
        return;
    }
    let pairs = one.iter().zip(other);
    let same = pairs.take_while(|(a, b)| a == b).count();
    let before = one[same.saturating_sub(5)..same].join("\n  ");
    let at = |lines: &[String]| lines.get(same).cloned().unwrap_or("the end".to_owned());
    panic!(
        "{what}: of {} and {} lines the first {same} agree, up to\n  {before}\nthen\n  {}\nagainst\n  {}",
        one.len(),
        other.len(),
        at(one),
        at(other)
    );
}

/// A body as one line.
pub fn text(body: &Bytes) -> String {
    String::from_utf8_lossy(body).replace('\n', " ")
}
