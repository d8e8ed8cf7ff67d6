//! Pure. Two reports side by side: a table for the terminal.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::figures::{Figure, Figures};
use crate::report::{Report, Setup};

/// One line of the comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Phase, or `ceiling`.
    pub phase: String,
    /// Name of the figure.
    pub figure: String,
    /// The first report's.
    pub a: Option<Figure>,
    /// The second report's.
    pub b: Option<Figure>,
}

impl Row {
    /// The second over the first, where both were measured and the first is not zero.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        let ratio = self.b?.value / self.a?.value;
        ratio.is_finite().then_some(ratio)
    }
}

/// Every figure that at least one of the reports has, in the order of phases and names.
#[must_use]
pub fn rows(a: &Report, b: &Report) -> Vec<Row> {
    let mut rows = Vec::new();
    let empty = Figures::default();
    let phases: BTreeSet<_> = a.phases.iter().chain(&b.phases).map(|p| p.phase).collect();
    for phase in phases {
        let of = |report: &Report| report.phase(phase).map(|it| it.figures.clone());
        let (of_a, of_b) = (of(a).unwrap_or_default(), of(b).unwrap_or_default());
        pair(phase.name(), &of_a, &of_b, &mut rows);
    }
    let (of_a, of_b) = (a.ceiling.as_ref(), b.ceiling.as_ref());
    pair(
        "ceiling",
        of_a.unwrap_or(&empty),
        of_b.unwrap_or(&empty),
        &mut rows,
    );
    rows
}

fn pair(phase: &str, a: &Figures, b: &Figures, rows: &mut Vec<Row>) {
    let names: BTreeSet<&String> = a.0.keys().chain(b.0.keys()).collect();
    rows.extend(names.into_iter().map(|name| Row {
        phase: phase.to_owned(),
        figure: name.clone(),
        a: a.get(name),
        b: b.get(name),
    }));
}

/// What differs in the loads of two runs: figures of different loads say little.
#[must_use]
pub fn differences(a: &Setup, b: &Setup) -> Vec<String> {
    let mut found = Vec::new();
    let numbers = [
        ("objects", a.objects, b.objects),
        ("namespaces", a.namespaces, b.namespaces),
        ("keys", a.keys, b.keys),
        ("shared", a.shared, b.shared),
        ("nodes", a.nodes, b.nodes),
        ("mounts", a.mounts, b.mounts),
        ("cores", a.cores, b.cores),
    ];
    for (name, a, b) in numbers {
        if a != b {
            found.push(format!("{name}: {a} against {b}"));
        }
    }
    if a.refresh != b.refresh {
        found.push(format!("refresh: {}s against {}s", a.refresh, b.refresh));
    }
    if a.api != b.api {
        found.push(format!("API server: {} against {}", a.api, b.api));
    }
    found
}

/// The comparison as text.
#[must_use]
pub fn table(a: &Report, b: &Report) -> String {
    let mut out = String::new();
    let (one, two) = (&a.setup, &b.setup);
    push(
        &mut out,
        format_args!("A: {}, run {}\n", one.controller, one.run),
    );
    push(
        &mut out,
        format_args!("B: {}, run {}\n", two.controller, two.run),
    );
    for difference in differences(one, two) {
        push(&mut out, format_args!("the loads differ in {difference}\n"));
    }
    let mut phase = String::new();
    for row in rows(a, b) {
        if row.phase != phase {
            phase.clone_from(&row.phase);
            push(
                &mut out,
                format_args!("\n{phase:<40} {:>14} {:>14} {:>8}\n", "A", "B", "B/A"),
            );
        }
        let show = |figure: Option<Figure>| figure.map_or("-".to_owned(), |f| f.to_string());
        let ratio = row
            .ratio()
            .map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
        let (a, b) = (show(row.a), show(row.b));
        push(
            &mut out,
            format_args!("  {:<38} {a:>14} {b:>14} {ratio:>8}\n", row.figure),
        );
    }
    out
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String never fails.
    let _infallible = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Unit;
    use crate::phase::Phase;
    use crate::report::tests::report_with;

    #[test]
    fn figures_meet_by_phase_and_name() {
        let a = report_with(Phase::FirstSync, "ready.p99", 10.0, Unit::Seconds);
        let mut b = report_with(Phase::FirstSync, "ready.p99", 5.0, Unit::Seconds);
        b.phases[0].figures.count("writes", 7);
        b.setup.objects = 3;
        let rows = rows(&a, &b);
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].ratio(), Some(0.5));
        assert_eq!((rows[1].a, rows[1].ratio()), (None, None));
        let text = table(&a, &b);
        assert!(
            text.contains("the loads differ in objects: 0 against 3"),
            "{text}"
        );
        assert!(text.contains("10.00 s"), "{text}");
        assert!(text.contains("0.50"), "{text}");
    }
}
