//! Pure. Budgets: bounds on figures, given on the command line, that make a run a gate.

use std::fmt;
use std::str::FromStr;

use crate::figures::Figure;
use crate::phase::Phase;
use crate::report::Report;

/// One bound, such as `first-sync.ready.p99=30s` or `rotate-one.backend.reads>=1`.
#[derive(Debug, Clone, PartialEq)]
pub struct Budget {
    text: String,
    phase: Phase,
    figure: String,
    at_least: bool,
    bound: f64,
}

/// What became of one budget.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The budget as it was given.
    pub budget: String,
    /// What was measured; `None` when the run did not measure it, which counts as missed.
    pub measured: Option<Figure>,
    /// Whether it holds.
    pub holds: bool,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.holds { "holds" } else { "MISSED" };
        match self.measured {
            Some(figure) => write!(f, "budget {}: {word} ({figure})", self.budget),
            None => write!(f, "budget {}: {word} (not measured)", self.budget),
        }
    }
}

impl Budget {
    /// The phase it is about.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Holds it against a report.
    #[must_use]
    pub fn judge(&self, report: &Report) -> Verdict {
        let phase = report.phases.iter().find(|it| it.phase == self.phase);
        let measured = phase.and_then(|it| it.figures.get(&self.figure));
        let holds = measured.is_some_and(|figure| {
            if self.at_least {
                figure.value >= self.bound
            } else {
                figure.value <= self.bound
            }
        });
        Verdict {
            budget: self.text.clone(),
            measured,
            holds,
        }
    }
}

impl FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = [(">=", true), ("<=", false), ("=", false)]
            .into_iter()
            .find_map(|(sign, at_least)| text.split_once(sign).map(|parts| (parts, at_least)));
        let Some(((path, bound), at_least)) = found else {
            return Err("use PHASE.FIGURE=VALUE or PHASE.FIGURE>=VALUE".to_owned());
        };
        let Some((phase, figure)) = path.split_once('.') else {
            return Err(format!(
                "{path}: use PHASE.FIGURE, such as first-sync.ready.p99"
            ));
        };
        if figure.is_empty() {
            return Err(format!("{path}: the figure's name is missing"));
        }
        Ok(Self {
            text: text.to_owned(),
            phase: phase.parse()?,
            figure: figure.to_owned(),
            at_least,
            bound: value(bound)?,
        })
    }
}

/// A number with a unit: `250ms`, `30s`, `5m`, `2%`, `64MiB`, `400/s` or none.
fn value(text: &str) -> Result<f64, String> {
    const UNITS: [(&str, f64); 8] = [
        ("ms", 0.001),
        ("KiB", 1024.0),
        ("MiB", 1_048_576.0),
        ("GiB", 1_073_741_824.0),
        ("/s", 1.0),
        ("s", 1.0),
        ("m", 60.0),
        ("%", 0.01),
    ];
    let found = UNITS
        .into_iter()
        .find_map(|(unit, factor)| text.strip_suffix(unit).map(|number| (number, factor)));
    let (number, factor) = found.unwrap_or((text, 1.0));
    match number.parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok(number * factor),
        _ => Err(format!(
            "{text}: use a number with ms, s, m, %, KiB, MiB, /s or no unit"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Unit;
    use crate::report::tests::report_with;

    #[test]
    fn values_have_units() {
        let check = |text: &str, expected: f64| assert_eq!(value(text), Ok(expected), "{text}");
        check("250ms", 0.25);
        check("30s", 30.0);
        check("2m", 120.0);
        check("2%", 0.02);
        check("64MiB", 67_108_864.0);
        check("400/s", 400.0);
        check("2.02", 2.02);
        for wrong in ["", "s", "-1", "1x", "NaN", "inf"] {
            assert!(value(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn budgets_are_judged() {
        let report = report_with(Phase::FirstSync, "ready.p99", 12.0, Unit::Seconds);
        let check = |text: &str, holds: bool, measured: bool| {
            let verdict = text.parse::<Budget>().unwrap().judge(&report);
            assert_eq!(
                (verdict.holds, verdict.measured.is_some()),
                (holds, measured),
                "{text}"
            );
        };
        check("first-sync.ready.p99=12s", true, true);
        check("first-sync.ready.p99=11s", false, true);
        check("first-sync.ready.p99>=12s", true, true);
        check("first-sync.ready.p99>=13s", false, true);
        check("first-sync.ready.p98=1m", false, false);
        check("steady.ready.p99=1m", false, false);
    }

    #[test]
    fn wrong_budgets_are_refused() {
        for wrong in [
            "",
            "first-sync",
            "first-sync=1s",
            "nowhere.x=1",
            "steady.=1",
            "steady.x=y",
        ] {
            assert!(wrong.parse::<Budget>().is_err(), "{wrong}");
        }
    }
}
