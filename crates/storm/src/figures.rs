//! Pure. Figures of a phase: numbers with a unit, and the percentiles they are taken from.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a figure counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// A number of things.
    Count,
    /// One number over another.
    Ratio,
    /// Things a second.
    PerSecond,
    /// Bytes.
    Bytes,
}

/// One measured number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The number.
    pub value: f64,
    /// Its unit.
    pub unit: Unit,
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value;
        match self.unit {
            Unit::Seconds if value.abs() < 1.0 => write!(f, "{:.1} ms", value * 1000.0),
            Unit::Seconds => write!(f, "{value:.2} s"),
            Unit::Count => write!(f, "{value:.0}"),
            Unit::Ratio => write!(f, "{value:.4}"),
            Unit::PerSecond => write!(f, "{value:.1}/s"),
            Unit::Bytes => write!(f, "{:.1} MiB", value / 1_048_576.0),
        }
    }
}

/// The figures of one phase by name; names are dotted, such as `ready.p99`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Figures(pub BTreeMap<String, Figure>);

impl Figures {
    /// Sets one.
    pub fn set(&mut self, name: impl Into<String>, value: f64, unit: Unit) {
        // JSON has no infinities: a ratio over nothing is no figure.
        if value.is_finite() {
            self.0.insert(name.into(), Figure { value, unit });
        }
    }

    /// Sets a count.
    pub fn count(&mut self, name: impl Into<String>, value: usize) {
        self.set(name, float(value), Unit::Count);
    }

    /// Sets a time.
    pub fn seconds(&mut self, name: impl Into<String>, value: Duration) {
        self.set(name, value.as_secs_f64(), Unit::Seconds);
    }

    /// Sets one number over another.
    pub fn ratio(&mut self, name: impl Into<String>, value: f64, over: f64) {
        self.set(name, value / over, Unit::Ratio);
    }

    /// Sets `<name>.{p50,p90,p99,max,samples}`; without samples, the last alone.
    pub fn percentiles(&mut self, name: &str, samples: &Samples) {
        self.count(format!("{name}.samples"), samples.len());
        for (part, share) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)] {
            if let Some(value) = samples.percentile(share) {
                self.set(format!("{name}.{part}"), value, Unit::Seconds);
            }
        }
    }

    /// Looks one up.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Figure> {
        self.0.get(name).copied()
    }
}

/// Times in seconds, sorted: percentiles are exact, not binned.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Sorts what was measured; what is no number is left out.
    #[must_use]
    pub fn new(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// Adds those of another measurement.
    pub fn add(&mut self, others: &Self) {
        self.0.extend_from_slice(&others.0);
        self.0.sort_by(f64::total_cmp);
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The smallest sample that at least this share (0 to 1) of all do not exceed.
    #[must_use]
    pub fn percentile(&self, share: f64) -> Option<f64> {
        let last = self.0.len().checked_sub(1)?;
        let rank = (share.clamp(0.0, 1.0) * float(self.0.len())).ceil();
        let rank = rank as usize;
        self.0.get(rank.saturating_sub(1).min(last)).copied()
    }

    /// The sorted values.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.0
    }
}

/// A count as a number to calculate with; counts here stay far below 2^52.
#[must_use]
pub fn float(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples() {
        let samples = Samples::new((1..=100).map(f64::from));
        let check = |share, expected| assert_eq!(samples.percentile(share), Some(expected));
        check(0.0, 1.0);
        check(0.5, 50.0);
        check(0.99, 99.0);
        check(0.991, 100.0);
        check(1.0, 100.0);
        check(7.0, 100.0);
        assert_eq!(Samples::default().percentile(0.5), None);
        let two = Samples::new([2.0, f64::NAN, 1.0]);
        assert_eq!((two.len(), two.percentile(0.5)), (2, Some(1.0)));
    }

    #[test]
    fn figures_print_in_their_unit() {
        let check = |value, unit, expected: &str| {
            assert_eq!(Figure { value, unit }.to_string(), expected);
        };
        check(0.0123, Unit::Seconds, "12.3 ms");
        check(12.3, Unit::Seconds, "12.30 s");
        check(7.0, Unit::Count, "7");
        check(2.0123, Unit::Ratio, "2.0123");
        check(1_048_576.0, Unit::Bytes, "1.0 MiB");
    }

    #[test]
    fn nothing_over_nothing_is_no_figure() {
        let mut figures = Figures::default();
        figures.ratio("a", 1.0, 0.0);
        figures.percentiles("b", &Samples::default());
        assert_eq!(figures.get("a"), None);
        assert_eq!(figures.get("b.p50"), None);
        assert_eq!(figures.get("b.samples").map(|f| f.value), Some(0.0));
    }
}
