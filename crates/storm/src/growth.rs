//! Pure. Several reports by their number of objects: what grows with it, and whether evenly.

use std::fmt::Write;

use crate::figures::{Figure, float};
use crate::page;
use crate::phase::Phase;
use crate::plot::{Line, Plot};
use crate::report::Report;

/// What is followed: phase, figure, and how its plot is called.
const FOLLOWED: [(Phase, &str, &str); 14] = [
    (Phase::FirstSync, "secret.max", "All Secrets"),
    (Phase::FirstSync, "ready.max", "All Ready"),
    (
        Phase::FirstSync,
        "requests.mutating",
        "Writes of the first sync",
    ),
    (
        Phase::FirstSync,
        "requests.reading",
        "Reads of the first sync",
    ),
    (
        Phase::FirstSync,
        "backend.calls",
        "Backend calls of the first sync",
    ),
    (
        Phase::FirstSync,
        "controller.cpu",
        "Processor time of the first sync",
    ),
    (
        Phase::FirstSync,
        "controller.memory.peak",
        "Memory after the first sync, peak",
    ),
    (
        Phase::FirstSync,
        "apiserver.cpu",
        "The API server's processor time",
    ),
    (
        Phase::Steady,
        "requests.mutating",
        "Writes of the steady state",
    ),
    (
        Phase::Steady,
        "backend.calls",
        "Backend calls of the steady state",
    ),
    (
        Phase::Steady,
        "controller.cores",
        "Cores in the steady state",
    ),
    (
        Phase::Steady,
        "controller.memory",
        "Memory in the steady state",
    ),
    (
        Phase::RestartTerm,
        "ready.max",
        "A new object after a restart",
    ),
    (
        Phase::RestartTerm,
        "controller.memory.peak",
        "Memory after a restart, peak",
    ),
];

/// Figures over numbers of objects.
#[derive(Debug, Clone, PartialEq)]
pub struct Growth {
    sizes: Vec<usize>,
    rows: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq)]
struct Row {
    phase: Phase,
    figure: &'static str,
    title: &'static str,
    values: Vec<Option<Figure>>,
}

impl Growth {
    /// Orders reports by their number of objects.
    ///
    /// # Errors
    /// When two have the same number, or loads that differ in what does not grow with it.
    pub fn of(reports: &[Report]) -> Result<Self, String> {
        let mut reports: Vec<&Report> = reports.iter().collect();
        reports.sort_by_key(|report| report.setup.objects);
        for two in reports.windows(2) {
            let (a, b) = (&two[0].setup, &two[1].setup);
            if a.objects == b.objects {
                return Err(format!("two reports are of {} objects", a.objects));
            }
            if (&a.controller, &a.api, a.refresh) != (&b.controller, &b.api, b.refresh) {
                return Err(format!(
                    "the runs of {} and {} objects differ in controller, API server or interval",
                    a.objects, b.objects
                ));
            }
        }
        let rows = FOLLOWED.into_iter().map(|(phase, figure, title)| {
            let of = |report: &&Report| report.phase(phase)?.figures.get(figure);
            Row {
                phase,
                figure,
                title,
                values: reports.iter().map(of).collect(),
            }
        });
        Ok(Self {
            sizes: reports.iter().map(|report| report.setup.objects).collect(),
            rows: rows
                .filter(|row| row.values.iter().any(Option::is_some))
                .collect(),
        })
    }

    /// The table for the terminal.
    #[must_use]
    pub fn table(&self) -> String {
        let mut out = format!("{:<40}", "objects");
        for size in &self.sizes {
            push(&mut out, format_args!("{size:>14}"));
        }
        out += "    exponent\n";
        for row in &self.rows {
            let name = format!("{}.{}", row.phase, row.figure);
            push(&mut out, format_args!("{name:<40}"));
            for value in &row.values {
                let shown = value.map_or("-".to_owned(), |figure| figure.to_string());
                push(&mut out, format_args!("{shown:>14}"));
            }
            let exponent = self.exponent(row);
            let exponent = exponent.map_or("-".to_owned(), |it| format!("{it:.2}"));
            push(&mut out, format_args!("{exponent:>12}\n"));
        }
        out + "exponent: of the number of objects, between the least and the most; 1 is linear, \
               0 is independent of it\n"
    }

    /// The page with a plot for each figure.
    #[must_use]
    pub fn page(&self) -> String {
        let mut body = String::from("<h1>Growth with the number of objects</h1>\n");
        for row in &self.rows {
            body += &self.plot(row).svg();
        }
        page::document("Growth", &body)
    }

    fn points<'a>(&'a self, row: &'a Row) -> impl DoubleEndedIterator<Item = (f64, Figure)> + 'a {
        let both = self.sizes.iter().zip(&row.values);
        both.filter_map(|(size, value)| Some((float(*size), (*value)?)))
    }

    /// Each figure, and the line that it would follow from the least size on if it were linear.
    fn plot(&self, row: &Row) -> Plot {
        let points: Vec<(f64, f64)> = self.points(row).map(|(x, it)| (x, it.value)).collect();
        let linear = points.first().map(|(least, value)| {
            let along = |(x, _): &(f64, f64)| (*x, value * x / least);
            points.iter().map(along).collect()
        });
        let line = |name: &str, points| Line {
            name: name.to_owned(),
            points,
        };
        Plot {
            title: row.title.to_owned(),
            unit: format!("{} {}", row.phase, row.figure),
            across: Some(String::new()),
            lines: vec![
                line("linear", linear.unwrap_or_default()),
                line("measured", points),
            ],
            ..Plot::default()
        }
    }

    fn exponent(&self, row: &Row) -> Option<f64> {
        let (least, low) = self.points(row).next()?;
        let (most, high) = self.points(row).next_back()?;
        let exponent = (high.value / low.value).ln() / (most / least).ln();
        exponent.is_finite().then_some(exponent)
    }
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String never fails.
    let _infallible = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Unit;
    use crate::report::tests::report_with;

    fn of(objects: usize, ready: f64) -> Report {
        let mut report = report_with(Phase::FirstSync, "ready.max", ready, Unit::Seconds);
        report.phases[0]
            .figures
            .count("requests.mutating", 2 * objects);
        report.setup.objects = objects;
        report
    }

    #[test]
    fn sizes_are_ordered_and_exponents_told() {
        let growth = Growth::of(&[of(1000, 10.0), of(10, 0.001), of(100, 0.1)]).unwrap();
        let text = growth.table();
        let line = |name: &str| {
            let found = text.lines().find(|line| line.starts_with(name)).unwrap();
            found
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            line("objects"),
            ["objects", "10", "100", "1000", "exponent"]
        );
        let writes = line("first-sync.requests.mutating");
        assert_eq!(writes[1..], ["20", "200", "2000", "1.00"]);
        assert_eq!(line("first-sync.ready.max").last().unwrap(), "2.00");
        assert!(!text.contains("steady"), "{text}");
        let page = growth.page();
        assert!(page.matches("<svg").count() == 2 && !page.contains("NaN"));
    }

    #[test]
    fn what_cannot_be_one_curve_is_refused() {
        let told = Growth::of(&[of(10, 1.0), of(10, 2.0)]).unwrap_err();
        assert_eq!(told, "two reports are of 10 objects");
        let mut other = of(20, 1.0);
        other.setup.api = "cluster".into();
        assert!(Growth::of(&[of(10, 1.0), other]).is_err());
    }
}
