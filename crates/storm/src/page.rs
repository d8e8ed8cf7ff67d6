//! Pure. `report.html`: one file with everything in it, no script, nothing loaded from elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use crate::compare;
use crate::figures::{Figure, Figures, float};
use crate::plot::{Line, Plot, escape};
use crate::process::{Server, Strain};
use crate::report::{Point, Report, Second, Written};

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #16202c; --soft: #6b7280; --line: #d7dce2; --paper: #fff }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e5e9ef; --soft: #9aa4b2; --line: #333c48; --paper: #12171d } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 960px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; margin-bottom: .2rem } h2 { font-size: 1.15rem; margin-top: 2rem }
.soft { color: var(--soft) }
table { border-collapse: collapse; width: 100%; font-size: .9rem }
td, th { text-align: left; padding: .2rem .6rem; border-bottom: 1px solid var(--line) }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
svg { width: 100%; height: auto; margin: .8rem 0; font: 10px system-ui, sans-serif }
svg text { fill: var(--soft) } svg text.title { fill: var(--ink); font-size: 13px }
svg text.legend { fill: revert-layer; font-size: 11px }
svg .tick line { stroke: var(--line); stroke-width: .6 }
svg .mark line { stroke: var(--soft); stroke-dasharray: 2 4; stroke-width: .8 }
svg .level line { stroke: #b91c1c; stroke-dasharray: 6 3 }
svg .level text { fill: #b91c1c; text-anchor: end }
";

/// The page of one run.
#[must_use]
pub fn page(report: &Report) -> String {
    let setup = &report.setup;
    let mut body = format!(
        "<h1>Storm: {}</h1>\n<p class=\"soft\">Run {} began {}. {} ExternalSecrets in {} \
         namespaces, {} keys (one shared by {}), {} nodes with {} Secrets each, refresh {} s; \
         API server: {}; {} cores for everything.</p>\n",
        escape(&setup.controller),
        escape(&setup.run),
        escape(&setup.began),
        setup.objects,
        setup.namespaces,
        setup.keys,
        setup.shared,
        setup.nodes,
        setup.mounts,
        setup.refresh,
        escape(&setup.api),
        setup.cores,
    );
    for note in &report.notes {
        body += &format!("<p><strong>Note:</strong> {}</p>\n", escape(note));
    }
    for plot in plots(report).iter().filter(|plot| !plot.is_empty()) {
        body += &plot.svg();
    }
    for phase in &report.phases {
        let title = format!("{}, {:.1} s", phase.phase, phase.to - phase.from);
        body += &figures(&title, &phase.figures);
    }
    if !report.curve.is_empty() {
        body += &curve(&report.curve);
    }
    if let Some(ceiling) = &report.ceiling {
        body += &figures("The API server's own ceiling (bare loops)", ceiling);
    }
    document(&format!("Storm {}", setup.run), &body)
}

/// The page of two runs: their convergence in one picture, their figures side by side.
#[must_use]
pub fn comparison(a: &Report, b: &Report) -> String {
    let (one, two) = (escape(&a.setup.controller), escape(&b.setup.controller));
    let mut body = format!("<h1>Two storms</h1>\n<p>A: {one}<br>B: {two}</p>\n");
    for difference in compare::differences(&a.setup, &b.setup) {
        let text = escape(&difference);
        body += &format!("<p><strong>The loads differ</strong> in {text}.</p>\n");
    }
    type Of = fn(&Second) -> Option<f64>;
    let shown: [(&str, &str, Of); 4] = [
        ("Secrets with the value wanted", "objects", |s| {
            Some(float(s.secrets))
        }),
        ("Ready", "objects", |s| Some(float(s.ready))),
        ("Backend calls", "a second", |s| Some(f64::from(s.backend))),
        ("An unrelated client's GET, slowest", "seconds", |s| {
            s.slowest
        }),
    ];
    for (title, unit, of) in shown {
        let lines = [("A", a), ("B", b)].map(|(name, report)| line(name, report, of));
        body += &Plot {
            title: title.into(),
            unit: unit.into(),
            lines: lines.into(),
            ..Plot::default()
        }
        .svg();
    }
    body += "<table><tr><th>Phase</th><th>Figure</th><th class=\"n\">A</th>\
             <th class=\"n\">B</th><th class=\"n\">B/A</th></tr>\n";
    for row in compare::rows(a, b) {
        let show = |figure: Option<Figure>| figure.map_or("–".to_owned(), |f| f.to_string());
        let ratio = row
            .ratio()
            .map_or("–".to_owned(), |ratio| format!("{ratio:.2}"));
        body += &format!(
            "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>\
             <td class=\"n\">{ratio}</td></tr>\n",
            escape(&row.phase),
            escape(&row.figure),
            show(row.a),
            show(row.b),
        );
    }
    document("Two storms", &(body + "</table>\n"))
}

pub(crate) fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>{}</title><style>{STYLE}</style></head>\n<body>\n{body}</body></html>\n",
        escape(title)
    )
}

fn figures(title: &str, figures: &Figures) -> String {
    let mut out = format!("<h2>{}</h2>\n<table>\n", escape(title));
    for (name, figure) in &figures.0 {
        let name = escape(name);
        out += &format!("<tr><td>{name}</td><td class=\"n\">{figure}</td></tr>\n");
    }
    out + "</table>\n"
}

fn line(name: &str, report: &Report, of: impl Fn(&Second) -> Option<f64>) -> Line {
    let points = report.seconds.iter().filter_map(|s| Some((s.at, of(s)?)));
    Line {
        name: name.to_owned(),
        points: points.collect(),
    }
}

fn plots(report: &Report) -> Vec<Plot> {
    let marks: Vec<(f64, String)> = report
        .phases
        .iter()
        .map(|phase| (phase.from, phase.phase.name().to_owned()))
        .collect();
    let plot = |title: &str, unit: &str, lines: Vec<Line>| Plot {
        title: title.to_owned(),
        unit: unit.to_owned(),
        across: None,
        lines,
        marks: marks.clone(),
        levels: Vec::new(),
    };
    let mut convergence = vec![
        line("Secrets", report, |s| Some(float(s.secrets))),
        line("Ready", report, |s| Some(float(s.ready))),
    ];
    if report.setup.nodes > 0 {
        convergence.push(line("mounts on nodes", report, |s| Some(float(s.mounts))));
    }
    let mut requests = plot("The controller's requests", "a second", by_request(report));
    requests.levels = levels(report);
    let backend = vec![
        line("calls", report, |s| Some(f64::from(s.backend))),
        line("throttled", report, |s| Some(f64::from(s.throttled))),
    ];
    let latency = vec![
        line("median", report, |s| s.latency),
        line("slowest", report, |s| s.slowest),
    ];
    let mebibyte = 1_048_576.0;
    let memory = move |s: &Second| s.memory.map(|bytes| bytes as f64 / mebibyte);
    vec![
        plot("Objects that have what is wanted", "objects", convergence),
        requests,
        plot("Backend calls", "in 1 s buckets", backend),
        plot("An unrelated client's GET", "seconds", latency),
        plot(
            "Processor time",
            "cores",
            processes(report, |s| s.cpu, |strain| strain.cpu),
        ),
        plot(
            "Memory",
            "MiB",
            processes(report, memory, move |strain| {
                Some(strain.memory as f64 / mebibyte)
            }),
        ),
    ]
}

/// One line for the controller, and one for each other process that was followed.
fn processes(
    report: &Report,
    controller: impl Fn(&Second) -> Option<f64>,
    other: impl Fn(&Strain) -> Option<f64>,
) -> Vec<Line> {
    let followed: BTreeSet<Server> = (report.seconds.iter())
        .flat_map(|second| second.servers.keys().copied())
        .collect();
    let others = followed.into_iter().map(|server| {
        line(server.name(), report, |second: &Second| {
            other(second.servers.get(&server)?)
        })
    });
    std::iter::once(line("controller", report, controller))
        .chain(others)
        .collect()
}

/// What more writes in flight bring, and what they cost an unrelated client.
fn curve(points: &[Point]) -> String {
    let of = |what: Written, name: &str| {
        let mut points: Vec<(f64, f64)> = (points.iter())
            .filter(|point| point.what == what)
            .filter_map(|point| Some((point.rate, point.unrelated? * 1000.0)))
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Line {
            name: name.to_owned(),
            points,
        }
    };
    let plot = Plot {
        title: "An unrelated client's GET, p99, against writes a second".into(),
        unit: "ms over writes a second".into(),
        across: Some(String::new()),
        lines: vec![
            of(Written::Secrets, "Secret creates"),
            of(Written::Statuses, "status writes"),
        ],
        ..Plot::default()
    };
    let mut out = plot.svg();
    out += "<table><tr><th>Bare loop</th><th class=\"n\">in flight</th>\
            <th class=\"n\">a second</th><th class=\"n\">unrelated p99</th>\
            <th class=\"n\">samples</th></tr>\n";
    for point in points {
        let what = match point.what {
            Written::Secrets => "Secret creates",
            Written::Statuses => "status writes",
        };
        let latency = point.unrelated.map_or("–".to_owned(), |latency| {
            format!("{:.1} ms", latency * 1000.0)
        });
        out += &format!(
            "<tr><td>{what}</td><td class=\"n\">{}</td><td class=\"n\">{:.0}</td>\
             <td class=\"n\">{latency}</td><td class=\"n\">{}</td></tr>\n",
            point.width, point.rate, point.samples,
        );
    }
    out + "</table>\n"
}

/// One line for each sort of request, the most frequent first.
fn by_request(report: &Report) -> Vec<Line> {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for (sort, count) in report.seconds.iter().flat_map(|s| &s.requests) {
        *sums.entry(sort).or_default() += u64::from(*count);
    }
    let mut sorts: Vec<(&str, u64)> = sums.into_iter().collect();
    sorts.sort_by_key(|(_, sum)| std::cmp::Reverse(*sum));
    let lines = sorts.into_iter().take(8).map(|(sort, _)| {
        let count = move |s: &Second| s.requests.get(sort).copied().unwrap_or(0);
        line(sort, report, move |s| Some(f64::from(count(s))))
    });
    lines.collect()
}

fn levels(report: &Report) -> Vec<(String, f64)> {
    let Some(ceiling) = &report.ceiling else {
        return Vec::new();
    };
    [
        ("secrets.rate", "bare Secret creates"),
        ("statuses.rate", "bare status writes"),
    ]
    .into_iter()
    .filter_map(|(figure, name)| Some((name.to_owned(), ceiling.get(figure)?.value)))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Unit;
    use crate::phase::Phase;
    use crate::report::tests::report_with;

    #[test]
    fn a_page_holds_plots_and_figures_and_loads_nothing() {
        let mut report = report_with(Phase::FirstSync, "ready.p99", 10.0, Unit::Seconds);
        report.setup.controller = "a <b>".into();
        report.notes.push("audit & more".into());
        let html = page(&report);
        for part in [
            "a &lt;b&gt;",
            "audit &amp; more",
            "ready.p99",
            "create secrets",
            "<svg",
        ] {
            assert!(html.contains(part), "{part}");
        }
        for outside in ["<script", "http:", "https:", "src=", "@import", "url("] {
            assert!(!html.contains(outside), "{outside}");
        }
    }

    #[test]
    fn a_comparison_shows_both() {
        let a = report_with(Phase::FirstSync, "ready.p99", 10.0, Unit::Seconds);
        let b = report_with(Phase::FirstSync, "ready.p99", 5.0, Unit::Seconds);
        let html = comparison(&a, &b);
        assert!(html.contains("10.00 s") && html.contains("5.00 s") && html.contains("0.50"));
        assert_eq!(html.matches("<svg").count(), 4);
    }
}
