//! Pure. What a template may cost at most.
use std::fmt;

/// Bounds on parsing and executing one template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of source text.
    pub source_bytes: usize,
    /// Words, signs and texts of the source; each takes some hundred bytes once it is parsed.
    pub tokens: usize,
    /// Depth of parentheses and control structures in the source.
    pub nesting: usize,
    /// Depth of the evaluator: control structures, pipelines and template calls together.
    pub depth: usize,
    /// Depth of lists and maps that are printed, compared, merged, encoded or decoded.
    pub value_depth: usize,
    /// Nodes evaluated, loop rounds, and work of functions in units of some 64 bytes.
    pub steps: u64,
    /// Bytes of strings, lists and maps made during one execution, in sum.
    pub memory_bytes: usize,
    /// Bytes of output.
    pub output_bytes: usize,
    /// Making of keys and stretching of passwords, in units of about a millisecond.
    pub key_work: u32,
}

impl Default for Limits {
    /// Far above every honest template (a Secret holds 1 MiB), and well inside a thread with a
    /// stack of 2 MiB, 64 MiB of memory and one second.
    fn default() -> Self {
        Self {
            source_bytes: 2 << 20,
            tokens: 100_000,
            nesting: 100,
            depth: 400,
            value_depth: 100,
            steps: 1_000_000,
            memory_bytes: 16 << 20,
            output_bytes: 8 << 20,
            key_work: 1000,
        }
    }
}

/// The bound that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::source_bytes`]
    Source,
    /// [`Limits::tokens`]
    Tokens,
    /// [`Limits::nesting`]
    Nesting,
    /// [`Limits::depth`]
    Depth,
    /// [`Limits::value_depth`]
    ValueDepth,
    /// [`Limits::steps`]
    Steps,
    /// [`Limits::memory_bytes`]
    Memory,
    /// [`Limits::output_bytes`]
    Output,
    /// [`Limits::key_work`]
    KeyWork,
    /// The deadline of the caller.
    Deadline,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "template source is too long",
            Self::Tokens => "template source has too many parts",
            Self::Nesting => "template is nested too deeply",
            Self::Depth => "exceeded maximum template depth",
            Self::ValueDepth => "value is nested too deeply",
            Self::Steps => "template takes too many steps",
            Self::Memory => "template makes too much data",
            Self::Output => "template output is too long",
            Self::KeyWork => "template makes too many keys",
            Self::Deadline => "template takes too long",
        })
    }
}
